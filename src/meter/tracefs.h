/* tracefs: the id and the field layout of one kernel event, read without mounting anything. */
#ifndef SPH_METER_TRACEFS_H
#define SPH_METER_TRACEFS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/* Where one field of the event is. */
struct sph_tracefs_field {
    uint32_t offset; /* bytes into the event */
    uint32_t bytes;
};

/* What the meter's program takes from kmem:rss_stat. */
struct sph_tracefs_rss_stat {
    uint64_t id;
    struct sph_tracefs_field mm_id;
    struct sph_tracefs_field curr;
    struct sph_tracefs_field member;
    struct sph_tracefs_field size;
};

/* Pure: the text of an event's format file. 0, or -EBADMSG when a field is not there. */
int sph_tracefs_parse_rss_stat(const char *text, size_t len,
                               struct sph_tracefs_rss_stat *ret_layout) SPH_MUST_USE;
/* Pure: the width of `long` (32 or 64) for which the program's layout is this one; -EPROTO, with
 * the field that differs, when it is neither. */
int sph_tracefs_check_rss_stat(const struct sph_tracefs_rss_stat *layout, struct sph_err *err);

/* From a tracefs made for this call only and never mounted anywhere (fsopen), so that the host's
 * mounts stay as they are. */
int sph_tracefs_read_rss_stat(struct sph_tracefs_rss_stat *ret_layout, struct sph_err *err);

#endif
