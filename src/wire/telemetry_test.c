/* The places are written here a second time, as the document has them: what an older device has
 * kept must be read as it was meant. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "base/attr.h"
#include "base/crc32.h"
#include "wire/telemetry.h"

static const struct sph_telemetry_record full = {
    .wall_ms = 0x1112131415161718,
    .uptime_ms = 0x2122232425262728,
    .run_ms = 0x3132333435363738,
    .component = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
    .image = {{0xf1, 0xf2}},
    .name = "an app with a name of 32 letters",
    .why = 2,
    .will_restart = true,
    .signal = 11,
    .exit_code = 255,
    .restarts = 0x41424344,
    .restart_delay_ms = 0x51525354,
    .pid = 0x61626364,
    .has_figures = true,
    .kernel_exact = true,
    .user_bytes = 0x7172737475767778,
    .peak_user_bytes = 0x8182838485868788,
    .total_bytes = 0x9192939495969798,
    .has_address = true,
    .pc = 0xa1a2a3a4a5a6a7a8,
    .address = 0xb1b2b3b4b5b6b7b8,
    .report = 0xc1c2c3c4c5c6c7c8,
    .site_offset = 0xd1d2d3d4,
    .site = "a-library-of-28-letters.so.1",
};

struct place {
    unsigned offset, size;
    uint64_t value; /* of up to 8 bytes; the first ones of a longer place */
};

static const struct place header_places[] = {
    {0, 2, 0x5354}, {2, 1, 0},  {3, 2, 192}, {5, 1, 1},
    {6, 2, 192},    {8, 8, 42}, {16, 8, 0},  {24, 4, 0},
};
static const struct place record_places[] = {
    {0, 8, 42},
    {8, 8, 0x1112131415161718},
    {16, 8, 0x2122232425262728},
    {24, 8, 0x3132333435363738},
    {32, 16, 0x0102030405060708},
    {48, 16, 0xf1f2000000000000},
    {64, 32, 0x616e206170702077}, /* "an app w" */
    {96, 1, 2},
    {97, 1, 1 | 2 | 8 | 32},
    {98, 1, 11},
    {99, 1, 255},
    {100, 4, 0x41424344},
    {104, 4, 0x51525354},
    {108, 4, 0x61626364},
    {112, 8, 0x7172737475767778},
    {120, 8, 0x8182838485868788},
    {128, 8, 0x9192939495969798},
    {136, 8, 0xa1a2a3a4a5a6a7a8},
    {144, 8, 0xb1b2b3b4b5b6b7b8},
    {152, 8, 0xc1c2c3c4c5c6c7c8},
    {160, 4, 0xd1d2d3d4},
    {164, 28, 0x612d6c6962726172}, /* "a-librar" */
};

static void check_places(const uint8_t *bytes, const struct place *places, size_t count,
                         const char *document) {
    unsigned end = places[0].offset;
    for (size_t i = 0; i < count; i++) {
        char row[32];
        uint64_t value = 0;
        for (unsigned k = 0; k < places[i].size && k < 8; k++)
            value = value << 8 | bytes[places[i].offset + k];
        assert_int_equal(value, places[i].value);
        assert_int_equal(places[i].offset, end); /* nothing lies between them */
        end += places[i].size;
        (void)snprintf(row, sizeof(row), "\n| %u | %u | ", places[i].offset, places[i].size);
        if (!strstr(document, row))
            fail_msg("docs/spec/telemetry.md lacks the row %s", row + 1);
    }
}

