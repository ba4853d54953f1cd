/* rest_client: requests to one device's gateway over its Unix socket. */
#ifndef SPH_CLI_DEVICE_REST_CLIENT_H
#define SPH_CLI_DEVICE_REST_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct sph_rest;

/* Gets body bytes as they come, in pieces of any size, never none; a non-zero result ends the
 * transfer. Not called for an error's body. May make requests of its own through another sph_rest.
 */
typedef int sph_rest_sink_fn(void *context, const char *data, size_t len);

/* Called before each wait for the answer, and again every 100 ms of it; a negative result ends the
 * transfer with it. May make requests of its own through another sph_rest. */
typedef int sph_rest_idle_fn(void *context);

/* A header of the answer that is wanted; value is "" when it did not come. */
struct sph_rest_header {
    const char *name;
    char value[320];
};

/* Everything is borrowed for the call. Zero is the default of each member but method and path. */
struct sph_rest_request {
    const char *method; /* "GET", "PUT", … */
    const char *path;   /* "/app/status/…" */
    const char *type;   /* Content-Type of the body, or NULL for JSON */
    const void *body;   /* or NULL */
    size_t body_len;
    long timeout_ms;        /* 0: the default of 70 s; negative: none (streams) */
    sph_rest_sink_fn *sink; /* for successful bodies, instead of *ret_body */
    void *sink_context;
    sph_rest_idle_fn *idle;
    void *idle_context;
    struct sph_rest_header *headers; /* filled; ends with a NULL name; or NULL */
    const int *cancel; /* when not NULL: the transfer ends soon after *cancel is non-zero */
};

/* `device_fd` stays the caller's and must stay open. -ENOTCONN when no gateway listens. */
int sph_rest_open(int device_fd, const char *device_name, struct sph_rest **ret_rest,
                  struct sph_err *err);
struct sph_rest *sph_rest_close(struct sph_rest *rest); /* takes NULL, returns NULL */

/* One request on a connection of its own. 0 for a success status (below 300); the body is appended
 * to *ret_body (may be NULL). Else negative errno with a sentence: -ENOTCONN gateway gone,
 * -EHOSTDOWN agent away, -ETIMEDOUT no answer, -ECANCELED by *cancel or the sink, the map's code
 * for a device error. */
int sph_rest_call(struct sph_rest *rest, const struct sph_rest_request *request,
                  struct sph_buf *ret_body, struct sph_err *err);
/* The number in the last failed answer, 0 when it had none. */
unsigned sph_rest_last_error(const struct sph_rest *rest);

static inline void sph_rest_closep(struct sph_rest **rest) {
    *rest = sph_rest_close(*rest);
}
#define sph_autorest SPH_CLEANUP(sph_rest_closep)

#endif
