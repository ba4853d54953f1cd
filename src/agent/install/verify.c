/* The order of the checks is the order in which a person can act on them: first whether the file is
 * a package at all, then whether it is for this device, then who signed it, last whether there is
 * room. */
#include "agent/install/verify.h"

#include <errno.h>
#include <inttypes.h>

#include "agent/device/device.h"
#include "agent/install/capabilities.h"
#include "agent/install/stage.h"
#include "agent/store/registry.h"
#include "agent/store/trust_store.h"
#include "package/package.h"
#include "package/trust.h"

#define STORAGE_TOO_LARGE SPH_DEVICE_ERROR(SPH_CATEGORY_APP_MANIFEST, 34)

/* The type is looked at before the rest, so that a board configuration is called that and not a
 * broken application. The profile's bounds are checked here and not by the parser, for their own
 * sentences. */
static int check_form(const struct sph_device *device, const void *bytes, size_t size,
                      struct sph_package *ret_package, struct sph_refusal *refusal) {
    struct sph_image image;
    struct sph_manifest_notes notes = {0};
    struct sph_manifest_options options = {.storage_max_kib = UINT32_MAX};
    if (sph_image_parse(bytes, size, &image, &refusal->err) < 0)
        return sph_refuse_as(refusal, SPH_DEVERR_IMAGE_STAGING_FAILED);
    if (image.image_type != SPH_IMAGE_APPLICATION)
        return sph_refuse(refusal, -EBADMSG, SPH_DEVERR_UNSUPPORTED_IMAGE_TYPE,
                          "the image is of type %" PRIu32 " (%s): this device takes applications",
                          image.image_type, sph_image_type_name(image.image_type));
    if (sph_package_parse(bytes, size, &options, ret_package, &notes, &refusal->err) < 0)
        return sph_refuse_as(refusal, notes.device_error ? notes.device_error
                                                         : SPH_DEVERR_IMAGE_STAGING_FAILED);
    uint64_t storage_bytes = UINT64_C(1024) * ret_package->manifest.mutable_storage_kib;
    if (storage_bytes > device->profile.storage_bytes)
        return sph_refuse(refusal, -EBADMSG, STORAGE_TOO_LARGE,
                          "the manifest asks for %" PRIu64
                          " bytes of mutable storage: this device has %" PRIu64,
                          storage_bytes, device->profile.storage_bytes);
    if (image.application_runtime > SPH_DEVICE_APPLICATION_RUNTIME)
        return sph_refuse(refusal, -ENOEXEC, SPH_DEVERR_INCOMPATIBLE_APPLICATION_RUNTIME,
                          "the package needs application runtime %" PRIu32
                          ": this device has %d, so build it for an older API set",
                          image.application_runtime, SPH_DEVICE_APPLICATION_RUNTIME);
    return 0;
}

/* `signer` is NULL where it is not trusted any more. */
static enum sph_app_hindrance mode_hindrance(const struct sph_device *device,
                                             const struct sph_trust_record *signer) {
    if (sph_capabilities_allow_development(device->capabilities))
        return SPH_HINDRANCE_NONE;
    if (!signer)
        return SPH_HINDRANCE_UNKNOWN_SIGNER;
    return signer->is_production ? SPH_HINDRANCE_NONE : SPH_HINDRANCE_DEVELOPMENT_SIGNER;
}

static int check_mode(const struct sph_device *device, const struct sph_trust_record *signer,
                      struct sph_err *err) {
    switch (mode_hindrance(device, signer)) {
    case SPH_HINDRANCE_UNKNOWN_SIGNER:
        return SPH_FAIL(err, -EKEYREJECTED,
                        "development is off, and the package's signer is not trusted any more: "
                        "'spherule trust add CERT.pem --production'");
    case SPH_HINDRANCE_DEVELOPMENT_SIGNER:
        return SPH_FAIL(err, -EKEYREJECTED,
                        "development is off, and '%s' is trusted for development only: enable it, "
                        "or 'spherule trust add CERT.pem --production'",
                        signer->name);
    case SPH_HINDRANCE_NONE:
        break;
    }
    return 0;
}

