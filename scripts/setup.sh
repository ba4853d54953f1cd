#!/bin/sh
# Installs the Debian packages of packages.txt that are missing. Quick and silent when nothing is.
set -eu
cd "$(dirname "$0")/.."
wanted=$(sed 's/#.*//' packages.txt | tr -s ' \n' ' ')

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    missing=
    for tool in cmake ninja gcc clang musl-gcc python3; do
        command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
    done
    [ -z "$missing" ] && exit 0
    echo "setup: this machine has no apt; install by its own means:$missing" >&2
    echo "setup: Debian 12 names of all that is needed: $wanted" >&2
    exit 1
fi

missing=
for package in $wanted; do
    # Another package may stand in for a name (Provides); what counts is that it is installed.
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

echo "setup: installing$missing" >&2
run=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "setup: not root and no sudo; ask an administrator for: apt-get install$missing" >&2
        exit 1
    fi
    run="sudo"
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
if ! { $run apt-get update -qq && $run apt-get install -y -qq --no-install-recommends $missing; } \
    >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    echo "setup: apt could not install$missing; see the lines above" >&2
    exit 1
fi
