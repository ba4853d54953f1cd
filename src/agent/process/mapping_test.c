#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agent/process/mapping.h"
#include "base/attr.h"

#define APP "/mnt/apps/2f074b0f-d99d-4692-82d9-ef93a7d6463c/bin/app"

static void test_rows(void **state) {
    (void)state;
    struct sph_pagemap_mapping mappings[] = {
        {.entry = {.start = 1, .end = 2, .read = true, .exec = true, .name = APP},
         .class = SPH_MAPS_TEXT,
         .file_pages = 3},
        {.entry = {.read = true, .write = true, .name = APP},
         .class = SPH_MAPS_DATA,
         .anon_pages = 2},
        {.entry = {.read = true, .write = true}, .class = SPH_MAPS_BSS, .anon_pages = 1},
        {.entry = {.read = true, .write = true, .name = "[heap]"}, .class = SPH_MAPS_HEAP},
        {.entry = {.read = true, .name = "/lib/ld-musl-x86_64.so.1"}, .class = SPH_MAPS_RELRO},
        {.entry = {.read = true, .write = true}, .class = SPH_MAPS_ANON},
        {.entry = {.shared = true, .name = "/dev/zero (deleted)"},
         .class = SPH_MAPS_SHARED,
         .shared_pages = 4},
        {.entry = {.name = "[stack]"}, .class = SPH_MAPS_STACK},
        {.entry = {.name = "[vdso]"}, .class = SPH_MAPS_KERNEL},
    };
    static const struct {
        uint32_t class;
        const char *path;
        uint32_t perms;
    } wanted[] = {
        {SPH_MAPPING_PACKAGE, APP, SPH_PERM_READ | SPH_PERM_EXEC},
        {SPH_MAPPING_PACKAGE, APP, SPH_PERM_READ | SPH_PERM_WRITE},
        {SPH_MAPPING_PACKAGE, APP " [bss]", SPH_PERM_READ | SPH_PERM_WRITE},
        {SPH_MAPPING_HEAP, "[heap]", SPH_PERM_READ | SPH_PERM_WRITE},
        {SPH_MAPPING_LIBRARY, "/lib/ld-musl-x86_64.so.1", SPH_PERM_READ},
        {SPH_MAPPING_ANONYMOUS, "", SPH_PERM_READ | SPH_PERM_WRITE},
        {SPH_MAPPING_SHARED, "/dev/zero (deleted)", SPH_PERM_SHARED},
        {SPH_MAPPING_STACK, "[stack]", 0},
        {SPH_MAPPING_KERNEL, "[vdso]", 0},
    };
    const struct sph_pagemap map = {.mappings = mappings, .n_mappings = SPH_ARRAY_SIZE(mappings)};
    for (size_t i = 0; i < map.n_mappings; i++) {
        char path[SPH_MAPPING_PATH];
        struct sph_msg_mapping row;
        sph_mapping_row(&map, i, 42, path, &row);
        assert_int_equal(row.class, wanted[i].class);
        assert_string_equal(path, wanted[i].path);
        assert_true(sph_slice_is(row.path, wanted[i].path));
        assert_int_equal(row.perms, wanted[i].perms);
        assert_int_equal(row.pid, 42);
        assert_int_equal(row.anonymous_pages, mappings[i].anon_pages);
        assert_int_equal(row.shared_pages, mappings[i].shared_pages);
        assert_int_equal(row.file_pages, mappings[i].file_pages);
    }
}

/* A .bss without anything before it belongs to nobody. */
static void test_orphan_bss(void **state) {
    (void)state;
    struct sph_pagemap_mapping only = {.class = SPH_MAPS_BSS};
    const struct sph_pagemap map = {.mappings = &only, .n_mappings = 1};
    char path[SPH_MAPPING_PATH];
    struct sph_msg_mapping row;
    sph_mapping_row(&map, 0, 1, path, &row);
    assert_int_equal(row.class, SPH_MAPPING_ANONYMOUS);
    assert_string_equal(path, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_orphan_bss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
