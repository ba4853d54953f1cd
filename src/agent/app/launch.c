/* Three processes take part. The agent clones the helper, pid 1 of new namespaces. The helper
 * builds the sandbox, enters the app's control groups, forks the app there (so that the app's
 * kernel stack is charged to it), leaves again and stays as reaper: when the app's first process
 * ends, the helper ends, and the kernel kills whatever else the app started. The app's process
 * drops everything, waits until the agent traces it, arms the meter and executes the program.
 *
 * They talk over one packet socket. Its close-on-exec end says that execve has succeeded. */
#include "agent/app/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

enum {
    STEP_TIMEOUT_MS = 10 * 1000, /* a start takes some 5 ms; this is for a machine in swap */
    /* The mount namespace is the sandbox's part. */
    NAMESPACES = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET,
    STATUS_NOT_STARTED = 127,
};

/* What the three tell each other. A failure carries its sentence: the agent's log and the caller
 * get the words of the process that knew. */
enum message_kind {
    HELPER_LEFT = 1, /* the helper is out of the app's groups; carries the channel's socket */
    APP_READY,       /* the app's process wants to be traced; its credentials tell its pid */
    GO,              /* it is: arm and execute */
    FAILED,
};

struct message {
    enum message_kind kind;
    struct sph_err err;
};

/* The ends of everything that passes between the processes. */
struct wires {
    int agent, child;    /* the packet socket */
    int out[2], errs[2]; /* the app's stdout and stderr: read end, write end */
    int status[2];       /* from the helper, when the app is handed over */
};
#define WIRES_NULL                                                                                 \
    {                                                                                              \
        -1, -1, {-1, -1}, {-1, -1}, {                                                              \
            -1, -1                                                                                 \
        }                                                                                          \
    }

/* -1 marks an end that was handed on or never opened. */
static void close_pair(int *pair) {
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            (void)close(pair[i]);
}

static void wires_done(struct wires *wires) {
    close_pair((int[]){wires->agent, wires->child});
    close_pair(wires->out);
    close_pair(wires->errs);
    close_pair(wires->status);
}

/* SO_PASSCRED on the agent's end: with each packet the kernel tells the sender's pid, translated
 * into the reader's pid namespace. Nobody else could say what the app's pid is from here. */
