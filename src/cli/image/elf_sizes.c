/* Sections, not segments: a segment says what is mapped, and what fills flash is every byte of the
 * file. Symbols are those of .symtab, or, of a stripped file, of .dynsym. All fields are copied out
 * and held against the file's length; a file that breaks the rules is one of unknown content. */
#include "cli/image/elf_sizes.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/image/elf_info.h"

/* The fields that are looked at, the same of both widths. */
struct section {
    uint32_t name, type, link;
    uint64_t at, bytes, item_bytes;
    bool is_loaded;
    int place; /* in the answer; -1: it has no bytes */
};

struct file {
    const unsigned char *data;
    size_t len;
    bool is_wide;
    struct section *sections; /* all of them */
    unsigned n_sections;
    unsigned names; /* the section with their names */
};

/* A copy of `size` bytes at `at`; false when they are not in the file. */
static bool copy_at(const struct file *file, uint64_t at, void *to, size_t size) {
    if (at > file->len || file->len - at < size)
        return false;
    memcpy(to, file->data + at, size);
    return true;
}

#define COPY_SECTION(from, ret)                                                                    \
    (*(ret) = (struct section){.name = (from).sh_name,                                             \
                               .type = (from).sh_type,                                             \
                               .link = (from).sh_link,                                             \
                               .at = (from).sh_offset,                                             \
                               .bytes = (from).sh_size,                                            \
                               .item_bytes = (from).sh_entsize,                                    \
                               .is_loaded = ((from).sh_flags & SHF_ALLOC) != 0,                    \
                               .place = -1})

static bool read_section(const struct file *file, uint64_t at, struct section *ret_section) {
    Elf32_Shdr narrow;
    Elf64_Shdr wide;
    if (file->is_wide ? !copy_at(file, at, &wide, sizeof(wide))
                      : !copy_at(file, at, &narrow, sizeof(narrow)))
        return false;
    if (file->is_wide)
        COPY_SECTION(wide, ret_section);
    else
        COPY_SECTION(narrow, ret_section);
    if (ret_section->type == SHT_NOBITS || ret_section->type == SHT_NULL)
        ret_section->bytes = 0;
    return ret_section->at <= file->len && ret_section->bytes <= file->len - ret_section->at;
}

/* Header and all section headers. */
static int read_file(struct file *file, unsigned *ret_machine) {
    Elf32_Ehdr narrow;
    Elf64_Ehdr wide;
    uint64_t at;
    size_t step;
    if (!copy_at(file, 0, &narrow, sizeof(narrow)) || memcmp(file->data, ELFMAG, SELFMAG) != 0 ||
        file->data[EI_DATA] != ELFDATA2LSB)
        return -ENOEXEC;
    file->is_wide = file->data[EI_CLASS] == ELFCLASS64;
    if (file->is_wide) {
        if (!copy_at(file, 0, &wide, sizeof(wide)))
            return -ENOEXEC;
        at = wide.e_shoff, step = wide.e_shentsize, file->n_sections = wide.e_shnum;
        file->names = wide.e_shstrndx, *ret_machine = wide.e_machine;
    } else {
        at = narrow.e_shoff, step = narrow.e_shentsize, file->n_sections = narrow.e_shnum;
        file->names = narrow.e_shstrndx, *ret_machine = narrow.e_machine;
    }
    file->sections = calloc(file->n_sections + 1, sizeof(*file->sections));
    if (!file->sections)
        return -ENOMEM;
    for (unsigned i = 0; i < file->n_sections; i++)
        if (!read_section(file, at + (uint64_t)i * step, &file->sections[i]))
            return -ENOEXEC;
    return 0;
}

/* A string of a string table; "" for one that is not there. */
static void read_name(const struct file *file, unsigned table, uint32_t at,
                      char ret_name[SPH_ELF_NAME_SIZE]) {
    ret_name[0] = '\0';
    if (table >= file->n_sections || at >= file->sections[table].bytes)
        return;
    const struct section *names = &file->sections[table];
    const char *text = (const char *)file->data + names->at + at;
    sph_text_printable(text, strnlen(text, names->bytes - at), ret_name, SPH_ELF_NAME_SIZE);
}

static bool is_for_debuggers(const struct section *section, const char *name) {
    return !section->is_loaded && (strncmp(name, ".debug", 6) == 0 || section->type == SHT_SYMTAB ||
                                   strcmp(name, ".strtab") == 0);
}

/* Sections with bytes; those that find no room count as what lies between. */
static int list_sections(const struct file *file, struct sph_elf_sizes *sizes) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < file->n_sections; i++) {
        struct section *section = &file->sections[i];
        if (section->bytes == 0)
            continue;
        sum += section->bytes; /* cannot overflow: each is at most the file's length */
        if (sizes->n_sections == SPH_ELF_SECTIONS_MAX) {
            sizes->other_bytes += section->bytes;
            continue;
        }
        section->place = (int)sizes->n_sections;
        struct sph_elf_section *row = &sizes->sections[sizes->n_sections++];
        row->bytes = section->bytes;
        read_name(file, file->names, section->name, row->name);
        if (is_for_debuggers(section, row->name))
            sizes->debug_bytes += row->bytes;
    }
    if (sum > file->len)
        return -ENOEXEC; /* they overlap */
    sizes->other_bytes += file->len - sum;
    return 0;
}

static const struct section *find_section(const struct file *file, uint32_t type) {
    for (unsigned i = 0; i < file->n_sections; i++)
        if (file->sections[i].type == type && file->sections[i].bytes > 0)
            return &file->sections[i];
    return NULL;
}

struct symbol {
    uint32_t name;
    unsigned type, section;
    uint64_t bytes;
};

