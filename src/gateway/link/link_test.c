/* Orders, refusals and losses that a well-behaved agent does not show. */
#include "base/crc32.h"
#include "gateway/link/link_bench_test.h"

/* The linker puts this in the place of the real one (--wrap). */
static int calloc_fails;
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size) {
    return calloc_fails ? NULL : __real_calloc(count, size);
}

static void nothing_is_asked_of_an_agent_that_is_away(void **state) {
    struct bench *bench = *state;
    struct sph_ask *one;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(ask(bench, &one, &err), -ENOTCONN);
    assert_string_equal(err.text, "the gateway is connecting to the device's agent");
    bench->refuses = true;
    until(bench, &bench->connects, 1);
    assert_int_equal(ask(bench, &one, &err), -ENOTCONN);
    assert_string_equal(err.text, "the device's agent is not running: nobody is there");
}

static void the_wait_between_tries_doubles(void **state) {
    struct bench *bench = *state;
    bench->refuses = true;
    uint64_t begin = sph_clock_monotonic_ms();
    until(bench, &bench->connects, 5); /* after 20 + 40 + 80 + 160 ms */
    uint64_t took = sph_clock_monotonic_ms() - begin;
    assert_true(took >= 290);
    bench->refuses = false;
    greet(bench, 1);
    assert_int_equal(bench->losses, 0);
}

static void answers_find_their_questions_in_any_order(void **state) {
    struct bench *bench = *state;
    struct sph_ask *asks[3];
    struct sph_frame frames[3];
    uint8_t payloads[3][8];
    greet(bench, 1);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ask(bench, &asks[i], NULL), 0);
        assert_int_equal(bench->answers, 0);
        assert_true(next_request(bench, &frames[i]));
        frames[i].payload = payloads[i];
    }
    assert_null(sph_link_forget(asks[1]));
    reply(bench, &frames[2], NULL);
    until(bench, &bench->answers, 1);
    assert_int_equal(bench->last_kind, SPH_ANSWER_REPLY);
    reply(bench, &frames[2], NULL); /* once more: nobody's */
    reply(bench, &frames[1], NULL); /* forgotten */
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    assert_int_equal(sph_op_put_error(&out, frames[0].op, frames[0].id, 5, "no"), 0);
    say(bench, &out);
    until(bench, &bench->answers, 2);
    assert_int_equal(bench->last_kind, SPH_ANSWER_ERROR);
}

static void a_loss_answers_all_that_waits(void **state) {
    struct bench *bench = *state;
    struct sph_ask *asks[3];
    greet(bench, 1);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(ask(bench, &asks[i], NULL), 0);
    assert_null(sph_link_forget(asks[0]));
    drop(bench);
    assert_int_equal(bench->answers, 2);
    assert_int_equal(bench->last_kind, SPH_ANSWER_LOST);
    assert_string_equal(bench->last_text,
                        "the device's agent has ended; the gateway connects to it again");
    greet(bench, 1);
    assert_false(bench->restarted);
    drop(bench);
    greet(bench, 2);
    assert_true(bench->restarted);
}

static void too_many_questions_are_refused(void **state) {
    struct bench *bench = *state;
    struct sph_ask *one;
    struct sph_err err = SPH_ERR_NULL;
    greet(bench, 1);
    for (unsigned i = 0; i < SPH_LINK_ASKS; i++)
        assert_int_equal(ask(bench, &one, NULL), 0);
    assert_int_equal(ask(bench, &one, &err), -EBUSY);
    assert_string_equal(err.text, "too many requests are under way");
    static const char big[SPH_FRAME_PAYLOAD_MAX + 1];
    drop(bench);
    greet(bench, 1);
    const struct sph_question too_big = {
        .op = SPH_OP_STATUS, .payload = big, .len = sizeof(big), .fn = on_answer, .context = bench};
    assert_int_equal(sph_link_ask(bench->link, &too_big, &one, &err), -EMSGSIZE);
    assert_string_equal(err.text, "the request is too large for the agent");
    assert_int_equal(ask(bench, &one, NULL), 0);
}

static void events_are_remembered_by_number(void **state) {
    struct bench *bench = *state;
    struct sph_frame frame;
    greet(bench, 1);
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    struct sph_msg_event event = {.seq = 41, .kind = SPH_EVENT_GPIO};
    assert_int_equal(sph_op_put_event(&out, 2, &event, NULL), 0);
    sph_frame_append(&out, SPH_FRAME_EVENT, SPH_OP_EVENTS, 2, "\1",
                     1); /* unreadable: passed over */
    event.seq = 42;
    assert_int_equal(sph_op_put_event(&out, 2, &event, NULL), 0);
    sph_frame_append(&out, 77, SPH_OP_EVENTS, 2, NULL, 0); /* of an unknown type */
    say(bench, &out);
    until(bench, &bench->events, 2);
    assert_int_equal(sph_link_last_seq(bench->link), 42);
    drop(bench);
    struct sph_msg_hello_reply hello = {.version = 1, .boot_id = {.bytes = {1}}};
    assert_true(next_request(bench, &frame));
    reply(bench, &frame, &hello);
    assert_true(next_request(bench, &frame));
    struct sph_msg_events events;
    assert_int_equal(
        sph_codec_decode(&sph_msg_events_codec, frame.payload, frame.payload_len, &events, NULL),
        0);
    assert_true(events.has_after);
    assert_int_equal(events.after_seq, 42);
}

