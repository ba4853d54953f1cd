/* Answers byte by byte from a socket of our own: what a broken, slow or dead gateway makes of a
 * request. */
#include "cli/device/rest_client.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/unix_socket.h"

/* One answer to one connection, given by a thread. */
struct server {
    char folder[64];
    int folder_fd;
    int listen_fd;
    const char *answer; /* whole, head included */
    int linger_ms;      /* before closing */
    char request[4096]; /* what came */
    pthread_t thread;
};

static void *serve(void *context) {
    struct server *server = context;
    struct sph_unix_peer peer;
    int fd;
    while ((fd = sph_unix_accept(server->listen_fd, &peer)) == -EAGAIN)
        (void)usleep(1000);
    size_t len = 0;
    while (len + 1 < sizeof(server->request) && !strstr(server->request, "\r\n\r\n")) {
        ssize_t n = recv(fd, server->request + len, sizeof(server->request) - 1 - len, 0);
        if (n < 0 && errno == EAGAIN)
            (void)usleep(1000);
        else if (n <= 0)
            break;
        else
            len += (size_t)n;
    }
    (void)sph_fd_write_full(fd, server->answer, strlen(server->answer));
    (void)usleep((useconds_t)server->linger_ms * 1000);
    (void)close(fd);
    return NULL;
}

static int set_up(void **state) {
    static struct server server;
    memset(&server, 0, sizeof(server));
    (void)snprintf(server.folder, sizeof(server.folder), "%s", "/tmp/spherule-rest-XXXXXX");
    if (!mkdtemp(server.folder))
        return -1;
    server.folder_fd = open(server.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    server.listen_fd = sph_unix_listen(server.folder_fd, "rest.sock", SOCK_STREAM, 0600, NULL);
    *state = &server;
    return server.listen_fd < 0 ? -1 : 0;
}

static int tear_down(void **state) {
    struct server *server = *state;
    (void)close(server->listen_fd);
    (void)close(server->folder_fd);
    return sph_tree_remove(AT_FDCWD, server->folder, NULL);
}

/* One request while the server gives `answer`. */
static int ask(struct server *server, const char *answer, const struct sph_rest_request *request,
               struct sph_buf *body, unsigned *ret_number, struct sph_err *err) {
    sph_autorest struct sph_rest *rest = NULL;
    server->answer = answer;
    memset(server->request, 0, sizeof(server->request));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
    assert_int_equal(sph_rest_open(server->folder_fd, "d", &rest, err), 0);
    int r = sph_rest_call(rest, request, body, err);
    if (ret_number)
        *ret_number = sph_rest_last_error(rest);
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    return r;
}

static const struct sph_rest_request get = {.method = "GET", .path = "/x"};

static const struct {
    const char *answer;
    int code;
    const char *text; /* body, or sentence */
} answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0, "ok"},
    {"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", 0, "ok"},
    {"HTTP/1.1 200 OK\r\n\r\nto the end", 0, "to the end"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", 0,
     "abc"},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 18\r\n\r\n{\"error\":14680076}", -ENOENT,
     "Application is not present"},
    {"HTTP/1.1 409 Conflict\r\nSpherule-Error: It is held.\r\nContent-Length: "
     "12\r\n\r\n{\"error\":16}",
     -EBUSY, "The resource is in use (It is held.)"},
    /* the device knows better than the client's guess, or says the same */
    {"HTTP/1.1 403 No\r\nSpherule-Error: Not you.\r\nContent-Length: 12\r\n\r\n{\"error\":13}",
     -EACCES, "Permission denied (Not you.)"},
    {"HTTP/1.1 403 No\r\nSpherule-Error: Application is not present, or so.\r\nContent-Length: "
     "18\r\n\r\n{\"error\":14680076}",
     -ENOENT, "Application is not present, or so."},
    {"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", -EREMOTEIO,
     "device 'd' answered with HTTP status 500"},
    {"HTTP/1.1 500 Oops\r\nContent-Length: 14\r\n\r\n{\"error\":\"x\"} ", -EREMOTEIO,
     "device 'd' answered with HTTP status 500"},
    {"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n", -EHOSTDOWN,
     "the agent of device 'd' is away; 'spherule device start d' brings it back"},
    {"HTTP/1.1 504 Late\r\nContent-Length: 0\r\n\r\n", -ETIMEDOUT,
     "the agent of device 'd' did not answer in time"},
    {"", -ECONNRESET, "the connection to device 'd' broke off: it closed without an answer"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", -ECONNRESET,
     "the connection to device 'd' broke off: the answer ended in the middle"},
    {"SSH-2.0-x\r\n\r\n", -ECONNRESET,
     "the connection to device 'd' broke off: the answer is not HTTP"},
};

static void test_answers(void **state) {
    struct server *server = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(answers); i++) {
        sph_autobuf struct sph_buf body = SPH_BUF_NULL;
        struct sph_err err = SPH_ERR_NULL;
        int r = ask(server, answers[i].answer, &get, &body, NULL, &err);
        assert_string_equal(r == 0 ? body.data : err.text, answers[i].text);
        assert_int_equal(r, answers[i].code);
        assert_int_equal(err.code, answers[i].code); /* the exit status is made from it */
    }
}

