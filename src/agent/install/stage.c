/* An upload goes to one temporary file and is mapped to be verified, so that memory stays the same
 * whatever its size. The staged files are kept verified: they are checked again when they are
 * installed, since the trust store may have changed. */
#include "agent/install/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/device/device.h"
#include "agent/install/verify.h"
#include "agent/store/folder.h"
#include "agent/store/mapped_file.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "package/package.h"

#define UPLOAD_FILE ".upload"

/* The list is what the folder holds, read once; every change goes to the folder first. */
struct sph_stage {
    struct sph_device *device;
    int fd; /* state/staged */
    size_t count;
    struct sph_staged_package packages[SPH_STAGE_MAX];
    const void *owner; /* of the upload; NULL without one */
    int upload_fd;
    uint64_t upload_bytes;
};

/* The name comes from outside and is shown: control characters go here, once. */
static struct sph_staged_package describe(const struct sph_package *package) {
    struct sph_staged_package staged = {.component = package->image.component_id,
                                        .image = package->image.image_id,
                                        .package_bytes = package->image.size};
    sph_text_printable(package->image.name, strnlen(package->image.name, SPH_IMAGE_NAME_BYTES),
                       staged.name, sizeof(staged.name));
    return staged;
}

const struct sph_staged_package *sph_stage_find(const struct sph_stage *stage,
                                                const struct sph_guid *component) {
    for (size_t i = 0; i < stage->count; i++)
        if (sph_guid_equal(&stage->packages[i].component, component))
            return &stage->packages[i];
    return NULL;
}

static struct sph_staged_package *find(struct sph_stage *stage, const struct sph_guid *component) {
    const struct sph_staged_package *package = sph_stage_find(stage, component);
    return package ? &stage->packages[package - stage->packages] : NULL;
}

/* Whether a file of the folder is a whole package of the component that it is named after. Not
 * whether it is trusted: that is looked at when it is installed. */
static bool load_package(struct sph_stage *stage, const char *name) {
    struct sph_guid component;
    sph_automapped struct sph_mapped_file file = SPH_MAPPED_FILE_NULL;
    struct sph_manifest_options options = {.storage_max_kib = UINT32_MAX};
    struct sph_package package;
    if (stage->count == SPH_STAGE_MAX || sph_guid_parse(name, strlen(name), &component) < 0 ||
        sph_mapped_file_open(stage->fd, name, &file, NULL) < 0 ||
        sph_package_parse(file.data, file.size, &options, &package, NULL, NULL) < 0 ||
        !sph_guid_equal(&package.image.component_id, &component))
        return false;
    stage->packages[stage->count++] = describe(&package);
    return true;
}

/* At start. An upload that was cut off is of no use to anybody: its sender has to begin again. */
static int load_one(void *context, int fd, const char *name, struct sph_err *err) {
    return load_package(context, name) ? 0 : sph_tree_remove(fd, name, err);
}

/* Everything in the folder is either a whole package or removed: there is no third state to handle
 * later. */
static int open_stage(struct sph_stage *stage, struct sph_err *err) {
    int state_fd = stage->device->state_fd;
    int code = sph_dir_make(state_fd, SPH_STAGED_DIR, 0700, err);
    if (code < 0)
        return code;
    stage->fd = sph_dir_open(state_fd, SPH_STAGED_DIR, err);
    if (stage->fd < 0)
        return stage->fd;
    return sph_folder_each(state_fd, SPH_STAGED_DIR, load_one, stage, err);
}

int sph_stage_new(struct sph_device *device, struct sph_stage **ret_stage, struct sph_err *err) {
    SPH_CLEANUP(sph_stage_freep) struct sph_stage *stage = calloc(1, sizeof(*stage));
    if (!stage)
        return SPH_FAIL(err, -ENOMEM, "out of memory for staging");
    stage->device = device;
    stage->fd = stage->upload_fd = -1;
    int code = open_stage(stage, err);
    if (code == 0)
        *ret_stage = SPH_STEAL_PTR(stage);
    return code;
}

/* The name is free again for the next upload in any case; a failed unlink is met by the next begin.
 */
static void end_upload(struct sph_stage *stage) {
    if (stage->upload_fd >= 0) {
        (void)close(stage->upload_fd);
        (void)unlinkat(stage->fd, UPLOAD_FILE, 0); /* gone already when it was staged */
    }
    stage->upload_fd = -1;
    stage->owner = NULL;
}

struct sph_stage *sph_stage_free(struct sph_stage *stage) {
    if (stage) {
        end_upload(stage);
        if (stage->fd >= 0)
            (void)close(stage->fd);
        free(stage);
    }
    return NULL;
}

/* A failure of the host's disk, not of the package. */
static int refuse_disk(struct sph_refusal *refusal, int code, const char *what) {
    if (code == -ENOSPC || code == -EDQUOT)
        return sph_refuse(refusal, code, SPH_DEVERR_NO_FREE_SPACE_FOR_IMAGE,
                          "cannot %s: the disk that holds the device is full", what);
    return sph_refuse(refusal, code, SPH_DEVERR_IMAGE_STAGING_FAILED, "cannot %s: %s", what,
                      strerror(-code));
}

/* The size told beforehand saves the sender a useless transfer; it is a promise only, the count is
 * what holds. */