static bool read_symbol(const struct file *file, uint64_t at, struct symbol *ret_symbol) {
    Elf32_Sym narrow;
    Elf64_Sym wide;
    if (file->is_wide ? !copy_at(file, at, &wide, sizeof(wide))
                      : !copy_at(file, at, &narrow, sizeof(narrow)))
        return false;
    *ret_symbol = file->is_wide ? (struct symbol){.name = wide.st_name,
                                                  .type = ELF64_ST_TYPE(wide.st_info),
                                                  .section = wide.st_shndx,
                                                  .bytes = wide.st_size}
                                : (struct symbol){.name = narrow.st_name,
                                                  .type = ELF32_ST_TYPE(narrow.st_info),
                                                  .section = narrow.st_shndx,
                                                  .bytes = narrow.st_size};
    return true;
}

/* The larger first; of equal ones by name, so that the order is always the same. */
static int compare_symbols(const void *left, const void *right) {
    const struct sph_elf_symbol *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return strcmp(a->name, b->name);
}

/* Only what has bytes in this file: data without a content (.bss) fill no flash. */
static int list_symbols(const struct file *file, struct sph_elf_sizes *sizes) {
    const struct section *table = find_section(file, SHT_SYMTAB);
    sizes->is_stripped = !table;
    table = table ? table : find_section(file, SHT_DYNSYM);
    size_t step = file->is_wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    uint64_t count = table && table->item_bytes == step ? table->bytes / step : 0;
    count = count < SPH_ELF_SYMBOLS_MAX ? count : SPH_ELF_SYMBOLS_MAX;
    sizes->symbols = calloc(count + 1, sizeof(*sizes->symbols));
    if (!sizes->symbols)
        return -ENOMEM;
    for (uint64_t i = 0; i < count; i++) {
        struct symbol symbol;
        if (!read_symbol(file, table->at + i * step, &symbol) ||
            (symbol.type != STT_FUNC && symbol.type != STT_OBJECT) ||
            symbol.section >= file->n_sections || symbol.bytes == 0)
            continue;
        const struct section *section = &file->sections[symbol.section];
        if (section->place < 0 || symbol.bytes > section->bytes)
            continue;
        struct sph_elf_symbol *row = &sizes->symbols[sizes->n_symbols++];
        row->section = (unsigned)section->place;
        row->bytes = symbol.bytes;
        read_name(file, table->link, symbol.name, row->name);
    }
    qsort(sizes->symbols, sizes->n_symbols, sizeof(*sizes->symbols), compare_symbols);
    return 0;
}

/* DT_NEEDED entries of .dynamic. */
static void list_needed(const struct file *file, struct sph_elf_sizes *sizes) {
    const struct section *dynamic = find_section(file, SHT_DYNAMIC);
    size_t step = file->is_wide ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
    for (uint64_t at = 0; dynamic && at + step <= dynamic->bytes; at += step) {
        Elf32_Dyn narrow = {.d_tag = DT_NULL};
        Elf64_Dyn wide = {.d_tag = DT_NULL};
        bool read = file->is_wide ? copy_at(file, dynamic->at + at, &wide, sizeof(wide))
                                  : copy_at(file, dynamic->at + at, &narrow, sizeof(narrow));
        int64_t tag = file->is_wide ? wide.d_tag : narrow.d_tag;
        if (!read || tag == DT_NULL || sizes->n_needed == SPH_ELF_NEEDED_MAX)
            return;
        if (tag == DT_NEEDED)
            read_name(file, dynamic->link,
                      file->is_wide ? (uint32_t)wide.d_un.d_val : narrow.d_un.d_val,
                      sizes->needed[sizes->n_needed++]);
    }
}

int sph_elf_sizes_read(const void *data, size_t len, struct sph_elf_sizes *ret_sizes) {
    struct file file = {.data = data, .len = len};
    unsigned machine = EM_NONE;
    *ret_sizes = (struct sph_elf_sizes){.machine = NULL};
    int r = read_file(&file, &machine);
    if (r == 0)
        r = list_sections(&file, ret_sizes);
    if (r == 0)
        r = list_symbols(&file, ret_sizes);
    if (r == 0)
        list_needed(&file, ret_sizes);
    free(file.sections);
    if (r < 0) {
        sph_elf_sizes_done(ret_sizes);
        return r;
    }
    ret_sizes->machine = sph_elf_machine_text(machine);
    return 0;
}

/* By the section's name: stripping takes sections out, so their numbers differ. */
static bool find_place(const struct sph_elf_sizes *sizes, const char *name, unsigned *ret_place) {
    for (unsigned i = 0; i < sizes->n_sections; i++) {
        if (strcmp(sizes->sections[i].name, name) == 0) {
            *ret_place = i;
            return true;
        }
    }
    return false;
}

void sph_elf_sizes_take_symbols(struct sph_elf_sizes *sizes, struct sph_elf_sizes *whole) {
    unsigned kept = 0;
    for (unsigned i = 0; i < whole->n_symbols; i++) {
        struct sph_elf_symbol symbol = whole->symbols[i];
        if (find_place(sizes, whole->sections[symbol.section].name, &symbol.section))
            whole->symbols[kept++] = symbol;
    }
    sph_elf_sizes_done(sizes);
    sizes->symbols = SPH_STEAL_PTR(whole->symbols);
    sizes->n_symbols = kept;
    sizes->is_stripped = whole->is_stripped;
    whole->n_symbols = 0;
}

void sph_elf_sizes_done(struct sph_elf_sizes *sizes) {
    free(sizes->symbols);
    sizes->symbols = NULL;
    sizes->n_symbols = 0;
}
