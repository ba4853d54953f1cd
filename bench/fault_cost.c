/* fault_cost: what the meter adds to a page fault, for the app under it and for everybody else.
 *
 * One round runs each case once, so that the machine's load falls on all alike; what is compared is
 * the same loop in a forked child, and what is printed is the ratio to the child without a meter.
 * usage: fault_cost [ROUNDS] */
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "meter/cgroup.h"
#include "meter/meter.h"

#define PAGE ((size_t)4096)
enum { PAGES = 4096, ROUNDS_MAX = 1000, ROUNDS = 60 };

enum bench_case { PLAIN, OTHERS, APP, APP_PEAK, CASES };
static const char *const case_names[CASES] = {
    [PLAIN] = "no meter",
    [OTHERS] = "a meter is attached; a process outside of it",
    [APP] = "a process under the meter",
    [APP_PEAK] = "the same, and every page a new peak, with its stack",
};

struct bench {
    struct sph_cgroup *tree;
    struct sph_cgroup_app *group;
    struct sph_meter *meter;
    struct sph_meter_app *app;
    double ns[CASES][ROUNDS_MAX];
};
static struct bench bench;

static void die(const char *what) {
    (void)fprintf(stderr, "fault_cost: %s\n", what);
    exit(1);
}

/* Time of one write to each of so many new pages, per page. */
static double touch_all(void) {
    char *area = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        _exit(1);
    (void)madvise(area, (size_t)PAGES * PAGE, MADV_NOHUGEPAGE);
    uint64_t start = sph_clock_monotonic_ns();
    for (size_t i = 0; i < PAGES; i++)
        *(volatile char *)(area + i * PAGE) = 1;
    uint64_t end = sph_clock_monotonic_ns();
    (void)munmap(area, (size_t)PAGES * PAGE);
    return (double)(end - start) / PAGES;
}

/* The child is metered from its first change on: the app is armed before it enters. A first pass
 * takes the page tables' making, and in the APP case the peaks, out of what is measured. */
static void run_child(enum bench_case which, int out) {
    bool metered = which == APP || which == APP_PEAK;
    if (metered && sph_cgroup_app_enter(bench.group, 0, NULL) != 0)
        _exit(1);
    (void)touch_all();
    if (which == APP_PEAK) {
        sph_meter_reset_peak(bench.meter);
        sph_meter_app_restart(bench.app);
        sph_meter_arm(bench.app);
    }
    double ns = touch_all();
    _exit(write(out, &ns, sizeof(ns)) == sizeof(ns) ? 0 : 1);
}

static void note_event(void *context, const struct sph_meter_event *event) {
    (void)context;
    (void)event;
}

/* Takes the events away while the child runs, as the agent does: a full ring would spare the
 * program the stacks. */
static void drain_until(int out) {
    struct pollfd fds[2] = {{.fd = out, .events = POLLIN},
                            {.fd = sph_meter_fd(bench.meter), .events = POLLIN}};
    while (fds[0].revents == 0) {
        if (poll(fds, 2, -1) < 0)
            die("poll");
        (void)sph_meter_dispatch(bench.meter, note_event, NULL);
    }
}

static double run_case(enum bench_case which) {
    int out[2];
    double ns = 0;
    int status = 0;
    if (pipe(out) != 0)
        die("no pipe");
    pid_t pid = fork();
    if (pid == 0)
        run_child(which, out[1]);
    (void)close(out[1]);
    if (which == APP_PEAK)
        drain_until(out[0]);
    if (pid < 0 || read(out[0], &ns, sizeof(ns)) != sizeof(ns))
        die("a child failed");
    (void)close(out[0]);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        die("a child failed");
    return ns;
}

static void open_meter(void) {
    struct sph_err err = SPH_ERR_NULL;
    if (sph_meter_open(0, NULL, &bench.meter, &err) != 0 ||
        sph_meter_app_add(bench.meter, sph_cgroup_app_id(bench.group), 0, &bench.app, &err) != 0)
        die(err.text);
    sph_meter_arm(bench.app);
}

static void close_meter(void) {
    bench.app = sph_meter_app_remove(bench.app);
    bench.meter = sph_meter_close(bench.meter);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_case(enum bench_case which, size_t rounds) {
    qsort(bench.ns[which], rounds, sizeof(double), compare);
    double plain = bench.ns[PLAIN][rounds / 2];
    double median = bench.ns[which][rounds / 2];
    (void)printf("  %-54s median %5.0f ns, least %5.0f ns, %.2f x\n", case_names[which], median,
                 bench.ns[which][0], median / plain);
}

int main(int argc, char **argv) {
    struct sph_err err = SPH_ERR_NULL;
    uint64_t dropped = 0;
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : ROUNDS;
    if (rounds == 0 || rounds > ROUNDS_MAX)
        die("usage: fault_cost [1..1000]");
    if (sph_cgroup_open("spherule-bench-fault_cost", &bench.tree, &err) != 0 ||
        sph_cgroup_app_make(bench.tree, "app", &bench.group, &err) != 0)
        die(err.text);
    for (size_t i = 0; i < rounds; i++) {
        bench.ns[PLAIN][i] = run_case(PLAIN);
        open_meter();
        bench.ns[OTHERS][i] = run_case(OTHERS);
        bench.ns[APP][i] = run_case(APP);
        bench.ns[APP_PEAK][i] = run_case(APP_PEAK);
        struct sph_meter_health health;
        sph_meter_health(bench.meter, &health);
        dropped += health.dropped;
        close_meter();
    }
    (void)sph_cgroup_app_remove(bench.group);
    (void)sph_cgroup_close(bench.tree);
    (void)printf("\ncost of one page fault (%zu interleaved rounds of %d pages)\n", rounds, PAGES);
    for (enum bench_case which = PLAIN; which < CASES; which++)
        print_case(which, rounds);
    (void)printf("  events that found the ring full: %.1f %%\n",
                 100.0 * (double)dropped / ((double)rounds * 2 * PAGES));
    return 0;
}
