/* kill_store: the encoded reports of how apps ended, kept on the device until they are cleared. */
#ifndef SPH_AGENT_STORE_KILL_STORE_H
#define SPH_AGENT_STORE_KILL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/guid.h"

enum {
    SPH_KILL_STORE_COUNT = 64,            /* reports; the oldest is dropped and counted */
    SPH_KILL_STORE_BYTES = 512 * 1024,    /* of all reports together */
    SPH_KILL_STORE_ONE_BYTES = 64 * 1024, /* of one report: a larger one is refused, -E2BIG */
};

struct sph_kill_store; /* state/kills/<number>, one file per report, each written atomically */

/* Reads what is there; a report that a power cut left half-written is not there. */
int sph_kill_store_new(int state_fd, struct sph_kill_store **ret_store, struct sph_err *err);
struct sph_kill_store *sph_kill_store_free(struct sph_kill_store *store);

/* The number that the next report will get, to be written into it before it is added. */
uint64_t sph_kill_store_next_number(const struct sph_kill_store *store);
/* Numbers grow by one and are never used twice, also across restarts. */
int sph_kill_store_add(struct sph_kill_store *store, const struct sph_guid *component,
                       const void *report, size_t len, uint64_t *ret_number,
                       struct sph_err *err) SPH_MUST_USE;

struct sph_kill_entry {
    uint64_t number;
    struct sph_guid component;
    uint64_t bytes;
};
/* The first report after *cursor; start with 0. False at the end. `component` NULL means any. */
bool sph_kill_store_next(const struct sph_kill_store *store, const struct sph_guid *component,
                         uint64_t *cursor, struct sph_kill_entry *ret_entry);
/* Appends the encoded report. -ENOENT when there is none of that number. */
int sph_kill_store_get(struct sph_kill_store *store, uint64_t number, struct sph_buf *buf,
                       struct sph_err *err);
/* Removes the reports of one component, or all when NULL; ret_count may be NULL. */
int sph_kill_store_clear(struct sph_kill_store *store, const struct sph_guid *component,
                         size_t *ret_count, struct sph_err *err);
/* Reports dropped because the store was full, since it was made or cleared as a whole. */
uint64_t sph_kill_store_dropped(const struct sph_kill_store *store);

static inline void sph_kill_store_freep(struct sph_kill_store **store) {
    *store = sph_kill_store_free(*store);
}

#endif
