/* Why ptrace and not pidfds: docs/adr/0002-tracing-the-end.md.
 *
 * No table of threads is kept: a stop says all that is needed to go on from it, so an app that
 * starts thousands of threads costs the agent nothing, and a child that reports before its parent's
 * fork event does needs no special case. */
#include "agent/trace/tracer.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "base/cleanup.h"

enum {
    /* Reports handled in one go: an app that does nothing but fork or signal itself is slowed down
     * instead of the agent's other work. */
    BATCH = 64,
    BATCH_PAUSE_MS = 1,
    HELD_MAX = 64, /* children that wait for their parents' stop: as many as an app may have */
};

struct sph_tracer {
    struct sph_tracer_ops ops;
    void *context;
    struct sph_watch *child_signal;
    struct sph_watch *again; /* timer: a batch was full */
    pid_t held[HELD_MAX];    /* of apps whose heap is tracked */
    size_t n_held;
};

unsigned sph_tracer_options(void) {
    return PTRACE_O_TRACEEXIT | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
           PTRACE_O_EXITKILL;
}

unsigned sph_tracer_heap_options(void) {
    return sph_tracer_options() | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD;
}

#if defined(__x86_64__)
typedef struct user_regs_struct registers_t;
#define REGISTER_PC(registers) (registers).rip
#define REGISTER_SP(registers) (registers).rsp
#elif defined(__aarch64__)
typedef struct user_regs_struct registers_t;
#define REGISTER_PC(registers) (registers).pc
#define REGISTER_SP(registers) (registers).sp
#elif defined(__arm__)
typedef struct user_regs registers_t;
#define REGISTER_PC(registers) (registers).uregs[15]
#define REGISTER_SP(registers) (registers).uregs[13]
#endif

/* Only pc and sp are kept: the rest means nothing without the app's debug data. */
static void read_registers(pid_t tid, struct sph_fault *fault) {
    registers_t registers;
    struct iovec part = {.iov_base = &registers, .iov_len = sizeof(registers)};
    if (ptrace(PTRACE_GETREGSET, tid, (void *)(uintptr_t)NT_PRSTATUS, &part) < 0)
        return;
    fault->pc = REGISTER_PC(registers);
    fault->sp = REGISTER_SP(registers);
}

/* Signals whose default is to end the process with a core: worth the second look at the registers.
 */
bool sph_tracer_may_be_fault(int number) {
    return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE ||
           number == SIGTRAP || number == SIGSYS || number == SIGABRT;
}

/* Most signals of most apps are handled by them and end nothing, so this is kept to one system call
 * for those, two for what may be a crash. */
static void show_signal(struct sph_tracer *tracer, pid_t tid, int number) {
    siginfo_t info;
    struct sph_fault fault = {.signal = number};
    if (ptrace(PTRACE_GETSIGINFO, tid, NULL, &info) == 0) {
        fault.code = info.si_code;
        /* Codes above 0 come from the kernel; SI_KERNEL has no address (a general protection
         * fault). */
        fault.is_fault = sph_tracer_may_be_fault(number) && number != SIGABRT && number != SIGSYS &&
                         info.si_code > 0 && info.si_code != SI_KERNEL;
        if (fault.is_fault)
            fault.address = (uint64_t)(uintptr_t)info.si_addr;
        if (info.si_code <= 0) {
            fault.sender = info.si_pid;
            fault.sender_uid = info.si_uid;
        }
    }
    if (sph_tracer_may_be_fault(number))
        read_registers(tid, &fault);
    tracer->ops.signalled(tracer->context, tid, &fault);
}

