/* Fixed records in the order of their ends, under one sum: the file is replaced as a whole, so a
 * ring in place with a sum for each slot, which a power cut could leave between two states, was
 * rejected. The numbers are big-endian because the length is at a place and in an order that
 * clients of the original device know. */
#include "wire/telemetry.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/crc32.h"

enum {
    VERSION = 1,
    MAGIC_0 = 'S',
    MAGIC_1 = 'T',
    /* places in the header; byte 2 is 0, so that whoever reads three bytes there finds the same */
    LENGTH_AT = 3,
    VERSION_AT = 5,
    RECORD_AT = 6,
    LAST_AT = 8,
    DROPPED_AT = 16,
    CRC_AT = 28,
    /* bits of a record's flags */
    WILL_RESTART = 1,
    HAS_FIGURES = 2,
    USER_EXACT = 4,
    KERNEL_EXACT = 8,
    HAS_PC = 16,
    HAS_ADDRESS = 32,
    HAS_SITE = 64,
    NAME_BYTES = SPH_TELEMETRY_NAME - 1,
    SITE_BYTES = SPH_TELEMETRY_SITE - 1,
};

static void put(uint8_t *at, size_t size, uint64_t value) {
    for (size_t i = size; i-- > 0; value >>= 8)
        at[i] = (uint8_t)value;
}

