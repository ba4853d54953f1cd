#include "libmalloc/object.h"

#include <elf.h>

bool sph_object_parse(uintptr_t start, struct sph_object *object) {
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)start;
    if (header->e_ident[EI_MAG0] != ELFMAG0 || header->e_ident[EI_MAG1] != ELFMAG1 ||
        header->e_ident[EI_MAG2] != ELFMAG2 || header->e_ident[EI_MAG3] != ELFMAG3 ||
        header->e_phentsize != sizeof(ElfW(Phdr)) || header->e_phnum == 0 ||
        header->e_phoff % sizeof(uintptr_t) != 0 || header->e_phoff > 4096 ||
        header->e_phoff + (uint64_t)header->e_phnum * sizeof(ElfW(Phdr)) > 4096)
        return false; /* more than the first page is not known to be there */
    object->headers = (const ElfW(Phdr) *)(start + header->e_phoff);
    object->n_headers = header->e_phnum;
    for (size_t i = 0; i < object->n_headers; i++)
        if (object->headers[i].p_type == PT_LOAD && object->headers[i].p_offset == 0) {
            object->bias = start - object->headers[i].p_vaddr;
            return true;
        }
    return false;
}

bool sph_object_bounds(const struct sph_object *object, uintptr_t *ret_lo, uintptr_t *ret_hi) {
    uintptr_t lo = UINTPTR_MAX, hi = 0;
    for (size_t i = 0; i < object->n_headers; i++) {
        const ElfW(Phdr) *segment = &object->headers[i];
        if (segment->p_type != PT_LOAD)
            continue;
        uintptr_t start = object->bias + segment->p_vaddr, end = start + segment->p_memsz;
        if (start < lo)
            lo = start;
        if (end > hi)
            hi = end;
    }
    if (lo >= hi)
        return false;
    *ret_lo = lo & ~(uintptr_t)4095; /* where its first page is, which its ELF header begins */
    *ret_hi = hi;
    return true;
}

bool sph_object_holds(const struct sph_object *object, uintptr_t address, size_t bytes,
                      uint32_t flags) {
    for (size_t i = 0; i < object->n_headers; i++) {
        const ElfW(Phdr) *segment = &object->headers[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & flags) != flags)
            continue;
        uintptr_t offset = address - object->bias - segment->p_vaddr;
        if (offset < segment->p_memsz && bytes <= segment->p_memsz - offset)
            return true;
    }
    return false;
}

/* The id's place among the notes of one segment; NULL: not there. */
static const uint8_t *find_note(const uint8_t *notes, size_t left, size_t *ret_len) {
    while (left >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)notes;
        uint64_t name = ((uint64_t)note->n_namesz + 3) & ~UINT64_C(3);
        uint64_t whole = sizeof(*note) + name + (((uint64_t)note->n_descsz + 3) & ~UINT64_C(3));
        if (whole > left)
            return NULL;
        const uint8_t *text = notes + sizeof(*note);
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && text[0] == 'G' &&
            text[1] == 'N' && text[2] == 'U') {
            *ret_len = note->n_descsz;
            return text + name;
        }
        notes += whole;
        left -= (size_t)whole;
    }
    return NULL;
}

size_t sph_object_build_id(const struct sph_object *object, uint8_t *ret_id, size_t size) {
    for (size_t i = 0; i < object->n_headers; i++) {
        const ElfW(Phdr) *segment = &object->headers[i];
        uintptr_t start = object->bias + segment->p_vaddr;
        if (segment->p_type != PT_NOTE || start % 4 != 0 ||
            !sph_object_holds(object, start, segment->p_memsz, PF_R))
            continue;
        size_t len = 0;
        const uint8_t *id = find_note((const uint8_t *)start, segment->p_memsz, &len);
        if (id == NULL)
            continue;
        if (len > size)
            len = size;
        for (size_t k = 0; k < len; k++)
            ret_id[k] = id[k];
        return len;
    }
    return 0;
}
