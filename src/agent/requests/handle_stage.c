/* Requests that bring packages. An install works through what is staged, one package after the
 * other: look at it, stop the app, put the package in place, start it. What one of them meets is
 * told at the end and keeps no other from its turn. */
#include <errno.h>
#include <stdlib.h>

#include "agent/app/lifecycle.h"
#include "agent/device/device.h"
#include "agent/device/events.h"
#include "agent/install/install.h"
#include "agent/install/stage.h"
#include "agent/requests/handle.h"
#include "agent/requests/server.h"
#include "agent/store/registry.h"
#include "wire/msg_app.h"

int sph_handle_stage_begin(struct sph_call *call) {
    const struct sph_msg_stage_begin *asked = call->request;
    int code =
        sph_stage_begin(call->device->stage, call->connection, asked->size_bytes, &call->refusal);
    return code < 0 ? code : sph_call_reply(call, NULL);
}

int sph_handle_stage_data(struct sph_call *call) {
    const struct sph_msg_stage_data *asked = call->request;
    int code = sph_stage_data(call->device->stage, call->connection, asked->data.data,
                              asked->data.len, &call->refusal);
    return code < 0 ? code : sph_call_reply(call, NULL);
}

/* The answer names what was staged: the sender may not have looked into the package. */
int sph_handle_stage_end(struct sph_call *call) {
    const struct sph_staged_package *staged;
    int code = sph_stage_end(call->device->stage, call->connection, &staged, &call->refusal);
    if (code < 0)
        return code;
    struct sph_msg_stage_end_reply reply = {.component = staged->component,
                                            .image = staged->image,
                                            .name = sph_slice_text(staged->name)};
    return sph_call_reply(call, &reply);
}

int sph_handle_stage_abort(struct sph_call *call) {
    sph_stage_abort(call->device->stage, call->connection);
    return sph_call_reply(call, NULL);
}

/* One installation of all that is staged. It exists from the request to its answer, and there is
 * only one at a time: its job stands for all apps. */
struct installation {
    struct sph_device *device;
    struct sph_ticket *ticket;
    bool manual;
    struct sph_guid components[SPH_STAGE_MAX]; /* that were staged when it began */
    size_t count, next;
    struct sph_guid component; /* whose turn it is */
    bool was_running;          /* the version that is being replaced */
    unsigned flags;            /* that it was started with */
    unsigned installed, refused;
    struct sph_guid first_refused;
    struct sph_refusal first;
};

/* The only way out of an installation: job, ticket and memory end together. Of several packages the
 * answer tells the first that did not get through; the device's log has each. */
static void finish(struct installation *job) {
    struct sph_msg_restarting_reply reply = {.restarting_system = false};
    char guid[SPH_GUID_TEXT];
    sph_server_end_job(job->device->server, NULL);
    if (job->refused > 0 && job->count > 1)
        (void)sph_err_prefix(&job->first.err, "of %zu packages %u were installed; %s", job->count,
                             job->installed, sph_guid_format(&job->first_refused, guid));
    if (job->refused > 0)
        sph_ticket_refuse(job->ticket, &job->first);
    else
        sph_ticket_reply(job->ticket, &reply);
    free(job);
}

/* What one package meets keeps no other from its turn. */
static void take_refusal(struct installation *job, const struct sph_refusal *refusal,
                         const char *what) {
    sph_device_note(job->device, &job->component, "%s: %s", what, refusal->err.text);
    if (job->refused++ > 0)
        return;
    job->first = *refusal;
    job->first_refused = job->component;
}

/* Right after its installation the package is the reason for almost every failure to start. */
static int start(struct installation *job, unsigned flags, struct sph_refusal *refusal) {
    struct sph_start_request request = {.component = job->component, .flags = flags};
    if (sph_lifecycle_start(job->device->lifecycle, &request, &refusal->err) == 0)
        return 0;
    return sph_refuse_as(refusal, SPH_DEVERR_FAILED_TO_EXEC_PROCESS);
}

/* What was refused for itself would be refused for ever, and would stand in the way of every
 * install. */
