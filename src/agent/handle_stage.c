/* Requests that bring packages. An install works through what is staged, one package after the
 * other: stop the app, put the package in place, start it. The first failure ends it; the rest
 * stays staged. */
#include <errno.h>
#include <stdlib.h>

#include "agent/device.h"
#include "agent/events.h"
#include "agent/handle.h"
#include "agent/install.h"
#include "agent/lifecycle.h"
#include "agent/registry.h"
#include "agent/server.h"
#include "agent/stage.h"
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
    bool was_running; /* the version that is being replaced */
    struct sph_guid component;
};

/* The only way out of an installation: job, ticket and memory end together. */
static void finish(struct installation *job, const struct sph_refusal *refusal) {
    struct sph_msg_restarting_reply reply = {.restarting_system = false};
    sph_server_end_job(job->device->server, NULL);
    if (refusal)
        sph_ticket_refuse(job->ticket, refusal);
    else
        sph_ticket_reply(job->ticket, &reply);
    free(job);
}

/* Right after its installation the package is the reason for almost every failure to start. */
static int start(struct installation *job, struct sph_refusal *refusal) {
    struct sph_start_request request = {.component = job->component};
    if (sph_lifecycle_start(job->device->lifecycle, &request, &refusal->err) == 0)
        return 0;
    return sph_refuse_as(refusal, SPH_DEVERR_FAILED_TO_EXEC_PROCESS);
}

/* What was refused for itself would be refused for ever, and would stand in the way of every
 * install. */
static void drop_refused(struct installation *job, const struct sph_refusal *refusal) {
    struct sph_refusal ignored = SPH_REFUSAL_NULL;
    if (refusal->device_error != SPH_DEVERR_IMAGE_INSTALL_FAILED)
        (void)sph_stage_drop(job->device->stage, &job->component, NULL);
    if (job->was_running && start(job, &ignored) < 0)
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
        finish(job, &refusal);
        return;
    }
    announce(job->device, &job->component);
    const struct sph_installed_app *app = sph_registry_find(job->device->registry, &job->component);
    /* A debugger is started by a debugging session, never by itself. */
    bool starts = !job->manual && app && !app->is_debugger;
    if (starts && start(job, &refusal) < 0)
        finish(job, &refusal);
    else
        install_next(job);
}

/* At most SPH_STAGE_MAX deep, when nothing has to be waited for. */
static void install_next(struct installation *job) {
    struct sph_refusal refusal = SPH_REFUSAL_NULL;
    struct sph_device *device = job->device;
    if (sph_stage_count(device->stage) == 0) {
        finish(job, NULL);
        return;
    }
    job->component = sph_stage_at(device->stage, 0)->component;
    job->was_running = sph_lifecycle_state(device->lifecycle, &job->component) != SPH_SESSION_NONE;
    if (sph_lifecycle_stop(device->lifecycle, &job->component, on_stopped, job, &refusal.err) < 0) {
        (void)sph_refuse_as(&refusal, SPH_DEVERR_IMAGE_INSTALL_FAILED);
        finish(job, &refusal);
    }
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
    *job = (struct installation){.device = device, .ticket = ticket, .manual = asked->manual};
    install_next(job);
    return SPH_CALL_DEFERRED;
}
