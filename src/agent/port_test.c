/* The serial port as a client, with a pseudo terminal for it: its master hangs up when the other
 * end is closed and lives on, as a port does. */
#include "agent/requests/wire_client_test.h"

#include <pty.h>
#include <termios.h>

#include "agent/device/logring.h"
#include "base/clock.h"

struct port {
    struct wire_fixture *fixture;
    char name[64];
    int fd; /* the host's end, or -1 */
    struct sph_frame_reader reader;
    uint32_t last_id;
};

static int port_make(void **state) {
    struct port *port = calloc(1, sizeof(*port));
    struct termios raw;
    int master, slave;
    assert_non_null(port);
    assert_int_equal(wire_make((void **)&port->fixture), 0);
    cfmakeraw(memset(&raw, 0, sizeof(raw)));
    raw.c_cflag |= CS8 | CREAD;
    assert_int_equal(openpty(&master, &slave, port->name, &raw, NULL), 0);
    assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
    (void)close(slave);
    port->fd = -1;
    sph_frame_reader_init(&port->reader);
    struct sph_err err = SPH_ERR_NULL;
    if (sph_server_add_port(port->fixture->device.server, master, false, &err) < 0)
        fail_msg("%s", err.text);
    *state = port;
    return 0;
}

static void host_leaves(struct port *port) {
    if (port->fd >= 0)
        (void)close(port->fd);
    port->fd = -1;
    sph_frame_reader_reset(&port->reader);
}

static int port_clean(void **state) {
    struct port *port = *state;
    host_leaves(port);
    sph_frame_reader_done(&port->reader);
    int result = wire_clean((void **)&port->fixture);
    free(port);
    return result;
}

