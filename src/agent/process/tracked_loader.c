/* musl's loader calls its own allocation functions through its procedure linkage table, and
 * everyone else finds them by its dynamic symbols: so one value per function turns all calls round.
 * The value is relative to the loader's place, like any other; that it lies outside of the file is
 * nobody's concern but the agent's, which maps libmalloc there.
 *
 * Both files are read as 32- or 64-bit ELF by the same code, and nothing in them is believed:
 * tables lie within the file or are refused. Rejected: adding a segment to the loader (the kernel
 * would put it elsewhere, and with it every later mapping), changing instructions (there is no
 * room for a jump so far). */
#include "agent/process/tracked_loader.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/attr.h"
#include "base/le.h"

enum {
    SYMBOLS_MAX = 16384, /* musl has 1,800 */
    SEGMENTS_MAX = 32,
};

/* One file, and what its dynamic section leads to, as offsets in it. */
struct image {
    const uint8_t *bytes;
    size_t len;
    bool is_64;
    uint16_t machine;
    uint64_t symbols, strings, string_bytes;
    uint32_t n_symbols;
    uint64_t span_bytes;
    unsigned n_loads;
    uint32_t load_flags; /* of the first one */
    bool has_relocations;
};

struct segment {
    uint32_t type, flags;
    uint64_t offset, address, file_bytes, memory_bytes;
};

static bool lies_within(const struct image *image, uint64_t offset, uint64_t bytes) {
    return offset <= image->len && bytes <= image->len - offset;
}

static uint64_t word(const struct image *image, const uint8_t *at) {
    return image->is_64 ? sph_le64_get(at) : sph_le32_get(at);
}

static size_t word_bytes(const struct image *image) {
    return image->is_64 ? 8 : 4;
}

static unsigned n_segments(const struct image *image) {
    return sph_le16_get(image->bytes + (image->is_64 ? 56 : 44));
}

static bool read_segment(const struct image *image, unsigned index, struct segment *ret_segment) {
    uint64_t table = word(image, image->bytes + (image->is_64 ? 32 : 28));
    uint64_t size = image->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    if (table > image->len || !lies_within(image, table + index * size, size))
        return false;
    const uint8_t *at = image->bytes + table + index * size;
    ret_segment->type = sph_le32_get(at);
    if (image->is_64)
        *ret_segment =
            (struct segment){sph_le32_get(at),      sph_le32_get(at + 4),  sph_le64_get(at + 8),
                             sph_le64_get(at + 16), sph_le64_get(at + 32), sph_le64_get(at + 40)};
    else
        *ret_segment =
            (struct segment){sph_le32_get(at),     sph_le32_get(at + 24), sph_le32_get(at + 4),
                             sph_le32_get(at + 8), sph_le32_get(at + 16), sph_le32_get(at + 20)};
    return true;
}

/* Where `bytes` at an address of the loaded image are in the file. */
static bool find_offset(const struct image *image, uint64_t address, uint64_t bytes,
                        uint64_t *ret_offset) {
    struct segment segment;
    for (unsigned i = 0; i < n_segments(image) && read_segment(image, i, &segment); i++) {
        uint64_t within = address - segment.address;
        if (segment.type != PT_LOAD || address < segment.address || within > segment.file_bytes ||
            bytes > segment.file_bytes - within || segment.offset > image->len ||
            !lies_within(image, segment.offset + within, bytes))
            continue;
        *ret_offset = segment.offset + within;
        return true;
    }
    return false;
}

static size_t symbol_bytes(const struct image *image) {
    return image->is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
}

/* The count is in the older hash table alone. */
static bool take_tables(struct image *image, uint64_t symbols, uint64_t strings, uint64_t hash) {
    uint64_t at;
    if (!find_offset(image, hash, 8, &at))
        return false;
    image->n_symbols = sph_le32_get(image->bytes + at + 4);
    return image->n_symbols <= SYMBOLS_MAX &&
           find_offset(image, symbols, image->n_symbols * symbol_bytes(image), &image->symbols) &&
           find_offset(image, strings, image->string_bytes, &image->strings) &&
           image->string_bytes > 0 &&
           image->bytes[image->strings + image->string_bytes - 1] == '\0';
}

