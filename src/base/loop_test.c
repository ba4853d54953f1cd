/* The rules that matter when callbacks change the loop under its own feet. */
#include "base/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/testing.h"

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool out_of_memory;

void *__wrap_malloc(size_t size) {
    return out_of_memory ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return out_of_memory ? NULL : __real_calloc(count, size);
}

/* Two pipes that are always readable, and what their callbacks do to each other. */
enum { PIPES = 3 };

struct fixture {
    struct sph_loop *loop;
    int ends[PIPES][2];
    struct sph_watch *watch[PIPES];
    unsigned calls[PIPES];
    uint32_t last_events;
    struct sph_watch *timer;
    unsigned timer_calls;
    int last_signal;
};

static int make(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    assert_int_equal(sph_loop_new(&fixture->loop, NULL), 0);
    for (int i = 0; i < PIPES; i++) {
        assert_int_equal(pipe2(fixture->ends[i], O_CLOEXEC | O_NONBLOCK), 0);
        assert_int_equal(write(fixture->ends[i][1], "x", 1), 1);
    }
    *state = fixture;
    return 0;
}

static int clean(void **state) {
    struct fixture *fixture = *state;
    fixture->loop = sph_loop_free(fixture->loop);
    for (int i = 0; i < PIPES; i++) {
        (void)close(fixture->ends[i][0]);
        (void)close(fixture->ends[i][1]);
    }
    free(fixture);
    return 0;
}

static int index_of(const struct fixture *fixture, int fd) {
    for (int i = 0; i < PIPES; i++)
        if (fixture->ends[i][0] == fd || fixture->ends[i][1] == fd)
            return i;
    fail_msg("callback for an unknown descriptor");
    return -1;
}

static void count_call(void *context, int fd, uint32_t events) {
    struct fixture *fixture = context;
    fixture->calls[index_of(fixture, fd)]++;
    fixture->last_events = events;
}

static void add(struct fixture *fixture, int i, sph_loop_fd_fn *fn) {
    assert_int_equal(sph_loop_add_fd(fixture->loop, fixture->ends[i][0], EPOLLIN, fn, fixture,
                                     &fixture->watch[i], NULL),
                     0);
}

static void level_triggered(void **state) {
    struct fixture *fixture = *state;
    char byte;
    add(fixture, 0, count_call);
    assert_int_equal(sph_loop_step(fixture->loop, 1000), 1);
    assert_int_equal(sph_loop_step(fixture->loop, 1000), 1); /* still not read */
    assert_int_equal(fixture->last_events, EPOLLIN);
    assert_int_equal(read(fixture->ends[0][0], &byte, 1), 1);
    assert_int_equal(sph_loop_step(fixture->loop, 0), 0);
    assert_int_equal(fixture->calls[0], 2);
    (void)close(fixture->ends[0][1]);
    fixture->ends[0][1] = -1;
    assert_int_equal(sph_loop_step(fixture->loop, 1000), 1);
    assert_int_equal(fixture->last_events, EPOLLHUP); /* never asked for, always told */
}

/* Whichever of the ready pipes comes first removes all, itself too: exactly one call is made. */
static void remove_all(void *context, int fd, uint32_t events) {
    struct fixture *fixture = context;
    count_call(context, fd, events);
    for (int i = 0; i < PIPES; i++)
        fixture->watch[i] = sph_loop_remove(fixture->watch[i]);
}

static void removed_watches_of_the_round_are_silent(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < PIPES; i++)
        add(fixture, i, remove_all);
    assert_int_equal(sph_loop_step(fixture->loop, 1000), 1);
    assert_int_equal(fixture->calls[0] + fixture->calls[1] + fixture->calls[2], 1);
    assert_int_equal(sph_loop_step(fixture->loop, 0), 0);
    assert_null(sph_loop_remove(NULL));
}

/* A descriptor watched anew in the same round is a new watch: the old event is not its own. */
static void replace_others(void *context, int fd, uint32_t events) {
    struct fixture *fixture = context;
    count_call(context, fd, events);
    for (int i = 0; i < PIPES; i++) {
        fixture->watch[i] = sph_loop_remove(fixture->watch[i]);
        add(fixture, i, count_call);
    }
}

static void replaced_watches_wait_for_the_next_round(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < PIPES; i++)
        add(fixture, i, replace_others);
    assert_int_equal(sph_loop_step(fixture->loop, 1000), 1);
    assert_int_equal(sph_loop_step(fixture->loop, 1000), PIPES);
}

static void silence_others(void *context, int fd, uint32_t events) {
    struct fixture *fixture = context;
    count_call(context, fd, events);
    for (int i = 0; i < PIPES; i++)
        assert_int_equal(sph_loop_modify_fd(fixture->watch[i], 0), 0);
}

