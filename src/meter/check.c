/* check: the meter against the page tables.
 *
 * A process's table is walked by the kernel (smaps), which uses none of the counters that the meter
 * is fed from. The walk takes time, so an answer counts only if the meter's entries are the same
 * before and after it; a difference has to show in DISAGREE_TRIES such answers in a row before it
 * is believed, as a page can be mapped and not yet counted at that instant. What is believed to be
 * wrong is put right in the kernel by the differences it should have had.
 *
 * Entries and processes are matched by tgid. An entry has none until its process has changed a
 * counter by itself (just forked): those left on both sides are compared by their sum. */
#include <errno.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "meter/meter_private.h"
#include "meter/smaps.h"

enum {
    SETTLE_TRIES = 50,  /* walks of a busy app before giving up */
    DISAGREE_TRIES = 3, /* settled walks that must differ, one after the other */
    SETTLE_PAUSE_US = 500,
    ROOM_SPARE = 16, /* entries for processes that are made while the check runs */
};

/* A process of the app as smaps has it, in bytes. */
struct process {
    pid_t pid;
    uint64_t anon;
    uint64_t shm;
    bool shares; /* the address space of one before it in the list */
    bool matched;
};

struct check {
    struct sph_meter_app *app;
    struct process *processes;
    size_t n_processes;
    struct sph_meter_mm *mms;
    struct sph_meter_mm *again; /* the second listing; also scratch */
    size_t n_mms;
    size_t room; /* entries that both listings have room for */
};

/* CLONE_VM without CLONE_THREAD (vfork, posix_spawn): two processes, one address space. */
static bool is_same_mm(pid_t a, pid_t b) {
    return syscall(SYS_kcmp, (long)a, (long)b, (long)KCMP_VM, 0L, 0L) == 0;
}

/* What each process holds, and which of them are two names of one address space. */
static int read_processes(struct check *check, struct sph_err *err) {
    for (size_t i = 0; i < check->n_processes; i++) {
        struct process *process = &check->processes[i];
        struct sph_smaps sums;
        int error = sph_smaps_read(process->pid, &sums, err);
        if (error)
            return error;
        process->anon = sums.anonymous;
        process->shm = sums.shmem;
        process->matched = process->shares = false;
        for (size_t j = 0; j < i && !process->shares; j++)
            process->shares = is_same_mm(check->processes[j].pid, process->pid);
    }
    return 0;
}

/* Both sides of the comparison. The meter's side comes from the sums, not from the entries: it
 * is the sums that are shown to people. */
static void sum_up(const struct check *check, struct sph_meter_check *result) {
    *result = (struct sph_meter_check){.corrected = false};
    for (size_t i = 0; i < check->n_processes; i++)
        if (!check->processes[i].shares) {
            result->kernel_anon += check->processes[i].anon;
            result->kernel_shm += check->processes[i].shm;
        }
    struct sph_meter_figures figures;
    sph_meter_app_read(check->app, &figures);
    result->meter_anon = figures.anon;
    result->meter_shm = figures.shm;
}

/* To the byte, each kind by itself: an anonymous page taken for a shared one is a mismatch too. */
static bool agrees(const struct sph_meter_check *result) {
    return result->kernel_anon == result->meter_anon && result->kernel_shm == result->meter_shm;
}

/* More entries than there is room for: the app is making processes just now, and the listing is
 * cut. */
static int list_mms(struct check *check, struct sph_meter_mm *ret_mms) {
    int found = sph_meter_list_mms(check->app->meter, check->app->number, ret_mms, check->room);
    return found > (int)check->room ? -EAGAIN : found;
}

/* One walk: 1 when the meter held still around it, 0 when not, or negative errno. */
static int walk(struct check *check, struct sph_meter_check *result, struct sph_err *err) {
    int before = list_mms(check, check->mms);
    if (before == -EAGAIN)
        return 0;
    if (before < 0)
        return SPH_FAIL_ERRNO(err, before, "cannot read the meter's address spaces");
    int error = read_processes(check, err);
    if (error)
        return error;
    sum_up(check, result);
    int after = list_mms(check, check->again);
    check->n_mms = (size_t)before;
    return before == after &&
           memcmp(check->mms, check->again, (size_t)before * sizeof(*check->mms)) == 0;
}

/* A value that changed since it was listed is left alone: its own event has put it right. */
static void fix_entry(struct check *check, const struct sph_meter_mm *mm, uint64_t anon,
                      uint64_t shm) {
    if ((uint64_t)mm->value.anon != anon)
        (void)sph_meter_fix(check->app->meter, mm, false, anon);
    if ((uint64_t)mm->value.shm != shm)
        (void)sph_meter_fix(check->app->meter, mm, true, shm);
}