static bool read_dynamic(struct image *image, const struct segment *dynamic) {
    uint64_t symbols = 0, strings = 0, hash = 0, step = 2 * word_bytes(image);
    if (!lies_within(image, dynamic->offset, dynamic->file_bytes))
        return false;
    for (uint64_t at = 0; at + step <= dynamic->file_bytes; at += step) {
        const uint8_t *entry = image->bytes + dynamic->offset + at;
        uint64_t value = word(image, entry + word_bytes(image));
        switch (word(image, entry)) {
        case DT_SYMTAB:
            symbols = value;
            break;
        case DT_STRTAB:
            strings = value;
            break;
        case DT_STRSZ:
            image->string_bytes = value;
            break;
        case DT_HASH:
            hash = value;
            break;
        case DT_REL:
        case DT_RELA:
        case DT_JMPREL:
            image->has_relocations = true;
            break;
        case DT_NULL:
            return take_tables(image, symbols, strings, hash);
        default:
            break;
        }
    }
    return take_tables(image, symbols, strings, hash);
}

static bool read_segments(struct image *image) {
    struct segment segment, dynamic = {.type = PT_NULL};
    if (n_segments(image) > SEGMENTS_MAX)
        return false;
    for (unsigned i = 0; i < n_segments(image); i++) {
        if (!read_segment(image, i, &segment))
            return false;
        if (segment.type == PT_DYNAMIC)
            dynamic = segment;
        if (segment.type != PT_LOAD)
            continue;
        if (image->n_loads++ == 0) {
            image->load_flags = segment.flags;
            if (segment.address != 0 || segment.offset != 0)
                return false;
        }
        if (segment.memory_bytes > UINT32_MAX || segment.address > UINT32_MAX)
            return false;
        if (segment.address + segment.memory_bytes > image->span_bytes)
            image->span_bytes = segment.address + segment.memory_bytes;
    }
    return image->n_loads > 0 && dynamic.type == PT_DYNAMIC && read_dynamic(image, &dynamic);
}

/* A shared object whose first byte is loaded at its address 0, with dynamic symbols. */
static bool open_image(const uint8_t *bytes, size_t len, struct image *image) {
    *image = (struct image){.bytes = bytes, .len = len};
    if (len < sizeof(Elf64_Ehdr) || memcmp(bytes, ELFMAG, SELFMAG) != 0 ||
        bytes[EI_DATA] != ELFDATA2LSB ||
        (bytes[EI_CLASS] != ELFCLASS32 && bytes[EI_CLASS] != ELFCLASS64))
        return false;
    image->is_64 = bytes[EI_CLASS] == ELFCLASS64;
    image->machine = sph_le16_get(bytes + 18);
    uint16_t entry = sph_le16_get(bytes + (image->is_64 ? 54 : 42));
    return sph_le16_get(bytes + 16) == ET_DYN &&
           entry == (image->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) &&
           read_segments(image);
}

struct symbol {
    const char *name;
    uint64_t value;
    uint64_t value_offset; /* in the file */
    unsigned type;
};

/* False: it is not defined here, or of no use. */
static bool read_symbol(const struct image *image, uint32_t index, struct symbol *ret_symbol) {
    uint64_t offset = image->symbols + index * symbol_bytes(image);
    const uint8_t *at = image->bytes + offset;
    uint32_t name = sph_le32_get(at);
    uint16_t section = sph_le16_get(at + (image->is_64 ? 6 : 14));
    if (section == SHN_UNDEF || name >= image->string_bytes)
        return false;
    ret_symbol->name = (const char *)image->bytes + image->strings + name;
    ret_symbol->type = at[image->is_64 ? 4 : 12] & 0xf;
    ret_symbol->value_offset = offset + (image->is_64 ? 8 : 4);
    ret_symbol->value = word(image, image->bytes + ret_symbol->value_offset);
    return true;
}

static bool find_symbol(const struct image *image, const char *name, struct symbol *ret_symbol) {
    for (uint32_t i = 1; i < image->n_symbols; i++)
        if (read_symbol(image, i, ret_symbol) && strcmp(ret_symbol->name, name) == 0)
            return true;
    return false;
}

static const char *const names[] = {
#define SPH_HOOK(name) #name,
#define SPH_BEHALF(name) #name,
#include "wire/ledger_reals.def"
#undef SPH_HOOK
#undef SPH_BEHALF
};

