/* The telemetry on disk: kept over starts, whole after every failure, and never in the way. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "agent/store/disk_faults_test.h"
#include "agent/store/telemetry_store.h"

static int make(void **state) {
    disk_faults_set(0, false);
    return sph_scratch_make(state);
}

static void add(int fd, uint32_t pid) {
    const struct sph_telemetry_record record = {.pid = pid, .name = "app"};
    struct sph_err err = SPH_ERR_NULL;
    if (sph_telemetry_store_add(fd, &record, &err) != 0)
        fail_msg("%s", err.text);
}

/* Of the newest record the pid, 0 without one. */
static uint32_t newest(int fd, struct sph_telemetry *ret_telemetry) {
    static uint8_t bytes[SPH_TELEMETRY_BYTES_MAX]; /* what the result points into */
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SPH_TELEMETRY_BYTES_MAX);
    struct sph_telemetry_record record;
    assert_int_equal(sph_telemetry_store_read(fd, &buf, NULL), 0);
    memcpy(bytes, buf.data, buf.len);
    assert_int_equal(sph_telemetry_parse(bytes, buf.len, ret_telemetry, NULL), 0);
    if (ret_telemetry->count == 0)
        return 0;
    sph_telemetry_get(ret_telemetry, ret_telemetry->count - 1, &record);
    assert_int_equal(record.number, ret_telemetry->last_number);
    return record.pid;
}

static void test_kept_and_cleared(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_telemetry telemetry;
    assert_int_equal(newest(scratch->fd, &telemetry), 0);
    assert_int_equal(telemetry.last_number, 0);
    for (uint32_t i = 1; i <= SPH_TELEMETRY_RECORDS + 2; i++)
        add(scratch->fd, i);
    assert_int_equal(newest(scratch->fd, &telemetry), SPH_TELEMETRY_RECORDS + 2);
    assert_int_equal(telemetry.count, SPH_TELEMETRY_RECORDS);
    assert_int_equal(telemetry.dropped, 2);
    assert_int_equal(sph_telemetry_store_clear(scratch->fd, NULL), 0);
    assert_int_equal(newest(scratch->fd, &telemetry), 0);
    assert_int_equal(telemetry.last_number, SPH_TELEMETRY_RECORDS + 2);
    assert_int_equal(telemetry.dropped, 0);
    add(scratch->fd, 5);
    assert_int_equal(newest(scratch->fd, &telemetry), 5);
    assert_int_equal(telemetry.last_number, SPH_TELEMETRY_RECORDS + 3); /* none is used twice */
}

/* Whatever fails, and whether the disk comes back or not: the telemetry of before or of after. */
static void test_faults(void **state) {
    const struct sph_scratch *scratch = *state;
    const struct sph_telemetry_record record = {.pid = 2};
    struct sph_telemetry telemetry;
    for (int what = 0; what < 4; what++) {
        bool clears = what & 1, dead = what & 2, failed = true;
        unsigned nth = 1;
        for (; failed; nth++) {
            assert_int_equal(sph_telemetry_store_clear(scratch->fd, NULL), 0);
            add(scratch->fd, 1);
            disk_faults_set(nth, dead);
            failed = (clears ? sph_telemetry_store_clear(scratch->fd, NULL)
                             : sph_telemetry_store_add(scratch->fd, &record, NULL)) < 0;
            disk_faults_set(0, false);
            uint32_t pid = newest(scratch->fd, &telemetry);
            uint32_t after = clears ? 0 : 2;
            if (failed)
                assert_true(pid == 1 || pid == after);
            else
                assert_int_equal(pid, after);
        }
        assert_true(nth > 4); /* open, write, sync, rename at least were met */
    }
}

static void test_damaged(void **state) {
    const struct sph_scratch *scratch = *state;
    static char large[SPH_TELEMETRY_BYTES_MAX + 1];
    const struct {
        const char *bytes;
        size_t len;
        const char *sentence;
    } rows[] = {
        {"rubbish", 7,
         "state/telemetry is damaged (these 7 bytes are no telemetry of a device): clear it to "
         "begin anew"},
        {"", 0,
         "state/telemetry is damaged (these 0 bytes are no telemetry of a device): clear it to "
         "begin anew"},
        {large, sizeof(large),
         "state/telemetry is damaged (telemetry is larger than 15392 bytes): clear it to begin "
         "anew"},
    };
    const struct sph_telemetry_record record = {.pid = 9};
    for (size_t i = 0; i < 2 * SPH_ARRAY_SIZE(rows); i++) {
        bool clears = i % 2;
        struct sph_telemetry telemetry;
        struct sph_err err = SPH_ERR_NULL;
        sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SPH_TELEMETRY_BYTES_MAX);
        assert_int_equal(sph_file_replace(scratch->fd, "telemetry", rows[i / 2].bytes,
                                          rows[i / 2].len, 0600, NULL),
                         0);
        assert_int_equal(sph_telemetry_store_read(scratch->fd, &buf, &err), -EBADMSG);
        assert_err(&err, -EBADMSG, rows[i / 2].sentence);
        if (clears)
            assert_int_equal(sph_telemetry_store_clear(scratch->fd, NULL), 0);
        else
            assert_int_equal(sph_telemetry_store_add(scratch->fd, &record, NULL),
                             SPH_TELEMETRY_STORE_E_ANEW);
        assert_int_equal(newest(scratch->fd, &telemetry), clears ? 0 : 9);
        assert_int_equal(telemetry.last_number, clears ? 0 : 1);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, sph_scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_kept_and_cleared),
        TEST(test_faults),
        TEST(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
