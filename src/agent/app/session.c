/* A run is put together here and taken apart again; when and why is the lifecycle's part.
 *
 * What belongs to one run (share, processes, channel, pipes, facts) is made by launch and given
 * back by settle; what belongs to the session (name, flags, arguments, back-off, timer) outlives
 * it. A session so has three shapes: with a run, between two runs, and being freed, and the
 * functions here take each of them in any half-made state: every part knows by itself that it is
 * not there. */
#include "agent/app/session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/app/channel.h"
#include "agent/app/orders.h"
#include "agent/device/device.h"
#include "agent/install/capabilities.h"
#include "agent/install/verify.h"
#include "agent/machine/machine.h"
#include "agent/process/heap_decide.h"
#include "agent/process/processes.h"
#include "agent/storage/medium.h"
#include "agent/store/registry.h"
#include "base/cleanup.h"
#include "base/clock.h"

enum {
    FILES = 256, /* descriptors of each process: a device's apps have some ten */
    MANIFEST_BYTES = SPH_MANIFEST_BYTES_MAX,
    /* Longer than any listener is waited for (15 s, docs/spec/wire.md): it runs out only when
     * several are slow one after the other. */
    OUTPUT_END_MS = 30000, /* for the output of an app that has ended, with slow listeners */
};

struct sph_session *sph_session_new(struct sph_device *device,
                                    const struct sph_start_request *request,
                                    const struct sph_installed_app *app, struct sph_err *err) {
    struct sph_session *session = calloc(1, sizeof(*session));
    if (session && request->arguments) {
        session->arguments = sph_arguments_copy(request->arguments);
        if (!session->arguments) {
            free(session);
            session = NULL;
        }
    }
    if (!session) {
        (void)SPH_FAIL(err, -ENOMEM, "No memory to start the application.");
        return NULL;
    }
    session->device = device;
    session->component = request->component;
    session->flags = request->flags;
    if (request->flags & SPH_START_DEBUG) /* as on the device: what is debugged ends for good */
        session->flags |= SPH_START_ONCE;
    memcpy(session->name, app->name, sizeof(session->name));
    session->launched = (struct sph_launched)SPH_LAUNCHED_NULL;
    for (int i = 0; i < 2; i++)
        session->outputs[i] = (struct sph_output)SPH_OUTPUT_NULL;
    return session;
}

/* Without storage there is no file to write; the limit then bounds a memfd, at all of the RAM. With
 * storage the medium holds the app to its quota, and a limit would answer before it, with EFBIG; a
 * memfd is the second net's. Where there is no FUSE, the limit is all there is. */
static uint64_t file_limit(const struct sph_session *session, const struct sph_installed_app *app) {
    struct sph_device *device = session->device;
    struct sph_err err = SPH_ERR_NULL;
    if (app->storage_kib == 0)
        return device->profile.ram_bytes;
    if (sph_medium_prepare(device->medium, &err) == 0)
        return UINT64_MAX; /* RLIM_INFINITY */
    sph_device_note(
        device, &session->component,
        "its storage is held by a limit of file sizes alone, and wear is not counted: %s",
        err.text);
    return UINT64_C(1024) * app->storage_kib;
}

/* Before anything is made: a package for another processor costs nothing but the look at its
 * header. */
static int check_program(const struct sph_session *session, const struct sph_orders *orders,
                         int root_fd, struct sph_err *err) {
    struct sph_program program;
    int rc = sph_program_read(root_fd, orders->package_entry, &program, err);
    if (rc < 0)
        return rc;
    return sph_target_check(session->target, &program, session->device->host_libraries, err);
}

