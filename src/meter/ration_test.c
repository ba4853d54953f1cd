/* At a ration of 64 pages an app gets 64 pages: not 63, not 65, in any of so many runs.
 * usage: ration_test [RUNS] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "meter/smaps.h"
#include "meter/tests/rig.h"

#define PAGE ((size_t)4096)
enum { THREADS = 4 };
#define RATION ((size_t)64)

static struct rig rig;
static unsigned runs = 1000;

struct seen {
    unsigned kills;
    unsigned stack;
    uint64_t group_bytes;
    uint64_t counted_bytes;
    uint64_t growth_bytes;
    pid_t tgid;
};

static void note_event(void *context, const struct sph_meter_event *event) {
    struct seen *seen = context;
    assert_int_not_equal(event->type, SPH_METER_EVENT_FOREIGN);
    if (event->type != SPH_METER_EVENT_KILL)
        return;
    seen->kills++;
    seen->stack = event->n_stack;
    seen->group_bytes = event->group_bytes;
    seen->counted_bytes = event->counted_bytes;
    seen->growth_bytes = event->growth_bytes;
    seen->tgid = event->tgid;
    assert_ptr_equal(event->app, rig.app);
}

static void count_bytes(uint64_t *ret_own, uint64_t *ret_taken) {
    char bytes[4096];
    ssize_t got = 0;
    assert_int_equal(read(rig.from_app, ret_own, sizeof(*ret_own)), sizeof(*ret_own));
    *ret_taken = 0;
    while ((got = read(rig.from_app, bytes, sizeof(bytes))) > 0)
        *ret_taken += (uint64_t)got;
}

/* Ended by SIGKILL, one kill event with the figures of that instant, everything given back. */
static void expect_kill(int status, pid_t pid) {
    struct seen seen = {.kills = 0};
    struct sph_meter_figures figures;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    (void)sph_meter_dispatch(rig.meter, note_event, &seen);
    assert_int_equal(seen.kills, 1);
    assert_int_equal(seen.tgid, pid);
    assert_true(seen.stack > 0);
    assert_true(seen.group_bytes > (uint64_t)RATION * PAGE);
    assert_int_equal(seen.group_bytes % PAGE, 0);
    assert_int_equal(seen.counted_bytes, seen.group_bytes); /* nothing is outside the limit */
    sph_meter_app_read(rig.app, &figures);
    assert_int_equal(figures.current, 0);
    assert_int_equal(figures.peak, RATION * PAGE);
    assert_int_equal(figures.kills, 1);
    sph_meter_read(rig.meter, &figures);
    assert_int_equal(figures.current, 0);
    assert_int_equal(figures.peak, RATION * PAGE);
    sph_meter_reset_peak(rig.meter);
}

static uint64_t run_untraced(const char *const *words) {
    uint64_t own = 0;
    uint64_t taken = 0;
    rig_start(&rig, false, words);
    pid_t pid = rig.pid;
    count_bytes(&own, &taken);
    expect_kill(rig_wait(&rig), pid);
    return own + taken;
}

/* Pages in the page tables at the point of exit: the one that was refused is still among them. */
static uint64_t run_to_exit_stop(const char *const *words) {
    uint64_t own = 0;
    uint64_t taken = 0;
    struct sph_smaps sums = {.rss = 0};
    rig_start(&rig, true, words);
    pid_t pid = rig.pid;
    assert_true(rig_wait_exit_stop(&rig));
    assert_int_equal(sph_smaps_read_rollup(pid, &sums, NULL), 0);
    /* Close our end first: what was written is in the pipe. */
    int from_app = dup(rig.from_app);
    int status = rig_wait(&rig);
    rig.from_app = from_app;
    count_bytes(&own, &taken);
    (void)close(from_app);
    rig.from_app = -1;
    assert_int_equal(taken, 0);
    expect_kill(status, pid);
    return sums.anonymous / PAGE;
}

static void tell(const char *what, uint64_t start_ns, const unsigned *histogram, size_t n) {
    (void)printf("%s: %u runs, %.1f ms each; pages:", what, runs,
                 (double)(sph_clock_monotonic_ns() - start_ns) / 1e6 / runs);
    for (size_t i = 0; i < n; i++)
        if (histogram[i] > 0)
            (void)printf(" %zu in %u", i, histogram[i]);
    (void)printf("\n");
}

