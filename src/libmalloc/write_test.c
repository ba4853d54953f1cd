/* The writer over a region of the test's own: addresses that no allocator gives on this machine.
 * Blocks are numbers here; nobody touches them. What real programs do is in truth_test.c and
 * case_test.c. */
#include "libmalloc/write.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/testing.h"
#include "libmalloc/back.h"
#include "wire/ledger_read.h"

#define MIB (UINT64_C(1) << 20)
#define CALLER ((uintptr_t)0x7000)

/* ---- back.h: one program, which holds every address ---- */

static const ElfW(Phdr) headers[] = {
    {.p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = 0x1000, .p_memsz = 0x10000}};

bool sph_back_object(const struct sph_ledger *ledger, uintptr_t address,
                     struct sph_object *ret_object) {
    (void)ledger;
    (void)address;
    *ret_object = (struct sph_object){.kind = SPH_OBJECT_APP, .headers = headers, .n_headers = 1};
    return true;
}

bool sph_back_is_ours(const struct sph_ledger *ledger, uintptr_t address) {
    (void)ledger;
    (void)address;
    return false;
}

bool sph_back_is_readable(const struct sph_ledger *ledger, uintptr_t address) {
    (void)ledger;
    (void)address;
    return false;
}

void sph_back_yield(const struct sph_ledger *ledger) {
    (void)ledger;
    (void)sched_yield();
}

void sph_back_rest(const struct sph_ledger *ledger) {
    (void)ledger;
    (void)usleep(50);
}

/* ---- the region ---- */

static struct sph_ledger_summary sum;

static int set_up(void **state) {
    struct sph_ledger *ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(ledger != MAP_FAILED);
    ledger->config = (struct sph_ledger_config){
        .magic = SPH_LEDGER_MAGIC, .version = SPH_LEDGER_VERSION, .state = SPH_LEDGER_ON};
    *state = ledger;
    return 0;
}

static int tear_down(void **state) {
    return munmap(*state, sizeof(struct sph_ledger));
}

static void take(struct sph_ledger *ledger, uint64_t block, uint64_t bytes) {
    void *at = (void *)(uintptr_t)block;
    assert_ptr_equal(sph_note_alloc(ledger, at, bytes, CALLER, 0), at);
}

static bool give(struct sph_ledger *ledger, uint64_t block) {
    return sph_try_free(ledger, (uintptr_t)block, false, false) ||
           sph_note_free_slow(ledger, (void *)(uintptr_t)block);
}

static const struct sph_ledger_caller *look(const struct sph_ledger *ledger) {
    const struct sph_ledger_view view = {.bytes = (const uint8_t *)ledger, .len = sizeof(*ledger)};
    assert_int_equal(sph_ledger_sum(&view, NULL, NULL, &sum, NULL), 0);
    return &sum.callers[SPH_LEDGER_OWNER_APP];
}

static void expect_block(const struct sph_ledger *ledger, uint64_t address, uint64_t bytes) {
    const struct sph_ledger_view view = {.bytes = (const uint8_t *)ledger, .len = sizeof(*ledger)};
    struct sph_ledger_block block;
    if (!sph_ledger_find(&view, address, &block))
        fail_msg("0x%llx is not there", (unsigned long long)address);
    assert_true(block.address == address && block.bytes == bytes);
}

/* ---- tests ---- */

/* The lowest addresses, where a slot that nobody wrote would lead to a leaf; the highest; and some
 * that share the slot of another MiB. Each block is where it belongs, comes and goes twice. */
static void test_each_address_has_its_entry(void **state) {
    struct sph_ledger *ledger = *state;
    static const uint64_t addresses[] = {
        16,
        MIB - 16,
        MIB,
        5 * MIB + 64,
        127 * MIB,
        128 * MIB,
        4096 * MIB + 16,             /* meets 16 */
        8192 * MIB + 16,             /* and again */
        4096 * MIB + 5 * MIB + 64,   /* meets 5 MiB + 64 */
        0x555555554000,              /* brk */
        0x7ffff7dd5010,              /* mmap */
        0x7ffff7dd5010 - 4096 * MIB, /* meets it */
        0xffffffffffffff0,           /* 60 bits, in the last MiB of a slot */
        UINT64_MAX / 32 * 16,
    };
    for (unsigned round = 0; round < 2; round++) {
        uint64_t bytes = 0;
        for (size_t i = 0; i < SPH_ARRAY_SIZE(addresses); i++) {
            take(ledger, addresses[i], 1 + i);
            bytes += 1 + i;
            assert_true(look(ledger)->live_bytes == bytes);
        }
        for (size_t i = 0; i < SPH_ARRAY_SIZE(addresses); i++)
            expect_block(ledger, addresses[i], 1 + i);
        for (size_t i = 0; i < SPH_ARRAY_SIZE(addresses); i++) {
            assert_true(give(ledger, addresses[i]));
            assert_false(give(ledger, addresses[i]));
        }
        assert_int_equal(look(ledger)->live_blocks, 0);
        assert_true(look(ledger)->peak_bytes == bytes);
    }
    assert_int_equal(sum.losses.blocks + sum.losses.damaged + sum.losses.replaced, 0);
    assert_int_equal(sum.allocations, 2 * SPH_ARRAY_SIZE(addresses));
}