/* The helper and the app are forks: what the plan points to is theirs to read as it is now. */
static int launch(struct sph_session *session, const struct sph_installed_app *app,
                  const struct sph_orders *orders, int root_fd, struct sph_err *err) {
    char *const environment[] = {NULL};
    const struct sph_target *target = session->target;
    /* A native device's network is its user's own: no app gets into it. */
    bool has_network = session->device->is_virtual && orders->wants_network;
    bool is_debugged = session->flags & SPH_START_DEBUG;
    const struct sph_launch_plan plan = {
        .sandbox = {.component = session->component,
                    .package_fd = root_fd,
                    .library_fd = target->library_fd,
                    .loader = target->loader,
                    .loader_name = target->loader_name,
                    .host_name = session->device->name,
                    .resolver = has_network ? SPH_MACHINE_RESOLVER : NULL,
                    .host_libraries = session->device->host_libraries,
                    .heap = session->heap},
        .identity = {.uid = app->uid,
                     .file_bytes = file_limit(session, app),
                     /* The debugger's server is one more of this user. */
                     .process_count = SPH_PROCESSES_MAX + is_debugged,
                     .file_count = FILES},
        .argv = orders->argv,
        .envp = environment,
        .working_folder = orders->folder,
        .tree = session->ration->tree,
        .cgroup = session->share.cgroup,
        .meter = session->share.meter,
        .attachment = sph_meter_attachment(session->ration->meter),
        .ptrace_options = session->heap ? sph_tracer_heap_options() : sph_tracer_options(),
        .share_network = has_network,
        .hands_over = is_debugged,
        .heap = session->heap,
    };
    return sph_launch(&plan, &session->launched, err);
}

/* The pipe stays the launch's: it is closed with it, after the output has let go of it. */
static int take_output(struct sph_session *session, int index, enum sph_log_source source, int fd,
                       struct sph_err *err) {
    const struct sph_output_plan plan = {.component = session->component,
                                         .source = source,
                                         .fd = fd,
                                         .ended = session->output_ended,
                                         .context = session};
    return sph_output_init(&session->outputs[index], session->device, &plan, err);
}

/* The app runs already; what fails here ends it. */
static int attach(struct sph_session *session, const struct sph_installed_app *app,
                  const struct sph_orders *orders, struct sph_err *err) {
    struct sph_channel_rights rights = {
        .component = session->component, .uid = app->uid, .storage_kib = app->storage_kib};
    memcpy(rights.pins, orders->pins, sizeof(rights.pins));
    session->warnings.meter = session->ration->meter;
    rights.warnings = &session->warnings;
    int rc = sph_channel_new(session->device, session->launched.channel_fd, &rights,
                             &session->channel, err);
    if (rc == 0)
        rc = take_output(session, 0, SPH_LOG_STDOUT, session->launched.output_fd, err);
    if (rc == 0)
        rc = take_output(session, 1, SPH_LOG_STDERR, session->launched.error_fd, err);
    return rc;
}

/* The app waits in its frozen group for it. */
static int start_debugger(struct sph_session *session, const struct sph_installed_app *app,
                          struct sph_err *err) {
    const struct sph_debug_plan plan = {.device = session->device,
                                        .ration = session->ration,
                                        .cgroup = session->share.cgroup,
                                        .app_pid = session->launched.app_pid,
                                        .uid = app->uid};
    int rc = sph_debug_start(&plan, &session->debug, err);
    if (rc == 0)
        return 0;
    sph_launched_kill(&session->launched);
    sph_launched_done(&session->launched);
    return rc;
}

/* A run that should be tracked and cannot be is run all the same: the reason is told with its
 * figures, and in the device's log. */
static void open_heap(struct sph_session *session, const struct sph_installed_app *app,
                      const struct sph_orders *orders, int root_fd) {
    struct sph_err err = SPH_ERR_NULL;
    const struct sph_heap_question question = {
        .has_capability = orders->wants_heap_stats,
        .has_library = faccessat(root_fd, "libmalloc.so.0", F_OK, AT_SYMLINK_NOFOLLOW) == 0,
        .is_asked = session->flags & SPH_START_HEAP,
        .is_development = sph_capabilities_allow_development(session->device->capabilities),
        .is_debugged = session->flags & SPH_START_DEBUG,
        .api_version = orders->application_runtime};
    session->facts.heap_state = sph_heap_decide(&question);
    if (session->facts.heap_state != SPH_HEAP_TRACKED)
        return;
    int rc = sph_heap_new(session->target, app->uid, session->device->host_libraries,
                          session->flags & SPH_START_STACKS, &session->heap, &err);
    if (rc == 0) {
        sph_ration_admit_ledgers(session->ration, &session->share);
        return;
    }
    session->facts.heap_state = rc == -ENOEXEC ? SPH_HEAP_LOADER : SPH_HEAP_FAILED;
    sph_device_note(session->device, &session->component, "its heap is not tracked: %s", err.text);
}

