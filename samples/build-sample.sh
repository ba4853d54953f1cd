#!/bin/sh
# Builds one sample as its developer would, and says something only if that fails.
# usage: build-sample.sh SDK SPHERULE SOURCE WORK CERTIFICATE
# CERTIFICATE gets the signer's, for devices that another SPHERULE_HOME made: `spherule trust add`.
set -eu
export AzureSphereDefaultSDKDir="$1"
spherule=$2 source=$3 work=$4 certificate=$5
mkdir -p "$work"
log=$work/build.log
if ! (cd "$source" && cmake --preset release -B "$work" "-DSPHERULE_PROGRAM=$spherule" &&
    cmake --build "$work") >"$log" 2>&1; then
    cat "$log"
    exit 1
fi

# Where the spherule command keeps the key that it signs with.
if [ "$(id -u)" -eq 0 ]; then
    home=/var/lib/spherule
else
    home=${XDG_DATA_HOME:-$HOME/.local/share}/spherule
fi
cp "${SPHERULE_HOME:-$home}/sdk/sdk-development-certificate.pem" "$certificate"
