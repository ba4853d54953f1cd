/* Ends that come together, and what is left after many: whatever ends an app, and whatever else
 * happens to it in the same moment, it ends once, is told once, and leaves nothing behind. */
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/app/backoff.h"
#include "agent/device/events.h"
#include "agent/store/telemetry_store.h"
#include "agent/tests/rig.h"
#include "base/attr.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "wire/msg_device.h"

#define PAGE ((size_t)4096)

static const char program[] = SPH_TEST_APP;

static int setup(void **state) {
    *state = rig_new(program, "");
    return 0;
}

static void start(struct rig *rig, const char *const *arguments, unsigned flags) {
    rig_forget_output(rig);
    rig_must_start(rig, arguments, flags);
}

static pid_t app_pid(const struct rig *rig) {
    return sph_lifecycle_pid(rig->device.lifecycle, &rig->component);
}

static void ask_to_stop(struct rig *rig) {
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(
        sph_lifecycle_stop(rig->device.lifecycle, &rig->component, rig_stopped, rig, &err), 0);
}

/* ---- causes in the same moment ---- */

enum cause { NOTHING, KILL_APP, KILL_HELPER, STOP, TERM, OVER_THE_RATION };

static const char *const cause_names[] = {"nothing", "kill app", "kill helper",
                                          "stop",    "term",     "over the ration"};

/* Of the running app: all that a cause needs, looked up before the first one strikes. */
struct victim {
    struct rig *rig;
    pid_t app, helper;
    void *offered; /* 200 untouched pages */
};

/* Growth by another's hand: the one crossing that can be made from outside. When the app is dead
 * already there is nothing to write to. */
static void push_over(const struct victim *victim) {
    static char data[100 * PAGE];
    struct iovec from = {.iov_base = data, .iov_len = sizeof(data)};
    struct iovec to = {.iov_base = victim->offered, .iov_len = sizeof(data)};
    (void)process_vm_writev(victim->app, &from, 1, &to, 1, 0);
}

/* The loop does not run in between: the agent hears of all that happened at once. */
static void strike(const struct victim *victim, enum cause cause) {
    switch (cause) {
    case NOTHING:
        return;
    case KILL_APP:
        (void)kill(victim->app, SIGKILL);
        return;
    case KILL_HELPER:
        (void)kill(victim->helper, SIGKILL);
        return;
    case STOP:
        ask_to_stop(victim->rig);
        return;
    case TERM:
        (void)kill(victim->app, SIGTERM);
        return;
    case OVER_THE_RATION:
        push_over(victim);
        return;
    }
}

static void prepare(struct rig *rig, struct victim *victim) {
    *victim = (struct victim){.rig = rig};
    rig->n_ends = 0;
    rig->stopped = false;
    start(rig, RIG_ARGS("offer", "200"), SPH_START_ONCE);
    rig_await_output(rig, "ready", 2000);
    assert_int_equal(sscanf(rig->output, "%p", &victim->offered), 1);
    victim->app = app_pid(rig);
    victim->helper = (pid_t)rig_read_status(victim->app, "PPid:");
    assert_true(victim->app > 1 && victim->helper > 1);
}

/* Bits of enum sph_end_why: two causes race for one life, and either may have taken it. */
#define MAY(why) (1u << (why))

static void check_end(struct rig *rig, const struct victim *victim, unsigned uid, unsigned may,
                      const char *story) {
    if (rig->n_ends != 1)
        fail_msg("%s: told %u times", story, rig->n_ends);
    const struct sph_app_end *end = &rig->ends[0];
    if (!(may & MAY(end->why)))
        fail_msg("%s: ended by %u", story, end->why);
    assert_false(end->restarts);
    const struct sph_msg_report *report = rig_report(rig, end->report_number);
    assert_int_equal(report->why, end->why);
    assert_int_equal(report->pid, victim->app);
    assert_int_equal(report->has_crossing, end->why == SPH_END_RATION);
    assert_true(report->user_bytes <= report->limit_bytes);
    assert_int_equal(sph_lifecycle_running(rig->device.lifecycle), 0);
    assert_int_equal(sph_lifecycle_state(rig->device.lifecycle, &rig->component), SPH_SESSION_NONE);
    assert_int_equal(rig_count_processes(uid), 0);
}

