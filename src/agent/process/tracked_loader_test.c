/* With the loader and the libmalloc that this build has, whole and damaged. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/process/target.h"
#include "agent/process/tracked_loader.h"
#include "base/attr.h"
#include "base/cleanup.h"
#include "base/file.h"

#define NOT_MUSL                                                                                   \
    "The loader is not the musl that heap tracking knows: use musl 1.2.3 or newer of this "        \
    "processor."
#define DAMAGED "libmalloc.so.0 is damaged: install it anew."
#define OTHER_FORM                                                                                 \
    "libmalloc.so.0 is not of the form in which it can be put into a process: install the one "    \
    "that belongs to this agent."

enum { FILE_BYTES = 4 << 20 };

/* As they lie on the disk, and copies to be changed. */
static struct sph_buf loader = SPH_BUF_LIMIT(FILE_BYTES), code = SPH_BUF_LIMIT(FILE_BYTES);
static uint8_t *changed, *changed_code;

static void renew(void) {
    memcpy(changed, loader.data, loader.len);
    memcpy(changed_code, code.data, code.len);
}

static const char *const names[] = {
#define SPH_HOOK(name) #name,
#define SPH_BEHALF(name) #name,
#include "wire/ledger_reals.def"
#undef SPH_HOOK
#undef SPH_BEHALF
};

static int find_name(const char *name) {
    for (size_t i = 0; i < SPH_ARRAY_SIZE(names); i++)
        if (strcmp(name, names[i]) == 0)
            return (int)i;
    return -1;
}

/* By section headers, which the code under test does not read. */
static Elf64_Sym *find_symbols(uint8_t *bytes, size_t *ret_count, const char **ret_strings) {
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)bytes;
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(bytes + header->e_shoff);
    for (unsigned i = 0; i < header->e_shnum; i++) {
        if (sections[i].sh_type != SHT_DYNSYM)
            continue;
        *ret_count = sections[i].sh_size / sizeof(Elf64_Sym);
        *ret_strings = (const char *)bytes + sections[sections[i].sh_link].sh_offset;
        return (Elf64_Sym *)(bytes + sections[i].sh_offset);
    }
    fail_msg("no dynamic symbols");
    return NULL;
}

/* Values of symbols that are named, and not one byte else. */
static void test_only_symbol_values_change(void **state) {
    struct sph_tracked_loader made;
    struct sph_err err = SPH_ERR_NULL;
    size_t count = 0, n_changed = 0;
    const char *strings;
    (void)state;
    renew();
    if (sph_tracked_loader_make(changed, loader.len, (const uint8_t *)code.data, code.len, &made,
                                &err) < 0)
        fail_msg("%s", err.text);
    assert_memory_equal(changed + made.mark_offset, &made.mark, made.mark_bytes);
    const Elf64_Sym *before = find_symbols((uint8_t *)loader.data, &count, &strings);
    Elf64_Sym *after = find_symbols(changed, &count, &strings);
    for (size_t i = 0; i < count; i++) {
        int real = find_name(strings + before[i].st_name);
        if (strcmp(strings + before[i].st_name, "_dl_debug_addr") == 0)
            assert_int_equal(made.debug_slot, before[i].st_value);
        if (real < 0)
            continue;
        n_changed++;
        assert_int_equal(made.reals[real], before[i].st_value);
        assert_in_range(after[i].st_value, SPH_LEDGER_CODE_DISTANCE + 1,
                        SPH_LEDGER_CODE_DISTANCE + SPH_LEDGER_CODE_MAX_BYTES - 1);
        after[i].st_value = before[i].st_value;
    }
    assert_int_equal(made.n_changed, n_changed);
    assert_true(n_changed > SPH_REAL_COUNT * 2 / 3);
    assert_memory_equal(changed, loader.data, loader.len);
}

/* In both files: the first segment's program header, the dynamic segment's. */
static Elf64_Phdr *find_header(uint8_t *bytes, uint32_t type) {
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)bytes;
    Elf64_Phdr *found = (Elf64_Phdr *)(bytes + header->e_phoff);
    while (found->p_type != type)
        found++;
    return found;
}

static Elf64_Dyn *find_dynamic(uint8_t *bytes, int64_t tag) {
    Elf64_Dyn *found = (Elf64_Dyn *)(bytes + find_header(bytes, PT_DYNAMIC)->p_offset);
    while (found->d_tag != tag)
        found++;
    return found;
}

/* Another first letter: the tail may be another symbol's name. */
static void rename_symbol(uint8_t *bytes, size_t len, const char *name) {
    uint8_t *at = memmem(bytes, len, name, strlen(name) + 1);
    assert_non_null(at);
    *at = '?';
}

enum damage {
    LOADER_MACHINE,
    LOADER_CLASS,
    LOADER_TYPE,
    LOADER_DYNAMIC,
    LOADER_HASH,
    LOADER_STRINGS,
    LOADER_HEADERS,
    LOADER_SPAN,
    LOADER_DEBUG,
    LOADER_POSIX_MEMALIGN,
    CODE_MACHINE,
    CODE_MAGIC,
    CODE_FLAGS,
    CODE_RELOCATION,
    CODE_SPAN,
    CODE_SYMBOL,
};