int sph_stage_begin(struct sph_stage *stage, const void *owner, uint64_t size,
                    struct sph_refusal *refusal) {
    if (stage->owner && stage->owner != owner)
        return sph_refuse(refusal, -EBUSY, SPH_DEVERR_INTERFACE_BUSY,
                          "another package is being staged: try again when it is through");
    end_upload(stage);
    int code = sph_verify_size(stage->device, size, refusal);
    if (code < 0)
        return code;
    /* O_EXCL on a name that was just removed: the file is new, whatever was left there. */
    (void)unlinkat(stage->fd, UPLOAD_FILE, 0);
    int fd = openat(stage->fd, UPLOAD_FILE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return refuse_disk(refusal, -errno, "make a file for the package");
    stage->upload_fd = fd;
    stage->upload_bytes = 0;
    stage->owner = owner;
    return 0;
}

/* One upload belongs to one connection: another one's data must never get into it. */
static int check_owner(const struct sph_stage *stage, const void *owner,
                       struct sph_refusal *refusal) {
    if (stage->owner == owner)
        return 0;
    return sph_refuse(refusal, -EINVAL, SPH_DEVERR_INVALID_STATE,
                      "no package is being staged on this connection");
}

/* A refused piece ends the upload: nothing that comes after it could make it whole again. */
int sph_stage_data(struct sph_stage *stage, const void *owner, const void *data, size_t len,
                   struct sph_refusal *refusal) {
    int code = check_owner(stage, owner, refusal);
    if (code < 0)
        return code;
    uint64_t flash_bytes = stage->device->profile.flash_bytes;
    if (stage->upload_bytes + len > flash_bytes) { /* how much more is to come is not known */
        code = sph_refuse(refusal, -ENOSPC, SPH_DEVERR_NOT_ENOUGH_FREE_SPACE,
                          "the package takes more than the %" PRIu64
                          " bytes of flash that the device has",
                          flash_bytes);
    } else {
        int written = sph_fd_write_full(stage->upload_fd, data, len);
        if (written < 0)
            code = refuse_disk(refusal, written, "store the package");
    }
    stage->upload_bytes += len;
    if (code < 0)
        end_upload(stage);
    return code;
}

/* The upload becomes a staged package: synced, then under its name. */
static int keep(struct sph_stage *stage, const struct sph_staged_package *package,
                struct sph_refusal *refusal) {
    char name[SPH_GUID_TEXT];
    sph_guid_format(&package->component, name);
    struct sph_staged_package *place = find(stage, &package->component);
    if (!place && stage->count == SPH_STAGE_MAX)
        return sph_refuse(refusal, -ENOSPC, SPH_DEVERR_IMAGE_STAGING_FAILED,
                          "%d packages are staged already: install them first", SPH_STAGE_MAX);
    /* Content before name: a power cut must not leave a staged name with half the bytes. */
    if (fsync(stage->upload_fd) < 0)
        return refuse_disk(refusal, -errno, "store the package");
    if (renameat(stage->fd, UPLOAD_FILE, stage->fd, name) < 0)
        return refuse_disk(refusal, -errno, "keep the package");
    if (!place)
        place = &stage->packages[stage->count++];
    /* The list follows the folder at once, even if its sync fails: the name is there. */
    *place = *package;
    if (fsync(stage->fd) < 0)
        return refuse_disk(refusal, -errno, "keep the package");
    return 0;
}

/* Verified from the file and not from memory: what is checked is what will be installed. */
int sph_stage_end(struct sph_stage *stage, const void *owner,
                  const struct sph_staged_package **ret_package, struct sph_refusal *refusal) {
    sph_automapped struct sph_mapped_file file = SPH_MAPPED_FILE_NULL;
    struct sph_package package;
    int code = check_owner(stage, owner, refusal);
    if (code < 0)
        return code;
    code = sph_mapped_file_open(stage->fd, UPLOAD_FILE, &file, &refusal->err);
    if (code < 0)
        (void)sph_refuse_as(refusal, SPH_DEVERR_IMAGE_STAGING_FAILED);
    else
        code = sph_verify_package(stage->device, file.data, file.size,
                                  SPH_DEVERR_IMAGE_VERIFICATION_FAILED, &package, refusal);
    if (code == 0) {
        struct sph_staged_package staged = describe(&package);
        code = keep(stage, &staged, refusal);
        if (code == 0)
            *ret_package = find(stage, &staged.component);
    }
    end_upload(stage);
    return code;
}

/* Also called when a connection ends that has staged nothing: then it owns no upload. */
void sph_stage_abort(struct sph_stage *stage, const void *owner) {
    if (owner && stage->owner == owner)
        end_upload(stage);
}

size_t sph_stage_count(const struct sph_stage *stage) {
    return stage->count;
}

const struct sph_staged_package *sph_stage_at(const struct sph_stage *stage, size_t index) {
    return &stage->packages[index];
}

/* For the installation, which links the staged file into its package folder: no byte is copied. */
int sph_stage_folder(const struct sph_stage *stage) {
    return stage->fd;
}

/* The last one takes the place in the list; order has no meaning. */
int sph_stage_drop(struct sph_stage *stage, const struct sph_guid *component, struct sph_err *err) {
    char name[SPH_GUID_TEXT];
    struct sph_staged_package *package = find(stage, component);
    if (!package)
        return 0;
    if ((unlinkat(stage->fd, sph_guid_format(component, name), 0) < 0 && errno != ENOENT) ||
        fsync(stage->fd) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot remove the staged package %s", name);
    *package = stage->packages[--stage->count];
    return 0;
}