void sph_session_note_heap(struct sph_session *session, pid_t pid) {
    int failure = sph_heap_failure_of(session->heap, pid);
    if (failure < 0)
        sph_device_note(session->device, &session->component,
                        "%s: the heap of process %d is not tracked: its ledger could not be put "
                        "there: %s",
                        session->name, (int)pid, strerror(-failure));
}

/* The share is had first, since the app is born in it, and is given back when it is not born. */
static int start_run(struct sph_session *session, const struct sph_installed_app *app,
                     const struct sph_orders *orders, struct sph_err *err) {
    char guid[SPH_GUID_TEXT];
    sph_autoclose int root_fd = sph_registry_open_root(session->device->registry, app, err);
    int rc = root_fd < 0 ? root_fd : check_program(session, orders, root_fd, err);
    if (rc < 0)
        return rc;
    /* The group's name is the id: it is what the kernel's own messages about the group show. */
    rc = sph_ration_join(session->ration, sph_guid_format(&session->component, guid), 0,
                         &session->share, err);
    if (rc == 0) {
        open_heap(session, app, orders, root_fd);
        rc = launch(session, app, orders, root_fd, err);
        if (rc == 0)
            sph_session_note_heap(session, session->launched.app_pid);
    }
    if (rc == 0 && (session->flags & SPH_START_DEBUG))
        rc = start_debugger(session, app, err);
    if (rc < 0) {
        sph_ration_leave(&session->share);
        session->heap = sph_heap_free(session->heap);
        return rc;
    }
    return 0;
}

/* Nothing of an earlier run may show in the story of this one. */
static void begin_facts(struct sph_session *session) {
    sph_report_facts_done(&session->facts);
    session->facts = (struct sph_report_facts){
        .component = session->component,
        .image = session->image,
        .name = session->name,
        .device_start_ns = session->device->started_ms * 1000000,
        .limit_bytes = session->device->profile.ram_bytes,
    };
    if (session->flags & SPH_START_DEBUG) {
        session->facts.signs.debugged = true;
        session->facts.pages_how = "not looked at: the debugger held the application";
    }
    session->app_gone = session->helper_gone = session->looked_at = false;
}

/* The manifest is read anew for each run: an update may have changed it, and keeping it would cost
 * every idle app its bytes. */
int sph_session_launch(struct sph_session *session, struct sph_err *err) {
    const struct sph_registry *registry = session->device->registry;
    const struct sph_installed_app *app = sph_registry_find(registry, &session->component);
    struct sph_orders orders SPH_CLEANUP(sph_orders_done) = SPH_ORDERS_NULL;
    struct sph_buf text SPH_CLEANUP(sph_buf_done) = SPH_BUF_LIMIT(MANIFEST_BYTES);
    begin_facts(session);
    if (!app)
        return SPH_FAIL(err, -ENOENT, "The application is not installed on this device.");
    session->image = session->facts.image = app->image; /* an update may have come in between */
    int rc = sph_verify_start(session->device, app, err);
    if (rc == 0)
        rc = sph_registry_read_manifest(registry, app, &text, err);
    if (rc == 0)
        rc = sph_orders_parse(text.data, text.len, &session->component, session->arguments, &orders,
                              err);
    if (rc == 0)
        rc = start_run(session, app, &orders, err);
    if (rc < 0)
        return rc;
    session->facts.pid = session->launched.app_pid;
    session->state = SPH_SESSION_RUNNING;
    rc = attach(session, app, &orders, err);
    if (rc < 0) /* its end is seen and settled like any other */
        sph_session_kill(session);
    return rc;
}