/* Every pair of causes, in both orders. */
static void test_causes_in_any_order(void **state) {
    static const struct {
        enum cause first, second;
        unsigned may;
    } rows[] = {
        {KILL_APP, NOTHING, MAY(SPH_END_KILLED)},
        {KILL_HELPER, NOTHING, MAY(SPH_END_KILLED)},
        {STOP, NOTHING, MAY(SPH_END_STOPPED)},
        {TERM, NOTHING, MAY(SPH_END_KILLED)},
        {OVER_THE_RATION, NOTHING, MAY(SPH_END_RATION)},
        {KILL_APP, KILL_HELPER, MAY(SPH_END_KILLED)},
        {KILL_HELPER, KILL_APP, MAY(SPH_END_KILLED)},
        {KILL_APP, STOP, MAY(SPH_END_KILLED)},
        {STOP, KILL_APP, MAY(SPH_END_KILLED) | MAY(SPH_END_STOPPED)},
        {KILL_HELPER, STOP, MAY(SPH_END_KILLED) | MAY(SPH_END_STOPPED)},
        {STOP, KILL_HELPER, MAY(SPH_END_KILLED) | MAY(SPH_END_STOPPED)},
        {KILL_APP, TERM, MAY(SPH_END_KILLED)},
        {TERM, KILL_APP, MAY(SPH_END_KILLED)},
        {TERM, STOP, MAY(SPH_END_STOPPED)}, /* who was asked to and did: no matter by whom */
        {STOP, TERM, MAY(SPH_END_STOPPED)},
        {TERM, KILL_HELPER, MAY(SPH_END_KILLED)},
        {KILL_HELPER, TERM, MAY(SPH_END_KILLED)},
        {KILL_APP, OVER_THE_RATION, MAY(SPH_END_KILLED) | MAY(SPH_END_RATION)},
        {OVER_THE_RATION, KILL_APP, MAY(SPH_END_RATION)},
        {KILL_HELPER, OVER_THE_RATION, MAY(SPH_END_KILLED) | MAY(SPH_END_RATION)},
        {OVER_THE_RATION, KILL_HELPER, MAY(SPH_END_RATION)},
        {STOP, OVER_THE_RATION, MAY(SPH_END_STOPPED) | MAY(SPH_END_RATION)},
        {OVER_THE_RATION, STOP, MAY(SPH_END_RATION)},
        {TERM, OVER_THE_RATION, MAY(SPH_END_KILLED) | MAY(SPH_END_RATION)},
        {OVER_THE_RATION, TERM, MAY(SPH_END_RATION)},
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct victim victim;
        char story[64];
        (void)snprintf(story, sizeof(story), "%s, %s", cause_names[rows[i].first],
                       cause_names[rows[i].second]);
        prepare(rig, &victim);
        unsigned uid = (unsigned)rig_read_status(victim.app, "Uid:");
        strike(&victim, rows[i].first);
        strike(&victim, rows[i].second);
        (void)rig_await_end(rig, 4000);
        rig_run(rig, 20); /* a second end would come now */
        bool is_stopped = rows[i].first == STOP || rows[i].second == STOP;
        assert_int_equal(rig->stopped, is_stopped);
        check_end(rig, &victim, uid, rows[i].may, story);
    }
}

/* ---- stops ---- */

/* It cannot hear while it stands still; it is not to blame for that, and nobody waits for it. */
static void test_one_that_stands_still_is_stopped(void **state) {
    struct rig *rig = *state;
    start(rig, RIG_ARGS("stand-still"), 0);
    rig_await_output(rig, "ready", 2000);
    rig_run(rig, 50);
    uint64_t begin = sph_clock_monotonic_ms();
    ask_to_stop(rig);
    rig_await_stopped(rig, 4000);
    assert_true(sph_clock_monotonic_ms() - begin < 1000);
    assert_int_equal(rig->n_ends, 1);
    assert_int_equal(rig->ends[0].why, SPH_END_STOPPED);
    assert_int_equal(rig->ends[0].signal, SIGTERM);
    assert_null(strstr(rig->output, "went on")); /* SIGTERM came before it could */
}

