/* A file made by hand, changed field by field and cut at every length; cli_output_test.py holds
 * real ones against readelf and nm. */
#include "cli/image/elf_sizes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/image/elf_testing.h"

static void test_every_byte_has_its_place(void **state) {
    static const struct {
        const char *name;
        size_t bytes;
    } rows[] = {{".text", 100},
                {".debug_info", 20},
                {".symtab", sizeof(Elf64_Sym) * 6},
                {".strtab", 40},
                {".dynamic", sizeof(Elf64_Dyn) * 3},
                {".shstrtab", 64}};
    static struct test_elf elf;
    (void)state;
    test_elf_make(&elf);
    sph_autoelfsizes struct sph_elf_sizes sizes;
    assert_int_equal(sph_elf_sizes_read(&elf, sizeof(elf), &sizes), 0);
    assert_string_equal(sizes.machine, "x86-64");
    assert_int_equal(sizes.n_sections, 6);
    uint64_t sum = sizes.other_bytes;
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(sizes.sections[i].name, rows[i].name);
        assert_int_equal(sizes.sections[i].bytes, rows[i].bytes);
        sum += rows[i].bytes;
    }
    assert_int_equal(sum, sizeof(elf));
    assert_int_equal(sizes.debug_bytes, 20 + sizeof(Elf64_Sym) * 6 + 40);
    assert_int_equal(sizes.n_symbols, 2);
    assert_string_equal(sizes.symbols[0].name, "large");
    assert_int_equal(sizes.symbols[0].bytes, 64);
    assert_string_equal(sizes.sections[sizes.symbols[0].section].name, ".text");
    assert_string_equal(sizes.symbols[1].name, "small");
    assert_int_equal(sizes.n_needed, 1);
    assert_string_equal(sizes.needed[0], "libx.so.1");
}

/* One field of the file set to a value. */
static void test_what_is_no_such_file(void **state) {
    static const struct {
        size_t at, size;
        uint64_t value;
    } rows[] = {
        {0, 1, 'x'},
        {EI_DATA, 1, ELFDATA2MSB},
        {offsetof(struct test_elf, header.e_shoff), 8, sizeof(struct test_elf)},
        {offsetof(struct test_elf, header.e_shoff), 8, UINT64_MAX},
        {offsetof(struct test_elf, header.e_shnum), 2, 9},
        {offsetof(struct test_elf, sections[1].sh_offset), 8, sizeof(struct test_elf) + 1},
        {offsetof(struct test_elf, sections[1].sh_size), 8, UINT64_MAX},
        /* two sections over the whole file */
        {offsetof(struct test_elf, sections[1].sh_size), 8, sizeof(struct test_elf) - 64},
    };
    static struct test_elf elf;
    struct sph_elf_sizes sizes;
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        test_elf_make(&elf);
        memcpy((char *)&elf + rows[i].at, &rows[i].value, rows[i].size);
        assert_int_equal(sph_elf_sizes_read(&elf, sizeof(elf), &sizes), -ENOEXEC);
        assert_null(sizes.symbols);
    }
}

/* In memory of its own for each length, so that a byte read too far is seen. */
static void test_cut_at_every_length(void **state) {
    static struct test_elf elf;
    (void)state;
    test_elf_make(&elf);
    for (size_t len = 0; len < sizeof(elf); len++) {
        struct sph_elf_sizes sizes;
        void *copy = malloc(len + 1);
        assert_non_null(copy);
        memcpy(copy, &elf, len);
        assert_int_equal(sph_elf_sizes_read(copy, len, &sizes), -ENOEXEC);
        free(copy);
    }
}

/* What is odd is left out, and the rest stays. */
static void test_odd_tables(void **state) {
    static const struct {
        size_t at, size;
        uint64_t value;
        unsigned symbols, needed;
    } rows[] = {
        {offsetof(struct test_elf, sections[1 + ELF_SYMTAB].sh_entsize), 8, 7, 0, 1},
        {offsetof(struct test_elf, sections[1 + ELF_SYMTAB].sh_link), 4, 999, 2, 1},
        {offsetof(struct test_elf, symbols[2].st_size), 8, 101, 1, 1},
        {offsetof(struct test_elf, symbols[2].st_shndx), 2, 200, 1, 1},
        {offsetof(struct test_elf, dynamic[0].d_tag), 8, DT_NULL, 2, 0},
        {offsetof(struct test_elf, header.e_shstrndx), 2, 99, 2, 1},
    };
    static struct test_elf elf;
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autoelfsizes struct sph_elf_sizes sizes;
        test_elf_make(&elf);
        memcpy((char *)&elf + rows[i].at, &rows[i].value, rows[i].size);
        assert_int_equal(sph_elf_sizes_read(&elf, sizeof(elf), &sizes), 0);
        assert_int_equal(sizes.n_symbols, rows[i].symbols);
        assert_int_equal(sizes.n_needed, rows[i].needed);
    }
}

/* A stripped file has no .symtab; its sections have other numbers. */
static void test_symbols_of_the_file_before_stripping(void **state) {
    static struct test_elf elf, stripped;
    sph_autoelfsizes struct sph_elf_sizes whole;
    sph_autoelfsizes struct sph_elf_sizes sizes;
    (void)state;
    test_elf_make(&elf);
    test_elf_make(&stripped);
    stripped.sections[1 + ELF_SYMTAB].sh_type = SHT_NULL;
    stripped.sections[1 + ELF_DEBUG] = stripped.sections[1 + ELF_TEXT];
    stripped.sections[1 + ELF_TEXT].sh_type = SHT_NULL;
    assert_int_equal(sph_elf_sizes_read(&elf, sizeof(elf), &whole), 0);
    assert_int_equal(sph_elf_sizes_read(&stripped, sizeof(stripped), &sizes), 0);
    assert_true(sizes.is_stripped && !whole.is_stripped);
    assert_int_equal(sizes.n_symbols, 0);
    sph_elf_sizes_take_symbols(&sizes, &whole);
    assert_false(sizes.is_stripped);
    assert_int_equal(sizes.n_symbols, 2);
    assert_string_equal(sizes.symbols[0].name, "large");
    assert_string_equal(sizes.sections[sizes.symbols[0].section].name, ".text");
    assert_int_equal(whole.n_symbols, 0);
    /* a section that is not there takes its symbols along */
    test_elf_make(&elf);
    sph_elf_sizes_done(&whole);
    assert_int_equal(sph_elf_sizes_read(&elf, sizeof(elf), &whole), 0);
    (void)strcpy(sizes.sections[0].name, ".other");
    sph_elf_sizes_take_symbols(&sizes, &whole);
    assert_int_equal(sizes.n_symbols, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_has_its_place),
        cmocka_unit_test(test_what_is_no_such_file),
        cmocka_unit_test(test_cut_at_every_length),
        cmocka_unit_test(test_odd_tables),
        cmocka_unit_test(test_symbols_of_the_file_before_stripping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
