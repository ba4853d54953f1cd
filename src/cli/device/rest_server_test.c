/* A gateway that is slow, early, rude or gone in the middle, byte by byte as a script says.
 *
 * rest_client_test.c has one answer per connection; here the server's every move is a step: wait,
 * send, read, close. So the client is seen between the moves: what it has taken, when it gives up,
 * and that it never waits for what does not come. */
#include "base/testing.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/attr.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/unix_socket.h"
#include "cli/device/http.h"
#include "cli/device/rest_client.h"

enum step_kind {
    STEP_END, /* closes the connection */
    STEP_SEND,
    STEP_BYTES,  /* sends each byte by itself */
    STEP_REPEAT, /* sends the text `n` times */
    STEP_PAUSE,  /* of `n` ms */
    STEP_HEAD,   /* reads the request's head, and none of its body */
    STEP_ALL,    /* reads until the client has sent `n` bytes */
    STEP_STUCK,  /* reads nothing until the client is gone */
};

struct step {
    enum step_kind kind;
    const char *text;
    unsigned n;
};

struct server {
    const struct sph_scratch *scratch;
    int listen_fd;
    const struct step *steps;
    pthread_t thread;
    size_t read_bytes;
};

static void read_head(int fd) {
    char text[4];
    unsigned at = 0;
    while (recv(fd, &text[at % 4], 1, 0) == 1) {
        at++;
        if (at >= 4 && text[(at - 1) % 4] == '\n' && text[(at - 3) % 4] == '\n')
            return;
    }
}

