#!/bin/sh
# Checks form: clang-format, layers, clang-tidy, cppcheck.   usage: lint.sh [--format | --quick]
# Every check runs, whatever the ones before it found; a tree that was never built is enough.
set -eu
cd "$(dirname "$0")/.."
# What git knows, or, in a tree that came without git, everything but the builds.
sources=$(git ls-files -co --exclude-standard -- '*.c' '*.h' 2>/dev/null ||
    find . -path ./build -prune -o -name '*.[ch]' -print | sed 's|^\./||')
case "${1:-}" in
--format)
    echo "$sources" | xargs clang-format -i
    exit 0
    ;;
esac
status=0
echo "$sources" | xargs clang-format --dry-run -Werror || status=1
cmake -DROOT="$PWD" -P cmake/SphLayers.cmake || status=1
[ "${1:-}" = --quick ] && exit $status

cmake --preset dev >/dev/null
cmake --build build/dev --target generated_headers >/dev/null
programs=$(echo "$sources" | grep '\.c$' | grep -v -e '_fuzz\.c$' -e '\.bpf\.c$' -e '^tests/layers/')
jobs=$(nproc)
echo "$programs" | grep '^src/' | grep -v -e '^src/applibs/' -e '^src/libmalloc/.*[^t]\.c$' |
    xargs -P "$jobs" -n 4 clang-tidy --quiet -p build/dev 2>/dev/null || status=1
# What runs in an app is compiled by commands of its own, so the list of commands does not have it. (Of libmalloc, the
# list has what ends in _test.c.)
echo "$programs" | grep -e '^src/applibs/' -e '^src/libmalloc/.*[^t]\.c$' -e '^samples/' -e '^sdk/' -e '^tests/' -e '^bench/' |
    xargs -P "$jobs" -I '{}' clang-tidy --quiet '{}' -- -std=gnu17 -D_GNU_SOURCE -Wall -Wextra \
        -Isrc -Isdk/include -Isdk/HardwareDefinitions/inc 2>/dev/null || status=1
cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,performance,portability \
    --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches -I src -I sdk/include \
    $(echo "$programs" | grep -v '_test\.c$') || status=1
exit $status
