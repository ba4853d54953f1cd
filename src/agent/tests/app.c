/* A program for the tests to run as an app: its first own argument says what it does. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/tests/app_sandbox.h"
#include "agent/tests/app_storage.h"
#include "wire/app_channel.h"

static int argument(char **args, int fallback) {
    return *args ? (int)strtol(*args, NULL, 10) : fallback;
}

static int do_hello(char **args) {
    (void)args;
    (void)write(1, "hello out\n", 10);
    (void)write(2, "hello err\n", 10);
    (void)write(1, "no newline", 10);
    return 0;
}

static int do_args(char **args) {
    for (int i = 0; args[i]; i++)
        printf("[%s]", args[i]);
    printf("\n");
    return 0;
}

static int do_exit(char **args) {
    return argument(args, 0);
}

static int do_signal(char **args) {
    int number = argument(args, SIGABRT);
    signal(number, SIG_DFL);
    raise(number);
    return 99;
}

__attribute__((noinline)) static void fault_here(volatile int *where) {
    *where = 1;
}

static int do_segv(char **args) {
    (void)args;
    fault_here((volatile int *)0x123000);
    return 99;
}

/* Touches fresh pages until it dies, and says after each how many it has. */
static int do_grow(char **args) {
    int pages = argument(args, 1000);
    volatile char *base = mmap(NULL, (size_t)pages * 4096, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < pages; i++)
        base[(size_t)i * 4096] = 1;
    return 0;
}

static int do_populate(char **args) {
    int pages = argument(args, 1000);
    void *base = mmap(NULL, (size_t)pages * 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    return base == MAP_FAILED;
}

static int do_shared(char **args) {
    int pages = argument(args, 1000);
    volatile char *base =
        mmap(NULL, (size_t)pages * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < pages; i++)
        base[(size_t)i * 4096] = 1;
    return 0;
}

/* Memory for somebody else to write to: its address, and then nothing. */
static int do_offer(char **args) {
    int pages = argument(args, 1000);
    void *base = mmap(NULL, (size_t)pages * 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("%p\nready\n", base);
    fflush(stdout);
    while (pause() < 0)
        ;
    return 99;
}

/* Memory that no page table holds: User does not see it. */
static int do_memfds(char **args) {
    int files = argument(args, 200);
    static char block[4096];
    for (int i = 0; i < files; i++) {
        int fd = memfd_create("hidden", 0);
        while (write(fd, block, sizeof(block)) > 0)
            ;
    }
    return 0;
}

/* A child crosses the line; the parent only waits. */
static int do_child_grows(char **args) {
    pid_t child = fork();
    if (child == 0)
        return do_grow(args);
    waitpid(child, NULL, 0);
    pause();
    return 99;
}

static void *grow_thread(void *args) {
    do_grow(args);
    return NULL;
}

static int do_thread_grows(char **args) {
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, grow_thread, args);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 99;
}

static void *end_process(void *unused) {
    (void)unused;
    usleep(20000);
    exit(5);
}

/* The leader leaves first; another thread ends the process. */
static int do_leader_leaves(char **args) {
    (void)args;
    pthread_t thread;
    pthread_create(&thread, NULL, end_process, NULL);
    pthread_exit(NULL);
}

static int do_wait(char **args) {
    (void)args;
    (void)write(1, "ready\n", 6);
    while (pause() < 0)
        ;
    return 99;
}

static int do_grow_and_wait(char **args) {
    do_grow(args);
    return do_wait(args);
}

static int do_ignore_term(char **args) {
    signal(SIGTERM, SIG_IGN);
    return do_wait(args);
}

static volatile sig_atomic_t asked;

static void on_term(int number) {
    (void)number;
    asked = 1;
}

static int do_handle_term(char **args) {
    signal(SIGTERM, on_term);
    (void)write(1, "ready\n", 6);
    while (!asked)
        usleep(1000);
    (void)write(1, "goodbye\n", 8);
    return argument(args, 0);
}

/* Leaves a daemon behind: twice forked, its own session, its parent gone. */
static int do_daemon(char **args) {
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            signal(SIGTERM, SIG_IGN);
            signal(SIGHUP, SIG_IGN);
            return do_wait(args);
        }
        _exit(0);
    }
    signal(SIGCHLD, SIG_IGN);
    for (;;)
        pause();
}

/* So many children, beside pages that all of them share: copy-on-write and by a shared mapping,
 * some of them written to by each. */
static int do_family(char **args) {
    int children = argument(args, 1);
    size_t len = (size_t)2 * 4096;
    volatile char *own =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile char *all = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < len; i += 4096)
        own[i] = all[i] = 1;
    for (int i = 0; i < children; i++) {
        if (fork() != 0)
            continue;
        own[0] = 2;                      /* its own copy */
        all[4096] = 2;                   /* everybody's */
        (void)all[(size_t)i % 4 * 4096]; /* mapped by some only */
        for (;;)
            pause();
    }
    usleep(20000); /* the children have done what they do */
    return do_wait(args);
}

