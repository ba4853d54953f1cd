#!/bin/sh
# Checks form: clang-format, layers, clang-tidy, cppcheck.   usage: lint.sh [--format | --quick]
set -eu
cd "$(dirname "$0")/.."
# What git knows, or, in a tree that came without git, everything but the builds.
sources=$(git ls-files -co --exclude-standard -- '*.c' '*.h' 2>/dev/null ||
    find . -path ./build -prune -o -name '*.[ch]' -print)
case "${1:-}" in
--format)
    echo "$sources" | xargs clang-format -i
    exit 0
    ;;
esac
echo "$sources" | xargs clang-format --dry-run -Werror
cmake -DROOT="$PWD" -P cmake/SphLayers.cmake
[ "${1:-}" = --quick ] && exit 0
cmake --preset dev >/dev/null
cmake --build build/dev --target generated_headers >/dev/null # of a tree that was never built
tidy=$(echo "$sources" | grep '^src/.*\.c$' | grep -v -e '_fuzz\.c$' -e '\.bpf\.c$' -e '^src/applibs/')
echo "$tidy" | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p build/dev 2>/dev/null
cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,performance,portability \
    --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches -I src \
    $(echo "$tidy" | grep -v '_test\.c$')
