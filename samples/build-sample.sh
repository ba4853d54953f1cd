#!/bin/sh
# Builds one sample as its developer would, and says something only if that fails.
# usage: build-sample.sh SDK SPHERULE SOURCE WORK
set -eu
export AzureSphereDefaultSDKDir="$1"
spherule=$2 source=$3 work=$4
mkdir -p "$work"
log=$work/build.log
if ! (cd "$source" && cmake --preset release -B "$work" "-DSPHERULE_PROGRAM=$spherule" &&
    cmake --build "$work") >"$log" 2>&1; then
    cat "$log"
    exit 1
fi
