/* Requests about installed apps. A stop takes time, so its answer is owed meanwhile; one change of
 * an app at a time keeps two clients from each other's steps. */
#include <errno.h>
#include <stdlib.h>

#include "agent/app/lifecycle.h"
#include "agent/device/device.h"
#include "agent/device/events.h"
#include "agent/install/install.h"
#include "agent/install/stage.h"
#include "agent/install/verify.h"
#include "agent/requests/handle.h"
#include "agent/requests/server.h"
#include "agent/storage/medium.h"
#include "agent/store/kill_store.h"
#include "agent/store/registry.h"
#include "base/cleanup.h"
#include "wire/msg_app.h"
#include "wire/msg_report.h"

/* Not queued: the client would not know whether its change came before or after the other. */
static int refuse_busy(struct sph_call *call) {
    return sph_refuse(&call->refusal, -EBUSY, SPH_DEVERR_APP_BUSY,
                      "another change of this application is under way: try again");
}

/* An app between its end and its next start is "stopped": it holds no memory. While it is being
 * stopped it still runs, and its figures count. */
static enum sph_app_state state_of(struct sph_device *device, const struct sph_guid *component) {
    switch (sph_lifecycle_state(device->lifecycle, component)) {
    case SPH_SESSION_RUNNING:
    case SPH_SESSION_STOPPING:
        return sph_lifecycle_debug_port(device->lifecycle, component) ? SPH_APP_DEBUGGING
                                                                      : SPH_APP_RUNNING;
    case SPH_SESSION_WAITING:
    case SPH_SESSION_NONE:
        break;
    }
    return SPH_APP_STOPPED;
}

/* Of the app's newest report; zero when there is none. */
static void find_last_end(struct sph_device *device, struct sph_msg_app *app) {
    struct sph_kill_entry entry = {.number = 0};
    sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(SPH_KILL_STORE_ONE_BYTES);
    struct sph_msg_report report;
    for (uint64_t cursor = 0; sph_kill_store_next(device->kills, &app->component, &cursor, &entry);)
        ;
    if (!entry.number || sph_kill_store_get(device->kills, entry.number, &bytes, NULL) < 0 ||
        sph_codec_decode(&sph_msg_report_codec, bytes.data, bytes.len, &report, NULL) < 0)
        return;
    app->last_report_id = entry.number;
    app->last_why = report.why;
    app->last_exit_code = report.exit_code;
    app->last_signal = report.signal;
}

/* The name points into the registry: the reply is encoded before anything can change there. */
static void describe(struct sph_device *device, const struct sph_installed_app *app,
                     struct sph_msg_app *ret_app) {
    *ret_app = (struct sph_msg_app){
        .component = app->component,
        .image = app->image,
        .name = sph_slice_text(app->name),
        .image_type = app->image_type,
        .state = state_of(device, &app->component),
        .package_bytes = app->package_bytes,
        .is_staged = sph_stage_find(device->stage, &app->component) != NULL,
        .is_debugger = app->is_debugger,
        .starts_by_itself = !app->manual && !app->is_debugger,
        .restarts = sph_lifecycle_restarts(device->lifecycle, &app->component),
        .gdb_port = sph_lifecycle_debug_port(device->lifecycle, &app->component),
        .next_start_ms = sph_lifecycle_next_start_ms(device->lifecycle, &app->component),
        .hindrance = sph_verify_hindrance(device, app),
    };
    find_last_end(device, ret_app);
}

/* One id: that app or an empty list; the client makes "not present" of it. */
int sph_handle_app_list(struct sph_call *call) {
    const struct sph_msg_component *asked = call->request;
    struct sph_device *device = call->device;
    size_t total = sph_registry_count(device->registry), count = 0;
    sph_autofree struct sph_msg_app *apps = calloc(total + 1, sizeof(*apps));
    if (!apps)
        return sph_call_refuse_no_memory(call);
    for (size_t i = 0; i < total; i++) {
        const struct sph_installed_app *app = sph_registry_at(device->registry, i);
        if (sph_guid_is_zero(&asked->component) ||
            sph_guid_equal(&asked->component, &app->component))
            describe(device, app, &apps[count++]);
    }
    /* Of all apps, also when one was asked for: flash is the device's. */
    struct sph_flash_use flash = sph_verify_flash_use(device);
    struct sph_msg_app_list_reply reply = {
        .apps = SPH_LIST(apps, count),
        .has_staged = sph_stage_count(device->stage) > 0,
        .flash_used_bytes = flash.used_bytes,
        .flash_limit_bytes = flash.limit_bytes,
    };
    return sph_call_reply(call, &reply);
}