static void damage(enum damage what) {
    Elf64_Ehdr *header = (Elf64_Ehdr *)changed, *code_header = (Elf64_Ehdr *)changed_code;
    switch (what) {
    case LOADER_MACHINE:
        header->e_machine = EM_ARM;
        break;
    case LOADER_CLASS:
        header->e_ident[EI_CLASS] = ELFCLASS32;
        break;
    case LOADER_TYPE:
        header->e_type = ET_EXEC;
        break;
    case LOADER_DYNAMIC:
        find_header(changed, PT_DYNAMIC)->p_offset = UINT64_MAX - 8;
        break;
    case LOADER_HASH:
        find_dynamic(changed, DT_HASH)->d_un.d_ptr = UINT64_MAX - 3;
        break;
    case LOADER_STRINGS:
        find_dynamic(changed, DT_STRSZ)->d_un.d_val = UINT64_MAX;
        break;
    case LOADER_HEADERS:
        header->e_phoff = UINT64_MAX - 1;
        break;
    case LOADER_SPAN:
        find_header(changed, PT_LOAD)->p_memsz = SPH_LEDGER_CODE_DISTANCE + 1;
        break;
    case LOADER_DEBUG:
        rename_symbol(changed, loader.len, "_dl_debug_addr");
        break;
    case LOADER_POSIX_MEMALIGN:
        rename_symbol(changed, loader.len, "posix_memalign");
        break;
    case CODE_MACHINE:
        code_header->e_machine = EM_ARM;
        break;
    case CODE_MAGIC:
        code_header->e_ident[0] = 0;
        break;
    case CODE_FLAGS:
        find_header(changed_code, PT_LOAD)->p_flags |= PF_W;
        break;
    case CODE_RELOCATION:
        find_dynamic(changed_code, DT_SONAME)->d_tag = DT_RELA;
        break;
    case CODE_SPAN:
        find_header(changed_code, PT_LOAD)->p_memsz = SPH_LEDGER_CODE_MAX_BYTES + 1;
        break;
    case CODE_SYMBOL:
        rename_symbol(changed_code, code.len, "wcsdup");
        break;
    }
}

static void test_refusals(void **state) {
    static const struct {
        enum damage what;
        const char *sentence;
    } cases[] = {
        {LOADER_MACHINE, NOT_MUSL},
        {LOADER_CLASS, NOT_MUSL},
        {LOADER_TYPE, NOT_MUSL},
        {LOADER_DYNAMIC, NOT_MUSL},
        {LOADER_HASH, NOT_MUSL},
        {LOADER_STRINGS, NOT_MUSL},
        {LOADER_HEADERS, NOT_MUSL},
        {LOADER_SPAN, NOT_MUSL},
        {LOADER_DEBUG, NOT_MUSL},
        {LOADER_POSIX_MEMALIGN,
         "The loader has no posix_memalign: heap tracking needs musl 1.2.3."},
        {CODE_MACHINE, NOT_MUSL},
        {CODE_MAGIC, DAMAGED},
        {CODE_FLAGS, OTHER_FORM},
        {CODE_RELOCATION, OTHER_FORM},
        {CODE_SPAN, OTHER_FORM},
        {CODE_SYMBOL, "libmalloc.so.0 does not know wcsdup: install the one that belongs to this "
                      "agent."},
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_tracked_loader made;
        struct sph_err err = SPH_ERR_NULL;
        renew();
        damage(cases[i].what);
        assert_int_equal(
            sph_tracked_loader_make(changed, loader.len, changed_code, code.len, &made, &err),
            -ENOEXEC);
        assert_string_equal(err.text, cases[i].sentence);
    }
}

/* Their segments' ends are missing. */
static void test_cut_files(void **state) {
    struct sph_tracked_loader made;
    struct sph_err err = SPH_ERR_NULL;
    (void)state;
    for (size_t len = 0; len < 0x6000; len += 61) {
        uint8_t *exact = malloc(len + 1);
        assert_non_null(exact);
        memcpy(exact, loader.data, len);
        assert_int_equal(
            sph_tracked_loader_make(exact, len, (const uint8_t *)code.data, code.len, &made, &err),
            -ENOEXEC);
        assert_string_equal(err.text, NOT_MUSL);
        free(exact);
    }
}

static int setup(void **state) {
    struct sph_target target;
    (void)state;
    sph_target_open(&target);
    if (!target.loader || target.library_fd < 0)
        return -1;
    int rc = sph_file_read(AT_FDCWD, target.loader, &loader, NULL);
    if (rc == 0)
        rc = sph_file_read(target.library_fd, "libmalloc.so.0", &code, NULL);
    sph_target_close(&target);
    changed = malloc(FILE_BYTES);
    changed_code = malloc(FILE_BYTES);
    return rc == 0 && changed && changed_code ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    sph_buf_done(&loader);
    sph_buf_done(&code);
    free(changed);
    free(changed_code);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_symbol_values_change),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_cut_files),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