/* It goes on when anybody tells it to, and is what it was before. */
static void test_one_that_stands_still_goes_on(void **state) {
    struct rig *rig = *state;
    struct sph_memory_figures before, after;
    start(rig, RIG_ARGS("stand-still"), 0);
    rig_await_output(rig, "ready", 2000);
    rig_run(rig, 50);
    assert_int_equal(sph_lifecycle_memory(rig->device.lifecycle, NULL, &before, NULL), 0);
    assert_true(before.user > 0 && before.user_exact);
    assert_int_equal(kill(app_pid(rig), SIGCONT), 0);
    rig_await_output(rig, "went on", 2000);
    assert_int_equal(sph_lifecycle_memory(rig->device.lifecycle, NULL, &after, NULL), 0);
    assert_true(after.user >= before.user && after.user_exact);
    assert_int_equal(rig->n_ends, 0);
}

/* Four may wait for one end, the fifth is told so; each of the four hears of it once. */
static void count_stop(void *context) {
    ++*(unsigned *)context;
}

static void test_many_wait_for_one_stop(void **state) {
    struct rig *rig = *state;
    struct sph_lifecycle *lifecycle = rig->device.lifecycle;
    struct sph_err err = SPH_ERR_NULL;
    unsigned told = 0;
    start(rig, RIG_ARGS("handle-term", "0"), 0);
    rig_await_output(rig, "ready", 2000);
    for (int i = 0; i < 4; i++)
        assert_int_equal(sph_lifecycle_stop(lifecycle, &rig->component, count_stop, &told, &err),
                         0);
    assert_int_equal(sph_lifecycle_stop(lifecycle, &rig->component, count_stop, &told, &err),
                     -EBUSY);
    assert_string_equal(err.text, "The application is being stopped already.");
    /* Who does not wait is not turned away. */
    assert_int_equal(sph_lifecycle_stop(lifecycle, &rig->component, NULL, NULL, &err), 0);
    (void)rig_await_end(rig, 3000);
    assert_int_equal(told, 4);
    assert_int_equal(rig->n_ends, 1);
    assert_int_equal(sph_lifecycle_stop(lifecycle, &rig->component, count_stop, &told, &err), 0);
    assert_int_equal(told, 5); /* nothing runs: at once */
}

/* ---- without memory ---- */

/* The n-th allocation from now on fails, once; 0: none does. Calls inside libc are not seen. */
static unsigned fail_in;

static bool fails_now(void) {
    return fail_in > 0 && --fail_in == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size) {
    errno = ENOMEM;
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    errno = ENOMEM;
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
    errno = ENOMEM;
    return fails_now() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text) {
    errno = ENOMEM;
    return fails_now() ? NULL : __real_strdup(text);
}

/* ---- what is left ---- */

static unsigned count_descriptors(void) {
    unsigned count = 0;
    sph_autoclosedir DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    return count;
}

/* Of this process, which is the agent here. */
struct holdings {
    unsigned descriptors;
    size_t heap_bytes; /* 0 under a sanitizer, which has a heap of its own and finds leaks itself */
};

static struct holdings take_stock(void) {
    return (struct holdings){.descriptors = count_descriptors(),
                             .heap_bytes = mallinfo2().uordblks};
}

static void check_stock(const struct holdings *before) {
    struct holdings now = take_stock();
    assert_int_equal(now.descriptors, before->descriptors);
    /* Rings and lists have their size from the start: nothing may have been added. */
    assert_in_range(now.heap_bytes, 0, before->heap_bytes);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left, not even a dead one */
    assert_int_equal(errno, ECHILD);
}

