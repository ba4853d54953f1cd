/* A device exists once its device.json does: the folder alone, left by an interrupted command,
 * counts as nothing and is used again.
 *
 * Three things make a device usable, in this order: the folder with its owner, the two programs,
 * and the trust in the development key. Each is found done or made good by the next "device
 * start", so a command that dies anywhere in between needs no repair tool. Everything happens
 * under the device's lock; commands of different devices do not wait for each other. */
#include "cli/device_make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/development_key.h"
#include "cli/device/home.h"
#include "cli/device/interrupt.h"
#include "cli/device/launch.h"

/* Its presence says that the development key has been given to the device once: a signer that a
 * person removed later is not put back. */
#define TRUSTED_MARK "development-trusted"

enum {
    CONNECT_TIMEOUT_MS = 10000, /* the gateway tries again every second at the latest */
    MACHINE_TIMEOUT_MS = 60000, /* a machine starts within a second, on a busy host within some */
    CONNECT_STEP_MS = 5,
};

/* The lock is held while device.json is written, so that of two creators one is told. */
int sph_device_make(int home_fd, const struct sph_device_config *config, struct sph_err *err) {
    char path[80];
    if (!sph_name_is_valid(config->name))
        return sph_home_open_device(home_fd, config->name, err);
    (void)snprintf(path, sizeof(path), "devices/%s", config->name);
    int r = sph_dir_make(home_fd, path, 0755, err);
    if (r < 0)
        return r;
    sph_autoclose int fd = sph_dir_open(home_fd, path, err);
    if (fd < 0)
        return fd;
    sph_autoclose int lock = sph_launch_lock(fd, err);
    if (lock < 0)
        return lock;
    if (faccessat(fd, "device.json", F_OK, 0) == 0)
        return SPH_FAIL(err, -EEXIST, "there is a device '%s' already", config->name);
    if (geteuid() == 0 && fchown(fd, sph_home_owner(), sph_home_owner_gid()) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot give device '%s' to its owner", config->name);
    r = sph_device_config_write(fd, config, err);
    return r < 0 ? r : SPH_STEAL_FD(fd);
}

/* The mark comes after the device has taken the key: a failure in between is made good next time.
 */
static int trust_development_key(struct sph_target *target, struct sph_err *err) {
    struct sph_signer signer;
    if (faccessat(target->device_fd, TRUSTED_MARK, F_OK, 0) == 0)
        return 0;
    int r = sph_development_key_open(target->home_fd, &signer, err);
    if (r < 0)
        return r;
    r = sph_target_trust(target, &signer.identity, err);
    sph_signer_done(&signer);
    if (r < 0)
        return r;
    return sph_file_replace(target->device_fd, TRUSTED_MARK, "", 0, 0644, err);
}

/* One look. *ret_limit_ms is how long it may take in all. 1 when they have found each other, 0 when
 * not yet; -EHOSTDOWN when there is nothing to wait for: a virtual device's machine has ended. */
static int look_for_agent(struct sph_target *target, uint64_t *ret_limit_ms, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(64 << 10);
    struct sph_json_value top, machine;
    char message[256];
    const struct sph_rest_request request = {.method = "GET",
                                             .path = "/spherule/v1/gateway",
                                             .timeout_ms = CONNECT_TIMEOUT_MS,
                                             .cancel = sph_interrupt_flag()};
    int r = sph_rest_call(target->rest, &request, &text, err);
    if (r < 0)
        return r;
    if (sph_json_check(text.data ? text.data : "", text.len, &top, NULL) < 0)
        return SPH_FAIL(err, -EPROTO, "the gateway of device '%s' gave an answer that is not JSON",
                        target->name);
    if (sph_answer_bool(&top, "connected"))
        return 1;
    bool is_virtual = sph_json_get(&top, "machineRuns", &machine);
    *ret_limit_ms = is_virtual ? MACHINE_TIMEOUT_MS : CONNECT_TIMEOUT_MS;
    if (!is_virtual || sph_answer_bool(&top, "machineRuns"))
        return 0;
    sph_answer_text(&top, "message", message, sizeof(message));
    if (*message)
        return SPH_FAIL(err, -EHOSTDOWN, "%s", message);
    return SPH_FAIL(err, -EHOSTDOWN,
                    "the machine of device '%s' ended while it started; see console.log and "
                    "machine.log in its folder",
                    target->name);
}

/* The gateway is ready when it listens; only then does it look for the agent. */
static int await_agent(struct sph_target *target, struct sph_err *err) {
    uint64_t begin = sph_clock_monotonic_ms();
    uint64_t limit_ms = CONNECT_TIMEOUT_MS;
    while (sph_clock_monotonic_ms() - begin < limit_ms) {
        int r = look_for_agent(target, &limit_ms, err);
        if (sph_interrupt_signal())
            return SPH_FAIL(err, -ECANCELED, "interrupted");
        if (r != 0)
            return r < 0 ? r : 0;
        (void)usleep(CONNECT_STEP_MS * 1000);
    }
    return SPH_FAIL(err, -EHOSTDOWN, "the gateway of device '%s' does not find its agent",
                    target->name);
}

/* Waiting and trusting belong under the lock: who comes second finds a device that answers. Signals
 * are caught only with the lock: until then there is nothing to take back. A device that does not
 * take the key stays: it runs, and says why. */
int sph_device_start(struct sph_target *target, bool *ret_started, struct sph_err *err) {
    sph_autoclose int lock = sph_launch_lock(target->device_fd, err);
    if (lock < 0)
        return lock;
    if (faccessat(target->device_fd, "device.json", F_OK, 0) < 0) /* deleted while we waited */
        return SPH_FAIL(err, -ENOENT, "device '%s' has just been deleted", target->name);
    sph_interrupt_catch();
    enum sph_device_state before = sph_launch_state(target->device_fd);
    int r = sph_launch_start(target->device_fd, target->name, ret_started, err);
    if (r < 0)
        return r;
    r = await_agent(target, err);
    if (r == -EHOSTDOWN && before == SPH_DEVICE_RUNNING) { /* it was just about to end */
        r = sph_launch_start(target->device_fd, target->name, ret_started, err);
        if (r == 0)
            r = await_agent(target, err);
    }
    if (r == 0)
        return trust_development_key(target, err);
    sph_launch_take_back(target->device_fd, target->name, before);
    return r;
}

/* Below state/ everything is root's. */
static int remove_state_as_root(const struct sph_target *target, struct sph_err *err) {
    char link[40];
    char path[4096];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", target->device_fd);
    ssize_t len = readlink(link, path, sizeof(path) - sizeof("/state"));
    if (len < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot find the folder of device '%s'", target->name);
    (void)snprintf(path + len, sizeof(path) - (size_t)len, "/state");
    pid_t pid = fork();
    if (pid == 0) {
        (void)execlp("sudo", "sudo", "-n", "rm", "-rf", "--", path, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    if (pid > 0)
        (void)waitpid(pid, &status, 0);
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return SPH_FAIL(err, -EPERM,
                    "what is on device '%s' belongs to root: run 'sudo spherule device delete %s'",
                    target->name, target->name);
}

int sph_device_remove(struct sph_target *target, struct sph_err *err) {
    int r = 0;
    char path[80];
    /* an agent that ends in good order takes its socket and all else away */
    if (faccessat(target->device_fd, "agent.sock", F_OK, 0) == 0)
        (void)sph_launch_sweep(target->device_fd, NULL); /* ignoring: a group without processes */
    if (geteuid() != 0 && faccessat(target->device_fd, "state", F_OK, 0) == 0)
        r = remove_state_as_root(target, err);
    /* device.json goes first, so that what an interruption leaves is no device any more */
    if (r == 0 && unlinkat(target->device_fd, "device.json", 0) < 0 && errno != ENOENT)
        r = SPH_FAIL_ERRNO(err, -errno, "cannot remove device '%s'", target->name);
    (void)snprintf(path, sizeof(path), "devices/%s", target->name);
    return r < 0 ? r : sph_tree_remove(target->home_fd, path, err);
}
