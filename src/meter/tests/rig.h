/* rig: a metered app under a test's control: groups, meter, start, end and the truth about it. */
#ifndef SPH_METER_TESTS_RIG_H
#define SPH_METER_TESTS_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "meter/cgroup.h"
#include "meter/meter.h"

struct rig {
    struct sph_cgroup *tree;
    struct sph_cgroup_app *group;
    struct sph_meter *meter;
    struct sph_meter_app *app;
    char helper[512]; /* path of the helper program named in rig_open() */
    pid_t pid;        /* of the app that runs, or 0 */
    int to_app;       /* its standard input */
    int from_app;     /* its standard output */
};

/* True on the virtual device's own kernel (tests/machine), which is exact at an older version. */
bool rig_is_pinned(void);
/* Ends the test program with status 77 and the reason when this machine cannot meter natively.
 * `helper` is a program in the folder of the test program. */
void rig_open(struct rig *rig, const char *helper, uint64_t limit_bytes);
void rig_close(struct rig *rig);

/* Starts the helper with up to three words, metered from its execve on. With `traced` it stops at
 * the point of exit with its memory still there (rig_wait_exit_stop). */
void rig_start(struct rig *rig, bool traced, const char *const *words);
/* Waits for the end; the wait status. */
int rig_wait(struct rig *rig);
/* Waits for the exit stop; false when the app ended without one. rig_wait() then lets it go on. */
bool rig_wait_exit_stop(struct rig *rig);
/* Kills what runs, and waits until the group is empty. */
void rig_stop(struct rig *rig);

struct sph_meter_figures rig_group(const struct rig *rig);

/* What the page tables of all processes in the group hold, each address space once, and the meter's
 * figures of the same instant: no counter changed while the tables were walked. */
struct rig_truth {
    uint64_t anon;
    uint64_t shm;
    struct sph_meter_figures group;
    struct sph_meter_figures app;
};
struct rig_truth rig_truth(struct rig *rig);

#endif
