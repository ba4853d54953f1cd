/* Between the fault and the stop nothing of the thread has run in user mode: its registers are
 * those of the instruction or of the system call. A system call may have gone on to further pages,
 * which are all counted, so the one that crossed is found from the last one back. */
#include "agent/trace/crossing.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/cleanup.h"

enum {
    PAGE = 4096,
    PAGES_MAX = 2 * SPH_FAULT_RANGES_MAX, /* no instruction is wider than a page */
    CALL_PAGES_MAX = 65536,               /* of a system call's buffer: far above any ration */
    CHUNK = 512,
    PARTS_MAX = 16, /* of a readv */
};

#define PAGEMAP_PRESENT ((uint64_t)1 << 63)
#define PAGEMAP_FILE ((uint64_t)1 << 61) /* shared memory too */

/* Registers, as far as a system call or an instruction's bytes need them. */
struct place {
    bool in_call;
    long call, result;
    uint64_t arguments[6];
    uint64_t pc;
};

struct look {
    const struct sph_crossing_question *question;
    int pagemap;
    struct place place;
};

/* ---- the thread ---- */

#if defined(__x86_64__)
enum { USER_CODE = 0x33 }; /* the segment of 64-bit code */
typedef struct user_regs_struct registers_t;

static void read_place(const registers_t *from, struct place *ret_place) {
    *ret_place = (struct place){
        .in_call = (long)from->orig_rax >= 0,
        .call = (long)from->orig_rax,
        .result = (long)from->rax,
        .arguments = {from->rdi, from->rsi, from->rdx, from->r10, from->r8, from->r9},
        .pc = from->rip,
    };
}

static int decode(const registers_t *from, const uint8_t *code, size_t len,
                  struct sph_fault_ranges *ret_ranges) {
    const struct sph_fault_x86_64 state = {
        .registers = {from->rax, from->rcx, from->rdx, from->rbx, from->rsp, from->rbp, from->rsi,
                      from->rdi, from->r8, from->r9, from->r10, from->r11, from->r12, from->r13,
                      from->r14, from->r15},
        .pc = from->rip,
        .fs_base = from->fs_base,
        .gs_base = from->gs_base,
    };
    return from->cs == USER_CODE ? sph_fault_address_x86_64(code, len, &state, ret_ranges)
                                 : SPH_CROSSING_E_UNKNOWN;
}
#elif defined(__arm__)
typedef struct user_regs registers_t;

/* r0 as it was at the call; -1 after anything but a call. */
static void read_place(const registers_t *from, struct place *ret_place) {
    const unsigned long *r = from->uregs;
    *ret_place = (struct place){
        .in_call = r[17] != (unsigned long)-1,
        .call = (long)r[7],
        .result = (long)r[0],
        .arguments = {r[17], r[1], r[2], r[3], r[4], r[5]},
        .pc = r[15],
    };
}

static int decode(const registers_t *from, const uint8_t *code, size_t len,
                  struct sph_fault_ranges *ret_ranges) {
    struct sph_fault_arm state = {.cpsr = (uint32_t)from->uregs[16]};
    for (unsigned i = 0; i < 16; i++)
        state.registers[i] = (uint32_t)from->uregs[i];
    return sph_fault_address_arm(code, len, &state, ret_ranges);
}
#else
typedef struct user_regs_struct registers_t;

static void read_place(const registers_t *from, struct place *ret_place) {
    (void)from;
    *ret_place = (struct place){.in_call = false};
}

static int decode(const registers_t *from, const uint8_t *code, size_t len,
                  struct sph_fault_ranges *ret_ranges) {
    (void)from, (void)code, (void)len, (void)ret_ranges;
    return SPH_CROSSING_E_UNKNOWN;
}
#endif

