/* Asked before the launch, so that a package for another processor is refused in words, and is not
 * run by an emulator that the host may have registered for foreign programs: its memory is not the
 * app's. Only what execve itself looks at is read: the header and PT_INTERP. */
#include "agent/process/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#if defined(__x86_64__)
enum { NATIVE_MACHINE = EM_X86_64, NATIVE_CLASS = ELFCLASS64 };
#elif defined(__aarch64__)
enum { NATIVE_MACHINE = EM_AARCH64, NATIVE_CLASS = ELFCLASS64 };
#elif defined(__arm__)
enum { NATIVE_MACHINE = EM_ARM, NATIVE_CLASS = ELFCLASS32 };
#else
#error "native apps are not known on this processor"
#endif

enum {
    HEAD_BYTES = 64 * 1024
}; /* linkers put the program headers and the interpreter's name first */

/* Names as people say them: the sentence is for one who has the wrong package, not for a linker. */
static const char *machine_name(uint16_t machine) {
    static const struct {
        uint16_t machine;
        const char *name;
    } names[] = {{EM_X86_64, "x86-64"},
                 {EM_386, "32-bit x86"},
                 {EM_ARM, "32-bit ARM"},
                 {EM_AARCH64, "64-bit ARM"},
                 {EM_RISCV, "RISC-V"}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(names); i++)
        if (names[i].machine == machine)
            return names[i].name;
    return "another processor";
}

/* 32-bit ARM is what packages for the real device are, so it has a sentence of its own. */
static int check_machine(uint16_t machine, uint8_t class, struct sph_err *err) {
    if (machine == NATIVE_MACHINE && class == NATIVE_CLASS)
        return 0;
    if (machine == EM_ARM)
        return SPH_FAIL(err, -ENOEXEC,
                        "The application is built for 32-bit ARM and this device runs %s programs: "
                        "run it on a virtual device, or build it for this computer.",
                        machine_name(NATIVE_MACHINE));
    return SPH_FAIL(err, -ENOEXEC,
                    "The application is built for %s and this device runs %s programs: build it "
                    "for this computer.",
                    machine_name(machine), machine_name(NATIVE_MACHINE));
}

/* The two classes of header differ in their offsets only; this is what both have. */
struct headers {
    uint64_t offset;
    uint64_t size; /* of one */
    unsigned count;
};

/* Copied out and not pointed to: program headers of a hostile file may lie at an odd address. */
/* True for PT_INTERP. */
static bool read_segment(const uint8_t *head, bool wide, uint32_t *ret_type, uint64_t *ret_offset,
                         uint64_t *ret_size) {
    if (wide) {
        Elf64_Phdr segment;
        memcpy(&segment, head, sizeof(segment));
        *ret_offset = segment.p_offset;
        *ret_size = segment.p_filesz;
        *ret_type = segment.p_type;
    } else {
        Elf32_Phdr segment;
        memcpy(&segment, head, sizeof(segment));
        *ret_offset = segment.p_offset;
        *ret_size = segment.p_filesz;
        *ret_type = segment.p_type;
    }
    return *ret_type == PT_INTERP;
}

/* Every sum is checked against the length first: the file is as hostile as the package that it came
 * in. No PT_INTERP is a static program: ret_name stays empty. */
static int find_interpreter(const uint8_t *data, size_t len, bool wide,
                            const struct headers *headers, char *ret_name, struct sph_err *err) {
    uint64_t least = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    for (unsigned i = 0; i < headers->count; i++) {
        uint64_t at = headers->offset + (uint64_t)i * headers->size;
        if (headers->size < least || at > len || len - at < least)
            return SPH_FAIL(err, -ENOEXEC, "The application's program headers are damaged.");
        uint32_t type;
        uint64_t offset, size;
        if (!read_segment(data + at, wide, &type, &offset, &size))
            continue;
        if (size < 2 || size > SPH_PROGRAM_INTERPRETER || offset > len || len - offset < size ||
            data[offset + size - 1] != '\0')
            return SPH_FAIL(err, -ENOEXEC, "The name of the application's loader is damaged.");
        memcpy(ret_name, data + offset, (size_t)size);
        return 0;
    }
    return 0;
}

int sph_program_parse(const void *data, size_t len, struct sph_program *ret_program,
                      struct sph_err *err) {
    const uint8_t *bytes = data;
    Elf64_Ehdr head;
    Elf32_Ehdr small;
    /* In the order in which a person would want to hear of it: no program at all, the wrong byte
     * order, the wrong processor, and only then what is broken in the right one. */
    if (len < sizeof(small) || memcmp(bytes, ELFMAG, SELFMAG) != 0)
        return SPH_FAIL(err, -ENOEXEC, "The application's entry point is not an ELF program.");
    /* e_type and e_machine are at the same place in both classes. */
    memcpy(&small, bytes, sizeof(small));
    if (bytes[EI_DATA] != ELFDATA2LSB)
        return SPH_FAIL(err, -ENOEXEC, "The application is built for a big-endian processor.");
    struct sph_program program = {.machine = small.e_machine};
    int rc = check_machine(small.e_machine, bytes[EI_CLASS], err);
    if (rc < 0)
        return rc;
    if (small.e_type != ET_EXEC && small.e_type != ET_DYN)
        return SPH_FAIL(err, -ENOEXEC,
                        "The application's entry point is an object file, not a linked program.");
    bool wide = NATIVE_CLASS == ELFCLASS64;
    struct headers headers = {
        .offset = small.e_phoff, .size = small.e_phentsize, .count = small.e_phnum};
    if (wide) {
        if (len < sizeof(head))
            return SPH_FAIL(err, -ENOEXEC, "The application's ELF header is cut short.");
        memcpy(&head, bytes, sizeof(head));
        headers = (struct headers){head.e_phoff, head.e_phentsize, head.e_phnum};
    }
    rc = find_interpreter(bytes, len, wide, &headers, program.interpreter, err);
    if (rc < 0)
        return rc;
    *ret_program = program;
    return 0;
}

int sph_program_read(int root_fd, const char *path, struct sph_program *ret_program,
                     struct sph_err *err) {
    /* A link in the package must not lead out of it. */
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    sph_autoclose int fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "The application's entry point %s cannot be read", path);
    sph_autofree uint8_t *head = malloc(HEAD_BYTES);
    if (!head)
        return SPH_FAIL(err, -ENOMEM, "No memory to read the application's entry point.");
    ssize_t len = sph_fd_read_full(fd, head, HEAD_BYTES);
    if (len < 0)
        return SPH_FAIL_ERRNO(err, (int)len, "The application's entry point %s cannot be read",
                              path);
    return sph_program_parse(head, (size_t)len, ret_program, err);
}
