/* Log reads. One that waits holds a ticket and looks again on a timer: lines come from many places,
 * and a reader that is 50 ms behind does not matter. */
#include <stdlib.h>

#include "agent/device/device.h"
#include "agent/device/logring.h"
#include "agent/requests/handle.h"
#include "agent/store/registry.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"
#include "wire/msg_device.h"

enum {
    LOG_LOOK_MS = 50, /* what a person takes for at once */
    /* A client that asks for more asks again: an answer in a minute is also a sign of life. */
    LOG_WAIT_MAX_MS = 60 * 1000,
    LOG_LINE_SHOWN = SPH_CLOCK_TEXT + 40 + SPH_LOG_LINE_MAX, /* with time and name */
    LOG_BYTES_MAX = 60 * 1024,                               /* what fits a frame */
};

/* Time, name, text. An app that was deleted meanwhile is shown by its id. */
static void format_line(const struct sph_device *device, const struct sph_log_line *line,
                        struct sph_buf *buf) {
    char time[SPH_CLOCK_TEXT], guid[SPH_GUID_TEXT];
    const struct sph_installed_app *app = sph_registry_find(device->registry, &line->component);
    const char *name = app ? app->name : sph_guid_format(&line->component, guid);
    if (line->source == SPH_LOG_DEVICE)
        name = "device";
    sph_buf_printf(buf, "%s %s: ", sph_clock_format(line->wall_ms, time), name);
    sph_buf_append(buf, line->text, line->len);
    sph_buf_puts(buf, line->cut ? "...\n" : "\n");
}

/* Whole lines from *cursor on, at least one if there is one; the bytes lost before the first of
 * them. */
static uint64_t format_log(const struct sph_device *device, uint64_t *cursor, size_t max_bytes,
                           struct sph_buf *buf) {
    uint64_t lost = 0, next = *cursor;
    struct sph_log_line line;
    bool is_first = true;
    while (sph_logring_next(device->log, &next, &line)) {
        size_t before = buf->len;
        format_line(device, &line, buf);
        /* One line is always given, however little was asked for: a reader that got none would ask
         * for the same again and again. */
        if (!is_first && buf->len > max_bytes) {
            buf->len = before;
            break;
        }
        if (is_first)
            lost = line.position - *cursor;
        is_first = false;
        *cursor = next;
    }
    return lost;
}

/* A log read that waits: the request's numbers and the ticket for its answer. */
struct sph_log_wait {
    struct sph_device *device;
    struct sph_log_wait *next; /* of device->log_waits */
    struct sph_ticket *ticket;
    struct sph_watch *timer;
    uint64_t deadline_ms;
    uint64_t cursor;
    size_t max_bytes;
};

/* The list is short: a connection has at most 16 answers outstanding, and there are 16. */
static void free_wait(struct sph_log_wait *wait) {
    struct sph_log_wait **at = &wait->device->log_waits;
    while (*at != wait)
        at = &(*at)->next;
    *at = wait->next;
    sph_loop_remove(wait->timer);
    free(wait);
}

/* With what there is, which may be nothing. */
static void answer(struct sph_log_wait *wait) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(LOG_BYTES_MAX + LOG_LINE_SHOWN);
    struct sph_msg_log_reply reply = {.cursor = wait->cursor};
    reply.lost_bytes = format_log(wait->device, &reply.cursor, wait->max_bytes, &text);
    reply.data = sph_slice(text.data, text.len);
    sph_ticket_reply(wait->ticket, &reply);
    free_wait(wait);
}

/* Answers when there is a line, when time is up, and also when the client has gone: then only to
 * free the ticket. */
static void look_again(void *context) {
    struct sph_log_wait *wait = context;
    bool has_news = sph_logring_end(wait->device->log) > wait->cursor;
    if (has_news || !sph_ticket_is_wanted(wait->ticket) ||
        sph_clock_monotonic_ms() >= wait->deadline_ms)
        answer(wait);
}

void sph_log_waits_end(struct sph_device *device) {
    while (device->log_waits)
        answer(device->log_waits);
}

/* In the list before anything can fail: one function undoes all of it. */
static int wait_for_log(struct sph_call *call, const struct sph_log_wait *wanted) {
    struct sph_device *device = call->device;
    struct sph_log_wait *wait = malloc(sizeof(*wait));
    if (!wait)
        return sph_call_refuse_no_memory(call);
    *wait = *wanted;
    wait->next = device->log_waits;
    device->log_waits = wait;
    int code = sph_loop_add_timer(device->loop, LOG_LOOK_MS, LOG_LOOK_MS, look_again, wait,
                                  &wait->timer, &call->refusal.err);
    if (code < 0) {
        code = sph_call_refuse_errno(call);
    } else {
        wait->ticket = sph_call_defer(call);
        code = wait->ticket ? SPH_CALL_DEFERRED : call->refusal.err.code;
    }
    if (code < 0)
        free_wait(wait);
    return code;
}

/* A cursor beyond the end is from before a restart: that client gets all that there is. */
int sph_handle_log_read(struct sph_call *call) {
    const struct sph_msg_log *asked = call->request;
    struct sph_device *device = call->device;
    uint32_t wait_ms = asked->wait_ms < LOG_WAIT_MAX_MS ? asked->wait_ms : LOG_WAIT_MAX_MS;
    struct sph_log_wait wait = {.device = device,
                                .deadline_ms = sph_clock_monotonic_ms() + wait_ms,
                                .cursor = asked->cursor,
                                .max_bytes = asked->max_bytes ? asked->max_bytes : SPH_FRAME_CHUNK};
    if (wait.max_bytes > LOG_BYTES_MAX)
        wait.max_bytes = LOG_BYTES_MAX;
    if (wait.cursor > sph_logring_end(device->log))
        wait.cursor = 0; /* of an earlier boot */
    if (asked->reader)
        sph_log_readers_ask(device, asked->reader, wait.cursor);
    if (wait_ms && sph_logring_end(device->log) == wait.cursor)
        return wait_for_log(call, &wait);
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(LOG_BYTES_MAX + LOG_LINE_SHOWN);
    struct sph_msg_log_reply reply = {.cursor = wait.cursor};
    reply.lost_bytes = format_log(device, &reply.cursor, wait.max_bytes, &text);
    reply.data = sph_slice(text.data, text.len);
    return sph_call_reply(call, &reply);
}
