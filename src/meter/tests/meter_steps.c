/* meter_steps: the app of meter_test: does one thing to its memory per byte on standard input,
 * answers with the step's name (32 bytes), and holds still. Children hold still too until they are
 * told. Linked statically; every step leaves a trace that the next ones build on. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
enum { NAME = 32, THREADS = 4, HUGE = 2 << 20 };

static char bss[24 * PAGE];
static char data[8 * PAGE] = {1};
static volatile char sink;
static char *area;   /* 64 private pages */
static char *fresh;  /* 32 private pages */
static char *shared; /* 16 shared pages */
static char *huge;
static int memfd = -1;
static pid_t child;
static int child_in = -1;
static int child_out = -1;
static const char *self;

static void check(int ok) {
    if (!ok) {
        (void)dprintf(2, "meter_steps: errno %d\n", errno);
        _exit(3);
    }
}

static char *map(size_t pages, int flags) {
    char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
    check(at != MAP_FAILED);
    return at;
}

static void write_pages(char *at, size_t first, size_t count) {
    for (size_t i = first; i < first + count; i++)
        *(volatile char *)(at + i * PAGE) = (char)(i + 1);
}

static void read_pages(const char *at, size_t first, size_t count) {
    for (size_t i = first; i < first + count; i++)
        sink = *(volatile const char *)(at + i * PAGE);
}

static void touch_bss(void) {
    write_pages(bss, 1, 16);
}
static void touch_data(void) {
    write_pages(data, 1, 5);
}
static void map_private(void) {
    area = map(64, MAP_PRIVATE | MAP_ANONYMOUS);
    write_pages(area, 0, 24);
}
static void read_zeroes(void) {
    fresh = map(32, MAP_PRIVATE | MAP_ANONYMOUS);
    read_pages(fresh, 0, 32);
}
static void write_over_zeroes(void) {
    write_pages(fresh, 4, 9);
}
static void discard(void) {
    check(madvise(area + 2 * PAGE, 7 * PAGE, MADV_DONTNEED) == 0);
}
static void free_lazily(void) {
    check(madvise(area + 12 * PAGE, 4 * PAGE, MADV_FREE) == 0);
}
static void touch_again(void) {
    write_pages(area, 0, 16);
}
static void protect(void) {
    check(mprotect(area, 8 * PAGE, PROT_READ) == 0);
}
static void unprotect(void) {
    check(mprotect(area, 8 * PAGE, PROT_READ | PROT_WRITE) == 0);
}
static void split(void) {
    check(munmap(area + 30 * PAGE, 4 * PAGE) == 0);
    check(munmap(area + 20 * PAGE, 2 * PAGE) == 0);
}

