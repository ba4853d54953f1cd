/* kmem: kernel memory that the kernel holds for a memory control group.
 *
 * The half of Total that is not User. It is read when it is asked for: the kernel tells no event
 * for it, so it has no exact peak, and no ration counts it. */
#ifndef SPH_METER_KMEM_H
#define SPH_METER_KMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "meter/cgroup.h"

/* Bytes. total = kernel + sock is the kernel half of the Total figure. The parts are filled where
 * the controller tells them (v2) and 0 otherwise. */
struct sph_kmem_figures {
    uint64_t total;
    uint64_t kernel; /* page tables, kernel stacks, slab, per-cpu */
    uint64_t sock;   /* socket buffers */
    uint64_t kernel_stack;
    uint64_t pagetables;
    uint64_t slab;
    bool has_parts;
};

/* A group's reader, of whichever kind its controller is. */
struct sph_kmem;

/* `memory_fd` is a group's directory in the memory hierarchy (sph_cgroup_memory_fd()); it is
 * duplicated. On v1 the accounting of TCP buffers is switched on here, so open before the first
 * socket. -EOPNOTSUPP with the reason for SPH_MEMCTL_NONE. */
int sph_kmem_open(enum sph_memctl kind, int memory_fd, struct sph_kmem **ret_kmem,
                  struct sph_err *err);
struct sph_kmem *sph_kmem_close(struct sph_kmem *kmem); /* takes NULL, returns NULL */
int sph_kmem_read(struct sph_kmem *kmem, struct sph_kmem_figures *ret_figures, struct sph_err *err);

/* Pure: the text of a v1 *_in_bytes file / of v2 memory.stat. 0 or -EBADMSG. */
int sph_kmem_parse_v1(const char *text, size_t len, uint64_t *ret_bytes) SPH_MUST_USE;
int sph_kmem_parse_v2(const char *text, size_t len,
                      struct sph_kmem_figures *ret_figures) SPH_MUST_USE;

static inline void sph_kmem_closep(struct sph_kmem **kmem) {
    *kmem = sph_kmem_close(*kmem);
}

#endif
