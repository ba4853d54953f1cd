/* heap: the heap ledgers of one run of an app: a region for each of its processes. */
#ifndef SPH_AGENT_PROCESS_HEAP_H
#define SPH_AGENT_PROCESS_HEAP_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/process/target.h"
#include "base/err.h"
#include "wire/ledger_read.h"
#include "wire/msg_heap.h"

/* Where its folder is in the app's view, while libmalloc and the regions are put in place. */
#define SPH_HEAP_FOLDER "run/spherule/heap"
/* In that folder. */
#define SPH_HEAP_LOADER_NAME "loader"   /* musl: shown in the loader's place */
#define SPH_HEAP_PRELOAD_NAME "preload" /* glibc: shown as /etc/ld.so.preload */
#define SPH_HEAP_REGION_PREFIX "r"      /* and a number */

struct sph_heap;

/* Before the launch. `host_libraries` as in the sandbox's plan: then the app is glibc's, else
 * musl's. `with_stacks` keeps a stack for each block. -ENOENT with a sentence where libmalloc is
 * not installed, -ENOEXEC where the loader cannot be stood before. */
int sph_heap_new(const struct sph_target *target, uid_t uid, bool host_libraries, bool with_stacks,
                 struct sph_heap **ret_heap, struct sph_err *err);
/* With all regions; takes NULL, returns NULL. */
struct sph_heap *sph_heap_free(struct sph_heap *heap);
/* A detached mount, for the helper to put into the app's view. Stays the heap's. */
int sph_heap_mount(const struct sph_heap *heap);
/* Whether the folder has that file, of the two above. */
bool sph_heap_has(const struct sph_heap *heap, const char *name);

/* `tid` stands in the stop of its execve: gives the new image a ledger. -ESRCH when the process
 * dies meanwhile; its reports are left for the tracer. Anything else that fails is what
 * sph_heap_state_of() then tells, and the app runs untracked; only where it could not run at all it
 * is killed, and that error is returned. */
int sph_heap_exec(struct sph_heap *heap, pid_t tgid, struct sph_err *err);
/* `child`, a process of its own in its first stop, gets a copy of its parent's ledger: both hold
 * the same blocks. One that shares its parent's memory (vfork) shares the ledger. */
void sph_heap_fork(struct sph_heap *heap, pid_t parent, pid_t child);
/* A process is gone: its ledger goes too, unless it is the first one's. */
void sph_heap_gone(struct sph_heap *heap, pid_t tgid);
/* Whether it is a process of this app with a ledger, or with a reason to have none. */
bool sph_heap_knows(const struct sph_heap *heap, pid_t tgid);
enum sph_heap_state sph_heap_state_of(const struct sph_heap *heap, pid_t tgid);
/* Negative errno of what failed where the state is SPH_HEAP_FAILED, else 0. */
int sph_heap_failure_of(const struct sph_heap *heap, pid_t tgid);

/* A look at one region. */
struct sph_heap_view {
    struct sph_ledger_view view;
    void *mapping;
    unsigned char *written;
};
#define SPH_HEAP_VIEW_NULL                                                                         \
    { .mapping = NULL }
/* -ENOENT: that process has none. */
int sph_heap_view_open(struct sph_heap *heap, pid_t tgid, struct sph_heap_view *ret_view);
void sph_heap_view_done(struct sph_heap_view *view);

static inline void sph_heap_freep(struct sph_heap **heap) {
    *heap = sph_heap_free(*heap);
}

#endif
