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
#include "base/file.h"
#include "base/json_out.h"
#include "base/text.h"
#include "cli/development_key.h"
#include "cli/home.h"
#include "cli/launch.h"

/* Its presence says that the development key has been given to the device once: a signer that a
 * person removed later is not put back. */
#define TRUSTED_MARK "development-trusted"

enum {
    CONNECT_TIMEOUT_MS = 10000, /* the gateway tries again every second at the latest */
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

/* The gateway is ready when it listens; only then does it look for the agent. */
static int await_agent(struct sph_target *target, struct sph_err *err) {
    for (int waited_ms = 0; waited_ms < CONNECT_TIMEOUT_MS; waited_ms += CONNECT_STEP_MS) {
        sph_autobuf struct sph_buf text = SPH_BUF_NULL;
        struct sph_json_value top;
        int r = sph_target_ask(target, "GET", "/spherule/v1/gateway", NULL, &text, &top, err);
        if (r < 0)
            return r;
        if (sph_answer_bool(&top, "connected"))
            return 0;
        (void)usleep(CONNECT_STEP_MS * 1000);
    }
    return SPH_FAIL(err, -EHOSTDOWN, "the gateway of device '%s' does not find its agent",
                    target->name);
}

/* Waiting and trusting belong under the lock: who comes second finds a device that answers. */
int sph_device_start(struct sph_target *target, bool *ret_started, struct sph_err *err) {
    sph_autoclose int lock = sph_launch_lock(target->device_fd, err);
    if (lock < 0)
        return lock;
    if (faccessat(target->device_fd, "device.json", F_OK, 0) < 0) /* deleted while we waited */
        return SPH_FAIL(err, -ENOENT, "device '%s' has just been deleted", target->name);
    int r = sph_launch_start(target->device_fd, target->name, ret_started, err);
    if (r == 0)
        r = await_agent(target, err);
    return r < 0 ? r : trust_development_key(target, err);
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
