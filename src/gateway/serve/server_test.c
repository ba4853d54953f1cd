/* The server between HTTP clients and an agent that this test plays badly: every route gets every
 * kind of bad answer. What good answers become is the business of replies_test. */
#include "gateway/link/link_bench_test.h"

#include "base/unix_socket.h"
#include "gateway/rest/route.h"
#include "gateway/serve/server.h"

#define APP "2f074b0f-d99d-4692-82d9-ef93a7d6463c"
#define PRINT "000102030405060708090a0b0c0d0e0f10111213"

enum { STEPS = 2000, ANSWER_MAX = 65536 };

/* What the agent does with a request that is not of the greeting. */
enum manner {
    CUT_REPLY, /* a reply whose fields are cut short */
    CUT_ERROR, /* an error of that kind */
    REFUSAL,   /* an error whose sentence tries to write headers */
    LOSS,      /* hangs up */
    SILENCE,   /* nothing, for as long as anybody waits */
};

struct fixture {
    struct bench bench; /* loop, back end and reader; its link is not used */
    struct sph_scratch *scratch;
    struct sph_server *server;
    enum manner manner;
    bool is_asked; /* something that is not of the greeting */
};

static int start(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct bench *bench = &fixture->bench;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_scratch_make((void **)&fixture->scratch), 0);
    bench->agent_fd = -1;
    bench->backend =
        (struct sph_backend){.name = "bench", .connect = bench_connect, .context = bench};
    sph_frame_reader_init(&bench->reader);
    assert_int_equal(sph_loop_new(&bench->loop, &err), 0);
    int listen_fd = sph_unix_listen(fixture->scratch->fd, "rest.sock", SOCK_STREAM, 0600, &err);
    assert_true(listen_fd >= 0);
    assert_int_equal(
        sph_server_new(bench->loop, listen_fd, &bench->backend, &fixture->server, &err), 0);
    *state = fixture;
    return 0;
}

static int stop(void **state) {
    struct fixture *fixture = *state;
    struct bench *bench = &fixture->bench;
    clock_ahead_ms = 0;
    assert_null(sph_server_free(fixture->server));
    assert_null(sph_loop_free(bench->loop));
    if (bench->agent_fd >= 0)
        (void)close(bench->agent_fd);
    sph_frame_reader_done(&bench->reader);
    assert_int_equal(sph_scratch_remove((void **)&fixture->scratch), 0);
    free(fixture);
    return 0;
}

/* ---- the agent ---- */

static void misbehave(struct fixture *fixture, const struct sph_frame *frame) {
    struct bench *bench = &fixture->bench;
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    fixture->is_asked = true;
    switch (fixture->manner) {
    case CUT_REPLY:
        assert_int_equal(sph_frame_append(&out, SPH_FRAME_REPLY, frame->op, frame->id, "\1", 1), 0);
        break;
    case CUT_ERROR:
        assert_int_equal(sph_frame_append(&out, SPH_FRAME_ERROR, frame->op, frame->id, "\1", 1), 0);
        break;
    case REFUSAL:
        assert_int_equal(
            sph_op_put_error(&out, frame->op, frame->id, EBUSY, "no\r\nEvil: \xc3\xa4"), 0);
        break;
    case LOSS:
        (void)close(bench->agent_fd);
        bench->agent_fd = -1;
        bench->readies = 0;
        return;
    case SILENCE:
        return;
    }
    say(bench, &out);
}

/* The greeting is answered as it should be, whatever follows; a hello after it is a client's. */
static void answer(struct fixture *fixture, const struct sph_frame *frame) {
    const struct sph_msg_hello_reply hello = {.version = 1};
    const struct sph_msg_events_reply events = {.last_seq = 0};
    if (frame->op == SPH_OP_EVENTS)
        reply(&fixture->bench, frame, &events);
    else if (frame->op == SPH_OP_HELLO && !fixture->bench.readies)
        reply(&fixture->bench, frame, &hello);
    else
        misbehave(fixture, frame);
    fixture->bench.readies |= frame->op == SPH_OP_EVENTS;
}