static void test_no_block(void **state) {
    struct sph_ledger *ledger = *state;
    assert_null(sph_note_alloc(ledger, NULL, 64, CALLER, 0));
    assert_false(give(ledger, 0));
    take(ledger, MIB, 64);
    assert_null(sph_note_alloc(ledger, NULL, 64, CALLER, 0));
    assert_false(give(ledger, 0));
    assert_int_equal(look(ledger)->live_blocks, 1);
    assert_int_equal(sum.allocations, 1);
    assert_int_equal(sum.losses.blocks, 0);
}

/* Each kind of block at each of the 16 places that share a large granule, and at the limit between
 * the kinds; by both halves, as the first free of a site takes the slow one. */
static void test_small_and_large_blocks(void **state) {
    struct sph_ledger *ledger = *state;
    static const uint64_t sizes[] = {0, 1023, 1024, 1025, 70000, 5 * MIB};
    for (unsigned round = 0; round < 2; round++)
        for (size_t i = 0; i < SPH_ARRAY_SIZE(sizes); i++)
            for (uint64_t place = 0; place < 20; place++) {
                uint64_t at = 7 * MIB + 16 * place, next = at + 16 * (sizes[i] / 16 + 1);
                take(ledger, at, sizes[i]);
                take(ledger, next, 1024); /* as near as it can be */
                take(ledger, at - 1024, 1023);
                assert_true(look(ledger)->live_bytes == sizes[i] + 2047);
                expect_block(ledger, at, sizes[i]);
                expect_block(ledger, next, 1024);
                expect_block(ledger, at - 1024, 1023);
                assert_false(give(ledger, at - 16));
                assert_true(give(ledger, next) && give(ledger, at) && give(ledger, at - 1024));
                assert_int_equal(look(ledger)->live_blocks, 0);
            }
    assert_int_equal(sum.losses.blocks + sum.losses.damaged + sum.losses.replaced, 0);
    assert_true(sum.allocations == sum.frees);
}

/* The counts say what the entries do. */
static void expect_balance(const struct sph_ledger *ledger) {
    const struct sph_ledger_count *count = &ledger->threads[0].counts[SPH_LEDGER_OWNER_APP];
    const struct sph_ledger_caller *app = look(ledger);
    assert_true(count->live_bytes == app->live_bytes);
    assert_true(app->allocations - app->frees == app->live_blocks);
}

/* Whether it grows, shrinks or stays, and whether that works; of a site that is not known to give
 * blocks back, and of one that is. */
static void test_blocks_change_their_kind(void **state) {
    struct sph_ledger *ledger = *state;
    static const uint64_t sizes[] = {10, 2000, 4000, 20, 30, 1024};
    void *block = (void *)(uintptr_t)MIB;
    take(ledger, MIB, 5);
    for (size_t i = 0; i < 2 * SPH_ARRAY_SIZE(sizes); i++) {
        uint64_t was = look(ledger)->live_bytes, bytes = sizes[i % SPH_ARRAY_SIZE(sizes)];
        uint64_t taken = sph_note_realloc(ledger, block);
        expect_balance(ledger);
        assert_int_equal(look(ledger)->live_blocks, 0);
        sph_note_realloc_failed(ledger, taken, block);
        expect_block(ledger, MIB, was);
        expect_balance(ledger);
        taken = sph_note_realloc(ledger, block);
        sph_note_realloc_end(ledger, taken, block, bytes, CALLER, 0);
        expect_block(ledger, MIB, bytes);
        expect_balance(ledger);
        if (i == SPH_ARRAY_SIZE(sizes) - 1) {
            assert_true(give(ledger, MIB)); /* now it is known */
            take(ledger, MIB, 100);
        }
    }
    uint64_t taken = sph_note_realloc(ledger, block); /* which may free it: see glibc */
    sph_note_realloc_freed(ledger, taken);
    assert_int_equal(look(ledger)->live_blocks, 0);
    expect_balance(ledger);
    assert_true(sum.callers[SPH_LEDGER_OWNER_APP].peak_bytes == 4000);
    assert_int_equal(sum.losses.replaced + sum.losses.unknown_frees, 0);
}

