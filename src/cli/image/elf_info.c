/* Only the header and the program headers are read; everything is checked against the file's
 * length, since the file may be anything that a person names.
 *
 * What is asked is what a kernel will do with it (fs/binfmt_elf.c): the class and machine must
 * be one of two, the type EXEC or DYN, and the first PT_INTERP names the loader. Sections are not
 * looked at: a stripped program has none. libelf was rejected for two questions about one
 * header. */
#include "cli/image/elf_info.h"

#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/text.h"

#if defined(__x86_64__)
#define HOST_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define HOST_MACHINE EM_AARCH64
#elif defined(__arm__)
#define HOST_MACHINE EM_ARM
#elif defined(__i386__)
#define HOST_MACHINE EM_386
#else
#define HOST_MACHINE EM_NONE
#endif

#if __SIZEOF_POINTER__ == 8
#define HOST_CLASS ELFCLASS64
#else
#define HOST_CLASS ELFCLASS32
#endif

/* The processors that image packages and this machine are met with. */
static const char *machine_name(unsigned machine) {
    static const struct {
        unsigned machine;
        const char *name;
    } names[] = {
        {EM_ARM, "32-bit ARM"}, {EM_AARCH64, "64-bit ARM"}, {EM_386, "32-bit x86"},
        {EM_X86_64, "x86-64"},  {EM_RISCV, "RISC-V"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(names); i++)
        if (names[i].machine == machine)
            return names[i].name;
    return NULL;
}

static int fail_machine(unsigned machine, struct sph_err *err) {
    const char *name = machine_name(machine);
    const char *host = machine_name(HOST_MACHINE);
    if (name && host && machine != HOST_MACHINE)
        return SPH_FAIL(err, -ENOEXEC, "this executable is for %s, and this machine is %s", name,
                        host);
    return SPH_FAIL(err, -ENOEXEC,
                    "this executable is for another kind of processor (ELF machine %u)", machine);
}

const char *sph_elf_machine_text(unsigned machine) {
    const char *name = machine_name(machine);
    return name ? name : "another kind of processor";
}

const char *sph_elf_machine_name(enum sph_elf_machine machine) {
    const char *name = machine_name(machine == SPH_ELF_ARM ? EM_ARM : HOST_MACHINE);
    return name ? name : "this machine";
}

/* The fields that are looked at, the same of both widths. */
struct header {
    unsigned type, machine;
    uint64_t segments_at;
    size_t segment_count, segment_bytes;
    bool is_wide;
};
struct segment {
    unsigned type;
    uint64_t at, bytes;
};

#define COPY_HEADER(from, ret)                                                                     \
    (*(ret) = (struct header){.type = (from).e_type,                                               \
                              .machine = (from).e_machine,                                         \
                              .segments_at = (from).e_phoff,                                       \
                              .segment_count = (from).e_phnum,                                     \
                              .segment_bytes = (from).e_phentsize})

/* The headers are copied out before they are looked at: a file in memory has no alignment. */
static bool read_header(const unsigned char *data, size_t len, struct header *ret_header) {
    Elf32_Ehdr narrow;
    Elf64_Ehdr wide;
    if (len < sizeof(narrow) || memcmp(data, ELFMAG, SELFMAG) != 0)
        return false;
    bool is_wide = data[EI_CLASS] != ELFCLASS32;
    if (is_wide && len < sizeof(wide))
        return false;
    if (is_wide) {
        memcpy(&wide, data, sizeof(wide));
        COPY_HEADER(wide, ret_header);
    } else {
        memcpy(&narrow, data, sizeof(narrow));
        COPY_HEADER(narrow, ret_header);
    }
    ret_header->is_wide = is_wide;
    return true;
}

static bool read_segment(const unsigned char *data, size_t len, const struct header *header,
                         size_t i, struct segment *ret_segment) {
    uint64_t at = header->segments_at + i * header->segment_bytes;
    if (at > len || len - at < header->segment_bytes)
        return false;
    if (header->is_wide) {
        Elf64_Phdr wide;
        memcpy(&wide, data + at, sizeof(wide));
        *ret_segment = (struct segment){wide.p_type, wide.p_offset, wide.p_filesz};
    } else {
        Elf32_Phdr narrow;
        memcpy(&narrow, data + at, sizeof(narrow));
        *ret_segment = (struct segment){narrow.p_type, narrow.p_offset, narrow.p_filesz};
    }
    return true;
}

/* In the order in which a person can do something about it: another machine, another file, a broken
 * one. */
static int check_header(const unsigned char *data, const struct header *header,
                        enum sph_elf_machine *ret_machine, struct sph_err *err) {
    if (data[EI_CLASS] == HOST_CLASS && header->machine == HOST_MACHINE)
        *ret_machine = SPH_ELF_THIS;
    else if (data[EI_CLASS] == ELFCLASS32 && data[EI_DATA] == ELFDATA2LSB &&
             header->machine == EM_ARM)
        *ret_machine = SPH_ELF_ARM;
    else
        return fail_machine(header->machine, err);
    if (header->type != ET_EXEC && header->type != ET_DYN)
        return SPH_FAIL(err, -ENOEXEC, "this ELF file is no executable (type %u)", header->type);
    if (header->segment_bytes != (header->is_wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
        return SPH_FAIL(err, -ENOEXEC, "this ELF file has program headers of an unknown size");
    return 0;
}

/* A loader's name that is not musl's, an empty one too, needs the host: what it really is, the
 * kernel will say. A virtual device has the loader of one ABI, and no other would be found there.
 */
static enum sph_elf_needs needs_of(enum sph_elf_machine machine, const char *name, size_t len) {
    static const char any[] = "/lib/ld-musl-";
    static const char arm[] = "/lib/ld-musl-armhf.so.1";
    bool is_musl = machine == SPH_ELF_ARM
                       ? len >= sizeof(arm) && memcmp(name, arm, sizeof(arm)) == 0
                       : len >= sizeof(any) && memcmp(name, any, sizeof(any) - 1) == 0;
    return is_musl ? SPH_ELF_MUSL : SPH_ELF_HOST;
}

/* The first loader, which the kernel takes too (load_elf_binary). */
static int find_loader(const unsigned char *data, size_t len, const struct header *header,
                       struct sph_elf *elf, struct sph_err *err) {
    for (size_t i = 0; i < header->segment_count; i++) {
        struct segment segment;
        if (!read_segment(data, len, header, i, &segment))
            return SPH_FAIL(err, -ENOEXEC, "this ELF file is cut off in its program headers");
        if (segment.type != PT_INTERP)
            continue;
        if (segment.at > len || len - segment.at < segment.bytes)
            return SPH_FAIL(err, -ENOEXEC, "this ELF file is cut off in its loader's name");
        const char *name = (const char *)data + segment.at;
        elf->needs = needs_of(elf->machine, name, segment.bytes);
        sph_text_printable(name, strnlen(name, segment.bytes), elf->loader, sizeof(elf->loader));
        return 0;
    }
    return 0;
}

int sph_elf_inspect(const void *data, size_t len, struct sph_elf *ret_elf, struct sph_err *err) {
    struct sph_elf elf = {.needs = SPH_ELF_STATIC};
    struct header header;
    if (!read_header(data, len, &header))
        return SPH_FAIL(err, -ENOEXEC, "this is neither an image package nor an executable");
    int r = check_header(data, &header, &elf.machine, err);
    if (r == 0)
        r = find_loader(data, len, &header, &elf, err);
    if (r == 0)
        *ret_elf = elf;
    return r;
}
