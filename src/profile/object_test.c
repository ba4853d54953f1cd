/* Headers of made-up ELF files of both classes, cut and bent. */
#include "base/testing.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "profile/object.h"

/* A 64-bit file: two segments to load, the lower one second, and a note before the wanted one. */
struct made {
    Elf64_Ehdr header;
    Elf64_Phdr segments[3];
    struct {
        Elf64_Nhdr head;
        char name[4], content[4];
    } other;
    struct {
        Elf64_Nhdr head;
        char name[4];
        uint8_t id[20];
    } id;
};

static struct made make(void) {
    struct made made = {
        .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
                   .e_machine = EM_X86_64,
                   .e_phoff = offsetof(struct made, segments),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = 3},
        .segments = {{.p_type = PT_LOAD, .p_vaddr = 0x402000},
                     {.p_type = PT_LOAD, .p_vaddr = 0x400010},
                     {.p_type = PT_NOTE,
                      .p_offset = offsetof(struct made, other),
                      .p_filesz = sizeof(made.other) + sizeof(made.id),
                      .p_align = 4}},
        .other = {.head = {4, 4, NT_GNU_ABI_TAG}, .name = "GNU"},
        .id = {.head = {4, 20, NT_GNU_BUILD_ID}, .name = "GNU", .id = {0xab, [19] = 0xcd}},
    };
    return made;
}

static void test_build_id_and_first_address(void **state) {
    (void)state;
    struct made made = make();
    struct sph_object object;
    assert_int_equal(sph_object_parse(&made, sizeof(made), &object), 0);
    assert_int_equal(object.build_id_len, 20);
    assert_memory_equal(object.build_id, made.id.id, 20);
    assert_int_equal(object.first_address, 0x400000);
    assert_int_equal(object.machine, EM_X86_64);
}

/* What a file may claim, and what is left of it then. */
static void test_hostile_headers(void **state) {
    (void)state;
    struct sph_object object;
    struct made made = make();
    made.id.head.n_descsz = SPH_BUILD_ID_MAX + 1; /* beyond the segment as well */
    assert_int_equal(sph_object_parse(&made, sizeof(made), &object), 0);
    assert_int_equal(object.build_id_len, 0);
    made = make();
    made.other.head.n_namesz = UINT32_MAX;
    assert_int_equal(sph_object_parse(&made, sizeof(made), &object), 0);
    assert_int_equal(object.build_id_len, 0);
    made = make();
    made.segments[2].p_filesz = UINT64_MAX - 8;
    assert_int_equal(sph_object_parse(&made, sizeof(made), &object), 0);
    assert_int_equal(object.build_id_len, 0);
    made = make();
    made.header.e_phoff = UINT64_MAX - 10;
    assert_int_equal(sph_object_parse(&made, sizeof(made), &object), -ENOEXEC);
    made = make();
    made.header.e_phnum = 65;
    assert_int_equal(sph_object_parse(&made, sizeof(made), &object), -ENOEXEC);
    made = make();
    made.header.e_ident[EI_DATA] = ELFDATA2MSB;
    assert_int_equal(sph_object_parse(&made, sizeof(made), &object), -ENOEXEC);
    made = make();
    made.header.e_phnum = 0;
    assert_int_equal(sph_object_parse(&made, sizeof(made), &object), -ENOEXEC);
}

/* Cut before the end of the headers it is no object; behind them it lacks its id at most. */
static void test_every_cut(void **state) {
    (void)state;
    struct made made = make();
    for (size_t len = 0; len < sizeof(made); len++) {
        struct sph_object object;
        char *copy = malloc(len + 1); /* a reader's step too far is then seen by the sanitizer */
        assert_non_null(copy);
        memcpy(copy, &made, len);
        int r = sph_object_parse(copy, len, &object);
        free(copy);
        assert_int_equal(r, len < offsetof(struct made, other) ? -ENOEXEC : 0);
        assert_true(r < 0 || object.build_id_len == 0);
    }
}

static void test_only_regular_files(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_object object;
    assert_int_equal(mkfifoat(scratch->fd, "pipe", 0600), 0);
    assert_int_equal(sph_object_read(scratch->fd, "pipe", &object), -ENOEXEC);
    assert_int_equal(sph_object_read(scratch->fd, ".", &object), -ENOEXEC);
    assert_int_equal(sph_object_read(scratch->fd, "nothing", &object), -ENOENT);
    assert_int_equal(sph_object_read(AT_FDCWD, "/proc/self/exe", &object), 0);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build_id_and_first_address),
        cmocka_unit_test(test_hostile_headers),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test_setup_teardown(test_only_regular_files, sph_scratch_make,
                                        sph_scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
