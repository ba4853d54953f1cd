#!/bin/sh
# Builds one preset and points build/bin, build/lib and build/share at it.   usage: build.sh PRESET [JOBS]
set -eu
cd "$(dirname "$0")/.."
preset=${1:-release}
jobs=${2:-$(nproc)}
log=build/$preset.configure.log
mkdir -p build
if [ ! -f "build/$preset/build.ninja" ] && ! cmake --preset "$preset" >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    echo "build: the configure of preset $preset failed; the whole output is in $log" >&2
    exit 1
fi
cmake --build "build/$preset" -j "$jobs"
ln -sfn "$preset/bin" build/bin
ln -sfn "$preset/lib" build/lib
ln -sfn "$preset/share" build/share # manual pages
