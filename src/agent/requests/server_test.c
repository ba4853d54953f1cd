/* The protocol's manners: greeting, errors, slow and hostile clients, bounds. */
#include "agent/requests/wire_client_test.h"

#include <malloc.h>
#include <string.h>

#include "base/clock.h"
#include "base/crc32.h"

static void test_hello(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_msg_hello hello = {.version_min = 1, .version_max = 9};
    struct sph_msg_hello_reply reply;
    wire_connect(fixture, &client);
    wire_call(&client, SPH_OP_HELLO, &hello, &reply);
    assert_int_equal(reply.version, SPH_FRAME_VERSION);
    assert_true(sph_slice_is(reply.device, "test"));
    assert_true(sph_slice_is(reply.profile, "mt3620"));
    assert_true(sph_slice_is(reply.backend, "native"));
    assert_true(sph_slice_is(reply.program, "spherule-agent " SPH_VERSION));
    assert_int_equal(reply.ram_bytes, 262144);
    assert_int_equal(reply.page_bytes, 4096);
    assert_true(reply.core.len > 0 && reply.kernel.len > 0);
    hello = (struct sph_msg_hello){.version_min = 2, .version_max = 3};
    wire_refused(&client, SPH_OP_HELLO, &hello, 10485761,
                 "this agent speaks version 1 of the protocol, the client 2 to 3: use programs of "
                 "one release");
    wire_disconnect(&client);
    assert_int_equal(sph_server_connections(fixture->device.server), 0);
}

static void put_frame_of_version(uint8_t version, uint16_t op, struct sph_buf *out) {
    assert_int_equal(sph_frame_append(out, SPH_FRAME_REQUEST, op, 77, NULL, 0), 0);
    out->data[4] = (char)version;
    uint32_t crc = sph_crc32(0, out->data, 20);
    for (int i = 0; i < 4; i++)
        out->data[20 + i] = (char)(crc >> (8 * i));
}

static void test_protocol_errors(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    sph_autobuf struct sph_buf frame = SPH_BUF_NULL;
    wire_connect(fixture, &client);
    put_frame_of_version(2, SPH_OP_STATUS, &frame);
    wire_send(&client, frame.data, frame.len);
    wire_expect_error(&client, 10485761, "this agent speaks version 1 of the protocol, not 2");
    frame.len = 0;
    assert_int_equal(sph_frame_append(&frame, SPH_FRAME_REQUEST, 999, 1, NULL, 0), 0);
    wire_send(&client, frame.data, frame.len);
    wire_expect_error(&client, 10485761, "this agent has no operation 999");
    frame.len = 0;
    assert_int_equal(sph_frame_append(&frame, SPH_FRAME_REQUEST, SPH_OP_APP_QUOTA, 1, "abc", 3), 0);
    struct sph_err err = SPH_ERR_NULL;
    struct sph_msg_component component;
    assert_int_equal(sph_codec_decode(&sph_msg_component_codec, "abc", 3, &component, &err),
                     -EBADMSG);
    wire_send(&client, frame.data, frame.len);
    wire_expect_error(&client, 10485761, err.text);
    frame.len = 0; /* what is no request is passed over */
    static const uint8_t types[] = {SPH_FRAME_REPLY, SPH_FRAME_ERROR, SPH_FRAME_EVENT, 99};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(types); i++)
        assert_int_equal(sph_frame_append(&frame, types[i], SPH_OP_STATUS, 5, NULL, 0), 0);
    wire_send(&client, frame.data, frame.len);
    wire_call(&client, SPH_OP_STATUS, NULL, NULL);
    wire_disconnect(&client);
}