static void test_the_number_is_kept(void **state) {
    static const char answer[] =
        "HTTP/1.1 409 Conflict\r\nContent-Length: 12\r\n\r\n{\"error\":17}";
    struct sph_err err = SPH_ERR_NULL;
    unsigned number;
    assert_int_equal(ask(*state, answer, &get, NULL, &number, &err), -EREMOTEIO);
    assert_int_equal(number, 17);
}

static void test_headers_that_are_wanted(void **state) {
    static const char answer[] = "HTTP/1.1 200 OK\r\nspherule-log-cursor:  12 \r\nOther: x\r\n"
                                 "Content-Length: 0\r\n\r\n";
    struct sph_rest_header headers[] = {
        {.name = "Spherule-Log-Cursor"}, {.name = "Absent"}, {.name = NULL}};
    const struct sph_rest_request request = {.method = "GET", .path = "/x", .headers = headers};
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(ask(*state, answer, &request, NULL, NULL, &err), 0);
    assert_string_equal(headers[0].value, "12");
    assert_string_equal(headers[1].value, "");
}

static void test_a_body_that_is_too_large(void **state) {
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
    sph_autobuf struct sph_buf body = SPH_BUF_LIMIT(4);
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(ask(*state, answer, &get, &body, NULL, &err), -EFBIG);
    assert_string_equal(err.text, "the answer of device 'd' is too large");
}

static void test_a_request_with_a_body(void **state) {
    struct server *server = *state;
    const struct sph_rest_request request = {
        .method = "PUT", .path = "/y?z=1", .type = "text/plain", .body = "abc", .body_len = 3};
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(ask(server, answers[0].answer, &request, NULL, NULL, &err), 0);
    assert_ptr_equal(strstr(server->request, "PUT /y?z=1 HTTP/1.1\r\n"), server->request);
    assert_non_null(strstr(server->request, "Content-Type: text/plain\r\nContent-Length: 3\r\n"));
}

static int end_at_once(void *context, const char *data, size_t len) {
    (void)data;
    *(size_t *)context += len;
    return 1;
}

static void test_a_sink_that_has_enough(void **state) {
    size_t seen = 0;
    const struct sph_rest_request request = {
        .method = "GET", .path = "/x", .sink = end_at_once, .sink_context = &seen};
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(ask(*state, answers[0].answer, &request, NULL, NULL, &err), -ECANCELED);
    assert_int_equal(seen, 2);
}

/* The sink is for answers: an error's body goes to the sentence. */
static void test_a_sink_does_not_see_errors(void **state) {
    size_t seen = 0;
    const struct sph_rest_request request = {
        .method = "GET", .path = "/x", .sink = end_at_once, .sink_context = &seen};
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(ask(*state, answers[4].answer, &request, NULL, NULL, &err), -ENOENT);
    assert_int_equal(seen, 0);
}

static void test_patience_and_cancelling(void **state) {
    struct server *server = *state;
    int cancel = 1;
    const struct sph_rest_request slow = {.method = "GET", .path = "/x", .timeout_ms = 50};
    const struct sph_rest_request cancelled = {
        .method = "GET", .path = "/x", .timeout_ms = -1, .cancel = &cancel};
    struct sph_err err = SPH_ERR_NULL;
    server->linger_ms = 200;
    assert_int_equal(ask(server, "HTTP/1.1 200 OK\r\nContent-", &slow, NULL, NULL, &err),
                     -ETIMEDOUT);
    assert_string_equal(err.text, "device 'd' did not answer within 0 s");
    assert_int_equal(ask(server, "HTTP/1.1 200 OK\r\nContent-", &cancelled, NULL, NULL, &err),
                     -ECANCELED);
    assert_string_equal(err.text, "interrupted");
}

static void test_nobody_listens(void **state) {
    struct server *server = *state;
    sph_autorest struct sph_rest *rest = NULL;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(unlinkat(server->folder_fd, "rest.sock", 0), 0);
    assert_int_equal(sph_rest_open(server->folder_fd, "d", &rest, &err), 0);
    assert_int_equal(sph_rest_call(rest, &get, NULL, &err), -ENOTCONN);
    assert_string_equal(err.text,
                        "device 'd' is not running; start it with 'spherule device start d'");
    assert_null(sph_rest_close(NULL));
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_answers),
        WITH_SERVER(test_the_number_is_kept),
        WITH_SERVER(test_headers_that_are_wanted),
        WITH_SERVER(test_a_body_that_is_too_large),
        WITH_SERVER(test_a_request_with_a_body),
        WITH_SERVER(test_a_sink_that_has_enough),
        WITH_SERVER(test_a_sink_does_not_see_errors),
        WITH_SERVER(test_patience_and_cancelling),
        WITH_SERVER(test_nobody_listens),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* of the server: its client may have had enough */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
