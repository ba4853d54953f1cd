/* Any bytes as a telemetry: taken, or refused with a sentence. The bytes behind the first 32 are
 * also put under a sound header, since no random sum is right; what is read of them then and added
 * to another telemetry is read there again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"
#include "wire/telemetry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void copy_all(const struct sph_telemetry *from) {
    static uint8_t bytes[SPH_TELEMETRY_BYTES_MAX];
    size_t len = SPH_TELEMETRY_HEADER_BYTES;
    struct sph_telemetry copy;
    sph_telemetry_write_empty(from->last_number, bytes);
    for (size_t i = 0; i < from->count; i++) {
        struct sph_telemetry_record record, again;
        sph_telemetry_get(from, i, &record);
        if (!memchr(record.name, 0, sizeof(record.name)) ||
            !memchr(record.site, 0, sizeof(record.site)))
            abort();
        sph_telemetry_append(bytes, &len, &record);
        if (sph_telemetry_parse(bytes, len, &copy, NULL) < 0 || copy.count != i + 1)
            abort();
        sph_telemetry_get(&copy, i, &again);
        if (again.wall_ms != record.wall_ms || again.address != record.address ||
            again.why != record.why || strcmp(again.name, record.name) != 0 ||
            strcmp(again.site, record.site) != 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t bytes[SPH_TELEMETRY_BYTES_MAX];
    struct sph_telemetry telemetry;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_telemetry_parse(data, size, &telemetry, &err) < 0 && err.text[0] == '\0')
        abort();
    if (size < SPH_TELEMETRY_HEADER_BYTES)
        return 0;
    size_t count = (size - SPH_TELEMETRY_HEADER_BYTES) / SPH_TELEMETRY_RECORD_BYTES;
    size_t len = (count < SPH_TELEMETRY_RECORDS ? count : SPH_TELEMETRY_RECORDS) *
                 SPH_TELEMETRY_RECORD_BYTES;
    sph_telemetry_write_empty(0, bytes);
    memcpy(bytes + SPH_TELEMETRY_HEADER_BYTES, data + SPH_TELEMETRY_HEADER_BYTES, len);
    bytes[3] = (uint8_t)(len >> 8);
    bytes[4] = (uint8_t)len;
    memset(bytes + 28, 0, 4);
    len += SPH_TELEMETRY_HEADER_BYTES;
    uint32_t crc = sph_crc32(0, bytes, len);
    for (int i = 0; i < 4; i++)
        bytes[28 + i] = (uint8_t)(crc >> (24 - 8 * i));
    if (sph_telemetry_parse(bytes, len, &telemetry, NULL) < 0)
        abort();
    copy_all(&telemetry);
    return 0;
}
