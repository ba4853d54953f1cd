/* Which processes a device has is a table of its kinds (backend.h). A native device's agent is
 * started by us, as root; a virtual one's machine by its gateway, as the user. What differs is in
 * the table and its steps: whoever looks, starts or stops goes through the rows.
 *
 * What runs is found by pid files alone, in every kind's place: device.json may have been changed
 * meanwhile, and what it does not name any more would run for ever. */
#include "cli/device/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/device/backend.h"
#include "cli/device/device_config.h"
#include "cli/device/host_meter.h"
#include "cli/device/interrupt.h"
#include "cli/device/launch_program.h"
#include "cli/device/pidfile.h"
#include "cli/device/rest_client.h"
#include "cli/device/target.h"

enum {
    LOCK_TIMEOUT_MS = 60000,    /* longer than any start or stop takes */
    LOCK_STEP_US = 20000,       /* a person does not see 20 ms */
    MACHINE_TIMEOUT_MS = 30000, /* for the answer: it makes and allocates its disk first */
};

#define CANNOT_METER                                                                               \
    "metering on this machine itself needs root and Linux 6.2 or newer; " SPH_LAUNCH_VIRTUAL_HINT

/* The agent needs root for control groups, BPF and namespaces; the gateway drops what it has before
 * it serves. The sweep is the agent's program once more, for a moment, on a device that does not
 * run. */
static const struct sph_launch_program agent_program = {
    .name = SPH_AGENT_PROGRAM,
    .log_file = "agent.log",
    .refusal = "the agent could not be started as root (tried 'sudo -n'): " CANNOT_METER,
    .privileged = true,
};
static const struct sph_launch_program sweep_program = {
    .name = SPH_AGENT_PROGRAM,
    .log_file = "agent.log",
    .refusal = "the agent could not be started as root (tried 'sudo -n')",
    .option = "--sweep",
    .privileged = true,
};
static const struct sph_launch_program gateway_program = {
    .name = SPH_GATEWAY_PROGRAM,
    .log_file = "gateway.log",
    .refusal = "the gateway ended before it was ready",
};

static bool engine_runs(int device_fd, const struct sph_backend *backend) {
    return sph_pidfile_is_held(device_fd, backend->pid_file, backend->program);
}

static bool gateway_runs(int device_fd) {
    return sph_pidfile_is_held(device_fd, SPH_GATEWAY_PIDFILE, SPH_GATEWAY_PROGRAM);
}

/* ---- the steps ---- */

/* The meter needs exact counters, which kernels before 6.2 do not have. */
static int check_kernel(struct sph_err *err) {
    struct utsname name;
    (void)uname(&name);
    if (sph_host_kernel_is_exact(name.release))
        return 0;
    return SPH_FAIL(err, -EOPNOTSUPP, "this is Linux %.32s: " CANNOT_METER, name.release);
}

static int start_agent(int device_fd, const char *name, bool *started, struct sph_err *err) {
    (void)name;
    if (sph_pidfile_is_held(device_fd, SPH_AGENT_PIDFILE, SPH_AGENT_PROGRAM))
        return 0;
    *started = true;
    int r = check_kernel(err);
    return r < 0 ? r : sph_launch_program(device_fd, &agent_program, err);
}

static int start_gateway(int device_fd, const char *name, bool *started, struct sph_err *err) {
    (void)name;
    if (gateway_runs(device_fd))
        return 0;
    *started = true;
    return sph_launch_program(device_fd, &gateway_program, err);
}

/* A gateway that was just started has started it: one that is gone again already is not tried twice
 * in one command. */
static int start_machine(int device_fd, const char *name, bool *started, struct sph_err *err) {
    sph_autorest struct sph_rest *rest = NULL;
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(64 << 10);
    struct sph_json_value top;
    if (*started || sph_pidfile_is_held(device_fd, SPH_MACHINE_PIDFILE, SPH_MACHINE_PROGRAM))
        return 0;
    int r = sph_rest_open(device_fd, name, &rest, err);
    if (r < 0)
        return r;
    const struct sph_rest_request request = {.method = "POST",
                                             .path = "/spherule/v1/start",
                                             .body = "{}",
                                             .body_len = 2,
                                             .timeout_ms = MACHINE_TIMEOUT_MS,
                                             .cancel = sph_interrupt_flag()};
    r = sph_rest_call(rest, &request, &text, err);
    if (r == 0 && sph_json_check(text.data ? text.data : "", text.len, &top, NULL) == 0)
        *started = sph_answer_bool(&top, "started");
    return r;
}

