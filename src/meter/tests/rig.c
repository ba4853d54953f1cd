/* rig: the start is the shortest that arming allows: a fork of the test program enters the group,
 * makes its own address space known as not the app's, arms, and becomes the app. */
#include "meter/tests/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "meter/smaps.h"

enum { SKIPPED = 77, PIDS_MAX = 64, WAIT_TRIES = 5000, WALK_TRIES = 50 };

static void skip(const char *reason) {
    (void)printf("skipped: %s\n", reason);
    exit(SKIPPED);
}

static void die(const char *what) {
    (void)fprintf(stderr, "rig: %s: %s\n", what, strerror(errno));
    abort();
}

bool rig_is_pinned(void) {
    return getenv("SPHERULE_TEST_PINNED_KERNEL") != NULL;
}

static void find_helper(struct rig *rig, const char *helper) {
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len < 0)
        die("own path");
    self[len] = '\0';
    *strrchr(self, '/') = '\0';
    if ((size_t)snprintf(rig->helper, sizeof(rig->helper), "%.400s/%s", self, helper) >=
        sizeof(rig->helper))
        die("path too long");
}

void rig_open(struct rig *rig, const char *helper, uint64_t limit_bytes) {
    struct sph_err err = SPH_ERR_NULL;
    char name[64];
    *rig = (struct rig){.to_app = -1, .from_app = -1};
    if (geteuid() != 0)
        skip("metering natively needs root");
    find_helper(rig, helper);
    /* The same name for the same program in the same place: a run that was killed is cleared away.
     */
    uint32_t hash = 2166136261u;
    for (const char *c = rig->helper; *c; c++)
        hash = (hash ^ (uint32_t)(unsigned char)*c) * 16777619u;
    (void)snprintf(name, sizeof(name), "spherule-test-%.40s-%08x", program_invocation_short_name,
                   hash);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sph_cgroup_open(name, &rig->tree, &err) != 0)
        skip(err.text);
    const struct sph_meter_options options = {.pinned_kernel = rig_is_pinned()};
    int error = sph_meter_open(limit_bytes, &options, &rig->meter, &err);
    if (error == -EPERM || error == -ENOSYS || error == -ENOENT || error == -EPROTO) {
        rig_close(rig);
        skip(err.text);
    }
    if (error != 0 || sph_cgroup_app_make(rig->tree, "app", &rig->group, &err) != 0 ||
        sph_meter_app_add(rig->meter, sph_cgroup_app_id(rig->group), 0, &rig->app, &err) != 0) {
        (void)fprintf(stderr, "rig: %s\n", err.text);
        rig_close(rig);
        exit(1);
    }
}

void rig_close(struct rig *rig) {
    if (rig->group)
        rig_stop(rig);
    rig->app = sph_meter_app_remove(rig->app);
    rig->group = sph_cgroup_app_remove(rig->group);
    rig->meter = sph_meter_close(rig->meter);
    rig->tree = sph_cgroup_close(rig->tree);
}

static void become_app(struct rig *rig, bool traced, const char *const *words, int in, int out) {
    char *argv[5] = {rig->helper};
    char *no_environment[] = {NULL};
    for (int i = 0; words && words[i] && i < 3; i++)
        argv[i + 1] = (char *)(uintptr_t)words[i];
    if (dup2(in, 0) != 0 || dup2(out, 1) != 1)
        _exit(125);
    if (sph_cgroup_app_enter(rig->group, 0, NULL) != 0)
        _exit(124);
    sph_meter_touch();
    if (traced && raise(SIGSTOP) != 0)
        _exit(123);
    sph_meter_arm(rig->app);
    (void)execve(rig->helper, argv, no_environment);
    _exit(122);
}

/* Seized before it arms, so that the trace is there for its whole life. */
static void seize(pid_t pid) {
    int status = 0;
    if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
        die("the app did not stop");
    if (ptrace(PTRACE_SEIZE, pid, NULL,
               (void *)(uintptr_t)(PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL)) != 0)
        die("seize");
    if (kill(pid, SIGCONT) != 0)
        die("continue");
}

