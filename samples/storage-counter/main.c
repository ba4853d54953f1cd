/* storage-counter: counts its own starts in the mutable file, which outlives restarts and updates.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <applibs/log.h>
#include <applibs/storage.h>

static volatile sig_atomic_t is_terminating;

static void on_sigterm(int number) {
    (void)number;
    is_terminating = 1;
}

/* Returns the new count, or 0 with errno set. */
static uint32_t count_start(void) {
    uint32_t count = 0;
    int fd = Storage_OpenMutableFile();
    if (fd < 0)
        return 0;
    if (pread(fd, &count, sizeof(count), 0) != (ssize_t)sizeof(count))
        count = 0; /* a new file, or one that another version left */
    count++;
    if (pwrite(fd, &count, sizeof(count), 0) != (ssize_t)sizeof(count) || fsync(fd) < 0)
        count = 0;
    int error = errno;
    (void)close(fd);
    errno = error;
    return count;
}

int main(void) {
    const struct sigaction terminate = {.sa_handler = on_sigterm};
    sigset_t blocked, before;
    uint32_t count = count_start();
    if (count == 0) {
        Log_Debug("The count cannot be kept: %s\n", strerror(errno));
        return 1;
    }
    Log_Debug("Start number %u\n", (unsigned)count);

    /* Blocked but for the wait, so that the signal cannot come between the look and the wait. */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    sigaction(SIGTERM, &terminate, NULL);
    while (!is_terminating)
        sigsuspend(&before);
    return 0;
}
