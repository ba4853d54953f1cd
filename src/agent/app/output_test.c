#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/app/output.h"
#include "agent/device/device.h"
#include "agent/device/events.h"
#include "base/attr.h"

enum { SEEN = 1 << 20 };

struct fixture {
    struct sph_device device;
    struct sph_event_listener *listener;
    struct sph_output output;
    int ends[2];
    char *seen; /* bytes of all events */
    size_t seen_len;
    unsigned n_events, n_ended;
};

static const struct sph_guid app = {.bytes = {7}};

static void on_event(void *context, uint64_t seq, const void *payload, size_t len) {
    (void)seq;
    struct fixture *fixture = context;
    struct sph_msg_event event;
    assert_int_equal(sph_codec_decode(&sph_msg_event_codec, payload, len, &event, NULL), 0);
    assert_int_equal(event.kind, SPH_EVENT_OUTPUT);
    assert_int_equal(event.stream, SPH_EVENT_STDERR);
    assert_true(sph_guid_equal(&event.component, &app));
    assert_true(event.text.len <= SPH_EVENT_TEXT_MAX);
    assert_true(fixture->seen_len + event.text.len < SEEN);
    memcpy(fixture->seen + fixture->seen_len, event.text.data, event.text.len);
    fixture->seen_len += event.text.len;
    fixture->n_events++;
}

static void on_ended(void *context) {
    ((struct fixture *)context)->n_ended++;
}

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct sph_device *device = &fixture->device;
    fixture->seen = calloc(1, SEEN);
    assert_non_null(fixture->seen);
    assert_int_equal(pipe2(fixture->ends, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(sph_loop_new(&device->loop, NULL), 0);
    assert_int_equal(sph_events_new(4096, &device->events, NULL), 0);
    assert_int_equal(sph_logring_new((size_t)256 * 1024, &device->log, NULL), 0);
    assert_int_equal(sph_events_listen(device->events, on_event, fixture, &fixture->listener, NULL),
                     0);
    const struct sph_output_plan plan = {.component = app,
                                         .source = SPH_LOG_STDERR,
                                         .fd = fixture->ends[0],
                                         .ended = on_ended,
                                         .context = fixture};
    assert_int_equal(sph_output_init(&fixture->output, device, &plan, NULL), 0);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    sph_output_done(&fixture->output);
    sph_output_done(&fixture->output);
    (void)sph_events_unlisten(fixture->listener);
    (void)sph_logring_free(fixture->device.log);
    (void)sph_events_free(fixture->device.events);
    (void)sph_loop_free(fixture->device.loop);
    (void)close(fixture->ends[0]);
    if (fixture->ends[1] >= 0)
        (void)close(fixture->ends[1]);
    free(fixture->seen);
    free(fixture);
    return 0;
}

static void say(struct fixture *fixture, const char *text) {
    assert_int_equal(write(fixture->ends[1], text, strlen(text)), (ssize_t)strlen(text));
}

static void hang_up(struct fixture *fixture) {
    (void)close(fixture->ends[1]);
    fixture->ends[1] = -1;
}

/* The lines that the log has, each with a '|' behind it. */
static void expect_log(const struct fixture *fixture, const char *wanted) {
    char log[2048] = "";
    struct sph_log_line line;
    for (uint64_t cursor = 0; sph_logring_next(fixture->device.log, &cursor, &line);) {
        assert_int_equal(line.source, SPH_LOG_STDERR);
        assert_true(sph_guid_equal(&line.component, &app));
        size_t at = strlen(log);
        (void)snprintf(log + at, sizeof(log) - at, "%.*s|", (int)line.len, line.text);
    }
    assert_string_equal(log, wanted);
}

static void test_lines_and_bytes(void **state) {
    struct fixture *fixture = *state;
    say(fixture, "one\ntwo");
    (void)sph_loop_step(fixture->device.loop, 100);
    expect_log(fixture, "one|"); /* the line has no end yet, listeners have its bytes */
    assert_string_equal(fixture->seen, "one\ntwo");
    say(fixture, "\nthree");
    (void)sph_loop_step(fixture->device.loop, 100);
    expect_log(fixture, "one|two|");
    sph_output_finish(&fixture->output);
    expect_log(fixture, "one|two|three|");
    assert_string_equal(fixture->seen, "one\ntwo\nthree");
}

static void test_finish_takes_what_is_left(void **state) {
    struct fixture *fixture = *state;
    char block[1000];
    size_t total = 0;
    memset(block, 'x', sizeof(block));
    block[99] = block[999] = '\n';
    for (ssize_t len; (len = write(fixture->ends[1], block, sizeof(block))) > 0;)
        total += (size_t)len;
    assert_true(total >= 65000 - sizeof(block));
    hang_up(fixture);
    sph_output_finish(&fixture->output);
    assert_int_equal(fixture->seen_len, total);
    sph_output_finish(&fixture->output); /* once more: nothing */
    assert_int_equal(fixture->seen_len, total);
}

/* However much there is, a turn of the loop takes one read of it. */
static void test_a_turn_is_bounded(void **state) {
    struct fixture *fixture = *state;
    char block[4096];
    memset(block, '\n', sizeof(block));
    while (write(fixture->ends[1], block, sizeof(block)) > 0)
        ;
    for (unsigned turn = 1; turn <= 3; turn++) {
        assert_int_equal(sph_loop_step(fixture->device.loop, 100), 1);
        assert_int_equal(fixture->n_events, turn);
        assert_int_equal(fixture->seen_len, turn * SPH_EVENT_TEXT_MAX);
    }
}

/* A closed pipe does not keep the loop awake. */
static void test_end_of_file(void **state) {
    struct fixture *fixture = *state;
    say(fixture, "last");
    hang_up(fixture);
    while (sph_loop_step(fixture->device.loop, 20) > 0)
        ;
    assert_true(sph_output_has_ended(&fixture->output));
    assert_int_equal(fixture->n_ended, 1);
    assert_int_equal(sph_loop_step(fixture->device.loop, 20), 0);
    sph_output_finish(&fixture->output);
    expect_log(fixture, "last|");
}

static void test_any_bytes(void **state) {
    struct fixture *fixture = *state;
    static const char bytes[] = "\0\xff\x1b[31m\n\xc3";
    assert_int_equal(write(fixture->ends[1], bytes, sizeof(bytes) - 1), sizeof(bytes) - 1);
    (void)sph_loop_step(fixture->device.loop, 100);
    assert_int_equal(fixture->seen_len, sizeof(bytes) - 1);
    assert_memory_equal(fixture->seen, bytes, sizeof(bytes) - 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_lines_and_bytes),   TEST(test_finish_takes_what_is_left),
        TEST(test_a_turn_is_bounded), TEST(test_end_of_file),
        TEST(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