static int pause_for_ever(void *unused) {
    (void)unused;
    while (pause() < 0)
        ;
    return 99;
}

/* A second process in the same address space, as between a vfork and its exec. */
static int do_shares_memory(char **args) {
    static char stack[16384] __attribute__((aligned(16)));
    if (clone(pause_for_ever, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL) < 0)
        return 98;
    return do_wait(args);
}

/* As many as the limit lets it have, without memory of their own: they stand on one stack, and all
 * of them write the same to it. */
static int do_crowd(char **args) {
    static char stack[16384] __attribute__((aligned(16)));
    int count = 0;
    while (clone(pause_for_ever, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL) > 0)
        count++;
    printf("%d children, then errno %d\n", count, errno);
    fflush(stdout);
    return do_wait(args);
}

static void *wait_in_thread(void *unused) {
    (void)unused;
    usleep(20000);
    do_wait(NULL);
    return NULL;
}

/* The process goes on, in a thread that is not its first. */
static int do_dead_leader(char **args) {
    (void)args;
    pthread_t thread;
    pthread_create(&thread, NULL, wait_in_thread, NULL);
    pthread_exit(NULL);
}

/* Children that come, write to a page, and go, without end; some of them stay for a moment. */
static int do_churn(char **args) {
    static char pages[4096 * 3];
    (void)args;
    signal(SIGCHLD, SIG_IGN);
    (void)write(1, "ready\n", 6);
    for (unsigned i = 0;; i++) {
        pid_t child = fork();
        if (child == 0) {
            *(volatile char *)&pages[(size_t)(i % 3) * 4096] = 1;
            if (i % 4 == 0)
                usleep(3000);
            _exit(0);
        }
        usleep(i % 7 * 300);
    }
    return 99;
}

static int do_fork_bomb(char **args) {
    (void)args;
    for (int failures = 0; failures < 1000000;)
        if (fork() < 0)
            failures += usleep(1000) == 0;
    return 99;
}

/* It stands still before it is asked to stop. */
static int do_stand_still(char **args) {
    (void)args;
    (void)write(1, "ready\n", 6);
    raise(SIGSTOP);
    (void)write(1, "went on\n", 8);
    return pause_for_ever(NULL);
}

static int do_fork_storm(char **args) {
    int count = argument(args, 200);
    for (int i = 0; i < count; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        if (child > 0)
            waitpid(child, NULL, 0);
    }
    printf("stormed\n");
    return 0;
}

static int do_flood(char **args) {
    long bytes = argument(args, 1000000);
    char line[100];
    memset(line, 'f', sizeof(line));
    line[99] = '\n';
    for (long i = 0; i < bytes; i += 100)
        (void)write(1, line, 100);
    printf("flooded\n");
    return 0;
}

static int do_signals(char **args) {
    int count = argument(args, 100);
    signal(SIGUSR1, on_term);
    for (int i = 0; i < count; i++)
        raise(SIGUSR1);
    printf("signalled\n");
    return 0;
}

static int do_stop_self(char **args) {
    (void)args;
    pid_t child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        _exit(3);
    }
    int status;
    waitpid(child, &status, WUNTRACED);
    printf("stopped %d\n", WIFSTOPPED(status));
    kill(child, SIGCONT);
    waitpid(child, &status, 0);
    printf("exited %d\n", WEXITSTATUS(status));
    return 0;
}

/* ---- the channel ---- */

int request(uint32_t op, uint32_t a, uint32_t b, uint32_t c, struct sph_app_reply *reply) {
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = SPH_APP_CHANNEL_PATH};
    struct sph_app_request packet = {SPH_APP_CHANNEL_VERSION, op, {a, b, c, 0}};
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {reply, sizeof(*reply)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    int passed = -1;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    memset(reply, 0, sizeof(*reply));
    reply->error = -1;
    if (connect(fd, (void *)&name, sizeof(name)) == 0 && send(fd, &packet, sizeof(packet), 0) > 0 &&
        recvmsg(fd, &message, 0) > 0 && message.msg_controllen >= CMSG_LEN(sizeof(int)))
        memcpy(&passed, CMSG_DATA(&control.head), sizeof(int));
    close(fd);
    return passed;
}