static int find_real(const char *name) {
    for (unsigned i = 0; i < SPH_REAL_COUNT; i++)
        if (name[0] == names[i][0] && strcmp(name, names[i]) == 0)
            return (int)i;
    return -1;
}

static int check_code(const struct image *code, struct sph_err *err) {
    if (code->n_loads != 1 || code->load_flags != (PF_R | PF_X) || code->has_relocations ||
        code->span_bytes > SPH_LEDGER_CODE_MAX_BYTES)
        return SPH_FAIL(err, -ENOEXEC,
                        "libmalloc.so.0 is not of the form in which it can be put into a process: "
                        "install the one that belongs to this agent.");
    return 0;
}

/* Where libmalloc stands before each function. */
static int read_hooks(const struct image *code, uint64_t ret_hooks[SPH_REAL_COUNT],
                      struct sph_err *err) {
    struct symbol symbol;
    for (uint32_t i = 1; i < code->n_symbols; i++) {
        int real = read_symbol(code, i, &symbol) ? find_real(symbol.name) : -1;
        if (real >= 0 && symbol.value < code->span_bytes)
            ret_hooks[real] = symbol.value;
    }
    for (unsigned i = 0; i < SPH_REAL_COUNT; i++)
        if (ret_hooks[i] == 0)
            return SPH_FAIL(err, -ENOEXEC,
                            "libmalloc.so.0 does not know %s: install the one that belongs to "
                            "this agent.",
                            names[i]);
    return 0;
}

static void put_word(const struct image *image, uint8_t *at, uint64_t value) {
    if (image->is_64)
        sph_le64_put(at, value);
    else
        sph_le32_put(at, (uint32_t)value);
}

static void turn_round(const struct image *image, uint8_t *bytes, const uint64_t *hooks,
                       struct sph_tracked_loader *loader) {
    struct symbol symbol;
    for (uint32_t i = 1; i < image->n_symbols; i++) {
        int real = read_symbol(image, i, &symbol) ? find_real(symbol.name) : -1;
        if (real < 0 || symbol.type != STT_FUNC || symbol.value == 0 ||
            symbol.value >= image->span_bytes)
            continue;
        uint64_t value = SPH_LEDGER_CODE_DISTANCE + hooks[real];
        loader->reals[real] = symbol.value;
        put_word(image, bytes + symbol.value_offset, value);
        loader->n_changed++;
        if (real == SPH_REAL_malloc) {
            loader->mark = value;
            loader->mark_offset = symbol.value_offset;
        }
    }
}

int sph_tracked_loader_make(uint8_t *loader, size_t loader_len, const uint8_t *code,
                            size_t code_len, struct sph_tracked_loader *ret_loader,
                            struct sph_err *err) {
    struct image image, library;
    struct symbol debug;
    uint64_t hooks[SPH_REAL_COUNT] = {0};
    if (!open_image(code, code_len, &library))
        return SPH_FAIL(err, -ENOEXEC, "libmalloc.so.0 is damaged: install it anew.");
    if (!open_image(loader, loader_len, &image) || image.machine != library.machine ||
        image.is_64 != library.is_64 || image.span_bytes > SPH_LEDGER_CODE_DISTANCE ||
        !find_symbol(&image, "_dl_debug_addr", &debug))
        return SPH_FAIL(err, -ENOEXEC,
                        "The loader is not the musl that heap tracking knows: use musl 1.2.3 or "
                        "newer of this processor.");
    int rc = check_code(&library, err);
    if (rc == 0)
        rc = read_hooks(&library, hooks, err);
    if (rc < 0)
        return rc;
    struct sph_tracked_loader made = {.span_bytes = image.span_bytes,
                                      .debug_slot = debug.value,
                                      .mark_bytes = (unsigned)word_bytes(&image)};
    turn_round(&image, loader, hooks, &made);
    for (unsigned i = 0; i <= SPH_REAL_posix_memalign; i++)
        if (made.reals[i] == 0)
            return SPH_FAIL(err, -ENOEXEC, "The loader has no %s: heap tracking needs musl 1.2.3.",
                            names[i]);
    *ret_loader = made;
    return 0;
}
