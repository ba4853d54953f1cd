/* The program of the ground truth: steps of itself and of its libraries, and rests where the test
 * compares.   usage: truth_app THREADS STEPS [peaks]; STEPS 0: until it is killed */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libmalloc/truth.h"

static struct truth_world world;
static pthread_barrier_t barrier;
static unsigned long steps;
enum { CHECKPOINTS = 10, THREADS_MAX = 16 };

static uint64_t draw(uint64_t *state) { /* xorshift64* */
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static void compare(void) {
    char byte = 0;
    if (write(TRUTH_ASK_FD, &byte, 1) != 1 || read(TRUTH_GO_FD, &byte, 1) != 1)
        _exit(3);
}

static void step(uint64_t *random) {
    static truth_step_fn *const parts[] = {truth_step_app, truth_step_a, truth_step_b,
                                           truth_step_c};
    uint64_t value = draw(random);
    parts[draw(random) % 4](&world, value);
}

static void *run(void *argument) {
    uint64_t number = (uint64_t)(uintptr_t)argument, random = number * 77 + 1;
    for (unsigned at = 0; at <= CHECKPOINTS; at++) { /* once before anything */
        for (unsigned long i = 0; at > 0 && i < steps / CHECKPOINTS; i++)
            step(&random);
        pthread_barrier_wait(&barrier);
        if (number == 0)
            compare();
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

static void *run_for_ever(void *argument) {
    uint64_t random = (uint64_t)(uintptr_t)argument * 77 + (uint64_t)getpid();
    for (;;)
        step(&random);
    return NULL;
}

int main(int argc, char **argv) {
    unsigned threads = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    steps = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000;
    world.only_malloc = argc > 3;
    world.truth = mmap(NULL, sizeof(struct truth), PROT_READ | PROT_WRITE, MAP_SHARED, TRUTH_FD, 0);
    if (world.truth == MAP_FAILED || threads == 0 || threads > THREADS_MAX)
        return 2;
    pthread_barrier_init(&barrier, NULL, threads);
    pthread_t other[THREADS_MAX];
    void *(*body)(void *) = steps == 0 ? run_for_ever : run;
    for (unsigned i = 1; i < threads; i++)
        if (pthread_create(&other[i], NULL, body, (void *)(uintptr_t)i) != 0)
            return 2;
    body(NULL);
    for (unsigned i = 1; i < threads; i++)
        pthread_join(other[i], NULL);
    return 0;
}
