/* A program for the tests of heap tracking: what it allocates is known to the byte. Its own output
 * takes no memory from the heap. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <malloc.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/app_channel.h"
#include "wire/ledger.h"

static char *self; /* its path */
static void *volatile sink;

/* Said in one call that takes no memory, glibc's dprintf() does for a moment. */
static int hold(const char *word) {
    char text[64];
    (void)write(1, text, (size_t)snprintf(text, sizeof(text), "%s\n", word));
    while (pause() < 0)
        ;
    return 99;
}

static unsigned long long ask(uint32_t which) {
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = SPH_APP_CHANNEL_PATH};
    struct sph_app_request packet = {
        SPH_APP_CHANNEL_VERSION, SPH_APP_MEMORY_INFO, {which, 0, 0, 0}};
    struct sph_app_reply reply = {.error = 1};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    if (connect(fd, (void *)&name, sizeof(name)) < 0 || send(fd, &packet, sizeof(packet), 0) < 0 ||
        recv(fd, &reply, sizeof(reply), 0) < 0)
        reply.error = 1;
    close(fd);
    return reply.error ? 0 : reply.number;
}

/* ---- what must be the same with tracking and without ---- */

static void show_user(const char *point) {
    dprintf(1, "%s: user %llu peak %llu\n", point, ask(1), ask(2));
}

/* Range, rights and name: not device and inode, as the loader is another file. */
static void show_maps(void) {
    static char text[32768];
    size_t len = 0;
    ssize_t n;
    int fd = open("/proc/self/maps", O_RDONLY);
    while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    text[len] = '\0';
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *name = strpbrk(line, "/[");
        line[strcspn(line, " ") + 5] = '\0';
        dprintf(1, "map %s %s\n", line, name ? name : "");
    }
}

static void *show(void *block) {
    dprintf(1, "at %p\n", block);
    return block;
}

static void *allocate_in_thread(void *unused) {
    void *block = show(malloc(700));
    (void)unused;
    free(show(calloc(3, 50)));
    return block;
}

static int do_same(char **args) {
    static const size_t sizes[] = {1, 16, 100, 1000, 5000, 20000, 140000, 24, 3};
    void *blocks[9];
    char *line = NULL;
    size_t room = 0;
    pthread_t thread;
    (void)args;
    show_user("start");
    show_maps();
    for (int i = 0; i < 9; i++)
        blocks[i] = memset(show(malloc(sizes[i])), 1, sizes[i] < 5000 ? sizes[i] : 5000);
    show_user("malloc");
    for (int i = 0; i < 9; i += 2)
        free(blocks[i]);
    blocks[1] = show(realloc(blocks[1], 9000));
    blocks[3] = show(realloc(blocks[3], 10));
    blocks[0] = show(calloc(7, 300));
    blocks[2] = show(aligned_alloc(64, 640));
    blocks[4] = show(memalign(256, 10));
    posix_memalign(&blocks[6], 4096, 5000);
    blocks[8] = show(reallocarray(show(blocks[6]), 3, 4000));
    show_user("others");
    FILE *file = fopen("/proc/self/status", "r");
    show(file);
    while (getline(&line, &room, file) > 0)
        ;
    show(line);
    fclose(file);
    show(strdup("what it reads"));
    show_user("stdio");
    pthread_create(&thread, NULL, allocate_in_thread, NULL);
    pthread_join(thread, NULL);
    show_user("thread");
    for (int i = 0; i < 200; i++)
        memset(show(malloc((size_t)i * 2)), 1, (size_t)i * 2);
    show_user("end");
    show_maps();
    return 0;
}

/* ---- processes ---- */

static int do_hold(char **args) {
    sink = malloc((size_t)strtoul(args[0], NULL, 10));
    return hold("holding");
}

static int do_leave(char **args) {
    (void)args;
    sink = malloc(77);
    return 3;
}

static int do_fork(char **args) {
    void *shared = malloc(1000);
    (void)args;
    sink = malloc(100);
    if (fork() == 0) {
        free(shared);
        sink = malloc(2000);
        return hold("child ready");
    }
    sink = malloc(4000);
    return hold("parent ready"); /* cppcheck-suppress memleak ; so that it is told of */
}

/* A fork while another thread would hold the ledger's lock: that thread is not in the child. */
static int do_locked(char **args) {
    struct sph_ledger *ledger = (void *)(getauxval(AT_BASE) + SPH_LEDGER_REGION_DISTANCE);
    volatile uint32_t *lock = &ledger->lock;
    (void)args;
    sink = malloc(100);
    *lock = 1;
    if (fork() == 0)
        return hold(*lock == 0 ? "child is free" : "child is locked");
    *lock = 0;
    return hold("parent ready");
}

/* A fork when there is no descriptor left. */
static int do_full(char **args) {
    while (open("/dev/null", O_RDONLY) >= 0)
        ;
    return do_fork(args);
}

/* The program again, with less room for addresses than a region takes. */
static int do_squeeze(char **args) {
    const struct rlimit room = {.rlim_cur = 32 << 20, .rlim_max = 32 << 20};
    if (setrlimit(RLIMIT_AS, &room) == 0)
        execl(self, "app", "-", args[0], args[1], NULL);
    return 96;
}

