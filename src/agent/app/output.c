/* Output is read a little at a time: what an app writes faster than that stays in its pipe, and
 * then the app waits. So a flood slows the app that makes it and neither grows the agent nor
 * starves it. Where a listener must not lose anything (flow.h), nothing is read until it can have
 * it: one-shot watches make that cheap, and keep the hang-up of a pipe that is left alone from
 * waking the loop again and again. */
#include "agent/app/output.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "agent/device/device.h"
#include "agent/device/events.h"

_Static_assert((int)SPH_LINE_MAX <= (int)SPH_LOG_LINE_MAX, "a line fits the log ring");

enum {
    READ_BYTES = SPH_EVENT_TEXT_MAX, /* per turn of the loop */
    DRAIN_BYTES = 1024 * 1024,       /* at the end: as much as a pipe can be made to hold */
};

/* For the log: whole lines, as far as they fit. */
static void take_line(void *context, const char *text, size_t len, bool continued) {
    (void)continued;
    struct sph_output *output = context;
    (void)sph_logring_append(output->device->log, &output->plan.component, output->plan.source,
                             text, len);
}

/* Listeners get the bytes as they came, so that what is passed through is what was written. */
static void publish(struct sph_output *output, const char *data, size_t len) {
    struct sph_msg_event event = {
        .kind = SPH_EVENT_OUTPUT,
        .component = output->plan.component,
        .stream = output->plan.source == SPH_LOG_STDERR ? SPH_EVENT_STDERR : SPH_EVENT_STDOUT,
        .text = sph_slice(data, len),
    };
    sph_events_publish(output->device->events, &event);
}

/* Bytes read; 0 when there is nothing now, and at the end. */
static size_t read_some(struct sph_output *output, bool *ret_ended) {
    char data[READ_BYTES];
    /* Less at a time for a follower of the log: what is read must fit what its window has left. */
    bool is_followed = sph_log_readers_exist(&output->device->log_readers);
    ssize_t len =
        read(output->plan.fd, data, is_followed ? (size_t)SPH_LOG_READERS_READ : sizeof(data));
    *ret_ended = len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR);
    if (len <= 0)
        return 0;
    publish(output, data, (size_t)len);
    sph_lines_feed(&output->lines, data, (size_t)len, take_line, output);
    sph_log_readers_grow(output->device);
    return (size_t)len;
}

static void watch_again(struct sph_output *output) {
    (void)sph_loop_modify_fd(output->watch, EPOLLIN | EPOLLONESHOT);
}

/* One read per turn, though more may be there: the loop comes back, after the others. */
static void on_readable(void *context, int fd, uint32_t epoll_events) {
    (void)fd;
    (void)epoll_events;
    struct sph_output *output = context;
    bool ended;
    output->is_paused = sph_flow_is_held(&output->device->flow);
    if (output->is_paused)
        return;
    (void)read_some(output, &ended);
    if (!ended) {
        watch_again(output);
        return;
    }
    output->watch = sph_loop_remove(output->watch);
    if (output->plan.ended)
        output->plan.ended(output->plan.context);
}

/* A listener has caught up. Only those that were left alone are watched again: arming a watch that
 * is armed costs a system call per pipe and hold. */
static void on_resume(void *context) {
    struct sph_output *output = context;
    if (!output->is_paused || !output->watch)
        return;
    output->is_paused = false;
    watch_again(output);
}

int sph_output_init(struct sph_output *output, struct sph_device *device,
                    const struct sph_output_plan *plan, struct sph_err *err) {
    *output = (struct sph_output){.device = device, .plan = *plan};
    int code = sph_loop_add_fd(device->loop, plan->fd, EPOLLIN | EPOLLONESHOT, on_readable, output,
                               &output->watch, err);
    if (code < 0)
        return code;
    output->gate = (struct sph_flow_gate){.resume = on_resume, .context = output};
    sph_flow_add(&device->flow, &output->gate);
    return 0;
}

bool sph_output_has_ended(const struct sph_output *output) {
    return !output->watch;
}

void sph_output_finish(struct sph_output *output) {
    bool ended = output->plan.fd < 0;
    for (size_t total = 0; !ended && total < DRAIN_BYTES;) {
        size_t len = read_some(output, &ended);
        if (len == 0)
            break;
        total += len;
    }
    sph_lines_flush(&output->lines, take_line, output);
    sph_output_done(output);
}

/* The flow first: from here on nobody resumes a watch that is being removed. */
void sph_output_done(struct sph_output *output) {
    sph_flow_remove(&output->gate);
    output->watch = sph_loop_remove(output->watch);
    output->plan.fd = -1;
}
