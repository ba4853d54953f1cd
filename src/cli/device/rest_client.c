/* One connection per request: the socket is local, and a request that owns its connection cannot
 * be confused by the rest of an earlier answer. The socket is reached through the folder's
 * descriptor, so that the length of its path does not matter. Every way to fail becomes one
 * sentence here, and nowhere else.
 *
 * A failure is first of the connection (nobody listens, broken off, too late, ended by us), then
 * of the gateway (503, 504), then of the device, by the number in the body. The errno of each is
 * what the exit status is made from, so this file decides what a script sees. Retrying was
 * rejected: a request may have done its work before the connection broke. */
#include "cli/device/rest_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json_in.h"
#include "base/text.h"
#include "base/unix_socket.h"
#include "cli/device/device_error.h"
#include "cli/device/home.h"
#include "cli/device/http.h"
#include "cli/device/launch.h"

enum {
    POLL_MS = 100, /* how late *cancel may be seen when no signal ends the wait */
    READ_BYTES = 16 << 10,
    ANSWER_TIMEOUT_MS = 70000,  /* the gateway itself waits 60 s for the device */
    ERROR_BODY_BYTES = 8 << 10, /* of an error's JSON */
};

/* No socket: between two requests there is nothing to keep open, or to find closed. */
struct sph_rest {
    int device_fd;
    char name[SPH_DEVICE_NAME_MAX];
    unsigned last_error;
};

/* What one transfer collects. */
struct transfer {
    struct sph_rest *rest;
    const struct sph_rest_request *request;
    struct sph_buf *body;
    struct sph_buf error_body;
    char sentence[320]; /* of the header Spherule-Error */
    struct sph_http_reader reader;
};

/* Makes no connection: whether there is a gateway is the first request's question. */
int sph_rest_open(int device_fd, const char *device_name, struct sph_rest **ret_rest,
                  struct sph_err *err) {
    struct sph_rest *rest = calloc(1, sizeof(*rest));
    if (!rest)
        return SPH_FAIL_ERRNO(err, -ENOMEM, "cannot reach device '%s'", device_name);
    rest->device_fd = device_fd;
    (void)snprintf(rest->name, sizeof(rest->name), "%s", device_name);
    *ret_rest = rest;
    return 0;
}

struct sph_rest *sph_rest_close(struct sph_rest *rest) {
    free(rest);
    return NULL;
}

unsigned sph_rest_last_error(const struct sph_rest *rest) {
    return rest->last_error;
}

/* An error's body goes to its sentence, never to the caller's sink. */
static int on_body(void *context, const char *data, size_t len) {
    struct transfer *transfer = context;
    if (transfer->reader.status >= 300) {
        sph_buf_append(&transfer->error_body, data, len);
        return 0;
    }
    if (transfer->request->sink)
        return transfer->request->sink(transfer->request->sink_context, data, len);
    if (transfer->body)
        sph_buf_append(transfer->body, data, len);
    return transfer->body && transfer->body->error;
}

static void match_header(const char *name, size_t name_len, const char *value, size_t value_len,
                         const char *wanted, char *ret_value, size_t size) {
    if (strlen(wanted) == name_len && strncasecmp(name, wanted, name_len) == 0)
        sph_text_printable(value, value_len, ret_value, size);
}

static void on_header(void *context, const char *name, size_t name_len, const char *value,
                      size_t value_len) {
    struct transfer *transfer = context;
    match_header(name, name_len, value, value_len, "Spherule-Error", transfer->sentence,
                 sizeof(transfer->sentence));
    struct sph_rest_header *wanted = transfer->request->headers;
    for (; wanted && wanted->name; wanted++)
        match_header(name, name_len, value, value_len, wanted->name, wanted->value,
                     sizeof(wanted->value));
}

/* Streams have none: they end by their sink, by *cancel or with the gateway. */
static uint64_t request_deadline_ms(const struct sph_rest_request *request) {
    if (request->timeout_ms < 0)
        return UINT64_MAX;
    long timeout = request->timeout_ms == 0 ? ANSWER_TIMEOUT_MS : request->timeout_ms;
    return sph_clock_monotonic_ms() + (uint64_t)timeout;
}

/* A POST always has a length: a server may refuse one without. */
static void write_head(const struct sph_rest_request *request, struct sph_buf *head) {
    sph_buf_printf(head, "%s %s HTTP/1.1\r\nHost: spherule\r\nConnection: close\r\n",
                   request->method, request->path);
    if (request->body || request->type || strcmp(request->method, "POST") == 0)
        sph_buf_printf(head, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                       request->type ? request->type : "application/json", request->body_len);
    sph_buf_puts(head, "\r\n");
}

