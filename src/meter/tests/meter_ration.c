/* meter_ration: the app of ration_test: takes pages until it is killed, and says how many it got.
 *
 * Words: what to do ("single", "threads", "populate", "read", "fork"), and for threads their
 * number. First its own pages are counted by the kernel's page tables (8 bytes on standard output),
 * then one byte is written after each page that it could write to. Static memory only: nothing else
 * grows. */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
enum { MORE_THAN_ENOUGH = 4096, THREADS_MAX = 16 };

static char text[4096];
static char *area;
static unsigned n_threads = 1;
static pthread_barrier_t ready;
static pthread_barrier_t go;
static unsigned next_page;

static void check(int ok) {
    if (!ok)
        _exit(3);
}

/* "Anonymous:           24 kB" */
static uint64_t own_pages(void) {
    int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
    check(fd >= 0);
    ssize_t len = read(fd, text, sizeof(text) - 1);
    check(len > 0 && close(fd) == 0);
    text[len] = '\0';
    const char *line = strstr(text, "\nAnonymous:");
    check(line != NULL);
    return strtoul(line + strlen("\nAnonymous:"), NULL, 10) * 1024 / PAGE;
}

static void say_own_pages(void) {
    uint64_t pages = own_pages(); /* brings in what counting itself needs */
    pages = own_pages();
    check(write(1, &pages, sizeof(pages)) == sizeof(pages));
}

static void take_pages(unsigned from, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        *(volatile char *)(area + (size_t)(from + i) * PAGE) = 1;
        check(write(1, "p", 1) == 1);
    }
}

static void take_in_parallel(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        unsigned page = __atomic_fetch_add(&next_page, 1, __ATOMIC_RELAXED);
        *(volatile char *)(area + (size_t)page * PAGE) = 1;
        check(write(1, "p", 1) == 1);
    }
}

static void *run_thread(void *arg) {
    (void)arg;
    (void)pthread_barrier_wait(&ready);
    (void)pthread_barrier_wait(&go);
    take_in_parallel(MORE_THAN_ENOUGH / THREADS_MAX);
    return NULL;
}

/* Their stacks are touched as deep as they go before the count: the barriers are as deep as it
 * gets. */
static void in_threads(void) {
    pthread_t thread;
    pthread_attr_t attr;
    check(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, 65536) == 0);
    check(pthread_barrier_init(&ready, NULL, n_threads) == 0);
    check(pthread_barrier_init(&go, NULL, n_threads) == 0);
    for (unsigned i = 1; i < n_threads; i++)
        check(pthread_create(&thread, &attr, run_thread, NULL) == 0);
    (void)pthread_barrier_wait(&ready);
    say_own_pages();
    (void)pthread_barrier_wait(&go);
    take_in_parallel(MORE_THAN_ENOUGH / THREADS_MAX);
}

static void in_one_populate(void) {
    say_own_pages();
    (void)mmap(NULL, (size_t)MORE_THAN_ENOUGH * PAGE, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    check(write(1, "p", 1) == 1); /* must never be seen */
}

static void in_one_read(void) {
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    check(fd >= 0);
    say_own_pages();
    (void)read(fd, area, (size_t)MORE_THAN_ENOUGH * PAGE);
    check(write(1, "p", 1) == 1);
}

/* 20 pages taken, then a child that takes as many again by being forked, and again. */
static void in_children(void) {
    say_own_pages();
    take_pages(0, 20);
    for (;;) {
        pid_t pid = fork();
        check(pid >= 0);
        if (pid == 0)
            for (;;)
                (void)pause();
    }
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "single";
    area = mmap(NULL, (size_t)MORE_THAN_ENOUGH * PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(area != MAP_FAILED);
    if (argc > 2)
        n_threads = (unsigned)strtoul(argv[2], NULL, 10);
    if (strcmp(what, "threads") == 0)
        in_threads();
    else if (strcmp(what, "populate") == 0)
        in_one_populate();
    else if (strcmp(what, "read") == 0)
        in_one_read();
    else if (strcmp(what, "fork") == 0)
        in_children();
    else {
        say_own_pages();
        take_pages(0, MORE_THAN_ENOUGH);
    }
    return 0;
}
