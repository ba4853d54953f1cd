/* The program headers and the notes that they name: sections are not looked at, since what is
 * stripped may have none. A separate debug file keeps both headers, and its notes' content. */
#include "profile/object.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/cleanup.h"
#include "base/file.h"

enum {
    HEAD_BYTES = 64 << 10, /* linkers put the headers and the build id's note in the first page */
    SEGMENTS_MAX = 64,
    PAGE_BYTES = 4096,
};

struct bytes {
    const uint8_t *data;
    size_t len;
    bool is_64;
};

struct segment {
    uint32_t type;
    uint64_t offset, address, file_bytes, align;
};

static bool has(const struct bytes *bytes, uint64_t offset, uint64_t len) {
    return offset <= bytes->len && len <= bytes->len - offset;
}

static bool get_segment(const struct bytes *bytes, uint64_t offset, struct segment *ret_segment) {
    Elf64_Phdr wide;
    Elf32_Phdr narrow;
    if (!has(bytes, offset, bytes->is_64 ? sizeof(wide) : sizeof(narrow)))
        return false;
    if (bytes->is_64) {
        memcpy(&wide, bytes->data + offset, sizeof(wide));
        *ret_segment =
            (struct segment){wide.p_type, wide.p_offset, wide.p_vaddr, wide.p_filesz, wide.p_align};
    } else {
        memcpy(&narrow, bytes->data + offset, sizeof(narrow));
        *ret_segment = (struct segment){narrow.p_type, narrow.p_offset, narrow.p_vaddr,
                                        narrow.p_filesz, narrow.p_align};
    }
    return true;
}

/* Names and contents are padded to the segment's alignment, which is 4, or 8 in some files. */
static void read_notes(const struct bytes *bytes, const struct segment *notes,
                       struct sph_object *object) {
    uint64_t pad = notes->align == 8 ? 8 : 4;
    uint64_t at = notes->offset, end = notes->offset + notes->file_bytes;
    Elf64_Nhdr note; /* the same in both classes */
    if (!has(bytes, notes->offset, notes->file_bytes))
        return;
    while (end - at >= sizeof(note)) {
        memcpy(&note, bytes->data + at, sizeof(note));
        uint64_t name = at + sizeof(note);
        uint64_t content = name + (note.n_namesz + pad - 1) / pad * pad;
        uint64_t next = content + (note.n_descsz + pad - 1) / pad * pad;
        if (content > end || note.n_descsz > end - content)
            return;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(bytes->data + name, "GNU", 4) == 0 && note.n_descsz <= SPH_BUILD_ID_MAX) {
            memcpy(object->build_id, bytes->data + content, note.n_descsz);
            object->build_id_len = note.n_descsz;
            return;
        }
        if (next > end)
            return;
        at = next;
    }
}

static bool get_header(struct bytes *bytes, Elf64_Ehdr *ret_header) {
    if (bytes->len < sizeof(Elf32_Ehdr) || memcmp(bytes->data, ELFMAG, SELFMAG) != 0 ||
        bytes->data[EI_DATA] != ELFDATA2LSB)
        return false;
    bytes->is_64 = bytes->data[EI_CLASS] == ELFCLASS64;
    if (bytes->is_64) {
        if (bytes->len < sizeof(*ret_header))
            return false;
        memcpy(ret_header, bytes->data, sizeof(*ret_header));
        return ret_header->e_phentsize == sizeof(Elf64_Phdr);
    }
    Elf32_Ehdr narrow;
    memcpy(&narrow, bytes->data, sizeof(narrow));
    *ret_header = (Elf64_Ehdr){
        .e_machine = narrow.e_machine, .e_phoff = narrow.e_phoff, .e_phnum = narrow.e_phnum};
    return narrow.e_phentsize == sizeof(Elf32_Phdr);
}

int sph_object_parse(const void *data, size_t len, struct sph_object *ret_object) {
    struct bytes bytes = {.data = data, .len = len};
    struct sph_object object = {.first_address = UINT64_MAX};
    struct segment segment;
    Elf64_Ehdr header;
    if (!get_header(&bytes, &header) || header.e_phnum > SEGMENTS_MAX)
        return -ENOEXEC;
    uint64_t step = bytes.is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    for (unsigned i = 0; i < header.e_phnum; i++) {
        if (header.e_phoff > len || !get_segment(&bytes, header.e_phoff + i * step, &segment))
            return -ENOEXEC;
        if (segment.type == PT_LOAD && segment.address < object.first_address)
            object.first_address = segment.address;
        if (segment.type == PT_NOTE && object.build_id_len == 0)
            read_notes(&bytes, &segment, &object);
    }
    if (object.first_address == UINT64_MAX)
        return -ENOEXEC;
    object.first_address -= object.first_address % PAGE_BYTES;
    object.machine = header.e_machine;
    *ret_object = object;
    return 0;
}

int sph_object_read(int dirfd, const char *path, struct sph_object *ret_object) {
    struct stat st;
    sph_autoclose int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return -ENOEXEC;
    sph_autofree uint8_t *head = malloc(HEAD_BYTES);
    if (!head)
        return -ENOMEM;
    ssize_t len = sph_fd_read_full(fd, head, HEAD_BYTES);
    return len < 0 ? (int)len : sph_object_parse(head, (size_t)len, ret_object);
}
