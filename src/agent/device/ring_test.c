/* The rings against a plain model that keeps everything: what is left must be a suffix of it. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "agent/device/events.h"
#include "agent/device/logring.h"
#include "agent/device/ring.h"
#include "base/attr.h"
#include "wire/frame.h"

enum { ROUNDS = 4000, SEED = 20261122 };

static unsigned next_random(unsigned *state) {
    *state = *state * 1103515245u + 12345u;
    return *state >> 8;
}

/* Record n holds its number in every byte; lengths come from the seed again. */
static void check_suffix(const struct sph_ring *ring, const size_t *lengths, size_t total) {
    struct sph_ring_iter iter = SPH_RING_ITER_NULL;
    const void *data;
    size_t len, count = 0;
    while (sph_ring_next(ring, &iter, &data, &len))
        count++;
    assert_true(count <= total);
    iter = (struct sph_ring_iter)SPH_RING_ITER_NULL;
    for (size_t n = total - count; sph_ring_next(ring, &iter, &data, &len); n++) {
        assert_int_equal(len, lengths[n]);
        assert_int_equal((uintptr_t)data % 8, 0);
        for (size_t i = 0; i < len; i++)
            assert_int_equal(((const uint8_t *)data)[i], (uint8_t)n);
    }
}

static void test_ring_random(void **state) {
    (void)state;
    static const size_t sizes[] = {16, 24, 64, 100, 1000, 4096};
    print_message("seed %d\n", SEED);
    for (size_t s = 0; s < SPH_ARRAY_SIZE(sizes); s++) {
        static size_t lengths[ROUNDS];
        unsigned random = SEED;
        struct sph_ring *ring = NULL;
        size_t total = 0, most = sizes[s] / 8 * 8 - 8;
        assert_int_equal(sph_ring_new(sizes[s], &ring, NULL), 0);
        for (unsigned i = 0; i < ROUNDS; i++) {
            lengths[total] = next_random(&random) % (most + 1);
            uint8_t *place = sph_ring_append(ring, lengths[total]);
            assert_non_null(place);
            memset(place, (uint8_t)total, lengths[total]);
            total++;
            if (i % 16 == 0 || i < 64)
                check_suffix(ring, lengths, total);
        }
        assert_null(sph_ring_append(ring, most + 1));
        assert_null(sph_ring_append(ring, SIZE_MAX));
        check_suffix(ring, lengths, total);
        sph_ring_free(ring);
    }
}

static void test_ring_empty(void **state) {
    (void)state;
    struct sph_ring_iter iter = SPH_RING_ITER_NULL;
    struct sph_ring *ring = NULL;
    const void *data;
    size_t len;
    assert_int_equal(sph_ring_new(64, &ring, NULL), 0);
    assert_false(sph_ring_next(ring, &iter, &data, &len));
    assert_null(sph_ring_free(ring));
    assert_null(sph_ring_free(NULL));
}

static const struct sph_guid apps[] = {{{1}}, {{2}}, {{3}}};

static void append(struct sph_logring *log, unsigned app, const char *text) {
    sph_logring_append(log, &apps[app], SPH_LOG_STDOUT, text, strlen(text));
}

static void test_log_cursor(void **state) {
    (void)state;
    struct sph_logring *log = NULL;
    struct sph_log_line line;
    uint64_t cursor = 0;
    assert_int_equal(sph_logring_new(8192, &log, NULL), 0);
    assert_false(sph_logring_next(log, &cursor, &line));
    append(log, 0, "one");
    append(log, 1, "");
    assert_true(sph_logring_next(log, &cursor, &line));
    assert_int_equal(line.position, 0);
    assert_memory_equal(line.text, "one", 3);
    assert_int_equal(line.len, 3);
    assert_int_equal(cursor, 4);
    assert_true(sph_guid_equal(&line.component, &apps[0]));
    assert_true(sph_logring_next(log, &cursor, &line));
    assert_int_equal(line.position, 4);
    assert_int_equal(line.len, 0);
    assert_int_equal(cursor, 5);
    assert_int_equal(sph_logring_end(log), 5);
    assert_false(sph_logring_next(log, &cursor, &line));
    sph_logring_free(log);
}

/* Whatever the ring has dropped: positions plus what is lost add up to what was written. */
static void test_log_overrun(void **state) {
    (void)state;
    struct sph_logring *log = NULL;
    uint64_t cursor = 0, read = 0, lost = 0;
    struct sph_log_line line;
    char text[64];
    assert_int_equal(sph_logring_new(2048, &log, NULL), 0);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(text, sizeof(text), "line %d%s", i, i % 3 ? "" : " and a little more");
        append(log, (unsigned)i % 3, text);
        if (i % 150 != 149)
            continue;
        for (uint64_t before = cursor; sph_logring_next(log, &cursor, &line); before = cursor) {
            lost += line.position - before;
            read += line.len + 1;
        }
        assert_int_equal(read + lost, sph_logring_end(log));
        assert_memory_equal(line.text, text, strlen(text));
    }
    assert_true(lost > 0);
    sph_logring_free(log);
}