static void run_agent(struct fixture *fixture) {
    struct bench *bench = &fixture->bench;
    struct sph_frame frame;
    char bytes[4096];
    unsigned connects = bench->connects;
    (void)sph_loop_step(bench->loop, 2);
    if (bench->connects != connects) { /* a new connection begins with its greeting */
        bench->readies = 0;
        fixture->is_asked = false;
    }
    ssize_t got = bench->agent_fd < 0 ? -1 : recv(bench->agent_fd, bytes, sizeof(bytes), 0);
    if (got > 0)
        assert_int_equal(sph_frame_reader_push(&bench->reader, bytes, (size_t)got), 0);
    while (bench->agent_fd >= 0 && sph_frame_reader_next(&bench->reader, &frame) == 0)
        answer(fixture, &frame);
}

static void wait_until_ready(struct fixture *fixture) {
    for (unsigned i = 0; i < STEPS && !fixture->bench.readies; i++)
        run_agent(fixture);
    assert_true(fixture->bench.readies);
    for (unsigned i = 0; i < 5; i++) /* its reply has to arrive too */
        run_agent(fixture);
}

/* ---- a client ---- */

/* Sends the request and reads to the end of the connection. */
static void exchange(struct fixture *fixture, const char *request, char ret_answer[ANSWER_MAX]) {
    size_t len = 0;
    int fd = sph_unix_connect(fixture->scratch->fd, "rest.sock", SOCK_STREAM | SOCK_NONBLOCK, NULL);
    assert_true(fd >= 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    for (unsigned i = 0; i < STEPS; i++) {
        run_agent(fixture);
        if (fixture->is_asked && fixture->manner == SILENCE)
            clock_ahead_ms += 1000; /* a second passes with each step */
        ssize_t got = recv(fd, ret_answer + len, ANSWER_MAX - 1 - len, 0);
        if (got == 0)
            break;
        len += got > 0 ? (size_t)got : 0;
    }
    (void)close(fd);
    ret_answer[len] = '\0';
    assert_true(len > 0);
}

/* A request that the route takes. */
static void write_request(const struct sph_route *route, char ret_request[1024]) {
    static const char *const arguments[] = {"", APP, "12", PRINT, "wlan0"};
    static const char body[] =
        "{\"trigger\":\"start\",\"value\":1,\"thumbprint\":\"" PRINT "\",\"point\":\"%0130d\","
        "\"device_capabilities\":[11]}";
    char text[512] = "", path[256];
    const char *star = strchr(route->path, '*');
    int before = star ? (int)(star - route->path) : (int)strlen(route->path);
    (void)snprintf(path, sizeof(path), "%.*s%s%s", before, route->path, arguments[route->argument],
                   star ? star + 1 : "");
    if (route->body == SPH_BODY_JSON)
        (void)snprintf(text, sizeof(text), body, 4);
    else if (route->body == SPH_BODY_PACKAGE)
        (void)snprintf(text, sizeof(text), "a package of a few bytes");
    (void)snprintf(
        ret_request, 1024,
        "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
        route->method, path, strlen(text), text);
}

static bool is_for_agent(const struct sph_route *route) {
    return route->action != SPH_ROUTE_EVENTS && route->action != SPH_ROUTE_GATEWAY &&
           route->action != SPH_ROUTE_START && route->action != SPH_ROUTE_LISTEN;
}

static void expect(struct fixture *fixture, const struct sph_route *route, unsigned status,
                   const char *header) {
    static char received[ANSWER_MAX];
    char request[1024], line[40];
    write_request(route, request);
    wait_until_ready(fixture);
    exchange(fixture, request, received);
    (void)snprintf(line, sizeof(line), "HTTP/1.1 %u ", status);
    if (strncmp(received, line, strlen(line)) != 0 || !strstr(received, header))
        fail_msg("%s %s: %s", route->method, route->path, received);
    assert_null(strstr(received, "\nEvil:"));
    assert_non_null(strstr(received, "REST-API-Version: 4.5.0\r\n"));
}

static void each_route(struct fixture *fixture, enum manner manner, unsigned status,
                       const char *header) {
    fixture->manner = manner;
    for (size_t i = 0; i < sph_route_count; i++) {
        const struct sph_route *route = &sph_routes[i];
        if (!is_for_agent(route))
            continue;
        bool is_end = route->action == SPH_ROUTE_RESTART || route->action == SPH_ROUTE_STOP;
        if (manner == LOSS && is_end) /* its going is what was asked for */
            expect(fixture, route, 200, "\r\n\r\n{\"");
        else
            expect(fixture, route, status, header);
    }
}

static void replies_that_cannot_be_read(void **state) {
    each_route(*state, CUT_REPLY, 500,
               "Spherule-Error: the agent's answer cannot be read: message ");
}

static void errors_that_cannot_be_read(void **state) {
    each_route(*state, CUT_ERROR, 500,
               "Spherule-Error: the agent's answer cannot be read: message error: cut short");
}

static void refusals_write_no_headers(void **state) {
    each_route(*state, REFUSAL, 409, "Spherule-Error: no??Evil: ??\r\n");
}

static void agents_that_hang_up(void **state) {
    each_route(*state, LOSS, 503, "Spherule-Error: the device's agent has ended");
}

/* One route of each kind: all of them wait in the same way. */
static void agents_that_say_nothing(void **state) {
    struct fixture *fixture = *state;
    unsigned seen = 0;
    fixture->manner = SILENCE;
    for (size_t i = 0; i < sph_route_count; i++) {
        const struct sph_route *route = &sph_routes[i];
        if (!is_for_agent(route) || seen >> route->action & 1)
            continue;
        seen |= 1u << route->action;
        expect(fixture, route, 504, "Spherule-Error: the agent did not answer in time");
        fixture->is_asked = false;
    }
}

/* Calls about settings take turns; those that wait for theirs are answered with the first. */
static void nobody_waits_for_a_turn_that_does_not_come(void **state) {
    struct fixture *fixture = *state;
    static const char request[] = "GET /net/proxy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    static const char wanted[] = "HTTP/1.1 504 ";
    int fds[3];
    fixture->manner = SILENCE;
    wait_until_ready(fixture);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(fds); i++) {
        fds[i] =
            sph_unix_connect(fixture->scratch->fd, "rest.sock", SOCK_STREAM | SOCK_NONBLOCK, NULL);
        assert_true(fds[i] >= 0);
        assert_int_equal(send(fds[i], request, sizeof(request) - 1, MSG_NOSIGNAL),
                         sizeof(request) - 1);
    }
    for (unsigned i = 0; i < 20; i++) /* all are read, one is asked */
        run_agent(fixture);
    assert_true(fixture->is_asked);
    clock_ahead_ms += SPH_LINK_ANSWER_MS + 1; /* once, for all of them */
    for (size_t i = 0; i < SPH_ARRAY_SIZE(fds); i++) {
        char received[ANSWER_MAX];
        ssize_t got = -1;
        for (unsigned k = 0; k < STEPS && got < 0; k++) {
            run_agent(fixture);
            got = recv(fds[i], received, sizeof(received), 0);
        }
        assert_true(got > (ssize_t)sizeof(wanted));
        assert_memory_equal(received, wanted, sizeof(wanted) - 1);
        (void)close(fds[i]);
    }
}

