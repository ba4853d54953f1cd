/* The ring's reading end, on rings laid out by hand as the kernel lays them out. */
#include "meter/ring.h"

#include "base/testing.h"

#include <errno.h>
#include <string.h>

enum { BUSY = 31, DISCARDED = 30 };
#define SIZE ((size_t)256)

static uint64_t consumer;
static uint64_t producer;
static uint64_t data[2 * SIZE / 8]; /* the second half repeats the first, as the mapping does */

struct seen {
    char text[SIZE];
    int records;
};

static void note(void *context, const void *record, size_t len) {
    struct seen *seen = context;
    size_t used = strlen(seen->text);
    assert_true(used + len + 2 < sizeof(seen->text));
    (void)memcpy(seen->text + used, record, len);
    seen->text[used + len] = '|';
    seen->text[used + len + 1] = '\0';
    seen->records++;
}

static void put_bytes(uint64_t at, const void *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        size_t place = (at + i) % SIZE;
        ((uint8_t *)data)[place] = ((const uint8_t *)bytes)[i];
        ((uint8_t *)data)[place + SIZE] = ((const uint8_t *)bytes)[i];
    }
}

/* Writes one record with its flags at the producer's end, and moves that end. */
static void put(const char *text, uint32_t flags) {
    uint32_t header[2] = {(uint32_t)strlen(text) | flags, 0};
    put_bytes(producer, header, sizeof(header));
    put_bytes(producer + sizeof(header), text, strlen(text));
    producer += (sizeof(header) + strlen(text) + 7) & ~UINT64_C(7);
}

static struct sph_ring start(uint64_t at) {
    consumer = producer = at;
    (void)memset(data, 0, sizeof(data));
    return (struct sph_ring){.consumer = &consumer,
                             .producer = &producer,
                             .data = (const uint8_t *)data,
                             .size = SIZE,
                             .page = 4096};
}

static void records_in_order(void **state) {
    struct sph_ring ring = start(0);
    struct seen seen = {.text = ""};
    (void)state;
    assert_int_equal(sph_ring_drain(&ring, note, &seen), 0);
    put("one", 0);
    put("twelve bytes", 0);
    put("", 0);
    assert_int_equal(sph_ring_drain(&ring, note, &seen), 3);
    assert_string_equal(seen.text, "one|twelve bytes||");
    assert_int_equal(consumer, producer);
    assert_int_equal(sph_ring_drain(&ring, note, &seen), 0);
}

/* One that is still being written ends the reading; the next reading goes on there. */
static void busy_record_waits(void **state) {
    struct sph_ring ring = start(0);
    struct seen seen = {.text = ""};
    (void)state;
    put("one", 0);
    uint64_t place = producer;
    put("two", 1u << BUSY);
    put("three", 0);
    assert_int_equal(sph_ring_drain(&ring, note, &seen), 1);
    assert_string_equal(seen.text, "one|");
    assert_int_equal(consumer, place);
    uint32_t ready = 3;
    put_bytes(place, &ready, sizeof(ready));
    assert_int_equal(sph_ring_drain(&ring, note, &seen), 2);
    assert_string_equal(seen.text, "one|two|three|");
}

static void discarded_record_is_passed(void **state) {
    struct sph_ring ring = start(0);
    struct seen seen = {.text = ""};
    (void)state;
    put("gone", 1u << DISCARDED);
    put("here", 0);
    assert_int_equal(sph_ring_drain(&ring, note, &seen), 1);
    assert_string_equal(seen.text, "here|");
    assert_int_equal(consumer, producer);
}

/* From every place in the ring, so that records lie across its end. */
static void wraps_anywhere(void **state) {
    (void)state;
    for (uint64_t at = 0; at < 2 * SIZE; at += 8) {
        struct sph_ring ring = start(at);
        struct seen seen = {.text = ""};
        put("first record", 0);
        put("second", 0);
        assert_int_equal(sph_ring_drain(&ring, note, &seen), 2);
        assert_string_equal(seen.text, "first record|second|");
    }
}

static void not_a_ring(void **state) {
    struct sph_ring ring = SPH_RING_NULL;
    struct sph_err err = SPH_ERR_NULL;
    (void)state;
    assert_int_equal(sph_ring_open(&ring, -1, 4096, &err), -EBADF);
    assert_err(&err, -EBADF, "cannot map the meter's event ring: Bad file descriptor");
    sph_ring_close(&ring);
    sph_ring_close(&ring);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_in_order),
        cmocka_unit_test(busy_record_waits),
        cmocka_unit_test(discarded_record_is_passed),
        cmocka_unit_test(wraps_anywhere),
        cmocka_unit_test(not_a_ring),
    };
    return cmocka_run_group_tests_name("meter_ring", tests, NULL, NULL);
}
