/* One libcurl handle per device; the socket is reached through the folder's descriptor, so that the
 * length of its path does not matter. Every way to fail becomes one sentence here, and nowhere
 * else. */
#include "cli/rest_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json_in.h"
#include "base/text.h"
#include "cli/device_error.h"
#include "cli/home.h"
#include "cli/launch.h"

enum {
    CONNECT_TIMEOUT_MS = 5000,  /* a Unix socket answers at once or is overloaded */
    ANSWER_TIMEOUT_MS = 70000,  /* the gateway itself waits 60 s for the device */
    ERROR_BODY_BYTES = 8 << 10, /* of an error's JSON */
};

struct sph_rest {
    CURL *curl;
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
    bool sink_ended;
};

int sph_rest_open(int device_fd, const char *device_name, struct sph_rest **ret_rest,
                  struct sph_err *err) {
    struct sph_rest *rest = calloc(1, sizeof(*rest));
    if (!rest)
        return SPH_FAIL_ERRNO(err, -ENOMEM, "cannot reach device '%s'", device_name);
    rest->device_fd = device_fd;
    (void)snprintf(rest->name, sizeof(rest->name), "%s", device_name);
    if (curl_global_init(CURL_GLOBAL_NOTHING) != 0 || !(rest->curl = curl_easy_init())) {
        sph_rest_close(rest);
        return SPH_FAIL_ERRNO(err, -ENOMEM, "cannot reach device '%s'", device_name);
    }
    *ret_rest = rest;
    return 0;
}

struct sph_rest *sph_rest_close(struct sph_rest *rest) {
    if (rest) {
        if (rest->curl)
            curl_easy_cleanup(rest->curl);
        free(rest);
    }
    return NULL;
}

unsigned sph_rest_last_error(const struct sph_rest *rest) {
    return rest->last_error;
}

static long transfer_status(const struct transfer *transfer) {
    long status = 0;
    (void)curl_easy_getinfo(transfer->rest->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static size_t on_body(char *data, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    size_t len = size * count;
    if (transfer_status(transfer) >= 300) {
        sph_buf_append(&transfer->error_body, data, len);
        return len;
    }
    if (transfer->request->sink) {
        transfer->sink_ended =
            transfer->request->sink(transfer->request->sink_context, data, len) != 0;
        return transfer->sink_ended ? 0 : len;
    }
    if (transfer->body)
        sph_buf_append(transfer->body, data, len);
    return transfer->body && transfer->body->error ? 0 : len;
}

/* Copies the value when the line (of `len` bytes, not ended by NUL) is that header. */
static void match_header(const char *line, size_t len, const char *name, char *ret_value,
                         size_t size) {
    size_t at = strlen(name);
    if (len <= at || strncasecmp(line, name, at) != 0 || line[at] != ':')
        return;
    for (at++; at < len && line[at] == ' '; at++)
        continue;
    while (len > at && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    sph_text_printable(line + at, len - at, ret_value, size);
}

static size_t on_header(char *data, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    size_t len = size * count;
    match_header(data, len, "Spherule-Error", transfer->sentence, sizeof(transfer->sentence));
    struct sph_rest_header *wanted = transfer->request->headers;
    for (; wanted && wanted->name; wanted++)
        match_header(data, len, wanted->name, wanted->value, sizeof(wanted->value));
    return len;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    const struct transfer *transfer = context;
    (void)a, (void)b, (void)c, (void)d;
    return *transfer->request->cancel != 0;
}

static long request_timeout(const struct sph_rest_request *request) {
    return request->timeout_ms == 0  ? ANSWER_TIMEOUT_MS
           : request->timeout_ms < 0 ? 0
                                     : request->timeout_ms;
}

/* libcurl copies what it is given here, the body excepted. */
static struct curl_slist *set_up(struct transfer *transfer) {
    const struct sph_rest_request *request = transfer->request;
    CURL *curl = transfer->rest->curl;
    char text[512];
    curl_easy_reset(curl);
    (void)snprintf(text, sizeof(text), "/proc/self/fd/%d/rest.sock", transfer->rest->device_fd);
    (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, text);
    (void)snprintf(text, sizeof(text), "http://spherule%s", request->path);
    (void)curl_easy_setopt(curl, CURLOPT_URL, text);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, request_timeout(request));
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    if (request->cancel) {
        (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
        (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    }
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    if (request->body || request->type || strcmp(request->method, "POST") == 0) {
        (void)snprintf(text, sizeof(text), "Content-Type: %s",
                       request->type ? request->type : "application/json");
        headers = curl_slist_append(headers, text);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body ? request->body : "");
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
    }
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    return headers;
}

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

static int fail_transfer(const struct transfer *transfer, CURLcode code, struct sph_err *err) {
    const char *name = transfer->rest->name;
    switch (code) {
    case CURLE_COULDNT_CONNECT:
        return fail_connect(transfer->rest, err);
    case CURLE_OPERATION_TIMEDOUT:
        return SPH_FAIL(err, -ETIMEDOUT, "device '%s' did not answer within %ld s", name,
                        request_timeout(transfer->request) / 1000);
    case CURLE_ABORTED_BY_CALLBACK:
        return SPH_FAIL(err, -ECANCELED, "interrupted");
    case CURLE_WRITE_ERROR:
        if (transfer->sink_ended)
            return SPH_FAIL(err, -ECANCELED, "ended");
        return SPH_FAIL(err, -EFBIG, "the answer of device '%s' is too large", name);
    case CURLE_OUT_OF_MEMORY:
        return SPH_FAIL_ERRNO(err, -ENOMEM, "cannot reach device '%s'", name);
    default:
        return SPH_FAIL(err, -ECONNRESET, "the connection to device '%s' broke off: %s", name,
                        curl_easy_strerror(code));
    }
}

/* The number and, where the header had none, the sentence of an error's body. */
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

static int fail_status(struct transfer *transfer, long status, struct sph_err *err) {
    uint32_t number = read_error_body(transfer);
    const char *more = transfer->sentence;
    transfer->rest->last_error = number;
    if (status == 503 || status == 504)
        return fail_gateway(transfer, status, err);
    const struct sph_device_error *known = sph_device_error_find(number);
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

int sph_rest_call(struct sph_rest *rest, const struct sph_rest_request *request,
                  struct sph_buf *ret_body, struct sph_err *err) {
    struct transfer transfer = {.rest = rest,
                                .request = request,
                                .body = ret_body,
                                .error_body = SPH_BUF_LIMIT(ERROR_BODY_BYTES)};
    rest->last_error = 0;
    struct curl_slist *headers = set_up(&transfer);
    CURLcode code = curl_easy_perform(rest->curl);
    int r = 0;
    if (code != CURLE_OK)
        r = fail_transfer(&transfer, code, err);
    else if (transfer_status(&transfer) >= 300)
        r = fail_status(&transfer, transfer_status(&transfer), err);
    curl_slist_free_all(headers);
    sph_buf_done(&transfer.error_body);
    return r;
}
