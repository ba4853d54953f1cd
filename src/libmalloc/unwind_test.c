/* x86-64 is held against the compiler's own unwinder, on the stacks of this program; ARM against
 * tables written by hand from the ABI's document. */
#include "libmalloc/unwind.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/testing.h"

/* Of this process, whatever it is: an address that is not there is a failed read. */
static bool read_self(void *context, uintptr_t address, void *ret_bytes, size_t bytes) {
    (void)context;
    struct iovec here = {.iov_base = ret_bytes, .iov_len = bytes};
    struct iovec there = {.iov_base = (void *)address, .iov_len = bytes};
    return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == (ssize_t)bytes;
}

enum { DEPTH = 64 };
struct walk {
    void *ours[DEPTH], *theirs[DEPTH];
    int n_ours, n_theirs;
};
static struct walk walk;

#if defined(__x86_64__)
struct wanted {
    uintptr_t pc;
    struct sph_unwind_table table;
};

static int find_table(struct dl_phdr_info *info, size_t size, void *context) {
    struct wanted *wanted = context;
    struct sph_unwind_table table = {.bytes = 0};
    bool holds = false;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && wanted->pc - start < header->p_memsz)
            holds = true;
        if (header->p_type == PT_GNU_EH_FRAME)
            table = (struct sph_unwind_table){.address = start, .bytes = header->p_memsz};
    }
    if (holds)
        wanted->table = table;
    return holds;
}

static struct sph_unwind_table table_of(uint64_t pc) {
    struct wanted wanted = {.pc = pc};
    (void)dl_iterate_phdr(find_table, &wanted);
    return wanted.table;
}

/* The frame of whoever this is expanded in. */
#define FRAME_HERE(frame)                                                                          \
    __asm__ volatile("lea 0(%%rip), %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2"                          \
                     : "=&r"((frame).pc), "=&r"((frame).sp), "=&r"((frame).bp))

static __attribute__((noinline)) void take_both(void) {
    const struct sph_unwind_memory memory = {.read = read_self};
    struct sph_unwind_x86_64 frame;
    walk = (struct walk){.n_ours = 0};
    FRAME_HERE(frame);
    walk.n_theirs = backtrace(walk.theirs, DEPTH);
    while (walk.n_ours < DEPTH) {
        struct sph_unwind_table table = table_of(frame.pc);
        walk.ours[walk.n_ours++] = (void *)frame.pc;
        if (!sph_unwind_x86_64_step(&memory, &table, &frame))
            break;
    }
}

/* Innermost is take_both() itself, at two of its instructions; before it theirs may show an
 * interceptor of a sanitizer. */
static void check_both(int least) {
    int skipped = 0;
    assert_true(walk.n_ours >= least);
    while (skipped < walk.n_theirs && walk.theirs[skipped] != walk.ours[1])
        skipped++;
    assert_true(skipped <= 2);
    for (int i = 0; skipped + i < walk.n_theirs && 1 + i < walk.n_ours; i++)
        assert_ptr_equal(walk.ours[1 + i], walk.theirs[skipped + i]);
}

static int compare(const void *a, const void *b) {
    take_both();
    return *(const int *)a - *(const int *)b;
}

static void test_through_the_c_library(void **state) {
    (void)state;
    int numbers[] = {2, 1};
    qsort(numbers, 2, sizeof(int), compare);
    assert_int_equal(numbers[0], 1);
    check_both(6);
}

/* Frames with alignment, with much on them, and with registers saved. */
static __attribute__((noinline)) int large(int n) {
    volatile char block[5000];
    block[n] = (char)n;
    take_both();
    return block[n];
}

static __attribute__((noinline)) int aligned(int n) {
    volatile __attribute__((aligned(64))) char block[100];
    block[n] = (char)(large(n) + 1);
    return block[n];
}

/* Through a pointer, so that no compiler makes a loop of it. */
static int (*volatile again)(int);
static __attribute__((noinline)) int deep(int n) {
    return n == 0 ? aligned(3) : again(n - 1) + 1;
}

static void test_frames_of_many_shapes(void **state) {
    (void)state;
    again = deep;
    assert_int_equal(deep(10), 14);
    check_both(14);
}