static void read_all(struct server *server, int fd, size_t wanted) {
    char bytes[4096];
    ssize_t n;
    while (server->read_bytes < wanted && (n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        server->read_bytes += (size_t)n;
}

static void do_step(struct server *server, int fd, const struct step *step) {
    struct pollfd gone = {.fd = fd, .events = 0};
    switch (step->kind) {
    case STEP_SEND:
        (void)sph_fd_write_full(fd, step->text, strlen(step->text));
        break;
    case STEP_BYTES:
        for (const char *c = step->text; *c; c++)
            (void)sph_fd_write_full(fd, c, 1);
        break;
    case STEP_REPEAT:
        for (unsigned i = 0; i < step->n; i++)
            if (sph_fd_write_full(fd, step->text, strlen(step->text)) < 0)
                return;
        break;
    case STEP_PAUSE:
        (void)usleep(step->n * 1000);
        break;
    case STEP_HEAD:
        read_head(fd);
        break;
    case STEP_ALL:
        read_all(server, fd, step->n);
        break;
    case STEP_STUCK:
        (void)poll(&gone, 1, 5000);
        break;
    case STEP_END:
        break;
    }
}

static void *serve(void *context) {
    struct server *server = context;
    struct sph_unix_peer peer;
    struct pollfd waiting = {.fd = server->listen_fd, .events = POLLIN};
    (void)poll(&waiting, 1, 5000);
    int fd = sph_unix_accept(server->listen_fd, &peer);
    if (fd < 0)
        return NULL;
    (void)fcntl(fd, F_SETFL, 0);
    for (const struct step *step = server->steps; step->kind != STEP_END; step++)
        do_step(server, fd, step);
    (void)close(fd);
    return NULL;
}

static int set_up(void **state) {
    static struct server server;
    void *scratch = NULL;
    memset(&server, 0, sizeof(server));
    (void)sph_scratch_make(&scratch);
    server.scratch = scratch;
    server.listen_fd = sph_unix_listen(server.scratch->fd, "rest.sock", SOCK_STREAM, 0600, NULL);
    *state = &server;
    return server.listen_fd < 0 ? -1 : 0;
}

static int tear_down(void **state) {
    struct server *server = *state;
    void *scratch = (void *)(uintptr_t)server->scratch;
    (void)close(server->listen_fd);
    return sph_scratch_remove(&scratch);
}

/* One request against a script; how long it took goes to *ret_ms. */
static int ask(struct server *server, const struct step *steps,
               const struct sph_rest_request *request, struct sph_buf *body, uint64_t *ret_ms,
               struct sph_err *err) {
    sph_autorest struct sph_rest *rest = NULL;
    server->steps = steps;
    server->read_bytes = 0;
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
    assert_int_equal(sph_rest_open(server->scratch->fd, "d", &rest, err), 0);
    uint64_t begin = sph_clock_monotonic_ms();
    int r = sph_rest_call(rest, request, body, err);
    if (ret_ms)
        *ret_ms = sph_clock_monotonic_ms() - begin;
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    return r;
}

static const struct sph_rest_request get = {.method = "GET", .path = "/x"};
#define OK "HTTP/1.1 200 OK\r\n"

/* ---- answers in every pace ---- */

static const struct {
    struct step steps[8];
    int code;
    const char *text; /* body, or sentence */
} scripts[] = {
    {{{STEP_HEAD, NULL, 0}, {STEP_BYTES, OK "Content-Length: 5\r\n\r\nhello", 0}}, 0, "hello"},
    {{{STEP_HEAD, NULL, 0},
      {STEP_SEND, OK "Content-", 0},
      {STEP_PAUSE, NULL, 20},
      {STEP_SEND, "Length: 5\r\n\r", 0},
      {STEP_PAUSE, NULL, 20},
      {STEP_SEND, "\nhe", 0},
      {STEP_PAUSE, NULL, 20}},
     -ECONNRESET,
     "the connection to device 'd' broke off: the answer ended in the middle"},
    {{{STEP_HEAD, NULL, 0},
      {STEP_SEND, OK "Transfer-Encoding: chunked\r\n\r\n", 0},
      {STEP_PAUSE, NULL, 20},
      {STEP_BYTES, "1\r\na\r\n2;x=y\r\nbc\r\n", 0},
      {STEP_PAUSE, NULL, 20},
      {STEP_BYTES, "0\r\nTrailer: x\r\n\r\n", 0}},
     0,
     "abc"},
    {{{STEP_HEAD, NULL, 0}, {STEP_SEND, OK "Transfer-Encoding: chunked\r\n\r\n3\r\nab", 0}},
     -ECONNRESET,
     "the connection to device 'd' broke off: the answer ended in the middle"},
    {{{STEP_HEAD, NULL, 0}, {STEP_SEND, OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 0}},
     -ECONNRESET,
     "the connection to device 'd' broke off: the answer ended in the middle"},
    {{{STEP_HEAD, NULL, 0},
      {STEP_SEND, "HTTP/1.1 100 Continue\r\n\r\n", 0},
      {STEP_PAUSE, NULL, 20},
      {STEP_SEND, OK "Content-Length: 1\r\n\r\nx", 0}},
     0,
     "x"},
    {{{STEP_HEAD, NULL, 0}},
     -ECONNRESET,
     "the connection to device 'd' broke off: it closed without an answer"},
    {{{STEP_HEAD, NULL, 0}, {STEP_SEND, OK, 0}, {STEP_REPEAT, "X: 0123456789\r\n", 1000}},
     -ECONNRESET,
     "the connection to device 'd' broke off: the answer's headers are longer than 8192 bytes"},
    {{{STEP_HEAD, NULL, 0}, {STEP_REPEAT, "x", 20000}},
     -ECONNRESET,
     "the connection to device 'd' broke off: the answer's headers are longer than 8192 bytes"},
    {{{STEP_HEAD, NULL, 0}, {STEP_SEND, OK "Content-Length: 3\n\r\nabc", 0}}, 0, "abc"},
    /* an answer that is whole is taken at once, whatever the server still does with the line */
    {{{STEP_HEAD, NULL, 0},
      {STEP_SEND, OK "Content-Length: 2\r\n\r\nokEXTRA", 0},
      {STEP_STUCK, NULL, 0}},
     0,
     "ok"},
    {{{STEP_HEAD, NULL, 0}, {STEP_SEND, "HTTP/1.1 204 None\r\n\r\n", 0}, {STEP_STUCK, NULL, 0}},
     0,
     ""},
    {{{STEP_HEAD, NULL, 0}, {STEP_SEND, "HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n", 0}},
     -EREMOTEIO,
     "device 'd' answered with HTTP status 301"},
};

static void test_paces(void **state) {
    for (size_t i = 0; i < SPH_ARRAY_SIZE(scripts); i++) {
        sph_autobuf struct sph_buf body = SPH_BUF_NULL;
        struct sph_err err = SPH_ERR_NULL;
        uint64_t ms;
        int r = ask(*state, scripts[i].steps, &get, &body, &ms, &err);
        const char *said = r < 0 ? err.text : body.data ? body.data : "";
        assert_string_equal(said, scripts[i].text);
        assert_int_equal(r, scripts[i].code);
        assert_true(ms < 2000);
    }
}

/* ---- errors of the device, in every form ---- */

static const struct {
    const char *answer;
    int code;
    const char *sentence;
} refusals[] = {
    {"HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n", -EREMOTEIO,
     "device 'd' answered with HTTP status 400"},
    {"HTTP/1.1 400 X\r\n\r\n{\"error\":10485761}", -EPROTO, "The request is not valid"},
    {"HTTP/1.1 400 X\r\n\r\n{\"error\":99}", -EREMOTEIO, "Unknown device error: 99"},
    {"HTTP/1.1 400 X\r\n\r\n{\"error\":99,\"message\":\"Why.\"}", -EREMOTEIO, "Why. (error 99)"},
    {"HTTP/1.1 400 X\r\n\r\n{\"message\":\"Why.\"}", -EREMOTEIO, "Why. (error 0)"},
    {"HTTP/1.1 400 X\r\nSpherule-Error: Head.\r\n\r\n{\"error\":16}", -EBUSY,
     "The resource is in use (Head.)"},
    {"HTTP/1.1 400 X\r\nSpherule-Error: ?.\r\n\r\n{\"error\":16,\"message\":\"\\u00e4.\"}", -EBUSY,
     "The resource is in use (\xc3\xa4.)"},
    {"HTTP/1.1 400 X\r\nSpherule-Error: a\033[2Jb\r\n\r\n", -EREMOTEIO, "a?[2Jb (error 0)"},
    {"HTTP/1.1 400 X\r\n\r\n{\"error\":-1}", -EREMOTEIO,
     "device 'd' answered with HTTP status 400"},
    {"HTTP/1.1 400 X\r\n\r\n{\"error\":4294967296}", -EREMOTEIO,
     "device 'd' answered with HTTP status 400"},
    {"HTTP/1.1 400 X\r\n\r\n{\"error\":16", -EREMOTEIO, "device 'd' answered with HTTP status 400"},
    {"HTTP/1.1 400 X\r\n\r\n[16]", -EREMOTEIO, "device 'd' answered with HTTP status 400"},
    {"HTTP/1.1 503 X\r\nSpherule-Error: No agent.\r\n\r\n", -EHOSTDOWN,
     "the agent of device 'd' is away; 'spherule device start d' brings it back (No agent.)"},
    {"HTTP/1.1 504 X\r\n\r\n{\"error\":16}", -ETIMEDOUT,
     "the agent of device 'd' did not answer in time"},
};

static void test_refusals(void **state) {
    for (size_t i = 0; i < SPH_ARRAY_SIZE(refusals); i++) {
        const struct step steps[] = {
            {STEP_HEAD, NULL, 0}, {STEP_SEND, refusals[i].answer, 0}, {STEP_END, NULL, 0}};
        struct sph_err err = SPH_ERR_NULL;
        sph_autobuf struct sph_buf body = SPH_BUF_NULL;
        int r = ask(*state, steps, &get, &body, NULL, &err);
        assert_string_equal(err.text, refusals[i].sentence);
        assert_int_equal(r, refusals[i].code);
        assert_int_equal(err.code, refusals[i].code);
        assert_int_equal(body.len, 0);
    }
}

/* An error's body without an end takes a bounded part of memory, and the status decides. */
static void test_an_error_that_never_ends(void **state) {
    static const struct step steps[] = {
        {STEP_HEAD, NULL, 0},
        {STEP_SEND, "HTTP/1.1 409 X\r\n\r\n{\"error\":16,\"x\":\"", 0},
        {STEP_REPEAT, "0123456789abcdef", 10000},
        {STEP_END, NULL, 0}};
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(ask(*state, steps, &get, NULL, NULL, &err), -EREMOTEIO);
    assert_string_equal(err.text, "device 'd' answered with HTTP status 409");
}

/* ---- bodies of requests ---- */

/* Who refuses a large body early has sent an answer; it is read, though the body never went out. */
static void test_a_body_refused_early(void **state) {
    static char body[4 << 20];
    static const struct step steps[] = {
        {STEP_HEAD, NULL, 0},
        {STEP_SEND, "HTTP/1.1 413 X\r\nContent-Length: 18\r\n\r\n{\"error\":15728644}", 0},
        {STEP_END, NULL, 0}};
    const struct sph_rest_request put = {
        .method = "PUT", .path = "/x", .body = body, .body_len = sizeof(body)};
    for (int i = 0; i < 50; i++) {
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(ask(*state, steps, &put, NULL, NULL, &err), -EFBIG);
        assert_string_equal(err.text, "The package is too large to be sent to the device");
    }
}

static void test_a_large_body_arrives_whole(void **state) {
    static char body[1 << 20];
    static const struct step steps[] = {{STEP_HEAD, NULL, 0},
                                        {STEP_PAUSE, NULL, 50},
                                        {STEP_ALL, NULL, sizeof(body)},
                                        {STEP_SEND, OK "Content-Length: 0\r\n\r\n", 0},
                                        {STEP_END, NULL, 0}};
    const struct sph_rest_request put = {
        .method = "PUT", .path = "/x", .body = body, .body_len = sizeof(body)};
    struct server *server = *state;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(ask(server, steps, &put, NULL, NULL, &err), 0);
    assert_int_equal(server->read_bytes, sizeof(body));
}

/* A server that reads nothing: the limit holds while sending, too. */
static void test_a_body_that_nobody_takes(void **state) {
    static char body[4 << 20];
    static const struct step steps[] = {{STEP_STUCK, NULL, 0}, {STEP_END, NULL, 0}};
    const struct sph_rest_request put = {
        .method = "PUT", .path = "/x", .body = body, .body_len = sizeof(body), .timeout_ms = 1000};
    struct sph_err err = SPH_ERR_NULL;
    uint64_t ms;
    assert_int_equal(ask(*state, steps, &put, NULL, &ms, &err), -ETIMEDOUT);
    assert_string_equal(err.text, "device 'd' did not answer within 1 s");
    assert_in_range(ms, 900, 3000);
}

/* ---- time and cancelling ---- */

/* One byte now and then does not keep a request alive for ever: the limit is of the whole. */
static void test_a_drip_does_not_move_the_limit(void **state) {
    static const struct step steps[] = {
        {STEP_HEAD, NULL, 0},   {STEP_SEND, OK "Content-Length: 99\r\n\r\n", 0},
        {STEP_PAUSE, NULL, 70}, {STEP_SEND, "x", 0},
        {STEP_PAUSE, NULL, 70}, {STEP_SEND, "x", 0},
        {STEP_STUCK, NULL, 0},  {STEP_END, NULL, 0}};
    const struct sph_rest_request request = {.method = "GET", .path = "/x", .timeout_ms = 200};
    struct sph_err err = SPH_ERR_NULL;
    uint64_t ms;
    assert_int_equal(ask(*state, steps, &request, NULL, &ms, &err), -ETIMEDOUT);
    assert_in_range(ms, 180, 1500);
}

static void *cancel_soon(void *context) {
    (void)usleep(150 * 1000);
    *(volatile int *)context = SIGINT;
    return NULL;
}

/* Seen within a slice of the wait, though no signal ends it (a signal may hit another thread). */
static void test_cancelling_in_the_middle(void **state) {
    static const struct step steps[] = {{STEP_HEAD, NULL, 0},
                                        {STEP_SEND, OK "\r\nbegin", 0},
                                        {STEP_STUCK, NULL, 0},
                                        {STEP_END, NULL, 0}};
    int cancel = 0;
    pthread_t thread;
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    const struct sph_rest_request stream = {
        .method = "GET", .path = "/x", .timeout_ms = -1, .cancel = &cancel};
    struct sph_err err = SPH_ERR_NULL;
    uint64_t ms;
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &cancel), 0);
    assert_int_equal(ask(*state, steps, &stream, &body, &ms, &err), -ECANCELED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_err(&err, -ECANCELED, "interrupted");
    assert_string_equal(body.data, "begin"); /* what had come is there */
    assert_in_range(ms, 100, 1500);
}

/* ---- sinks ---- */

struct taker {
    size_t seen, enough;
};

static int take_some(void *context, const char *data, size_t len) {
    struct taker *taker = context;
    assert_true(len > 0);
    assert_non_null(data);
    taker->seen += len;
    return taker->seen >= taker->enough;
}

/* A sink ends a flood where it has enough; the rest is neither taken nor waited for. */
static void test_a_sink_ends_a_flood(void **state) {
    static const struct step steps[] = {{STEP_HEAD, NULL, 0},
                                        {STEP_SEND, OK "\r\n", 0},
                                        {STEP_REPEAT, "0123456789abcdef", 100000},
                                        {STEP_END, NULL, 0}};
    struct taker taker = {.enough = 100000};
    const struct sph_rest_request request = {
        .method = "GET", .path = "/x", .timeout_ms = -1, .sink = take_some, .sink_context = &taker};
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(ask(*state, steps, &request, NULL, NULL, &err), -ECANCELED);
    assert_err(&err, -ECANCELED, "ended");
    assert_in_range(taker.seen, 100000, 100000 + (16 << 10));
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        SERVED(test_paces),
        SERVED(test_refusals),
        SERVED(test_an_error_that_never_ends),
        SERVED(test_a_body_refused_early),
        SERVED(test_a_large_body_arrives_whole),
        SERVED(test_a_body_that_nobody_takes),
        SERVED(test_a_drip_does_not_move_the_limit),
        SERVED(test_cancelling_in_the_middle),
        SERVED(test_a_sink_ends_a_flood),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* of the server: its client may have had enough */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
