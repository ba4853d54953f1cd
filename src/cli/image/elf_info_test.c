/* Executables made by hand, byte by byte, and cut at every length. */
#include "cli/image/elf_info.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

#if defined(__x86_64__)
#define HOST_NAME "x86-64"
#elif defined(__aarch64__)
#define HOST_NAME "64-bit ARM"
#elif defined(__arm__)
#define HOST_NAME "32-bit ARM"
#else
#define HOST_NAME "32-bit x86"
#endif

struct program {
    ElfW(Ehdr) header;
    ElfW(Phdr) segments[2];
    char loader[40];
};

static struct program make(const char *loader) {
    struct program program = {
        .header = {.e_type = ET_DYN,
#if defined(__x86_64__)
                   .e_machine = EM_X86_64,
#elif defined(__aarch64__)
                   .e_machine = EM_AARCH64,
#elif defined(__arm__)
                   .e_machine = EM_ARM,
#else
                   .e_machine = EM_386,
#endif
                   .e_phoff = offsetof(struct program, segments),
                   .e_phentsize = sizeof(ElfW(Phdr)),
                   .e_phnum = 2},
        .segments = {{.p_type = PT_LOAD}, {.p_type = loader ? PT_INTERP : PT_NOTE}},
    };
    memcpy(program.header.e_ident, ELFMAG, SELFMAG);
    program.header.e_ident[EI_CLASS] = __SIZEOF_POINTER__ == 8 ? ELFCLASS64 : ELFCLASS32;
    program.segments[1].p_offset = offsetof(struct program, loader);
    program.segments[1].p_filesz = loader ? strlen(loader) + 1 : 0;
    (void)snprintf(program.loader, sizeof(program.loader), "%s", loader ? loader : "");
    return program;
}

static const struct {
    const char *loader;
    enum sph_elf_needs needs;
} loaders[] = {
    {NULL, SPH_ELF_STATIC},
    {"/lib/ld-musl-x86_64.so.1", SPH_ELF_MUSL},
    {"/lib/ld-musl-armhf.so.1", SPH_ELF_MUSL},
    {"/lib64/ld-linux-x86-64.so.2", SPH_ELF_HOST},
    {"/lib/ld-mus", SPH_ELF_HOST},
    {"", SPH_ELF_HOST},
};

static void test_loaders(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(loaders); i++) {
        struct program program = make(loaders[i].loader);
        struct sph_err err = SPH_ERR_NULL;
        struct sph_elf elf = {.needs = SPH_ELF_STATIC};
        assert_int_equal(sph_elf_inspect(&program, sizeof(program), &elf, &err), 0);
        assert_int_equal(elf.needs, loaders[i].needs);
        assert_int_equal(elf.machine, SPH_ELF_THIS);
        assert_string_equal(elf.loader, loaders[i].loader ? loaders[i].loader : "");
    }
}

static void expect_refusal(const void *data, size_t len, const char *sentence) {
    struct sph_err err = SPH_ERR_NULL;
    struct sph_elf elf;
    assert_int_equal(sph_elf_inspect(data, len, &elf, &err), -ENOEXEC);
    assert_string_equal(err.text, sentence);
}

static void test_refusals(void **state) {
    (void)state;
    expect_refusal("", 0, "this is neither an image package nor an executable");
    expect_refusal("#!/bin/sh\n", 10, "this is neither an image package nor an executable");
    struct program program = make(NULL);
    program.header.e_machine = EM_SPARC;
    expect_refusal(&program, sizeof(program),
                   "this executable is for another kind of processor (ELF machine 2)");
    program.header.e_machine = EM_RISCV; /* no machine of ours */
    expect_refusal(&program, sizeof(program),
                   "this executable is for RISC-V, and this machine is " HOST_NAME);
    program = make(NULL);
    program.header.e_type = ET_REL;
    expect_refusal(&program, sizeof(program), "this ELF file is no executable (type 1)");
    program = make(NULL);
    program.header.e_phentsize = 8;
    expect_refusal(&program, sizeof(program),
                   "this ELF file has program headers of an unknown size");
    program = make(NULL);
    program.header.e_phoff = (ElfW(Off)) - 1;
    expect_refusal(&program, sizeof(program), "this ELF file is cut off in its program headers");
    program = make("/lib/ld-musl-x.so.1");
    program.segments[1].p_offset = (ElfW(Off)) - 4;
    expect_refusal(&program, sizeof(program), "this ELF file is cut off in its loader's name");
    program = make("/lib/ld-musl-x.so.1");
    program.segments[1].p_filesz = SIZE_MAX;
    expect_refusal(&program, sizeof(program), "this ELF file is cut off in its loader's name");
}