static void host_comes(struct port *port) {
    port->fd = open(port->name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    assert_true(port->fd >= 0);
    port->last_id = 0;
}

static void step(const struct port *port) {
    (void)sph_loop_step(port->fixture->device.loop, 1);
}

static uint32_t request(struct port *port, uint16_t op, const void *message) {
    sph_autobuf struct sph_buf frame = SPH_BUF_NULL;
    assert_int_equal(sph_op_put_request(&frame, op, ++port->last_id, message, NULL), 0);
    assert_int_equal(sph_fd_write_full(port->fd, frame.data, frame.len), 0);
    return port->last_id;
}

static bool receive(struct port *port, int timeout_ms, struct sph_frame *ret_frame) {
    static uint8_t chunk[4096];
    uint64_t end = sph_clock_monotonic_ms() + (uint64_t)timeout_ms;
    while (sph_frame_reader_next(&port->reader, ret_frame) != 0) {
        ssize_t got = read(port->fd, chunk, sizeof(chunk));
        if (got > 0)
            assert_int_equal(sph_frame_reader_push(&port->reader, chunk, (size_t)got), 0);
        else if (sph_clock_monotonic_ms() >= end)
            return false;
        step(port);
    }
    return true;
}

/* Up to the reply of this request: what an earlier host has asked for may come before. */
static void await(struct port *port, uint16_t op, uint32_t id) {
    struct sph_frame frame;
    do
        assert_true(receive(port, 1000, &frame));
    while (frame.op != op || frame.id != id);
    assert_int_equal(frame.type, SPH_FRAME_REPLY);
}

static void call(struct port *port, uint16_t op, const void *message) {
    await(port, op, request(port, op, message));
}

static void say_hello(struct port *port) {
    call(port, SPH_OP_HELLO,
         &(struct sph_msg_hello){.version_min = 1, .version_max = 1, .time_ms = 1});
}

static void assert_silent(struct port *port) {
    struct sph_frame frame;
    assert_false(receive(port, 50, &frame));
}

/* Rounds of the loop in which something was called back, in 100 ms without a host. */
static int wake_ups(const struct port *port) {
    int count = 0;
    for (uint64_t end = sph_clock_monotonic_ms() + 100; sph_clock_monotonic_ms() < end;)
        count += sph_loop_step(port->fixture->device.loop, 20) > 0;
    return count;
}

static void test_hosts_come_and_go(void **state) {
    struct port *port = *state;
    for (int i = 0; i < 5; i++) {
        host_comes(port);
        say_hello(port);
        call(port, SPH_OP_STATUS, NULL);
        host_leaves(port);
        (void)wake_ups(port);
        assert_true(wake_ups(port) == 0); /* nobody there: nothing to do */
        assert_int_equal(sph_server_connections(port->fixture->device.server), 1);
    }
}

/* Its events, its owed answers and its upload are not the next one's. */
static void forget(struct port *port, bool leaves) {
    struct sph_device *device = &port->fixture->device;
    struct sph_msg_log wait = {.cursor = UINT64_MAX, .wait_ms = 5000};
    struct sph_frame frame;
    host_comes(port);
    say_hello(port);
    call(port, SPH_OP_STAGE_BEGIN, &(struct sph_msg_stage_begin){.size_bytes = 100});
    call(port, SPH_OP_EVENTS, &(struct sph_msg_events){.hold = true});
    (void)request(port, SPH_OP_LOG_READ, &wait);
    assert_silent(port);
    if (leaves) {
        host_leaves(port);
        (void)wake_ups(port);
        assert_null(device->flow.listeners); /* apps wait for nobody who has gone */
        host_comes(port);
    }
    say_hello(port);
    assert_null(device->flow.listeners);
    sph_device_note(device, NULL, "a line");
    struct sph_msg_event event = {.kind = SPH_EVENT_STOPPED};
    sph_events_publish(device->events, &event);
    assert_silent(port);
    (void)request(port, SPH_OP_STAGE_DATA, &(struct sph_msg_stage_data){.data = sph_slice("x", 1)});
    assert_true(receive(port, 1000, &frame));
    assert_int_equal(frame.type, SPH_FRAME_ERROR);
    call(port, SPH_OP_STATUS, NULL);
}

static void test_next_host_is_new(void **state) {
    forget(*state, true);
}

static void test_hello_begins_anew(void **state) {
    forget(*state, false);
}

/* The half of a frame is not what the next host's bytes are joined to. */
static void test_cut_frame(void **state) {
    struct port *port = *state;
    sph_autobuf struct sph_buf frame = SPH_BUF_NULL;
    char payload[200] = "";
    host_comes(port);
    say_hello(port);
    assert_int_equal(
        sph_frame_append(&frame, SPH_FRAME_REQUEST, SPH_OP_STAGE_DATA, 7, payload, sizeof(payload)),
        0);
    assert_int_equal(sph_fd_write_full(port->fd, frame.data, 100), 0);
    step(port);
    host_leaves(port);
    (void)wake_ups(port);
    host_comes(port);
    uint64_t start = sph_clock_monotonic_ms();
    say_hello(port);
    assert_true(sph_clock_monotonic_ms() - start < SPH_FRAME_STALL_MS / 2);
}

/* A host that takes nothing and goes leaves nothing in the way of the next. */
static void test_host_that_takes_nothing(void **state) {
    struct port *port = *state;
    host_comes(port);
    say_hello(port);
    for (int i = 0; i < 2000; i++) {
        sph_autobuf struct sph_buf frame = SPH_BUF_NULL;
        assert_int_equal(sph_op_put_request(&frame, SPH_OP_TRUST_LIST, 9, NULL, NULL), 0);
        if (write(port->fd, frame.data, frame.len) < 0)
            break; /* what is not taken back from us is not taken from us either */
        step(port);
    }
    host_leaves(port);
    (void)wake_ups(port);
    assert_true(wake_ups(port) == 0);
    host_comes(port);
    say_hello(port);
    call(port, SPH_OP_STATUS, NULL);
}

static void test_agent_that_started_anew(void **state) {
    struct port *port = *state;
    struct sph_frame frame;
    struct sph_msg_error error;
    char text[100];
    host_comes(port);
    sph_server_free(port->fixture->device.server);
    struct sph_device *device = &port->fixture->device;
    struct termios raw;
    int master, slave;
    host_leaves(port);
    cfmakeraw(memset(&raw, 0, sizeof(raw)));
    raw.c_cflag |= CS8 | CREAD;
    assert_int_equal(openpty(&master, &slave, port->name, &raw, NULL), 0);
    assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(fcntl(slave, F_SETFL, O_NONBLOCK), 0);
    port->fd = slave;
    assert_int_equal(sph_server_new(device, NULL, &device->server, NULL), 0);
    assert_int_equal(sph_server_add_port(device->server, master, true, NULL), 0);
    assert_true(receive(port, 1000, &frame));
    assert_int_equal(frame.type, SPH_FRAME_ERROR);
    assert_int_equal(frame.op, SPH_OP_HELLO);
    assert_int_equal(frame.id, 0);
    assert_int_equal(
        sph_codec_decode(&sph_msg_error_codec, frame.payload, frame.payload_len, &error, NULL), 0);
    assert_string_equal(sph_slice_copy(error.text, text, sizeof(text)),
                        "the device has started anew: say hello again");
    assert_int_equal(error.device_error, ECONNRESET);
    say_hello(port);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, port_make, port_clean)
    const struct CMUnitTest tests[] = {
        TEST(test_hosts_come_and_go),       TEST(test_next_host_is_new),
        TEST(test_hello_begins_anew),       TEST(test_cut_frame),
        TEST(test_host_that_takes_nothing), TEST(test_agent_that_started_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
