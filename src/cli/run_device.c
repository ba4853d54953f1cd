/* A throw-away device has a file that its maker holds locked. If the maker dies by SIGKILL the
 * lock goes with it, and the next `spherule run` clears the device away.
 *
 * States of such a device, by its owner's file: none yet (younger than YOUNG_S, or kept), there
 * and locked (in use), there and free (abandoned). Telling by pid was rejected: pids are used
 * again, and a lock cannot be forged by accident. Known limit: a maker that is killed between
 * the folder and its file leaves a device that looks kept; `device delete` removes it. */
#include "cli/run_device.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cli/device/launch.h"
#include "cli/device_make.h"

#define OWNER_FILE "run.lock"
#define NAME_PREFIX "run-"

enum {
    YOUNG_S = 10,          /* a device of this age may not have its lock yet */
    FLASH_UNIT = 1 << 20,  /* flash of a wrapped executable grows in steps of the default */
    FLASH_SPARE = 1 << 16, /* beside its package: other packages there are none */
};

/* Opens the device if its owner is dead: with the lock taken, so that only one clears it away. */
static int open_abandoned(int home_fd, const char *name, struct sph_run_device *device) {
    struct stat st;
    struct sph_run_device found = SPH_RUN_DEVICE_NULL;
    found.target.device_fd = sph_home_open_device(home_fd, name, NULL);
    if (found.target.device_fd < 0)
        return -ENOENT;
    found.lock_fd = openat(found.target.device_fd, OWNER_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool abandoned = found.lock_fd >= 0 && fstat(found.lock_fd, &st) == 0 &&
                     time(NULL) - st.st_mtime >= YOUNG_S &&
                     flock(found.lock_fd, LOCK_EX | LOCK_NB) == 0;
    found.target.home_fd = dup(home_fd);
    (void)snprintf(found.target.name, sizeof(found.target.name), "%s", name);
    if (!abandoned) {
        sph_closep_(&found.lock_fd);
        sph_target_done(&found.target);
        return -EBUSY;
    }
    *device = found;
    return 0;
}

/* Failures are nobody's business here: the run that is asked for does not depend on it. */
static void sweep(const struct sph_cli *cli, int home_fd) {
    char **names;
    unsigned count;
    if (sph_home_list_devices(home_fd, &names, &count, NULL) < 0)
        return;
    for (unsigned i = 0; i < count; i++) {
        struct sph_run_device device = SPH_RUN_DEVICE_NULL;
        if (strncmp(names[i], NAME_PREFIX, strlen(NAME_PREFIX)) != 0 ||
            open_abandoned(home_fd, names[i], &device) < 0)
            continue;
        sph_say_verbose(cli, "Removing device '%s', whose maker is gone.", names[i]);
        (void)sph_run_device_remove(&device, NULL); /* ignoring: the next run tries again */
    }
    sph_home_free_names(names, count);
}

/* The pid in the name is for people; uniqueness comes from the random part. */
static void configure(const struct sph_run_needs *needs, struct sph_device_config *config) {
    uint32_t random = 0; /* the process id tells names apart where there is no randomness */
    char name[SPH_DEVICE_NAME_MAX];
    if (getrandom(&random, sizeof(random), 0) < 0)
        random = 0;
    (void)snprintf(name, sizeof(name), NAME_PREFIX "%d-%08" PRIx32, (int)getpid(), random);
    sph_device_config_default(name, config);
    config->host_libraries = needs->host_libraries;
    if (needs->is_virtual)
        sph_device_config_make_virtual(config);
    if (needs->ram_bytes)
        config->ram_bytes = needs->ram_bytes;
    uint64_t flash = needs->package_bytes + FLASH_SPARE;
    if (needs->is_wrapped && flash > config->flash_bytes)
        config->flash_bytes = (flash + FLASH_UNIT - 1) / FLASH_UNIT * FLASH_UNIT;
}

/* Held until this process ends, however it does: flock goes with its last descriptor. */
static int take_owner_lock(struct sph_run_device *device, struct sph_err *err) {
    device->lock_fd =
        openat(device->target.device_fd, OWNER_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (device->lock_fd < 0 || flock(device->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot lock the device");
    return 0;
}

/* What is half made is removed again by the same function that removes a whole one. */
int sph_run_device_make(const struct sph_cli *cli, const struct sph_run_needs *needs,
                        struct sph_run_device *ret_device, struct sph_err *err) {
    struct sph_run_device device = SPH_RUN_DEVICE_NULL;
    struct sph_device_config config;
    sph_autoclose int home_fd = sph_home_open(true, err);
    if (home_fd < 0)
        return home_fd;
    sweep(cli, home_fd);
    configure(needs, &config);
    int r = sph_device_config_check_ram("--ram", &config, err);
    if (r < 0)
        return r;
    sph_autoclose int device_fd = sph_device_make(home_fd, &config, err);
    if (device_fd < 0)
        return device_fd;
    r = sph_target_open(cli, config.name, &device.target, err);
    if (r < 0) {
        char path[80]; /* nobody else would: what has no owner's file is taken for a kept device */
        (void)snprintf(path, sizeof(path), "devices/%s", config.name);
        (void)sph_tree_remove(home_fd, path, NULL); /* ignoring: the first failure is the story */
        return r;
    }
    r = take_owner_lock(&device, err);
    if (r == 0)
        r = sph_device_start(&device.target, NULL, err);
    if (r < 0)
        (void)sph_run_device_remove(&device, NULL); /* ignoring: the first failure is the story */
    else
        *ret_device = device;
    return r;
}

int sph_run_device_remove(struct sph_run_device *device, struct sph_err *err) {
    struct sph_target *target = &device->target;
    sph_autoclose int lock = sph_launch_lock(target->device_fd, err);
    int r = lock < 0 ? lock : sph_launch_stop(target->device_fd, target->name, err);
    if (r == 0)
        r = sph_device_remove(target, err);
    sph_target_done(target);
    sph_closep_(&device->lock_fd);
    device->lock_fd = -1;
    return r;
}

/* Without the owner's file nobody will clear it away. */
void sph_run_device_keep(struct sph_run_device *device) {
    (void)unlinkat(device->target.device_fd, OWNER_FILE, 0);
    sph_target_done(&device->target);
    sph_closep_(&device->lock_fd);
    device->lock_fd = -1;
}
