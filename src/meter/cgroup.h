/* cgroup: the control groups of one device, made, entered, listed and removed. */
#ifndef SPH_METER_CGROUP_H
#define SPH_METER_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

enum { SPH_CGROUP_NAME_MAX = 96 }; /* bytes of a tree's or an app's name, NUL included */

/* Where the memory controller is, if anywhere. */
enum sph_memctl {
    SPH_MEMCTL_NONE,
    SPH_MEMCTL_V1, /* a twin directory below the v1 memory hierarchy */
    SPH_MEMCTL_V2, /* the cgroup2 tree itself */
};

struct sph_cgroup;     /* NAME on cgroup2, and its twin where the memory controller is on v1 */
struct sph_cgroup_app; /* NAME/apps/APP in the same places */

/* Makes the tree `name`, which must start with "spherule-". What is left of an earlier tree of that
 * name is killed and removed first; -EBUSY when a live process holds it. On v1 the memory directory
 * is made below the caller's own memory group, so that a limit around the caller stays in force.
 * Empty trees of other names that no process holds, from agents that were killed, are removed too
 * once they are a minute old; nothing else is ever written or removed. */
int sph_cgroup_open(const char *name, struct sph_cgroup **ret_tree, struct sph_err *err);
/* Removes the tree with everything in it (processes still in it are killed). Takes NULL, returns
 * NULL. */
struct sph_cgroup *sph_cgroup_close(struct sph_cgroup *tree);

enum sph_memctl sph_cgroup_memctl(const struct sph_cgroup *tree);
/* The group's directory in the memory hierarchy (on v2: the tree's own); -1 for SPH_MEMCTL_NONE.
 * It stays the tree's. */
int sph_cgroup_memory_fd(const struct sph_cgroup *tree);
/* Why there is no memory controller, as a sentence; "" when there is one. */
const char *sph_cgroup_memctl_reason(const struct sph_cgroup *tree);

/* Makes apps/`name` (a component guid as text; any name without '/' that does not start with '.').
 */
int sph_cgroup_app_make(struct sph_cgroup *tree, const char *name, struct sph_cgroup_app **ret_app,
                        struct sph_err *err);
/* Kills what is still in it, waits for it to be empty (at most 5 s), removes it. NULL-safe. */
struct sph_cgroup_app *sph_cgroup_app_remove(struct sph_cgroup_app *app);

/* The kernel's 64-bit id of the app's cgroup2 directory: what sph_meter_app_add() wants. */
uint64_t sph_cgroup_app_id(const struct sph_cgroup_app *app);
/* The app's directory in the memory hierarchy; -1 for SPH_MEMCTL_NONE. It stays the app's. A group
 * is made for each run: what its forerunners left charged is not in it. */
int sph_cgroup_app_memory_fd(const struct sph_cgroup_app *app);
/* Moves a process (0 = the caller) into the app's groups / back into the groups that the opener of
 * the tree was in. Both work in a child after fork, in whatever namespace or root it is by then, as
 * long as it is still root. */
int sph_cgroup_app_enter(struct sph_cgroup_app *app, pid_t pid, struct sph_err *err);
int sph_cgroup_leave(struct sph_cgroup *tree, pid_t pid, struct sph_err *err);
/* Fills at most `max` pids (in the reader's pid namespace); the number there are, or negative
 * errno. */
int sph_cgroup_app_pids(struct sph_cgroup_app *app, pid_t *ret_pids, size_t max);
/* SIGKILL to every process in it, at once where the kernel can (cgroup.kill). 0 or negative errno.
 */
int sph_cgroup_app_kill(struct sph_cgroup_app *app);
/* Its processes run no further instruction of their own until they are thawed; one that a tracer
 * has stopped stays so when the tracer lets go of it. SIGKILL ends them all the same. 0 or negative
 * errno. */
int sph_cgroup_app_freeze(struct sph_cgroup_app *app, bool frozen);

/* Pure: finds mounts in the text of /proc/self/mountinfo. */
struct sph_cgroup_mounts {
    char unified[256]; /* mount point of cgroup2; "" when there is none */
    char memory[256];  /* mount point of the v1 memory hierarchy; "" when there is none */
    char
        memory_root[256]; /* the directory of that hierarchy which the mount shows, "/" as a rule */
};
int sph_cgroup_parse_mounts(const char *text, size_t len,
                            struct sph_cgroup_mounts *ret_mounts) SPH_MUST_USE;
/* Pure: the path of `controller` ("" = cgroup2) in the text of /proc/PID/cgroup.
 * 0, -ENOENT (no such line), -ENAMETOOLONG. */
int sph_cgroup_parse_path(const char *text, size_t len, const char *controller, char *ret_path,
                          size_t size) SPH_MUST_USE;

static inline void sph_cgroup_closep(struct sph_cgroup **tree) {
    *tree = sph_cgroup_close(*tree);
}
static inline void sph_cgroup_app_removep(struct sph_cgroup_app **app) {
    *app = sph_cgroup_app_remove(*app);
}

#endif
