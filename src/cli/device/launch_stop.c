/* Stopping asks through the gateway first, which ends the apps in good order; whatever then
 * still runs is ended by signals to a process that is known to be ours.
 *
 * Each step has a limit, and their sum is the most that "device stop" can take: 5 s for the
 * request, then for the engine (an agent 1 + 15 + 3 s, a machine 15 + 3 + 3 s, from the table
 * of launch.c) and 1 + 5 + 3 s for the gateway. SIGKILL of an agent is the last resort, and even
 * that leaves no application running: they are in process namespaces that die with it. To a machine
 * every signal is a cut of its power, for which its disk is made. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/device/backend.h"
#include "cli/device/launch.h"
#include "cli/device/pidfile.h"
#include "cli/device/rest_client.h"

enum {
    ASK_TIMEOUT_MS = 5000,     /* for the answer to the request */
    ASKED_TIMEOUT_MS = 1000,   /* then a signal says the same again: a lost request costs no more */
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

/* One of those that run, pinned by a pidfd; its pid file is gone with it. */
struct process {
    int fd;
    const char *what;
    int asked_timeout_ms, term_timeout_ms;
};

enum { PROCESSES_MAX = 4 }; /* every kind's engine, and the gateway */

/* From the friendliest way to the last. EPERM after a request that was heard is no failure yet: the
 * device belongs to another, who lets us ask but not kill. */
static int end_process(const struct process *process, bool asked, const char *name,
                       struct sph_err *err) {
    if (asked && wait_end(process->fd, process->asked_timeout_ms))
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

/* The engines first: an app's last words still have a way out through the gateway. The number of
 * rows; each fd is the caller's to close. */
static size_t pin(int device_fd, struct process ret_processes[PROCESSES_MAX]) {
    size_t count = 0;
    for (const struct sph_backend *backend = sph_backends; backend->name; backend++)
        ret_processes[count++] = (struct process){
            .fd = sph_pidfile_open_process(device_fd, backend->pid_file, backend->program, NULL),
            .what = backend->engine,
            .asked_timeout_ms = backend->asked_timeout_ms,
            .term_timeout_ms = backend->term_timeout_ms};
    ret_processes[count++] = (struct process){
        .fd = sph_pidfile_open_process(device_fd, SPH_GATEWAY_PIDFILE, SPH_GATEWAY_PROGRAM, NULL),
        .what = "gateway",
        .asked_timeout_ms = ASKED_TIMEOUT_MS,
        .term_timeout_ms = GATEWAY_TIMEOUT_MS};
    return count;
}

static void let_go(struct process *process) {
    sph_closep_(&process->fd);
    process->fd = -1;
}

/* Ends each in turn and lets go of it; the first failure is told, and does not keep the others. */
static int end_all(struct process *processes, size_t count, bool asked, const char *name,
                   struct sph_err *err) {
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        int r = wait_end(processes[i].fd, 0)
                    ? 0
                    : end_process(&processes[i], asked, name, result < 0 ? NULL : err);
        result = result < 0 ? result : r;
        let_go(&processes[i]);
    }
    return result;
}

/* All are pinned before anything is asked: afterwards their pid files are gone. */
int sph_launch_stop(int device_fd, const char *name, struct sph_err *err) {
    struct process processes[PROCESSES_MAX];
    size_t count = pin(device_fd, processes);
    bool engine = false;
    for (size_t i = 0; i + 1 < count; i++)
        engine |= processes[i].fd >= 0;
    bool asked = engine && processes[count - 1].fd >= 0 && ask(device_fd, name) == 0;
    return end_all(processes, count, asked, name, err);
}

/* Not by request: that would end the gateway, too, which may have been there before. Twice, since a
 * gateway that is ended while it starts its machine may have got as far as that. */
void sph_launch_take_back(int device_fd, const char *name, enum sph_device_state before) {
    struct process processes[PROCESSES_MAX];
    bool had_engine = before == SPH_DEVICE_RUNNING || before == SPH_DEVICE_AGENT_ONLY;
    bool had_gateway = before == SPH_DEVICE_RUNNING || before == SPH_DEVICE_GATEWAY_ONLY;
    for (int round = 0; round < 2; round++) {
        size_t count = pin(device_fd, processes);
        for (size_t i = 0; i < count; i++)
            if (i + 1 < count ? had_engine : had_gateway)
                let_go(&processes[i]);
        (void)end_all(processes, count, false, name, NULL); /* ignoring: the start's is the story */
    }
}