void rig_start(struct rig *rig, bool traced, const char *const *words) {
    int in[2];
    int out[2];
    sph_meter_app_restart(rig->app);
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        die("pipe");
    rig->pid = fork();
    if (rig->pid < 0)
        die("fork");
    if (rig->pid == 0)
        become_app(rig, traced, words, in[0], out[1]);
    (void)close(in[0]);
    (void)close(out[1]);
    rig->to_app = in[1];
    rig->from_app = out[0];
    if (traced)
        seize(rig->pid);
}

static void close_pipes(struct rig *rig) {
    if (rig->to_app >= 0)
        (void)close(rig->to_app);
    if (rig->from_app >= 0)
        (void)close(rig->from_app);
    rig->to_app = rig->from_app = -1;
}

static bool is_exit_stop(int status) {
    return WIFSTOPPED(status) && status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8);
}

/* Any other stop passes: a signal is delivered, a group stop goes on. */
bool rig_wait_exit_stop(struct rig *rig) {
    int status = 0;
    while (waitpid(rig->pid, &status, __WALL) == rig->pid && WIFSTOPPED(status)) {
        if (is_exit_stop(status))
            return true;
        int deliver = status >> 16 == 0 && WSTOPSIG(status) != SIGTRAP ? WSTOPSIG(status) : 0;
        if (deliver == SIGSTOP || deliver == SIGCONT)
            deliver = 0;
        (void)ptrace(PTRACE_CONT, rig->pid, NULL, (void *)(intptr_t)deliver);
    }
    rig->pid = 0;
    return false;
}

int rig_wait(struct rig *rig) {
    int status = 0;
    if (rig->pid == 0)
        return -1;
    (void)ptrace(PTRACE_CONT, rig->pid, NULL, NULL);
    while (waitpid(rig->pid, &status, __WALL) == rig->pid && WIFSTOPPED(status))
        (void)ptrace(PTRACE_CONT, rig->pid, NULL, NULL);
    rig->pid = 0;
    close_pipes(rig);
    return status;
}

void rig_stop(struct rig *rig) {
    pid_t pids[PIDS_MAX];
    (void)sph_cgroup_app_kill(rig->group);
    if (rig->pid > 0)
        (void)rig_wait(rig);
    close_pipes(rig);
    for (int i = 0; i < WAIT_TRIES && sph_cgroup_app_pids(rig->group, pids, PIDS_MAX) > 0; i++) {
        struct timespec wait = {.tv_nsec = 1000000};
        (void)nanosleep(&wait, NULL);
    }
}

struct sph_meter_figures rig_group(const struct rig *rig) {
    struct sph_meter_figures group;
    sph_meter_read(rig->meter, &group);
    return group;
}

static bool shares_mm(const pid_t *pids, int index) {
    for (int i = 0; i < index; i++)
        if (syscall(SYS_kcmp, (long)pids[i], (long)pids[index], (long)KCMP_VM, 0L, 0L) == 0)
            return true;
    return false;
}

static struct rig_truth walk(const struct rig *rig) {
    struct rig_truth truth = {.anon = 0};
    pid_t pids[PIDS_MAX];
    int count = sph_cgroup_app_pids(rig->group, pids, PIDS_MAX);
    for (int i = 0; i < count && i < PIDS_MAX; i++) {
        struct sph_smaps rollup = {.rss = 0};
        struct sph_smaps full = {.rss = 0};
        /* A process that has just ended is still listed until it is waited for: it holds nothing.
         */
        if (shares_mm(pids, i) || sph_smaps_read_rollup(pids[i], &rollup, NULL) != 0 ||
            sph_smaps_read(pids[i], &full, NULL) != 0)
            continue;
        truth.anon += rollup.anonymous;
        truth.shm += full.shmem;
    }
    sph_meter_app_read(rig->app, &truth.app);
    truth.group = rig_group(rig);
    return truth;
}

/* An app that waits may change all the same: khugepaged fills the holes of a huge page's place as
 * soon as the walk has let go of the address space. */
struct rig_truth rig_truth(struct rig *rig) {
    uint64_t before = rig_group(rig).events;
    struct rig_truth truth = walk(rig);
    for (int i = 0; i < WALK_TRIES && truth.group.events != before; i++) {
        before = truth.group.events;
        truth = walk(rig);
    }
    return truth;
}