/* Any bytes of the table changed: never a crash, and never a walk that goes on for ever. */
static void test_damaged_tables_end_the_walk(void **state) {
    (void)state;
    const struct sph_unwind_memory memory = {.read = read_self};
    struct sph_unwind_x86_64 start;
    FRAME_HERE(start);
    struct sph_unwind_table table = table_of(start.pc);
    uint8_t *copy = malloc(table.bytes);
    assert_non_null(copy);
    srand(7);
    for (int round = 0; round < 2000; round++) {
        memcpy(copy, (void *)table.address, table.bytes);
        for (int i = 0; i < 20; i++)
            copy[(size_t)rand() % (round % 2 ? 16 : table.bytes)] ^= (uint8_t)(1 << rand() % 8);
        struct sph_unwind_table bad = {.address = (uintptr_t)copy, .bytes = table.bytes};
        struct sph_unwind_x86_64 frame = start;
        uint64_t last = frame.sp;
        for (int i = 0; sph_unwind_x86_64_step(&memory, &bad, &frame); i++) {
            assert_true(frame.sp > last && i < 100000);
            last = frame.sp;
        }
    }
    free(copy);
}
#endif

/* ---- ARM ---- */

/* A small memory of 32-bit addresses: table at 0x1000, extra tables at 0x1100, stack at 0x2000. */
struct arm_memory {
    uint32_t table[64], extra[64], stack[64];
};

static bool read_arm(void *context, uintptr_t address, void *ret_bytes, size_t bytes) {
    struct arm_memory *memory = context;
    const struct {
        uintptr_t from;
        uint32_t *words;
    } parts[] = {{0x1000, memory->table}, {0x1100, memory->extra}, {0x2000, memory->stack}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(parts); i++)
        if (address >= parts[i].from && address + bytes <= parts[i].from + 256) {
            memcpy(ret_bytes, (uint8_t *)parts[i].words + (address - parts[i].from), bytes);
            return true;
        }
    return false;
}

static uint32_t prel(uint32_t place, uint32_t target) {
    return (target - place) & 0x7fffffff;
}

struct arm_case {
    const char *label;
    uint32_t word;     /* of the index entry; 0: extra[0] is led to */
    uint32_t extra[4]; /* at 0x1100 */
    bool steps;
    uint32_t sp, pc; /* of the caller */
};

/* The stack holds 0x3001, 0x3003, 0x3005 …; lr is 0x4001, r7 0x2040 and r11 0x2080. */
static const struct arm_case arm_cases[] = {
    {"leaf that pushed nothing", 0x80b0b0b0, {0}, false, 0, 0}, /* sp stays: no caller of malloc */
    {"vsp += 4", 0x8000b0b0, {0}, true, 0x2004, 0x4001},
    {"vsp += 256", 0x803fb0b0, {0}, true, 0x2100, 0x4001},
    {"pop r4, lr", 0x80a8b0b0, {0}, true, 0x2008, 0x3003},
    {"pop r4 to r7, lr", 0x80abb0b0, {0}, true, 0x2014, 0x3009},
    {"pop r4 to r11", 0x80a7b0b0, {0}, true, 0x2020, 0x4001},
    {"pop by mask: r4, r5, pc", 0x808803b0, {0}, true, 0x200c, 0x3005},
    {"sub sp then pop", 0x8001a8b0, {0}, true, 0x2010, 0x3007},
    {"vsp = r7, pop r7 and lr", 0x80978408, {0}, true, 0x2048, 0x3023},
    {"vsp = r11", 0x809bb0b0, {0}, true, 0x2080, 0x4001},
    {"vsp = r4, which nobody knows", 0x8094b0b0, {0}, false, 0, 0},
    {"vsp = sp is reserved", 0x809db0b0, {0}, false, 0, 0},
    {"pop d8, d9 (vpush)", 0x80d1b0b0, {0}, true, 0x2010, 0x4001},
    {"pop d8 (fstmfdx)", 0x80b8b0b0, {0}, true, 0x200c, 0x4001},
    {"pop d8 to d10 with operand", 0x80c982b0, {0}, true, 0x2018, 0x4001},
    {"vsp += uleb", 0x80b201b0, {0}, false, 0x2208, 0}, /* off the small stack, lr still known */
    {"pop r0, r1", 0x80b103b0, {0}, true, 0x2008, 0x4001},
    {"pop none of r0 to r3", 0x80b100b0, {0}, false, 0, 0},
    {"can't unwind", 1, {0}, false, 0, 0},
    {"refuse to unwind", 0x808000b0, {0}, false, 0, 0},
    {"model 1, two words", 0, {0x810100ab, 0xb0b0b0b0}, true, 0x2018, 0x300b},
    {"model 2", 0, {0x82000003, 0}, true, 0x2014, 0x4001},
    {"model 3 there is none", 0, {0x83000003, 0}, false, 0, 0},
    {"C++'s personality", 0, {0x00000100, 0x00a8b0b0}, true, 0x2008, 0x3003},
    {"a spare code", 0x80cab0b0, {0}, false, 0, 0},
};

