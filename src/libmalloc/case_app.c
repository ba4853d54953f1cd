/* Small programs, by name, that the ledger must get right or at least survive. */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libmalloc/case_plug.h"
#include "libmalloc/truth.h"
#include "wire/ledger.h"

/* Where blocks go that nobody needs, so that compilers keep the calls. */
static void *volatile sink;

#define NEED(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void *early;

/* Before the constructors of all libraries. */
static void allocate_early(void) {
    early = calloc(1, 77);
}
__attribute__((section(".preinit_array"),
               used)) static void (*const at_start)(void) = allocate_early;

static void compare(void) {
    char byte = 0;
    NEED(write(TRUTH_ASK_FD, &byte, 1) == 1 && read(TRUTH_GO_FD, &byte, 1) == 1);
}

static void run_early(void) {
    compare();
    free(early);
    compare();
}

static void run_ask(void) {
    for (unsigned n = 0; n < CASE_ASKS; n++) {
        compare();
        case_ask(n);
    }
    compare();
}

static void run_jump(void) {
    compare();
    NEED((sink = case_jump(1000)) != NULL);
    compare();
    NEED((sink = case_take(500)) != NULL);
    compare();
}

/* Blocks from deeper and deeper down. */
static void allocate_below(unsigned depth) {
    volatile unsigned rest = depth;
    if (rest > 0)
        allocate_below(rest - 1);
    else
        sink = malloc(8);
    rest = 0; /* after the call, so that it is none by a jump */
}

static void run_deep(void) {
    for (unsigned depth = 0; depth < 20; depth++)
        allocate_below(depth);
    compare();
}

/* Two libraries come and go, and each leaves a block at every visit. */
static void run_storm(void) {
    static const char *const names[] = {"libcase_x.so", "libcase_y.so"};
    for (unsigned i = 0; i < 600; i++) {
        void *library = dlopen(names[i % 3 == 0], RTLD_NOW);
        NEED(library != NULL);
        void *(*take)(size_t) = (void *(*)(size_t))dlsym(library, "case_take");
        NEED(take != NULL && take(10) != NULL);
        free(take(20));
        NEED(dlclose(library) == 0);
    }
    compare();
}

/* As the agent does it: the child writes a copy. */
static void copy_region(void) {
    char *at = (char *)getauxval(AT_BASE) + SPH_LEDGER_REGION_DISTANCE;
    NEED(mmap(at, sizeof(struct sph_ledger), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
              TRUTH_REGION_FD, 0) == at);
}

static void run_fork(void) {
    void *kept = malloc(40);
    compare();
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        copy_region();
        free(kept);
        NEED((sink = malloc(50)) != NULL);
        _exit(0);
    }
    int status;
    NEED(waitpid(child, &status, 0) == child && status == 0);
    char *const none[] = {NULL}, *const argv[] = {"true", NULL};
    NEED(posix_spawn(&child, "/bin/true", NULL, NULL, argv, none) == 0);
    NEED(waitpid(child, &status, 0) == child && status == 0);
    compare();
    free(kept);
    compare();
}

static jmp_buf back;
static volatile sig_atomic_t handled;

static void on_signal(int number) {
    free(malloc(100)); /* NOLINT(bugprone-signal-handler): that is the test */
    handled++;
    if (number == SIGUSR2)
        siglongjmp(back, 1);
}

/* Signals that come where nothing is under way: then a handler may allocate. */
static void run_signal(void) {
    signal(SIGUSR1, on_signal);
    signal(SIGUSR2, on_signal);
    compare();
    for (unsigned i = 0; i < 1000; i++) {
        void *block = malloc(30);
        NEED(raise(SIGUSR1) == 0);
        if (sigsetjmp(back, 1) == 0)
            raise(SIGUSR2);
        free(block);
    }
    NEED(handled == 2000);
    compare();
}

static void *volatile nothing;

/* Calls that fail, or that do less than they seem to, and leave the ledger as it is. */
static void run_failing(void) {
    volatile size_t huge = SIZE_MAX / 2;
    void *block = malloc(60), *other = NULL;
    memset(block, 7, 60);
    compare();
    errno = 0;
    NEED((sink = malloc(huge)) == NULL && errno == ENOMEM);
    NEED((sink = calloc(huge, 4)) == NULL && (sink = realloc(block, huge)) == NULL);
    errno = 0;
    NEED((sink = reallocarray(block, huge, 4)) == NULL && errno == ENOMEM);
    NEED((sink = memalign(64, huge)) == NULL && (sink = aligned_alloc(64, huge)) == NULL);
    NEED(posix_memalign(&other, 3, 10) == EINVAL && posix_memalign(&other, 64, huge) == ENOMEM);
    NEED((sink = valloc(huge)) == NULL && (sink = pvalloc(huge)) == NULL);
    free(nothing);
    NEED(malloc_usable_size(nothing) == 0);
    NEED(((char *)block)[59] == 7);
    compare();
    NEED((sink = realloc(block, 0)) == NULL); /* glibc takes it for free() */
    compare();
    NEED((sink = malloc(0)) != NULL); /* a block of no bytes is one */
    compare();
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(void);
    } cases[] = {
        {"early", run_early}, {"ask", run_ask},   {"jump", run_jump},     {"deep", run_deep},
        {"storm", run_storm}, {"fork", run_fork}, {"signal", run_signal}, {"failing", run_failing},
    };
    for (size_t i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++)
        if (strcmp(cases[i].name, argv[1]) == 0) {
            cases[i].run();
            return 0;
        }
    return 2;
}
