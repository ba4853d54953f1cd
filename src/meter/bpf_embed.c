/* bpf_embed: turns a compiled BPF object into a C header: instructions, and where map addresses go.
 *
 * Runs on the building machine only. A program is a section whose name has a '/'; a map is an
 * undefined symbol map_NAME. Anything else that would need a loader's work (data sections, calls
 * between functions) is refused, so that the loader can be small.
 *
 * usage: bpf_embed PREFIX OBJECT >HEADER */
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OBJECT_MAX = 1 << 20, R_BPF_64_64_ = 1 };

struct object {
    const unsigned char *data;
    size_t size;
    const Elf64_Ehdr *header;
    const Elf64_Shdr *sections;
    const char *names;
};

/* In the order of enum sph_abi_map. */
static const char *const map_symbols[] = {"map_book", "map_apps", "map_mms", "map_ring"};

/* A tool of the build: the first thing that is wrong ends it. */
static void fail(const char *what, const char *name) {
    (void)fprintf(stderr, "bpf_embed: %s%s%s\n", what, name[0] ? ": " : "", name);
    exit(1);
}

/* Every access to the object goes through here, so that a damaged one is refused and not read
 * past. */
static const void *at(const struct object *object, uint64_t offset, uint64_t len) {
    if (offset > object->size || len > object->size - offset)
        fail("the object is cut short", "");
    return object->data + offset;
}

/* Objects of the same building machine: only the order of bytes and the kind of machine can be
 * wrong. */
static void parse_header(struct object *object) {
    object->header = at(object, 0, sizeof(Elf64_Ehdr));
    const Elf64_Ehdr *header = object->header;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_machine != EM_BPF ||
        header->e_ident[EI_DATA] != ELFDATA2LSB || header->e_shentsize != sizeof(Elf64_Shdr))
        fail("not a little-endian BPF object", "");
    object->sections = at(object, header->e_shoff, (uint64_t)header->e_shnum * sizeof(Elf64_Shdr));
    if (header->e_shstrndx >= header->e_shnum)
        fail("no section names", "");
    const Elf64_Shdr *names = &object->sections[header->e_shstrndx];
    object->names = at(object, names->sh_offset, names->sh_size);
}

/* Symbols that the compiler left undefined; the loader puts the map's descriptor there. */
static int map_number(const struct object *object, const Elf64_Shdr *relocs, uint64_t info) {
    const Elf64_Shdr *symtab = &object->sections[relocs->sh_link];
    const Elf64_Sym *symbol =
        at(object, symtab->sh_offset + ELF64_R_SYM(info) * sizeof(*symbol), sizeof(*symbol));
    const Elf64_Shdr *strtab = &object->sections[symtab->sh_link];
    const char *name = at(object, strtab->sh_offset + symbol->st_name, 1);
    for (size_t i = 0; i < sizeof(map_symbols) / sizeof(map_symbols[0]); i++)
        if (strcmp(name, map_symbols[i]) == 0 && ELF64_R_TYPE(info) == R_BPF_64_64_)
            return (int)i;
    fail("a relocation that is not a map's", name);
    return -1;
}

/* Offsets are in bytes and instructions are eight of them. */
static void emit_relocs(const struct object *object, const char *prefix, const char *program,
                        unsigned section) {
    printf("static const struct sph_bpf_reloc %s_%s_relocs[] = {\n", prefix, program);
    for (unsigned i = 0; i < object->header->e_shnum; i++) {
        const Elf64_Shdr *relocs = &object->sections[i];
        if (relocs->sh_type != SHT_REL || relocs->sh_info != section)
            continue;
        const Elf64_Rel *rel = at(object, relocs->sh_offset, relocs->sh_size);
        for (size_t r = 0; r < relocs->sh_size / sizeof(*rel); r++)
            printf("    {%u, %d},\n", (unsigned)(rel[r].r_offset / 8),
                   map_number(object, relocs, rel[r].r_info));
    }
    printf("};\n");
}

/* Instructions as numbers of 64 bits, in the order of a little-endian machine. */
static void emit_program(const struct object *object, const char *prefix, unsigned section) {
    const Elf64_Shdr *header = &object->sections[section];
    const char *program = strchr(object->names + header->sh_name, '/') + 1;
    const unsigned char *code = at(object, header->sh_offset, header->sh_size);
    printf("static const uint64_t %s_%s[] = {\n", prefix, program);
    for (uint64_t i = 0; i + 8 <= header->sh_size; i += 8) {
        uint64_t insn = 0;
        for (int b = 7; b >= 0; b--)
            insn = insn << 8 | code[i + (unsigned)b];
        printf("    0x%016llxu,\n", (unsigned long long)insn);
    }
    printf("};\n");
    emit_relocs(object, prefix, program, section);
}

/* In the object's order; sections for the linker and the like have no space in memory and are
 * passed over. */
static void emit(const struct object *object, const char *prefix) {
    for (unsigned i = 0; i < object->header->e_shnum; i++) {
        const Elf64_Shdr *section = &object->sections[i];
        const char *name = object->names + section->sh_name;
        if (section->sh_type == SHT_PROGBITS && (section->sh_flags & SHF_ALLOC) != 0 &&
            section->sh_size != 0) {
            if (!strchr(name, '/'))
                fail("a section that has no place in the kernel", name);
            emit_program(object, prefix, i);
        }
    }
}

int main(int argc, char **argv) {
    static unsigned char data[OBJECT_MAX];
    if (argc != 3)
        fail("usage: bpf_embed PREFIX OBJECT >HEADER", "");
    FILE *file = fopen(argv[2], "rbe");
    if (!file)
        fail("cannot open", argv[2]);
    struct object object = {.data = data, .size = fread(data, 1, sizeof(data), file)};
    (void)fclose(file);
    parse_header(&object);
    printf("/* Made by bpf_embed from rss_stat.bpf.c. */\n");
    emit(&object, argv[1]);
    return fflush(stdout) == 0 ? 0 : 1;
}
