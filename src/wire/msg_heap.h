/* msg_heap: messages about an app's tracked heap: by caller, by call site.
 *
 * The same parts stand in the memory reply (callers only), in the heap reply, and in the report of
 * an app's end. */
#ifndef SPH_WIRE_MSG_HEAP_H
#define SPH_WIRE_MSG_HEAP_H

#include "base/guid.h"
#include "wire/codec.h"

/* Why there are heap figures, or why not. Numbers of the wire; the words are the gateway's. */
enum sph_heap_state {
    SPH_HEAP_NOT_ASKED = 0, /* neither capability nor library */
    SPH_HEAP_TRACKED = 1,   /* figures are there */
    SPH_HEAP_NO_CAPABILITY =
        2, /* libmalloc.so.0 is in the package, HeapMemStats not in the manifest */
    SPH_HEAP_NO_LIBRARY = 3,     /* the other way round */
    SPH_HEAP_NO_DEVELOPMENT = 4, /* the device has development switched off */
    SPH_HEAP_DEBUGGED = 5,       /* a debugger holds the app */
    SPH_HEAP_OLD_API = 6,        /* the package targets an API set below 10 */
    SPH_HEAP_STATIC = 7,         /* the program is static: nothing can be put before its malloc */
    SPH_HEAP_LOADER = 8,         /* the program's C library is one that we cannot stand before */
    SPH_HEAP_FAILED = 9,         /* the region could not be put into the process */
    SPH_HEAP_DAMAGED = 10,       /* the app has overwritten its ledger */
};

enum {
    SPH_HEAP_CALLERS_MAX = 64,
    SPH_HEAP_SITES_MAX = 256, /* of one process, by live bytes; more are counted in sites_dropped */
    SPH_HEAP_REPORT_SITES_MAX = 96, /* in the report of an end: all of it fits one frame */
    SPH_HEAP_STACKS_MAX = 24,       /* sites with a stack, in either */
};

/* One object that asks for memory: the app with its static libraries, or a dynamic library. */
struct sph_msg_heap_caller {
    struct sph_slice
        name; /* "App + Static Libraries", or the library's file name: "libcurl.so.4" */
    struct sph_slice path;     /* as the loader names it */
    struct sph_slice build_id; /* bytes; empty when it has none */
    uint64_t span_bytes;       /* of its addresses, from base on */
    uint64_t base;             /* where it is loaded: address - base is what symbols are found by */
    uint64_t live_bytes, resident_bytes, peak_bytes; /* requested, as C11's malloc counts */
    uint64_t live_blocks, allocations, frees, largest_bytes;
};

/* One place in it. */
struct sph_msg_heap_site {
    uint32_t caller;  /* index into the callers of the same message */
    uint64_t address; /* return address, less the caller's base; 0: places that were not kept */
    uint64_t live_bytes, resident_bytes, live_blocks, allocations;
    bool only_grew; /* none of its two or more blocks was ever given back */
    struct sph_slice
        stack; /* list of u64, addresses as the process has them, innermost first: of
                  the stack that holds most of the site's bytes; where stacks are kept */
};

/* One process of an app. */
struct sph_msg_heap {
    uint32_t pid;
    uint32_t state; /* enum sph_heap_state; without figures all below is empty */
    uint64_t live_bytes, resident_bytes, live_blocks, allocations, frees;
    uint64_t uptime_ms; /* when it was read: rates are differences of two readings */
    bool complete, peaks_exact, counts_exact;
    uint64_t blocks_lost, unknown_frees, damaged;
    uint64_t damage_found;   /* values that its reader found damaged, `damaged` beside it */
    struct sph_list callers; /* struct sph_msg_heap_caller; the app first, then by live bytes */
    struct sph_list sites; /* struct sph_msg_heap_site, by live bytes; empty in the memory reply */
    uint32_t sites_dropped;
    bool has_crossing_block; /* of a report: the block that the refused page was for */
    uint32_t crossing_caller;
    uint64_t crossing_address, crossing_bytes, crossing_offset, crossing_site;
};

/* HEAP: asks for one app's. */
struct sph_msg_heap_reply {
    struct sph_guid component;
    uint32_t state;            /* of the app: that of its first process, or why it is not tracked */
    struct sph_list processes; /* struct sph_msg_heap */
    uint32_t processes_dropped; /* have a heap, and no place in the answer */
};

extern const struct sph_codec sph_msg_heap_caller_codec;
extern const struct sph_codec sph_msg_heap_site_codec;
extern const struct sph_codec sph_msg_heap_codec;
extern const struct sph_codec sph_msg_heap_reply_codec;

#endif
