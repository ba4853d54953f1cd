/* event_stream: the device's events, line by line as they come. */
#ifndef SPH_CLI_DEVICE_EVENT_STREAM_H
#define SPH_CLI_DEVICE_EVENT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/guid.h"
#include "base/json_in.h"
#include "cli/device/rest_client.h"

#define SPH_STREAM_HOLDING "/spherule/v1/events?hold=1" /* applications wait for a slow reader */

enum sph_stream_kind {
    SPH_STREAM_OTHER,
    SPH_STREAM_SUBSCRIBED, /* first of all */
    SPH_STREAM_STARTED,
    SPH_STREAM_OUTPUT,
    SPH_STREAM_NEW_PEAK,
    SPH_STREAM_ENDED,
    SPH_STREAM_STOPPED,
    SPH_STREAM_LOST, /* `count` events were passed over: told by the gateway, or a gap in seq */
    SPH_STREAM_DEVICE_LOST,
};

/* One line, taken apart. Everything in it is valid during the callback only. */
struct sph_stream_event {
    enum sph_stream_kind kind;
    char component_id[SPH_GUID_TEXT];
    struct sph_json_value line; /* all members */
    bool is_stderr;             /* of an output */
    const char *text;           /* bytes of an output; valid during the callback */
    size_t text_len;
    uint64_t count;
    uint64_t seq; /* 1, 2, … within one boot of the device; 0 on the gateway's own lines */
};

/* A non-zero result ends the stream. May make requests on another connection; while it runs,
 * nothing is read, and with a holding stream the device waits. */
typedef int sph_stream_fn(void *context, const struct sph_stream_event *event);

/* Reads until the callback or an interrupt ends it (-ECANCELED), or the gateway does (0 or
 * negative). `idle` (may be NULL) is called as of struct sph_rest_request. */
int sph_stream_read(struct sph_rest *rest, const char *path, sph_stream_fn *fn,
                    sph_rest_idle_fn *idle, void *context, struct sph_err *err);

/* One line of the stream; false when it is empty or no event. `ret_text` holds an output's bytes.
 */
bool sph_stream_parse(const char *line, size_t len, struct sph_buf *ret_text,
                      struct sph_stream_event *ret_event);

#endif