static void test_cut_anywhere(void **state) {
    (void)state;
    struct program program = make("/lib/ld-musl-x86_64.so.1");
    size_t whole = offsetof(struct program, loader) + strlen(program.loader) + 1;
    for (size_t len = 0; len < whole; len++) {
        char *copy = malloc(len ? len : 1);
        struct sph_err err = SPH_ERR_NULL;
        struct sph_elf elf;
        assert_non_null(copy);
        memcpy(copy, &program, len);
        assert_int_equal(sph_elf_inspect(copy, len, &elf, &err), -ENOEXEC);
        assert_true(err.text[0] != '\0');
        free(copy);
    }
}

/* The first loader counts, as for the kernel; the second may say what it likes. */
static void test_two_loaders(void **state) {
    (void)state;
    struct {
        struct program program;
        char second[40];
    } file = {.program = make("/lib/ld-musl-x86_64.so.1")};
    struct sph_elf elf = {.needs = SPH_ELF_STATIC};
    (void)snprintf(file.second, sizeof(file.second), "/lib64/ld-linux-x86-64.so.2");
    file.program.segments[0].p_type = PT_INTERP;
    file.program.segments[0].p_offset =
        offsetof(struct program, loader) + sizeof(file.program.loader);
    file.program.segments[0].p_filesz = strlen(file.second) + 1;
    assert_int_equal(sph_elf_inspect(&file, sizeof(file), &elf, NULL), 0);
    assert_int_equal(elf.needs, SPH_ELF_HOST);
}

/* Every value of every byte of the header, one at a time: an answer or a sentence, never a read
 * outside (the copy has its exact size, so that a sanitizer sees every byte too far). */
static void test_each_byte_changed(void **state) {
    (void)state;
    struct program program = make("/lib/ld-musl-x86_64.so.1");
    size_t whole = offsetof(struct program, loader) + strlen(program.loader) + 1;
    unsigned char *copy = malloc(whole);
    assert_non_null(copy);
    for (size_t at = 0; at < offsetof(struct program, loader); at++) {
        for (unsigned value = 0; value < 256; value++) {
            struct sph_err err = SPH_ERR_NULL;
            struct sph_elf elf;
            memcpy(copy, &program, whole);
            copy[at] = (unsigned char)value;
            int r = sph_elf_inspect(copy, whole, &elf, &err);
            assert_true(r == 0 || (r == -ENOEXEC && err.text[0] != '\0'));
        }
    }
    free(copy);
}

static const struct {
    unsigned machine;
    const char *sentence;
} machines[] = {
    {EM_PPC64, "this executable is for another kind of processor (ELF machine 21)"},
    {EM_RISCV, "this executable is for RISC-V, and this machine is " HOST_NAME},
    {0, "this executable is for another kind of processor (ELF machine 0)"},
    {65535, "this executable is for another kind of processor (ELF machine 65535)"},
};

static void test_other_machines(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(machines); i++) {
        struct program program = make(NULL);
        program.header.e_machine = (ElfW(Half))machines[i].machine;
        expect_refusal(&program, sizeof(program), machines[i].sentence);
        program.header.e_ident[EI_CLASS] ^= ELFCLASS32 ^ ELFCLASS64; /* the same of both widths */
        expect_refusal(&program, sizeof(program), machines[i].sentence);
    }
}

/* The number of program headers is the file's word: more than there are is cut off, none is static.
 */
static void test_counts_of_headers(void **state) {
    (void)state;
    struct program program = make(NULL);
    struct sph_elf elf = {.needs = SPH_ELF_HOST};
    program.header.e_phnum = 0;
    assert_int_equal(sph_elf_inspect(&program, sizeof(program), &elf, NULL), 0);
    assert_int_equal(elf.needs, SPH_ELF_STATIC);
    program.header.e_phnum = 65535;
    expect_refusal(&program, sizeof(program), "this ELF file is cut off in its program headers");
}