static void test_places(void **state) {
    (void)state;
    uint8_t bytes[SPH_TELEMETRY_BYTES_MAX];
    size_t len = SPH_TELEMETRY_HEADER_BYTES;
    sph_autobuf struct sph_buf document = SPH_BUF_NULL;
    assert_int_equal(sph_file_read(AT_FDCWD, SPH_TELEMETRY_SPEC, &document, NULL), 0);
    sph_telemetry_write_empty(41, bytes);
    sph_telemetry_append(bytes, &len, &full);
    assert_int_equal(len, 32 + 192);
    check_places(bytes, header_places, SPH_ARRAY_SIZE(header_places), document.data);
    check_places(bytes + 32, record_places, SPH_ARRAY_SIZE(record_places), document.data);
    uint8_t copy[32 + 192];
    memcpy(copy, bytes, sizeof(copy));
    memset(copy + 28, 0, 4);
    uint32_t crc = sph_crc32(0, copy, sizeof(copy));
    const uint8_t sum[4] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
                            (uint8_t)crc};
    assert_memory_equal(bytes + 28, sum, 4);
}

static void assert_same(const struct sph_telemetry_record *a,
                        const struct sph_telemetry_record *b) {
    assert_int_equal(a->wall_ms, b->wall_ms);
    assert_int_equal(a->uptime_ms, b->uptime_ms);
    assert_int_equal(a->run_ms, b->run_ms);
    assert_true(sph_guid_equal(&a->component, &b->component));
    assert_true(sph_guid_equal(&a->image, &b->image));
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->why, b->why);
    assert_int_equal(a->will_restart, b->will_restart);
    assert_int_equal(a->signal, b->signal);
    assert_int_equal(a->exit_code, b->exit_code);
    assert_int_equal(a->restarts, b->restarts);
    assert_int_equal(a->restart_delay_ms, b->restart_delay_ms);
    assert_int_equal(a->pid, b->pid);
    assert_int_equal(a->has_figures, b->has_figures);
    assert_int_equal(a->user_exact, b->user_exact);
    assert_int_equal(a->kernel_exact, b->kernel_exact);
    assert_int_equal(a->user_bytes, b->user_bytes);
    assert_int_equal(a->peak_user_bytes, b->peak_user_bytes);
    assert_int_equal(a->total_bytes, b->total_bytes);
    assert_int_equal(a->has_pc, b->has_pc);
    assert_int_equal(a->has_address, b->has_address);
    assert_int_equal(a->has_site, b->has_site);
    assert_int_equal(a->pc, b->pc);
    assert_int_equal(a->address, b->address);
    assert_int_equal(a->report, b->report);
    assert_int_equal(a->site_offset, b->site_offset);
    assert_string_equal(a->site, b->site);
}

/* Each flag by itself, so that none stands for another. */
static void test_round_trip(void **state) {
    (void)state;
    struct sph_telemetry_record rows[] = {
        full,
        {.name = ""},
        {.will_restart = true},
        {.has_figures = true},
        {.user_exact = true},
        {.kernel_exact = true},
        {.has_pc = true},
        {.has_address = true},
        {.has_site = true, .site = "app"},
    };
    uint8_t bytes[SPH_TELEMETRY_BYTES_MAX];
    size_t len = SPH_TELEMETRY_HEADER_BYTES;
    struct sph_telemetry telemetry;
    sph_telemetry_write_empty(0, bytes);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++)
        sph_telemetry_append(bytes, &len, &rows[i]);
    assert_int_equal(sph_telemetry_parse(bytes, len, &telemetry, NULL), 0);
    assert_int_equal(telemetry.count, SPH_ARRAY_SIZE(rows));
    assert_int_equal(telemetry.last_number, SPH_ARRAY_SIZE(rows));
    assert_int_equal(telemetry.dropped, 0);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_telemetry_record got;
        sph_telemetry_get(&telemetry, i, &got);
        assert_int_equal(got.number, i + 1);
        assert_same(&got, &rows[i]);
    }
}

