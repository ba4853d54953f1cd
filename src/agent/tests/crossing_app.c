/* A program that says which memory it touches next, until its ration is used up: its first own
 * argument says how. Each line is two numbers: where that memory begins and ends. Without a C
 * library's buffers: the pages that are touched by saying so are touched before. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 200, FRAME = 1500 };

static char line[64];

static char *digits(char *to, uintptr_t value) {
    for (int shift = 60; shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[(unsigned)(value >> shift) & 15];
    return to;
}

static void say(volatile const char *from, size_t bytes) {
    char *end = digits(line, (uintptr_t)from);
    *end++ = ' ';
    end = digits(end, (uintptr_t)from + bytes);
    *end++ = '\n';
    (void)write(1, line, (size_t)(end - line));
}

static char *fresh(int flags) {
    return mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
}

static void store_all(char *base) {
    for (int i = 0; i < PAGES; i++) {
        volatile char *at = base + (size_t)i * PAGE + i % PAGE;
        say(at, 1);
        *at = 1;
    }
}

static void do_store(void) {
    store_all(fresh(MAP_PRIVATE));
}

static void do_shared(void) {
    store_all(fresh(MAP_SHARED));
}

static void do_memset(void) {
    char *base = fresh(MAP_PRIVATE);
    for (int i = 0; i < PAGES; i++) {
        say(base + (size_t)i * PAGE, PAGE);
        memset(base + (size_t)i * PAGE, i + 1, PAGE);
    }
}

static char source[2 * PAGE];

/* Off by some bytes: a copy begins in a page that is there, and ends with few bytes in a new one.
 */
static void do_memcpy(void) {
    char *base = fresh(MAP_PRIVATE);
    memset(source, 1, sizeof(source));
    say(base, 1);
    *base = 1;
    for (int i = 0; i < PAGES - 1; i++) {
        char *to = base + (size_t)i * PAGE + 100;
        say(base + (size_t)(i + 1) * PAGE, 100);
        memcpy(to, source + i % 64, PAGE);
    }
}

/* Eight bytes on two pages: the second is the new one. */
static void do_straddle(void) {
    char *base = fresh(MAP_PRIVATE);
    say(base, 1);
    *(volatile char *)base = 1;
    for (int i = 1; i < PAGES; i++) {
        char *at = base + (size_t)i * PAGE - 4;
        uint64_t value = UINT64_MAX;
        say(base + (size_t)i * PAGE, 4);
        __asm__ volatile("movq %1, %0" : "=m"(*(uint64_t *)at) : "r"(value) : "memory");
    }
}

/* A page of the program's file that is written for the first time holds something all the same. */
static char written[PAGES * PAGE] = {1};

static void do_copy_on_write(void) {
    for (int i = 0; i < PAGES; i++) {
        volatile char *at = written + (size_t)i * PAGE + 8;
        say(at, 1);
        *at = 1;
    }
}

static void do_calloc(void) {
    const size_t bytes = (size_t)3 * PAGE;
    for (;;) {
        char *block = calloc(1, bytes);
        say(block, bytes);
        memset(block, 1, bytes);
    }
}

/* Their first pages are touched by the allocator already. */
static void do_blocks(void) {
    enum { BLOCKS = 20, BYTES = 10 * PAGE };
    char *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = malloc(BYTES);
    for (int i = 0; i < BLOCKS; i++)
        for (int at = 0; at < BYTES; at += PAGE) {
            say(blocks[i] + at, PAGE);
            memset(blocks[i] + at, 1, PAGE);
        }
}

static void do_read(void) {
    int ends[2];
    char *base = fresh(MAP_PRIVATE);
    memset(source, 1, sizeof(source));
    if (pipe(ends) < 0)
        return;
    for (int i = 0; i < PAGES; i++) {
        (void)write(ends[1], source, PAGE);
        say(base + (size_t)i * PAGE, PAGE);
        (void)read(ends[0], base + (size_t)i * PAGE, PAGE);
    }
}

/* Several pages at once: all but the last are filled before it is noticed. */
static void do_readv(void) {
    int ends[2];
    char *base = fresh(MAP_PRIVATE);
    memset(source, 1, sizeof(source));
    if (pipe(ends) < 0)
        return;
    for (int i = 0; i + 4 <= PAGES; i += 4) {
        char *at = base + (size_t)i * PAGE;
        const struct iovec parts[] = {{at, PAGE}, {at + PAGE, (size_t)3 * PAGE}};
        (void)write(ends[1], source, sizeof(source));
        (void)write(ends[1], source, sizeof(source));
        say(at, (size_t)4 * PAGE);
        (void)readv(ends[0], parts, 2);
    }
}

static void do_getrandom(void) {
    char *base = fresh(MAP_PRIVATE);
    for (int i = 0; i < PAGES; i++) {
        say(base + (size_t)i * PAGE + 10, 16);
        (void)getrandom(base + (size_t)i * PAGE + 10, 16, 0);
    }
}

static void do_populate(void) {
    char *base = fresh(MAP_PRIVATE);
    say(base, (size_t)PAGES * PAGE);
    (void)mmap(base, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, -1, 0);
}

static volatile int deepest = 1000000;

/* What is below the frame is next; saying so takes some of it. */
__attribute__((noinline)) static int recurse(int depth) {
    volatile char frame[FRAME];
    size_t below = FRAME + (size_t)2 * PAGE;
    say((char *)__builtin_frame_address(0) - below, below);
    frame[0] = (char)depth;
    return depth == deepest ? 0 : recurse(depth + 1) + frame[0];
}

static void do_stack(void) {
    (void)recurse(0);
}

static void *wait_for_ever(void *unused) {
    (void)unused;
    while (pause() < 0)
        ;
    return NULL;
}

static void *store_in_thread(void *unused) {
    (void)unused;
    do_store();
    return NULL;
}

/* Not the thread that the kernel ends first as a rule. */
static void do_thread(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, i == 2 ? store_in_thread : wait_for_ever, NULL);
    wait_for_ever(NULL);
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(void);
    } deeds[] = {
        {"store", do_store},         {"shared", do_shared},     {"memset", do_memset},
        {"memcpy", do_memcpy},       {"straddle", do_straddle}, {"copy-on-write", do_copy_on_write},
        {"calloc", do_calloc},       {"read", do_read},         {"readv", do_readv},
        {"getrandom", do_getrandom}, {"populate", do_populate}, {"stack", do_stack},
        {"thread", do_thread},       {"blocks", do_blocks},
    };
    for (size_t i = 0; argc > 2 && i < sizeof(deeds) / sizeof(deeds[0]); i++)
        if (strcmp(argv[2], deeds[i].name) == 0)
            deeds[i].run();
    return 98;
}
