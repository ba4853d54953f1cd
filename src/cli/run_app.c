/* The stream of events is opened first, and the application is started from inside it: so not one
 * byte of its output can be missed. The start goes over a second connection.
 *
 * States: deployed, subscribed, started, ended; the stream's callback moves from one to the next,
 * and its result ends the stream. Only the end of our own application is an end. Every other way
 * out of the stream (the gateway's end, the device's, a failed write, an interrupt, a start that
 * was refused) leaves `has_ended` false, and the caller stops the application then, since it may
 * still run. Polling the state was rejected: an application that ends between two looks would have
 * no end of its own. */
#include "cli/run_app.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/device/event_stream.h"
#include "cli/frame/cli.h"
#include "cli/sideload.h"
#include "cli/syntax/exit.h"

/* What the callback knows, and what it found. */
struct run {
    struct sph_target *target;
    const struct sph_run_app *app;
    int result;          /* of what was done inside the stream */
    uint64_t report_id;  /* of its end */
    uint64_t stop_at_ms; /* monotonic; 0: never, or asked already */
    bool has_ended;
    struct sph_err *err;
};

/* From inside the stream's callback, over a second connection. */
static int start(struct run *run) {
    char path[96];
    (void)snprintf(path, sizeof(path), "/spherule/v1/apps/%s/run", run->app->id);
    run->result = sph_target_call(run->target, "POST", path,
                                  run->app->keep_stacks  ? "{\"heap\":true,\"heapStacks\":true}"
                                  : run->app->track_heap ? "{\"heap\":true}"
                                                         : "{}",
                                  run->err);
    if (run->result == 0 && run->app->stop_after_ms)
        run->stop_at_ms = sph_clock_monotonic_ms() + run->app->stop_after_ms;
    return run->result;
}

/* Between two events. That it ended just before is no error: its end is on the way. */
static int stop_in_time(void *context) {
    struct run *run = context;
    if (run->stop_at_ms == 0 || sph_clock_monotonic_ms() < run->stop_at_ms)
        return 0;
    run->stop_at_ms = 0;
    if (run->app->before_stop)
        run->app->before_stop(run->target, run->app->context);
    (void)sph_run_app_stop(run->target, run->app->id, NULL);
    return 0;
}

/* A closed standard output ends the run: nobody is left to read it. */
static int pass_output(struct run *run, const struct sph_stream_event *event) {
    int fd = event->is_stderr ? STDERR_FILENO : run->app->out_fd;
    int r = sph_fd_write_full(fd, event->text, event->text_len);
    if (r < 0)
        run->result = SPH_FAIL_ERRNO(run->err, r, "cannot pass the application's output on");
    return r;
}

/* Output that came before the end has been passed on: events are in order. */
static int note_end(struct run *run, const struct sph_stream_event *event) {
    run->has_ended = true;
    run->report_id = sph_answer_u64(&event->line, "reportId");
    return 1;
}

/* Events of other applications of the same device pass by. */
static int on_event(void *context, const struct sph_stream_event *event) {
    struct run *run = context;
    bool is_ours = strcmp(event->component_id, run->app->id) == 0;
    switch (event->kind) {
    case SPH_STREAM_SUBSCRIBED:
        return start(run);
    case SPH_STREAM_OUTPUT:
        return is_ours ? pass_output(run, event) : 0;
    case SPH_STREAM_ENDED:
        return is_ours ? note_end(run, event) : 0;
    case SPH_STREAM_LOST:
        sph_say_warn("%llu events were lost: some of the application's output may be missing",
                     (unsigned long long)event->count);
        return 0;
    case SPH_STREAM_DEVICE_LOST:
        run->result =
            SPH_FAIL(run->err, -EHOSTDOWN, "the device went away while '%s' ran", run->app->id);
        return 1;
    default:
        return 0;
    }
}

/* Checked to be JSON before it is kept: what `run` prints as JSON is valid. */
static int read_report(struct sph_target *target, uint64_t id, struct sph_buf *report,
                       struct sph_err *err) {
    char path[64];
    struct sph_json_value top;
    (void)snprintf(path, sizeof(path), "/spherule/v1/kills/%llu", (unsigned long long)id);
    return sph_target_ask(target, "GET", path, NULL, report, &top, err);
}

/* The stream ends in several ways; this sorts them. */
static int settle(const struct run *run, int stream_result, struct sph_err *err) {
    if (run->has_ended)
        return 0;
    if (run->result < 0)
        return run->result;
    if (stream_result < 0)
        return stream_result;
    return SPH_FAIL(err, -ECONNRESET, "the gateway of device '%s' ended while the application ran",
                    run->target->name);
}

/* Two errors may come of one stream: what the callback met is the cause, what the transfer says of
 * it
 * ("ended") only the consequence. So the stream has an error of its own, used when there is no
 * other. */
int sph_run_app(struct sph_target *target, const struct sph_run_app *app,
                struct sph_run_end *ret_end, struct sph_err *err) {
    struct run run = {.target = target, .app = app, .err = err};
    sph_autorest struct sph_rest *stream = NULL;
    int r = sph_sideload(target, app->package, app->package_len, true, err);
    if (r == 0)
        r = sph_rest_open(target->device_fd, target->name, &stream, err);
    if (r < 0)
        return r;
    struct sph_err stream_err = SPH_ERR_NULL;
    int result =
        sph_stream_read(stream, SPH_STREAM_HOLDING, on_event, stop_in_time, &run, &stream_err);
    r = settle(&run, result, err);
    if (r < 0 && r == result && run.result == 0 && err)
        *err = stream_err;
    ret_end->has_ended = run.has_ended;
    if (r == 0 && run.report_id != 0)
        r = read_report(target, run.report_id, &ret_end->report, err);
    return r;
}

/* Through the device's own interface, so that it ends as by `device app stop`, grace time and all.
 */
int sph_run_app_stop(struct sph_target *target, const char *id, struct sph_err *err) {
    char path[80];
    (void)snprintf(path, sizeof(path), "/app/status/%s", id);
    return sph_target_call(target, "PATCH", path, "{\"trigger\":\"stop\"}", err);
}

/* 120 and above are the run's own meanings, so an application cannot use them by itself. */
static int exit_status(uint64_t code, char *note, size_t size) {
    if (code <= SPH_RUN_APP_MAX)
        return (int)code;
    (void)snprintf(note, size, "its exit status was %llu; statuses above %d end as %d",
                   (unsigned long long)code, SPH_RUN_APP_MAX, SPH_RUN_APP_MAX);
    return SPH_RUN_APP_MAX;
}

/* The reasons are the device's words (docs/spec/rest.md, section 3.6). */
int sph_run_status(const struct sph_json_value *report, char *ret_note, size_t size) {
    static const struct {
        const char *why;
        int status;
    } ends[] = {
        {"ration", SPH_RUN_RATION},      {"crash", SPH_RUN_CRASH},
        {"killed", SPH_RUN_KILLED},      {"sigtermIgnored", SPH_RUN_KILLED},
        {"startFailed", SPH_RUN_FAILED},
    };
    char why[24];
    ret_note[0] = '\0';
    sph_answer_text(report, "why", why, sizeof(why));
    for (size_t i = 0; i < SPH_ARRAY_SIZE(ends); i++)
        if (strcmp(ends[i].why, why) == 0)
            return ends[i].status;
    if (strcmp(why, "exit") == 0 || strcmp(why, "stopped") == 0)
        return exit_status(sph_answer_u64(report, "exitCode"), ret_note, size);
    return SPH_RUN_KILLED; /* "unknown", or a word of a newer device: no success that nobody has
                              seen */
}
