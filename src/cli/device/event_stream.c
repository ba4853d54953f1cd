/* Lines are gathered over the pieces of the transfer; a line longer than any event ends the
 * stream.
 *
 * The stream is newline-delimited JSON over one connection without an end (docs/spec/rest.md,
 * section 3.8). Losing is part of its contract, so it is seen: the gateway tells of what it
 * passed over, and every device event has a number without gaps, so that what nobody told is
 * noticed too. Reconnecting by itself was rejected: a run whose connection broke cannot say what
 * it missed. */
#include "cli/device/event_stream.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "cli/device/interrupt.h"
#include "cli/device/target.h"

enum { LINE_BYTES = 64 << 10 }; /* 4 KiB of output, each byte as a six-character escape, and more */

static const struct {
    const char *name;
    enum sph_stream_kind kind;
} kinds[] = {
    {"subscribed", SPH_STREAM_SUBSCRIBED},
    {"started", SPH_STREAM_STARTED},
    {"output", SPH_STREAM_OUTPUT},
    {"newPeak", SPH_STREAM_NEW_PEAK},
    {"ended", SPH_STREAM_ENDED},
    {"stopped", SPH_STREAM_STOPPED},
    {"lost", SPH_STREAM_LOST},
    {"deviceLost", SPH_STREAM_DEVICE_LOST},
};

/* Unknown kinds are events of a newer gateway, not errors. */
static enum sph_stream_kind parse_kind(const struct sph_json_value *line) {
    struct sph_json_value value;
    if (sph_json_get(line, "kind", &value))
        for (size_t i = 0; i < SPH_ARRAY_SIZE(kinds); i++)
            if (sph_json_is(&value, kinds[i].name))
                return kinds[i].kind;
    return SPH_STREAM_OTHER;
}

/* "text", or "hex" where the bytes are not UTF-8. */
static void parse_output(const struct sph_json_value *line, struct sph_buf *text,
                         struct sph_stream_event *event) {
    struct sph_json_value value;
    text->len = 0;
    text->error = 0; /* one text that did not fit must not silence all that follow */
    if (sph_json_get(line, "text", &value)) {
        (void)sph_json_to_buf(&value, text);
    } else if (sph_json_get(line, "hex", &value) && value.len % 2 == 0) {
        uint8_t *bytes = sph_buf_extend(text, value.len / 2);
        if (!bytes || sph_hex_to_bytes(value.text, value.len / 2, bytes) < 0)
            text->len = 0;
    }
    event->text = text->data;
    event->text_len = text->len;
    event->is_stderr = sph_json_get(line, "stream", &value) && sph_json_is(&value, "stderr");
}

/* A line that is no JSON object is no event, and no reason to end a run: an empty one comes every
 * 10 s, as a sign of life. */
bool sph_stream_parse(const char *line, size_t len, struct sph_buf *ret_text,
                      struct sph_stream_event *ret_event) {
    struct sph_stream_event event = {.text = ""};
    if (len == 0 || sph_json_check(line, len, &event.line, NULL) < 0 ||
        event.line.type != SPH_JSON_OBJECT)
        return false;
    event.kind = parse_kind(&event.line);
    sph_answer_text(&event.line, "componentId", event.component_id, sizeof(event.component_id));
    event.count = sph_answer_u64(&event.line, "count");
    event.seq = sph_answer_u64(&event.line, "seq");
    if (event.kind == SPH_STREAM_OUTPUT)
        parse_output(&event.line, ret_text, &event);
    *ret_event = event;
    return true;
}

struct stream {
    struct sph_buf pending; /* bytes of a line that is not whole yet */
    struct sph_buf text;
    int overrun;       /* 0, or why a line could not be gathered */
    uint64_t last_seq; /* of the last device event; 0 before the first */
    sph_stream_fn *fn;
    void *context;
};

/* Events are numbered without gaps, so a gap was lost on the way, whoever lost it; the gateway
 * tells of those that it knows of. A number that is not higher means a new boot of the device. */
static int deliver(struct stream *stream, const struct sph_stream_event *event) {
    uint64_t last = stream->last_seq;
    if (event->seq != 0 || event->kind == SPH_STREAM_LOST)
        stream->last_seq = event->seq; /* after a loss that was told, any number may follow */
    if (last != 0 && event->seq > last + 1) {
        const struct sph_stream_event lost = {
            .kind = SPH_STREAM_LOST, .text = "", .count = event->seq - last - 1};
        int r = stream->fn(stream->context, &lost);
        if (r != 0)
            return r;
    }
    return stream->fn(stream->context, event);
}

/* Pieces end anywhere; a line is used once its end is there. */
static int on_bytes(void *context, const char *data, size_t len) {
    struct stream *stream = context;
    sph_buf_append(&stream->pending, data, len);
    if (stream->pending.error) {
        stream->overrun = stream->pending.error;
        return stream->overrun;
    }
    size_t used = 0;
    int r = 0;
    const char *end;
    while (r == 0 && stream->pending.len > used &&
           (end = memchr(stream->pending.data + used, '\n', stream->pending.len - used))) {
        const char *line = stream->pending.data + used;
        struct sph_stream_event event;
        if (sph_stream_parse(line, (size_t)(end - line), &stream->text, &event))
            r = deliver(stream, &event);
        used += (size_t)(end - line) + 1;
    }
    sph_buf_consume(&stream->pending, used);
    return r;
}

/* No time limit: an application may be silent for days. The gateway's end is seen by the
 * connection. */
int sph_stream_read(struct sph_rest *rest, const char *path, sph_stream_fn *fn,
                    sph_rest_idle_fn *idle, void *context, struct sph_err *err) {
    struct stream stream = {.pending = SPH_BUF_LIMIT((size_t)2 * LINE_BYTES),
                            .text = SPH_BUF_LIMIT(LINE_BYTES),
                            .fn = fn,
                            .context = context};
    const struct sph_rest_request request = {.method = "GET",
                                             .path = path,
                                             .timeout_ms = -1,
                                             .sink = on_bytes,
                                             .sink_context = &stream,
                                             .idle = idle,
                                             .idle_context = context,
                                             .cancel = sph_interrupt_flag()};
    int r = sph_rest_call(rest, &request, NULL, err);
    if (stream.overrun == -EFBIG) /* the transfer knows only that it was ended from here */
        r = SPH_FAIL(err, -EPROTO, "the device's events have a line that is longer than any event");
    else if (stream.overrun < 0)
        r = SPH_FAIL_ERRNO(err, stream.overrun, "cannot read the device's events");
    sph_buf_done(&stream.pending);
    sph_buf_done(&stream.text);
    return r;
}
