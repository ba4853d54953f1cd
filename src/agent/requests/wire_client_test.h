/* wire_client_test: a client on the other end of a socket pair, driven by the same thread as the
 * server. */
#ifndef SPH_AGENT_REQUESTS_WIRE_CLIENT_TEST_H
#define SPH_AGENT_REQUESTS_WIRE_CLIENT_TEST_H

#include "agent/device/device_fixture_test.h"

#include <errno.h>
#include <sys/socket.h>

#include "agent/app/fake_lifecycle_test.h"
#include "agent/device/gpio.h"
#include "agent/requests/handle.h"
#include "agent/requests/server.h"
#include "wire/message.h"

struct wire_fixture {
    struct sph_scratch *scratch;
    struct sph_device device;
    bool ended, restarts; /* by device->end */
};

struct wire_client {
    int fd;
    struct wire_fixture *fixture;
    struct sph_frame_reader reader;
    uint32_t last_id;
};

static inline void wire_end(struct sph_device *device, bool restart) {
    struct wire_fixture *fixture =
        (struct wire_fixture *)(void *)((char *)device - offsetof(struct wire_fixture, device));
    fixture->ended = true;
    fixture->restarts = restart;
}

static inline int wire_make(void **state) {
    struct wire_fixture *fixture = calloc(1, sizeof(*fixture));
    struct sph_err err = SPH_ERR_NULL;
    assert_non_null(fixture);
    fake_reset();
    sph_scratch_make((void **)&fixture->scratch);
    fixture_open(fixture->scratch, &fixture->device);
    fixture->device.end = wire_end;
    fixture->device.end_log_waits = sph_log_waits_end;
    if (sph_loop_new(&fixture->device.loop, &err) < 0 ||
        sph_gpio_new(&fixture->device, &fixture->device.gpio, &err) < 0 ||
        sph_server_new(&fixture->device, NULL, &fixture->device.server, &err) < 0)
        fail_msg("%s", err.text);
    *state = fixture;
    return 0;
}

static inline int wire_clean(void **state) {
    struct wire_fixture *fixture = *state;
    sph_log_waits_end(&fixture->device);
    sph_server_free(fixture->device.server);
    sph_gpio_free(fixture->device.gpio);
    sph_loop_free(fixture->device.loop);
    fixture_unload(&fixture->device);
    int result = sph_scratch_remove((void **)&fixture->scratch);
    free(fixture);
    return result;
}

static inline void wire_connect(struct wire_fixture *fixture, struct wire_client *ret_client) {
    int pair[2];
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    if (sph_server_adopt(fixture->device.server, pair[1], 0, &err) < 0)
        fail_msg("%s", err.text);
    *ret_client = (struct wire_client){.fd = pair[0], .fixture = fixture};
    sph_frame_reader_init(&ret_client->reader);
}

static inline void wire_disconnect(struct wire_client *client) {
    (void)close(client->fd);
    sph_frame_reader_done(&client->reader);
    (void)sph_loop_step(client->fixture->device.loop, 0);
}

/* Bytes as they are; the server may take them in several rounds. */
static inline void wire_send(struct wire_client *client, const void *data, size_t len) {
    for (size_t at = 0; at < len;) {
        ssize_t sent = send(client->fd, (const char *)data + at, len - at, MSG_NOSIGNAL);
        if (sent > 0)
            at += (size_t)sent;
        else
            assert_int_equal(errno, EAGAIN);
        (void)sph_loop_step(client->fixture->device.loop, 0);
    }
}

static inline uint32_t wire_request(struct wire_client *client, uint16_t op, const void *message) {
    sph_autobuf struct sph_buf frame = SPH_BUF_NULL;
    assert_int_equal(sph_op_put_request(&frame, op, ++client->last_id, message, NULL), 0);
    wire_send(client, frame.data, frame.len);
    return client->last_id;
}

/* The next frame, while the server does its rounds; false when none comes within the time. */
static inline bool wire_receive(struct wire_client *client, int timeout_ms,
                                struct sph_frame *ret_frame) {
    static uint8_t chunk[65536];
    for (int waited = 0;; waited++) {
        if (sph_frame_reader_next(&client->reader, ret_frame) == 0)
            return true;
        ssize_t got = recv(client->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
        if (got > 0)
            assert_int_equal(sph_frame_reader_push(&client->reader, chunk, (size_t)got), 0);
        else if (waited >= timeout_ms)
            return false;
        else
            (void)sph_loop_step(client->fixture->device.loop, 1);
    }
}

/* Waits for the reply of that request and decodes it; its slices are valid until the next call. */
static inline void wire_expect(struct wire_client *client, uint16_t op, uint32_t id,
                               void *ret_reply) {
    struct sph_frame frame;
    struct sph_msg_error error;
    struct sph_err err = SPH_ERR_NULL;
    if (!wire_receive(client, 3000, &frame))
        fail_msg("no answer to op %u", op);
    if (frame.type == SPH_FRAME_ERROR &&
        sph_codec_decode(&sph_msg_error_codec, frame.payload, frame.payload_len, &error, NULL) == 0)
        fail_msg("op %u: %.*s", op, (int)error.text.len, (const char *)error.text.data);
    assert_int_equal(frame.type, SPH_FRAME_REPLY);
    assert_int_equal(frame.op, op);
    assert_int_equal(frame.id, id);
    if (ret_reply && sph_codec_decode(sph_op_find(op)->reply, frame.payload, frame.payload_len,
                                      ret_reply, &err) < 0)
        fail_msg("%s", err.text);
}

static inline void wire_call(struct wire_client *client, uint16_t op, const void *message,
                             void *ret_reply) {
    wire_expect(client, op, wire_request(client, op, message), ret_reply);
}

static inline void wire_expect_error(struct wire_client *client, uint32_t number,
                                     const char *sentence) {
    struct sph_frame frame;
    struct sph_msg_error error;
    char text[400];
    assert_true(wire_receive(client, 3000, &frame));
    assert_int_equal(frame.type, SPH_FRAME_ERROR);
    assert_int_equal(
        sph_codec_decode(&sph_msg_error_codec, frame.payload, frame.payload_len, &error, NULL), 0);
    assert_string_equal(sph_slice_copy(error.text, text, sizeof(text)), sentence);
    assert_int_equal(error.device_error, number);
}

static inline void wire_refused(struct wire_client *client, uint16_t op, const void *message,
                                uint32_t number, const char *sentence) {
    (void)wire_request(client, op, message);
    wire_expect_error(client, number, sentence);
}

static inline void wire_stage(struct wire_client *client, const struct fixture_package *package) {
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    struct sph_msg_stage_end_reply reply;
    fixture_build(package, &bytes);
    wire_call(client, SPH_OP_STAGE_BEGIN, &(struct sph_msg_stage_begin){.size_bytes = bytes.len},
              NULL);
    for (size_t at = 0; at < bytes.len; at += SPH_FRAME_CHUNK) {
        size_t len = bytes.len - at < SPH_FRAME_CHUNK ? bytes.len - at : SPH_FRAME_CHUNK;
        wire_call(client, SPH_OP_STAGE_DATA,
                  &(struct sph_msg_stage_data){.data = sph_slice(bytes.data + at, len)}, NULL);
    }
    wire_call(client, SPH_OP_STAGE_END, NULL, &reply);
    struct sph_guid component = fixture_component(package->component);
    assert_true(sph_guid_equal(&reply.component, &component));
}

#endif
