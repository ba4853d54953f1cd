/* spherule-agent: the device's privileged half. One thread, one loop; everything that takes time is
 * a callback. What is on disk is the only state that outlives the process, so a start after
 * SIGKILL, a start after SIGTERM and a restart are the same thing. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/app/lifecycle.h"
#include "agent/device/device.h"
#include "agent/device/events.h"
#include "agent/device/footprint.h"
#include "agent/device/gpio.h"
#include "agent/install/device_state.h"
#include "agent/machine/machine.h"
#include "agent/machine/options.h"
#include "agent/requests/handle.h"
#include "agent/requests/server.h"
#include "agent/storage/medium.h"
#include "agent/store/registry.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"

enum {
    LOG_RING_BYTES = 32 * 1024,   /* about 400 lines */
    EVENT_RING_BYTES = 16 * 1024, /* about 150 events: what a gateway misses while it restarts */
    FILE_LIMIT = 4096,            /* descriptors: some ten per app */
    END_RESTART = 1,              /* status of the loop: start anew */
    /* A killed agent's descriptors are closed within some 30 ms (seen with 6.18); a machine under
     * load gets thirty times that. */
    LOCK_TIMEOUT_MS = 1000,
    LOCK_STEP_US = 2000,
};

/* `device` stays the first member: its end callback finds the agent by its address. */
struct agent {
    struct sph_device device;
    struct sph_options options;
    int pid_fd; /* agent.pid, locked as long as we live */
    bool is_ending;
    bool restart;
    struct sph_watch *on_term, *on_int;
};

/* What the device's own log gets, the operator gets too. */
static void note_to_stderr(const char *text) {
    sph_log(SPH_LOG_NOTICE, "%s", text);
}

/* "ok" or a sentence to whoever started us; once. */
static void tell_ready(struct sph_options *options, const char *text) {
    if (options->ready_fd < 0)
        return;
    char line[400];
    int len = snprintf(line, sizeof(line), "%s\n", text);
    (void)sph_fd_write_full(options->ready_fd, line, (size_t)len);
    (void)close(options->ready_fd);
    options->ready_fd = -1;
}

/* A killed agent's children hold its lock for the moments that they take to die. */
static int take_lock(int fd, struct sph_err *err) {
    uint64_t end = sph_clock_monotonic_ms() + LOCK_TIMEOUT_MS;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return SPH_FAIL_ERRNO(err, -errno, "cannot lock agent.pid");
        if (sph_clock_monotonic_ms() >= end)
            return SPH_FAIL(err, -EALREADY, "an agent runs for this device already");
        (void)usleep(LOCK_STEP_US);
    }
    return 0;
}

