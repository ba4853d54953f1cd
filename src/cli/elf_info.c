/* Only the header and the program headers are read; everything is checked against the file's
 * length, since the file may be anything that a person names.
 *
 * What is asked is what the kernel will do with it (fs/binfmt_elf.c): the class and machine must
 * be ours, the type EXEC or DYN, and the first PT_INTERP names the loader. Sections are not
 * looked at: a stripped program has none. libelf was rejected for two questions about one
 * header. */
#include "cli/elf_info.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>

#include "base/attr.h"

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

/* In the order in which a person can do something about it: another machine, another file, a broken
 * one. */
static int check_header(const ElfW(Ehdr) * header, struct sph_err *err) {
    if (header->e_ident[EI_CLASS] != HOST_CLASS || header->e_machine != HOST_MACHINE)
        return fail_machine(header->e_machine, err);
    if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
        return SPH_FAIL(err, -ENOEXEC, "this ELF file is no executable (type %u)",
                        (unsigned)header->e_type);
    if (header->e_phentsize != sizeof(ElfW(Phdr)))
        return SPH_FAIL(err, -ENOEXEC, "this ELF file has program headers of an unknown size");
    return 0;
}

/* The headers are copied out before they are looked at: a file in memory has no alignment. A
 * loader's name that is not musl's, an empty one too, needs the host: what it really is, the kernel
 * will say. */
int sph_elf_inspect(const void *data, size_t len, enum sph_elf_needs *ret_needs,
                    struct sph_err *err) {
    static const char musl[] = "/lib/ld-musl-";
    ElfW(Ehdr) header;
    if (len < sizeof(header) || memcmp(data, ELFMAG, SELFMAG) != 0)
        return SPH_FAIL(err, -ENOEXEC, "this is neither an image package nor an executable");
    memcpy(&header, data, sizeof(header));
    int r = check_header(&header, err);
    if (r < 0)
        return r;
    *ret_needs = SPH_ELF_STATIC;
    for (size_t i = 0; i < header.e_phnum; i++) {
        ElfW(Phdr) segment;
        size_t at = header.e_phoff + i * sizeof(segment);
        if (at > len || len - at < sizeof(segment))
            return SPH_FAIL(err, -ENOEXEC, "this ELF file is cut off in its program headers");
        memcpy(&segment, (const char *)data + at, sizeof(segment));
        if (segment.p_type != PT_INTERP)
            continue;
        if (segment.p_offset > len || len - segment.p_offset < segment.p_filesz)
            return SPH_FAIL(err, -ENOEXEC, "this ELF file is cut off in its loader's name");
        bool is_musl = segment.p_filesz >= sizeof(musl) &&
                       memcmp((const char *)data + segment.p_offset, musl, sizeof(musl) - 1) == 0;
        *ret_needs = is_musl ? SPH_ELF_MUSL : SPH_ELF_HOST;
        break; /* the kernel takes the first loader too (load_elf_binary) */
    }
    return 0;
}
