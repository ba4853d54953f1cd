/* ledger_read: what a heap ledger says: live blocks by caller and call site, from hostile bytes.
 *
 * Pure: it takes the region's bytes, which the app may be changing, and a map of the pages of it
 * that were ever written (others are not touched: reading a hole of a ramfs file would fill it). No
 * value of the region is used as an index or a length before it is checked, and each is read once.
 */
#ifndef SPH_WIRE_LEDGER_READ_H
#define SPH_WIRE_LEDGER_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/ledger.h"

struct sph_ledger_view {
    const uint8_t *bytes; /* of the whole region */
    size_t len;
    const uint8_t *written; /* as mincore() gives it, a byte a page, bit 0; NULL: all pages are */
};

/* A live block. Valid during the call it is given to. */
struct sph_ledger_block {
    uint64_t address, bytes; /* requested */
    unsigned owner, site;    /* indices below the limits of ledger.h */
    unsigned stack;          /* likewise; 0: none is kept */
};

struct sph_ledger_caller {
    char name[SPH_LEDGER_NAME + 1];
    uint8_t build_id[SPH_LEDGER_BUILD_ID];
    size_t build_id_len;
    uint64_t lo, hi;
    bool is_used, is_unloaded;
    uint64_t live_bytes, live_blocks; /* from the entries: true also after a kill at any moment */
    uint64_t resident_bytes;          /* of live_bytes, on pages that are there; see below */
    uint64_t peak_bytes;              /* never below live_bytes */
    uint64_t allocations, frees;      /* from the counts of the threads */
    uint64_t largest_bytes;
};

/* A call site with live blocks, or that ever had some. */
struct sph_ledger_place {
    uint64_t address; /* return address; 0 for "others" */
    unsigned owner;
    bool only_grew; /* two blocks or more, and none was ever given back */
    bool is_retired;
    uint64_t live_bytes, live_blocks, resident_bytes, allocations;
    unsigned stack; /* that made most of live_bytes; 0: stacks are not kept */
};

/* Everything, about 500 KiB: on the heap. */
struct sph_ledger_summary {
    struct sph_ledger_caller callers[SPH_LEDGER_OWNERS]; /* by owner; [0] unused */
    struct sph_ledger_place places[SPH_LEDGER_SITES];    /* by site; [0] unused */
    uint64_t stack_bytes[SPH_LEDGER_STACKS];             /* live, by stack */
    struct sph_ledger_losses losses;
    uint64_t damage_found; /* values that no writer leaves, beside those that ours met */
    uint64_t live_bytes, live_blocks, resident_bytes, allocations, frees;
    bool peaks_exact;  /* one thread only has allocated */
    bool counts_exact; /* no thread shared a record */
    bool is_complete;  /* no block was lost, and nothing damaged: live figures are all there is */
};

/* -EBADMSG with a sentence when this is no ledger of a version that we know. */
int sph_ledger_check(const struct sph_ledger_view *view, struct sph_err *err);

/* Called for each live block in ascending order of address within a leaf; leaves in the order in
 * which they were made. Returning other than 0 ends the walk with that value. */
typedef int sph_ledger_block_fn(void *context, const struct sph_ledger_block *block);
int sph_ledger_walk(const struct sph_ledger_view *view, sph_ledger_block_fn *fn, void *context);

/* Blocks say how long they are, so an app could make its reader look for pages for ever: resident
 * figures are of the first 16 GiB of blocks. */
#define SPH_LEDGER_RESIDENT_MAX_BYTES (UINT64_C(16) << 30)

/* How many of the bytes from `address` on are on resident pages; NULL where nobody knows: then
 * resident figures are 0. Never asked for more than is left of the limit, nor beyond the last
 * address. */
typedef uint64_t sph_ledger_resident_fn(void *context, uint64_t address, uint64_t bytes);

/* Fills all of *ret_summary. 0 or as sph_ledger_check(). */
int sph_ledger_sum(const struct sph_ledger_view *view, sph_ledger_resident_fn *resident,
                   void *context, struct sph_ledger_summary *ret_summary, struct sph_err *err);

/* Addresses of a stack, innermost first; how many there are. */
unsigned sph_ledger_stack_read(const struct sph_ledger_view *view, unsigned stack,
                               uint64_t ret_frames[SPH_LEDGER_STACK_DEPTH]);

/* The live block that holds `address`, true when there is one. */
bool sph_ledger_find(const struct sph_ledger_view *view, uint64_t address,
                     struct sph_ledger_block *ret_block);

#endif
