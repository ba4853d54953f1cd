/* Everything hangs off one folder descriptor: paths are walked once, so that a renamed parent or
 * a path longer than a socket's name cannot hurt.
 *
 * $SPHERULE_HOME holds for everybody. Without it root and users have different folders, and sudo
 * makes the difference visible: "sudo spherule" works in root's folder unless the variable is
 * passed on. Reading SUDO_USER's folder instead was rejected: root would then follow links that
 * a user laid. The owner of a device is a question of its own: the ids that sudo names, or
 * nobody. */
#include "cli/device/home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

enum { NOBODY = 65534 }; /* the kernel's overflow id: whom a device of plain root belongs to */

/* 0 in the variable is root calling sudo, and UINT32_MAX is "no id" to chown: both mean nobody. */
static uint64_t sudo_id(const char *variable) {
    const char *text = getenv(variable);
    uint64_t id;
    if (!text || sph_text_to_u64(text, UINT32_MAX - 1, &id) < 0 || id == 0)
        return NOBODY;
    return id;
}

/* The effective id, since that is whose rights the agent checks at its socket (SO_PEERCRED). */
uid_t sph_home_owner(void) {
    return geteuid() == 0 ? (uid_t)sudo_id("SUDO_UID") : geteuid();
}

gid_t sph_home_owner_gid(void) {
    return geteuid() == 0 ? (gid_t)sudo_id("SUDO_GID") : getegid();
}

/* The variable holds for everybody, root included: a test's devices never mix with real ones. */
int sph_home_path(char *ret_path, size_t size, struct sph_err *err) {
    const char *set = getenv("SPHERULE_HOME");
    const char *data = getenv("XDG_DATA_HOME");
    const char *user = getenv("HOME");
    int len;
    if (set && *set)
        len = snprintf(ret_path, size, "%s", set);
    else if (geteuid() == 0)
        len = snprintf(ret_path, size, "/var/lib/spherule");
    else if (data && *data == '/')
        len = snprintf(ret_path, size, "%s/spherule", data);
    else if (user && *user == '/')
        len = snprintf(ret_path, size, "%s/.local/share/spherule", user);
    else
        return SPH_FAIL(err, -EIO, "neither SPHERULE_HOME nor HOME says where to keep devices");
    if (len < 0 || (size_t)len >= size)
        return SPH_FAIL(err, -EIO, "the path of Spherule's folder is too long");
    return 0;
}

#define NO_DEVICE "there is no device; make one with 'spherule device create'"