/* The agent first: the gateway's readiness does not depend on it, its first answers do. */
const struct sph_backend sph_backends[] = {
    {.name = SPH_BACKEND_NATIVE,
     .engine = "agent",
     .program = SPH_AGENT_PROGRAM,
     .pid_file = SPH_AGENT_PIDFILE,
     .steps = {start_agent, start_gateway},
     .leaves_groups = true,
     .asked_timeout_ms = 1000, /* then a signal says the same again: a lost request costs no more */
     .term_timeout_ms = 15000},
    {.name = SPH_BACKEND_VIRTUAL,
     .engine = "machine",
     .program = SPH_MACHINE_PROGRAM,
     .pid_file = SPH_MACHINE_PIDFILE,
     .steps = {start_gateway, start_machine},
     .asked_timeout_ms = 15000,
     .term_timeout_ms = 3000},
    {.name = NULL},
};

/* ---- what runs ---- */

/* Two looks at two files, not one moment: a device that is just starting or ending may show
 * anything between. */
enum sph_device_state sph_launch_state(int device_fd) {
    bool gateway = gateway_runs(device_fd);
    for (const struct sph_backend *backend = sph_backends; backend->name; backend++)
        if (engine_runs(device_fd, backend))
            return gateway ? SPH_DEVICE_RUNNING : SPH_DEVICE_AGENT_ONLY;
    return gateway ? SPH_DEVICE_GATEWAY_ONLY : SPH_DEVICE_STOPPED;
}

const char *sph_device_state_name(enum sph_device_state state) {
    static const char *const names[] = {"stopped", "running", "agent only", "gateway only"};
    return names[state];
}

/* Polled, since flock cannot wait with a limit; a start or stop takes some tenths of a second. */
int sph_launch_lock(int device_fd, struct sph_err *err) {
    sph_autoclose int fd = openat(device_fd, "lock", O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open the device's lock");
    uint64_t end = sph_clock_monotonic_ms() + LOCK_TIMEOUT_MS;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return SPH_FAIL_ERRNO(err, -errno, "cannot lock the device");
        if (sph_clock_monotonic_ms() >= end)
            return SPH_FAIL(err, -EBUSY,
                            "another command has been starting or stopping this device for %d s",
                            LOCK_TIMEOUT_MS / 1000);
        (void)usleep(LOCK_STEP_US);
    }
    return SPH_STEAL_FD(fd);
}

/* By device.json, and against what runs of another kind: both at once would share one folder. */
static int find_backend(int device_fd, const struct sph_backend **ret_backend,
                        struct sph_err *err) {
    struct sph_device_config config;
    int r = sph_device_config_read(device_fd, &config, err);
    if (r < 0)
        return r;
    *ret_backend = NULL;
    for (const struct sph_backend *backend = sph_backends; backend->name; backend++) {
        if (strcmp(backend->name, config.backend) == 0)
            *ret_backend = backend;
        else if (engine_runs(device_fd, backend))
            return SPH_FAIL(err, -EBUSY,
                            "the %s of this device runs, though its device.json has the backend "
                            "'%s': stop it first",
                            backend->engine, config.backend);
    }
    if (*ret_backend)
        return 0;
    return SPH_FAIL(err, -EBADMSG,
                    "device.json: there is no backend '%s'; use \"" SPH_BACKEND_NATIVE
                    "\" or \"" SPH_BACKEND_VIRTUAL "\"",
                    config.backend);
}

/* The agent does it, since only it knows the names of its groups, and with --sweep it does nothing
 * else. A machine leaves nothing outside of its folder. */
int sph_launch_sweep(int device_fd, struct sph_err *err) {
    const struct sph_backend *backend;
    if (find_backend(device_fd, &backend, NULL) == 0 && !backend->leaves_groups)
        return 0;
    return sph_launch_program(device_fd, &sweep_program, err);
}

/* A start that fails half-way leaves what was there before it. */
int sph_launch_start(int device_fd, const char *name, bool *ret_started, struct sph_err *err) {
    const struct sph_backend *backend;
    bool started = false;
    enum sph_device_state before = sph_launch_state(device_fd);
    int r = find_backend(device_fd, &backend, err);
    for (size_t i = 0; r == 0 && i < SPH_ARRAY_SIZE(backend->steps); i++)
        r = backend->steps[i](device_fd, name, &started, err);
    if (r < 0)
        sph_launch_take_back(device_fd, name, before);
    else if (ret_started)
        *ret_started = started;
    return r;
}