/* The process whose id the entry bears, unless another entry has it already. */
static struct process *find_process(const struct check *check, uint32_t tgid) {
    for (size_t i = 0; i < check->n_processes; i++) {
        struct process *process = &check->processes[i];
        if ((uint32_t)process->pid == tgid && !process->shares && !process->matched)
            return process;
    }
    return NULL;
}

/* A process that no entry is known for by tgid; its entry is one of those without a tgid, if any.
 */
static struct process *next_unmatched(const struct check *check) {
    for (size_t i = 0; i < check->n_processes; i++)
        if (!check->processes[i].matched && !check->processes[i].shares)
            return &check->processes[i];
    return NULL;
}

/* First the pairs that are sure, then what is left on both sides. */
static void correct(struct check *check) {
    size_t left = 0;
    for (size_t i = 0; i < check->n_mms; i++) {
        const struct sph_meter_mm *mm = &check->mms[i];
        struct process *process = find_process(check, mm->value.tgid);
        if (!process) {
            check->again[left++] = *mm;
            continue;
        }
        process->matched = true;
        fix_entry(check, mm, process->anon, process->shm);
    }
    /* Any order gives the right sums. An entry without a process is a stranger's: taken out. */
    for (size_t i = 0; i < left; i++) {
        struct process *process = next_unmatched(check);
        fix_entry(check, &check->again[i], process ? process->anon : 0, process ? process->shm : 0);
        if (process)
            process->matched = true;
    }
}

static void pause_us(long us) {
    struct timespec wait = {.tv_nsec = us * 1000L};
    (void)nanosleep(&wait, NULL);
}

/* 0 with a verdict in *result, the UNSETTLED condition, or negative errno. */
static int settle(struct check *check, struct sph_meter_check *result, struct sph_err *err) {
    unsigned disagreed = 0;
    for (unsigned i = 0; i < SETTLE_TRIES; i++) {
        struct sph_err cause = SPH_ERR_NULL;
        int settled = walk(check, result, &cause);
        if (settled == -ESRCH)
            return SPH_METER_CHECK_E_UNSETTLED;
        if (settled < 0)
            return SPH_FAIL(err, settled, "%s", cause.text);
        if (settled && agrees(result))
            return 0;
        disagreed = settled ? disagreed + 1 : 0;
        if (disagreed == DISAGREE_TRIES)
            return 0;
        pause_us(SETTLE_PAUSE_US);
    }
    return SPH_METER_CHECK_E_UNSETTLED;
}

/* The health counters are taken before the walk: a miss that happens meanwhile stays unproved. */
static int run(struct check *check, const struct sph_meter_members *members,
               struct sph_meter_check *ret_check, struct sph_err *err) {
    struct sph_meter *meter = check->app->meter;
    struct sph_meter_check result;
    uint64_t missed = sph_meter_missed(meter);
    uint64_t overflow = __atomic_load_n(&meter->book->overflow, __ATOMIC_RELAXED);
    int error = settle(check, &result, err);
    if (error == 0 && !agrees(&result) && members->hold && !members->hold(members->context))
        error = SPH_METER_CHECK_E_UNSETTLED;
    if (error) {
        if (error == SPH_METER_CHECK_E_UNSETTLED)
            meter->health.unsettled++;
        return error;
    }
    meter->health.checks++;
    if (!agrees(&result)) {
        meter->health.mismatches++;
        correct(check);
        result.corrected = true;
    }
    check->app->sound_missed = missed;
    check->app->sound_overflow = overflow;
    *ret_check = result;
    return 0;
}

int sph_meter_check_members(struct sph_meter_app *app, const struct sph_meter_members *members,
                            struct sph_meter_check *ret_check, struct sph_err *err) {
    size_t n_pids = members->count;
    sph_autofree struct process *processes = calloc(n_pids ? n_pids : 1, sizeof(*processes));
    /* Sized for what the app has, twice over: the caller is to stay small. */
    size_t room = 2 * (size_t)__atomic_load_n(&app->slot->mms, __ATOMIC_RELAXED) + ROOM_SPARE;
    sph_autofree struct sph_meter_mm *mms = calloc(2 * room, sizeof(*mms));
    if (!processes || !mms)
        return SPH_FAIL_ERRNO(err, -ENOMEM, "cannot check the meter");
    struct check check = {.app = app,
                          .processes = processes,
                          .n_processes = n_pids,
                          .mms = mms,
                          .again = mms + room,
                          .room = room};
    for (size_t i = 0; i < n_pids; i++)
        processes[i].pid = members->pids[i];
    return run(&check, members, ret_check, err);
}

int sph_meter_check(struct sph_meter_app *app, const pid_t *pids, size_t n_pids,
                    struct sph_meter_check *ret_check, struct sph_err *err) {
    const struct sph_meter_members members = {.pids = pids, .count = n_pids};
    return sph_meter_check_members(app, &members, ret_check, err);
}
