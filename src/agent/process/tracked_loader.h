/* tracked_loader: musl's loader in the form in which its allocation functions lead to libmalloc. */
#ifndef SPH_AGENT_PROCESS_TRACKED_LOADER_H
#define SPH_AGENT_PROCESS_TRACKED_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/ledger_reals.h"

/* All of it relative to where the loader is loaded. */
struct sph_tracked_loader {
    uint64_t span_bytes;            /* of its segments: the C library's addresses */
    uint64_t debug_slot;            /* its variable that points to struct r_debug */
    uint64_t reals[SPH_REAL_COUNT]; /* of its own functions; 0: it has none of that name */
    uint64_t mark_offset;           /* of malloc's symbol value: tells the changed loader */
    uint64_t mark;                  /* what stands there now */
    unsigned mark_bytes;            /* 4 or 8 */
    unsigned n_changed;             /* symbols */
};

/* No I/O. Changes the loader's bytes in place: nothing but values of dynamic symbols. `code` is
 * libmalloc.so.0 of the same processor. -ENOEXEC with a sentence when either is not what is
 * expected; the bytes may be changed in part then. */
int sph_tracked_loader_make(uint8_t *loader, size_t loader_len, const uint8_t *code,
                            size_t code_len, struct sph_tracked_loader *ret_loader,
                            struct sph_err *err);

#endif
