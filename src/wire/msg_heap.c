/* Tables only: a tag, once given, never changes its type or meaning; new fields get new tags. Parts
 * of stored reports are among them (msg_report.c). */
#include "wire/msg_heap.h"

#include "wire/table.h"

static const struct sph_field heap_caller_fields[] = {
    FIELD(sph_msg_heap_caller, 1, TEXT, name),
    FIELD(sph_msg_heap_caller, 2, TEXT, path),
    FIELD(sph_msg_heap_caller, 3, BYTES, build_id),
    FIELD(sph_msg_heap_caller, 4, U64, base),
    FIELD(sph_msg_heap_caller, 5, U64, live_bytes),
    FIELD(sph_msg_heap_caller, 6, U64, resident_bytes),
    FIELD(sph_msg_heap_caller, 7, U64, peak_bytes),
    FIELD(sph_msg_heap_caller, 8, U64, live_blocks),
    FIELD(sph_msg_heap_caller, 9, U64, allocations),
    FIELD(sph_msg_heap_caller, 10, U64, frees),
    FIELD(sph_msg_heap_caller, 11, U64, largest_bytes),
    FIELD(sph_msg_heap_caller, 12, U64, span_bytes),
};
CODEC(sph_msg_heap_caller, "heap_caller", heap_caller_fields);

static const struct sph_field heap_site_fields[] = {
    FIELD(sph_msg_heap_site, 1, U32, caller),      FIELD(sph_msg_heap_site, 2, U64, address),
    FIELD(sph_msg_heap_site, 3, U64, live_bytes),  FIELD(sph_msg_heap_site, 4, U64, resident_bytes),
    FIELD(sph_msg_heap_site, 5, U64, live_blocks), FIELD(sph_msg_heap_site, 6, U64, allocations),
    FIELD(sph_msg_heap_site, 7, BOOL, only_grew),  FIELD(sph_msg_heap_site, 8, BYTES, stack),
};
CODEC(sph_msg_heap_site, "heap_site", heap_site_fields);

static const struct sph_field heap_fields[] = {
    FIELD(sph_msg_heap, 1, U32, pid),
    REQUIRED(sph_msg_heap, 2, U32, state),
    FIELD(sph_msg_heap, 3, U64, live_bytes),
    FIELD(sph_msg_heap, 4, U64, resident_bytes),
    FIELD(sph_msg_heap, 5, U64, live_blocks),
    FIELD(sph_msg_heap, 6, U64, allocations),
    FIELD(sph_msg_heap, 7, U64, frees),
    FIELD(sph_msg_heap, 8, U64, uptime_ms),
    FIELD(sph_msg_heap, 9, BOOL, complete),
    FIELD(sph_msg_heap, 10, BOOL, peaks_exact),
    FIELD(sph_msg_heap, 11, BOOL, counts_exact),
    FIELD(sph_msg_heap, 12, U64, blocks_lost),
    FIELD(sph_msg_heap, 13, U64, unknown_frees),
    FIELD(sph_msg_heap, 14, U64, damaged),
    LIST(sph_msg_heap, 15, callers, sph_msg_heap_caller_codec),
    LIST(sph_msg_heap, 16, sites, sph_msg_heap_site_codec),
    FIELD(sph_msg_heap, 17, U32, sites_dropped),
    FIELD(sph_msg_heap, 18, BOOL, has_crossing_block),
    FIELD(sph_msg_heap, 19, U32, crossing_caller),
    FIELD(sph_msg_heap, 20, U64, crossing_address),
    FIELD(sph_msg_heap, 21, U64, crossing_bytes),
    FIELD(sph_msg_heap, 22, U64, crossing_offset),
    FIELD(sph_msg_heap, 23, U64, crossing_site),
    FIELD(sph_msg_heap, 24, U64, damage_found),
};
CODEC(sph_msg_heap, "heap", heap_fields);

static const struct sph_field heap_reply_fields[] = {
    REQUIRED(sph_msg_heap_reply, 1, GUID, component),
    REQUIRED(sph_msg_heap_reply, 2, U32, state),
    LIST(sph_msg_heap_reply, 3, processes, sph_msg_heap_codec),
    FIELD(sph_msg_heap_reply, 4, U32, processes_dropped),
};
CODEC(sph_msg_heap_reply, "heap_reply", heap_reply_fields);