static void test_the_oldest_gives_way(void **state) {
    (void)state;
    static uint8_t bytes[SPH_TELEMETRY_BYTES_MAX];
    size_t len = SPH_TELEMETRY_HEADER_BYTES;
    struct sph_telemetry telemetry;
    struct sph_telemetry_record record = {.why = 4};
    sph_telemetry_write_empty(1000, bytes);
    for (unsigned i = 0; i < SPH_TELEMETRY_RECORDS + 3; i++) {
        record.pid = i;
        sph_telemetry_append(bytes, &len, &record);
    }
    assert_int_equal(len, SPH_TELEMETRY_BYTES_MAX);
    assert_true(len <= 16384); /* what the wire's reply may have */
    assert_int_equal(sph_telemetry_parse(bytes, len, &telemetry, NULL), 0);
    assert_int_equal(telemetry.count, SPH_TELEMETRY_RECORDS);
    assert_int_equal(telemetry.dropped, 3);
    assert_int_equal(telemetry.last_number, 1000 + SPH_TELEMETRY_RECORDS + 3);
    sph_telemetry_get(&telemetry, 0, &record);
    assert_int_equal(record.number, 1004);
    assert_int_equal(record.pid, 3);
    sph_telemetry_get(&telemetry, SPH_TELEMETRY_RECORDS - 1, &record);
    assert_int_equal(record.number, telemetry.last_number);
}

/* One byte changed in a telemetry of one record, or cut at a length. */
static void test_refused(void **state) {
    (void)state;
    static const char no_telemetry[] = "these 224 bytes are no telemetry of a device";
    static const char damaged[] = "the telemetry is damaged: its sum is wrong";
    static const struct {
        size_t len, at;
        uint8_t value;
        const char *sentence;
    } rows[] = {
        {0, 0, 'S', "these 0 bytes are no telemetry of a device"},
        {31, 0, 'S', "these 31 bytes are no telemetry of a device"},
        {224, 0, 's', no_telemetry},
        {224, 1, 's', no_telemetry},
        {224, 2, 1, no_telemetry},
        {224, 5, 2, "the telemetry is of version 2: use programs of the release that wrote it"},
        {224, 7, 160, "the telemetry is of version 1: use programs of the release that wrote it"},
        {224, 4, 191, "the telemetry is cut or too long: 192 bytes follow its header"},
        {32, 0, 'S', "the telemetry is cut or too long: 0 bytes follow its header"},
        {223, 0, 'S', "the telemetry is cut or too long: 191 bytes follow its header"},
        {223, 4, 191, "the telemetry is cut or too long: 191 bytes follow its header"},
        {224, 15, 7, damaged},
        {224, 24, 7, damaged},
        {224, 31, 7, damaged},
        {224, 223, 7, damaged},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        uint8_t bytes[SPH_TELEMETRY_BYTES_MAX];
        size_t len = SPH_TELEMETRY_HEADER_BYTES;
        struct sph_telemetry telemetry;
        struct sph_err err = SPH_ERR_NULL;
        sph_telemetry_write_empty(0, bytes);
        sph_telemetry_append(bytes, &len, &full);
        bytes[rows[i].at] = rows[i].value;
        assert_int_equal(sph_telemetry_parse(bytes, rows[i].len, &telemetry, &err), -EBADMSG);
        assert_err(&err, -EBADMSG, rows[i].sentence);
    }
}

/* More than a device keeps is not taken either, however sound. */
static void test_too_long(void **state) {
    (void)state;
    static uint8_t bytes[SPH_TELEMETRY_BYTES_MAX + SPH_TELEMETRY_RECORD_BYTES];
    struct sph_telemetry telemetry;
    struct sph_err err = SPH_ERR_NULL;
    sph_telemetry_write_empty(0, bytes);
    bytes[3] = (sizeof(bytes) - 32) >> 8;
    bytes[4] = (uint8_t)(sizeof(bytes) - 32);
    assert_int_equal(sph_telemetry_parse(bytes, sizeof(bytes), &telemetry, &err), -EBADMSG);
    assert_err(&err, -EBADMSG, "the telemetry is cut or too long: 15552 bytes follow its header");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_the_oldest_gives_way),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