/* Before the first greeting and without any agent there is an answer, too. */
static void nobody_is_there(void **state) {
    struct fixture *fixture = *state;
    static char received[ANSWER_MAX];
    char request[1024];
    fixture->bench.refuses = true;
    for (size_t i = 0; i < sph_route_count; i++) {
        const struct sph_route *route = &sph_routes[i];
        if (!is_for_agent(route))
            continue;
        write_request(route, request);
        exchange(fixture, request, received);
        const char *wanted = route->action == SPH_ROUTE_STOP ? "HTTP/1.1 200 " : "HTTP/1.1 503 ";
        if (strncmp(received, wanted, strlen(wanted)) != 0)
            fail_msg("%s %s: %s", route->method, route->path, received);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replies_that_cannot_be_read, start, stop),
        cmocka_unit_test_setup_teardown(errors_that_cannot_be_read, start, stop),
        cmocka_unit_test_setup_teardown(refusals_write_no_headers, start, stop),
        cmocka_unit_test_setup_teardown(agents_that_hang_up, start, stop),
        cmocka_unit_test_setup_teardown(agents_that_say_nothing, start, stop),
        cmocka_unit_test_setup_teardown(nobody_waits_for_a_turn_that_does_not_come, start, stop),
        cmocka_unit_test_setup_teardown(nobody_is_there, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