/* The program again, with no descriptor left. */
static int do_full_exec(char **args) {
    while (open("/dev/null", O_RDONLY) >= 0)
        ;
    execl(self, "app", "-", "hold", args[0], NULL);
    return 96;
}

static int do_exec(char **args) {
    sink = malloc(100);
    if (fork() == 0) {
        execl(self, "app", "-", "hold", args[0], NULL);
        _exit(1);
    }
    return hold("parent ready");
}

static int do_spawn(char **args) {
    char *const argv[] = {(char[]){"app"}, (char[]){"-"}, (char[]){"hold"}, args[0], NULL};
    pid_t child;
    sink = malloc(100);
    if (posix_spawn(&child, self, NULL, NULL, argv, NULL) != 0)
        return 97;
    sink = malloc(50);
    return hold("parent ready");
}

static pthread_barrier_t barrier;

static void *hold_some(void *bytes) {
    void *block = malloc((size_t)(uintptr_t)bytes);
    free(malloc(11));
    pthread_barrier_wait(&barrier);
    while (pause() < 0)
        ;
    return block;
}

static int do_threads(char **args) {
    pthread_t thread;
    (void)args;
    pthread_barrier_init(&barrier, NULL, 5);
    for (uintptr_t i = 1; i <= 4; i++)
        pthread_create(&thread, NULL, hold_some, (void *)(i * 100));
    pthread_barrier_wait(&barrier);
    return hold("ready");
}

/* What the C library takes for its caller; all of it stays. */
static int do_behalf(char **args) {
    static regex_t compiled;
    static glob_t found;
    char *line = NULL;
    size_t room = 0;
    (void)args;
    sink = strdup("0123456789");
    sink = strndup("0123456789", 4);
    sink = fopen("/proc/self/status", "r");
    (void)getline(&line, &room, sink);
    (void)asprintf((char **)(uintptr_t)&sink, "%d-%s", 42, "text");
    sink = realpath("/proc/self", NULL);
    (void)regcomp(&compiled, "a(b|c)*d", REG_EXTENDED);
    (void)glob("/dev/*", 0, NULL, &found);
    setenv("SPHERULE_TEST", "value", 1);
    return hold("ready");
}

/* A block that the C library takes for a function which others called. The assembler keeps calls
 * from becoming jumps, and functions from becoming one. */
static __attribute__((noinline)) void *copy(const char *text) {
    void *block = strdup(text);
    __asm__ volatile("" : : "r"(block) : "memory");
    return block;
}

static __attribute__((noinline)) void *copy_twice(const char *text) {
    void *block = copy(text);
    __asm__ volatile("" : : "r"(block) : "memory");
    return block;
}

static int do_stack(char **args) {
    char text[160];
    sink = copy_twice(args[0]);
    (void)write(1, text,
                (size_t)snprintf(text, sizeof(text), "at %p %p %p\n", (void *)copy,
                                 (void *)copy_twice, (void *)do_stack));
    return hold("ready");
}

/* ---- while it is being put in place ---- */

static int run_child(int number, useconds_t wait) {
    pid_t child = fork();
    int status;
    if (child == 0) {
        execl(self, "app", "-", "leave", NULL);
        _exit(1);
    }
    for (int i = 0; i < 40 && number != SIGKILL; i++) {
        kill(child, number);
        kill(child, SIGCONT);
    }
    usleep(wait);
    if (number == SIGKILL)
        kill(child, number);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* Signals that the child ignores, by inheritance, and stops that are undone. */
static int do_signals(char **args) {
    int good = 0, rounds = (int)strtol(args[0], NULL, 10);
    signal(SIGUSR1, SIG_IGN);
    for (int i = 0; i < rounds; i++) {
        int status = run_child(i % 2 ? SIGUSR1 : SIGSTOP, 0);
        good += WIFEXITED(status) && WEXITSTATUS(status) == 3;
    }
    dprintf(1, "%d good\n", good);
    return hold("ready");
}

static int do_killed(char **args) {
    int good = 0, rounds = (int)strtol(args[0], NULL, 10);
    for (int i = 0; i < rounds; i++) {
        int status = run_child(SIGKILL, (useconds_t)(i * 23 % 3000));
        good += (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
                (WIFEXITED(status) && WEXITSTATUS(status) == 3);
    }
    dprintf(1, "%d good\n", good);
    return hold("ready");
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(char **args);
    } deeds[] = {
        {"same", do_same},       {"hold", do_hold},       {"leave", do_leave},
        {"fork", do_fork},       {"full", do_full},       {"exec", do_exec},
        {"spawn", do_spawn},     {"threads", do_threads}, {"behalf", do_behalf},
        {"signals", do_signals}, {"killed", do_killed},   {"locked", do_locked},
        {"stack", do_stack},     {"squeeze", do_squeeze}, {"full_exec", do_full_exec},
    };
    if (argc < 3)
        return 98;
    self = argv[0][0] == '/' ? argv[0] : NULL;
    for (unsigned i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
        if (strcmp(argv[2], deeds[i].name) == 0)
            return deeds[i].run(argv + 3);
    return 97;
}
