/* A path is compared with each row of the table (routes.c), part by part; with seventy rows a tree
 * would only be harder to read.
 *
 * Everything about a request that can be told from its line and headers is told here, before its
 * body comes; the body is looked at as a whole by requests.c. No HTTP library is known here, so
 * that all of it runs from tests and from the fuzzer. */
#include "gateway/rest/route.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "gateway/rest/body.h"
#include "gateway/rest/replies.h"
#include "wire/message.h"

/* A path that has the pattern's parts; *ret_argument is what stands for the '*', never empty. */
static bool path_matches(const char *pattern, const char *path, struct sph_slice *ret_argument) {
    const char *star = strchr(pattern, '*');
    if (!star)
        return strcmp(pattern, path) == 0;
    size_t before = (size_t)(star - pattern);
    if (strncmp(pattern, path, before) != 0)
        return false;
    size_t len = strcspn(path + before, "/");
    *ret_argument = sph_slice(path + before, len);
    return len > 0 && strcmp(star + 1, path + before + len) == 0;
}

/* Methods of a path, for the header Allow: "GET, PUT". False for a path that no method has. */
static bool list_methods(const char *path, char ret_allow[SPH_RESPONSE_ALLOW]) {
    size_t used = 0;
    for (size_t i = 0; i < sph_route_count; i++) {
        struct sph_slice argument;
        if (!path_matches(sph_routes[i].path, path, &argument))
            continue;
        int len = snprintf(ret_allow + used, SPH_RESPONSE_ALLOW - used, "%s%s", used ? ", " : "",
                           sph_routes[i].method);
        used += (size_t)len;
        assert(used < SPH_RESPONSE_ALLOW);
    }
    return used > 0;
}

/* Of the rows of one path at most one has the method. */
static const struct sph_route *find_route(const struct sph_route_request *request,
                                          struct sph_slice *ret_argument) {
    for (size_t i = 0; i < sph_route_count; i++) {
        if (strcmp(sph_routes[i].method, request->method) == 0 &&
            path_matches(sph_routes[i].path, request->path, ret_argument))
            return &sph_routes[i];
    }
    return NULL;
}

/* Parameters ("; charset=utf-8") say nothing that could matter: JSON is UTF-8. */
static bool type_is(const char *content_type, const char *wanted) {
    size_t len = strlen(wanted);
    if (strncasecmp(content_type, wanted, len) != 0)
        return false;
    const char *rest = content_type + len;
    while (*rest == ' ' || *rest == '\t')
        rest++;
    return *rest == '\0' || *rest == ';';
}

/* Clients of the original leave the type out now and then; a wrong one is a mistake worth telling.
 */
static bool media_type_is_right(const struct sph_route_request *request, enum sph_route_body body) {
    if (!request->has_body || !request->content_type)
        return true;
    switch (body) {
    case SPH_BODY_JSON:
    case SPH_BODY_JSON_OR_NONE:
        return type_is(request->content_type, "application/json");
    case SPH_BODY_TEXT_OR_NONE:
        return type_is(request->content_type, "text/plain");
    case SPH_BODY_PACKAGE:
        return type_is(request->content_type, "application/octet-stream");
    case SPH_BODY_NONE:
        break;
    }
    return true;
}

size_t sph_route_body_max(const struct sph_route *route) {
    return route->body_max ? route->body_max : SPH_ROUTE_JSON_MAX;
}

/* A length that is given is believed for a refusal only: what really comes is counted again. */
static unsigned check_body(const struct sph_route_request *request, const struct sph_call *call,
                           struct sph_response *response) {
    enum sph_route_body body = call->route->body;
    if (!media_type_is_right(request, body))
        return sph_response_refuse(response, call->is_own, 415, SPH_DEVERR_INVALID_JSON,
                                   "%s %s does not take a body of type %.60s", request->method,
                                   call->route->path, request->content_type);
    if (!request->has_body && (body == SPH_BODY_JSON || body == SPH_BODY_PACKAGE))
        return sph_body_refuse_absent(call, response);
    uint64_t limit =
        body == SPH_BODY_PACKAGE ? (size_t)SPH_ROUTE_PACKAGE_MAX : sph_route_body_max(call->route);
    if (request->has_length && request->body_length > limit)
        return sph_response_refuse(response, call->is_own, 413, SPH_DEVERR_INVALID_CONTENT_LENGTH,
                                   "the body has %llu bytes; %llu is the most that is taken",
                                   (unsigned long long)request->body_length,
                                   (unsigned long long)limit);
    return 0;
}

