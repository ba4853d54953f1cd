/* The limit that counts is the meter's. The memory controller's is a second net far above it, for
 * what User does not hold: pages of a memfd that nobody maps, socket buffers, page tables. */
#include "agent/app/ration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/process/processes.h"
#include "base/attr.h"
#include "base/file.h"

enum {
    /* Kernel memory of a crowded but honest app is under 2 MiB (64 threads); the controller charges
     * each CPU 256 KiB ahead. */
    NET_BYTES = 32 * 1024 * 1024,
    /* Pages of heap ledgers are charged to the app too: a MiB for each of its 64 processes, and
     * what grows with the heap (half of it, twice for a heap that moves about). */
    LEDGERS_BYTES = 64 * 1024 * 1024,
    /* Listings of an app that forks while it is checked. The agent is one thread: a child that has
     * stopped for it at its birth stays so meanwhile, so the second listing mostly holds. */
    CHECK_TRIES = 3,
};

static const char source_v1[] = "memory.kmem and memory.kmem.tcp of each running app's group";
static const char source_v2[] = "kernel and sock in memory.stat of each running app's group";

/* One net per app: it must not be another one that is caught. A kernel without this file has no
 * net; the ration holds without it. */
static void spread_net(const struct sph_ration *ration, const struct sph_ration_share *share,
                       uint64_t above_bytes) {
    char text[32];
    int fd = sph_cgroup_app_memory_fd(share->cgroup);
    if (fd < 0)
        return;
    (void)snprintf(text, sizeof(text), "%" PRIu64, ration->limit_bytes + above_bytes);
    bool is_v1 = ration->memctl == SPH_MEMCTL_V1;
    (void)sph_file_poke(fd, is_v1 ? "memory.limit_in_bytes" : "memory.max", text, NULL);
}

int sph_ration_open(const char *group, uint64_t limit_bytes,
                    const struct sph_meter_options *options, struct sph_ration *ret_ration,
                    struct sph_err *err) {
    struct sph_ration ration SPH_CLEANUP(sph_ration_close) = SPH_RATION_NULL;
    /* The meter first: where it refuses, nothing has been made. */
    int rc = sph_meter_open(limit_bytes, options, &ration.meter, err);
    if (rc == 0)
        rc = sph_cgroup_open(group, &ration.tree, err);
    if (rc < 0)
        return rc;
    ration.memctl = sph_cgroup_memctl(ration.tree);
    ration.kernel_source = ration.memctl == SPH_MEMCTL_NONE ? sph_cgroup_memctl_reason(ration.tree)
                           : ration.memctl == SPH_MEMCTL_V1 ? source_v1
                                                            : source_v2;
    ration.limit_bytes = limit_bytes;
    ration.kernel_exact = options && options->pinned_kernel && ration.memctl == SPH_MEMCTL_V2;
    *ret_ration = ration;
    ration = (struct sph_ration)SPH_RATION_NULL;
    return 0;
}

/* Every share has left by now: between the two there is nobody who would go unmetered. Groups that
 * cannot be removed (a process in an uninterruptible wait) are met by the next start. */
void sph_ration_close(struct sph_ration *ration) {
    ration->meter = sph_meter_close(ration->meter);
    ration->tree = sph_cgroup_close(ration->tree);
}

/* Disarmed: what the launch itself touches in there is not the app's. */
int sph_ration_join(struct sph_ration *ration, const char *app_name, unsigned flags,
                    struct sph_ration_share *ret_share, struct sph_err *err) {
    struct sph_ration_share share = {.cgroup = NULL};
    int rc = sph_cgroup_app_make(ration->tree, app_name, &share.cgroup, err);
    if (rc < 0)
        return rc;
    rc =
        sph_meter_app_add(ration->meter, sph_cgroup_app_id(share.cgroup), flags, &share.meter, err);
    if (rc == 0 && ration->memctl != SPH_MEMCTL_NONE)
        rc =
            sph_kmem_open(ration->memctl, sph_cgroup_app_memory_fd(share.cgroup), &share.kmem, err);
    if (rc < 0) {
        sph_ration_leave(&share);
        return rc;
    }
    spread_net(ration, &share, NET_BYTES);
    *ret_share = share;
    return 0;
}

void sph_ration_admit_ledgers(const struct sph_ration *ration,
                              const struct sph_ration_share *share) {
    spread_net(ration, share, NET_BYTES + LEDGERS_BYTES + ration->limit_bytes);
}

void sph_ration_leave(struct sph_ration_share *share) {
    share->kmem = sph_kmem_close(share->kmem);
    /* The group goes first: while it is there, a process in it is still the meter's. */
    share->cgroup = sph_cgroup_app_remove(share->cgroup);
    share->meter = sph_meter_app_remove(share->meter);
}