static int wires_open(struct wires *wires, bool with_status, struct sph_err *err) {
    int ends[2];
    int on = 1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot make a socket to the app's helper");
    wires->agent = ends[0];
    wires->child = ends[1];
    if (setsockopt(wires->agent, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
        pipe2(wires->out, O_CLOEXEC) < 0 || pipe2(wires->errs, O_CLOEXEC) < 0 ||
        fcntl(wires->out[0], F_SETFL, O_NONBLOCK) < 0 ||
        fcntl(wires->errs[0], F_SETFL, O_NONBLOCK) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot make pipes for the app's output");
    if (with_status && pipe2(wires->status, O_CLOEXEC | O_NONBLOCK) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot make a pipe to the app's helper");
    return 0;
}

/* One packet, with a descriptor unless it is -1. */
static int send_message(int fd, const struct message *message, int passed_fd) {
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.space = {0}};
    struct iovec part = {.iov_base = (void *)(uintptr_t)message, .iov_len = sizeof(*message)};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
    if (passed_fd >= 0) {
        packet.msg_control = &control;
        packet.msg_controllen = sizeof(control);
        control.head = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.head), &passed_fd, sizeof(int));
    }
    return sendmsg(fd, &packet, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* ---- in the app's process ---- */

/* In the helper and in the app's process: the agent gets the sentence, this process is over. */
static void SPH_COLD fail_child(int fd, const struct sph_err *err) {
    struct message message = {.kind = FAILED, .err = *err};
    message.err.where = ""; /* a pointer of ours means nothing to the reader */
    (void)send_message(fd, &message, -1);
    _exit(STATUS_NOT_STARTED);
}

/* 0, 1 and 2 are the app's, 3 is the socket, and nothing else stays open. */
static int arrange_descriptors(const struct wires *wires, struct sph_err *err) {
    int from[] = {-1, wires->out[1], wires->errs[1], wires->child};
    from[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < 4; i++) /* out of the way first, so that none is overwritten */
        if (from[i] < 0 || (from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 16)) < 0)
            return SPH_FAIL_ERRNO(err, -errno, "Cannot arrange the app's descriptors");
    for (int i = 0; i < 4; i++)
        if (dup3(from[i], i, i == 3 ? O_CLOEXEC : 0) < 0 && from[i] != i)
            return SPH_FAIL_ERRNO(err, -errno, "Cannot arrange the app's descriptors");
    if (close_range(4, ~0u, 0) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot close the agent's descriptors");
    return 0;
}

enum { APP_SOCKET = 3 };

/* *socket is where a failure is told: it moves on the way. */
static int prepare_app(const struct sph_launch_plan *plan, const struct wires *wires, int *socket,
                       struct sph_err *err) {
    *socket = wires->child;
    if (unshare(CLONE_NEWCGROUP) < 0) /* names of the host's groups are not the app's business */
        return SPH_FAIL_ERRNO(err, -errno, "Cannot hide the host's control groups from the app");
    int rc = arrange_descriptors(wires, err);
    if (rc < 0)
        return rc;
    *socket = APP_SOCKET;
    if (chdir(plan->working_folder) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot enter the app's folder %s",
                              plan->working_folder);
    return sph_sandbox_drop(&plan->identity, err);
}

/* The last code of ours in the app's process. Between the touch and the arming every page that it
 * takes is ignored by the meter; after the arming it takes none before execve has replaced its
 * memory. */
static void run_app(const struct sph_launch_plan *plan, const struct wires *wires) {
    struct sph_err err = SPH_ERR_NULL;
    struct message ready = {.kind = APP_READY}, answer;
    int socket = -1;
    sph_meter_touch();
    if (prepare_app(plan, wires, &socket, &err) < 0)
        fail_child(socket, &err);
    /* Where Yama wants a word for it (elsewhere it fails, ignoring). Of the app's user it is the
     * debugger alone that ever sees this process. */
    if (plan->hands_over)
        (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    if (send_message(socket, &ready, -1) < 0 ||
        recv(socket, &answer, sizeof(answer), 0) != sizeof(answer) || answer.kind != GO)
        _exit(STATUS_NOT_STARTED); /* the agent is gone or has given up */
    if (plan->meter)
        sph_meter_arm(plan->meter);
    (void)execve(plan->argv[0], plan->argv, plan->envp);
    (void)SPH_FAIL_ERRNO(&err, -errno, "Cannot run %s", plan->argv[0]);
    fail_child(socket, &err);
}

/* ---- in the helper ---- */

/* As pid 1 it inherits what loses its parent, and must reap it. Its own end is the end of the
 * namespace. The status goes on where the agent does not trace the app and so cannot see it. */
static void reap_until_gone(pid_t app, int status_fd) {
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        if (pid == app && status_fd >= 0)
            (void)!write(status_fd, &status, sizeof(status));
        if (pid == app || (pid < 0 && errno != EINTR))
            _exit(0);
    }
}

/* Enters the groups, forks the app and leaves. Returns in both processes, 0 in the app's. */
static pid_t fork_inside(const struct sph_launch_plan *plan, struct sph_err *err) {
    int rc = plan->cgroup ? sph_cgroup_app_enter(plan->cgroup, 0, err) : 0;
    if (rc < 0)
        return rc;
    sph_meter_touch();
    pid_t app = fork();
    if (app < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot fork the app");
    if (app > 0 && plan->tree && (rc = sph_cgroup_leave(plan->tree, 0, err)) < 0)
        return rc;
    return app;
}

/* Descriptors of the agent must not live on in here: clients would not see it close them. But for
 * the meter's: a dying agent closes its own some 30 ms before the kernel kills what it traces, and
 * apps would grow without a limit meanwhile. This process ends after they have got their SIGKILL.
 */
static void close_between(int first, int last) {
    if (first <= last)
        (void)close_range((unsigned)first, (unsigned)last, 0);
}

static void close_descriptors(int attachment, int status_fd) {
    int low = attachment < status_fd ? attachment : status_fd;
    int high = attachment < status_fd ? status_fd : attachment;
    close_between(0, low - 1);
    close_between(low + 1, high - 1);
    close_between(high + 1, INT_MAX);
}

/* Stays root and keeps its capabilities, but runs nothing of the app's and reads nothing from it:
 * the app cannot signal or trace it, having another user and no capability. The parent-death signal
 * comes first: there is no moment in which the agent could die and leave this running. */
static void run_helper(const struct sph_launch_plan *plan, const struct wires *wires) {
    struct sph_err err = SPH_ERR_NULL;
    int channel = -1;
    sigset_t none;
    (void)sigemptyset(&none);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NAME, "spherule-init");
    (void)close(wires->agent); /* so that an agent that died before shows as end of file */
    if (sph_sandbox_enter(&plan->sandbox, &channel, &err) < 0)
        fail_child(wires->child, &err);
    pid_t app = fork_inside(plan, &err);
    if (app < 0)
        fail_child(wires->child, &err);
    if (app == 0)
        run_app(plan, wires);
    struct message left = {.kind = HELPER_LEFT};
    int rc = send_message(wires->child, &left, channel);
    close_descriptors(plan->attachment > 0 ? plan->attachment : -1, wires->status[1]);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (rc < 0)
        _exit(STATUS_NOT_STARTED);
    reap_until_gone(app, wires->status[1]);
}

/* ---- in the agent ---- */

/* Takes a descriptor and the sender's pid out of a packet. */
static void read_control(struct msghdr *packet, int *ret_fd, pid_t *ret_pid) {
    for (struct cmsghdr *head = CMSG_FIRSTHDR(packet); head; head = CMSG_NXTHDR(packet, head)) {
        if (head->cmsg_level != SOL_SOCKET)
            continue;
        if (head->cmsg_type == SCM_RIGHTS)
            memcpy(ret_fd, CMSG_DATA(head), sizeof(int));
        if (head->cmsg_type == SCM_CREDENTIALS) {
            struct ucred credentials;
            memcpy(&credentials, CMSG_DATA(head), sizeof(credentials));
            *ret_pid = credentials.pid;
        }
    }
}

/* 1 with a message, 0 at the end of file, negative errno. */
static int receive(int fd, struct message *ret_message, int *ret_fd, pid_t *ret_pid,
                   struct sph_err *err) {
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec part = {.iov_base = ret_message, .iov_len = sizeof(*ret_message)};
    struct msghdr packet = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof(control)};
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int n;
    do
        n = poll(&wait, 1, STEP_TIMEOUT_MS);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return SPH_FAIL(err, -ETIMEDOUT, "The app was not started within %d s.",
                        STEP_TIMEOUT_MS / 1000);
    ssize_t len = n < 0 ? -1 : recvmsg(fd, &packet, MSG_CMSG_CLOEXEC);
    if (len < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Lost the app's helper");
    if (len == 0)
        return 0;
    read_control(&packet, ret_fd, ret_pid);
    ret_message->err.where = __func__;
    if (len != sizeof(*ret_message))
        return SPH_FAIL(err, -EPROTO, "The app's helper sent half a message.");
    if (ret_message->kind == FAILED) {
        if (err)
            *err = ret_message->err;
        return ret_message->err.code < 0 ? ret_message->err.code : -EPROTO;
    }
    return 1;
}

/* Until the helper has left the groups and the app's process waits. */
static int await_ready(int fd, struct sph_launched *launched, struct sph_err *err) {
    while (launched->channel_fd < 0 || launched->app_pid < 0) {
        struct message message;
        pid_t sender = -1;
        int passed = -1;
        int rc = receive(fd, &message, &passed, &sender, err);
        if (rc == 0)
            rc = SPH_FAIL(err, -ECHILD, "The app's helper ended before the app was started.");
        if (rc < 0)
            return rc;
        if (message.kind == HELPER_LEFT)
            launched->channel_fd = passed;
        else if (message.kind == APP_READY)
            launched->app_pid = sender;
    }
    return 0;
}

/* Stands in execve's own stop, as in hand_over(). One that ends instead, or meanwhile, is the
 * tracer's. */
static int track(struct sph_heap *heap, pid_t pid, struct sph_err *err) {
    siginfo_t info = {.si_pid = 0};
    int status;
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WNOWAIT | __WALL) < 0)
        if (errno != EINTR)
            return SPH_FAIL_ERRNO(err, -errno, "Lost the app's process");
    if (info.si_code != CLD_TRAPPED || info.si_status >> 8 != PTRACE_EVENT_EXEC ||
        waitpid(pid, &status, __WALL) != pid)
        return 0;
    int rc = sph_heap_exec(heap, pid, err);
    (void)ptrace(PTRACE_CONT, pid, NULL, NULL);
    return rc == -ESRCH ? 0 : rc;
}