/* ---- the end ---- */

static void note_app_gone(struct sph_session *session, int status) {
    session->facts.signs.status = status;
    session->app_gone = true;
    session->facts.run_ms = (sph_clock_monotonic_ns() - session->launched.exec_ns) / 1000000;
}

/* The debugger has left (gdb's kill, detach, disconnect, or its own death), and the app, which
 * would run on with nobody to see its end, with it; or the app has, and the server is given the
 * time to say so. */
static void part(struct sph_session *session) {
    bool server_gone = sph_debug_pid(session->debug) < 0;
    if (server_gone && !session->app_gone) {
        if (!session->facts.signs.stop_asked && sph_launched_is_alive(&session->launched))
            sph_device_note(session->device, &session->component,
                            "%s is ended with its debugging session", session->name);
        sph_launched_signal(&session->launched, SIGKILL);
    } else if (session->app_gone && !server_gone) {
        (void)sph_loop_arm_timer(session->timer, SPH_DEBUG_FAREWELL_MS, 0);
    }
}

bool sph_session_on_gone(struct sph_session *session, pid_t pid, int status) {
    bool is_debugged = session->debug != NULL;
    if (is_debugged && pid == sph_debug_pid(session->debug)) {
        sph_debug_on_gone(session->debug);
        session->facts.signs.debugger_died = WIFSIGNALED(status);
    } else if (pid == session->launched.helper_pid) {
        session->helper_gone = true;
        session->launched.helper_pid = -1; /* reaped: its number is anyone's now */
        if (is_debugged)
            note_app_gone(session, sph_launched_read_status(&session->launched));
    } else if (pid == session->launched.app_pid && !is_debugged) {
        note_app_gone(session, status);
    } else {
        return false;
    }
    if (is_debugged)
        part(session);
    return true;
}

/* The server too: a helper waits for what a tracer has not let go of. */
void sph_session_kill(struct sph_session *session) {
    if (session->launched.helper_pid > 0)
        (void)kill(session->launched.helper_pid, SIGKILL);
    if (session->debug)
        sph_debug_kill(session->debug);
}

/* A pipe is at its end when the last writer is gone, which may be a daemon of the app's; after the
 * helper's end there is none. */
bool sph_session_has_output(const struct sph_session *session) {
    return !sph_output_has_ended(&session->outputs[0]) ||
           !sph_output_has_ended(&session->outputs[1]);
}

void sph_session_await_output(struct sph_session *session, bool is_awaited) {
    session->launched.helper_pid = -1; /* reaped: their numbers are anyone's now */
    session->launched.app_pid = -1;
    (void)sph_loop_arm_timer(session->timer, is_awaited ? SPH_STOP_GRACE_MS : OUTPUT_END_MS, 0);
}

/* Output first, while the pipes are open; the share last, when nothing can be charged to it any
 * more. */
void sph_session_settle(struct sph_session *session) {
    /* Both pipes before anything is closed: the lines are in the log when the end is judged. */
    for (int i = 0; i < 2; i++)
        sph_output_finish(&session->outputs[i]);
    session->channel = sph_channel_free(session->channel);
    sph_early_warning_close(&session->warnings);
    session->debug = sph_debug_free(session->debug);
    session->launched.helper_pid = -1; /* reaped: its number is anyone's now */
    sph_launched_done(&session->launched);
    sph_ration_leave(&session->share);
    session->heap = sph_heap_free(session->heap);
}

struct sph_session *sph_session_free(struct sph_session *session) {
    if (!session)
        return NULL;
    (void)sph_loop_remove(session->timer);
    for (int i = 0; i < 2; i++)
        sph_output_done(&session->outputs[i]);
    session->channel = sph_channel_free(session->channel);
    sph_early_warning_close(&session->warnings);
    session->debug = sph_debug_free(session->debug);
    sph_launched_done(&session->launched);
    sph_ration_leave(&session->share);
    session->heap = sph_heap_free(session->heap);
    sph_report_facts_done(&session->facts);
    sph_arguments_free(session->arguments);
    free(session);
    return NULL;
}