/* The row "oom_kill N" is in both controllers' files, under different names. */
bool sph_ration_is_net_caught(const struct sph_ration *ration,
                              const struct sph_ration_share *share) {
    struct sph_buf text SPH_CLEANUP(sph_buf_done) = SPH_BUF_LIMIT(4096);
    static const char row[] = "oom_kill ";
    bool is_v1 = ration->memctl == SPH_MEMCTL_V1;
    int fd = share->cgroup ? sph_cgroup_app_memory_fd(share->cgroup) : -1;
    if (fd < 0 ||
        sph_file_read(fd, is_v1 ? "memory.oom_control" : "memory.events", &text, NULL) < 0)
        return false;
    for (const char *line = text.data; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, row, sizeof(row) - 1) == 0)
            return line[sizeof(row) - 1] != '0';
    }
    return false;
}

/* Compared by number: a reader may change from one listing to the next, its process being the
 * same. */
static bool is_same_list(const struct sph_processes *a, const struct sph_processes *b) {
    if (a->count != b->count || a->cut != b->cut)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->list[i].pid != b->list[i].pid)
            return false;
    return true;
}

struct listing {
    struct sph_ration_share *share;
    struct sph_processes processes;
};

static bool holds(void *context) {
    const struct listing *listing = context;
    struct sph_processes now;
    return sph_processes_read(listing->share->cgroup, -1, &now) == 0 &&
           is_same_list(&listing->processes, &now);
}

/* One try: false when processes have come or gone meanwhile, so that there is no verdict. By reader
 * and not by number: a process whose leader has left would never be settled. What is corrected is
 * matched by number where it can be, and by the sum where it cannot. */
static bool check_once(struct sph_ration_share *share) {
    struct listing listing = {.share = share};
    pid_t readers[SPH_PROCESSES_MAX];
    struct sph_meter_check check;
    if (sph_processes_read(share->cgroup, -1, &listing.processes) < 0 || listing.processes.cut ||
        listing.processes.count == 0)
        return true; /* there is nothing to compare with: the meter stands */
    /* Those that repeat an address space too: by the time of the walk one may have its own. */
    for (size_t i = 0; i < listing.processes.count; i++)
        readers[i] = listing.processes.list[i].reader;
    const struct sph_meter_members members = {
        .pids = readers, .count = listing.processes.count, .hold = holds, .context = &listing};
    /* An app that grows and shrinks all the time has no verdict either: asking again is no use. */
    int rc = sph_meter_check_members(share->meter, &members, &check, NULL);
    return rc != SPH_METER_CHECK_E_UNSETTLED || holds(&listing);
}

/* Without a verdict the meter stands; sph_meter_health() counts both. */
void sph_ration_check(struct sph_ration_share *share) {
    if (!share->meter || !sph_meter_app_is_armed(share->meter))
        return;
    for (int i = 0; i < CHECK_TRIES; i++)
        if (check_once(share))
            return;
}

/* Nothing is added where there is no controller; kernel_known then says so. */
static int add_kernel(const struct sph_ration_share *share, uint64_t *bytes, struct sph_err *err) {
    struct sph_kmem_figures kernel = {.total = 0};
    int rc = share->kmem ? sph_kmem_read(share->kmem, &kernel, err) : 0;
    *bytes += kernel.total;
    return rc;
}

/* The invariants of every reading are made here: total >= user, peak >= user. */
static void compose(struct sph_ration *ration, const struct sph_meter_figures *user,
                    uint64_t kernel, struct sph_memory_figures *ret_figures) {
    struct sph_meter_health health;
    sph_meter_health(ration->meter, &health);
    *ret_figures = (struct sph_memory_figures){
        .user = user->current,
        /* Two CPUs may have raised one and not yet the other when they are read. */
        .peak = user->peak > user->current ? user->peak : user->current,
        .total = user->current + kernel,
        .kernel = kernel,
        .user_exact = health.exact,
        .kernel_known = ration->memctl != SPH_MEMCTL_NONE,
        .kernel_exact = ration->kernel_exact,
        .kernel_source = ration->kernel_source,
    };
}

int sph_ration_read(struct sph_ration *ration, const struct sph_ration_share *const *shares,
                    size_t count, struct sph_memory_figures *ret_figures, struct sph_err *err) {
    struct sph_meter_figures user;
    uint64_t kernel = 0;
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = add_kernel(shares[i], &kernel, err);
    if (rc < 0)
        return rc;
    sph_meter_read(ration->meter, &user);
    compose(ration, &user, kernel, ret_figures);
    return 0;
}

int sph_ration_read_share(struct sph_ration *ration, const struct sph_ration_share *share,
                          struct sph_memory_figures *ret_figures, struct sph_err *err) {
    struct sph_meter_figures user;
    uint64_t kernel = 0;
    int rc = add_kernel(share, &kernel, err);
    if (rc < 0)
        return rc;
    sph_meter_app_read(share->meter, &user);
    compose(ration, &user, kernel, ret_figures);
    return 0;
}