/* The sentence comes from the package layer; only the number differs by occasion. */
static int check_trust(const struct sph_device *device, const struct sph_image *image,
                       uint32_t untrusted_error, struct sph_refusal *refusal) {
    const struct sph_trust_record *signer;
    int code = sph_trust_verify(sph_trust_store_get(device->trust), image, &signer, &refusal->err);
    if (code == 0)
        code = check_mode(device, signer, &refusal->err);
    if (code == 0)
        return 0;
    /* The sentence is in refusal->err already; a condition is positive and may not be passed on. */
    refusal->err.code = -EKEYREJECTED; /* a condition has no errno of its own */
    return sph_refuse_as(refusal, untrusted_error);
}

/* By the name of its signer alone: the signature was verified when it was installed, and nobody but
 * root can have changed the package since. */
static const struct sph_trust_record *find_signer(const struct sph_device *device,
                                                  const struct sph_installed_app *app) {
    return sph_trust_find(sph_trust_store_get(device->trust), app->signer);
}

enum sph_app_hindrance sph_verify_hindrance(const struct sph_device *device,
                                            const struct sph_installed_app *app) {
    return mode_hindrance(device, find_signer(device, app));
}

int sph_verify_start(const struct sph_device *device, const struct sph_installed_app *app,
                     struct sph_err *err) {
    return check_mode(device, find_signer(device, app), err);
}

enum { PACKAGES_MAX = SPH_REGISTRY_MAX + SPH_STAGE_MAX };

/* What the flash will hold once everything that is staged is installed. */
static size_t list_packages(const struct sph_device *device, bool with_staged,
                            struct sph_flash_package ret_list[PACKAGES_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < sph_registry_count(device->registry); i++) {
        const struct sph_installed_app *app = sph_registry_at(device->registry, i);
        if (!with_staged || !sph_stage_find(device->stage, &app->component))
            ret_list[count++] = (struct sph_flash_package){.component_id = app->component,
                                                           .file_bytes = app->package_bytes};
    }
    for (size_t i = 0; with_staged && i < sph_stage_count(device->stage); i++) {
        const struct sph_staged_package *staged = sph_stage_at(device->stage, i);
        ret_list[count++] = (struct sph_flash_package){.component_id = staged->component,
                                                       .file_bytes = staged->package_bytes};
    }
    return count;
}

/* All the numbers that a person needs to see what to delete. */
static int refuse_no_room(uint64_t size, const struct sph_flash_use *use,
                          struct sph_refusal *refusal) {
    uint64_t others = use->used_bytes - size;
    return sph_refuse(refusal, -ENOSPC, SPH_DEVERR_NOT_ENOUGH_FREE_SPACE,
                      "the package takes %" PRIu64 " bytes, but of the %" PRIu64
                      " bytes of flash other packages take %" PRIu64 ": %" PRIu64 " bytes too many",
                      size, use->limit_bytes, others, use->over_bytes);
}

/* Staged packages count as if they were installed: else two of them could each fit and not both. */
static int check_room(const struct sph_device *device, const struct sph_flash_package *candidate,
                      struct sph_refusal *refusal) {
    struct sph_flash_package list[PACKAGES_MAX];
    struct sph_flash_use use;
    size_t count = list_packages(device, true, list);
    int code = sph_flash_fit(list, count, device->profile.flash_bytes, candidate, &use);
    return code == 0 ? 0 : refuse_no_room(candidate->file_bytes, &use, refusal);
}

int sph_verify_package(const struct sph_device *device, const void *bytes, size_t size,
                       uint32_t untrusted_error, struct sph_package *ret_package,
                       struct sph_refusal *refusal) {
    int code = check_form(device, bytes, size, ret_package, refusal);
    if (code < 0 || (code = check_trust(device, &ret_package->image, untrusted_error, refusal)) < 0)
        return code;
    struct sph_flash_package candidate = {.component_id = ret_package->image.component_id,
                                          .file_bytes = size};
    return check_room(device, &candidate, refusal);
}

/* Against the whole flash, not what is free: the package may replace one of its own component,
 * which is known only when it is here. */
int sph_verify_size(const struct sph_device *device, uint64_t size, struct sph_refusal *refusal) {
    if (size <= device->profile.flash_bytes)
        return 0;
    struct sph_flash_use use = {.limit_bytes = device->profile.flash_bytes,
                                .used_bytes = size,
                                .over_bytes = size - device->profile.flash_bytes};
    return refuse_no_room(size, &use, refusal);
}

/* Without what is staged: that takes no flash yet. */
struct sph_flash_use sph_verify_flash_use(const struct sph_device *device) {
    struct sph_flash_package list[PACKAGES_MAX];
    size_t count = list_packages(device, false, list);
    return sph_flash_sum(list, count, device->profile.flash_bytes);
}
