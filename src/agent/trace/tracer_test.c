/* The tracer over children of the test's own: no namespace, no meter, no privilege. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/trace/tracer.h"
#include "base/attr.h"
#include "base/clock.h"

enum { PATIENCE_MS = 10000 };

struct fixture {
    struct sph_loop *loop;
    struct sph_tracer *tracer;
    pid_t child;
    volatile int *page; /* of the child, shared: what it has done */
    unsigned n_exiting, n_signalled, n_gone;
    int exiting_status, gone_status;
    bool readable; /* the child's memory, in its exit stop */
    struct sph_fault fault;
};

static void on_exiting(void *context, pid_t tid, int status) {
    struct fixture *fixture = context;
    char path[64], byte;
    fixture->n_exiting++;
    if (tid != fixture->child)
        return;
    fixture->exiting_status = status;
    (void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)tid);
    FILE *file = fopen(path, "r");
    fixture->readable = file && fread(&byte, 1, 1, file) == 1;
    if (file)
        (void)fclose(file);
}

static void on_signalled(void *context, pid_t tid, const struct sph_fault *fault) {
    struct fixture *fixture = context;
    fixture->n_signalled++;
    if (tid == fixture->child)
        fixture->fault = *fault;
}

static void on_gone(void *context, pid_t pid, int status) {
    struct fixture *fixture = context;
    if (pid != fixture->child)
        return;
    fixture->n_gone++;
    fixture->gone_status = status;
}

static int setup(void **state) {
    static const struct sph_tracer_ops ops = {
        .exiting = on_exiting, .signalled = on_signalled, .gone = on_gone};
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_int_equal(sph_loop_new(&fixture->loop, NULL), 0);
    assert_int_equal(sph_tracer_new(fixture->loop, &ops, fixture, &fixture->tracer, NULL), 0);
    fixture->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(fixture->page != MAP_FAILED);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    (void)sph_tracer_free(fixture->tracer);
    (void)sph_loop_free(fixture->loop);
    (void)munmap((void *)(uintptr_t)fixture->page, 4096);
    free(fixture);
    return 0;
}

/* Runs `deed` in a traced child until it is gone. */
static void run_child(struct fixture *fixture, void (*deed)(volatile int *page)) {
    int go[2];
    char byte;
    assert_int_equal(pipe(go), 0);
    fixture->child = fork();
    assert_true(fixture->child >= 0);
    if (fixture->child == 0) {
        sigset_t none;
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)close(go[1]);
        if (read(go[0], &byte, 1) == 1)
            deed(fixture->page);
        _exit(99);
    }
    (void)close(go[0]);
    uintptr_t options = sph_tracer_options();
    assert_int_equal(ptrace(PTRACE_SEIZE, fixture->child, NULL, (void *)options), 0);
    assert_int_equal(write(go[1], "g", 1), 1);
    (void)close(go[1]);
    uint64_t end = sph_clock_monotonic_ms() + PATIENCE_MS;
    while (fixture->n_gone == 0 && sph_clock_monotonic_ms() < end)
        (void)sph_loop_step(fixture->loop, 50);
    assert_int_equal(fixture->n_gone, 1);
}

static void leave(volatile int *page) {
    (void)page;
    _exit(5);
}

static void test_exit(void **state) {
    struct fixture *fixture = *state;
    run_child(fixture, leave);
    assert_int_equal(fixture->n_exiting, 1);
    assert_int_equal(fixture->exiting_status, 5 << 8);
    assert_true(fixture->readable);
    assert_int_equal(WEXITSTATUS(fixture->gone_status), 5);
    assert_int_equal(fixture->n_signalled, 0);
}

static void die(volatile int *page) {
    (void)page;
    (void)kill(getpid(), SIGKILL);
    (void)pause();
}

/* The kernel behaviour that reports rest on: SIGKILL comes by the exit stop, with the memory still
 * there. */
static void test_sigkill_stops_at_exit(void **state) {
    for (int i = 0; i < 50; i++) {
        struct fixture *fixture = *state;
        fixture->n_gone = fixture->n_exiting = 0;
        fixture->readable = false;
        run_child(fixture, die);
        assert_int_equal(fixture->n_exiting, 1);
        assert_int_equal(fixture->exiting_status, SIGKILL);
        assert_true(fixture->readable);
        assert_int_equal(WTERMSIG(fixture->gone_status), SIGKILL);
        assert_int_equal(fixture->n_signalled, 0);
    }
}

static void fault(volatile int *page) {
    (void)page;
    (void)signal(SIGSEGV, SIG_DFL); /* a sanitizer may have its own */
    *(volatile int *)0x123000 = 1;
}

static void test_fault(void **state) {
    struct fixture *fixture = *state;
    run_child(fixture, fault);
    assert_int_equal(fixture->fault.signal, SIGSEGV);
    assert_true(fixture->fault.is_fault);
    assert_int_equal(fixture->fault.code, SEGV_MAPERR);
    assert_int_equal(fixture->fault.address, 0x123000);
    assert_int_equal(fixture->fault.sender, 0);
    assert_true(fixture->fault.pc != 0 && fixture->fault.sp != 0);
    assert_int_equal(WTERMSIG(fixture->gone_status), SIGSEGV);
}

