/* Log lines arrive whole, in one write where they fit, and cost no heap. */
#include <applibs/log.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "check.h"

/* A packet socket in place of descriptor 2: each write is one packet. */
static int stderr_packets(int *ret_saved) {
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    *ret_saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    CHECK(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
    (void)close(ends[1]);
    return ends[0];
}

static void stderr_restore(int saved) {
    CHECK(dup2(saved, STDERR_FILENO) == STDERR_FILENO);
    (void)close(saved);
}

static void test_short_lines(void) {
    char text[600];
    int saved = -1;
    int packets = stderr_packets(&saved);
    CHECK(Log_Debug("%s %d %5.2f%%\n", "level", -7, 12.5) == 0);
    ssize_t got = recv(packets, text, sizeof(text), MSG_DONTWAIT);
    CHECK(got == 16 && memcmp(text, "level -7 12.50%\n", 16) == 0);
    CHECK(Log_Debug("%511s", "x") == 0);
    CHECK(recv(packets, text, sizeof(text), MSG_DONTWAIT) == 511);
    CHECK(Log_Debug("%s", "") == 0);
    CHECK(recv(packets, text, sizeof(text), MSG_DONTWAIT) < 0 && errno == EAGAIN);
    stderr_restore(saved);
    (void)close(packets);
}

static void test_long_lines(void) {
    static const int lengths[] = {512, 513, 5000, 20000};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        char text[4096];
        int saved = -1, sum = 0;
        int packets = stderr_packets(&saved);
        CHECK(Log_Debug("%*s", lengths[i], "x") == 0);
        stderr_restore(saved);
        ssize_t got = 0;
        while ((got = recv(packets, text, sizeof(text), 0)) > 0)
            sum += (int)got;
        CHECK(sum == lengths[i]);
        (void)close(packets);
    }
}

static int log_with_list(const char *format, ...) {
    va_list args;
    va_start(args, format);
    int status = Log_DebugVarArgs(format, args);
    va_end(args);
    return status;
}

static void test_list(void) {
    char text[64];
    int saved = -1;
    int packets = stderr_packets(&saved);
    CHECK(log_with_list("%d-%s", 3, "three") == 0);
    CHECK(recv(packets, text, sizeof(text), MSG_DONTWAIT) == 7 && memcmp(text, "3-three", 7) == 0);
    stderr_restore(saved);
    (void)close(packets);
}

static void test_failures(void) {
    int (*volatile unchecked)(const char *, ...) = Log_Debug; /* hides the format's attribute */
    const char *volatile no_format = NULL;
    CHECK_FAILS(unchecked(no_format), -1, EFAULT);
    CHECK_FAILS(log_with_list(no_format), -1, EFAULT);
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    CHECK(close(STDERR_FILENO) == 0);
    CHECK_FAILS(Log_Debug("lost\n"), -1, EBADF);
    stderr_restore(saved);
}

static int handled[2]; /* a pipe that tells of each signal handled */

static void on_signal(int number) {
    (void)number;
    (void)!write(handled[1], "", 1);
}

/* Waits until a process sleeps in a system call. */
static void wait_until_asleep(pid_t pid) {
    char path[32], text[64] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    for (int i = 0; i < 5000 && strstr(text, ") S ") == NULL; i++) {
        (void)usleep(1000);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got = read(fd, text, sizeof(text) - 1);
        text[got > 0 ? got : 0] = '\0';
        (void)close(fd);
    }
}

/* A full pipe takes a line in parts, and a signal comes in between: nothing is lost. */
static void test_full_pipe(void) {
    char filler[65536] = {0}, text[4096];
    const struct sigaction action = {.sa_handler = on_signal};
    int ends[2], sum = 0;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(pipe(ends) == 0 && pipe(handled) == 0);
    CHECK(write(ends[1], filler, sizeof(filler)) == (ssize_t)sizeof(filler));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        (void)dup2(ends[1], STDERR_FILENO);
        _exit(Log_Debug("%400s", "x") == 0 ? 0 : 1);
    }
    (void)close(ends[1]);
    wait_until_asleep(child);
    CHECK(kill(child, SIGUSR1) == 0 && read(handled[0], text, 1) == 1);
    ssize_t got = 0;
    while ((got = read(ends[0], text, sizeof(text))) > 0)
        sum += (int)got;
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(sum == (int)sizeof(filler) + 400);
    (void)close(ends[0]);
    (void)close(handled[0]);
    (void)close(handled[1]);
}

int main(void) {
    test_short_lines();
    test_long_lines();
    test_list();
    test_failures();
    test_full_pipe();
    return check_done();
}