static void single_thread_gets_the_ration(void **state) {
    const char *const words[] = {"single", NULL};
    unsigned histogram[2 * RATION] = {0};
    uint64_t start = sph_clock_monotonic_ns();
    (void)state;
    for (unsigned i = 0; i < runs; i++) {
        uint64_t pages = run_untraced(words);
        assert_true(pages < 2 * RATION);
        histogram[pages]++;
    }
    tell("single", start, histogram, 2 * RATION);
    assert_int_equal(histogram[RATION], runs);
}

/* A store that another processor made while the signal was on its way is one page more per further
 * processor; a thread that died between its store and its report is one less in its count. */
static void threads_get_one_more_per_processor(void **state) {
    const char *const words[] = {"threads", "4", NULL};
    unsigned histogram[2 * RATION] = {0};
    uint64_t start = sph_clock_monotonic_ns();
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t most = RATION + (uint64_t)(processors < THREADS ? processors : THREADS) - 1;
    (void)state;
    for (unsigned i = 0; i < runs; i++) {
        uint64_t pages = run_untraced(words);
        if (pages > most || pages < RATION - THREADS)
            fail_msg("%llu pages", (unsigned long long)pages);
        histogram[pages]++;
    }
    tell("four threads", start, histogram, 2 * RATION);
}

static void expect_refused_page(const char *what) {
    const char *const words[] = {what, NULL};
    unsigned histogram[2 * RATION] = {0};
    uint64_t start = sph_clock_monotonic_ns();
    for (unsigned i = 0; i < runs; i++) {
        uint64_t pages = run_to_exit_stop(words);
        assert_true(pages < 2 * RATION);
        histogram[pages]++;
    }
    tell(what, start, histogram, 2 * RATION);
    /* 64 that it had and the one that it was refused, which no instruction of it ever saw. */
    assert_int_equal(histogram[RATION + 1], runs);
}

static void populate_stops_at_the_ration(void **state) {
    (void)state;
    expect_refused_page("populate");
}

static void read_stops_at_the_ration(void **state) {
    (void)state;
    expect_refused_page("read");
}

/* A forked child's pages count too: the fork that needs too many ends its caller. */
static void fork_stops_at_the_ration(void **state) {
    const char *const words[] = {"fork", NULL};
    (void)state;
    for (unsigned i = 0; i < runs / 20 + 1; i++) {
        struct seen seen = {.kills = 0};
        struct sph_meter_figures figures;
        uint64_t own = 0;
        rig_start(&rig, false, words);
        pid_t pid = rig.pid;
        assert_int_equal(read(rig.from_app, &own, sizeof(own)), sizeof(own));
        int status = rig_wait(&rig);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        (void)sph_meter_dispatch(rig.meter, note_event, &seen);
        assert_int_equal(seen.kills, 1);
        assert_int_equal(seen.tgid, pid);
        sph_meter_read(rig.meter, &figures);
        assert_true(figures.peak <= (uint64_t)RATION * PAGE);
        struct rig_truth truth = rig_truth(&rig);
        assert_int_equal(figures.anon, truth.anon);
        rig_stop(&rig);
        sph_meter_read(rig.meter, &figures);
        assert_int_equal(figures.current, 0);
        assert_int_equal(figures.mms, 0);
        sph_meter_reset_peak(rig.meter);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_thread_gets_the_ration),
        cmocka_unit_test(threads_get_one_more_per_processor),
        cmocka_unit_test(populate_stops_at_the_ration),
        cmocka_unit_test(read_stops_at_the_ration),
        cmocka_unit_test(fork_stops_at_the_ration),
    };
    if (argc > 1)
        runs = (unsigned)strtoul(argv[1], NULL, 10);
    rig_open(&rig, "meter_ration", (uint64_t)RATION * PAGE);
    int failed = cmocka_run_group_tests_name("ration", tests, NULL, NULL);
    rig_close(&rig);
    return failed;
}