static void modified_events_hold_at_once(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < PIPES; i++)
        add(fixture, i, silence_others);
    assert_int_equal(sph_loop_step(fixture->loop, 1000), 1);
    assert_int_equal(sph_loop_step(fixture->loop, 0), 0);
    assert_int_equal(sph_loop_modify_fd(fixture->watch[1], EPOLLIN), 0);
    assert_int_equal(sph_loop_step(fixture->loop, 1000), 1);
}

/* A round inside a callback may remove what the outer round still has to look at. */
static void step_inside(void *context, int fd, uint32_t events) {
    struct fixture *fixture = context;
    count_call(context, fd, events);
    if (fixture->watch[0])
        (void)sph_loop_modify_fd(fixture->watch[index_of(fixture, fd)], 0);
    if (fixture->calls[0] + fixture->calls[1] + fixture->calls[2] < PIPES)
        assert_int_equal(sph_loop_step(fixture->loop, 1000) >= 0, 1);
    for (int i = 0; i < PIPES; i++)
        fixture->watch[i] = sph_loop_remove(fixture->watch[i]);
}

static void nested_rounds(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < PIPES; i++)
        add(fixture, i, step_inside);
    assert_int_equal(sph_loop_step(fixture->loop, 1000), 1);
    assert_int_equal(fixture->calls[0] + fixture->calls[1] + fixture->calls[2], PIPES);
}

static void count_timer(void *context) {
    struct fixture *fixture = context;
    fixture->timer_calls++;
}

static void stop_at_third(void *context) {
    struct fixture *fixture = context;
    if (++fixture->timer_calls == 3)
        sph_loop_stop(fixture->loop, 42);
}

static void periodic_timer_and_stop(void **state) {
    struct fixture *fixture = *state;
    uint64_t before = sph_clock_monotonic_ms();
    assert_int_equal(sph_loop_add_timer(fixture->loop, 0, 5, stop_at_third, fixture, NULL, NULL),
                     0);
    assert_int_equal(sph_loop_run(fixture->loop, NULL), 42);
    assert_int_equal(fixture->timer_calls, 3);
    assert_true(sph_clock_monotonic_ms() - before >= 9); /* at once, then two periods */
    sph_loop_stop(fixture->loop, 7);
    assert_int_equal(sph_loop_run(fixture->loop, NULL), 7); /* a stop before the run counts */
    assert_int_equal(fixture->timer_calls, 3);
}

static void one_shot_timer(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(
        sph_loop_add_timer(fixture->loop, 1, 0, count_timer, fixture, &fixture->timer, NULL), 0);
    assert_int_equal(sph_loop_step(fixture->loop, 1000), 1);
    assert_int_equal(sph_loop_step(fixture->loop, 10), 0);
    assert_int_equal(sph_loop_arm_timer(fixture->timer, 1, 0), 0);
    assert_int_equal(sph_loop_step(fixture->loop, 1000), 1);
    assert_int_equal(sph_loop_arm_timer(fixture->timer, 1, 1), 0);
    assert_int_equal(sph_loop_arm_timer(fixture->timer, 0, 0), 0);
    assert_int_equal(sph_loop_step(fixture->loop, 10), 0);
    assert_int_equal(fixture->timer_calls, 2);
    assert_null(sph_loop_remove(fixture->timer));
    assert_int_equal(sph_loop_add_timer(fixture->loop, 0, 0, count_timer, fixture, NULL, NULL), 0);
    assert_int_equal(sph_loop_step(fixture->loop, 10), 0); /* made disarmed */
}

/* Both are due in one round; the first to run puts the other off. */
struct rival {
    struct sph_watch *other;
    unsigned *calls;
};

static void put_off(void *context) {
    struct rival *rival = context;
    ++*rival->calls;
    assert_int_equal(sph_loop_arm_timer(rival->other, 60000, 0), 0);
}

static void rearmed_timer_does_not_fire_stale(void **state) {
    struct fixture *fixture = *state;
    unsigned calls = 0;
    struct rival a = {.calls = &calls}, b = {.calls = &calls};
    assert_int_equal(sph_loop_add_timer(fixture->loop, 1, 0, put_off, &a, &b.other, NULL), 0);
    assert_int_equal(sph_loop_add_timer(fixture->loop, 1, 0, put_off, &b, &a.other, NULL), 0);
    (void)usleep(20000);
    assert_int_equal(sph_loop_step(fixture->loop, 1000), 1);
    assert_int_equal(calls, 1);
}

