/* The model is NOR flash under a file system that writes through: bytes can be added to an erased
 * block, and nothing in it can be changed without erasing all of it. Levelling, spare blocks and
 * the file system's own records are left out: they would be guesses, and an app can change none of
 * them.
 *
 * Rejected: the host's own figures (st_blocks, the disk's counters): they are of another file
 * system, of other programs too, and not the same on two computers. */
#include "agent/storage/wear.h"

#include <errno.h>
#include <string.h>

#include "base/crc32.h"
#include "base/le.h"

static const char MAGIC[8] = "SphWear1";
enum { CRC_AT = SPH_WEAR_RECORD - 4, NUMBER_AT = 8, FIGURES_AT = 16 };

/* Blocks with a byte of [start, end). */
static uint64_t blocks_of(uint64_t start, uint64_t end) {
    return start < end ? (end - 1) / SPH_WEAR_BLOCK - start / SPH_WEAR_BLOCK + 1 : 0;
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

void sph_wear_add(struct sph_wear *wear, const struct sph_wear_change *change) {
    uint64_t size = change->file_bytes;
    /* A hole is written as zeros. */
    uint64_t start = least(change->start, size);
    uint64_t end = change->end;
    uint64_t first_new = (size + SPH_WEAR_BLOCK - 1) / SPH_WEAR_BLOCK * SPH_WEAR_BLOCK;
    wear->bytes_written += end - start;
    wear->blocks_erased += blocks_of(start, least(end, size)) + blocks_of(first_new, end);
    wear->writes++;
    wear->idle_writes += change->is_idle;
}

void sph_wear_add_cut(struct sph_wear *wear, uint64_t old_bytes, uint64_t new_bytes) {
    wear->writes++;
    if (old_bytes == new_bytes) {
        wear->idle_writes++;
        return;
    }
    uint64_t kept = new_bytes % SPH_WEAR_BLOCK;
    wear->bytes_written += kept;
    wear->blocks_erased += kept != 0;
}

/* Whether one of first, 2 first, 4 first, … lies in (before, after]. */
static bool has_doubled(uint64_t before, uint64_t after, uint64_t first) {
    uint64_t mark = first;
    while (mark <= before && mark <= UINT64_MAX / 2)
        mark *= 2;
    return before < mark && mark <= after;
}

enum sph_wear_news sph_wear_news(const struct sph_wear *before, const struct sph_wear *after) {
    if (has_doubled(before->idle_writes, after->idle_writes, SPH_WEAR_IDLE_FIRST))
        return SPH_WEAR_WARNING;
    if (has_doubled(before->blocks_erased, after->blocks_erased, SPH_WEAR_ERASED_FIRST))
        return SPH_WEAR_GROWN;
    return SPH_WEAR_SILENT;
}

void sph_wear_format(const struct sph_wear *wear, uint64_t number,
                     uint8_t ret_record[SPH_WEAR_RECORD]) {
    const uint64_t figures[] = {wear->bytes_written, wear->blocks_erased, wear->writes,
                                wear->idle_writes};
    memset(ret_record, 0, SPH_WEAR_RECORD);
    memcpy(ret_record, MAGIC, sizeof(MAGIC));
    sph_le64_put(ret_record + NUMBER_AT, number);
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
        sph_le64_put(ret_record + FIGURES_AT + 8 * i, figures[i]);
    sph_le32_put(ret_record + CRC_AT, sph_crc32(0, ret_record, CRC_AT));
}

/* Idle writes are writes: a record in which they are more was not made here. */
static bool parse_record(const uint8_t *record, struct sph_wear *ret_wear, uint64_t *ret_number) {
    if (memcmp(record, MAGIC, sizeof(MAGIC)) != 0 ||
        sph_le32_get(record + CRC_AT) != sph_crc32(0, record, CRC_AT))
        return false;
    *ret_number = sph_le64_get(record + NUMBER_AT);
    *ret_wear = (struct sph_wear){.bytes_written = sph_le64_get(record + FIGURES_AT),
                                  .blocks_erased = sph_le64_get(record + FIGURES_AT + 8),
                                  .writes = sph_le64_get(record + FIGURES_AT + 16),
                                  .idle_writes = sph_le64_get(record + FIGURES_AT + 24)};
    return ret_wear->idle_writes <= ret_wear->writes;
}

int sph_wear_parse(const uint8_t *file, size_t len, struct sph_wear *ret_wear, uint64_t *ret_number,
                   struct sph_err *err) {
    struct sph_wear newest = {0};
    uint64_t newest_number = 0;
    bool found = len == 0;
    for (size_t at = 0; at + SPH_WEAR_RECORD <= len && at < SPH_WEAR_FILE; at += SPH_WEAR_SLOT) {
        struct sph_wear wear;
        uint64_t number;
        if (!parse_record(file + at, &wear, &number) || (found && number <= newest_number))
            continue;
        found = true;
        newest = wear;
        newest_number = number;
    }
    if (!found)
        return SPH_FAIL(err, -EBADMSG, "The record of its storage's wear is damaged.");
    *ret_wear = newest;
    *ret_number = newest_number;
    return 0;
}