static volatile int *counter;

static void count(int number) {
    (void)number;
    ++*counter;
}

static void signal_itself(volatile int *page) {
    counter = page;
    (void)signal(SIGUSR1, count);
    for (int i = 0; i < 300; i++)
        (void)raise(SIGUSR1);
    _exit(*page == 300 ? 0 : 1);
}

/* More than a batch of them, and none is lost or delivered twice. */
static void test_signals_are_passed_on(void **state) {
    struct fixture *fixture = *state;
    *fixture->page = 0;
    run_child(fixture, signal_itself);
    assert_int_equal(WEXITSTATUS(fixture->gone_status), 0);
    assert_int_equal(*fixture->page, 300);
    assert_int_equal(fixture->n_signalled, 300);
    assert_int_equal(fixture->fault.signal, SIGUSR1);
    assert_int_equal(fixture->fault.sender, fixture->child);
    assert_int_equal(fixture->fault.sender_uid, getuid());
    assert_false(fixture->fault.is_fault);
}

static void fork_children(volatile int *page) {
    (void)page;
    for (int i = 0; i < 100; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(i);
        int status;
        if (child < 0 || waitpid(child, &status, 0) != child || WEXITSTATUS(status) != i)
            _exit(1);
    }
    _exit(0);
}

/* Children are followed, end before the parent hears of it, and the parent hears the truth. */
static void test_children_are_followed(void **state) {
    struct fixture *fixture = *state;
    run_child(fixture, fork_children);
    assert_int_equal(WEXITSTATUS(fixture->gone_status), 0);
    assert_int_equal(fixture->n_exiting, 101);
}

static void stop_a_child(volatile int *page) {
    (void)page;
    int status;
    pid_t child = fork();
    if (child == 0) {
        (void)raise(SIGSTOP);
        _exit(3);
    }
    if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
        _exit(1);
    (void)kill(child, SIGCONT);
    if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 3)
        _exit(2);
    _exit(0);
}

static void test_job_control(void **state) {
    struct fixture *fixture = *state;
    run_child(fixture, stop_a_child);
    assert_int_equal(WEXITSTATUS(fixture->gone_status), 0);
}

static void run_another(volatile int *page) {
    (void)page;
    (void)execl("/bin/true", "true", (char *)NULL);
    _exit(1);
}

static void test_exec_is_no_stop(void **state) {
    struct fixture *fixture = *state;
    run_child(fixture, run_another);
    assert_int_equal(WEXITSTATUS(fixture->gone_status), 0);
    assert_int_equal(fixture->n_signalled, 0);
}

/* ---- orders that are rare ---- */

/* Stopped by job control, so that the tracer listens to it, and then killed: the kill is passed by
 * the listening, the exit stop comes all the same. */
static void kill_a_stopped_child(volatile int *page) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        (void)raise(SIGSTOP);
        *page = 1; /* must not happen */
        _exit(3);
    }
    if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
        _exit(1);
    (void)kill(child, SIGKILL);
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        _exit(2);
    _exit(*page);
}

static void test_stopped_one_is_killed(void **state) {
    struct fixture *fixture = *state;
    *fixture->page = 0;
    run_child(fixture, kill_a_stopped_child);
    assert_int_equal(WEXITSTATUS(fixture->gone_status), 0);
    assert_int_equal(fixture->n_exiting, 2);
}

/* Stopped and continued over and over: no stop is lost or made up. WCONTINUED is not waited for:
 * the next stop may have taken it back by then, traced or not. */
static void stop_and_go(volatile int *page) {
    int status;
    pid_t child = fork();
    if (child == 0)
        for (;;) {
            ++*page;
            (void)raise(SIGSTOP);
        }
    for (int i = 1; i <= 50; i++) {
        if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status) || *page != i)
            _exit(1);
        (void)kill(child, SIGCONT);
    }
    (void)kill(child, SIGKILL);
    _exit(waitpid(child, &status, 0) == child ? 0 : 3);
}

static void test_stop_and_go(void **state) {
    struct fixture *fixture = *state;
    *fixture->page = 0;
    run_child(fixture, stop_and_go);
    assert_int_equal(WEXITSTATUS(fixture->gone_status), 0);
}

static void *sleep_for_ever(void *unused) {
    (void)unused;
    for (;;)
        (void)pause();
    return NULL;
}

enum { THREADS = 40 };

static void start_threads(void *(*run)(void *), void *argument) {
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, run, argument) != 0)
            _exit(98);
    }
}

static void kill_a_crowd(volatile int *page) {
    (void)page;
    start_threads(sleep_for_ever, NULL);
    (void)kill(getpid(), SIGKILL);
    (void)pause();
}

