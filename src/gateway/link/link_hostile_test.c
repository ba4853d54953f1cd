/* An agent that means harm, is damaged or is slow, against the link. */
#include "gateway/link/link_bench_test.h"

static void say_frame(struct bench *bench, enum sph_frame_type type, uint16_t op, uint32_t id,
                      const char *payload, size_t len) {
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    assert_int_equal(sph_frame_append(&out, type, op, id, payload, len), 0);
    say(bench, &out);
}

/* Neither half of a greeting makes a conversation when it cannot be read, or is a refusal. */
static void greetings_that_are_none(void **state) {
    struct bench *bench = *state;
    static const struct {
        bool is_second; /* the answer about events */
        enum sph_frame_type type;
        const char *payload;
        size_t len;
        const char *message;
    } cases[] = {
        {false, SPH_FRAME_REPLY, "", 0,
         "the agent's greeting cannot be read; it is of another version"},
        {false, SPH_FRAME_REPLY, "\1\0\5\0\1\0\0\0\0", 9,
         "the agent's greeting cannot be read; it is of another version"},
        {false, SPH_FRAME_ERROR, "\1\0\4\0\1\0\0\0\2\0\2\0no", 14,
         "the agent refuses the gateway: no"},
        {false, SPH_FRAME_ERROR, "\1\0\4\0\1\0\0\0\2\0\7\0\x1b[2J\n\xc3!", 19,
         "the agent refuses the gateway: ?[2J?"
         "?!"},
        {false, SPH_FRAME_ERROR, "\1\0\4\0\1\0\0\0", 8,
         "the agent refuses the gateway: (without a reason that can be read)"},
        {false, SPH_FRAME_ERROR, "\1", 1,
         "the agent refuses the gateway: (without a reason that can be read)"},
        {true, SPH_FRAME_ERROR, "\1", 1,
         "the agent refuses the gateway: (without a reason that can be read)"},
        {true, SPH_FRAME_ERROR, "\1\0\4\0\1\0\0\0\2\0\4\0full", 16,
         "the agent refuses the gateway: full"},
        {true, SPH_FRAME_REPLY, "\1\0\1\0\1", 5,
         "the agent's answer about events cannot be read; it is of another version"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_frame frame;
        const struct sph_msg_hello_reply hello = {.version = 1};
        assert_true(next_request(bench, &frame));
        if (cases[i].is_second) {
            reply(bench, &frame, &hello);
            assert_true(next_request(bench, &frame));
        }
        bench->refuses = true; /* so that the sentence stays to be looked at */
        say_frame(bench, cases[i].type, frame.op, frame.id, cases[i].payload, cases[i].len);
        (void)sph_loop_step(bench->loop, 100);
        assert_string_equal(sph_link_message(bench->link), cases[i].message);
        assert_false(sph_link_is_ready(bench->link));
        (void)close(bench->agent_fd);
        bench->agent_fd = -1;
        bench->refuses = false;
    }
    assert_int_equal(bench->readies + bench->losses, 0);
}

/* What cannot be for us is passed over, and the conversation goes on. */
static void strange_frames_disturb_nothing(void **state) {
    struct bench *bench = *state;
    struct sph_ask *one;
    struct sph_frame frame;
    greet(bench, 1);
    assert_int_equal(ask(bench, &one, NULL), 0);
    assert_true(next_request(bench, &frame));
    static const struct {
        unsigned type;
        uint32_t id;
        const char *payload;
        size_t len;
    } cases[] = {
        {SPH_FRAME_REQUEST, 0, "", 0},
        {SPH_FRAME_REPLY, 0, "", 0},
        {SPH_FRAME_REPLY, 99999, "x", 1},
        {SPH_FRAME_ERROR, 99999, "", 0},
        {SPH_FRAME_EVENT, 0, "", 0},
        {SPH_FRAME_EVENT, 0, "\1\0\10\0\1", 5},
        {77, 0, "", 0},
        {255, 1, "abc", 3},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++)
        say_frame(bench, (enum sph_frame_type)cases[i].type, SPH_OP_STATUS,
                  cases[i].type == 255 ? frame.id : cases[i].id, cases[i].payload, cases[i].len);
    for (unsigned i = 0; i < 20; i++)
        (void)sph_loop_step(bench->loop, 1);
    assert_int_equal(bench->answers + bench->events + bench->losses, 0);
    reply(bench, &frame, NULL);
    until(bench, &bench->answers, 1);
    assert_int_equal(bench->last_kind, SPH_ANSWER_REPLY);
    reply(bench, &frame, NULL); /* once more the same: nobody waits for it any longer */
    for (unsigned i = 0; i < 20; i++)
        (void)sph_loop_step(bench->loop, 1);
    assert_int_equal(bench->answers, 1);
}

/* A frame that was begun and never ended swallows the greeting behind it, until it is given up; the
 * other half of the greeting then leaves at once, though nothing more is read. */
static void a_stalled_frame_delays_the_greeting_only(void **state) {
    struct bench *bench = *state;
    struct sph_frame frame;
    static char payload[30000];
    const struct sph_msg_hello_reply hello = {.version = 1};
    assert_true(next_request(bench, &frame));
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    assert_int_equal(
        sph_frame_append(&out, SPH_FRAME_REPLY, SPH_OP_HELLO, 5, payload, sizeof(payload)), 0);
    sph_buf_truncate(&out, 100);
    assert_int_equal(sph_op_put_reply(&out, SPH_OP_HELLO, frame.id, &hello, NULL), 0);
    say(bench, &out);
    for (unsigned i = 0; i < 20; i++)
        (void)sph_loop_step(bench->loop, 5);
    assert_int_equal(bench->connects, 1);
    clock_ahead_ms = SPH_FRAME_STALL_MS + 500;
    assert_true(next_request(bench, &frame));
    assert_int_equal(frame.op, SPH_OP_EVENTS);
    clock_ahead_ms = 0;
}

/* The agent reads nothing for a while: what does not fit the socket waits, in order and whole. */
static void requests_wait_for_a_slow_agent(void **state) {
    struct bench *bench = *state;
    enum { BYTES = 2500 };
    static char payload[BYTES];
    struct sph_ask *asks[SPH_LINK_ASKS];
    struct sph_err err = SPH_ERR_NULL;
    greet(bench, 1);
    for (unsigned i = 0; i < SPH_LINK_ASKS; i++) {
        memset(payload, (int)i, sizeof(payload));
        const struct sph_question question = {.op = SPH_OP_STAGE_DATA,
                                              .payload = payload,
                                              .len = sizeof(payload),
                                              .fn = on_answer,
                                              .context = bench};
        assert_int_equal(sph_link_ask(bench->link, &question, &asks[i], &err), 0);
    }
    for (unsigned i = 0; i < 20; i++) /* until the socket takes no more */
        (void)sph_loop_step(bench->loop, 1);
    for (unsigned i = 0; i < SPH_LINK_ASKS; i++) {
        struct sph_frame frame;
        assert_true(next_request(bench, &frame));
        assert_int_equal(frame.payload_len, BYTES);
        assert_int_equal(frame.payload[0], i);
        assert_int_equal(frame.payload[BYTES - 1], i);
        reply(bench, &frame, NULL);
    }
    until(bench, &bench->answers, SPH_LINK_ASKS);
    assert_int_equal(bench->reader.skipped_bytes, 0);
}

static void too_large_a_question_is_refused(void **state) {
    struct bench *bench = *state;
    static char payload[SPH_FRAME_PAYLOAD_MAX + 1];
    struct sph_question question = {
        .op = SPH_OP_STAGE_DATA, .payload = payload, .len = sizeof(payload)};
    struct sph_ask *one = NULL;
    struct sph_err err = SPH_ERR_NULL;
    greet(bench, 1);
    assert_int_equal(sph_link_ask(bench->link, &question, &one, &err), -EMSGSIZE);
    assert_string_equal(err.text, "the request is too large for the agent");
    assert_null(one);
    question.len--;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < SPH_LINK_ASKS; i++)
        rc = sph_link_ask(bench->link, &question, &one, &err);
    assert_int_equal(rc, -EFBIG); /* what waits to be written has a limit too */
    assert_string_equal(err.text, "the request is too large for the agent");
    struct sph_frame frame;
    assert_true(next_request(bench, &frame)); /* the earlier ones go out whole */
    assert_int_equal(frame.payload_len, SPH_FRAME_PAYLOAD_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(greetings_that_are_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strange_frames_disturb_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stalled_frame_delays_the_greeting_only, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(requests_wait_for_a_slow_agent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_large_a_question_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
