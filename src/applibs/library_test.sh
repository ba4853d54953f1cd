#!/bin/sh
# The built libraries as an application meets them: names, exports, needs, and their cost in pages.
# usage: library_test.sh TABLE PAGE LIBRARY-FOLDER [PLAIN-PROBE LINKED-PROBE]
# TABLE is api.def, PAGE the document that counts its names by header.
# Without probes, which must run here, everything but the pages: for libraries of another processor.
set -eu
table=$1 page=$2 folder=$3 plain=${4-} linked=${5-}
failed=0

expect() { # what, expected, got
    [ "$2" = "$3" ] && return
    printf '%s:\n  expected: %s\n  got:      %s\n' "$1" "$2" "$3"
    failed=1
}

exports() { # readelf and not nm, which knows this machine's processor alone
    readelf --dyn-syms -W "$1" | awk '$7 != "UND" && $5 != "LOCAL" && $1 ~ /^[0-9]+:$/ { print $8 }' | LC_ALL=C sort
}

names() {
    sed -n 's/^SPH_API_NAME(\([A-Za-z0-9_]*\), .*)$/\1/p' "$table"
}

documented() { # the rows that the page should have
    sed -n 's/^SPH_API_NAME(.*, \([A-Z]*\), \(.*\))$/\2 \1/p' "$table" | awk '
        { headers[$1]; count[$1, $2]++ }
        END { for (h in headers)
                  printf "| `%s` | %d | %d | %d | %d |\n", h, count[h, "WORKS"], count[h, "INT"],
                      count[h, "POINTER"], count[h, "VOID"] }' | LC_ALL=C sort
}

dynamic() { # library, tag
    readelf -dW "$1" | sed -n "s/.*($2).*\[\(.*\)\]/\1/p" | tr '\n' ' '
}

writable_pages() { # pages that the one writable segment touches
    readelf -lW "$1" | awk '$1 == "LOAD" && /RW/ { print $3, $6 }' | {
        read -r address size
        echo $(((address % 4096 + size + 4095) / 4096))
    }
}

applibs=$folder/libapplibs.so.0
gcc_s=$folder/libgcc_s.so.1

expect "names in the table: sorted, each once" "$(names | LC_ALL=C sort -u)" "$(names)"
expect "exports of libapplibs" "$(names)" "$(exports "$applibs")"
expect "lines of the table that are no names" "" "$(sed '/^SPH_API_NAME(/d; /^\/\*/,/\*\/$/d' "$table")"
expect "rows of $page" "$(documented)" "$(grep '^| `' "$page" | LC_ALL=C sort)"
expect "SONAME of libapplibs" "libapplibs.so.0 " "$(dynamic "$applibs" SONAME)"
expect "SONAME of libgcc_s" "libgcc_s.so.1 " "$(dynamic "$gcc_s" SONAME)"
expect "libapplibs needs" "libc.so " "$(dynamic "$applibs" NEEDED)"
expect "libgcc_s needs" "" "$(dynamic "$gcc_s" NEEDED)"
expect "the agent's socket" 1 "$(grep -c /run/spherule/agent "$applibs")"
expect "variables of the environment" 0 "$(readelf --dyn-syms -W "$applibs" | grep -c getenv || true)"
expect "writable pages of libapplibs" 1 "$(writable_pages "$applibs")"
expect "writable pages of libgcc_s" 1 "$(writable_pages "$gcc_s")"
expect "RELRO segments" 0 "$(readelf -lW "$applibs" "$gcc_s" | grep -c GNU_RELRO || true)"
expect "relocations of libapplibs but for its calls of libc" 0 \
    "$(readelf -rW "$applibs" | grep R_ | grep -c -v _JUMP_SLOT || true)"
expect "relocations of libgcc_s" 0 "$(readelf -rW "$gcc_s" | grep -c R_ || true)"
[ -n "$plain" ] || exit $failed

# Without address randomisation, since its offset can put the first stack bytes in one page or two.
# Two pages for the two libraries: the loader writes relocations into the one and gives the unused
# rest of both writable pages to the heap, so they are not lost to the application.
if [ "$failed" -eq 0 ] && ! setarch -R true; then
    echo "skipped: address randomisation cannot be switched off here, so pages cannot be compared"
    exit 77
fi
without=$(env -i setarch -R "$plain")
with=$(env -i setarch -R "$linked")
echo "anonymous pages: $without without the libraries, $with with both"
expect "pages that the two libraries cost" 2 "$((with - without))"
exit $failed
