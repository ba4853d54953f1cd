/* heap: what a device tells of one process's heap: who asked for memory, and where in the code. */
#ifndef SPH_CLI_REPORT_HEAP_H
#define SPH_CLI_REPORT_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json_in.h"
#include "profile/symbols.h"

enum {
    SPH_HEAP_CALLERS_MAX = 64, /* the device sends no more of either */
    SPH_HEAP_SITES_MAX = 256,
    SPH_HEAP_FRAMES_MAX = 512, /* of all stacks together */
};

/* The app with its static libraries, or a dynamic library. */
struct sph_heap_caller {
    char name[48];
    char path[128]; /* as the device's loader names it; may be "" */
    uint8_t build_id[32];
    unsigned build_id_len;
    uint64_t base, span_bytes; /* where it is loaded, and how far it reaches */
    uint64_t live_bytes, resident_bytes, peak_bytes, live_blocks, allocations;
};

struct sph_heap_site {
    uint64_t live_bytes, resident_bytes, live_blocks, allocations;
    bool only_grew;
    struct sph_symbol at;           /* its object is an index into the callers */
    unsigned first_frame, n_frames; /* of the stack that made most of it, where stacks are kept */
};

/* A plain record of some 200 KB: allocated. Figures and texts are the device's, made harmless. */
struct sph_heap {
    uint64_t live_bytes, resident_bytes, live_blocks, allocations, uptime_ms;
    uint64_t blocks_lost, sites_dropped;
    uint64_t damage; /* of its ledger: values that cannot be right, and calls that met some */
    bool is_incomplete, peaks_are_rough, counts_are_rough;
    bool has_stacks; /* stacks were kept: where there are no frames, they end at their call sites */
    unsigned n_callers, n_sites;
    struct sph_heap_caller callers[SPH_HEAP_CALLERS_MAX];
    struct sph_heap_site sites[SPH_HEAP_SITES_MAX];
    unsigned n_frames;
    struct sph_symbol frames[SPH_HEAP_FRAMES_MAX]; /* callers of call sites, innermost first */
    bool has_crossing; /* the block whose page was refused, of a report */
    uint64_t crossing_bytes, crossing_offset;
    struct sph_symbol crossing; /* where it was made */
    bool lacks_libdw;           /* symbols were asked for, and this machine cannot read them */
};

/* Of one process, or of a report's "heap": any checked JSON will do. Absent members are 0 and "".
 * NULL when there is no memory, or no object. free() it. */
struct sph_heap *sph_heap_parse(const struct sph_json_value *object);
/* One sentence for a state's word that is not "tracked" (docs/spec/rest.md), without a full stop.
 */
const char *sph_heap_reason(const char *state);

#endif
