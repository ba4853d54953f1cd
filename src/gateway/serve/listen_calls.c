/* Who may ask from elsewhere, and the calls by which the user decides it.
 *
 * Those calls are for the user's own socket alone: a program that was given the token must not find
 * out how to keep it, open another door, or lend it a name. */
#include <errno.h>
#include <string.h>

#include "gateway/serve/exchange_private.h"
#include "gateway/serve/https.h"
#include "wire/device_error.h"

static const char *header(const struct sph_exchange *exchange, const char *name) {
    return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

unsigned sph_exchange_admit(struct sph_exchange *exchange, const char *path) {
    if (!exchange->guest)
        return 0;
    const struct sph_access *access = sph_https_access(exchange->pool->https);
    const char *origin = header(exchange, MHD_HTTP_HEADER_ORIGIN);
    struct sph_response *response = &exchange->response;
    bool is_own = exchange->call.is_own = sph_route_is_own(path);
    if (sph_access_allows(access, header(exchange, MHD_HTTP_HEADER_AUTHORIZATION), origin)) {
        if (!access->is_trusted) /* the others are known when they have been answered once */
            sph_guest_let_in(exchange->guest);
        return 0;
    }
    if (access->is_trusted)
        return sph_response_refuse(response, is_own, 403, SPH_DEVERR_COMMAND_AUTHORIZATION_FAILED,
                                   "web pages may not ask this device without its token");
    return sph_response_refuse(response, is_own, 401, SPH_DEVERR_COMMAND_AUTHORIZATION_FAILED,
                               "this device asks for its token: 'Authorization: Bearer ...'");
}

/* What another request could mend is the client's; the rest is ours. */
static void refuse(struct sph_response *response, const struct sph_err *err) {
    static const struct {
        int code;
        unsigned status;
        uint32_t number;
    } rows[] = {
        {-EADDRNOTAVAIL, 400, EINVAL}, {-EPERM, 403, EACCES},     {-EACCES, 403, EACCES},
        {-ENOENT, 404, ENOENT},        {-EADDRINUSE, 409, EBUSY},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        if (rows[i].code == err->code) {
            (void)sph_response_refuse(response, true, rows[i].status, rows[i].number, "%s",
                                      err->text);
            return;
        }
    }
    (void)sph_response_refuse(response, true, 500, err->code < 0 ? (uint32_t)-err->code : EIO, "%s",
                              err->text);
}

/* A token in the request is not taken: it is drawn, never chosen. The body has been checked. */
static int listen_there(struct sph_exchange *exchange, struct sph_err *err) {
    struct sph_listen wish;
    int rc = sph_listen_parse(exchange->body.data, exchange->body.len, &wish, err);
    return rc < 0 ? rc : sph_https_listen(exchange->pool->https, &wish, err);
}

static void describe(struct sph_exchange *exchange, bool with_token) {
    struct sph_json_out out;
    sph_json_begin(&out, &exchange->response.body);
    sph_json_object(&out);
    sph_https_describe(exchange->pool->https, with_token, &out);
    sph_json_object_end(&out);
}

void sph_exchange_answer_listen(struct sph_exchange *exchange) {
    struct sph_response *response = &exchange->response;
    const struct sph_route *route = exchange->call.route;
    struct sph_err err = SPH_ERR_NULL;
    int rc = 0;
    if (exchange->guest) {
        (void)sph_response_refuse(response, true, 403, EACCES,
                                  "HTTPS is set up over the device's own socket only");
        return;
    }
    sph_autobuf struct sph_buf none = SPH_BUF_NULL; /* these calls send no request to the agent */
    if (sph_route_build(&exchange->call, exchange->body.data, exchange->body.len, &none, response))
        return;
    if (strcmp(route->method, "POST") == 0) {
        rc = listen_there(exchange, &err);
    } else if (strcmp(route->method, "DELETE") == 0) {
        rc = sph_https_stop(exchange->pool->https, &err);
    } else if (strcmp(route->path, "/spherule/v1/listen/ca") == 0) {
        response->content_type = "application/x-pem-file";
        rc = sph_https_read_ca(exchange->pool->https, &response->body, &err);
    }
    if (rc < 0) {
        refuse(response, &err);
        return;
    }
    response->status = 200;
    if (strcmp(route->method, "DELETE") == 0)
        sph_buf_puts(&response->body, "{}");
    else if (response->body.len == 0)
        describe(exchange, strcmp(route->method, "POST") == 0);
}