/* ---- the virtual device's processor ---- */

struct arm_program {
    Elf32_Ehdr header;
    Elf32_Phdr segments[2];
    char loader[40];
};

static struct arm_program make_arm(const char *loader) {
    struct arm_program program = {
        .header = {.e_type = ET_EXEC,
                   .e_machine = EM_ARM,
                   .e_phoff = offsetof(struct arm_program, segments),
                   .e_phentsize = sizeof(Elf32_Phdr),
                   .e_phnum = 2},
        .segments = {{.p_type = PT_LOAD}, {.p_type = loader ? PT_INTERP : PT_NOTE}},
    };
    memcpy(program.header.e_ident, ELFMAG, SELFMAG);
    program.header.e_ident[EI_CLASS] = ELFCLASS32;
    program.header.e_ident[EI_DATA] = ELFDATA2LSB;
    program.segments[1].p_offset = offsetof(struct arm_program, loader);
    program.segments[1].p_filesz = loader ? (Elf32_Word)strlen(loader) + 1 : 0;
    (void)snprintf(program.loader, sizeof(program.loader), "%s", loader ? loader : "");
    return program;
}

static const struct {
    const char *loader;
    enum sph_elf_needs needs;
} arm_loaders[] = {
    {NULL, SPH_ELF_STATIC},
    {"/lib/ld-musl-armhf.so.1", SPH_ELF_MUSL},
    {"/lib/ld-musl-armhf.so.12", SPH_ELF_HOST}, /* no such file there */
    {"/lib/ld-musl-arm.so.1", SPH_ELF_HOST},    /* the ABI without a floating point unit */
    {"/lib/ld-linux-armhf.so.3", SPH_ELF_HOST},
    {"", SPH_ELF_HOST},
};

static void test_arm(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(arm_loaders); i++) {
        struct arm_program program = make_arm(arm_loaders[i].loader);
        struct sph_err err = SPH_ERR_NULL;
        struct sph_elf elf = {.needs = SPH_ELF_STATIC};
        assert_int_equal(sph_elf_inspect(&program, sizeof(program), &elf, &err), 0);
        assert_int_equal(elf.needs, arm_loaders[i].needs);
        assert_string_equal(elf.loader, arm_loaders[i].loader ? arm_loaders[i].loader : "");
        assert_string_equal(sph_elf_machine_name(elf.machine), "32-bit ARM");
        if (strcmp(HOST_NAME, "32-bit ARM") != 0)
            assert_int_equal(elf.machine, SPH_ELF_ARM);
    }
    assert_string_equal(sph_elf_machine_name(SPH_ELF_THIS), HOST_NAME);
}

/* Cut at every length, and the other order of bytes: refused. */
static void test_arm_cut_anywhere(void **state) {
    struct arm_program program = make_arm("/lib/ld-musl-armhf.so.1");
    size_t whole = offsetof(struct arm_program, loader) + strlen(program.loader) + 1;
    (void)state;
    for (size_t len = 0; len < whole; len++) {
        char *copy = malloc(len ? len : 1);
        struct sph_err err = SPH_ERR_NULL;
        struct sph_elf elf;
        assert_non_null(copy);
        memcpy(copy, &program, len);
        assert_int_equal(sph_elf_inspect(copy, len, &elf, &err), -ENOEXEC);
        assert_true(err.text[0] != '\0');
        free(copy);
    }
    program.header.e_ident[EI_DATA] = ELFDATA2MSB;
    if (strcmp(HOST_NAME, "32-bit ARM") != 0)
        expect_refusal(&program, sizeof(program),
                       "this executable is for 32-bit ARM, and this machine is " HOST_NAME);
    program = make_arm(NULL);
    program.header.e_phentsize = sizeof(Elf64_Phdr);
    expect_refusal(&program, sizeof(program),
                   "this ELF file has program headers of an unknown size");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loaders),           cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_cut_anywhere),      cmocka_unit_test(test_two_loaders),
        cmocka_unit_test(test_each_byte_changed), cmocka_unit_test(test_other_machines),
        cmocka_unit_test(test_counts_of_headers), cmocka_unit_test(test_arm),
        cmocka_unit_test(test_arm_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