static void drop_refused(struct installation *job, const struct sph_refusal *refusal) {
    take_refusal(job, refusal, "not installed");
    if (refusal->device_error != SPH_DEVERR_IMAGE_INSTALL_FAILED)
        (void)sph_stage_drop(job->device->stage, &job->component, NULL);
}

/* As it ran before: once, with its heap tracked, under the debugger. */
static void restore(struct installation *job) {
    struct sph_refusal ignored = SPH_REFUSAL_NULL;
    if (job->was_running && start(job, job->flags, &ignored) < 0)
        sph_device_note(job->device, &job->component, "the installed version does not start: %s",
                        ignored.err.text);
}

/* Before the app starts, so that its first lines come after its installation in every listener's
 * order. */
static void announce(struct sph_device *device, const struct sph_guid *component) {
    const struct sph_installed_app *app = sph_registry_find(device->registry, component);
    struct sph_msg_event event = {.kind = SPH_EVENT_APP_INSTALLED,
                                  .component = *component,
                                  .name = sph_slice_text(app ? app->name : "")};
    sph_events_publish(device->events, &event);
    sph_device_note(device, component, "installed app=%s", app ? app->name : "");
}

static void install_next(struct installation *job);

/* The app's processes are gone: nobody holds the old version open. From here to the start nothing
 * waits. */
static void on_stopped(void *context) {
    struct installation *job = context;
    struct sph_refusal refusal = SPH_REFUSAL_NULL;
    if (sph_install_commit(job->device, &job->component, job->manual, &refusal) < 0) {
        drop_refused(job, &refusal);
        restore(job);
        install_next(job);
        return;
    }
    job->installed++;
    announce(job->device, &job->component);
    const struct sph_installed_app *app = sph_registry_find(job->device->registry, &job->component);
    /* A debugger is started by a debugging session, never by itself. */
    bool starts = !job->manual && app && !app->is_debugger;
    if (starts && start(job, 0, &refusal) < 0)
        take_refusal(job, &refusal, "does not start");
    install_next(job);
}

/* Looked at before the running version is stopped: a package that is not trusted any more costs it
 * nothing. */
static bool begin_stop(struct installation *job) {
    struct sph_refusal refusal = SPH_REFUSAL_NULL;
    struct sph_lifecycle *lifecycle = job->device->lifecycle;
    if (sph_install_check(job->device, &job->component, &refusal) < 0) {
        drop_refused(job, &refusal);
        return false;
    }
    job->was_running = sph_lifecycle_state(lifecycle, &job->component) != SPH_SESSION_NONE;
    job->flags = sph_lifecycle_start_flags(lifecycle, &job->component);
    if (sph_lifecycle_stop(lifecycle, &job->component, on_stopped, job, &refusal.err) == 0)
        return true;
    (void)sph_refuse_as(&refusal, SPH_DEVERR_IMAGE_INSTALL_FAILED);
    take_refusal(job, &refusal, "not installed");
    return false;
}

/* At most SPH_STAGE_MAX deep, when nothing has to be waited for. The job may be gone when this
 * returns. */
static void install_next(struct installation *job) {
    while (job->next < job->count) {
        job->component = job->components[job->next++];
        if (begin_stop(job))
            return;
    }
    finish(job);
}

/* With nothing staged it succeeds, as on the device. */
int sph_handle_install(struct sph_call *call) {
    const struct sph_msg_install *asked = call->request;
    struct sph_device *device = call->device;
    if (!sph_server_begin_job(device->server, NULL))
        return sph_refuse(&call->refusal, -EBUSY, SPH_DEVERR_INTERFACE_BUSY,
                          "an application is being changed: try again when it is through");
    struct installation *job = malloc(sizeof(*job));
    struct sph_ticket *ticket = job ? sph_call_defer(call) : NULL;
    if (!ticket) {
        free(job);
        sph_server_end_job(device->server, NULL);
        if (call->refusal.err.code)
            return call->refusal.err.code;
        return sph_call_refuse_no_memory(call);
    }
    *job = (struct installation){.device = device,
                                 .ticket = ticket,
                                 .manual = asked->manual,
                                 .count = sph_stage_count(device->stage)};
    for (size_t i = 0; i < job->count; i++)
        job->components[i] = sph_stage_at(device->stage, i)->component;
    install_next(job);
    return SPH_CALL_DEFERRED;
}