static void tell_event(struct bench *bench, uint64_t seq) {
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    struct sph_msg_event event = {.seq = seq, .kind = SPH_EVENT_GPIO};
    unsigned wanted = bench->events + 1;
    assert_int_equal(sph_op_put_event(&out, 2, &event, NULL), 0);
    say(bench, &out);
    until(bench, &bench->events, wanted);
}

/* What was before the gateway is not missed; what comes between two numbers is, over a new
 * connection too, and so is the begin of a boot that it should have heard. */
static void gaps_are_told(void **state) {
    struct bench *bench = *state;
    struct sph_frame frame;
    struct sph_msg_hello_reply hello = {.version = 1, .boot_id = {.bytes = {1}}};
    struct sph_msg_events_reply kept = {.oldest_seq = 40, .last_seq = 60};
    assert_true(next_request(bench, &frame));
    reply(bench, &frame, &hello);
    assert_true(next_request(bench, &frame));
    reply(bench, &frame, &kept);
    until(bench, &bench->readies, 1);
    tell_event(bench, 40);
    tell_event(bench, 41);
    assert_int_equal(bench->missed, 0);
    tell_event(bench, 45);
    assert_int_equal(bench->missed, 3);
    drop(bench);
    greet(bench, 1);
    tell_event(bench, 47);
    assert_int_equal(bench->missed, 4);
    drop(bench);
    greet(bench, 2);
    tell_event(bench, 3);
    assert_int_equal(bench->missed, 6);
}

static void expect_events(struct bench *bench, bool has_after, bool hold) {
    struct sph_frame frame;
    struct sph_msg_events events;
    assert_true(next_request(bench, &frame));
    assert_int_equal(frame.op, SPH_OP_EVENTS);
    assert_int_equal(
        sph_codec_decode(&sph_msg_events_codec, frame.payload, frame.payload_len, &events, NULL),
        0);
    assert_int_equal(events.has_after, has_after);
    assert_int_equal(events.hold, hold);
    struct sph_msg_events_reply answer = {.last_seq = 0};
    reply(bench, &frame, &answer);
}

/* The frame stays good until the next one is asked for. */
static void expect_ack(struct bench *bench, uint64_t seq, struct sph_frame *ret_frame) {
    struct sph_msg_events_ack ack;
    assert_true(next_request(bench, ret_frame));
    assert_int_equal(ret_frame->op, SPH_OP_EVENTS_ACK);
    assert_int_equal(sph_codec_decode(&sph_msg_events_ack_codec, ret_frame->payload,
                                      ret_frame->payload_len, &ack, NULL),
                     0);
    assert_int_equal(ack.seq, seq);
}

/* One acknowledgement at a time, of the newest; none without a hold; anew after a restart. */
static void what_is_had_is_acknowledged(void **state) {
    struct bench *bench = *state;
    struct sph_frame frame;
    greet(bench, 1);
    sph_link_acknowledge(bench->link, false, 5); /* nobody needs it */
    sph_link_acknowledge(bench->link, true, 5);
    expect_events(bench, false, true);
    expect_ack(bench, 5, &frame);
    sph_link_acknowledge(bench->link, true, 7);
    sph_link_acknowledge(bench->link, true, 9);
    reply(bench, &frame, NULL);
    for (int i = 0; i < 5; i++)
        (void)sph_loop_step(bench->loop, 10);
    sph_link_acknowledge(bench->link, true, 9);
    expect_ack(bench, 9, &frame);
    reply(bench, &frame, NULL);
    for (int i = 0; i < 5; i++)
        (void)sph_loop_step(bench->loop, 10);
    sph_link_acknowledge(bench->link, true, 9); /* said already */
    drop(bench);
    sph_link_acknowledge(bench->link, true, 10); /* nobody to say it to */
    struct sph_msg_hello_reply hello = {.version = 1, .boot_id = {.bytes = {2}}};
    assert_true(next_request(bench, &frame));
    reply(bench, &frame, &hello);
    expect_events(bench, true, true);
    until(bench, &bench->readies, 2);
    sph_link_acknowledge(bench->link, true, 2); /* numbers began again */
    expect_ack(bench, 2, &frame);
    sph_link_acknowledge(bench->link, false, 3);
    expect_events(bench, false, false);
}

