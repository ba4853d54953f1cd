/* One folder per component, so that deleting an app is removing one folder. The quota is not kept
 * here: medium.c stands between the app and its file. */
#include "agent/storage/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

struct sph_storage {
    int fd; /* state/storage */
};

enum { PATH_SIZE = SPH_GUID_TEXT + sizeof("/mutable") }; /* and "/wear" */

/* The file has a folder of its own, so that deleting the app cannot leave a part of its storage. */
static const char *mutable_path(const struct sph_guid *component, char ret_path[PATH_SIZE]) {
    char text[SPH_GUID_TEXT];
    (void)snprintf(ret_path, PATH_SIZE, "%s/mutable", sph_guid_format(component, text));
    return ret_path;
}

int sph_storage_new(int state_fd, struct sph_storage **ret_storage, struct sph_err *err) {
    int code = sph_dir_make(state_fd, "storage", 0700, err);
    if (code < 0)
        return code;
    sph_autoclose int fd = sph_dir_open(state_fd, "storage", err);
    if (fd < 0)
        return fd;
    struct sph_storage *storage = malloc(sizeof(*storage));
    if (!storage)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the mutable storage");
    storage->fd = SPH_STEAL_FD(fd);
    *ret_storage = storage;
    return 0;
}

struct sph_storage *sph_storage_free(struct sph_storage *storage) {
    if (storage) {
        (void)close(storage->fd);
        free(storage);
    }
    return NULL;
}

int sph_storage_fd(const struct sph_storage *storage) {
    return storage->fd;
}

/* Opened by root: the app needs no path to it. It is the app's user's all the same, who gets this
 * very file where the medium is not served; set each time, since the folder may have been moved to
 * a place with another hash. */
int sph_storage_open(struct sph_storage *storage, const struct sph_guid *component, uid_t uid,
                     struct sph_err *err) {
    char path[PATH_SIZE], folder[SPH_GUID_TEXT];
    sph_guid_format(component, folder);
    int code = sph_dir_make(storage->fd, folder, 0700, err);
    if (code < 0)
        return code;
    sph_autoclose int fd = openat(storage->fd, mutable_path(component, path),
                                  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open the mutable storage of %s", folder);
    /* Only when it differs: fchown() would clear nothing, but it is a write to the disk. */
    struct stat info;
    if (fstat(fd, &info) < 0 || (info.st_uid != uid && fchown(fd, uid, uid) < 0))
        return SPH_FAIL_ERRNO(err, -errno, "cannot give the mutable storage of %s to its user",
                              folder);
    return SPH_STEAL_FD(fd);
}

/* An app that still has the file open keeps writing to a file that has no name: as on the device,
 * its own affair. */
int sph_storage_delete(struct sph_storage *storage, const struct sph_guid *component,
                       struct sph_err *err) {
    char path[PATH_SIZE], folder[SPH_GUID_TEXT];
    if (unlinkat(storage->fd, mutable_path(component, path), 0) == 0)
        return 0;
    if (errno == ENOENT)
        return SPH_FAIL(err, -ENOENT, "%s has no mutable file", sph_guid_format(component, folder));
    return SPH_FAIL_ERRNO(err, -errno, "cannot delete the mutable file of %s",
                          sph_guid_format(component, folder));
}

int sph_storage_open_wear(struct sph_storage *storage, const struct sph_guid *component, bool make,
                          struct sph_err *err) {
    char path[PATH_SIZE], folder[SPH_GUID_TEXT];
    sph_guid_format(component, folder);
    int code = make ? sph_dir_make(storage->fd, folder, 0700, err) : 0;
    if (code < 0)
        return code;
    (void)snprintf(path, sizeof(path), "%s/wear", folder);
    int fd =
        openat(storage->fd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (make ? O_CREAT : 0), 0600);
    if (fd >= 0)
        return fd;
    if (errno == ENOENT)
        return SPH_FAIL(err, -ENOENT, "%s has written nothing to its storage", folder);
    return SPH_FAIL_ERRNO(err, -errno, "cannot open the wear of the storage of %s", folder);
}

/* The size, not the blocks: what the app's quota counts. */
int sph_storage_usage(struct sph_storage *storage, const struct sph_guid *component,
                      uint64_t *ret_bytes, struct sph_err *err) {
    char path[PATH_SIZE], folder[SPH_GUID_TEXT];
    struct stat info;
    if (fstatat(storage->fd, mutable_path(component, path), &info, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            return SPH_FAIL_ERRNO(err, -errno, "cannot measure the mutable file of %s",
                                  sph_guid_format(component, folder));
        info.st_size = 0;
    }
    *ret_bytes = (uint64_t)info.st_size;
    return 0;
}

/* The whole folder, when the app is deleted. What is not there is forgotten already. */
int sph_storage_forget(struct sph_storage *storage, const struct sph_guid *component,
                       struct sph_err *err) {
    char folder[SPH_GUID_TEXT];
    return sph_tree_remove(storage->fd, sph_guid_format(component, folder), err);
}
