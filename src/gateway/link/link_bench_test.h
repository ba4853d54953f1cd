/* link_bench_test: a link between a made-up back end and a test, which plays the agent on the other
 * end of a socket pair. For the tests of the link, which wrap the clock (--wrap). */
#ifndef SPH_GATEWAY_LINK_LINK_BENCH_TEST_H
#define SPH_GATEWAY_LINK_LINK_BENCH_TEST_H

#include "base/testing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "gateway/link/link.h"
#include "wire/message.h"

static uint64_t clock_ahead_ms;
uint64_t __real_sph_clock_monotonic_ms(void);
uint64_t __wrap_sph_clock_monotonic_ms(void);

uint64_t __wrap_sph_clock_monotonic_ms(void) {
    return __real_sph_clock_monotonic_ms() + clock_ahead_ms;
}

struct bench {
    struct sph_loop *loop;
    struct sph_link *link;
    struct sph_backend backend;
    int agent_fd; /* our end; -1 = none */
    bool refuses; /* connect fails */
    unsigned connects, readies, losses, events, answers;
    bool restarted;
    uint64_t last_seq, missed;
    enum sph_answer_kind last_kind;
    char last_text[200];
    struct sph_frame_reader reader;
};

static inline int bench_connect(void *context, struct sph_err *err) {
    struct bench *bench = context;
    int fds[2];
    bench->connects++;
    if (bench->refuses)
        return SPH_FAIL(err, -ECONNREFUSED, "nobody is there");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    bench->agent_fd = fds[1];
    sph_frame_reader_reset(&bench->reader);
    return fds[0];
}

static inline void on_ready(void *context, const struct sph_guid *boot_id, bool restarted) {
    (void)boot_id;
    struct bench *bench = context;
    bench->readies++;
    bench->restarted = restarted;
}

static inline void on_lost(void *context, const char *text) {
    struct bench *bench = context;
    bench->losses++;
    (void)snprintf(bench->last_text, sizeof(bench->last_text), "%s", text);
}

static inline void on_event(void *context, const struct sph_msg_event *event) {
    struct bench *bench = context;
    bench->events++;
    bench->last_seq = event->seq;
}

static inline void on_gap(void *context, uint64_t count) {
    struct bench *bench = context;
    bench->missed += count;
}

static inline void on_answer(void *context, const struct sph_answer *answer) {
    struct bench *bench = context;
    bench->answers++;
    bench->last_kind = answer->kind;
    (void)snprintf(bench->last_text, sizeof(bench->last_text), "%s", answer->text);
}

static inline int set_up(void **state) {
    struct bench *bench = calloc(1, sizeof(*bench));
    bench->agent_fd = -1;
    bench->backend =
        (struct sph_backend){.name = "bench", .connect = bench_connect, .context = bench};
    sph_frame_reader_init(&bench->reader);
    const struct sph_link_listener listener = {.context = bench,
                                               .on_ready = on_ready,
                                               .on_lost = on_lost,
                                               .on_event = on_event,
                                               .on_gap = on_gap};
    assert_int_equal(sph_loop_new(&bench->loop, NULL), 0);
    assert_int_equal(sph_link_new(bench->loop, &bench->backend, &listener, &bench->link, NULL), 0);
    *state = bench;
    return 0;
}

static inline int tear_down(void **state) {
    struct bench *bench = *state;
    assert_null(sph_link_free(bench->link));
    assert_null(sph_loop_free(bench->loop));
    if (bench->agent_fd >= 0)
        (void)close(bench->agent_fd);
    sph_frame_reader_done(&bench->reader);
    free(bench);
    return 0;
}

/* The next request that the link has sent; false when none comes within a second. */
static inline bool next_request(struct bench *bench, struct sph_frame *ret_frame) {
    for (unsigned i = 0; i < 200; i++) {
        if (sph_frame_reader_next(&bench->reader, ret_frame) == 0)
            return true;
        (void)sph_loop_step(bench->loop, 5);
        char bytes[4096];
        ssize_t got = bench->agent_fd < 0 ? -1 : recv(bench->agent_fd, bytes, sizeof(bytes), 0);
        if (got > 0)
            assert_int_equal(sph_frame_reader_push(&bench->reader, bytes, (size_t)got), 0);
    }
    return false;
}

static inline void say(struct bench *bench, const struct sph_buf *bytes) {
    assert_int_equal(send(bench->agent_fd, bytes->data, bytes->len, MSG_NOSIGNAL), bytes->len);
}

static inline void reply(struct bench *bench, const struct sph_frame *to, const void *message) {
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    assert_int_equal(sph_op_put_reply(&out, to->op, to->id, message, NULL), 0);
    say(bench, &out);
}

/* Runs the loop until the counter has that value. */
static inline void until(struct bench *bench, const unsigned *counter, unsigned value) {
    for (unsigned i = 0; i < 400 && *counter != value; i++)
        (void)sph_loop_step(bench->loop, 10);
    assert_int_equal(*counter, value);
}

static inline void greet(struct bench *bench, uint8_t boot) {
    struct sph_frame frame;
    struct sph_msg_hello_reply hello = {.version = 1, .boot_id = {.bytes = {boot}}};
    struct sph_msg_events_reply events = {.last_seq = 0};
    unsigned wanted = bench->readies + 1;
    assert_true(next_request(bench, &frame));
    assert_int_equal(frame.op, SPH_OP_HELLO);
    reply(bench, &frame, &hello);
    assert_true(next_request(bench, &frame));
    assert_int_equal(frame.op, SPH_OP_EVENTS);
    reply(bench, &frame, &events);
    until(bench, &bench->readies, wanted);
    assert_true(sph_link_is_ready(bench->link));
    assert_string_equal(sph_link_message(bench->link), "");
}

static inline void drop(struct bench *bench) {
    unsigned wanted = bench->losses + 1;
    (void)close(bench->agent_fd);
    bench->agent_fd = -1;
    until(bench, &bench->losses, wanted);
}

static inline int ask(struct bench *bench, struct sph_ask **ret_ask, struct sph_err *err) {
    const struct sph_question question = {.op = SPH_OP_STATUS, .fn = on_answer, .context = bench};
    return sph_link_ask(bench->link, &question, ret_ask, err);
}

#endif
