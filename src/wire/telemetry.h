/* telemetry: the device's record of how its applications ended, as it is kept and handed out.
 *
 * docs/spec/telemetry.md, bit by bit. A kill report has the whole story of one end; a record here
 * has what fits 192 bytes, so that the device can keep more of them than reports. */
#ifndef SPH_WIRE_TELEMETRY_H
#define SPH_WIRE_TELEMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/guid.h"

enum {
    SPH_TELEMETRY_HEADER_BYTES = 32,
    SPH_TELEMETRY_RECORD_BYTES = 192,
    SPH_TELEMETRY_RECORDS = 80, /* the oldest gives way and is counted */
    SPH_TELEMETRY_BYTES_MAX =
        SPH_TELEMETRY_HEADER_BYTES + SPH_TELEMETRY_RECORDS * SPH_TELEMETRY_RECORD_BYTES,
    SPH_TELEMETRY_NAME = 33, /* bytes with a NUL */
    SPH_TELEMETRY_SITE = 29, /* the same */
};

/* One end of one run. What could not be had has its `has_` false and is 0. */
struct sph_telemetry_record {
    uint64_t number;  /* 1, 2, … over the device's life; given by sph_telemetry_append */
    uint64_t wall_ms; /* of the end, since 1970 */
    uint64_t uptime_ms, run_ms;
    struct sph_guid component, image;
    char name[SPH_TELEMETRY_NAME];
    uint8_t why; /* enum sph_end_why */
    bool will_restart;
    uint8_t signal;    /* that ended it; 0 = none */
    uint8_t exit_code; /* of one that exited */
    uint32_t restarts; /* by the device, up to this run, since a person or a boot started it */
    uint32_t restart_delay_ms;
    uint32_t pid;
    bool has_figures, user_exact, kernel_exact;
    uint64_t user_bytes, peak_user_bytes, total_bytes; /* of all apps at that moment */
    bool has_pc, has_address, has_site;
    uint64_t pc, address;          /* of a crash, or of the page that the ration refused */
    uint32_t site_offset;          /* of pc from where that file begins in memory */
    char site[SPH_TELEMETRY_SITE]; /* the file's name without its folder, cut at the end */
    uint64_t report;               /* number of the kill report; 0 = none was kept */
};

/* A whole telemetry, checked. Good for as long as its bytes are. */
struct sph_telemetry {
    uint64_t last_number; /* that was ever given */
    uint64_t dropped;     /* records that gave way since it was cleared */
    size_t count;
    const uint8_t *records; /* oldest first */
};

/* Pure, like all here. 0 or -EBADMSG with a sentence. */
int sph_telemetry_parse(const void *bytes, size_t len, struct sph_telemetry *ret_telemetry,
                        struct sph_err *err);
/* index < count. Any bytes make a record: texts end, numbers are what they are. */
void sph_telemetry_get(const struct sph_telemetry *telemetry, size_t index,
                       struct sph_telemetry_record *ret_record);

/* Writes a telemetry without records that goes on after last_number. */
void sph_telemetry_write_empty(uint64_t last_number, uint8_t ret_bytes[SPH_TELEMETRY_HEADER_BYTES]);
/* Adds a record under the next number to a telemetry of *len bytes, which was parsed; where there
 * is no room the oldest goes. `bytes` has room for SPH_TELEMETRY_BYTES_MAX. */
void sph_telemetry_append(uint8_t *bytes, size_t *len, const struct sph_telemetry_record *record);

#endif
