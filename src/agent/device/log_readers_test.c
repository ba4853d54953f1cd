/* Real output through a real pipe into a log of the agent's size: what a follower reads of it. */
#include "agent/device/log_readers.h"

#include <fcntl.h>
#include <string.h>

#include "agent/app/output.h"
#include "agent/device/device.h"
#include "agent/device/logring.h"
#include "base/testing.h"

enum { RING = 32 * 1024, START_MS = 1000 };

static uint64_t now_ms;

uint64_t __wrap_sph_clock_monotonic_ms(void);
uint64_t __wrap_sph_clock_monotonic_ms(void) {
    return now_ms;
}

struct fixture {
    struct sph_device device;
    struct sph_output output;
    int ends[2];
    uint64_t written, read, lost; /* bytes */
    uint64_t cursor;
};

static int make(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    now_ms = START_MS;
    assert_int_equal(pipe2(fixture->ends, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(sph_loop_new(&fixture->device.loop, NULL), 0);
    assert_int_equal(sph_logring_new(RING, &fixture->device.log, NULL), 0);
    const struct sph_output_plan plan = {.source = SPH_LOG_STDOUT, .fd = fixture->ends[0]};
    assert_int_equal(sph_output_init(&fixture->output, &fixture->device, &plan, NULL), 0);
    *state = fixture;
    return 0;
}

static int clean(void **state) {
    struct fixture *fixture = *state;
    sph_output_done(&fixture->output);
    for (int i = 0; i < SPH_LOG_READERS; i++)
        sph_flow_leave(&fixture->device.log_readers.readers[i].flow);
    assert_null(fixture->device.flow.timer);
    (void)sph_loop_free(fixture->device.loop);
    (void)sph_logring_free(fixture->device.log);
    (void)close(fixture->ends[0]);
    (void)close(fixture->ends[1]);
    free(fixture);
    return 0;
}

/* The app writes what its pipe takes; the agent reads as long as there is something to do. */
static void flood(struct fixture *fixture, const char *text) {
    char block[4096];
    size_t len = strlen(text);
    for (size_t at = 0; at < sizeof(block); at++)
        block[at] = text[at % len];
    for (int i = 0; i < 400; i++) {
        ssize_t put = write(fixture->ends[1], block, sizeof(block) / len * len);
        fixture->written += put > 0 ? (uint64_t)put : 0;
        (void)sph_loop_step(fixture->device.loop, 0);
    }
}

/* All that the log has, and that this reader asks for more. */
static void take(struct fixture *fixture, uint64_t number) {
    struct sph_log_line line;
    uint64_t before = fixture->cursor;
    while (sph_logring_next(fixture->device.log, &fixture->cursor, &line)) {
        fixture->lost += line.position - before;
        fixture->read += line.len + 1;
        before = fixture->cursor;
    }
    sph_log_readers_ask(&fixture->device, number, fixture->cursor);
}

static void test_nothing_is_lost(void **state) {
    static const char *const texts[] = {
        "\n", "a\n", "a line of thirty-one characters\n",
        "0123456789012345678901234567890123456789012345678901234\n"};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(texts); i++) {
        sph_log_readers_ask(&fixture->device, 7, fixture->cursor);
        for (int round = 0; round < 300; round++) {
            flood(fixture, texts[i]);
            assert_true(sph_flow_is_held(&fixture->device.flow));
            take(fixture, 7);
        }
        assert_int_equal(fixture->lost, 0);
    }
    assert_true(fixture->read > 50000);
    assert_true(fixture->written >= fixture->read);
}

/* Nobody follows: the log turns over, and no app waits. */
static void test_nobody_follows(void **state) {
    struct fixture *fixture = *state;
    flood(fixture, "hello\n");
    assert_true(fixture->written > 400000);
    take(fixture, 7);
    assert_true(fixture->lost > 300000);
}

static void pass_time(struct fixture *fixture, uint64_t ms) {
    now_ms += ms;
    for (int i = 0; i < 3; i++) /* a look of the flow among them */
        (void)sph_loop_step(fixture->device.loop, 2 * SPH_FLOW_LOOK_MS);
}

/* It asks no more, or again and again for the same: the app goes on after the patience. */
static void test_stuck_reader(void **state) {
    struct fixture *fixture = *state;
    sph_log_readers_ask(&fixture->device, 7, 0);
    flood(fixture, "hello\n");
    assert_true(sph_flow_is_held(&fixture->device.flow));
    pass_time(fixture, SPH_LOG_READERS_PATIENCE_MS - 1);
    sph_log_readers_ask(&fixture->device, 7, 0);
    assert_true(sph_flow_is_held(&fixture->device.flow));
    pass_time(fixture, 1);
    assert_false(sph_flow_is_held(&fixture->device.flow));
    flood(fixture, "hello\n");
    assert_false(sph_flow_is_held(&fixture->device.flow));
    take(fixture, 7);
    assert_true(fixture->lost > 10000); /* which the answer tells */
    flood(fixture, "hello\n");
    assert_true(sph_flow_is_held(&fixture->device.flow)); /* caught up: it is waited for again */
}

static unsigned ended;

static void count_end(struct sph_device *device) {
    (void)device;
    ended++;
}

/* Whoever waits for more lines is answered once apps wait in turn for it, and not before. */
static void test_log_waits_end_when_apps_wait(void **state) {
    struct fixture *fixture = *state;
    fixture->device.end_log_waits = count_end;
    ended = 0;
    flood(fixture, "hello\n"); /* nobody follows */
    assert_int_equal(ended, 0);
    sph_log_readers_ask(&fixture->device, 7, UINT64_MAX);
    assert_int_equal(ended, 0);
    flood(fixture, "hello\n");
    assert_true(sph_flow_is_held(&fixture->device.flow));
    assert_true(ended > 0);
}

static void test_readers_are_forgotten(void **state) {
    struct fixture *fixture = *state;
    struct sph_log_readers *readers = &fixture->device.log_readers;
    for (uint64_t number = 1; number <= SPH_LOG_READERS + 1; number++)
        sph_log_readers_ask(&fixture->device, number, 0); /* one too many: it may lose lines */
    now_ms += SPH_LOG_READERS_IDLE_MS;
    sph_log_readers_ask(&fixture->device, 2, 0);
    assert_true(sph_log_readers_exist(readers));
    now_ms += 1;
    flood(fixture, "x\n");
    assert_true(sph_flow_is_held(&fixture->device.flow)); /* by the one that is left */
    assert_ptr_equal(fixture->device.flow.listeners->next, NULL);
    now_ms += SPH_LOG_READERS_IDLE_MS + 1;
    pass_time(fixture, 0);
    flood(fixture, "x\n");
    assert_false(sph_log_readers_exist(readers));
    assert_false(sph_flow_is_held(&fixture->device.flow));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_lost),       TEST(test_nobody_follows),
        TEST(test_stuck_reader),          TEST(test_log_waits_end_when_apps_wait),
        TEST(test_readers_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
