#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/process/program.h"
#include "agent/process/target.h"
#include "base/attr.h"

#if defined(__x86_64__)
enum { NATIVE = EM_X86_64, FOREIGN = EM_AARCH64 };
#define NATIVE_NAME "x86-64"
#define FOREIGN_NAME "64-bit ARM"
#define LOADER "/lib/ld-musl-x86_64.so.1"
#else
enum { NATIVE = EM_AARCH64, FOREIGN = EM_X86_64 };
#define NATIVE_NAME "64-bit ARM"
#define FOREIGN_NAME "x86-64"
#define LOADER "/lib/ld-musl-aarch64.so.1"
#endif

enum { NAME_AT = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr) };

struct file {
    Elf64_Ehdr head;
    Elf64_Phdr segments[2];
    char name[64];
};

static struct file good(const char *interpreter) {
    struct file file = {.head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
                                 .e_type = ET_DYN,
                                 .e_machine = NATIVE,
                                 .e_phoff = sizeof(Elf64_Ehdr),
                                 .e_phentsize = sizeof(Elf64_Phdr),
                                 .e_phnum = 2}};
    file.segments[0].p_type = PT_LOAD;
    if (interpreter) {
        file.segments[1].p_type = PT_INTERP;
        file.segments[1].p_offset = NAME_AT;
        file.segments[1].p_filesz = strlen(interpreter) + 1;
        (void)snprintf(file.name, sizeof(file.name), "%s", interpreter);
    }
    return file;
}

static void expect(const struct file *file, size_t len, int code, const char *sentence) {
    struct sph_program program = {.machine = 0};
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_program_parse(file, len, &program, &err), code);
    assert_string_equal(err.text, sentence);
}

static void test_good_ones(void **state) {
    (void)state;
    struct sph_program program;
    struct sph_err err = SPH_ERR_NULL;
    struct file file = good(LOADER);
    assert_int_equal(sph_program_parse(&file, sizeof(file), &program, &err), 0);
    assert_string_equal(program.interpreter, LOADER);
    assert_int_equal(program.machine, NATIVE);
    file = good(NULL);
    assert_int_equal(sph_program_parse(&file, sizeof(file), &program, &err), 0);
    assert_string_equal(program.interpreter, "");
}

static void test_wrong_processor(void **state) {
    (void)state;
    struct file file = good(LOADER);
    file.head.e_machine = EM_ARM;
    file.head.e_ident[EI_CLASS] = ELFCLASS32;
    expect(&file, sizeof(file), -ENOEXEC,
           "The application is built for 32-bit ARM and this device runs " NATIVE_NAME
           " programs: run it on a virtual device, or build it for this computer.");
    file = good(LOADER);
    file.head.e_machine = FOREIGN;
    expect(&file, sizeof(file), -ENOEXEC,
           "The application is built for " FOREIGN_NAME " and this device runs " NATIVE_NAME
           " programs: build it for this computer.");
    file = good(LOADER);
    file.head.e_machine = 4242;
    expect(&file, sizeof(file), -ENOEXEC,
           "The application is built for another processor and this device runs " NATIVE_NAME
           " programs: build it for this computer.");
    file = good(LOADER);
    file.head.e_ident[EI_DATA] = ELFDATA2MSB;
    expect(&file, sizeof(file), -ENOEXEC, "The application is built for a big-endian processor.");
}

static void test_no_program(void **state) {
    (void)state;
    struct file file = good(LOADER);
    file.head.e_type = ET_REL;
    expect(&file, sizeof(file), -ENOEXEC,
           "The application's entry point is an object file, not a linked program.");
    memcpy(&file, "#!/bin/sh\n", 10);
    expect(&file, sizeof(file), -ENOEXEC, "The application's entry point is not an ELF program.");
    expect(&file, 0, -ENOEXEC, "The application's entry point is not an ELF program.");
}