/* As much of it as can be read: two parts, since the second page may not be there. */
static size_t read_memory(pid_t tid, uint64_t address, void *ret_bytes, size_t len) {
    size_t to_page = PAGE - (size_t)(address % PAGE), first = to_page < len ? to_page : len;
    struct iovec to = {.iov_base = ret_bytes, .iov_len = len};
    struct iovec from[] = {
        {.iov_base = (void *)(uintptr_t)address, .iov_len = first},
        {.iov_base = (void *)(uintptr_t)(address + first), .iov_len = len - first},
    };
    ssize_t got = process_vm_readv(tid, &to, 1, from, first < len ? 2 : 1, 0);
    return got > 0 ? (size_t)got : 0;
}

static size_t read_pagemap(const struct look *look, uint64_t first_page, uint64_t *ret_entries,
                           size_t count) {
    ssize_t got = pread(look->pagemap, ret_entries, count * sizeof(*ret_entries),
                        (off_t)(first_page * sizeof(*ret_entries)));
    return got > 0 ? (size_t)got / sizeof(*ret_entries) : 0;
}

static bool is_counted(const struct look *look, uint64_t entry) {
    return (entry & PAGEMAP_PRESENT) && !(entry & PAGEMAP_FILE) == !look->question->shared;
}

static bool is_zero(const struct look *look, uint64_t page) {
    static const uint8_t zero[PAGE];
    uint8_t bytes[PAGE];
    return read_memory(look->question->tid, page * PAGE, bytes, PAGE) == PAGE &&
           memcmp(bytes, zero, PAGE) == 0;
}

/* ---- an instruction ---- */

const struct sph_crossing_page *sph_crossing_choose(const struct sph_crossing_page *pages,
                                                    size_t n_pages) {
    const struct sph_crossing_page *counted = NULL, *zero = NULL, *zero_written = NULL;
    size_t n_counted = 0, n_zero = 0, n_zero_written = 0;
    for (size_t i = 0; i < n_pages; i++) {
        if (!pages[i].is_counted)
            continue;
        counted = &pages[i];
        n_counted++;
        if (!pages[i].is_zero)
            continue;
        zero = &pages[i];
        n_zero++;
        if (pages[i].is_written) {
            zero_written = &pages[i];
            n_zero_written++;
        }
    }
    if (n_counted == 1)
        return counted;
    /* Of several that hold nothing, some were there before: what is written is the likelier to be
     * new. */
    return n_zero == 1 ? zero : n_zero_written == 1 ? zero_written : NULL;
}

static void add_page(const struct look *look, uint64_t address, bool is_written,
                     struct sph_crossing_page *ret_page) {
    uint64_t entry = 0;
    bool counted = read_pagemap(look, address / PAGE, &entry, 1) == 1 && is_counted(look, entry);
    *ret_page = (struct sph_crossing_page){
        .address = address,
        .is_counted = counted,
        .is_zero = counted && is_zero(look, address / PAGE),
        .is_written = is_written,
    };
}

static int find_by_instruction(const struct look *look, const registers_t *registers,
                               uint64_t *ret_address) {
    uint8_t code[SPH_FAULT_CODE_MAX];
    struct sph_fault_ranges ranges;
    struct sph_crossing_page pages[PAGES_MAX];
    size_t n_pages = 0;
    size_t len = read_memory(look->question->tid, look->place.pc, code, sizeof(code));
    if (decode(registers, code, len, &ranges) != 0)
        return SPH_CROSSING_E_UNKNOWN;
    for (unsigned i = 0; i < ranges.count; i++) {
        uint64_t first = ranges.list[i].address, last = first + ranges.list[i].bytes - 1;
        add_page(look, first, i == 0, &pages[n_pages++]);
        if (last / PAGE != first / PAGE)
            add_page(look, last / PAGE * PAGE, i == 0, &pages[n_pages++]);
    }
    const struct sph_crossing_page *page = sph_crossing_choose(pages, n_pages);
    if (!page)
        return SPH_CROSSING_E_UNKNOWN;
    *ret_address = page->address;
    return 0;
}

/* ---- a system call ---- */

/* Those that fill a buffer of the caller's, by the numbers of the arguments that say where it is.
 */
static const struct call {
    long number;
    unsigned address, bytes;
} calls[] = {
    {SYS_read, 1, 2},      {SYS_pread64, 1, 2},    {SYS_recvfrom, 1, 2},
    {SYS_getrandom, 0, 1}, {SYS_getdents64, 1, 2}, {SYS_readlinkat, 2, 3},
};

