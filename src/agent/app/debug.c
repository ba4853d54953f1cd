/* What the server says goes to the device's log under its package's id, in words of the debugger,
 * and never into the app's output. It says a few lines per session; a gdb that makes it talk
 * (`monitor set debug 1`) can fill neither the log of others nor the operator's standard error. */
#include "agent/app/debug.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/app/debug_server.h"
#include "agent/app/lines.h"
#include "agent/device/device.h"
#include "agent/process/program.h"
#include "agent/process/target.h"
#include "agent/store/registry.h"
#include "base/cleanup.h"

static const char program_path[] = "bin/gdbserver";

enum {
    READ_BYTES = 1024,                   /* per turn of the loop */
    LAST_READS = 64 * 1024 / READ_BYTES, /* at the end: a pipe's worth */
};

struct sph_debug {
    struct sph_device *device;
    struct sph_guid component;
    struct sph_ration_share share;
    struct sph_debug_server server;
    struct sph_watch *watch; /* of its output; NULL at the end of it */
    struct sph_lines lines;
    unsigned n_lines;
};

/* ---- the package ---- */

const struct sph_installed_app *sph_debug_find_package(const struct sph_registry *registry) {
    for (size_t i = 0; i < sph_registry_count(registry); i++) {
        const struct sph_installed_app *app = sph_registry_at(registry, i);
        if (app->is_debugger)
            return app;
    }
    return NULL;
}

int sph_debug_check(const struct sph_registry *registry, const struct sph_installed_app *app,
                    struct sph_err *err) {
    if (app && app->is_debugger)
        return SPH_FAIL(err, -ENOTSUP, "The debugger itself cannot be debugged.");
    if (sph_debug_find_package(registry))
        return 0;
    return SPH_FAIL(
        err, -ENOTSUP,
        "No debugger is installed on this device: deploy one first, an image package of "
        "ApplicationType \"Debugger\" with gdbserver as bin/gdbserver.");
}

/* A descriptor of the server's program, or negative errno. Its loader is the system's, not that of
 * apps. */
static int open_program(const struct sph_registry *registry, const struct sph_installed_app *app,
                        struct sph_err *err) {
    const struct sph_target none = SPH_TARGET_NULL;
    struct sph_err cause = SPH_ERR_NULL;
    struct sph_program program;
    /* A link in the package must not lead out of it. */
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    sph_autoclose int root_fd = sph_registry_open_root(registry, app, err);
    if (root_fd < 0)
        return root_fd;
    int rc = sph_program_read(root_fd, program_path, &program, &cause);
    if (rc == 0)
        rc = sph_target_check(&none, &program, true, &cause);
    if (rc < 0)
        return SPH_FAIL(err, rc, "The installed debugger cannot run: %s", cause.text);
    int fd = (int)syscall(SYS_openat2, root_fd, program_path, &how, sizeof(how));
    return fd < 0 ? SPH_FAIL_ERRNO(err, -errno, "The installed debugger cannot be read") : fd;
}

/* ---- its output ---- */

static void take_line(void *context, const char *text, size_t len, bool continued) {
    (void)continued;
    struct sph_debug *debug = context;
    if (len == 0 || debug->n_lines > SPH_DEBUG_LINES_MAX)
        return;
    if (debug->n_lines++ == SPH_DEBUG_LINES_MAX)
        sph_device_note(debug->device, &debug->component,
                        "debugger: (what else it says is not kept)");
    else
        sph_device_note(debug->device, &debug->component, "debugger: %.*s", (int)len, text);
}

/* Bytes read; 0 when there is nothing now, and at the end. */
static size_t read_some(struct sph_debug *debug, bool *ret_ended) {
    char data[READ_BYTES];
    ssize_t len = read(debug->server.output_fd, data, sizeof(data));
    *ret_ended = len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR);
    if (len <= 0)
        return 0;
    sph_lines_feed(&debug->lines, data, (size_t)len, take_line, debug);
    return (size_t)len;
}