static bool arm_step(const struct arm_case *row, struct sph_unwind_arm *frame) {
    struct arm_memory memory = {.table = {0}};
    memory.table[0] = prel(0x1000, 0x4000);
    memory.table[1] = 1;
    memory.table[2] = prel(0x1008, 0x5000);
    memory.table[3] = row->word ? row->word : prel(0x100c, 0x1100);
    memory.table[4] = prel(0x1010, 0x6000);
    memory.table[5] = 1;
    memcpy(memory.extra, row->extra, sizeof(row->extra));
    for (uint32_t i = 0; i < 64; i++)
        memory.stack[i] = 0x3001 + 2 * i;
    const struct sph_unwind_memory access = {.read = read_arm, .context = &memory};
    const struct sph_unwind_table table = {.address = 0x1000, .bytes = 24};
    return sph_unwind_arm_step(&access, &table, frame);
}

static struct sph_unwind_arm arm_frame(uint32_t pc) {
    struct sph_unwind_arm frame = {.known = 1u << 7 | 1u << 11 | 1u << 13 | 1u << 14 | 1u << 15};
    frame.r[7] = 0x2040;
    frame.r[11] = 0x2080;
    frame.r[13] = 0x2000;
    frame.r[14] = 0x4001;
    frame.r[15] = pc;
    return frame;
}

static void test_arm_programs(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(arm_cases); i++) {
        const struct arm_case *row = &arm_cases[i];
        struct sph_unwind_arm frame = arm_frame(0x5011), before = frame;
        bool steps = arm_step(row, &frame);
        if (strcmp(row->label, "vsp += uleb") == 0) {
            assert_true(steps && frame.r[13] == 0x2208 && frame.r[15] == 0x4001);
            continue;
        }
        if (steps != row->steps || (steps && (frame.r[13] != row->sp || frame.r[15] != row->pc)))
            fail_msg("%s: %d, sp 0x%x, pc 0x%x", row->label, steps, frame.r[13], frame.r[15]);
        if (!steps)
            assert_memory_equal(&frame, &before, sizeof(frame));
    }
}

/* The entry is that of the function which holds the call, also when it is its last instruction. */
static void test_arm_search(void **state) {
    (void)state;
    const struct arm_case row = {.word = 0x80a8b0b0};
    const struct {
        uint32_t pc;
        bool steps;
    } rows[] = {{0x3fff, false}, {0x4001, false}, {0x5001, false},    {0x5003, true},
                {0x6001, true},  {0x6003, false}, {0xffffffff, false}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_unwind_arm frame = arm_frame(rows[i].pc);
        if (arm_step(&row, &frame) != rows[i].steps)
            fail_msg("pc 0x%x", rows[i].pc);
    }
}

/* lr is used up by the step that took it: the same function cannot be its own caller for ever. */
static void test_arm_lr_is_used_once(void **state) {
    (void)state;
    const struct arm_case row = {.word = 0x8000b0b0};
    struct sph_unwind_arm frame = arm_frame(0x5011);
    frame.r[14] = 0x5021;
    assert_true(arm_step(&row, &frame));
    assert_int_equal(frame.r[15], 0x5021);
    assert_false(arm_step(&row, &frame));
}

int main(void) {
    const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
        cmocka_unit_test(test_through_the_c_library),
        cmocka_unit_test(test_frames_of_many_shapes),
        cmocka_unit_test(test_damaged_tables_end_the_walk),
#endif
        cmocka_unit_test(test_arm_programs),
        cmocka_unit_test(test_arm_search),
        cmocka_unit_test(test_arm_lr_is_used_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
