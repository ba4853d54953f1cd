/* A package is unpacked beside its place and then takes it in one rename; where an older version
 * stands, the two folders are exchanged (RENAME_EXCHANGE) and the older one is removed from the
 * side. Links to a current version were rejected: every user of the folder would have to follow
 * them. */
#include "agent/install/install.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/device/device.h"
#include "agent/install/stage.h"
#include "agent/install/verify.h"
#include "agent/storage/medium.h"
#include "agent/storage/storage.h"
#include "agent/store/folder.h"
#include "agent/store/mapped_file.h"
#include "agent/store/registry.h"
#include "agent/store/uidmap.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "package/package.h"
#include "package/unpack.h"

/* Names in packages/ that are no component ids: what stands under them is never used. */
#define NEW_PREFIX ".new-"
#define OLD_PREFIX ".old-"
enum { SIDE_NAME = SPH_GUID_TEXT + 8 };

/* Beside its place, on the same file system, since a rename does not leave it. */
static const char *side_name(const char *prefix, const struct sph_guid *component,
                             char ret_name[SIDE_NAME]) {
    char guid[SPH_GUID_TEXT];
    (void)snprintf(ret_name, SIDE_NAME, "%s%s", prefix, sph_guid_format(component, guid));
    return ret_name;
}

/* Made new, never taken over: what stands there was removed before. */
static int make_folder(int dirfd, const char *name, mode_t mode, struct sph_err *err) {
    if (mkdirat(dirfd, name, mode) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot make the folder %s", name);
    sph_autoclose int fd = sph_dir_open(dirfd, name, err);
    if (fd < 0)
        return fd;
    if (fchmod(fd, mode) < 0) /* whatever the umask */
        return SPH_FAIL_ERRNO(err, -errno, "cannot make the folder %s", name);
    return SPH_STEAL_FD(fd);
}

/* sph_fs_unpack() syncs what it writes; the root itself is ours. */
static int unpack_root(int folder, const struct sph_package *package, struct sph_err *err) {
    sph_autoclose int root = make_folder(folder, SPH_PACKAGE_ROOT, 0755, err);
    if (root < 0)
        return root;
    int code = sph_fs_unpack(&package->fs, root, err);
    if (code < 0)
        return code;
    if (fsync(root) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot store the unpacked package");
    return 0;
}

/* The whole folder of a package under its side name: file, unpacked root, start mode; all synced.
 */
static int fill_side(const struct sph_device *device, int packages_fd, const char *side,
                     const struct sph_package *package, bool manual, struct sph_err *err) {
    char guid[SPH_GUID_TEXT];
    sph_guid_format(&package->image.component_id, guid);
    int code = sph_tree_remove(packages_fd, side, err);
    if (code < 0)
        return code;
    sph_autoclose int folder = make_folder(packages_fd, side, 0700, err);
    if (folder < 0)
        return folder;
    /* A link, not a copy: the bytes are on disk and synced, and the staged name is still needed
     * until the package is in its place. */
    if (linkat(sph_stage_folder(device->stage), guid, folder, SPH_PACKAGE_FILE, 0) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot take over the staged package");
    if ((code = unpack_root(folder, package, err)) < 0)
        return code;
    if (manual && (code = sph_file_replace(folder, SPH_PACKAGE_MANUAL, "", 0, 0600, err)) < 0)
        return code;
    if (fsync(folder) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot store the unpacked package");
    return 0;
}

/* The one step. */
static int put_in_place(int packages_fd, const char *side, const char *place, bool is_update,
                        struct sph_err *err) {
    /* RENAME_EXCHANGE since kernel 3.15, on every file system that a device is likely to lie on;
     * where it is missing, updates fail with a sentence and the old version stays. */
    unsigned flags = is_update ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    if (renameat2(packages_fd, side, packages_fd, place, flags) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot put the new package in its place");
    if (fsync(packages_fd) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot make the new package durable");
    return 0;
}

/* Whatever fails on the way, the place was not touched before put_in_place(). */
static int commit(struct sph_device *device, const struct sph_package *package, bool manual,
                  struct sph_err *err) {
    const struct sph_guid *component = &package->image.component_id;
    char side[SIDE_NAME], place[SPH_GUID_TEXT];
    struct stat info;
    side_name(NEW_PREFIX, component, side);
    sph_guid_format(component, place);
    sph_autoclose int packages_fd = sph_dir_open(device->state_fd, SPH_PACKAGES_DIR, err);
    if (packages_fd < 0)
        return packages_fd;
    int code = fill_side(device, packages_fd, side, package, manual, err);
    if (code == 0) {
        bool is_update = fstatat(packages_fd, place, &info, AT_SYMLINK_NOFOLLOW) == 0;
        code = put_in_place(packages_fd, side, place, is_update, err);
    }
    /* Half a new version, or the old one: of no use now, and recovery removes what stays. */
    (void)sph_tree_remove(packages_fd, side, NULL);
    return code;
}

/* `ret_package` points into the file. */
static int open_staged(struct sph_device *device, const struct sph_guid *component,
                       struct sph_mapped_file *ret_file, struct sph_package *ret_package,
                       struct sph_refusal *refusal) {
    char guid[SPH_GUID_TEXT];
    sph_guid_format(component, guid);
    if (sph_mapped_file_open(sph_stage_folder(device->stage), guid, ret_file, &refusal->err) < 0)
        return sph_refuse_as(refusal, SPH_DEVERR_IMAGE_INSTALL_FAILED);
    return sph_verify_package(device, ret_file->data, ret_file->size,
                              SPH_DEVERR_CANNOT_COMMIT_IMAGE, ret_package, refusal);
}

int sph_install_check(struct sph_device *device, const struct sph_guid *component,
                      struct sph_refusal *refusal) {
    sph_automapped struct sph_mapped_file file = SPH_MAPPED_FILE_NULL;
    struct sph_package package;
    return open_staged(device, component, &file, &package, refusal);
}

/* The registry is read again also after a failure: the step may have happened and only its sync
 * have failed. */
int sph_install_commit(struct sph_device *device, const struct sph_guid *component, bool manual,
                       struct sph_refusal *refusal) {
    sph_automapped struct sph_mapped_file file = SPH_MAPPED_FILE_NULL;
    struct sph_package package;
    struct sph_err *err = &refusal->err;
    int code = open_staged(device, component, &file, &package, refusal);
    if (code < 0)
        return code;
    /* An id first: an app without one could not be entered into the registry. */
    uid_t uid;
    if (sph_uidmap_get(device->uids, component, &uid, err) < 0)
        return sph_refuse_as(refusal, SPH_DEVERR_IMAGE_INSTALL_FAILED);
    code = commit(device, &package, manual, err);
    /* Memory follows what the disk has now, whichever version that is. */
    struct sph_err load_err = SPH_ERR_NULL;
    int loaded = sph_registry_load(device->registry, component, &load_err);
    if (code == 0 && loaded < 0) {
        *err = load_err;
        code = loaded;
    }
    if (code < 0)
        return sph_refuse_as(refusal, SPH_DEVERR_IMAGE_INSTALL_FAILED);
    if (sph_stage_drop(device->stage, component, err) < 0)
        return sph_refuse_as(refusal, SPH_DEVERR_IMAGE_INSTALL_FAILED);
    return 0;
}

/* Out of its place in one step, then the rest of it. */
static int remove_package(struct sph_device *device, const struct sph_guid *component,
                          struct sph_err *err) {
    char side[SIDE_NAME], place[SPH_GUID_TEXT];
    side_name(OLD_PREFIX, component, side);
    sph_guid_format(component, place);
    sph_autoclose int packages_fd = sph_dir_open(device->state_fd, SPH_PACKAGES_DIR, err);
    if (packages_fd < 0)
        return packages_fd;
    int code = sph_tree_remove(packages_fd, side, err);
    if (code < 0)
        return code;
    if (renameat(packages_fd, place, packages_fd, side) < 0 && errno != ENOENT)
        return SPH_FAIL_ERRNO(err, -errno, "cannot remove the package %s", place);
    /* From here on it is deleted; what follows only tidies up. */
    sph_registry_drop(device->registry, component);
    if (fsync(packages_fd) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot remove the package %s", place);
    return sph_tree_remove(packages_fd, side, err);
}

/* Package, storage, id, in this order: a package without storage would be a changed app, storage
 * without a package is cleaned up at the next start. */
int sph_install_delete(struct sph_device *device, const struct sph_guid *component,
                       struct sph_refusal *refusal) {
    struct sph_err *err = &refusal->err;
    sph_medium_forget(device->medium, component);
    if (remove_package(device, component, err) < 0 ||
        sph_storage_forget(device->storage, component, err) < 0 ||
        sph_uidmap_forget(device->uids, component, err) < 0)
        return sph_refuse_as(refusal, SPH_DEVICE_ERROR(SPH_CATEGORY_LINUX, -refusal->err.code));
    return 0;
}

static bool has_prefix(const char *name, const char *prefix) {
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Neither a new version that did not take its place nor an old one that has left it is ever used.
 */
static int recover_package(void *context, int fd, const char *name, struct sph_err *err) {
    (void)context;
    if (has_prefix(name, NEW_PREFIX) || has_prefix(name, OLD_PREFIX))
        return sph_tree_remove(fd, name, err);
    return 0;
}

/* Storage outlives everything but its app; that app was being deleted. */
static int recover_storage(void *context, int fd, const char *name, struct sph_err *err) {
    const int *state_fd = context;
    char path[SPH_REGISTRY_PATH];
    struct sph_guid component;
    struct stat info;
    if (sph_guid_parse(name, strlen(name), &component) < 0)
        return 0;
    (void)snprintf(path, sizeof(path), SPH_PACKAGES_DIR "/%.40s", name);
    if (fstatat(*state_fd, path, &info, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
        return 0;
    return sph_tree_remove(fd, name, err);
}

/* A file that was being replaced: the one it was to replace is still there. */
static int recover_file(void *context, int fd, const char *name, struct sph_err *err) {
    (void)context;
    return has_prefix(name, SPH_FILE_TEMPORARY) ? sph_tree_remove(fd, name, err) : 0;
}

/* In any order, and again if it is itself cut short: each step removes what nothing refers to. */
int sph_install_recover(int state_fd, struct sph_err *err) {
    static const struct {
        const char *folder;
        sph_folder_fn *fn;
    } steps[] = {
        {SPH_PACKAGES_DIR, recover_package},
        {"storage", recover_storage},
        {".", recover_file},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(steps); i++) {
        int code = sph_folder_each(state_fd, steps[i].folder, steps[i].fn, &state_fd, err);
        if (code < 0 && code != -ENOENT) /* a new device has no folders yet */
            return code;
    }
    return 0;
}