/* What the medium holds, of what the manifest asked for, and its wear. An app without storage has 0
 * of 0. */
int sph_handle_app_quota(struct sph_call *call) {
    const struct sph_msg_component *asked = call->request;
    struct sph_device *device = call->device;
    const struct sph_installed_app *app = sph_registry_find(device->registry, &asked->component);
    struct sph_medium_figures figures;
    if (!app)
        return sph_call_refuse_not_present(call, &asked->component);
    if (sph_medium_read(device->medium, &app->component, &figures, &call->refusal.err) < 0)
        return sph_call_refuse_errno(call);
    const struct sph_msg_quota_reply reply = {.used_bytes = figures.used_bytes,
                                              .limit_bytes = UINT64_C(1024) * app->storage_kib,
                                              .bytes_written = figures.wear.bytes_written,
                                              .blocks_erased = figures.wear.blocks_erased,
                                              .writes = figures.wear.writes,
                                              .idle_writes = figures.wear.idle_writes};
    return sph_call_reply(call, &reply);
}

/* The device's number for what kept an app from starting. */
static uint32_t start_error(int code) {
    switch (code) {
    case -ENOENT:
        return SPH_DEVERR_APP_NOT_PRESENT;
    case -EKEYREJECTED:
        return SPH_DEVERR_DEVICE_NOT_DEV_UNLOCKED;
    case -ENOTSUP:
        return SPH_DEVERR_CANNOT_START_DEBUG;
    case -EALREADY:
        return SPH_DEVERR_APPLICATION_IN_WRONG_STATE;
    case -EBUSY:
        return SPH_DEVERR_APP_BUSY;
    default:
        return SPH_DEVERR_FAILED_TO_EXEC_PROCESS;
    }
}

/* Asked after the change and not assumed: an app can end at once. */
static int reply_state(struct sph_call *call, const struct sph_guid *component) {
    struct sph_msg_app_control_reply reply = {
        .state = state_of(call->device, component),
        .pid = 0,
        .gdb_port = sph_lifecycle_debug_port(call->device->lifecycle, component),
    };
    pid_t pid = sph_lifecycle_pid(call->device->lifecycle, component);
    if (pid > 0)
        reply.pid = (uint32_t)pid;
    return sph_call_reply(call, &reply);
}

/* A start mode that cannot be kept is no reason to undo a start or stop: it is told and matters at
 * the next boot. */
static void note_mode(struct sph_device *device, const struct sph_guid *component, bool manual) {
    struct sph_err err = SPH_ERR_NULL;
    if (sph_registry_set_manual(device->registry, component, manual, &err) < 0)
        sph_device_note(device, component, "the start mode is not kept: %s, ignoring", err.text);
}

/* Starting what runs succeeds, as on the device. A start for one run only, as under the debugger,
 * says nothing about later boots. */
static int start(struct sph_call *call, const struct sph_msg_app_control *asked) {
    struct sph_lifecycle *lifecycle = call->device->lifecycle;
    struct sph_start_request request = {.component = asked->component};
    if (asked->run_once)
        request.flags |= SPH_START_ONCE;
    if (asked->trigger == SPH_TRIGGER_START_DEBUG)
        request.flags |= SPH_START_DEBUG;
    if (asked->heap)
        request.flags |= SPH_START_HEAP;
    if (asked->heap_stacks)
        request.flags |= SPH_START_STACKS;
    /* Four states, four answers: on its way out (ask again), running (nothing to do), waiting for
     * its restart (not any longer), and at rest. */
    enum sph_session_state state = sph_lifecycle_state(lifecycle, &asked->component);
    if (state == SPH_SESSION_STOPPING)
        return refuse_busy(call);
    if (state == SPH_SESSION_RUNNING && asked->trigger == SPH_TRIGGER_START)
        return reply_state(call, &asked->component);
    if (state == SPH_SESSION_WAITING) /* now, instead of when its time is over */
        (void)sph_lifecycle_stop(lifecycle, &asked->component, NULL, NULL, NULL);
    int code = sph_lifecycle_start(lifecycle, &request, &call->refusal.err);
    if (code < 0)
        return sph_refuse_as(&call->refusal, start_error(code));
    if (!asked->run_once && asked->trigger == SPH_TRIGGER_START)
        note_mode(call->device, &asked->component, false);
    return reply_state(call, &asked->component);
}