/* Frees that nobody saw: what comes to the same place, or into the same large granule, takes their
 * blocks off. */
static void test_replaced_blocks(void **state) {
    struct sph_ledger *ledger = *state;
    take(ledger, MIB, 100);
    take(ledger, MIB, 200);
    expect_block(ledger, MIB, 200);
    take(ledger, 2 * MIB, 3000);
    take(ledger, 2 * MIB + 32, 2000);
    expect_block(ledger, 2 * MIB + 32, 2000);
    assert_true(look(ledger)->live_bytes == 2200);
    assert_int_equal(sum.losses.replaced, 2);
    assert_int_equal(sum.frees, 2);
    assert_false(give(ledger, 2 * MIB));
}

/* More than an entry can say is told as the most that it can, whether it was the first block, one
 * that makes a peak, or one below a peak. */
static void test_huge_blocks(void **state) {
    struct sph_ledger *ledger = *state;
    const uint64_t most = SPH_SIZE_MAX_BYTES;
    take(ledger, MIB, 64);
    take(ledger, 2 * MIB, most + 1);
    expect_block(ledger, 2 * MIB, most);
    assert_true(look(ledger)->live_bytes == most + 64);
    assert_true(give(ledger, 2 * MIB));
    take(ledger, 2 * MIB, UINT64_MAX / 2);
    expect_block(ledger, 2 * MIB, most);
    take(ledger, 3 * MIB, most);
    assert_true(look(ledger)->live_bytes == 2 * most + 64);
    assert_true(sum.callers[SPH_LEDGER_OWNER_APP].peak_bytes == 2 * most + 64);
    assert_true(give(ledger, 2 * MIB) && give(ledger, 3 * MIB) && give(ledger, MIB));
    assert_true(look(ledger)->live_bytes == 0);
}

/* 127 MiB of addresses have leaves; what is elsewhere is counted as lost, and so is its free. */
static void test_leaves_are_used_up(void **state) {
    struct sph_ledger *ledger = *state;
    for (uint64_t n = 0; n < 130; n++)
        take(ledger, (n * 4096 + 7) * MIB, 10); /* all in one slot */
    assert_int_equal(look(ledger)->live_blocks, SPH_LEDGER_LEAVES - 1);
    assert_int_equal(sum.losses.blocks, 3);
    assert_false(give(ledger, (UINT64_C(129) * 4096 + 7) * MIB));
    assert_true(give(ledger, (UINT64_C(126) * 4096 + 7) * MIB));
}

struct racer {
    struct sph_ledger *ledger;
    pthread_barrier_t *start;
    uint64_t first;
};

enum { RACER_BLOCKS = 40 };

/* Each block in a MiB of its own: the other thread looks for leaves while this one makes them. */
static void *race(void *argument) {
    const struct racer *racer = argument;
    (void)pthread_barrier_wait(racer->start);
    for (unsigned i = 0; i < RACER_BLOCKS; i++)
        take(racer->ledger, (racer->first + i) * MIB + 16, 1000 + i); /* small and large ones */
    return NULL;
}

/* Two threads that begin at once, at low addresses, in the same MiBs and in others. */
static void test_threads_make_leaves_at_once(void **state) {
    struct sph_ledger *ledger = *state;
    for (unsigned round = 0; round < 20; round++) {
        pthread_barrier_t start;
        pthread_t threads[2];
        struct racer racers[2] = {{ledger, &start, 3}, {ledger, &start, 3 + 4096 + 20}};
        assert_int_equal(madvise(ledger, sizeof(*ledger), MADV_DONTNEED), 0);
        ledger->config.magic = SPH_LEDGER_MAGIC;
        ledger->config.version = SPH_LEDGER_VERSION;
        assert_int_equal(pthread_barrier_init(&start, NULL, 2), 0);
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        pthread_barrier_destroy(&start);
        assert_int_equal(look(ledger)->live_blocks, 2 * RACER_BLOCKS);
        assert_int_equal(sum.losses.blocks + sum.losses.replaced + sum.losses.damaged, 0);
        for (unsigned t = 0; t < 2; t++)
            for (unsigned i = 0; i < RACER_BLOCKS; i += 13)
                expect_block(ledger, (racers[t].first + i) * MIB + 16, 1000 + i);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(test_each_address_has_its_entry),
                                       TEST(test_no_block),
                                       TEST(test_small_and_large_blocks),
                                       TEST(test_blocks_change_their_kind),
                                       TEST(test_replaced_blocks),
                                       TEST(test_huge_blocks),
                                       TEST(test_leaves_are_used_up),
                                       TEST(test_threads_make_leaves_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