static void on_readable(void *context, int fd, uint32_t epoll_events) {
    (void)fd;
    (void)epoll_events;
    struct sph_debug *debug = context;
    bool ended;
    (void)read_some(debug, &ended);
    if (ended)
        debug->watch = sph_loop_remove(debug->watch);
}

/* ---- the session ---- */

/* Where a host's own programs run, nobody but they may connect; in a machine of its own the host
 * comes in from outside. */
static const char *address(const struct sph_device *device) {
    return device->is_virtual ? "0.0.0.0:2345" : "127.0.0.1:2345";
}

static int start_server(struct sph_debug *debug, const struct sph_debug_plan *plan,
                        const struct sph_installed_app *package, struct sph_err *err) {
    char guid[SPH_GUID_TEXT];
    sph_autoclose int program_fd = open_program(plan->device->registry, package, err);
    if (program_fd < 0)
        return program_fd;
    int rc = sph_ration_join(plan->ration, sph_guid_format(&package->component, guid),
                             SPH_METER_APP_UNLIMITED, &debug->share, err);
    if (rc < 0)
        return rc;
    const struct sph_debug_server_plan server = {.program_fd = program_fd,
                                                 .address = address(plan->device),
                                                 .app_pid = plan->app_pid,
                                                 .frozen = plan->cgroup,
                                                 .uid = plan->uid,
                                                 .cgroup = debug->share.cgroup,
                                                 .meter = debug->share.meter};
    rc = sph_debug_server_start(&server, &debug->server, err);
    if (rc == 0)
        rc = sph_loop_add_fd(plan->device->loop, debug->server.output_fd, EPOLLIN, on_readable,
                             debug, &debug->watch, err);
    return rc;
}

int sph_debug_start(const struct sph_debug_plan *plan, struct sph_debug **ret_debug,
                    struct sph_err *err) {
    const struct sph_installed_app *package = sph_debug_find_package(plan->device->registry);
    if (!package)
        return sph_debug_check(plan->device->registry, NULL, err);
    struct sph_debug *debug = calloc(1, sizeof(*debug));
    if (!debug)
        return SPH_FAIL(err, -ENOMEM, "No memory to start the debugger.");
    debug->device = plan->device;
    debug->component = package->component;
    debug->server = (struct sph_debug_server)SPH_DEBUG_SERVER_NULL;
    int rc = start_server(debug, plan, package, err);
    if (rc < 0) {
        debug = sph_debug_free(debug);
        return rc;
    }
    *ret_debug = debug;
    return 0;
}

pid_t sph_debug_pid(const struct sph_debug *debug) {
    return debug->server.pid;
}

const struct sph_guid *sph_debug_component(const struct sph_debug *debug) {
    return &debug->component;
}

struct sph_ration_share *sph_debug_share(struct sph_debug *debug) {
    return &debug->share;
}

void sph_debug_on_gone(struct sph_debug *debug) {
    bool ended = debug->server.output_fd < 0;
    debug->server.pid = -1; /* reaped: its number is anyone's now */
    for (int i = 0; i < LAST_READS && !ended; i++)
        if (read_some(debug, &ended) == 0)
            break;
    sph_lines_flush(&debug->lines, take_line, debug);
    debug->watch = sph_loop_remove(debug->watch);
}

void sph_debug_kill(struct sph_debug *debug) {
    if (debug->server.pid > 0)
        (void)kill(debug->server.pid, SIGKILL);
}

/* The share's group is removed only when it is empty, so a killed server is gone after this; the
 * tracer reaps it. */
struct sph_debug *sph_debug_free(struct sph_debug *debug) {
    if (!debug)
        return NULL;
    sph_debug_kill(debug);
    (void)sph_loop_remove(debug->watch);
    sph_ration_leave(&debug->share);
    if (debug->server.output_fd >= 0)
        (void)close(debug->server.output_fd);
    free(debug);
    return NULL;
}