/* 20 digits hold any 64 bits; leading zeros beyond that are not worth a longer copy. */
static bool read_number(struct sph_slice text, uint64_t *ret_number) {
    char copy[24];
    if (text.len >= sizeof(copy))
        return false;
    return sph_text_to_u64(sph_slice_copy(text, copy, sizeof(copy)), UINT64_MAX, ret_number) == 0;
}

/* What was given is shown in the sentence, cut at a length that no right argument has. */
static unsigned read_argument(struct sph_slice text, struct sph_call *call,
                              struct sph_response *response) {
    int len = (int)(text.len < 80 ? text.len : 80);
    const char *shown = text.data;
    switch (call->route->argument) {
    case SPH_ARGUMENT_NONE:
        return 0;
    case SPH_ARGUMENT_COMPONENT:
        if (sph_guid_parse(text.data, text.len, &call->component) == 0)
            return 0;
        return sph_response_refuse(response, call->is_own, 400,
                                   SPH_DEVERR_CANNOT_PARSE_COMPONENT_ID,
                                   "\"%.*s\" is not a component id (a GUID)", len, shown);
    case SPH_ARGUMENT_NUMBER:
        if (read_number(text, &call->number))
            return 0;
        return sph_response_refuse(response, call->is_own, 400, SPH_DEVERR_INVALID_REQUEST_URI,
                                   "\"%.*s\" is not a number", len, shown);
    case SPH_ARGUMENT_NAME:
        if (text.len < sizeof(call->name)) {
            (void)sph_slice_copy(text, call->name, sizeof(call->name));
            return 0;
        }
        return sph_response_refuse(response, call->is_own, 404, SPH_DEVERR_INVALID_REQUEST_URI,
                                   "\"%.*s\" is too long for a name", len, shown);
    case SPH_ARGUMENT_THUMBPRINT:
        break;
    }
    if (text.len == sizeof(call->thumbprint) * 2 &&
        sph_hex_to_bytes(text.data, sizeof(call->thumbprint), call->thumbprint) == 0)
        return 0;
    return sph_response_refuse(response, call->is_own, 400, SPH_DEVERR_INVALID_REQUEST_URI,
                               "\"%.*s\" is not a thumbprint (40 hexadecimal digits)", len, shown);
}

/* What is absent keeps its zero; what is there has to be a number, also where it is of no use. */
static unsigned read_query_number(const char *name, const char *text, uint64_t max,
                                  uint64_t *ret_number, const struct sph_call *call,
                                  struct sph_response *response) {
    if (!text || sph_text_to_u64(text, max, ret_number) == 0)
        return 0;
    return sph_response_refuse(response, call->is_own, 400, SPH_DEVERR_INVALID_REQUEST_URI,
                               "%s in the query is not a number up to %llu", name,
                               (unsigned long long)max);
}

static unsigned read_query(const struct sph_route_request *request, struct sph_call *call,
                           struct sph_response *response) {
    const struct {
        const char *name, *text;
        uint64_t max;
        uint64_t *number;
    } rows[] = {
        {"first", request->first, UINT32_MAX, &call->first},
        {"after", request->after, UINT64_MAX, &call->after},
        {"cursor", request->cursor, UINT64_MAX, &call->cursor},
        {"waitMs", request->wait_ms, SPH_ROUTE_LOG_WAIT_MAX_MS, &call->wait_ms},
        {"hold", request->hold, 1, &call->hold},
        {"reader", request->reader, UINT64_MAX, &call->reader},
    };
    if (!call->is_own) /* the device's interface has no queries */
        return 0;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        unsigned status = read_query_number(rows[i].name, rows[i].text, rows[i].max, rows[i].number,
                                            call, response);
        if (status)
            return status;
    }
    call->has_after = request->after != NULL;
    const char *component = request->component;
    if (!component || call->route->argument == SPH_ARGUMENT_COMPONENT)
        return 0;
    /* The zero id means "of all" on the wire: nobody who names an app may clear all reports by it.
     */
    if (sph_guid_parse(component, strlen(component), &call->component) == 0 &&
        !sph_guid_is_zero(&call->component))
        return 0;
    return sph_response_refuse(response, true, 400, SPH_DEVERR_CANNOT_PARSE_COMPONENT_ID,
                               "component in the query is not a component id (a GUID)");
}