static void another_version_is_a_sentence(void **state) {
    struct bench *bench = *state;
    greet(bench, 1);
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    sph_frame_append(&out, SPH_FRAME_REPLY, SPH_OP_STATUS, 3, NULL, 0);
    uint8_t *at = (uint8_t *)out.data;
    at[4] = 9;
    uint32_t crc = sph_crc32(0, at, 20);
    for (int i = 0; i < 4; i++)
        at[20 + i] = (uint8_t)(crc >> 8 * i);
    say(bench, &out);
    until(bench, &bench->losses, 1);
    assert_string_equal(bench->last_text,
                        "the agent speaks another version of the protocol than this gateway");
}

static void an_answer_that_does_not_come_is_told(void **state) {
    struct bench *bench = *state;
    struct sph_frame frame;
    struct sph_ask *one, *two;
    const struct sph_question patient = {
        .op = SPH_OP_LOG_READ, .extra_ms = 30000, .fn = on_answer, .context = bench};
    greet(bench, 1);
    assert_int_equal(ask(bench, &one, NULL), 0);
    assert_true(next_request(bench, &frame));
    assert_int_equal(sph_link_ask(bench->link, &patient, &two, NULL), 0);
    clock_ahead_ms = SPH_LINK_ANSWER_MS + 1000;
    until(bench, &bench->answers, 1);
    assert_int_equal(bench->last_kind, SPH_ANSWER_TIMEOUT);
    assert_string_equal(bench->last_text, "the agent did not answer in time");
    reply(bench, &frame, NULL); /* too late: nobody's */
    assert_int_equal(bench->answers, 1);
    clock_ahead_ms += 30000;
    until(bench, &bench->answers, 2);
    assert_int_equal(bench->losses, 0); /* the connection is kept */
    clock_ahead_ms = 0;
}

static void a_greeting_that_does_not_come_is_a_loss(void **state) {
    struct bench *bench = *state;
    struct sph_frame frame;
    assert_true(next_request(bench, &frame));
    clock_ahead_ms = SPH_LINK_ANSWER_MS;
    until(bench, &bench->connects, 2);
    struct sph_ask *one;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(ask(bench, &one, &err), -ENOTCONN);
    assert_string_equal(err.text, "the device's agent does not answer the gateway's greeting");
    clock_ahead_ms = 0;
}

static void no_memory_is_a_sentence(void **state) {
    struct bench *bench = *state;
    struct sph_link *link = NULL;
    struct sph_ask *one = NULL;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_backend backend;
    const struct sph_link_listener listener = {.context = bench};
    greet(bench, 1);
    calloc_fails = 1;
    assert_int_equal(ask(bench, &one, &err), -ENOMEM);
    assert_string_equal(err.text, "the request is too large for the gateway's memory");
    assert_int_equal(sph_link_new(bench->loop, &bench->backend, &listener, &link, &err), -ENOMEM);
    assert_string_equal(err.text, "out of memory for the link to the agent");
    assert_int_equal(sph_backend_native(0, "agent.sock", &backend, &err), -ENOMEM);
    assert_string_equal(err.text, "out of memory for the connection to the agent");
    calloc_fails = 0;
    assert_null(one);
    assert_int_equal(ask(bench, &one, NULL), 0); /* nothing of the failed one is left behind */
    struct sph_frame frame;
    assert_true(next_request(bench, &frame));
    reply(bench, &frame, NULL);
    until(bench, &bench->answers, 1);
}

static void the_native_back_end_connects_by_folder(void **state) {
    struct bench *bench = *state;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_backend backend;
    static const char long_name[] =
        "0123456789012345678901234567890123456789012345678901234567890123";
    (void)bench;
    assert_int_equal(sph_backend_native(-1, long_name, &backend, &err), -ENAMETOOLONG);
    assert_string_equal(err.text, "the agent's socket has too long a name");
    assert_int_equal(sph_backend_native(-1, "agent.sock", &backend, &err), 0);
    assert_int_equal(backend.connect(backend.context, &err), -EBADF);
    assert_string_equal(err.text,
                        "cannot open the folder of the socket agent.sock: Bad file descriptor");
    sph_backend_done(&backend);
    sph_backend_done(&backend);
    sph_backend_done(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_asked_of_an_agent_that_is_away, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_wait_between_tries_doubles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_find_their_questions_in_any_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_loss_answers_all_that_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_questions_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_are_remembered_by_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gaps_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_had_is_acknowledged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_version_is_a_sentence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_that_does_not_come_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_greeting_that_does_not_come_is_a_loss, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_memory_is_a_sentence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_native_back_end_connects_by_folder, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
