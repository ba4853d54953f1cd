#!/bin/sh
# Real packages find every name they import: musl binds eagerly, and one that is missing stops the program.
# usage: packages_test.sh PACKAGES-FOLDER LIBRARY-FOLDER GCC_S-MAP PROBE
# PROBE is any program of the app's world: it names the loader, which is libc.
# The programs are ARM's and the libraries this machine's: names are compared, which both have in common.
set -eu
packages=$1 folder=$2 map=$3
libc=$(readelf -lW "$4" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

symbols() { # file, comparison with UND
    readelf --dyn-syms -W "$1" 2>/dev/null |
        awk -v is="$2" '$1 ~ /^[0-9]+:$/ && $5 == "GLOBAL" && ($7 == "UND") == is { sub(/@.*/, "", $8); print $8 }'
}

# What libc gives on ARM alone: calls with 64-bit times have names of their own there.
is_libcs() {
    plain=$(echo "$1" | sed 's/^__\(.*\)_time64$/\1/; s/^__\(.*\)64$/\1/')
    [ "$1" = __stack_chk_guard ] || grep -qxF -e "$1" -e "$plain" "$scratch/libc"
}

# Every name of the map of libgcc_s is a pattern.
is_gccs() {
    for pattern in $(sed -n 's/^    \(__.*\);$/\1/p' "$map"); do
        # shellcheck disable=SC2254
        case $1 in $pattern) return 0 ;; esac
    done
    return 1
}

{ symbols "$libc" 0; readelf --dyn-syms -W "$libc" | awk '$5 == "WEAK" { print $8 }'; } >"$scratch/libc"
symbols "$folder/libapplibs.so.0" 0 >"$scratch/applibs"
failed=0
found=0
for package in "$packages"/*.imagepackage; do
    [ -e "$package" ] || break
    # Files are stored whole, and readelf does not mind what follows the program.
    offset=$(grep -obUaP '\x7fELF' "$package" | sed -n '1s/:.*//p')
    tail -c "+$((offset + 1))" "$package" >"$scratch/app"
    count=0
    for name in $(symbols "$scratch/app" 1); do
        if grep -qxF "$name" "$scratch/applibs"; then
            count=$((count + 1))
        elif ! is_libcs "$name" && ! is_gccs "$name"; then
            echo "$package: nothing exports $name"
            failed=1
        fi
    done
    echo "$package: $count names of libapplibs"
    [ "$count" -gt 0 ] || failed=1
    found=$((found + 1))
done
if [ "$found" -eq 0 ]; then
    echo "skipped: there are no real packages in $packages"
    exit 77
fi
exit $failed