/* A change that waits for an app's end. */
struct change {
    struct sph_device *device;
    struct sph_ticket *ticket;
    struct sph_guid component;
};

/* Stops the app; `done` gets the change and owns it. */
static int begin_change(struct sph_call *call, const struct sph_guid *component,
                        sph_lifecycle_done_fn *done) {
    struct sph_device *device = call->device;
    if (!sph_server_begin_job(device->server, component))
        return refuse_busy(call);
    struct change *change = malloc(sizeof(*change));
    struct sph_ticket *ticket = change ? sph_call_defer(call) : NULL;
    if (!ticket) {
        free(change);
        sph_server_end_job(device->server, component);
        if (call->refusal.err.code)
            return call->refusal.err.code;
        return sph_call_refuse_no_memory(call);
    }
    *change = (struct change){.device = device, .ticket = ticket, .component = *component};
    /* `done` may have run when this returns: neither change nor ticket may be touched on success.
     */
    int code = sph_lifecycle_stop(device->lifecycle, component, done, change, &call->refusal.err);
    if (code < 0) {
        (void)sph_refuse_as(&call->refusal, SPH_DEVICE_ERROR(SPH_CATEGORY_LINUX, -code));
        sph_ticket_refuse(ticket, &call->refusal);
        sph_server_end_job(device->server, component);
        free(change);
    }
    return SPH_CALL_DEFERRED;
}

/* The job ends before the answer is sent: a client that answers at once is not refused as busy. */
static void on_stopped(void *context) {
    struct change *change = context;
    struct sph_msg_app_control_reply reply = {.state = SPH_APP_STOPPED};
    sph_server_end_job(change->device->server, &change->component);
    note_mode(change->device, &change->component, true);
    sph_ticket_reply(change->ticket, &reply);
    free(change);
}

/* Stops wait for the app, starts do not: execve is over when sph_lifecycle_start() returns. */
int sph_handle_app_control(struct sph_call *call) {
    const struct sph_msg_app_control *asked = call->request;
    struct sph_device *device = call->device;
    if (asked->trigger < SPH_TRIGGER_START || asked->trigger > SPH_TRIGGER_START_DEBUG)
        return sph_refuse(&call->refusal, -EINVAL, SPH_DEVERR_TRIGGER_DOES_NOT_EXIST,
                          "there is no trigger %u: start, stop and start debug are 1 to 3",
                          asked->trigger);
    if (!sph_registry_find(device->registry, &asked->component))
        return sph_call_refuse_not_present(call, &asked->component);
    if (asked->trigger == SPH_TRIGGER_STOP)
        return begin_change(call, &asked->component, on_stopped);
    int code = asked->trigger == SPH_TRIGGER_START_DEBUG ? sph_call_check_development(call) : 0;
    if (code < 0)
        return code;
    if (!sph_server_begin_job(device->server, &asked->component))
        return refuse_busy(call);
    code = start(call, asked);
    sph_server_end_job(device->server, &asked->component);
    return code;
}

/* The event comes before the answer, so that a client that reads both sees the deletion happen. */
static void on_stopped_for_delete(void *context) {
    struct change *change = context;
    struct sph_device *device = change->device;
    struct sph_refusal refusal = SPH_REFUSAL_NULL;
    struct sph_msg_restarting_reply reply = {.restarting_system = false};
    int code = sph_install_delete(device, &change->component, &refusal);
    sph_server_end_job(device->server, &change->component);
    if (code < 0) {
        sph_ticket_refuse(change->ticket, &refusal);
    } else {
        sph_device_note(device, &change->component, "deleted");
        sph_events_note(device->events, SPH_EVENT_DELETED, &change->component);
        sph_ticket_reply(change->ticket, &reply);
    }
    free(change);
}

int sph_handle_app_delete(struct sph_call *call) {
    const struct sph_msg_component *asked = call->request;
    struct sph_msg_restarting_reply reply = {.restarting_system = false};
    if (!sph_registry_find(call->device->registry, &asked->component))
        return sph_call_reply(call, &reply); /* as on the device: an unknown one is gone */
    return begin_change(call, &asked->component, on_stopped_for_delete);
}