static uint64_t get(const uint8_t *at, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

/* Of all but the sum itself. */
static uint32_t sum(const uint8_t *bytes, size_t len) {
    static const uint8_t none[4];
    uint32_t crc = sph_crc32(0, bytes, CRC_AT);
    crc = sph_crc32(crc, none, sizeof(none));
    return sph_crc32(crc, bytes + SPH_TELEMETRY_HEADER_BYTES, len - SPH_TELEMETRY_HEADER_BYTES);
}

static void seal(uint8_t *bytes, size_t len) {
    put(bytes + LENGTH_AT, 2, len - SPH_TELEMETRY_HEADER_BYTES);
    put(bytes + CRC_AT, 4, sum(bytes, len));
}

/* ---- records ---- */

static unsigned flags_of(const struct sph_telemetry_record *record) {
    return (record->will_restart ? WILL_RESTART : 0U) | (record->has_figures ? HAS_FIGURES : 0U) |
           (record->user_exact ? USER_EXACT : 0U) | (record->kernel_exact ? KERNEL_EXACT : 0U) |
           (record->has_pc ? HAS_PC : 0U) | (record->has_address ? HAS_ADDRESS : 0U) |
           (record->has_site ? HAS_SITE : 0U);
}

/* `at` is all zero before: what a text does not fill stays so. */
static void write_record(uint8_t *at, const struct sph_telemetry_record *record) {
    put(at, 8, record->number);
    put(at + 8, 8, record->wall_ms);
    put(at + 16, 8, record->uptime_ms);
    put(at + 24, 8, record->run_ms);
    memcpy(at + 32, record->component.bytes, 16);
    memcpy(at + 48, record->image.bytes, 16);
    memcpy(at + 64, record->name, strnlen(record->name, NAME_BYTES));
    at[96] = record->why;
    at[97] = (uint8_t)flags_of(record);
    at[98] = record->signal;
    at[99] = record->exit_code;
    put(at + 100, 4, record->restarts);
    put(at + 104, 4, record->restart_delay_ms);
    put(at + 108, 4, record->pid);
    put(at + 112, 8, record->user_bytes);
    put(at + 120, 8, record->peak_user_bytes);
    put(at + 128, 8, record->total_bytes);
    put(at + 136, 8, record->pc);
    put(at + 144, 8, record->address);
    put(at + 152, 8, record->report);
    put(at + 160, 4, record->site_offset);
    memcpy(at + 164, record->site, strnlen(record->site, SITE_BYTES));
}

void sph_telemetry_get(const struct sph_telemetry *telemetry, size_t index,
                       struct sph_telemetry_record *ret_record) {
    assert(index < telemetry->count);
    const uint8_t *at = telemetry->records + index * SPH_TELEMETRY_RECORD_BYTES;
    unsigned flags = at[97];
    *ret_record = (struct sph_telemetry_record){
        .number = get(at, 8),
        .wall_ms = get(at + 8, 8),
        .uptime_ms = get(at + 16, 8),
        .run_ms = get(at + 24, 8),
        .why = at[96],
        .will_restart = flags & WILL_RESTART,
        .signal = at[98],
        .exit_code = at[99],
        .restarts = (uint32_t)get(at + 100, 4),
        .restart_delay_ms = (uint32_t)get(at + 104, 4),
        .pid = (uint32_t)get(at + 108, 4),
        .has_figures = flags & HAS_FIGURES,
        .user_exact = flags & USER_EXACT,
        .kernel_exact = flags & KERNEL_EXACT,
        .user_bytes = get(at + 112, 8),
        .peak_user_bytes = get(at + 120, 8),
        .total_bytes = get(at + 128, 8),
        .has_pc = flags & HAS_PC,
        .has_address = flags & HAS_ADDRESS,
        .has_site = flags & HAS_SITE,
        .pc = get(at + 136, 8),
        .address = get(at + 144, 8),
        .report = get(at + 152, 8),
        .site_offset = (uint32_t)get(at + 160, 4),
    };
    memcpy(ret_record->component.bytes, at + 32, 16);
    memcpy(ret_record->image.bytes, at + 48, 16);
    memcpy(ret_record->name, at + 64, NAME_BYTES);
    memcpy(ret_record->site, at + 164, SITE_BYTES);
}

/* ---- the whole ---- */

static int check_header(const uint8_t *bytes, size_t len, struct sph_err *err) {
    if (len < SPH_TELEMETRY_HEADER_BYTES || bytes[0] != MAGIC_0 || bytes[1] != MAGIC_1 || bytes[2])
        return SPH_FAIL(err, -EBADMSG, "these %zu bytes are no telemetry of a device", len);
    if (bytes[VERSION_AT] != VERSION || get(bytes + RECORD_AT, 2) != SPH_TELEMETRY_RECORD_BYTES)
        return SPH_FAIL(err, -EBADMSG,
                        "the telemetry is of version %u: use programs of the release that wrote it",
                        bytes[VERSION_AT]);
    size_t data = len - SPH_TELEMETRY_HEADER_BYTES;
    if (data != get(bytes + LENGTH_AT, 2) || data % SPH_TELEMETRY_RECORD_BYTES ||
        len > SPH_TELEMETRY_BYTES_MAX)
        return SPH_FAIL(err, -EBADMSG,
                        "the telemetry is cut or too long: %zu bytes follow its header", data);
    return 0;
}

int sph_telemetry_parse(const void *bytes, size_t len, struct sph_telemetry *ret_telemetry,
                        struct sph_err *err) {
    const uint8_t *at = bytes;
    int rc = check_header(at, len, err);
    if (rc < 0)
        return rc;
    if (get(at + CRC_AT, 4) != sum(at, len))
        return SPH_FAIL(err, -EBADMSG, "the telemetry is damaged: its sum is wrong");
    *ret_telemetry = (struct sph_telemetry){
        .last_number = get(at + LAST_AT, 8),
        .dropped = get(at + DROPPED_AT, 8),
        .count = (len - SPH_TELEMETRY_HEADER_BYTES) / SPH_TELEMETRY_RECORD_BYTES,
        .records = at + SPH_TELEMETRY_HEADER_BYTES,
    };
    return 0;
}

void sph_telemetry_write_empty(uint64_t last_number,
                               uint8_t ret_bytes[SPH_TELEMETRY_HEADER_BYTES]) {
    memset(ret_bytes, 0, SPH_TELEMETRY_HEADER_BYTES);
    ret_bytes[0] = MAGIC_0;
    ret_bytes[1] = MAGIC_1;
    ret_bytes[VERSION_AT] = VERSION;
    put(ret_bytes + RECORD_AT, 2, SPH_TELEMETRY_RECORD_BYTES);
    put(ret_bytes + LAST_AT, 8, last_number);
    seal(ret_bytes, SPH_TELEMETRY_HEADER_BYTES);
}

void sph_telemetry_append(uint8_t *bytes, size_t *len, const struct sph_telemetry_record *record) {
    uint8_t *records = bytes + SPH_TELEMETRY_HEADER_BYTES;
    struct sph_telemetry_record numbered = *record;
    assert(*len >= SPH_TELEMETRY_HEADER_BYTES && *len <= SPH_TELEMETRY_BYTES_MAX);
    if (*len == SPH_TELEMETRY_BYTES_MAX) {
        *len -= SPH_TELEMETRY_RECORD_BYTES;
        memmove(records, records + SPH_TELEMETRY_RECORD_BYTES, *len - SPH_TELEMETRY_HEADER_BYTES);
        put(bytes + DROPPED_AT, 8, get(bytes + DROPPED_AT, 8) + 1);
    }
    numbered.number = get(bytes + LAST_AT, 8) + 1;
    put(bytes + LAST_AT, 8, numbered.number);
    memset(bytes + *len, 0, SPH_TELEMETRY_RECORD_BYTES);
    write_record(bytes + *len, &numbered);
    *len += SPH_TELEMETRY_RECORD_BYTES;
    seal(bytes, *len);
}
