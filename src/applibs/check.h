/* check: assertions for the test programs of this layer, which run in the app's world without a
 * framework (cmocka is the host's) and, for the sanitizers, on the host as well. */
#ifndef SPH_APPLIBS_CHECK_H
#define SPH_APPLIBS_CHECK_H

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Atomic, since helper threads check too. */
static atomic_int check_failures;
static atomic_int check_count;

static inline void check_report(int is_true, const char *text, const char *file, int line) {
    check_count++;
    if (is_true)
        return;
    check_failures++;
    printf("%s:%d: failed: %s (errno %d, %s)\n", file, line, text, errno, strerror(errno));
}

/* Goes on after a failure, so that one run tells all of them. */
#define CHECK(condition) check_report((condition) ? 1 : 0, #condition, __FILE__, __LINE__)

/* The call fails in libc's manner, with this errno and no other. */
#define CHECK_FAILS(call, result, error)                                                           \
    do {                                                                                           \
        errno = 0;                                                                                 \
        CHECK((call) == (result));                                                                 \
        CHECK(errno == (error));                                                                   \
    } while (0)

/* The exit status of a test program. */
static inline int check_done(void) {
    printf("%d checks, %d failed\n", check_count, check_failures);
    return check_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* How many descriptors are open: equal before and after means that nothing was left. (The lowest
 * free one would not do: a leak can lie above it.) */
static inline int check_open_fds(void) {
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* Makes a scratch folder and goes there, so that relative paths such as the agent's are private. */
static inline void check_enter_scratch(char path[static 32]) {
    strcpy(path, "/tmp/spherule-applibs-XXXXXX");
    if (mkdtemp(path) == NULL || chdir(path) < 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
}

#endif