static int do_channel(char **args) {
    struct sph_app_reply reply = {0};
    (void)args;
    uint64_t figures[3];
    for (uint32_t i = 0; i < 3; i++) {
        request(SPH_APP_MEMORY_INFO, i, 0, 0, &reply);
        figures[i] = reply.error ? 0 : reply.number;
    }
    printf("memory %d\n", figures[0] >= figures[1] && figures[2] >= figures[1] && figures[1] > 0);
    request(SPH_APP_MEMORY_INFO, 3, 0, 0, &reply);
    printf("memory 3: %d\n", reply.error);
    request(SPH_APP_OS_VERSION, 0, 0, 0, &reply);
    printf("os %s\n", reply.text);
    request(SPH_APP_PACKAGE_PATH, 0, 0, 0, &reply);
    char cwd[128];
    printf("package %d\n", strcmp(reply.text, getcwd(cwd, sizeof(cwd))));
    request(99, 0, 0, 0, &reply);
    printf("op 99: %d\n", reply.error);
    request(SPH_APP_GPIO_OPEN_INPUT, 5, 0, 0, &reply);
    printf("pin 5: %d\n", reply.error);
    request(SPH_APP_GPIO_OPEN_INPUT, 76, 0, 0, &reply);
    printf("pin 76: %d\n", reply.error);
    int button = request(SPH_APP_GPIO_OPEN_INPUT, 12, 0, 0, &reply);
    printf("pin 12: %d\n", reply.error);
    request(SPH_APP_GPIO_OPEN_OUTPUT, 12, 0, 0, &reply);
    printf("pin 12 again: %d\n", reply.error);
    int led = request(SPH_APP_GPIO_OPEN_OUTPUT, 8, 0, 1, &reply);
    printf("pin 8: %d\n", reply.error);
    request(SPH_APP_GPIO_OPEN_OUTPUT, 9, 7, 1, &reply);
    printf("mode 7: %d\n", reply.error);
    char byte = 0;
    printf("write to an input: %d\n", pwrite(button, &byte, 1, 0) < 0 ? errno : 0);
    printf("set: %zd\n", pwrite(led, &byte, 1, 0));
    int storage = request(SPH_APP_STORAGE_OPEN_MUTABLE, 0, 0, 0, &reply);
    printf("storage: %d %d\n", reply.error, (int)reply.number);
    char block[1024];
    memset(block, 's', sizeof(block));
    int written = 0;
    ssize_t len;
    while (storage >= 0 && (len = write(storage, block, sizeof(block))) > 0)
        written += (int)len;
    printf("written %d errno %d\n", written, errno);
    request(SPH_APP_STORAGE_DELETE_MUTABLE, 0, 0, 0, &reply);
    printf("delete: %d\n", reply.error);
    request(SPH_APP_STORAGE_DELETE_MUTABLE, 0, 0, 0, &reply);
    printf("delete again: %d\n", reply.error);
    fflush(stdout);
    return do_wait(args);
}

static int do_hold_output(char **args) {
    struct sph_app_reply reply = {0};
    (void)request(SPH_APP_GPIO_OPEN_OUTPUT, 8, 0, 1, &reply);
    printf("pin 8: %d\n", reply.error);
    fflush(stdout);
    return do_wait(args);
}

/* Connects and says nothing, more often than the agent has places; then asks properly. */
static int do_hang(char **args) {
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = SPH_APP_CHANNEL_PATH};
    struct sph_app_reply reply = {0};
    (void)args;
    for (int i = 0; i < 12; i++)
        (void)connect(socket(AF_UNIX, SOCK_SEQPACKET, 0), (void *)&name, sizeof(name));
    request(SPH_APP_OS_VERSION, 0, 0, 0, &reply);
    printf("answered %d\n", reply.error);
    return 0;
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(char **args);
    } deeds[] = {
        {"hello", do_hello},
        {"args", do_args},
        {"exit", do_exit},
        {"signal", do_signal},
        {"segv", do_segv},
        {"grow", do_grow},
        {"grow-and-wait", do_grow_and_wait},
        {"populate", do_populate},
        {"shared", do_shared},
        {"offer", do_offer},
        {"memfds", do_memfds},
        {"child-grows", do_child_grows},
        {"thread-grows", do_thread_grows},
        {"leader-leaves", do_leader_leaves},
        {"wait", do_wait},
        {"ignore-term", do_ignore_term},
        {"handle-term", do_handle_term},
        {"daemon", do_daemon},
        {"family", do_family},
        {"shares-memory", do_shares_memory},
        {"crowd", do_crowd},
        {"dead-leader", do_dead_leader},
        {"churn", do_churn},
        {"fork-bomb", do_fork_bomb},
        {"stand-still", do_stand_still},
        {"fork-storm", do_fork_storm},
        {"flood", do_flood},
        {"signals", do_signals},
        {"stop-self", do_stop_self},
        {"inspect", do_inspect},
        {"descriptors", do_descriptors},
        {"limits", do_limits},
        {"reach", do_reach},
        {"huge", do_huge},
        {"channel", do_channel},
        {"hold-output", do_hold_output},
        {"hang", do_hang},
        {"fill", do_fill},
        {"write-ways", do_write_ways},
        {"deleted", do_deleted},
        {"hoard-deleted", do_hoard_deleted},
        {"mappings", do_mappings},
        {"rewrite", do_rewrite},
        {"keep-open", do_keep_open},
    };
    if (argc < 3)
        return 98;
    for (unsigned i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
        if (strcmp(argv[2], deeds[i].name) == 0)
            return deeds[i].run(argv + 3);
    return 97;
}