static void test_peers(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client clients[SPH_SERVER_CONNECTIONS];
    struct sph_err err = SPH_ERR_NULL;
    int pair[2];
    fixture->device.owner = 1000;
    for (size_t i = 0; i < SPH_SERVER_CONNECTIONS; i++)
        wire_connect(fixture, &clients[i]);
    static const struct {
        uid_t uid;
        int code;
        const char *sentence;
    } rows[] = {
        {1001, -EACCES, "user 1001 is neither root nor the owner of the device"},
        {1000, -EUSERS, "16 clients are connected already"},
        {0, -EUSERS, "16 clients are connected already"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(sph_server_adopt(fixture->device.server, pair[1], rows[i].uid, &err),
                         rows[i].code);
        assert_err(&err, rows[i].code, rows[i].sentence);
        char byte;
        assert_int_equal(recv(pair[0], &byte, 1, 0), 0); /* it was closed */
        (void)close(pair[0]);
    }
    for (size_t i = 0; i < SPH_SERVER_CONNECTIONS; i++) {
        wire_call(&clients[i], SPH_OP_STATUS, NULL, NULL);
        wire_disconnect(&clients[i]);
    }
    assert_int_equal(sph_server_connections(fixture->device.server), 0);
}

static void test_events(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_guid app = fixture_component(1);
    struct sph_msg_events_reply reply;
    struct sph_frame frame;
    struct sph_msg_event event;
    wire_connect(fixture, &client);
    for (int i = 0; i < 3; i++)
        sph_events_note(fixture->device.events, SPH_EVENT_STARTED, &app);
    struct sph_msg_events after = {.has_after = true, .after_seq = 1};
    wire_call(&client, SPH_OP_EVENTS, &after, &reply);
    assert_int_equal(reply.last_seq, 3);
    assert_int_equal(reply.oldest_seq, 1);
    sph_events_note(fixture->device.events, SPH_EVENT_DELETED, &app);
    for (uint64_t seq = 2; seq <= 4; seq++) {
        assert_true(wire_receive(&client, 1000, &frame));
        assert_int_equal(frame.type, SPH_FRAME_EVENT);
        assert_int_equal(frame.id, client.last_id);
        assert_int_equal(
            sph_codec_decode(&sph_msg_event_codec, frame.payload, frame.payload_len, &event, NULL),
            0);
        assert_int_equal(event.seq, seq);
    }
    uint32_t first_id = client.last_id; /* a second subscription takes its place */
    wire_call(&client, SPH_OP_EVENTS, NULL, &reply);
    sph_events_note(fixture->device.events, SPH_EVENT_DELETED, &app);
    assert_true(wire_receive(&client, 1000, &frame));
    assert_int_equal(frame.id, first_id + 1);
    assert_false(wire_receive(&client, 20, &frame));
    wire_disconnect(&client);
    sph_events_note(fixture->device.events, SPH_EVENT_DELETED, &app); /* nobody listens */
}

/* 50 MiB of events for a client that reads nothing: the agent keeps its bound and counts. */
static void test_slow_event_reader(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client slow, quick;
    static char text[1024];
    struct sph_frame frame;
    memset(text, 'x', sizeof(text));
    struct sph_msg_event event = {.kind = SPH_EVENT_OUTPUT, .text = sph_slice(text, sizeof(text))};
    wire_connect(fixture, &slow);
    wire_connect(fixture, &quick);
    wire_call(&slow, SPH_OP_EVENTS, NULL, NULL);
    wire_call(&quick, SPH_OP_EVENTS, NULL, NULL);
    size_t before = mallinfo2().uordblks, most = 0;
    uint64_t heard = 0;
    for (int i = 0; i < 50000; i++) {
        sph_events_publish(fixture->device.events, &event);
        (void)sph_loop_step(fixture->device.loop, 0);
        while (wire_receive(&quick, 0, &frame))
            heard++;
        size_t now = mallinfo2().uordblks;
        most = now > before + most ? now - before : most;
    }
    assert_int_equal(heard, 50000);
    uint64_t dropped = sph_server_events_dropped(fixture->device.server);
    print_message("dropped %llu of 50000, memory grew by at most %zu bytes\n",
                  (unsigned long long)dropped, most);
    assert_true(dropped > 40000);
#ifndef __SANITIZE_ADDRESS__
    assert_true(most < (size_t)512 * 1024);
#endif
    uint64_t got = 0, last = 0;
    struct sph_msg_event seen;
    while (wire_receive(&slow, 5, &frame)) { /* replies are never dropped, events have a gap */
        assert_int_equal(
            sph_codec_decode(&sph_msg_event_codec, frame.payload, frame.payload_len, &seen, NULL),
            0);
        assert_true(seen.seq > last);
        last = seen.seq;
        got++;
    }
    dropped = sph_server_events_dropped(fixture->device.server);
    assert_int_equal(got + dropped, 50000); /* what is kept still came after the gap … */
    assert_int_equal(last, 50000);          /* … up to the newest */
    wire_call(&slow, SPH_OP_STATUS, NULL, NULL);
    wire_disconnect(&slow);
    assert_int_equal(sph_server_events_dropped(fixture->device.server), dropped);
    wire_disconnect(&quick);
}

static void publish_output(struct wire_fixture *fixture, unsigned count) {
    static char text[SPH_EVENT_TEXT_MAX];
    struct sph_msg_event event = {.kind = SPH_EVENT_OUTPUT, .text = sph_slice(text, sizeof(text))};
    for (unsigned i = 0; i < count; i++)
        sph_events_publish(fixture->device.events, &event);
}

/* The reply stands behind events. */
static void ask_through(struct wire_client *client, uint16_t op, const void *message) {
    struct sph_frame frame;
    uint32_t id = wire_request(client, op, message);
    do
        assert_true(wire_receive(client, 1000, &frame));
    while (frame.type == SPH_FRAME_EVENT);
    assert_int_equal(frame.id, id);
    assert_int_equal(frame.type, SPH_FRAME_REPLY);
}

static void acknowledge(struct wire_client *client, uint64_t seq) {
    struct sph_msg_events_ack ack = {.seq = seq};
    ask_through(client, SPH_OP_EVENTS_ACK, &ack);
}

/* Apps wait while a client that asked for it owes acknowledgements, and for no other. */
static void test_holding_client(void **state) {
    struct wire_fixture *fixture = *state;
    const struct sph_flow *flow = &fixture->device.flow;
    struct wire_client client, other;
    struct sph_msg_events hold = {.hold = true};
    wire_connect(fixture, &other);
    wire_call(&other, SPH_OP_EVENTS, NULL, NULL);
    publish_output(fixture, SPH_CONNECTION_WINDOW);
    assert_false(sph_flow_is_held(flow));
    wire_connect(fixture, &client);
    wire_call(&client, SPH_OP_EVENTS, &hold, NULL); /* what was before counts as taken */
    publish_output(fixture, SPH_CONNECTION_WINDOW - 1);
    assert_false(sph_flow_is_held(flow));
    publish_output(fixture, 1);
    assert_true(sph_flow_is_held(flow));
    acknowledge(&client, SPH_CONNECTION_WINDOW);
    assert_true(sph_flow_is_held(flow));
    acknowledge(&client, SPH_CONNECTION_WINDOW + 1);
    assert_false(sph_flow_is_held(flow));
    acknowledge(&other, 2);
    publish_output(fixture, 1);
    assert_true(sph_flow_is_held(flow));
    hold.hold = false;
    ask_through(&client, SPH_OP_EVENTS, &hold); /* not any more */
    assert_false(sph_flow_is_held(flow));
    hold.hold = true;
    ask_through(&client, SPH_OP_EVENTS, &hold);
    publish_output(fixture, SPH_CONNECTION_WINDOW);
    assert_true(sph_flow_is_held(flow));
    wire_disconnect(&client);
    assert_false(sph_flow_is_held(flow));
    assert_int_equal(sph_server_events_dropped(fixture->device.server), 0);
    wire_disconnect(&other);
}

/* Requests without end from a client that takes no reply: it is made to wait, then gets all of
 * them. */
static void test_greedy_client(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    sph_autobuf struct sph_buf frame = SPH_BUF_NULL;
    size_t sent = 0, round = 0;
    wire_connect(fixture, &client);
    struct sph_msg_hello hello = {.version_min = 1, .version_max = 1};
    assert_int_equal(sph_op_put_request(&frame, SPH_OP_HELLO, 5, &hello, NULL), 0);
    for (int idle = 0; idle < 20; round++) {
        ssize_t put = send(client.fd, frame.data + sent % frame.len, frame.len - sent % frame.len,
                           MSG_NOSIGNAL);
        sent += put > 0 ? (size_t)put : 0;
        idle = put > 0 ? 0 : idle + 1;
        (void)sph_loop_step(fixture->device.loop, 0);
        assert_true(round < 1000000);
    }
    size_t whole = sent / frame.len, got = 0;
    struct sph_frame reply;
    while (wire_receive(&client, 20, &reply)) {
        assert_int_equal(reply.type, SPH_FRAME_REPLY);
        got++;
    }
    assert_int_equal(got, whole);
    print_message("%zu requests sent before the first reply was read\n", whole);
    wire_disconnect(&client);
}

/* A frame cut anywhere, and what follows after the time that an unfinished frame has. */
static void test_stalled_frame(void **state) {
    struct wire_fixture *fixture = *state;
    static const size_t cuts[] = {1, 4, 23, 24, 30};
    struct wire_client clients[SPH_ARRAY_SIZE(cuts)];
    sph_autobuf struct sph_buf frame = SPH_BUF_NULL;
    struct sph_msg_component asked = {.component = fixture_component(1)};
    assert_int_equal(sph_op_put_request(&frame, SPH_OP_APP_LIST, 1, &asked, NULL), 0);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cuts); i++) {
        wire_connect(fixture, &clients[i]);
        wire_send(&clients[i], frame.data, cuts[i]);
    }
    uint64_t until = sph_clock_monotonic_ms() + SPH_FRAME_STALL_MS + 200;
    while (sph_clock_monotonic_ms() < until)
        (void)sph_loop_step(fixture->device.loop, 50);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cuts); i++) {
        wire_call(&clients[i], SPH_OP_STATUS, NULL, NULL);
        wire_disconnect(&clients[i]);
    }
}