static void test_log_cut(void **state) {
    (void)state;
    static const size_t lengths[] = {
        0, 1, SPH_LOG_LINE_MAX - 1, SPH_LOG_LINE_MAX, SPH_LOG_LINE_MAX + 1, 65536};
    static char text[65536];
    struct sph_logring *log = NULL;
    memset(text, 'x', sizeof(text));
    assert_int_equal(sph_logring_new(2048, &log, NULL), 0);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(lengths); i++) {
        uint64_t cursor = sph_logring_end(log);
        struct sph_log_line line;
        sph_logring_append(log, &apps[0], SPH_LOG_STDERR, text, lengths[i]);
        assert_true(sph_logring_next(log, &cursor, &line));
        assert_int_equal(line.cut, lengths[i] > SPH_LOG_LINE_MAX);
        assert_int_equal(line.len, line.cut ? SPH_LOG_LINE_MAX : lengths[i]);
        assert_int_equal(line.source, SPH_LOG_STDERR);
    }
    sph_logring_free(log);
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_logring_new(100, &log, &err), -EINVAL);
    assert_err(&err, -EINVAL, "a log ring of 100 bytes cannot hold two lines");
}

static void test_log_tail(void **state) {
    (void)state;
    static const struct {
        unsigned app;
        size_t lines, bytes;
        size_t count;
        const char *text;
    } rows[] = {
        {0, 10, 100, 3, "a0\na1\na2\n"},
        {0, 2, 100, 2, "a1\na2\n"},
        {0, 10, 8, 2, "a1\na2\n"},
        {0, 10, 2, 0, ""},
        {0, 0, 100, 0, ""},
        {1, 10, 100, 1, "b\n"},
        {2, 10, 100, 0, ""},
    };
    struct sph_logring *log = NULL;
    assert_int_equal(sph_logring_new(4096, &log, NULL), 0);
    append(log, 0, "a0");
    append(log, 0, "a1");
    append(log, 1, "b");
    append(log, 0, "a2");
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        assert_int_equal(
            sph_logring_tail(log, &apps[rows[i].app], rows[i].lines, rows[i].bytes, &buf),
            rows[i].count);
        assert_string_equal(buf.data ? buf.data : "", rows[i].text);
    }
    sph_logring_free(log);
}

struct heard {
    uint64_t seqs[64];
    size_t count;
    struct sph_event_listener *removes; /* itself, at the first event */
};

static void hear(void *context, uint64_t seq, const void *payload, size_t len) {
    struct heard *heard = context;
    struct sph_msg_event event;
    assert_int_equal(sph_codec_decode(&sph_msg_event_codec, payload, len, &event, NULL), 0);
    assert_int_equal(event.seq, seq);
    assert_true(event.wall_ms > 0 && event.monotonic_ns > 0);
    heard->seqs[heard->count++ % 64] = seq;
    if (heard->removes)
        heard->removes = sph_events_unlisten(heard->removes);
}

static void test_events(void **state) {
    (void)state;
    struct sph_events *events = NULL;
    struct heard all = {.count = 0}, once = {.count = 0}, again = {.count = 0};
    struct sph_event_listener *listener = NULL;
    assert_int_equal(sph_events_new(512, &events, NULL), 0);
    assert_int_equal(sph_events_newest(events), 0);
    assert_int_equal(sph_events_oldest(events), 0);
    assert_int_equal(sph_events_listen(events, hear, &all, &listener, NULL), 0);
    assert_int_equal(sph_events_listen(events, hear, &once, &once.removes, NULL), 0);
    for (unsigned i = 0; i < 50; i++)
        sph_events_note(events, SPH_EVENT_STARTED, &apps[i % 3]);
    assert_int_equal(all.count, 50);
    assert_int_equal(all.seqs[49], 50);
    assert_int_equal(once.count, 1);
    uint64_t oldest = sph_events_oldest(events);
    assert_true(oldest > 1 && oldest < 50);
    sph_events_replay(events, 0, hear, &again);
    assert_int_equal(again.count, 51 - oldest);
    assert_int_equal(again.seqs[0], oldest);
    again.count = 0;
    sph_events_replay(events, 48, hear, &again);
    assert_int_equal(again.count, 2);
    sph_events_free(events);
    assert_null(sph_events_unlisten(listener)); /* the publisher went first */
    sph_events_note(NULL, SPH_EVENT_STARTED, &apps[0]);
}

/* Text is cut; an event larger than the ring still reaches the listeners. */
static void test_events_large(void **state) {
    (void)state;
    static char text[3 * SPH_EVENT_TEXT_MAX];
    struct sph_events *events = NULL;
    struct sph_event_listener *listener = NULL;
    struct heard all = {.count = 0};
    struct sph_msg_event event = {.kind = SPH_EVENT_OUTPUT, .text = sph_slice(text, sizeof(text))};
    assert_int_equal(sph_events_new(1024, &events, NULL), 0);
    assert_int_equal(sph_events_listen(events, hear, &all, &listener, NULL), 0);
    sph_events_publish(events, &event);
    assert_int_equal(all.count, 1);
    assert_int_equal(sph_events_newest(events), 1);
    assert_int_equal(sph_events_oldest(events), 0);
    sph_events_unlisten(listener);
    sph_events_free(events);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring_random), cmocka_unit_test(test_ring_empty),
        cmocka_unit_test(test_log_cursor),  cmocka_unit_test(test_log_overrun),
        cmocka_unit_test(test_log_cut),     cmocka_unit_test(test_log_tail),
        cmocka_unit_test(test_events),      cmocka_unit_test(test_events_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