static void keep_signal(void *context, int signal_number) {
    struct fixture *fixture = context;
    fixture->last_signal = signal_number;
}

static void signals(void **state) {
    struct fixture *fixture = *state;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_watch *watch;
    assert_int_equal(
        sph_loop_add_signal(fixture->loop, SIGUSR1, keep_signal, fixture, &watch, &err), 0);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    assert_int_equal(sph_loop_step(fixture->loop, 1000), 1);
    assert_int_equal(fixture->last_signal, SIGUSR1);
    assert_int_equal(sph_loop_step(fixture->loop, 0), 0);
    assert_null(sph_loop_remove(watch));
    assert_int_equal(kill(getpid(), SIGUSR1), 0); /* still blocked, so this test lives */
    assert_int_equal(sph_loop_add_signal(fixture->loop, 0, keep_signal, fixture, NULL, &err),
                     -EINVAL);
    assert_err(&err, -EINVAL, "cannot block signal 0: Invalid argument");
}

static void child_by_pidfd(void **state) {
    struct fixture *fixture = *state;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    assert_true(fd >= 0);
    (void)close(fixture->ends[0][0]);
    fixture->ends[0][0] = fd;
    add(fixture, 0, count_call);
    assert_int_equal(sph_loop_step(fixture->loop, 5000), 1);
    assert_int_equal(fixture->calls[0], 1);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void ignore_signal(int signal_number) {
    (void)signal_number;
}

static void interrupted_wait_is_an_empty_round(void **state) {
    struct fixture *fixture = *state;
    struct sigaction action = {.sa_handler = ignore_signal}, saved;
    assert_int_equal(sigaction(SIGALRM, &action, &saved), 0);
    (void)ualarm(20000, 0);
    assert_int_equal(sph_loop_step(fixture->loop, 3000), 0);
    assert_int_equal(sigaction(SIGALRM, &saved, NULL), 0);
}

static void failures_have_sentences(void **state) {
    struct fixture *fixture = *state;
    struct sph_err err = SPH_ERR_NULL;
    char sentence[80];
    sph_autoclose int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    const struct {
        int fd, code;
        const char *words;
    } rows[] = {{-1, -EBADF, "Bad file descriptor"}, {file, -EPERM, "Operation not permitted"}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_watch *untouched = (struct sph_watch *)&err;
        assert_int_equal(sph_loop_add_fd(fixture->loop, rows[i].fd, EPOLLIN, count_call, fixture,
                                         &untouched, &err),
                         rows[i].code);
        (void)snprintf(sentence, sizeof(sentence), "cannot watch descriptor %d: %s", rows[i].fd,
                       rows[i].words);
        assert_err(&err, rows[i].code, sentence);
        assert_ptr_equal(untouched, &err);
    }
    add(fixture, 0, count_call);
    assert_int_equal(sph_loop_add_fd(fixture->loop, fixture->ends[0][0], EPOLLIN, count_call,
                                     fixture, NULL, &err),
                     -EEXIST);
    assert_int_equal(
        sph_loop_add_timer(fixture->loop, UINT64_MAX, 0, count_timer, fixture, NULL, &err),
        0); /* 584 million years is a time too */
}

static void out_of_memory_is_told(void **state) {
    struct fixture *fixture = *state;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_loop *untouched = NULL;
    out_of_memory = true;
    int made = sph_loop_new(&untouched, &err);
    struct sph_err watch_err = SPH_ERR_NULL;
    int timer = sph_loop_add_timer(fixture->loop, 1, 0, count_timer, fixture, NULL, &watch_err);
    int signal = sph_loop_add_signal(fixture->loop, SIGUSR2, keep_signal, fixture, NULL, NULL);
    out_of_memory = false;
    assert_int_equal(made, -ENOMEM);
    assert_err(&err, -ENOMEM, "out of memory for the event loop");
    assert_int_equal(timer, -ENOMEM);
    assert_err(&watch_err, -ENOMEM, "out of memory for a watch");
    assert_int_equal(signal, -ENOMEM);
    assert_null(untouched);
    assert_null(sph_loop_free(NULL));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make, clean)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(level_triggered),
        TEST(removed_watches_of_the_round_are_silent),
        TEST(replaced_watches_wait_for_the_next_round),
        TEST(modified_events_hold_at_once),
        TEST(nested_rounds),
        TEST(periodic_timer_and_stop),
        TEST(one_shot_timer),
        TEST(rearmed_timer_does_not_fire_stale),
        TEST(signals),
        TEST(child_by_pidfd),
        TEST(interrupted_wait_is_an_empty_round),
        TEST(failures_have_sentences),
        TEST(out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
