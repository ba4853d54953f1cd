/* Stopping asks through the gateway first, which ends the apps in good order; whatever then
 * still runs is ended by signals to a process that is known to be ours.
 *
 * Each step has a limit, and their sum is the most that "device stop" can take: 5 s for the
 * request, then 1 + 15 + 3 s for the agent and 1 + 5 + 3 s for the gateway. SIGKILL of the agent
 * is the last resort, and even that leaves no application running: they are in process
 * namespaces that die with it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/launch.h"
#include "cli/pidfile.h"
#include "cli/rest_client.h"

enum {
    ASK_TIMEOUT_MS = 5000,     /* for the answer to the request */
    ASKED_TIMEOUT_MS = 1000,   /* then a signal says the same again: a lost request costs no more */
    AGENT_TIMEOUT_MS = 15000,  /* apps get their grace time after SIGTERM, then the agent ends */
    GATEWAY_TIMEOUT_MS = 5000, /* it has open streams to end, and nothing to save */
    KILL_TIMEOUT_MS = 3000,    /* the kernel gives memory back first; longer means a hung disk */
};

/* Waits for a process to end; -1 stands for one that has. */
static bool wait_end(int process, int timeout_ms) {
    struct pollfd poll_fd = {.fd = process, .events = POLLIN};
    uint64_t end = sph_clock_monotonic_ms() + (uint64_t)timeout_ms;
    while (process >= 0) {
        uint64_t now = sph_clock_monotonic_ms();
        int r = poll(&poll_fd, 1, now < end ? (int)(end - now) : 0);
        if (r > 0)
            return true;
        if (r == 0)
            return false;
    }
    return true;
}

/* Through the gateway: that works without root, and the apps end in good order. */
static int ask(int device_fd, const char *name) {
    sph_autorest struct sph_rest *rest = NULL;
    int r = sph_rest_open(device_fd, name, &rest, NULL);
    const struct sph_rest_request request = {.method = "POST",
                                             .path = "/spherule/v1/stop",
                                             .body = "{}",
                                             .body_len = 2,
                                             .timeout_ms = ASK_TIMEOUT_MS};
    return r < 0 ? r : sph_rest_call(rest, &request, NULL, NULL);
}

/* Raw: glibc has a wrapper since 2.36 only. Linux 5.1. */
static int send_signal(int process, int signal_number) {
    return (int)syscall(SYS_pidfd_send_signal, process, signal_number, NULL, 0) == 0 ? 0 : -errno;
}

/* One of the two, pinned. */
struct process {
    int fd;
    const char *what;
    int term_timeout_ms;
};

/* From the friendliest way to the last. EPERM after a request that was heard is no failure yet: the
 * device belongs to another, who lets us ask but not kill. */
static int end_process(const struct process *process, bool asked, const char *name,
                       struct sph_err *err) {
    if (asked && wait_end(process->fd, ASKED_TIMEOUT_MS))
        return 0;
    int r = send_signal(process->fd, SIGTERM);
    if (r == -EPERM && !asked)
        return SPH_FAIL(err, -EPERM,
                        "the %s of device '%s' cannot be reached and is not yours to end: run "
                        "'sudo spherule device stop %s'",
                        process->what, name, name);
    if (wait_end(process->fd, process->term_timeout_ms))
        return 0;
    (void)send_signal(process->fd, SIGKILL);
    if (wait_end(process->fd, KILL_TIMEOUT_MS))
        return 0;
    return SPH_FAIL(err, -EBUSY, "the %s of device '%s' cannot be ended", process->what, name);
}

/* Both processes are pinned by pidfd before anything is asked: afterwards their pid files are gone.
 */
int sph_launch_stop(int device_fd, const char *name, struct sph_err *err) {
    sph_autoclose int agent =
        sph_pidfile_open_process(device_fd, SPH_AGENT_PIDFILE, SPH_AGENT_PROGRAM, NULL);
    sph_autoclose int gateway =
        sph_pidfile_open_process(device_fd, SPH_GATEWAY_PIDFILE, SPH_GATEWAY_PROGRAM, NULL);
    const struct process processes[] = {
        {.fd = agent, .what = "agent", .term_timeout_ms = AGENT_TIMEOUT_MS},
        {.fd = gateway, .what = "gateway", .term_timeout_ms = GATEWAY_TIMEOUT_MS},
    };
    bool asked = gateway >= 0 && agent >= 0 && ask(device_fd, name) == 0;
    int result = 0;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(processes); i++) {
        int r = wait_end(processes[i].fd, 0)
                    ? 0
                    : end_process(&processes[i], asked, name, result < 0 ? NULL : err);
        result = result < 0 ? result : r;
    }
    return result;
}