static void grow_map(void) {
    fresh = mremap(fresh, 32 * PAGE, 48 * PAGE, MREMAP_MAYMOVE);
    check(fresh != MAP_FAILED);
    write_pages(fresh, 30, 10);
}
static void shrink_map(void) {
    check(mremap(fresh, 48 * PAGE, 8 * PAGE, 0) == fresh);
}
static void move_map(void) {
    char *target = map(8, MAP_PRIVATE | MAP_ANONYMOUS);
    write_pages(target, 0, 3);
    check(mremap(fresh, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
    fresh = target;
}
static void raise_brk(void) {
    char *start = sbrk(8 * PAGE);
    check(start != (char *)-1);
    (void)memset(start, 1, 6 * PAGE);
}
static void lower_brk(void) {
    check(sbrk(-4 * (intptr_t)PAGE) != (void *)-1);
}

static __attribute__((noinline)) int recurse(int depth) {
    volatile char frame[PAGE];
    frame[0] = (char)depth;
    int below = depth > 0 ? recurse(depth - 1) : 0;
    return below + frame[0];
}
static void grow_stack(void) {
    sink = (char)recurse(40);
}
static void populate(void) {
    char *at = map(33, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE);
    sink = at[0];
    check(munmap(at, 11 * PAGE) == 0);
}
static void lock(void) {
    char *at = map(6, MAP_PRIVATE | MAP_ANONYMOUS);
    check(mlock(at, 6 * PAGE) == 0);
    check(munlock(at, 2 * PAGE) == 0);
}
static void read_into_fresh(void) {
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    char *at = map(20, MAP_PRIVATE | MAP_ANONYMOUS);
    check(fd >= 0 && read(fd, at, 17 * PAGE) == 17 * PAGE && close(fd) == 0);
}
static void map_shared(void) {
    shared = map(16, MAP_SHARED | MAP_ANONYMOUS);
    write_pages(shared, 0, 9);
}
static void read_shared(void) {
    read_pages(shared, 9, 3);
}
static void discard_shared(void) {
    check(madvise(shared, 4 * PAGE, MADV_DONTNEED) == 0);
}
static void make_memfd(void) {
    memfd = memfd_create("steps", MFD_CLOEXEC);
    char zero[PAGE] = {0};
    check(memfd >= 0 && ftruncate(memfd, 12 * PAGE) == 0);
    check(pwrite(memfd, zero, sizeof(zero), 0) == PAGE); /* in the file, in no page table */
}
static void map_memfd(void) {
    char *at = mmap(NULL, 12 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
    check(at != MAP_FAILED);
    write_pages(at, 0, 8);
}
static void map_memfd_private(void) {
    char *at = mmap(NULL, 12 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, memfd, 0);
    check(at != MAP_FAILED);
    read_pages(at, 0, 5);
    write_pages(at, 2, 4);
}
static void punch_memfd(void) {
    check(fallocate(memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 3 * PAGE) == 0);
}
static void shrink_memfd(void) {
    check(ftruncate(memfd, 6 * PAGE) == 0);
}
static void map_sysv(void) {
    int id = shmget(IPC_PRIVATE, 8 * PAGE, IPC_CREAT | 0600);
    char *at = id >= 0 ? shmat(id, NULL, 0) : (char *)-1;
    check(at != (char *)-1);
    write_pages(at, 0, 5);
    check(shmctl(id, IPC_RMID, NULL) == 0);
}
static void map_file_private(void) {
    int fd = open(self, O_RDONLY | O_CLOEXEC);
    char *at = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    check(at != MAP_FAILED && close(fd) == 0);
    read_pages(at, 0, 8);
    write_pages(at, 3, 4);
}
static void map_file_shared(void) {
    int fd = open(self, O_RDONLY | O_CLOEXEC);
    char *at = mmap(NULL, 8 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
    check(at != MAP_FAILED && close(fd) == 0);
    read_pages(at, 0, 8);
}
static void go_huge(void) {
    char *at = map(3 * (size_t)HUGE / PAGE, MAP_PRIVATE | MAP_ANONYMOUS);
    huge = (char *)(((uintptr_t)at + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
    (void)madvise(huge, HUGE, MADV_HUGEPAGE); /* without it the pages come one by one */
    (void)memset(huge, 1, HUGE);
}
static void split_huge(void) {
    check(madvise(huge + 5 * PAGE, 100 * PAGE, MADV_DONTNEED) == 0);
}
static void drop_huge(void) {
    check(munmap(huge, HUGE) == 0);
}

/* The child: a byte chooses what it does, a byte answers. */
static void run_child(int in, int out) {
    char order = 0;
    char *own = NULL;
    while (read(in, &order, 1) == 1) {
        if (order == 'w')
            write_pages(area, 0, 10);
        if (order == 'm') {
            own = map(8, MAP_PRIVATE | MAP_ANONYMOUS);
            write_pages(own, 0, 7);
        }
        if (order == 's')
            write_pages(shared, 0, 14);
        check(write(out, &order, 1) == 1);
        if (order == 'q')
            _exit(0);
    }
    _exit(0);
}
static void fork_child(void) {
    int in[2];
    int out[2];
    check(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    child = fork();
    check(child >= 0);
    if (child == 0)
        run_child(in[0], out[1]);
    (void)close(in[0]);
    (void)close(out[1]);
    child_in = in[1];
    child_out = out[0];
}
static void order_child(char order) {
    char answer = 0;
    check(write(child_in, &order, 1) == 1 && read(child_out, &answer, 1) == 1);
}
static void cow_in_parent(void) {
    write_pages(area, 0, 5);
}
static void cow_in_child(void) {
    order_child('w');
}
static void map_in_child(void) {
    order_child('m');
}
static void share_in_child(void) {
    order_child('s');
}
static void discard_in_parent(void) {
    check(madvise(area, 10 * PAGE, MADV_DONTNEED) == 0);
}
static void write_into_child(void) {
    char byte = 7;
    struct iovec local = {&byte, 1};
    struct iovec remote = {fresh + 7 * PAGE, 1};
    check(process_vm_writev(child, &local, 1, &remote, 1, 0) == 1);
}
static void end_child(void) {
    order_child('q');
    check(waitpid(child, NULL, 0) == child);
    (void)close(child_in);
    (void)close(child_out);
}
static void kill_child(void) {
    check(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    (void)close(child_in);
    (void)close(child_out);
}

/* A child with another program in it: it answers when that program runs, and then holds still. */
static void exec_in(pid_t (*start)(void)) {
    int ready[2];
    char number[16];
    char answer = 0;
    check(pipe(ready) == 0);
    (void)snprintf(number, sizeof(number), "%d", ready[1]);
    char *argv[] = {(char *)(uintptr_t)self, (char *)(uintptr_t) "idle", number, NULL};
    char *environment[] = {NULL};
    child = start();
    if (child == 0) {
        (void)execve(self, argv, environment);
        _exit(1);
    }
    (void)close(ready[1]);
    check(read(ready[0], &answer, 1) == 1);
    (void)close(ready[0]);
    child_in = child_out = -1;
}
static void fork_exec(void) {
    exec_in(fork);
}
static void vfork_exec(void) {
    exec_in(vfork);
}
static __attribute__((noreturn)) void idle(int ready) {
    write_pages(bss, 0, 3);
    check(write(ready, "r", 1) == 1);
    (void)close(ready);
    for (;;)
        (void)pause();
}

static int run_shared_vm(void *arg) {
    write_pages(arg, 40, 4);
    (void)pause();
    return 0;
}
static char clone_stack[4 * PAGE];
static void clone_vm(void) {
    child = clone(run_shared_vm, clone_stack + sizeof(clone_stack), CLONE_VM | SIGCHLD, area);
    check(child > 0);
    while (*(volatile char *)(area + 43 * PAGE) == 0)
        (void)sched_yield();
}

static pthread_t threads[THREADS];
static pthread_barrier_t threads_done;
static pthread_barrier_t threads_end;
static void *run_thread(void *arg) {
    char *own = map(8, MAP_PRIVATE | MAP_ANONYMOUS);
    write_pages(own, 0, 6);
    (void)arg;
    for (int i = 0; i < 200; i++) { /* churn on all processors at once */
        check(madvise(own, 4 * PAGE, MADV_DONTNEED) == 0);
        write_pages(own, 0, 4);
    }
    (void)pthread_barrier_wait(&threads_done);
    (void)pthread_barrier_wait(&threads_end);
    check(munmap(own, 8 * PAGE) == 0);
    return NULL;
}
static void start_threads(void) {
    (void)pthread_barrier_init(&threads_done, NULL, THREADS + 1);
    (void)pthread_barrier_init(&threads_end, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        check(pthread_create(&threads[i], NULL, run_thread, NULL) == 0);
    (void)pthread_barrier_wait(&threads_done);
}
static void end_threads(void) {
    (void)pthread_barrier_wait(&threads_end);
    for (int i = 0; i < THREADS; i++)
        check(pthread_join(threads[i], NULL) == 0);
}
static void many_children(void) {
    for (int i = 0; i < 30; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            write_pages(area, 50, 5);
            _exit(0);
        }
        check(waitpid(pid, NULL, 0) == pid);
    }
}
static void unmap_all(void) {
    check(munmap(shared, 16 * PAGE) == 0 && munmap(fresh, 8 * PAGE) == 0);
    check(munmap(area, 64 * PAGE) == 0);
}
static void exec_self(void); /* goes on with the step after it */

struct step {
    const char *name;
    void (*run)(void);
};
static const struct step steps[] = {
    {"start", NULL},
    {"touch_bss", touch_bss},
    {"touch_data", touch_data},
    {"map_private", map_private},
    {"read_zeroes", read_zeroes},
    {"write_over_zeroes", write_over_zeroes},
    {"discard", discard},
    {"free_lazily", free_lazily},
    {"touch_again", touch_again},
    {"protect", protect},
    {"unprotect", unprotect},
    {"split", split},
    {"grow_map", grow_map},
    {"shrink_map", shrink_map},
    {"move_map", move_map},
    {"raise_brk", raise_brk},
    {"lower_brk", lower_brk},
    {"grow_stack", grow_stack},
    {"populate", populate},
    {"lock", lock},
    {"read_into_fresh", read_into_fresh},
    {"map_shared", map_shared},
    {"read_shared", read_shared},
    {"discard_shared", discard_shared},
    {"make_memfd", make_memfd},
    {"map_memfd", map_memfd},
    {"map_memfd_private", map_memfd_private},
    {"punch_memfd", punch_memfd},
    {"shrink_memfd", shrink_memfd},
    {"map_sysv", map_sysv},
    {"map_file_private", map_file_private},
    {"map_file_shared", map_file_shared},
    {"go_huge", go_huge},
    {"split_huge", split_huge},
    {"fork_child", fork_child},
    {"cow_in_parent", cow_in_parent},
    {"cow_in_child", cow_in_child},
    {"map_in_child", map_in_child},
    {"share_in_child", share_in_child},
    {"write_into_child", write_into_child},
    {"discard_in_parent", discard_in_parent},
    {"end_child", end_child},
    {"drop_huge", drop_huge},
    {"fork_again", fork_child},
    {"kill_child", kill_child},
    {"fork_exec", fork_exec},
    {"kill_execed", kill_child},
    {"vfork_exec", vfork_exec},
    {"kill_vforked", kill_child},
    {"clone_vm", clone_vm},
    {"kill_cloned", kill_child},
    {"start_threads", start_threads},
    {"fork_with_threads", fork_child},
    {"map_in_forked", map_in_child},
    {"end_threads", end_threads},
    {"end_forked", end_child},
    {"many_children", many_children},
    {"unmap_all", unmap_all},
    {"exec_self", exec_self},
    {"touch_after_exec", touch_bss},
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

static int current;

static void exec_self(void) {
    char number[16];
    (void)snprintf(number, sizeof(number), "%d", current);
    char *argv[] = {(char *)(uintptr_t)self, (char *)(uintptr_t) "from", number, NULL};
    char *environment[] = {NULL};
    (void)execve(self, argv, environment);
    check(0);
}

static void answer(void) {
    char name[NAME] = "";
    (void)strncpy(name, steps[current].name, sizeof(name) - 1);
    check(write(1, name, sizeof(name)) == NAME);
}

int main(int argc, char **argv) {
    char order = 0;
    self = argv[0];
    if (argc == 3 && strcmp(argv[1], "idle") == 0)
        idle((int)strtol(argv[2], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "from") == 0) {
        current = (int)strtol(argv[2], NULL, 10);
        answer();
        current++;
    }
    /* After the last step it stays until it is told once more. */
    for (; read(0, &order, 1) == 1 && current < STEPS; current++) {
        if (steps[current].run)
            steps[current].run();
        answer();
    }
    return 0;
}