static unsigned next_random(unsigned *random) {
    *random = *random * 1103515245u + 12345u;
    return *random >> 8;
}

/* Every bit of a good request flipped; then noise. The server answers the next good request. */
static void test_hostile_bytes(void **state) {
    struct wire_fixture *fixture = *state;
    sph_autobuf struct sph_buf frame = SPH_BUF_NULL;
    struct sph_msg_app_control asked = {.component = fixture_component(1), .trigger = 1};
    struct wire_client client;
    struct sph_frame reply;
    unsigned random = 4711;
    print_message("seed 4711\n");
    assert_int_equal(sph_op_put_request(&frame, SPH_OP_APP_CONTROL, 1, &asked, NULL), 0);
    wire_connect(fixture, &client);
    for (size_t bit = 0; bit < 8 * frame.len; bit++) {
        frame.data[bit / 8] ^= (char)(1 << bit % 8);
        wire_send(&client, frame.data, frame.len);
        frame.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (int i = 0; i < 300; i++) {
        uint8_t noise[600];
        size_t len = next_random(&random) % sizeof(noise);
        for (size_t n = 0; n < len; n++)
            noise[n] = (uint8_t)next_random(&random);
        if (len > 40 && i % 2) /* magic, so that more of it is looked at */
            memcpy(noise + 10, frame.data, 8);
        wire_send(&client, noise, len);
    }
    while (wire_receive(&client, 5, &reply))
        assert_int_equal(reply.type, SPH_FRAME_ERROR);
    wire_disconnect(&client);
    wire_connect(fixture, &client);
    wire_call(&client, SPH_OP_STATUS, NULL, NULL);
    wire_disconnect(&client);
}

/* Well-formed frames of every operation with payloads that are not: an answer to each, never a
 * crash. */
static void test_hostile_payloads(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    unsigned random = 815;
    size_t answers = 0, asked = 0;
    struct sph_frame reply;
    print_message("seed 815\n");
    wire_connect(fixture, &client);
    for (size_t row = 0; row < sph_op_count; row++) {
        if (sph_ops[row].op == SPH_OP_EVENTS || sph_ops[row].op == SPH_OP_LOG_READ)
            continue; /* their answers are not one to one, or come late */
        for (int i = 0; i < 60; i++, asked++) {
            sph_autobuf struct sph_buf frame = SPH_BUF_NULL;
            uint8_t payload[300];
            size_t len = next_random(&random) % sizeof(payload);
            for (size_t n = 0; n < len; n++) /* small numbers make likely tags and lengths */
                payload[n] = (uint8_t)(next_random(&random) % (n % 4 ? 3 : 20));
            assert_int_equal(sph_frame_append(&frame, SPH_FRAME_REQUEST, sph_ops[row].op,
                                              (uint32_t)asked, payload, len),
                             0);
            wire_send(&client, frame.data, frame.len);
            while (wire_receive(&client, 0, &reply))
                answers++;
        }
    }
    while (answers < asked && wire_receive(&client, 1000, &reply))
        answers++;
    assert_int_equal(answers, asked);
    wire_disconnect(&client);
}

/* The agent's table has every operation of the wire's. */
static void test_every_operation(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_frame frame;
    static const char missing[] = "this agent has no operation";
    wire_connect(fixture, &client);
    for (size_t i = 0; i < sph_op_count; i++) {
        struct sph_msg_error error = {.device_error = 0};
        (void)wire_request(&client, sph_ops[i].op, NULL);
        assert_true(wire_receive(&client, 1000, &frame));
        if (frame.type == SPH_FRAME_ERROR)
            assert_int_equal(sph_codec_decode(&sph_msg_error_codec, frame.payload,
                                              frame.payload_len, &error, NULL),
                             0);
        assert_false(error.text.len > sizeof(missing) &&
                     memcmp(error.text.data, missing, sizeof(missing) - 1) == 0);
    }
    wire_disconnect(&client);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, wire_make, wire_clean)
    const struct CMUnitTest tests[] = {
        TEST(test_hello),         TEST(test_protocol_errors),   TEST(test_peers),
        TEST(test_events),        TEST(test_slow_event_reader), TEST(test_holding_client),
        TEST(test_greedy_client), TEST(test_every_operation),   TEST(test_stalled_frame),
        TEST(test_hostile_bytes), TEST(test_hostile_payloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