static void test_damaged(void **state) {
    (void)state;
    static const char headers[] = "The application's program headers are damaged.";
    static const char name[] = "The name of the application's loader is damaged.";
    struct file file = good(LOADER);
    file.head.e_phoff = UINT64_MAX - 8;
    expect(&file, sizeof(file), -ENOEXEC, headers);
    file = good(LOADER);
    file.head.e_phentsize = 1;
    expect(&file, sizeof(file), -ENOEXEC, headers);
    file = good(LOADER);
    file.head.e_phnum = 0xffff;
    file.segments[1].p_type = PT_LOAD;
    expect(&file, sizeof(file), -ENOEXEC, headers);
    file = good(LOADER);
    file.segments[1].p_offset = UINT64_MAX - 2;
    expect(&file, sizeof(file), -ENOEXEC, name);
    file = good(LOADER);
    file.segments[1].p_filesz = 4096;
    expect(&file, sizeof(file), -ENOEXEC, name);
    file = good(LOADER);
    file.segments[1].p_filesz = strlen(LOADER);
    expect(&file, sizeof(file), -ENOEXEC, name);
}

/* Cut anywhere: a sentence or a good answer, never a read beyond the end (the sanitizers look). */
static void test_every_cut(void **state) {
    (void)state;
    struct file whole = good(LOADER);
    for (size_t len = 0; len < sizeof(whole); len++) {
        char *part = malloc(len + 1);
        assert_non_null(part);
        memcpy(part, &whole, len);
        struct sph_program program;
        struct sph_err err = SPH_ERR_NULL;
        int rc = sph_program_parse(part, len, &program, &err);
        assert_true(rc == 0 || (rc == -ENOEXEC && err.text[0] != '\0'));
        assert_int_equal(rc == 0, len >= NAME_AT + strlen(LOADER) + 1);
        free(part);
    }
}

static void test_read_stays_in_the_package(void **state) {
    (void)state;
    char folder[] = "/tmp/spherule-test-XXXXXX";
    struct sph_program program;
    struct sph_err err = SPH_ERR_NULL;
    assert_non_null(mkdtemp(folder));
    int root = open(folder, O_PATH | O_DIRECTORY);
    assert_true(root >= 0);
    assert_int_equal(sph_program_read(root, "/bin/app", &program, &err), -ENOENT);
    assert_string_equal(err.text, "The application's entry point /bin/app cannot be read: No such "
                                  "file or directory");
    /* A link out of the package is resolved inside it. */
    assert_int_equal(symlinkat("/proc/self/exe", root, "app"), 0);
    assert_int_equal(sph_program_read(root, "/app", &program, &err), -ENOENT);
    assert_int_equal(unlinkat(root, "app", 0), 0);
    (void)close(root);
    assert_int_equal(rmdir(folder), 0);
}

static void test_loader_is_there(void **state) {
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    const struct sph_target with = {
        .library_fd = -1, .loader = LOADER, .loader_name = &LOADER[strlen("/lib/")]};
    const struct sph_target without = {.library_fd = -1, .loader_name = with.loader_name};
    const struct sph_program fixed = {.machine = NATIVE};
    const struct sph_program musl = {.machine = NATIVE, .interpreter = LOADER};
    const struct sph_program other = {.machine = NATIVE, .interpreter = "/lib64/ld-other.so.2"};
    assert_int_equal(sph_target_check(&without, &fixed, false, &err), 0);
    assert_int_equal(sph_target_check(&with, &musl, false, &err), 0);
    assert_int_equal(sph_target_check(&without, &musl, false, &err), -ENOEXEC);
    assert_string_equal(err.text, "The application wants the loader " LOADER
                                  ", which is not installed on this computer: install musl.");
    assert_int_equal(sph_target_check(&with, &other, false, &err), -ENOEXEC);
    assert_string_equal(err.text,
                        "The application wants the loader /lib64/ld-other.so.2, which this device "
                        "does not have: build it with spherule-cc (musl), or try it with "
                        "`spherule run`.");
    assert_int_equal(sph_target_check(&with, &other, true, &err), -ENOEXEC);
    assert_string_equal(err.text, "The application wants the loader /lib64/ld-other.so.2, which "
                                  "this computer does not have.");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_ones),       cmocka_unit_test(test_wrong_processor),
        cmocka_unit_test(test_no_program),      cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_every_cut),       cmocka_unit_test(test_read_stays_in_the_package),
        cmocka_unit_test(test_loader_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
