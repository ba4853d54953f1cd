#!/bin/sh
# Builds one sample as its developer would, and says something only if that fails.
# usage: build-sample.sh SDK SPHERULE SOURCE WORK CERTIFICATE TARGET
# CERTIFICATE gets the signer's, for devices that another SPHERULE_HOME made: `spherule trust add`.
set -eu
export AzureSphereDefaultSDKDir="$1"
spherule=$2 source=$3 work=$4 certificate=$5 target=$6

# Signed with the key of whoever builds, so that their devices trust the packages from the start; where
# that person has no home to write to, with a key in the build tree.
if [ -z "${SPHERULE_HOME:-}" ]; then
    if [ "$(id -u)" -eq 0 ]; then
        SPHERULE_HOME=/var/lib/spherule
    else
        SPHERULE_HOME=${XDG_DATA_HOME:-${HOME:-/nonexistent}/.local/share}/spherule
    fi
    if ! mkdir -p "$SPHERULE_HOME" 2>/dev/null || [ ! -w "$SPHERULE_HOME" ]; then
        SPHERULE_HOME=$(dirname "$certificate")/home
    fi
fi
export SPHERULE_HOME

mkdir -p "$work"
log=$work/build.log
if ! (cd "$source" && cmake --preset release -B "$work" "-DSPHERULE_PROGRAM=$spherule" \
    "-DSPHERULE_TARGET=$target" &&
    cmake --build "$work") >"$log" 2>&1; then
    cat "$log"
    exit 1
fi
# By a name of its own: samples are built side by side, and each brings the same file.
cp "$SPHERULE_HOME/sdk/sdk-development-certificate.pem" "$certificate.$$"
mv "$certificate.$$" "$certificate"