/* One SIGKILL, an exit stop for each thread, in any order; one end. */
static void test_each_thread_is_seen(void **state) {
    struct fixture *fixture = *state;
    run_child(fixture, kill_a_crowd);
    assert_int_equal(fixture->n_exiting, THREADS + 1);
    assert_int_equal(WTERMSIG(fixture->gone_status), SIGKILL);
}

/* The others are ended by the kernel, and this one goes on under the leader's number: for the
 * tracer a thread vanishes and another changes its name, without a word. */
static void *execute(void *unused) {
    (void)unused;
    (void)execl("/bin/true", "true", (char *)NULL);
    _exit(97);
}

static void execute_in_a_thread(volatile int *page) {
    pthread_t thread;
    (void)page;
    start_threads(sleep_for_ever, NULL);
    (void)pthread_create(&thread, NULL, execute, NULL);
    (void)sleep_for_ever(NULL);
}

static void test_exec_by_another_thread(void **state) {
    struct fixture *fixture = *state;
    run_child(fixture, execute_in_a_thread);
    assert_true(WIFEXITED(fixture->gone_status));
    assert_int_equal(WEXITSTATUS(fixture->gone_status), 0);
    assert_int_equal(fixture->n_gone, 1);
}

static void *leave_last(void *page) {
    (void)usleep(20000);
    *(volatile int *)page = 1;
    _exit(7);
}

/* A leader that has left is a zombie that nobody can reap while its threads live: a wait loop that
 * trusted its number would spin or hang here. */
static void leave_first(volatile int *page) {
    pthread_t thread;
    (void)pthread_create(&thread, NULL, leave_last, (void *)(uintptr_t)page);
    pthread_exit(NULL);
}

static void test_leader_leaves_first(void **state) {
    struct fixture *fixture = *state;
    *fixture->page = 0;
    run_child(fixture, leave_first);
    assert_int_equal(*fixture->page, 1);
    assert_int_equal(fixture->n_gone, 1);
    assert_int_equal(WEXITSTATUS(fixture->gone_status), 7);
}

/* The child of a child, whose parents are gone: it is reported to its tracer, who did not make it
 * and never heard of it by name. */
static void leave_a_daemon(volatile int *page) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        if (fork() == 0) {
            (void)usleep(30000);
            *page = 1;
            _exit(0);
        }
        _exit(0);
    }
    (void)waitpid(child, &status, 0);
    _exit(0);
}

static void test_daemon_outlives_its_parents(void **state) {
    struct fixture *fixture = *state;
    *fixture->page = 0;
    run_child(fixture, leave_a_daemon);
    uint64_t end = sph_clock_monotonic_ms() + PATIENCE_MS;
    while (fixture->n_exiting < 3 && sph_clock_monotonic_ms() < end)
        (void)sph_loop_step(fixture->loop, 50);
    assert_int_equal(*fixture->page, 1);
    assert_int_equal(fixture->n_exiting, 3);
}

static void vfork_children(volatile int *page) {
    (void)page;
    for (int i = 0; i < 50; i++) {
        int status;
        char *const arguments[] = {"true", NULL};
        pid_t child;
        if (posix_spawn(&child, "/bin/true", NULL, NULL, arguments, NULL) != 0 ||
            waitpid(child, &status, 0) != child || status != 0)
            _exit(1);
    }
    _exit(0);
}

/* The parent stands still until the child has its own memory: a child that was not let go on would
 * hang both. */
static void test_vfork(void **state) {
    struct fixture *fixture = *state;
    run_child(fixture, vfork_children);
    assert_int_equal(WEXITSTATUS(fixture->gone_status), 0);
    assert_int_equal(fixture->n_exiting, 51);
}

/* A child of ours that nobody traces is reaped all the same: the agent's helpers are such. */
static void test_untraced_child(void **state) {
    struct fixture *fixture = *state;
    fixture->child = fork();
    assert_true(fixture->child >= 0);
    if (fixture->child == 0)
        _exit(9);
    uint64_t end = sph_clock_monotonic_ms() + PATIENCE_MS;
    while (fixture->n_gone == 0 && sph_clock_monotonic_ms() < end)
        (void)sph_loop_step(fixture->loop, 50);
    assert_int_equal(fixture->n_gone, 1);
    assert_int_equal(WEXITSTATUS(fixture->gone_status), 9);
    assert_int_equal(fixture->n_exiting, 0);
    assert_int_equal(sph_tracer_poll(fixture->tracer), 0); /* with nobody left that is no error */
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_exit),
        TEST(test_sigkill_stops_at_exit),
        TEST(test_fault),
        TEST(test_signals_are_passed_on),
        TEST(test_children_are_followed),
        TEST(test_job_control),
        TEST(test_exec_is_no_stop),
        TEST(test_stopped_one_is_killed),
        TEST(test_stop_and_go),
        TEST(test_each_thread_is_seen),
        TEST(test_exec_by_another_thread),
        TEST(test_leader_leaves_first),
        TEST(test_daemon_outlives_its_parents),
        TEST(test_vfork),
        TEST(test_untraced_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