/* 405 only where another method would do: a client can tell a wrong path from a wrong method. */
static unsigned refuse_path(const struct sph_route_request *request, bool is_own,
                            struct sph_response *response) {
    if (!list_methods(request->path, response->allow))
        return sph_response_refuse(response, is_own, 404, SPH_DEVERR_INVALID_REQUEST_URI,
                                   "there is nothing at %.200s", request->path);
    return sph_response_refuse(response, is_own, 405, SPH_DEVERR_INVALID_REQUEST_METHOD,
                               "%.20s is not a method of %.200s (%s)", request->method,
                               request->path, response->allow);
}

bool sph_route_is_own(const char *path) {
    return strncmp(path, SPH_ROUTE_OWN "/", sizeof(SPH_ROUTE_OWN)) == 0;
}

unsigned sph_route_resolve(const struct sph_route_request *request, struct sph_call *ret_call,
                           struct sph_response *response) {
    struct sph_call call = {.is_own = sph_route_is_own(request->path)};
    struct sph_slice argument = {0};
    call.route = find_route(request, &argument);
    ret_call->is_own = call.is_own;
    if (!call.route)
        return refuse_path(request, call.is_own, response);
    unsigned status = read_argument(argument, &call, response);
    if (!status)
        status = read_query(request, &call, response);
    if (!status)
        status = check_body(request, &call, response);
    if (!status)
        *ret_call = call;
    return status;
}

unsigned sph_route_build(const struct sph_call *call, const char *body, size_t len,
                         struct sph_buf *ret_payload, struct sph_response *response) {
    if (call->route->op == SPH_OP_HELLO) {
        struct sph_msg_hello hello = {.version_min = SPH_FRAME_VERSION,
                                      .version_max = SPH_FRAME_VERSION,
                                      .program = sph_slice_text("spheruled " SPH_VERSION)};
        (void)sph_codec_encode(&sph_msg_hello_codec, &hello, ret_payload, NULL);
        return 0;
    }
    if (!call->route->build)
        return 0;
    if (len == 0 &&
        call->route->body == SPH_BODY_JSON) /* announced in chunks, of which none came */
        return sph_body_refuse_absent(call, response);
    return call->route->build(call, len ? body : NULL, len, ret_payload, response);
}

/* The agent's words cannot be read: it is of another kind than this gateway, or damaged. */
static void refuse_unreadable(const struct sph_call *call, const struct sph_err *err,
                              struct sph_response *response) {
    (void)sph_response_refuse(response, call->is_own, 500, EIO,
                              "the agent's answer cannot be read: %.200s", err->text);
}

enum { REPLY_STRUCT_MAX = 1024 }; /* bytes: twice the largest, struct sph_msg_report */

/* The status is set before the formatter runs: the few that want another one change it. */
void sph_route_answer(const struct sph_call *call, const void *payload, size_t len,
                      struct sph_response *response) {
    _Alignas(16) char message[REPLY_STRUCT_MAX];
    const struct sph_codec *codec = sph_op_find(call->route->op)->reply;
    struct sph_err err = SPH_ERR_NULL;
    if (codec->size > sizeof(message) || sph_codec_decode(codec, payload, len, message, &err) < 0) {
        refuse_unreadable(call, &err, response);
        return;
    }
    response->status = 200;
    if (call->route->format)
        (void)call->route->format(call, message, response);
    else
        sph_buf_puts(&response->body, "{}");
    if (response->body.error)
        (void)sph_response_refuse(response, call->is_own, 500, ENOMEM,
                                  "the answer is too large for the gateway");
}

/* Deleting what is not there is no failure on the device. */
static bool is_done_already(const struct sph_call *call, uint32_t device_error) {
    return call->route->op == SPH_OP_APP_DELETE && sph_refusal_status(device_error) == 404;
}

/* A trigger on what is not installed is a conflict there, not a missing path. */
static unsigned status_for(const struct sph_call *call, uint32_t device_error) {
    unsigned status = sph_refusal_status(device_error);
    bool is_trigger = !call->is_own && call->route->op == SPH_OP_APP_CONTROL;
    return is_trigger && status == 404 ? 409 : status;
}

void sph_route_answer_error(const struct sph_call *call, const void *payload, size_t len,
                            struct sph_response *response) {
    struct sph_msg_error error;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_codec_decode(&sph_msg_error_codec, payload, len, &error, &err) < 0) {
        refuse_unreadable(call, &err, response);
        return;
    }
    if (is_done_already(call, error.device_error)) {
        response->status = 200;
        sph_buf_puts(&response->body, "{}");
        return;
    }
    (void)sph_response_refuse_text(response, call->is_own, status_for(call, error.device_error),
                                   error.device_error, error.text);
}
