/* The conversation with an agent inside a machine: over a port that outlives both ends of it. */
#include "gateway/link/link_bench_test.h"

static bool is_running;
static bool runs(void *context) {
    (void)context;
    return is_running;
}

static int why_gone(void *context, struct sph_err *err) {
    (void)context;
    return is_running ? 0 : SPH_FAIL(err, -EHOSTDOWN, "the machine was killed");
}

static int start_virtual(void **state) {
    int rc = set_up(state);
    struct bench *bench = *state;
    clock_ahead_ms = 0;
    is_running = true;
    bench->backend.runs = runs;
    bench->backend.why_gone = why_gone;
    return rc;
}

static void a_hello_tells_the_time(void **state) {
    struct bench *bench = *state;
    struct sph_frame frame;
    struct sph_msg_hello hello;
    uint64_t before_ms = sph_clock_wall_ms();
    assert_true(next_request(bench, &frame));
    assert_int_equal(frame.op, SPH_OP_HELLO);
    assert_int_equal(
        sph_codec_decode(&sph_msg_hello_codec, frame.payload, frame.payload_len, &hello, NULL), 0);
    assert_in_range(hello.time_ms, before_ms, sph_clock_wall_ms());
}

/* The error frame of nobody's hello; requests under way are lost with the agent that had them. */
static void an_agent_that_starts_anew_is_greeted_anew(void **state) {
    struct bench *bench = *state;
    struct sph_ask *one;
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    greet(bench, 1);
    assert_int_equal(ask(bench, &one, NULL), 0);
    assert_int_equal(sph_op_put_error(&out, SPH_OP_HELLO, 0, EAGAIN, "started anew"), 0);
    say(bench, &out);
    until(bench, &bench->losses, 1);
    assert_int_equal(bench->answers, 1);
    assert_int_equal(bench->last_kind, SPH_ANSWER_LOST);
    assert_string_equal(bench->last_text,
                        "the device's agent has started anew; the gateway connects to it again");
    greet(bench, 2);
    assert_true(bench->restarted);
}

/* What is left of an earlier conversation: the end of a frame, events, answers. */
static void leftovers_are_passed_over(void **state) {
    struct bench *bench = *state;
    struct sph_frame frame;
    const struct sph_msg_hello_reply hello = {.version = 1};
    const struct sph_msg_events_reply events = {.last_seq = 0};
    const struct sph_msg_event old = {.seq = 7000, .kind = SPH_EVENT_STOPPED};
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    sph_buf_append(&out, "\x53\x70\x48\xf7 is the end of something else", 30);
    assert_int_equal(sph_op_put_event(&out, 3, &old, NULL), 0);
    assert_int_equal(sph_op_put_reply(&out, SPH_OP_STATUS, 77777, NULL, NULL), 0);
    assert_true(next_request(bench, &frame));
    say(bench, &out);
    reply(bench, &frame, &hello);
    assert_true(next_request(bench, &frame));
    assert_int_equal(frame.op, SPH_OP_EVENTS);
    reply(bench, &frame, &events);
    until(bench, &bench->readies, 1);
    assert_int_equal(bench->events, 0);
    assert_int_equal(sph_link_last_seq(bench->link), 0);
    assert_int_equal(bench->connects, 1);
}

static void a_machine_that_ends_is_told_as_that(void **state) {
    struct bench *bench = *state;
    struct sph_ask *one;
    struct sph_err err = SPH_ERR_NULL;
    greet(bench, 1);
    assert_int_equal(ask(bench, &one, NULL), 0);
    is_running = false;
    drop(bench);
    assert_int_equal(bench->answers, 1);
    assert_string_equal(bench->last_text, "the machine was killed");
    assert_int_equal(ask(bench, &one, &err), -ENOTCONN);
    assert_string_equal(err.text, "the machine was killed");
    is_running = true; /* the connection alone has ended */
    greet(bench, 1);
    drop(bench);
    assert_string_equal(bench->last_text,
                        "the device's agent has ended; the gateway connects to it again");
}

static void an_agent_that_is_silent(void **state) {
    struct bench *bench = *state;
    struct sph_frame frame;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_ask *one;
    assert_true(next_request(bench, &frame));
    clock_ahead_ms = 10001;
    until(bench, &bench->connects, 2);
    assert_int_equal(ask(bench, &one, &err), -ENOTCONN);
    assert_string_equal(err.text, "the virtual machine runs, but the agent in it does not answer "
                                  "(console.log in the device's folder may say why)");
    greet(bench, 1);
}

/* At once, also in the midst of a long wait; and a conversation ends for it. */
static void renewed_at_once(void **state) {
    struct bench *bench = *state;
    bench->refuses = true;
    until(bench, &bench->connects, 6);
    bench->refuses = false;
    uint64_t begin_ms = sph_clock_monotonic_ms();
    sph_link_renew(bench->link, "not told while it is away");
    greet(bench, 1);
    assert_true(sph_clock_monotonic_ms() - begin_ms < 250); /* the next try was due in 320 ms */
    sph_link_renew(bench->link, "there is a new machine");
    assert_int_equal(bench->losses, 1);
    assert_string_equal(bench->last_text, "there is a new machine");
    assert_string_equal(sph_link_message(bench->link), "there is a new machine");
    greet(bench, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_hello_tells_the_time, start_virtual, tear_down),
        cmocka_unit_test_setup_teardown(an_agent_that_starts_anew_is_greeted_anew, start_virtual,
                                        tear_down),
        cmocka_unit_test_setup_teardown(leftovers_are_passed_over, start_virtual, tear_down),
        cmocka_unit_test_setup_teardown(a_machine_that_ends_is_told_as_that, start_virtual,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_agent_that_is_silent, start_virtual, tear_down),
        cmocka_unit_test_setup_teardown(renewed_at_once, start_virtual, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