static void cycle(struct rig *rig, const char *const *arguments) {
    start(rig, arguments, SPH_START_ONCE);
    rig_await_output(rig, "ready", 2000);
    ask_to_stop(rig);
    rig_await_stopped(rig, 3000);
}

/* The first ones fill what has a size of its own: the kill store's 64 places, buffers. */
static void test_hundred_cycles_leave_nothing(void **state) {
    struct rig *rig = *state;
    struct holdings before = {0};
    for (int i = 0; i < 200; i++) {
        if (i == 100)
            before = take_stock();
        cycle(rig, i % 2 ? RIG_ARGS("wait") : RIG_ARGS("family", "2"));
    }
    check_stock(&before);
    struct sph_memory_figures figures;
    assert_int_equal(sph_lifecycle_memory(rig->device.lifecycle, NULL, &figures, NULL), 0);
    assert_int_equal(figures.user + figures.total, 0);
}

/* A start that fails at its last step has made everything that there is to be made. */
static void test_failed_starts_leave_nothing(void **state) {
    struct rig *rig = *state;
    struct sph_guid component;
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/program", rig->folder);
    /* An ELF header with nothing behind it: the agent's look is content, the kernel is not. */
    char header[64] = "\177ELF\2\1\1";
    header[16] = 2; /* ET_EXEC */
#if defined(__aarch64__)
    header[18] = (char)183;
#else
    header[18] = 62;
#endif
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(header, 1, sizeof(header), file), sizeof(header));
    (void)fclose(file);
    assert_int_equal(sph_guid_random(&component), 0);
    rig_install(rig, &component, path, "");
    const struct sph_start_request request = {.component = component};
    struct holdings before = {0};
    for (int i = 0; i < 60; i++) {
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_lifecycle_start(rig->device.lifecycle, &request, &err), -ENOEXEC);
        assert_non_null(strstr(err.text, "Exec format error"));
        rig_run(rig, 2);
        if (i == 9)
            before = take_stock();
    }
    check_stock(&before);
    assert_int_equal(rig->n_ends, 0);
}

/* Each allocation of a start fails once: refused with a sentence and nothing left, or run without
 * what is only nice to have. Whatever it was, the next start is a good one. */
static void test_start_without_memory(void **state) {
    struct rig *rig = *state;
    struct holdings before = {0};
    unsigned refused = 0, last = 0;
    for (unsigned n = 0; n < 120; n++) {
        struct sph_err err = SPH_ERR_NULL;
        if (n == 20)
            before = take_stock();
        fail_in = n;
        int rc = rig_start(rig, RIG_ARGS("wait"), SPH_START_ONCE, &err);
        bool has_struck = n > 0 && fail_in == 0;
        fail_in = 0;
        if (rc < 0) {
            refused++;
            last = n;
            assert_true(has_struck);
            if (rc != -ENOMEM || !*err.text)
                fail_msg("allocation %u: %d \"%s\"", n, rc, err.text);
        } else {
            ask_to_stop(rig);
            rig_await_stopped(rig, 3000);
        }
        /* One that was launched and could not be attached is being killed. */
        uint64_t end = sph_clock_monotonic_ms() + 3000;
        while (sph_lifecycle_running(rig->device.lifecycle) > 0 && sph_clock_monotonic_ms() < end)
            rig_run(rig, 5);
        assert_int_equal(sph_lifecycle_running(rig->device.lifecycle), 0);
    }
    assert_true(refused > 10); /* the faults came where they were meant to */
    assert_true(last < 110);   /* and all of them were met */
    struct holdings now = take_stock();
    assert_int_equal(now.descriptors, before.descriptors);
    cycle(rig, RIG_ARGS("wait"));
}

/* ---- what is remembered ---- */

