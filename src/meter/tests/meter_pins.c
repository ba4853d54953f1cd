/* meter_pins: the app of pins_test: one kernel behaviour per word. What it says goes to standard
 * output a byte at a time; it waits for a byte on standard input where a test has to look. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
enum { AREA = 64 };

static char *area;

static void check(int ok) {
    if (!ok)
        _exit(3);
}

static void say_and_wait(void) {
    char order = 0;
    check(write(1, "r", 1) == 1);
    check(read(0, &order, 1) == 1);
}

static void touch(unsigned from, unsigned count) {
    for (unsigned i = from; i < from + count; i++)
        *(volatile char *)(area + (size_t)i * PAGE) = 1;
}

/* 20 pages, then a child that never runs an instruction that changes a count. */
static void fork_and_hold(void) {
    touch(0, 20);
    say_and_wait();
    pid_t pid = fork();
    check(pid >= 0);
    if (pid == 0)
        for (;;)
            (void)pause();
    say_and_wait();
    check(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
    say_and_wait();
}

/* One page at a time, each waited for. */
static void touch_slowly(void) {
    for (unsigned i = 0; i < AREA; i++) {
        touch(i, 1);
        say_and_wait();
    }
    check(munmap(area, (size_t)AREA * PAGE) == 0);
    say_and_wait();
}

/* exec: the new image answers as "hold". */
static void exec_hold(const char *self) {
    char *argv[] = {(char *)(uintptr_t)self, (char *)(uintptr_t) "hold", NULL};
    char *environment[] = {NULL};
    touch(0, 30);
    say_and_wait();
    (void)execve(self, argv, environment);
    check(0);
}

static void grow_until_killed(void) {
    char *more =
        mmap(NULL, (size_t)4096 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(more != MAP_FAILED);
    for (unsigned i = 0; i < 4096; i++)
        *(volatile char *)(more + (size_t)i * PAGE) = 1;
}

static pthread_barrier_t begin;
static pthread_barrier_t end;
static volatile int stopping;

static void *run_churn(void *arg) {
    char *own = arg;
    for (;;) {
        (void)pthread_barrier_wait(&begin);
        while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
            for (unsigned i = 0; i < 8; i++)
                *(volatile char *)(own + (size_t)i * PAGE) = 1;
            check(madvise(own, (size_t)8 * PAGE, MADV_DONTNEED) == 0);
        }
        (void)pthread_barrier_wait(&end);
    }
    return NULL;
}

/* Between one byte and the next the threads take pages and give them back. */
static void churn(void) {
    pthread_t thread;
    char order = 0;
    check(pthread_barrier_init(&begin, NULL, 5) == 0 && pthread_barrier_init(&end, NULL, 5) == 0);
    for (unsigned i = 0; i < 4; i++)
        check(pthread_create(&thread, NULL, run_churn, area + (size_t)i * 8 * PAGE) == 0);
    for (;;) {
        say_and_wait();
        stopping = 0;
        (void)pthread_barrier_wait(&begin);
        check(read(0, &order, 1) == 1);
        stopping = 1;
        (void)pthread_barrier_wait(&end);
    }
}

/* Children that hold still, until somebody stops it. */
static void make_a_crowd(void) {
    for (;;) {
        pid_t pid = fork();
        check(pid >= 0);
        if (pid == 0)
            for (;;)
                (void)pause();
    }
}

/* Tells the address of pages that it never touches, for another process to write to. */
static void offer(void) {
    check(prctl(PR_SET_DUMPABLE, 1) == 0);
    check(write(1, &area, sizeof(area)) == sizeof(area));
    say_and_wait();
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "hold";
    area =
        mmap(NULL, (size_t)AREA * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(area != MAP_FAILED);
    if (strcmp(what, "fork") == 0)
        fork_and_hold();
    else if (strcmp(what, "slow") == 0)
        touch_slowly();
    else if (strcmp(what, "exec") == 0)
        exec_hold(argv[0]);
    else if (strcmp(what, "grow") == 0)
        grow_until_killed();
    else if (strcmp(what, "churn") == 0)
        churn();
    else if (strcmp(what, "crowd") == 0)
        make_a_crowd();
    else if (strcmp(what, "offer") == 0)
        offer();
    else
        say_and_wait();
    return 0;
}
