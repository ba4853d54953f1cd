/* ration: the device's one memory ration: its control groups, its meter and its kernel-memory
 * figure. */
#ifndef SPH_AGENT_APP_RATION_H
#define SPH_AGENT_APP_RATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/app/lifecycle.h"
#include "base/err.h"
#include "meter/cgroup.h"
#include "meter/kmem.h"
#include "meter/meter.h"

/* Embedded in the lifecycle, which closes it last: every share must have left before. */
struct sph_ration {
    struct sph_cgroup *tree;
    struct sph_meter *meter;
    enum sph_memctl memctl;
    uint64_t limit_bytes;
    bool kernel_exact;         /* docs/spec/meter.md */
    const char *kernel_source; /* how kernel memory is obtained, or why it is not; static storage */
};
#define SPH_RATION_NULL                                                                            \
    { .tree = NULL }

/* One app's place in it, for one run. */
struct sph_ration_share {
    struct sph_cgroup_app *cgroup;
    struct sph_meter_app *meter;
    struct sph_kmem *kmem; /* NULL where the kernel has no memory controller */
};

/* Makes the groups (and removes what a killed agent left in them), loads the meter, sets the limit.
 * Refuses with the meter's sentence where figures would not be exact. `options` are the meter's. */
int sph_ration_open(const char *group, uint64_t limit_bytes,
                    const struct sph_meter_options *options, struct sph_ration *ret_ration,
                    struct sph_err *err);
void sph_ration_close(struct sph_ration *ration); /* takes one that was never opened */

/* For each run a group and a meter slot of its own, both empty. `app_name` is the component id as
 * text; `flags` are SPH_METER_APP_*. */
int sph_ration_join(struct sph_ration *ration, const char *app_name, unsigned flags,
                    struct sph_ration_share *ret_share, struct sph_err *err);
/* Widens its second net for the ledgers of a tracked heap, which User does not count. */
void sph_ration_admit_ledgers(const struct sph_ration *ration,
                              const struct sph_ration_share *share);
/* After the app's last process is gone. Takes an empty share. */
void sph_ration_leave(struct sph_ration_share *share);

/* True when the memory controller, and not the meter, has killed a process of this app: the second
 * net. */
bool sph_ration_is_net_caught(const struct sph_ration *ration,
                              const struct sph_ration_share *share);

/* Compares the meter with the page tables of this app's processes and corrects it where they
 * differ. */
void sph_ration_check(struct sph_ration_share *share);

/* Of the group, whose running apps are `shares`; or of one app. Kernel memory is the sum of the
 * running apps' own groups: what ended ones have left charged further up is no running app's. total
 * >= user and peak >= user hold in what is returned. */
int sph_ration_read(struct sph_ration *ration, const struct sph_ration_share *const *shares,
                    size_t count, struct sph_memory_figures *ret_figures, struct sph_err *err);
int sph_ration_read_share(struct sph_ration *ration, const struct sph_ration_share *share,
                          struct sph_memory_figures *ret_figures, struct sph_err *err);

#endif