/* The folder belongs to the user: a name in it may be a link or someone else's file by now. */
static int lock_pid_file(struct agent *agent, struct sph_err *err) {
    struct stat info;
    char text[16];
    sph_autoclose int fd = openat(agent->device.dir_fd, "agent.pid",
                                  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    /* The checks come before the truncation: a hard link to a file of root's would be emptied by
     * it. */
    if (fd < 0 || fstat(fd, &info) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open agent.pid");
    if (!S_ISREG(info.st_mode) || info.st_nlink != 1)
        return SPH_FAIL(err, -EINVAL, "agent.pid is not a plain file of its own: remove it");
    int code = take_lock(fd, err);
    if (code < 0)
        return code;
    /* For people and scripts. Who wants to know whether an agent runs tries the lock. */
    int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return SPH_FAIL_ERRNO(err, -errno, "cannot write agent.pid");
    agent->pid_fd = SPH_STEAL_FD(fd);
    return 0;
}

/* Not only for secrecy: installed packages run with what their manifest says, so whoever can write
 * here decides what every app may do. */
static int open_state(struct sph_device *device, struct sph_err *err) {
    struct stat info;
    int code = sph_dir_make(device->dir_fd, "state", 0700, err);
    if (code < 0)
        return code;
    device->state_fd = sph_dir_open(device->dir_fd, "state", err);
    if (device->state_fd < 0)
        return device->state_fd;
    if (fstat(device->state_fd, &info) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot look at the device's state folder");
    if (info.st_uid != geteuid() || (info.st_mode & 077))
        return SPH_FAIL(err, -EPERM,
                        "the device's state folder is not root's alone: it cannot be relied on");
    return 0;
}

/* The lock before anything is changed: two agents would each undo what the other has begun. */
static int open_device(struct agent *agent, struct sph_err *err) {
    struct sph_device *device = &agent->device;
    device->dir_fd = open(agent->options.device_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (device->dir_fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open the device's folder %s",
                              agent->options.device_dir);
    int code = sph_device_read(device->dir_fd, device, err);
    if (code < 0)
        return code;
    if (device->is_virtual != agent->options.machine)
        return SPH_FAIL(
            err, -EINVAL,
            device->is_virtual
                ? "device.json: backend is \"virtual\": such a device runs in a machine "
                  "of its own, which spheruled starts"
                : "device.json: backend is not \"virtual\": this machine cannot be it");
    if (device->profile.page_bytes != (uint64_t)sysconf(_SC_PAGESIZE))
        return SPH_FAIL(err, -ENOTSUP,
                        "the device has pages of %llu bytes, this computer of %ld: only a virtual "
                        "device can be exact there",
                        (unsigned long long)device->profile.page_bytes, sysconf(_SC_PAGESIZE));
    if ((code = lock_pid_file(agent, err)) < 0 || (code = sph_device_identify(device, err)) < 0)
        return code;
    return open_state(device, err);
}

/* The event leaves with the connections, when the server is freed. */
static void on_all_stopped(void *context) {
    struct agent *agent = context;
    struct sph_msg_event event = {.kind = SPH_EVENT_AGENT_STOPPING};
    sph_events_publish(agent->device.events, &event);
    sph_loop_stop(agent->device.loop, agent->restart ? END_RESTART : 0);
}

/* Asked for twice, the first one holds: a restart is not turned into an end half-way. */
static void end_device(struct sph_device *device, bool restart) {
    struct agent *agent = (struct agent *)(void *)device; /* its first member */
    struct sph_err err = SPH_ERR_NULL;
    if (agent->is_ending)
        return;
    agent->is_ending = true;
    agent->restart = restart;
    sph_device_note(device, NULL, restart ? "restarting" : "stopping");
    if (sph_lifecycle_stop_all(device->lifecycle, on_all_stopped, agent, &err) < 0) {
        sph_log(SPH_LOG_ERROR, "apps are ended by force: %s", err.text);
        on_all_stopped(agent);
    }
}

/* SIGTERM and SIGINT alike: the apps get their grace time, then the loop ends. */
static void on_signal(void *context, int signal_number) {
    struct agent *agent = context;
    (void)signal_number;
    end_device(&agent->device, false);
}

/* Signals are blocked from here on and come as events: no handler ever interrupts a disk change. */
static int start_loop(struct agent *agent, struct sph_err *err) {
    struct sph_device *device = &agent->device;
    int code = sph_loop_new(&device->loop, err);
    if (code == 0)
        code = sph_loop_add_signal(device->loop, SIGTERM, on_signal, agent, &agent->on_term, err);
    if (code == 0)
        code = sph_loop_add_signal(device->loop, SIGINT, on_signal, agent, &agent->on_int, err);
    return code;
}

/* A virtual device has one client at a time, which is at the other end of its serial port. */
static int start_server(struct agent *agent, struct sph_err *err) {
    struct sph_device *device = &agent->device;
    bool machine = agent->options.machine;
    int code = sph_server_new(device, machine ? NULL : "agent.sock", &device->server, err);
    if (code < 0 || !machine)
        return code;
    int port = sph_machine_open_port(err);
    return port < 0 ? port : sph_server_add_port(device->server, port, agent->options.again, err);
}

/* Apps can be started when this is over, clients can connect when it is over, and not before. */
static int start_device(struct agent *agent, struct sph_err *err) {
    struct sph_device *device = &agent->device;
    device->started_ms = sph_clock_monotonic_ms();
    device->owner = agent->options.owner;
    device->end = end_device;
    device->noted = note_to_stderr;
    device->end_log_waits = sph_log_waits_end;
    int code = open_device(agent, err);
    if (code == 0)
        code = sph_device_load_state(
            device, &(struct sph_device_rings){LOG_RING_BYTES, EVENT_RING_BYTES}, err);
    if (code == 0)
        code = sph_guid_random(&device->boot_id);
    if (code == 0)
        code = start_loop(agent, err);
    if (code == 0)
        code = sph_gpio_new(device, &device->gpio, err);
    if (code == 0)
        code = sph_lifecycle_new(device, &device->lifecycle, err);
    if (code == 0)
        code = start_server(agent, err);
    if (code == 0)
        code = sph_footprint_new(device, &device->footprint, err);
    return code;
}

/* Once per start: they stay until the component is installed again. */
static void report_problems(const struct sph_device *device) {
    const char *line = sph_registry_problems(device->registry);
    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        sph_log(SPH_LOG_WARNING, "an installed package is passed over: %.*s", (int)(end - line),
                line);
}

/* An app that does not start keeps no other from it. */
static void start_apps(struct sph_device *device) {
    for (size_t i = 0; i < sph_registry_count(device->registry); i++) {
        const struct sph_installed_app *app = sph_registry_at(device->registry, i);
        struct sph_start_request request = {.component = app->component};
        struct sph_err err = SPH_ERR_NULL;
        if (app->manual || app->is_debugger)
            continue;
        if (sph_lifecycle_start(device->lifecycle, &request, &err) < 0)
            sph_device_note(device, &app->component, "does not start: %s app=%s", err.text,
                            app->name);
    }
}

/* In reverse order of making; every part takes NULL. */
static void stop_device(struct agent *agent) {
    struct sph_device *device = &agent->device;
    sph_log_waits_end(device);
    device->server = sph_server_free(device->server);
    device->lifecycle = sph_lifecycle_free(device->lifecycle);
    device->gpio = sph_gpio_free(device->gpio);
    device->medium = sph_medium_free(device->medium); /* its watch is the loop's */
    device->footprint = sph_footprint_free(device->footprint);
    sph_loop_remove(agent->on_int);
    sph_loop_remove(agent->on_term);
    device->loop = sph_loop_free(device->loop);
    sph_device_unload_state(device);
    if (device->dir_fd >= 0 && agent->pid_fd >= 0) /* only the lock's holder has made it */
        /* A client that tries now is told at once that nobody is there. */
        (void)unlinkat(device->dir_fd, "agent.sock", 0);
}

/* Modes are given exactly where they matter; SIGPIPE would turn a lost client into the agent's end.
 */
static void prepare_process(void) {
    (void)prctl(PR_SET_NAME, "spherule-agent"); /* "exe" after a start anew by /proc/self/exe */
    (void)umask(022);
    (void)signal(SIGPIPE, SIG_IGN);
    struct rlimit files = {.rlim_cur = FILE_LIMIT, .rlim_max = FILE_LIMIT};
    (void)setrlimit(RLIMIT_NOFILE, &files); /* ignoring: the inherited limit is mostly enough */
}

/* Stopping is the same whether the start failed half-way or the loop has ended. */
static int run(struct agent *agent, struct sph_err *err) {
    int code = start_device(agent, err);
    if (code == 0 && !agent->options.sweep) {
        report_problems(&agent->device);
        sph_device_note(&agent->device, NULL, "started device=%s apps=%zu", agent->device.name,
                        sph_registry_count(agent->device.registry));
        start_apps(&agent->device);
        tell_ready(&agent->options, "ok");
        code = sph_loop_run(agent->device.loop, err);
    }
    stop_device(agent);
    if (code == 0 && agent->options.sweep)
        tell_ready(&agent->options,
                   "ok"); /* the start has found the remains, the end removed them */
    return code;
}

/* The same program again, with the same arguments but for the descriptor that is closed by now. */
static int start_anew(const struct agent *agent, struct sph_err *err) {
    char owner[16];
    (void)snprintf(owner, sizeof(owner), "%u", (unsigned)agent->options.owner);
    char *native[] = {"spherule-agent", "--device", (char *)(uintptr_t)agent->options.device_dir,
                      "--owner",        owner,      NULL};
    char *machine[] = {"spherule-agent", "--machine-again", NULL};
    /* The loop has blocked its signals; the next program would inherit that. */
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execv("/proc/self/exe", agent->options.machine
                                      ? machine
                                      : native); /* agent.pid is unlocked by the exec, not before */
    return SPH_FAIL_ERRNO(err, -errno, "cannot start the agent anew");
}

int main(int argc, char **argv) {
    struct agent agent = {.device = {.dir_fd = -1, .state_fd = -1}, .pid_fd = -1};
    struct sph_err err = SPH_ERR_NULL;
    sph_log_open("spherule-agent");
    int code = sph_options_parse(argc, argv, &agent.options, &err);
    if (code == SPH_OPTIONS_E_HELP || code == SPH_OPTIONS_E_VERSION) {
        (void)printf("%s", code == SPH_OPTIONS_E_HELP ? SPH_OPTIONS_USAGE
                                                      : "spherule-agent " SPH_VERSION "\n");
        return 0;
    }
    if (code < 0) {
        sph_log(SPH_LOG_ERROR, "%s", err.text);
        return 2;
    }
    if (agent.options.machine && getpid() != 1) {
        sph_log(SPH_LOG_ERROR, "--machine is for the first process of a virtual device alone");
        return 2;
    }
    if (geteuid() != 0)
        code = SPH_FAIL(&err, -EPERM,
                        "metering on this computer itself needs root: a virtual device does not");
    prepare_process();
    if (code == 0 && agent.options.machine && !agent.options.again)
        code = sph_machine_set_up(&err);
    if (code == 0)
        code = run(&agent, &err);
    if (code == END_RESTART)
        code = start_anew(&agent, &err);
    if (code < 0) {
        sph_log(SPH_LOG_ERROR, "%s", err.text);
        tell_ready(&agent.options, err.text);
    }
    if (agent.options.machine)
        sph_machine_end(code < 0 ? &err : NULL);
    if (code < 0)
        return code == -EPERM || code == -ENOTSUP ? 5 : 1;
    return 0;
}