/* Seized while it waits for GO: no instruction of the app's program runs untraced. The socket's end
 * of file is execve's success, as its last copy is closed by it; a message instead is the reason
 * why not. */
static int trace_and_go(const struct sph_launch_plan *plan, int fd, struct sph_launched *launched,
                        struct sph_err *err) {
    uintptr_t options =
        plan->hands_over ? PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL : plan->ptrace_options;
    if (ptrace(PTRACE_SEIZE, launched->app_pid, NULL, (void *)options) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot trace the app");
    struct message message = {.kind = GO};
    int rc = send_message(fd, &message, -1);
    if (rc < 0)
        return SPH_FAIL_ERRNO(err, rc, "Lost the app's process");
    rc = receive(fd, &message, &(int){-1}, &(pid_t){-1}, err);
    if (rc == 0 && plan->heap)
        rc = track(plan->heap, launched->app_pid, err);
    launched->exec_ns = sph_clock_monotonic_ns();
    return rc <= 0 ? rc : SPH_FAIL(err, -EPROTO, "The app's process sent what it may not.");
}

/* Stands in execve's own stop: the program is there, none of it has run. Frozen before it is let
 * go, it goes no further, and without the job-control stop that SIGSTOP would leave behind: that
 * would come back whenever a debugger lets go, and catch each new thread. */
static int hand_over(const struct sph_launch_plan *plan, struct sph_launched *launched,
                     struct sph_err *err) {
    int status;
    pid_t pid;
    do
        pid = waitpid(launched->app_pid, &status, __WALL);
    while (pid < 0 && errno == EINTR);
    if (pid < 0 || !WIFSTOPPED(status) || status >> 16 != PTRACE_EVENT_EXEC)
        return SPH_FAIL(err, -ECHILD,
                        "The application ended before the debugger could take it: its program "
                        "does not fit the ration, or was killed.");
    launched->app_fd = (int)syscall(SYS_pidfd_open, launched->app_pid, 0);
    if (launched->app_fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot keep hold of the app's process");
    int rc = sph_cgroup_app_freeze(plan->cgroup, true);
    if (rc < 0)
        return SPH_FAIL_ERRNO(err, rc, "Cannot hold the app for the debugger");
    if (ptrace(PTRACE_DETACH, launched->app_pid, NULL, NULL) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot leave the app to the debugger");
    return 0;
}

void sph_launched_kill(struct sph_launched *launched) {
    int status;
    (void)kill(launched->helper_pid, SIGKILL);
    while (launched->app_pid > 0) {
        pid_t pid = waitpid(launched->app_pid, &status, __WALL);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0 || WIFEXITED(status) || WIFSIGNALED(status))
            break;
        (void)ptrace(PTRACE_CONT, launched->app_pid, NULL, NULL);
    }
    while (waitpid(launched->helper_pid, NULL, 0) < 0 && errno == EINTR)
        ;
    launched->helper_pid = -1;
}

/* launched has the pids as soon as they are known, so that a failure can reap them. */
static int bring_up(const struct sph_launch_plan *plan, struct wires *wires,
                    struct sph_launched *launched, struct sph_err *err) {
    int rc = wires_open(wires, plan->hands_over, err);
    if (rc < 0)
        return rc;
    /* A plain clone: fork() has no flags, and glibc's wrapper wants a stack. */
    unsigned long flags = NAMESPACES | SIGCHLD;
    if (plan->share_network)
        flags &= ~(unsigned long)CLONE_NEWNET;
    launched->helper_pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
    if (launched->helper_pid < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot make the app's namespaces");
    if (launched->helper_pid == 0) {
        run_helper(plan, wires);
        _exit(STATUS_NOT_STARTED);
    }
    (void)close(SPH_STEAL_FD(wires->child));
    rc = await_ready(wires->agent, launched, err);
    if (rc == 0)
        rc = trace_and_go(plan, wires->agent, launched, err);
    if (rc == 0 && plan->hands_over)
        rc = hand_over(plan, launched, err);
    if (rc < 0)
        sph_launched_kill(launched);
    return rc;
}

int sph_launch(const struct sph_launch_plan *plan, struct sph_launched *ret_launched,
               struct sph_err *err) {
    struct sph_launched launched = SPH_LAUNCHED_NULL;
    struct wires wires = WIRES_NULL;
    launched.start_ns = sph_clock_monotonic_ns();
    int rc = bring_up(plan, &wires, &launched, err);
    if (rc == 0) {
        launched.output_fd = SPH_STEAL_FD(wires.out[0]);
        launched.error_fd = SPH_STEAL_FD(wires.errs[0]);
        launched.status_fd = SPH_STEAL_FD(wires.status[0]);
        *ret_launched = launched;
    } else {
        launched.helper_pid = -1;
        sph_launched_done(&launched);
    }
    wires_done(&wires);
    return rc;
}

/* One that was handed over is not ours to reap, so its number can be another's at any time. */
void sph_launched_signal(const struct sph_launched *launched, int number) {
    if (launched->app_fd >= 0)
        (void)syscall(SYS_pidfd_send_signal, launched->app_fd, number, NULL, 0);
    else if (launched->app_pid > 0)
        (void)kill(launched->app_pid, number);
}

bool sph_launched_is_alive(const struct sph_launched *launched) {
    struct pollfd end = {.fd = launched->app_fd, .events = POLLIN};
    return poll(&end, 1, 0) == 0;
}

int sph_launched_read_status(const struct sph_launched *launched) {
    int status;
    return read(launched->status_fd, &status, sizeof(status)) == sizeof(status) ? status : SIGKILL;
}

void sph_launched_done(struct sph_launched *launched) {
    if (launched->helper_pid > 0)
        (void)kill(launched->helper_pid, SIGKILL);
    close_pair((int[]){launched->output_fd, launched->error_fd});
    close_pair((int[]){launched->app_fd, launched->status_fd});
    if (launched->channel_fd >= 0)
        (void)close(launched->channel_fd);
    *launched = (struct sph_launched)SPH_LAUNCHED_NULL;
}