/* What is between the home and its devices ("devices/") is made with the first device. */
int sph_home_open(bool make, struct sph_err *err) {
    char path[4096];
    int r = sph_home_path(path, sizeof(path), err);
    if (r < 0)
        return r;
    r = make ? sph_dir_make(AT_FDCWD, path, 0755, err) : 0;
    if (r < 0) {
        sph_err_prefix(err, "cannot make Spherule's folder");
        return r;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return SPH_FAIL(err, -ENOENT, NO_DEVICE);
    return fd >= 0 ? fd : SPH_FAIL_ERRNO(err, -errno, "cannot open %s", path);
}

/* A folder without device.json is left over from an interrupted command: no device. */
int sph_home_open_device(int home_fd, const char *name, struct sph_err *err) {
    if (!sph_name_is_valid(name))
        return SPH_FAIL(err, -EINVAL,
                        "'%s' is no name for a device: use 1 to 32 letters, digits, '.', '_' and "
                        "'-', beginning with a letter or digit",
                        name);
    char path[80];
    (void)snprintf(path, sizeof(path), "devices/%s", name);
    sph_autoclose int fd = openat(home_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && faccessat(fd, "device.json", F_OK, 0) == 0)
        return SPH_STEAL_FD(fd);
    if (errno == ENOENT)
        return SPH_FAIL(err, -ENOENT,
                        "there is no device '%s'; make it with 'spherule device create %s'", name,
                        name);
    return SPH_FAIL_ERRNO(err, -errno, "cannot open device '%s'", name);
}

/* By bytes, not by locale: scripts compare the list with another machine's. */
static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void sph_home_free_names(char **names, unsigned count) {
    for (unsigned i = 0; names && i < count; i++)
        free(names[i]);
    free(names);
}

/* Adds a name; false when memory is out. */
static bool add_name(char ***names, unsigned *count, const char *name) {
    char **grown = reallocarray(*names, *count + 1, sizeof(*grown));
    if (!grown)
        return false;
    *names = grown;
    grown[*count] = strdup(name);
    if (!grown[*count])
        return false;
    (*count)++;
    return true;
}

/* Names that `device create` would refuse are passed over, whatever they are, and so are links: a
 * device is opened without following one. */
static bool is_device(int devices_fd, const char *name) {
    if (!sph_name_is_valid(name))
        return false;
    sph_autoclose int device_fd =
        openat(devices_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return device_fd >= 0 && faccessat(device_fd, "device.json", F_OK, 0) == 0;
}

/* The list is a moment's: devices come and go meanwhile, and every caller opens by name again. */
int sph_home_list_devices(int home_fd, char ***ret_names, unsigned *ret_count,
                          struct sph_err *err) {
    *ret_names = NULL;
    *ret_count = 0;
    int fd = openat(home_fd, "devices", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : SPH_FAIL_ERRNO(err, -errno, "cannot list the devices");
    sph_autoclosedir DIR *dir = fdopendir(fd);
    if (!dir) {
        (void)close(fd);
        return SPH_FAIL_ERRNO(err, -ENOMEM, "cannot list the devices");
    }
    char **names = NULL;
    unsigned count = 0;
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        if (is_device(dirfd(dir), entry->d_name) && !add_name(&names, &count, entry->d_name)) {
            sph_home_free_names(names, count);
            return SPH_FAIL_ERRNO(err, -ENOMEM, "cannot list the devices");
        }
    }
    if (names)
        qsort(names, count, sizeof(*names), compare_names);
    *ret_names = names;
    *ret_count = count;
    return 0;
}

/* Never the first of several: what a command deletes must not depend on the alphabet. */
static int pick_from_list(char **names, unsigned count, const char **ret_name,
                          struct sph_err *err) {
    if (count == 0)
        return SPH_FAIL(err, -ENOENT, NO_DEVICE);
    for (unsigned i = 0; i < count; i++) {
        if (count == 1 || strcmp(names[i], "default") == 0) {
            *ret_name = names[i];
            return 0;
        }
    }
    char list[160] = "";
    for (unsigned i = 0; i < count; i++) {
        size_t len = strlen(list);
        size_t room = sizeof(list) - len - sizeof(", ...");
        if (strlen(names[i]) + 2 > room) { /* half a name would be another device's */
            (void)snprintf(list + len, sizeof(list) - len, ", ...");
            break;
        }
        (void)snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "", names[i]);
    }
    return SPH_FAIL(err, -EINVAL, "there are several devices (%s): say which one with --device",
                    list);
}

/* A name that was given is not looked up here: that it is not there is the opening's to say, with a
 * hint at making it. */
int sph_home_pick_device(int home_fd, const char *given, char ret_name[SPH_DEVICE_NAME_MAX],
                         struct sph_err *err) {
    const char *variable = getenv("SPHERULE_DEVICE");
    const char *name = given ? given : variable && *variable ? variable : NULL;
    char **names = NULL;
    unsigned count = 0;
    int r = 0;
    if (!name) {
        r = sph_home_list_devices(home_fd, &names, &count, err);
        if (r == 0)
            r = pick_from_list(names, count, &name, err);
    }
    if (r == 0 && !sph_name_is_valid(name))
        r = SPH_FAIL(err, -EINVAL, "'%s' is no name for a device", name);
    if (r == 0)
        (void)snprintf(ret_name, SPH_DEVICE_NAME_MAX, "%s", name);
    sph_home_free_names(names, count);
    return r;
}