static bool fills_parts(long number) {
    return number == SYS_readv || number == SYS_preadv;
}

#ifdef SYS_mmap2
enum { MAP_CALL = SYS_mmap2 };
#else
enum { MAP_CALL = SYS_mmap };
#endif

/* The pages of one range that are there, in order; the last `CALL_PAGES_MAX` bytes are not known
 * of any longer range. */
struct tail {
    uint64_t back;    /* pages to go back from the last */
    uint64_t counted; /* so far */
    uint64_t ring[CHUNK];
};

static void walk(const struct look *look, uint64_t address, uint64_t bytes, struct tail *tail) {
    uint64_t entries[CHUNK], page = address / PAGE;
    uint64_t end = bytes ? (address + bytes - 1) / PAGE + 1 : page;
    if (end > page + CALL_PAGES_MAX)
        end = page + CALL_PAGES_MAX;
    while (page < end) {
        size_t count = end - page < CHUNK ? (size_t)(end - page) : CHUNK;
        size_t got = read_pagemap(look, page, entries, count);
        for (size_t i = 0; i < got; i++)
            if (is_counted(look, entries[i])) {
                uint64_t start = (page + i) * PAGE;
                tail->ring[tail->counted++ % CHUNK] = start > address ? start : address;
            }
        if (got < count)
            return;
        page += count;
    }
}

static void walk_parts(const struct look *look, uint64_t left, struct tail *tail) {
    struct {
        unsigned long address, bytes;
    } parts[PARTS_MAX];
    uint64_t count = look->place.arguments[2] < PARTS_MAX ? look->place.arguments[2] : PARTS_MAX;
    size_t got = read_memory(look->question->tid, look->place.arguments[1], parts,
                             (size_t)count * sizeof(parts[0]));
    for (size_t i = 0; i < got / sizeof(parts[0]) && left > 0; i++) {
        uint64_t bytes = parts[i].bytes < left ? parts[i].bytes : left;
        walk(look, parts[i].address, bytes, tail);
        left -= bytes;
    }
}

/* What it says to have written bounds the range; where it was cut short by its end it says less. */
static int find_by_call(const struct look *look, uint64_t *ret_address) {
    const struct place *place = &look->place;
    struct tail tail = {.back = look->question->more_bytes / PAGE};
    uint64_t most = place->result > 0 ? (uint64_t)place->result : UINT64_MAX;
    if (fills_parts(place->call))
        walk_parts(look, most, &tail);
    else if (place->call == MAP_CALL && (place->arguments[3] & MAP_POPULATE) &&
             (unsigned long)place->result < (unsigned long)-PAGE)
        walk(look, (unsigned long)place->result, place->arguments[1], &tail);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(calls); i++)
        if (calls[i].number == place->call) {
            uint64_t bytes = place->arguments[calls[i].bytes];
            walk(look, place->arguments[calls[i].address], bytes < most ? bytes : most, &tail);
        }
    if (tail.counted <= tail.back || tail.back >= CHUNK)
        return SPH_CROSSING_E_UNKNOWN;
    *ret_address = tail.ring[(tail.counted - 1 - tail.back) % CHUNK];
    return 0;
}

int sph_crossing_find(const struct sph_crossing_question *question, uint64_t *ret_address) {
    registers_t registers;
    struct iovec part = {.iov_base = &registers, .iov_len = sizeof(registers)};
    char path[32];
    (void)snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)question->tid);
    sph_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 ||
        ptrace(PTRACE_GETREGSET, question->tid, (void *)(uintptr_t)NT_PRSTATUS, &part) < 0)
        return -errno;
    struct look look = {.question = question, .pagemap = fd};
    if (part.iov_len != sizeof(registers)) /* of another instruction set than the agent's */
        return SPH_CROSSING_E_UNKNOWN;
    read_place(&registers, &look.place);
    return look.place.in_call ? find_by_call(&look, ret_address)
                              : find_by_instruction(&look, &registers, ret_address);
}
