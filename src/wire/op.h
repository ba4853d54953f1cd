/* op: the operations of the agent, each with the messages that go with it.
 *
 * Between frames, which know no meaning, and messages, which know no sender. */
#ifndef SPH_WIRE_OP_H
#define SPH_WIRE_OP_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/codec.h"
#include "wire/frame.h"
#include "wire/msg_event.h"

/* Numbers are for ever; docs/spec/wire.md, section 4. */
enum sph_op_code {
    SPH_OP_HELLO = 1,
    SPH_OP_STATUS = 2,
    SPH_OP_MEMORY = 3,
    SPH_OP_PAGES = 4,
    SPH_OP_LOG_READ = 5,
    SPH_OP_RESTART = 6,  /* of the device: apps stop, the agent starts anew */
    SPH_OP_SHUTDOWN = 7, /* apps stop, the agent ends */
    SPH_OP_EVENTS = 8,
    SPH_OP_EVENTS_ACK = 9,
    SPH_OP_HEAP = 10,

    SPH_OP_APP_LIST = 16,
    SPH_OP_APP_CONTROL = 17,
    SPH_OP_APP_QUOTA = 18,
    SPH_OP_APP_DELETE = 19,
    SPH_OP_STAGE_BEGIN = 20,
    SPH_OP_STAGE_DATA = 21,
    SPH_OP_STAGE_END = 22,
    SPH_OP_STAGE_ABORT = 23,
    SPH_OP_INSTALL = 24,

    SPH_OP_KILLS_LIST = 32,
    SPH_OP_KILL_GET = 33,
    SPH_OP_KILLS_CLEAR = 34,

    SPH_OP_TRUST_LIST = 40,
    SPH_OP_TRUST_ADD = 41,
    SPH_OP_TRUST_REMOVE = 42,

    SPH_OP_GPIO_LIST = 48,
    SPH_OP_GPIO_GET = 49,
    SPH_OP_GPIO_SET = 50,

    SPH_OP_SETTING_GET = 56,
    SPH_OP_SETTING_PUT = 57,
    SPH_OP_SETTING_DELETE = 58,
    SPH_OP_CAPABILITIES_GET = 60,
    SPH_OP_CAPABILITIES_SET = 61,
    SPH_OP_TELEMETRY_GET = 62,
    SPH_OP_TELEMETRY_CLEAR = 63,
};

/* One operation. Errors and events are no part of it: they have one message for all. */
struct sph_op {
    uint16_t op;                             /* enum sph_op_code */
    const char *name;                        /* as in docs/spec/wire.md: "kills-list" */
    const struct sph_codec *request, *reply; /* never NULL: sph_msg_empty_codec for none */
};

/* Every operation there is, in ascending order of op. */
extern const struct sph_op sph_ops[];
extern const size_t sph_op_count;

/* NULL for an unknown number. */
const struct sph_op *sph_op_find(uint32_t op);

/* A whole frame appended to `out`. *message is of the struct that the operation's table says, or
 * NULL for one without fields. 0, -EINVAL (unknown op, or a list that was decoded), -EMSGSIZE or
 * out->error; on failure nothing is appended. */
int sph_op_put_request(struct sph_buf *out, uint16_t op, uint32_t id, const void *message,
                       struct sph_err *err);
int sph_op_put_reply(struct sph_buf *out, uint16_t op, uint32_t id, const void *message,
                     struct sph_err *err);
/* `id` is that of the request that subscribed. */
int sph_op_put_event(struct sph_buf *out, uint32_t id, const struct sph_msg_event *event,
                     struct sph_err *err);
/* The refusal of request `id`. `op` may be an unknown one: it is given back as it came. */
int sph_op_put_error(struct sph_buf *out, uint16_t op, uint32_t id, uint32_t device_error,
                     const char *text);

#endif