/* The newest record of the device's telemetry; the count of all. */
static size_t read_telemetry(const struct rig *rig, struct sph_telemetry_record *ret_record) {
    sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(SPH_TELEMETRY_BYTES_MAX);
    struct sph_telemetry telemetry;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_telemetry_store_read(rig->device.state_fd, &bytes, &err) < 0 ||
        sph_telemetry_parse(bytes.data, bytes.len, &telemetry, &err) < 0)
        fail_msg("%s", err.text);
    if (telemetry.count > 0)
        sph_telemetry_get(&telemetry, telemetry.count - 1, ret_record);
    return telemetry.count;
}

/* The report is the oracle: it is made by other code of the same facts. */
static void test_each_end_has_a_record(void **state) {
    struct rig *rig = *state;
    const struct {
        const char *const *arguments;
        const char *site; /* NULL: it has no place */
    } rows[] = {
        {RIG_ARGS("exit", "3"), NULL},
        {RIG_ARGS("segv"), "app"},
        {RIG_ARGS("grow", "100"), "app"},
        {RIG_ARGS("hello"), NULL},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_telemetry_record record;
        const struct sph_msg_report *report = rig_run_app(rig, rows[i].arguments);
        assert_int_equal(read_telemetry(rig, &record), i + 1);
        assert_int_equal(record.number, i + 1);
        assert_int_equal(record.report, report->id);
        assert_true(sph_guid_equal(&record.component, &report->component));
        assert_true(sph_slice_is(report->name, record.name));
        assert_int_equal(record.wall_ms, report->wall_ms);
        assert_int_equal(record.run_ms, report->run_ms);
        assert_int_equal(record.pid, report->pid);
        assert_int_equal(record.why, report->why);
        assert_int_equal(record.exit_code, report->exit_code);
        assert_int_equal(record.signal, report->signal);
        assert_true(record.has_figures);
        assert_int_equal(record.user_bytes, report->user_bytes);
        assert_int_equal(record.peak_user_bytes, report->peak_user_bytes);
        assert_int_equal(record.total_bytes, report->total_bytes);
        assert_int_equal(record.has_pc, report->has_pc);
        assert_int_equal(record.pc, report->pc);
        assert_int_equal(record.has_address, report->has_fault_address);
        assert_int_equal(record.address, report->fault_address);
        assert_int_equal(record.has_site, rows[i].site != NULL);
        assert_string_equal(record.site, rows[i].site ? rows[i].site : "");
    }
}

/* Until it is stopped: the first restart comes at once, the second is waited for. */
static void test_restarts_are_counted(void **state) {
    struct rig *rig = *state;
    struct sph_start_request request = {.component = rig->component,
                                        .arguments = RIG_ARGS("exit", "7")};
    struct sph_telemetry_record record;
    assert_int_equal(sph_lifecycle_start(rig->device.lifecycle, &request, NULL), 0);
    for (unsigned i = 0; i < 2; i++) {
        (void)rig_await_end(rig, 3000);
        assert_int_equal(read_telemetry(rig, &record), i + 1);
        assert_int_equal(record.restarts, i);
        assert_true(record.will_restart);
        assert_int_equal(record.restart_delay_ms, i * SPH_BACKOFF_FIRST_MS);
        assert_int_equal(record.exit_code, 7);
        uint64_t next_ms = sph_lifecycle_next_start_ms(rig->device.lifecycle, &rig->component);
        assert_in_range(next_ms, 1, i == 0 ? 1 : SPH_BACKOFF_FIRST_MS);
    }
    ask_to_stop(rig);
    rig_await_stopped(rig, 3000);
    assert_int_equal(sph_lifecycle_next_start_ms(rig->device.lifecycle, &rig->component), 0);
    assert_int_equal(read_telemetry(rig, &record), 2); /* nothing ran: there was no end */
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, rig_teardown)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        TEST(test_causes_in_any_order),           TEST(test_one_that_stands_still_is_stopped),
        TEST(test_one_that_stands_still_goes_on), TEST(test_many_wait_for_one_stop),
        TEST(test_hundred_cycles_leave_nothing),  TEST(test_failed_starts_leave_nothing),
        TEST(test_start_without_memory),          TEST(test_each_end_has_a_record),
        TEST(test_restarts_are_counted),
    };
    rig_require();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