static bool is_stop_signal(int number) {
    return number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

static bool hold(struct sph_tracer *tracer, pid_t pid) {
    if (tracer->n_held == HELD_MAX)
        return false;
    tracer->held[tracer->n_held++] = pid;
    return true;
}

/* It runs on. */
static void let_go(struct sph_tracer *tracer, pid_t pid) {
    for (size_t i = 0; i < tracer->n_held; i++)
        if (tracer->held[i] == pid) {
            tracer->held[i] = tracer->held[--tracer->n_held];
            (void)ptrace(PTRACE_CONT, pid, NULL, NULL);
            return;
        }
}

static bool is_held(const struct sph_tracer *tracer, pid_t pid) {
    for (size_t i = 0; i < tracer->n_held; i++)
        if (tracer->held[i] == pid)
            return true;
    return false;
}

/* The child may have stopped before its parent or after it: whoever comes second lets both go. */
static void handle_fork(struct sph_tracer *tracer, pid_t parent) {
    unsigned long message = 0;
    siginfo_t info = {.si_pid = 0};
    int status;
    if (!tracer->ops.forked || ptrace(PTRACE_GETEVENTMSG, parent, NULL, &message) < 0)
        return;
    pid_t child = (pid_t)message;
    if (!is_held(tracer, child)) {
        if (!tracer->ops.born(tracer->context, child))
            return; /* a thread, or one that has been seen to already */
        while (waitid(P_PID, (id_t)child, &info, WSTOPPED | WEXITED | WNOWAIT | __WALL) < 0)
            if (errno != EINTR)
                return;
        if (info.si_status >> 8 != PTRACE_EVENT_STOP || waitpid(child, &status, __WALL) != child ||
            !hold(tracer, child))
            return; /* it dies: its reports come by the loop */
    }
    tracer->ops.forked(tracer->context, child);
    let_go(tracer, child);
}

/* A parent that is killed inside of its fork tells of no child, so at any exit all that are held
 * are seen to: their parents have not gone on since. */
static void settle_held(struct sph_tracer *tracer) {
    while (tracer->n_held > 0) {
        pid_t child = tracer->held[tracer->n_held - 1];
        tracer->ops.forked(tracer->context, child);
        let_go(tracer, child);
    }
}

/* Lets a stopped thread go on in the way that its stop asks for. A failure means that it was killed
 * meanwhile: its end is reported next, ignoring. */
static void handle_stop(struct sph_tracer *tracer, pid_t tid, int status) {
    int event = status >> 16;
    int number = WSTOPSIG(status);
    if (event == PTRACE_EVENT_STOP && is_stop_signal(number)) {
        (void)ptrace(PTRACE_LISTEN, tid, NULL, NULL); /* job control: stays stopped until SIGCONT */
        return;
    }
    uintptr_t pass_on = 0;
    if (event == PTRACE_EVENT_STOP && tracer->ops.born && tracer->ops.born(tracer->context, tid) &&
        hold(tracer, tid))
        return;
    if (event == PTRACE_EVENT_EXEC && tracer->ops.executed) {
        tracer->ops.executed(tracer->context, tid);
    } else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
               event == PTRACE_EVENT_CLONE) {
        handle_fork(tracer, tid);
    } else if (event == PTRACE_EVENT_EXIT) {
        unsigned long exit_status = 0;
        settle_held(tracer);
        if (ptrace(PTRACE_GETEVENTMSG, tid, NULL, &exit_status) == 0)
            tracer->ops.exiting(tracer->context, tid, (int)exit_status);
    } else if (event == 0) {
        pass_on = (uintptr_t)number;
        show_signal(tracer, tid, number);
    }
    (void)ptrace(PTRACE_CONT, tid, NULL, (void *)pass_on);
}

/* -1 and not a list of pids: children that the app makes are ours to wait for from their first
 * instruction on, before we have heard of them. */
static int handle_batch(struct sph_tracer *tracer, int most) {
    int count = 0;
    while (count < most) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL | WNOHANG);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            break;
        count++;
        if (WIFSTOPPED(status))
            handle_stop(tracer, pid, status);
        else if (WIFEXITED(status) || WIFSIGNALED(status))
            tracer->ops.gone(tracer->context, pid, status);
    }
    return count;
}

int sph_tracer_poll(struct sph_tracer *tracer) {
    int count = handle_batch(tracer, BATCH);
    if (count == BATCH)
        (void)sph_loop_arm_timer(tracer->again, BATCH_PAUSE_MS, 0);
    return count;
}

/* SIGCHLD comes once for many reports: all there are is asked for. */
static void on_child_signal(void *context, int signal_number) {
    (void)signal_number;
    (void)sph_tracer_poll(context);
}

/* The rest of a full batch; no further signal may come for it. */
static void on_again(void *context) {
    (void)sph_tracer_poll(context);
}

int sph_tracer_new(struct sph_loop *loop, const struct sph_tracer_ops *ops, void *context,
                   struct sph_tracer **ret_tracer, struct sph_err *err) {
    struct sph_tracer *tracer SPH_CLEANUP(sph_tracer_freep) = calloc(1, sizeof(*tracer));
    if (!tracer)
        return SPH_FAIL(err, -ENOMEM, "No memory for the tracer.");
    tracer->ops = *ops;
    tracer->context = context;
    int rc =
        sph_loop_add_signal(loop, SIGCHLD, on_child_signal, tracer, &tracer->child_signal, err);
    if (rc == 0)
        rc = sph_loop_add_timer(loop, 0, 0, on_again, tracer, &tracer->again, err);
    if (rc < 0)
        return rc;
    *ret_tracer = SPH_STEAL_PTR(tracer);
    return 0;
}

struct sph_tracer *sph_tracer_free(struct sph_tracer *tracer) {
    if (!tracer)
        return NULL;
    (void)sph_loop_remove(tracer->child_signal);
    (void)sph_loop_remove(tracer->again);
    free(tracer);
    return NULL;
}
