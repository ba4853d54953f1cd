/* route: which call a method and a path mean, and what it takes.
 *
 * A request goes resolve (line and headers) -> build (its body) -> the agent -> answer or
 * answer_error. Each step either goes on or makes *response a refusal and returns its status. */
#ifndef SPH_GATEWAY_REST_ROUTE_H
#define SPH_GATEWAY_REST_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/guid.h"
#include "base/json_out.h"
#include "gateway/rest/response.h"
#include "wire/msg_trust.h"

enum {
    SPH_ROUTE_PATH_MAX = 1024,         /* bytes of path: ours have fewer than 80 */
    SPH_ROUTE_JSON_MAX = 8192,         /* bytes of a JSON body */
    SPH_ROUTE_CERTIFICATE_MAX = 24576, /* of one with a certificate and its key, 8 KiB each */
    SPH_ROUTE_NAME = 64,               /* bytes of a name in the path, with its NUL */
    SPH_ROUTE_PACKAGE_MAX = 4194304,   /* bytes of a staged package: no flash here is larger */
    SPH_ROUTE_LOG_WAIT_MAX_MS = 30000, /* half of what any answer may take */
};

/* What of a request's line and headers decides; NULL where it is absent. Text of the query as it
 * came, decoded and unchecked. */
struct sph_route_request {
    const char *method, *path, *content_type;
    const char *first, *after, *cursor, *wait_ms, *component, *hold, *reader; /* of the query */
    bool has_body;   /* announced: a length over 0, or chunks */
    bool has_length; /* known beforehand */
    uint64_t body_length;
};

/* How a call is carried out: by exchange.c, upload.c and stream.c. */
enum sph_route_action {
    SPH_ROUTE_ASK,     /* one exchange with the agent */
    SPH_ROUTE_SETTING, /* what the agent keeps is read, and put back if it changes */
    SPH_ROUTE_STAGE,   /* the body goes to the agent as it comes */
    SPH_ROUTE_LOG_ALL, /* exchanges until the log's end */
    SPH_ROUTE_EVENTS,  /* streamed */
    SPH_ROUTE_GATEWAY, /* answered here */
    SPH_ROUTE_RESTART, /* an exchange whose reply may be the loss of the agent */
    SPH_ROUTE_STOP,    /* the same, and the gateway ends too */
    SPH_ROUTE_START,   /* of the back end: the agent is away */
    SPH_ROUTE_LISTEN,  /* of HTTPS: answered here, and to the user's own socket only */
};

enum sph_route_body {
    SPH_BODY_NONE, /* one that comes all the same is ignored */
    SPH_BODY_JSON,
    SPH_BODY_JSON_OR_NONE,
    SPH_BODY_TEXT_OR_NONE, /* whose text nobody reads */
    SPH_BODY_PACKAGE,      /* octets, not kept here */
};

/* What may stand for the '*' of a path; another text there is 400, not 404. */
/* What devices do not have: a prefix that none of theirs begins with. */
#define SPH_ROUTE_OWN "/spherule/v1"

enum sph_route_argument {
    SPH_ARGUMENT_NONE,
    SPH_ARGUMENT_COMPONENT,
    SPH_ARGUMENT_NUMBER,
    SPH_ARGUMENT_THUMBPRINT,
    SPH_ARGUMENT_NAME, /* any text; what is a name is said by whoever looks for it */
};

struct sph_call;

/* Writes the wire request that the call means. `body` is NULL without one. 0, or the status of a
 * refusal that is in *response. */
typedef unsigned sph_route_build_fn(const struct sph_call *call, const char *body, size_t len,
                                    struct sph_buf *ret_payload, struct sph_response *response);
/* Writes the JSON of a decoded reply. 0, or the status of a refusal. */
typedef unsigned sph_route_format_fn(const struct sph_call *call, const void *message,
                                     struct sph_response *response);

/* Answers a call about simulated state, and says what is to be kept: gateway/simulated/setting.h.
 */
struct sph_setting_request;
typedef unsigned sph_setting_fn(const struct sph_setting_request *request,
                                struct sph_buf *ret_value, struct sph_response *response);

/* One row of the interface. */
struct sph_route {
    const char *method;
    const char *path; /* one '*' stands for the argument */
    enum sph_route_argument argument;
    enum sph_route_body body;
    enum sph_route_action action;
    uint16_t op;
    sph_route_build_fn *build;   /* NULL: a request without fields */
    sph_route_format_fn *format; /* NULL: {} */
    uint32_t body_max;           /* bytes; 0: SPH_ROUTE_JSON_MAX */
    /* of SPH_ROUTE_SETTING */
    sph_setting_fn *setting;
    uint32_t reads; /* SPH_SETTING_BIT of each that the function looks at */
    uint8_t writes; /* enum sph_setting: the one that it may change */
};

/* A request that has been understood. */
struct sph_call {
    const struct sph_route *route;
    bool is_own; /* below /spherule/v1 */
    struct sph_guid component;
    uint64_t number; /* of the path: a report, a pin */
    uint8_t thumbprint[SPH_TRUST_THUMBPRINT];
    char name[SPH_ROUTE_NAME];              /* of the path; never empty for a route that has one */
    uint64_t first, after, cursor, wait_ms; /* of the query; 0 where absent */
    uint64_t hold;                          /* 0 or 1 */
    uint64_t reader;
    bool has_after;
    uint16_t gdb_port; /* of this computer, to the app's debug server; 0: none is known */
};

/* Pure. 0, or the status of a refusal that is in *response. ret_call->is_own is always set. */
unsigned sph_route_resolve(const struct sph_route_request *request, struct sph_call *ret_call,
                           struct sph_response *response);
/* Bytes of body that a call takes. */
size_t sph_route_body_max(const struct sph_route *route);
/* Pure. Of our own part of the interface, whose errors have names. */
bool sph_route_is_own(const char *path);
/* Pure. Checks the whole body and writes the wire request. 0 or a status. */
unsigned sph_route_build(const struct sph_call *call, const char *body, size_t len,
                         struct sph_buf *ret_payload, struct sph_response *response);
/* Pure. Writes the answer to a reply frame or an error frame of the agent. */
void sph_route_answer(const struct sph_call *call, const void *payload, size_t len,
                      struct sph_response *response);
void sph_route_answer_error(const struct sph_call *call, const void *payload, size_t len,
                            struct sph_response *response);

/* Every route (routes.c), for tests and documents too. */
extern const struct sph_route sph_routes[];
extern const size_t sph_route_count;

#endif
