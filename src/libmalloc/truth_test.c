/* The ledger against programs that know what they allocated. */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libmalloc/runner_test.h"
#include "wire/ledger_read.h"

/* Of eight threads, each of which may be a hand-over ahead on either side. */
#define PEAK_SLACK_BYTES (UINT64_C(16) * 8192)

static const char *const names[TRUTH_PARTS] = {"", "libtruth_a.so", "libtruth_b.so",
                                               "libtruth_c.so"};

struct figures {
    struct runner_sum sums[SPH_LEDGER_OWNERS];
};

/* By the reader that the agent has. No state in which a writer stops is damage to it. */
static const struct sph_ledger_summary *read_ledger(const struct runner *runner) {
    enum { PAGES = sizeof(struct sph_ledger) / SPH_LEDGER_PAGE_BYTES };
    static struct sph_ledger_summary summary;
    static uint8_t written[PAGES];
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(mincore(runner->ledger, sizeof(*runner->ledger), written), 0);
    const struct sph_ledger_view view = {.bytes = (const uint8_t *)runner->ledger,
                                         .len = sizeof(*runner->ledger),
                                         .written = written};
    assert_int_equal(sph_ledger_sum(&view, NULL, NULL, &summary, &err), 0);
    assert_int_equal(summary.damage_found, 0);
    return &summary;
}

/* It says what ours says. */
static void compare_readers(const struct runner *runner, const struct figures *figures) {
    const struct sph_ledger_summary *summary = read_ledger(runner);
    for (unsigned owner = 1; owner < SPH_LEDGER_OWNERS; owner++) {
        const struct runner_sum *sum = &figures->sums[owner];
        assert_int_equal(summary->callers[owner].live_bytes, sum->bytes);
        assert_int_equal(summary->callers[owner].live_blocks, sum->blocks);
        assert_int_equal(summary->callers[owner].allocations, sum->allocations);
        assert_int_equal(summary->callers[owner].frees, sum->frees);
    }
    assert_true(summary->is_complete && summary->counts_exact);
}

/* What the program and its C library did before the first comparison is taken off. */
static void compare(const struct runner *runner, const struct figures *before, bool has_peaks) {
    struct figures now;
    runner_add(runner, now.sums);
    compare_readers(runner, &now);
    for (unsigned part = 0; part < TRUTH_PARTS; part++) {
        const struct truth_part *truth = &runner->truth->parts[part];
        unsigned owner = runner_owner(runner, names[part]);
        if (owner == 0) {
            assert_int_equal(truth->allocations, 0);
            continue;
        }
        const struct runner_sum *sum = &now.sums[owner], *first = &before->sums[owner];
        assert_int_equal(sum->bytes - first->bytes, truth->live_bytes);
        assert_int_equal(sum->blocks - first->blocks, truth->live_blocks);
        assert_int_equal(sum->counted_bytes, sum->bytes);
        assert_int_equal(sum->allocations - first->allocations, truth->allocations);
        assert_int_equal(sum->frees - first->frees, truth->frees);
        assert_int_equal(sum->site_allocations, sum->allocations);
        if (has_peaks)
            assert_int_equal(runner_peak(runner, owner), truth->peak_bytes + first->bytes);
        else
            assert_true(runner_peak(runner, owner) + PEAK_SLACK_BYTES >= sum->bytes);
    }
    const struct sph_ledger_losses *losses = &runner->ledger->losses;
    assert_int_equal(losses->blocks + losses->sites + losses->owners + losses->threads, 0);
    assert_int_equal(losses->unknown_frees + losses->replaced + losses->damaged, 0);
}

static void run_truth(const char *threads, const char *steps, const char *peaks, uint32_t flags) {
    struct runner runner;
    struct figures before;
    unsigned comparisons = 0;
    runner_init(&runner, flags);
    runner_start(&runner, (const char *const[]){"truth_app", threads, steps, peaks, NULL});
    while (runner_rests(&runner)) {
        if (comparisons++ == 0)
            runner_add(&runner, before.sums);
        compare(&runner, &before, peaks != NULL);
        runner_go_on(&runner);
    }
    assert_int_equal(runner_wait(&runner), 0);
    assert_int_equal(comparisons, 11);
    assert_true(runner.truth->parts[3].allocations > 1000);
    assert_int_equal(runner.ledger->losses.threads_seen, strtol(threads, NULL, 10));
    runner_done(&runner);
}

static void test_one_thread(void **state) {
    (void)state;
    run_truth("1", "1000000", NULL, 0);
}

static void test_peaks(void **state) {
    (void)state;
    run_truth("1", "200000", "peaks", 0);
}

static void test_eight_threads(void **state) {
    (void)state;
    run_truth("8", "125000", NULL, 0);
}

static void test_stacks(void **state) {
    (void)state;
    run_truth("2", "50000", NULL, SPH_LEDGER_FLAG_STACKS);
}

/* Each thread may have been within one call: a block of it may be counted and not entered, or the
 * other way round; two of them when it moved. */
static void check_after_kill(const struct runner *runner, unsigned threads) {
    struct figures now;
    uint64_t difference = 0;
    runner_add(runner, now.sums);
    for (unsigned owner = 1; owner < SPH_LEDGER_OWNERS; owner++) {
        const struct runner_sum *sum = &now.sums[owner];
        int64_t more = (int64_t)(sum->allocations - sum->frees - sum->blocks);
        difference += (uint64_t)(more < 0 ? -more : more);
    }
    assert_true(difference <= threads * UINT64_C(2));
    (void)read_ledger(runner);
    assert_int_equal(runner->ledger->losses.damaged, 0);
}

static void test_killed(void **state) {
    (void)state;
    uint64_t random = 20260101;
    unsigned at_work = 0;
    for (unsigned round = 0; round < 100; round++) {
        struct runner runner;
        int status;
        runner_init(&runner, 0);
        runner_start(&runner, (const char *const[]){"truth_app", round % 2 ? "1" : "4", "0", NULL});
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        usleep((useconds_t)(random >> 33) % 20000);
        kill(runner.pid, SIGKILL);
        status = runner_wait(&runner);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        check_after_kill(&runner, 4);
        at_work += runner.truth->parts[3].allocations > 0;
        runner_done(&runner);
    }
    assert_true(at_work > 50); /* the others were killed while they started */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_thread),    cmocka_unit_test(test_peaks),
        cmocka_unit_test(test_eight_threads), cmocka_unit_test(test_stacks),
        cmocka_unit_test(test_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