/* Waits in slices, so that *cancel is seen. 0, -ECANCELED or -ETIMEDOUT. */
static int wait_for(const struct sph_rest_request *request, int fd, short events,
                    uint64_t deadline_ms) {
    for (;;) {
        if (request->cancel && *request->cancel)
            return -ECANCELED;
        int rc = request->idle ? request->idle(request->idle_context) : 0;
        if (rc < 0)
            return rc;
        uint64_t now = sph_clock_monotonic_ms();
        if (now >= deadline_ms)
            return -ETIMEDOUT;
        uint64_t left = deadline_ms - now;
        struct pollfd pollfd = {.fd = fd, .events = events};
        int n = poll(&pollfd, 1, left < POLL_MS ? (int)left : POLL_MS);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -errno;
    }
}

/* -EPIPE and -ECONNRESET (a close with unread bytes, seen between two looks of one send) are no
 * failures yet: whoever refuses a body early has sent an answer, which is still there to be read.
 */
static int send_all(const struct sph_rest_request *request, int fd, const char *data, size_t len,
                    uint64_t deadline_ms) {
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            data += n;
            len -= (size_t)n;
            continue;
        }
        int rc = errno == EAGAIN  ? wait_for(request, fd, POLLOUT, deadline_ms)
                 : errno == EINTR ? 0
                                  : -errno;
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Reads until the answer is complete, whatever else the server might go on to send. */
static int receive(struct transfer *transfer, int fd, uint64_t deadline_ms, struct sph_err *err) {
    char data[READ_BYTES];
    while (!sph_http_is_complete(&transfer->reader)) {
        int rc = wait_for(transfer->request, fd, POLLIN, deadline_ms);
        if (rc < 0)
            return rc;
        ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0)
            return SPH_FAIL(err, -ECONNRESET, "%s", strerror(errno));
        rc = n == 0 ? sph_http_end(&transfer->reader, err)
                    : sph_http_feed(&transfer->reader, data, (size_t)n, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* One limit for the whole: connecting needs none on a local socket, which accepts or refuses at
 * once. */
static int perform(struct transfer *transfer, int fd, struct sph_err *err) {
    const struct sph_rest_request *request = transfer->request;
    sph_autobuf struct sph_buf head = SPH_BUF_NULL;
    uint64_t deadline_ms = request_deadline_ms(request);
    write_head(request, &head);
    if (head.error)
        return head.error;
    int rc = send_all(request, fd, head.data, head.len, deadline_ms);
    if (rc == 0)
        rc = send_all(request, fd, request->body, request->body_len, deadline_ms);
    if (rc < 0 && rc != -EPIPE && rc != -ECONNRESET)
        return rc;
    return receive(transfer, fd, deadline_ms, err);
}

/* Why nobody listens is seen from the pid files, which need no connection. */
static int fail_connect(const struct sph_rest *rest, struct sph_err *err) {
    switch (sph_launch_state(rest->device_fd)) {
    case SPH_DEVICE_AGENT_ONLY:
        return SPH_FAIL(err, -ENOTCONN,
                        "the gateway of device '%s' is not running; 'spherule device start %s' "
                        "brings it back",
                        rest->name, rest->name);
    case SPH_DEVICE_RUNNING:
    case SPH_DEVICE_GATEWAY_ONLY:
        return SPH_FAIL(err, -ENOTCONN,
                        "the gateway of device '%s' runs but cannot be connected to: rest.sock is "
                        "not open to you",
                        rest->name);
    case SPH_DEVICE_STOPPED:
        break;
    }
    return SPH_FAIL(err, -ENOTCONN,
                    "device '%s' is not running; start it with 'spherule device start %s'",
                    rest->name, rest->name);
}

/* By the code that the transfer ended with; for broken connections *err has the reason already. */
static int fail_transfer(const struct transfer *transfer, int code, struct sph_err *err) {
    const char *name = transfer->rest->name;
    const struct sph_rest_request *request = transfer->request;
    switch (code) {
    case -ETIMEDOUT:
        return SPH_FAIL(err, -ETIMEDOUT, "device '%s' did not answer within %ld s", name,
                        (request->timeout_ms == 0 ? ANSWER_TIMEOUT_MS : request->timeout_ms) /
                            1000);
    case -ECANCELED:
        if (request->cancel && *request->cancel)
            return SPH_FAIL(err, -ECANCELED, "interrupted");
        if (request->sink)
            return SPH_FAIL(err, -ECANCELED, "ended");
        return SPH_FAIL(err, -EFBIG, "the answer of device '%s' is too large", name);
    case -ENOMEM:
        return SPH_FAIL_ERRNO(err, -ENOMEM, "cannot reach device '%s'", name);
    case -EBADMSG:
    case -ECONNRESET:
        (void)sph_err_prefix(err, "the connection to device '%s' broke off", name);
        if (err)
            err->code = -ECONNRESET;
        return -ECONNRESET;
    default:
        return SPH_FAIL(err, -ECONNRESET, "the connection to device '%s' broke off: %s", name,
                        strerror(-code));
    }
}

/* The number and the sentence of an error's body. The body's sentence holds over the header's,
 * which has '?' for all that is not ASCII. */
static uint32_t read_error_body(struct transfer *transfer) {
    const struct sph_buf *body = &transfer->error_body;
    struct sph_json_value top, value;
    uint64_t number = 0;
    if (body->error || !body->data || sph_json_check(body->data, body->len, &top, NULL) < 0)
        return 0;
    if (sph_json_get(&top, "error", &value))
        (void)sph_json_to_u64(&value, UINT32_MAX, &number);
    char text[sizeof(transfer->sentence)];
    if (sph_json_get(&top, "message", &value) && sph_json_to_text(&value, text, sizeof(text)) == 0)
        sph_text_printable(text, strlen(text), transfer->sentence, sizeof(transfer->sentence));
    return (uint32_t)number;
}

/* Statuses whose meaning does not depend on the number. */
static int fail_gateway(const struct transfer *transfer, long status, struct sph_err *err) {
    const char *name = transfer->rest->name;
    const char *more = transfer->sentence;
    if (status == 503)
        return SPH_FAIL(err, -EHOSTDOWN,
                        "the agent of device '%s' is away; 'spherule device start %s' brings it "
                        "back%s%s%s",
                        name, name, *more ? " (" : "", more, *more ? ")" : "");
    return SPH_FAIL(err, -ETIMEDOUT, "the agent of device '%s' did not answer in time", name);
}

/* The client's words for a number, then the device's own sentence: the first is what people search
 * for, the second what happened. */
static int fail_status(struct transfer *transfer, long status, struct sph_err *err) {
    uint32_t number = read_error_body(transfer);
    const char *more = transfer->sentence;
    transfer->rest->last_error = number;
    if (status == 503 || status == 504)
        return fail_gateway(transfer, status, err);
    const struct sph_device_error *known = sph_device_error_find(number);
    if (known && *more && strncmp(more, known->text, strlen(known->text)) == 0)
        return SPH_FAIL(err, known->code, "%s", more);       /* the device has the client's words */
    if (known && *more && number == SPH_DEVICE_ERROR(0, 13)) /* whose words only guess why */
        return SPH_FAIL(err, known->code, "Permission denied (%s)", more);
    if (known && *more)
        return SPH_FAIL(err, known->code, "%s (%s)", known->text, more);
    if (known)
        return SPH_FAIL(err, known->code, "%s", known->text);
    if (*more)
        return SPH_FAIL(err, -EREMOTEIO, "%s (error %u)", more, number);
    if (number)
        return SPH_FAIL(err, -EREMOTEIO, "Unknown device error: %u", number);
    return SPH_FAIL(err, -EREMOTEIO, "device '%s' answered with HTTP status %ld",
                    transfer->rest->name, status);
}

/* A transfer that broke off is told as that, also when its status had come already: a body that was
 * cut may have lost the number that the status is about. */
int sph_rest_call(struct sph_rest *rest, const struct sph_rest_request *request,
                  struct sph_buf *ret_body, struct sph_err *err) {
    struct transfer transfer = {.rest = rest,
                                .request = request,
                                .body = ret_body,
                                .error_body = SPH_BUF_LIMIT(ERROR_BODY_BYTES)};
    rest->last_error = 0;
    sph_http_reader_init(&transfer.reader, on_header, on_body, &transfer);
    sph_autoclose int fd = sph_unix_connect(rest->device_fd, "rest.sock", SOCK_STREAM, NULL);
    if (fd < 0)
        return fail_connect(rest, err);
    int rc = perform(&transfer, fd, err);
    if (rc < 0)
        rc = fail_transfer(&transfer, rc, err);
    else if (transfer.reader.status >= 300)
        rc = fail_status(&transfer, transfer.reader.status, err);
    sph_buf_done(&transfer.error_body);
    return rc;
}
