/* elf_testing: a small 64-bit ELF file made by hand, for tests. */
#ifndef SPH_CLI_IMAGE_ELF_TESTING_H
#define SPH_CLI_IMAGE_ELF_TESTING_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { ELF_TEXT, ELF_BSS, ELF_DEBUG, ELF_SYMTAB, ELF_STRTAB, ELF_DYNAMIC, ELF_NAMES, ELF_SECTIONS };

/* One structure, so that every offset is offsetof(). Its sections, after the empty one, are in the
 * order of the enum above. */
struct test_elf {
    Elf64_Ehdr header;
    unsigned char text[100];
    unsigned char debug[20];
    Elf64_Sym symbols[6];
    char strings[40];
    Elf64_Dyn dynamic[3];
    char names[64];
    Elf64_Shdr sections[1 + ELF_SECTIONS];
};

static inline void test_elf_section(struct test_elf *elf, unsigned at, uint32_t name, uint32_t type,
                                    size_t offset, size_t bytes) {
    elf->sections[1 + at] = (Elf64_Shdr){.sh_name = name,
                                         .sh_type = type,
                                         .sh_offset = offset,
                                         .sh_size = bytes,
                                         .sh_flags = at <= ELF_BSS ? SHF_ALLOC : 0};
}

/* Symbols: "small" (8 bytes) and "large" (64) in .text, "zeros" (4096) in .bss, which fills no
 * file, and two that are none. Needs "libx.so.1". */
static inline void test_elf_make(struct test_elf *elf) {
    static const char names[] = "\0.text\0.bss\0.debug_info\0.symtab\0.strtab\0.dynamic\0.shstrtab";
    static const char strings[] = "\0small\0large\0zeros\0libx.so.1";
    memset(elf, 0, sizeof(*elf));
    memcpy(elf->header.e_ident, ELFMAG, SELFMAG);
    elf->header.e_ident[EI_CLASS] = ELFCLASS64;
    elf->header.e_ident[EI_DATA] = ELFDATA2LSB;
    elf->header.e_machine = EM_X86_64;
    elf->header.e_shoff = offsetof(struct test_elf, sections);
    elf->header.e_shentsize = sizeof(Elf64_Shdr);
    elf->header.e_shnum = 1 + ELF_SECTIONS;
    elf->header.e_shstrndx = 1 + ELF_NAMES;
    memcpy(elf->names, names, sizeof(names));
    memcpy(elf->strings, strings, sizeof(strings));
#define TEST_ELF_PART(at, name, type, member)                                                      \
    test_elf_section(elf, at, name, type, offsetof(struct test_elf, member), sizeof(elf->member))
    TEST_ELF_PART(ELF_TEXT, 1, SHT_PROGBITS, text);
    test_elf_section(elf, ELF_BSS, 7, SHT_NOBITS, 0, 4096);
    TEST_ELF_PART(ELF_DEBUG, 12, SHT_PROGBITS, debug);
    TEST_ELF_PART(ELF_SYMTAB, 24, SHT_SYMTAB, symbols);
    TEST_ELF_PART(ELF_STRTAB, 32, SHT_STRTAB, strings);
    TEST_ELF_PART(ELF_DYNAMIC, 40, SHT_DYNAMIC, dynamic);
    TEST_ELF_PART(ELF_NAMES, 49, SHT_STRTAB, names);
#undef TEST_ELF_PART
    elf->sections[1 + ELF_SYMTAB].sh_link = 1 + ELF_STRTAB;
    elf->sections[1 + ELF_SYMTAB].sh_entsize = sizeof(Elf64_Sym);
    elf->sections[1 + ELF_DYNAMIC].sh_link = 1 + ELF_STRTAB;
    elf->symbols[1] = (Elf64_Sym){
        .st_name = 1, .st_info = ELF64_ST_INFO(0, STT_FUNC), .st_shndx = 1, .st_size = 8};
    elf->symbols[2] = (Elf64_Sym){
        .st_name = 7, .st_info = ELF64_ST_INFO(0, STT_OBJECT), .st_shndx = 1, .st_size = 64};
    elf->symbols[3] = (Elf64_Sym){
        .st_name = 13, .st_info = ELF64_ST_INFO(0, STT_OBJECT), .st_shndx = 2, .st_size = 4096};
    elf->symbols[4] = (Elf64_Sym){.st_name = 1, .st_shndx = 1, .st_size = 8};
    elf->symbols[5] = (Elf64_Sym){
        .st_name = 1, .st_info = ELF64_ST_INFO(0, STT_FUNC), .st_shndx = SHN_ABS, .st_size = 8};
    elf->dynamic[0] = (Elf64_Dyn){.d_tag = DT_NEEDED, .d_un.d_val = 19};
    elf->dynamic[2] = (Elf64_Dyn){.d_tag = DT_NEEDED, .d_un.d_val = 1}; /* behind the end */
}

#endif
