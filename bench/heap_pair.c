/* What malloc and free cost, in CPU nanoseconds a pair: run plain, and with libmalloc before it.
 *   usage: heap_pair [repeats [work...]]
 * One line a kind of work, or of those that are named: its name and the median of the repeats. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peak_rss.h"

enum { REPEATS_MAX = 101, FIFO_BLOCKS = 256, LIVE_BLOCKS = 10000, STORM_BLOCKS = 1000 };

static uint64_t random_state = 88172645463325252u;

static uint32_t draw(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

static uint64_t now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A block that the compiler cannot do without. */
static void *take(size_t bytes) {
    char *block = malloc(bytes);
    __asm__ volatile("" : "+r"(block)::"memory");
    if (block == NULL)
        abort();
    *block = 1;
    return block;
}

static double run_pairs(size_t bytes) {
    enum { PAIRS = 400000 };
    uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID);
    for (unsigned i = 0; i < PAIRS; i++)
        free(take(bytes));
    return (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - start) / PAIRS;
}

static double run_64(void) {
    return run_pairs(64);
}

static double run_4096(void) {
    return run_pairs(4096);
}

/* What else makes blocks, each in its own way past the real allocator. */
static double run_calloc(void) {
    enum { PAIRS = 200000 };
    uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID);
    for (unsigned i = 0; i < PAIRS; i++) {
        void *block = calloc(4, 16);
        __asm__ volatile("" : "+r"(block)::"memory");
        free(block);
    }
    return (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - start) / PAIRS;
}

static double run_realloc(void) {
    enum { PAIRS = 200000 };
    void *block = take(16);
    uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID);
    for (unsigned i = 0; i < PAIRS; i++) {
        block = realloc(block, i % 2 ? 16 : 200);
        if (block == NULL)
            abort();
    }
    double ns = (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - start) / PAIRS;
    free(block);
    return ns;
}

static double run_strdup(void) {
    enum { PAIRS = 200000 };
    uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID);
    for (unsigned i = 0; i < PAIRS; i++) {
        char *copy = strdup("a line as programs keep them");
        __asm__ volatile("" : "+r"(copy)::"memory");
        free(copy);
    }
    return (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - start) / PAIRS;
}

static double run_fifo(void) {
    enum { PAIRS = 200000 };
    static void *blocks[FIFO_BLOCKS];
    static uint16_t sizes[4096];
    for (unsigned i = 0; i < 4096; i++)
        sizes[i] = (uint16_t)(16 + draw() % 497);
    uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID);
    for (unsigned i = 0; i < PAIRS; i++) {
        free(blocks[i % FIFO_BLOCKS]);
        blocks[i % FIFO_BLOCKS] = take(sizes[i % 4096]);
    }
    double ns = (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - start) / PAIRS;
    for (unsigned i = 0; i < FIFO_BLOCKS; i++) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
    return ns;
}

static double run_random(void) {
    enum { PAIRS = 200000 };
    static void *blocks[LIVE_BLOCKS];
    for (unsigned i = 0; i < LIVE_BLOCKS; i++)
        blocks[i] = take(16 + draw() % 1009);
    uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID);
    for (unsigned i = 0; i < PAIRS; i++) {
        uint32_t random = draw();
        unsigned at = random % LIVE_BLOCKS;
        free(blocks[at]);
        blocks[at] = take(16 + (random >> 16) % 1009);
    }
    double ns = (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - start) / PAIRS;
    for (unsigned i = 0; i < LIVE_BLOCKS; i++)
        free(blocks[i]);
    return ns;
}

/* What programs do with their blocks: fill them when they get them, read them before they give them
 * back. */
static double run_storm(void) {
    enum { PAIRS = 200000 };
    static struct {
        unsigned char *bytes;
        size_t len;
    } live[STORM_BLOCKS];
    static unsigned long sum;
    uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID);
    for (unsigned i = 0; i < PAIRS; i++) {
        uint32_t random = draw();
        unsigned at = random % STORM_BLOCKS;
        for (size_t n = 0; n < live[at].len; n += 8)
            sum += live[at].bytes[n];
        free(live[at].bytes);
        live[at].len = 16 + (random >> 16) % 1009;
        live[at].bytes = take(live[at].len);
        memset(live[at].bytes, (int)random, live[at].len);
    }
    double ns = (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - start) / PAIRS;
    __asm__ volatile("" ::"r"(sum));
    for (unsigned i = 0; i < STORM_BLOCKS; i++) {
        free(live[i].bytes);
        live[i].bytes = NULL;
        live[i].len = 0;
    }
    return ns;
}

/* Two threads, each of which frees what the other allocates, a batch at a time. Waiting for each
 * other is not counted. */
enum { ROUNDS = 400, BATCH = 512 };
static void *batches[2][BATCH];
static pthread_barrier_t barrier;

static void *exchange(void *argument) {
    unsigned me = (unsigned)(uintptr_t)argument;
    uint64_t spent = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID);
        for (unsigned i = 0; i < BATCH; i++)
            batches[me][i] = take(64);
        spent += now_ns(CLOCK_THREAD_CPUTIME_ID) - start;
        pthread_barrier_wait(&barrier);
        start = now_ns(CLOCK_THREAD_CPUTIME_ID);
        for (unsigned i = 0; i < BATCH; i++)
            free(batches[!me][i]);
        spent += now_ns(CLOCK_THREAD_CPUTIME_ID) - start;
        pthread_barrier_wait(&barrier);
    }
    return (void *)(uintptr_t)spent;
}

static double run_exchange(void) {
    pthread_t other;
    void *spent;
    pthread_barrier_init(&barrier, NULL, 2);
    if (pthread_create(&other, NULL, exchange, (void *)1) != 0)
        abort();
    uint64_t mine = (uint64_t)(uintptr_t)exchange(NULL);
    pthread_join(other, &spent);
    pthread_barrier_destroy(&barrier);
    return (double)(mine + (uint64_t)(uintptr_t)spent) / (2 * ROUNDS * BATCH);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int is_wanted(const char *name, int argc, char **argv) {
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return 1;
    return argc <= 2;
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        double (*run)(void);
    } works[] = {
        {"pair-64", run_64},
        {"pair-4096", run_4096},
        {"calloc-64", run_calloc},
        {"realloc-200", run_realloc},
        {"strdup", run_strdup},
        {"fifo-256", run_fifo},
        {"random-10000", run_random},
        {"storm-1000", run_storm},
        {"exchange-2-threads", run_exchange},
    };
    unsigned repeats = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 11;
    if (repeats == 0 || repeats > REPEATS_MAX)
        return 2;
    for (unsigned w = 0; w < sizeof(works) / sizeof(works[0]); w++) {
        double ns[REPEATS_MAX];
        if (!is_wanted(works[w].name, argc, argv))
            continue;
        for (unsigned i = 0; i < repeats; i++)
            ns[i] = works[w].run();
        qsort(ns, repeats, sizeof(ns[0]), compare);
        printf("%-20s %6.1f\n", works[w].name, ns[repeats / 2]);
    }
    print_peak_rss();
    return 0;
}
