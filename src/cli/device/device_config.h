/* device_config: device.json, what a device is made of. */
#ifndef SPH_CLI_DEVICE_DEVICE_CONFIG_H
#define SPH_CLI_DEVICE_DEVICE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cli/device/forwards.h"

/* A device's limits. Texts end with a NUL; sizes are bytes, in whole pages (storage: whole KiB). */
struct sph_device_config {
    char name[64];
    char backend[16]; /* SPH_BACKEND_NATIVE or SPH_BACKEND_VIRTUAL */
    char profile[32]; /* name of the profile */
    char core[64];
    uint64_t ram_bytes;
    uint64_t flash_bytes;
    uint64_t storage_bytes;
    uint64_t page_bytes;
    bool host_libraries; /* apps also see the host's /usr and /lib (`spherule run EXECUTABLE`) */
    bool network;        /* apps reach the outside; a virtual device only, as the forwards */
    struct sph_forwards forwards;
};

/* Words of device.json. */
#define SPH_BACKEND_NATIVE "native"
#define SPH_BACKEND_VIRTUAL "virtual"

/* Bounds of what a device may have. Below 16 KiB of RAM not even a static program's stack and data
 * fit; above 1 GiB a ration is no small device's any more, and half of a virtual device's machine
 * is its kernel's and its files'. Flash holds at least one package: superblock, manifest, program
 * and metadata, each on pages of its own. */
#define SPH_DEVICE_RAM_MIN ((uint64_t)16 << 10)
#define SPH_DEVICE_RAM_MAX ((uint64_t)1 << 30)
#define SPH_DEVICE_VIRTUAL_RAM_MAX ((uint64_t)32 << 20)
#define SPH_DEVICE_FLASH_MIN ((uint64_t)16 << 10)
#define SPH_DEVICE_FLASH_MAX ((uint64_t)1 << 30)

/* The profile mt3620: 256 KiB of RAM, 1 MiB of flash, 64 KiB of storage. */
void sph_device_config_default(const char *name, struct sph_device_config *ret_config);
/* Makes it one of a virtual device, with that one's core. A profile may be read over it. */
void sph_device_config_make_virtual(struct sph_device_config *config);
bool sph_device_config_is_virtual(const struct sph_device_config *config);
/* What no single field shows: a virtual device's machine has 64 MiB, so its ration is bounded by
 * SPH_DEVICE_VIRTUAL_RAM_MAX. -EINVAL with a sentence that begins with `what`. */
int sph_device_config_check_ram(const char *what, const struct sph_device_config *config,
                                struct sph_err *err);
/* Reads a profile (keys as in device.json's "profile") over *config; other fields stay.
 * -EBADMSG with the field and its place for anything wrong. */
int sph_device_config_parse_profile(const char *text, size_t len, struct sph_device_config *config,
                                    struct sph_err *err);
/* "262144", "256K", "1M" within the bounds and in whole pages. -EINVAL with a sentence. */
int sph_device_config_parse_size(const char *what, const char *text, uint64_t min, uint64_t max,
                                 uint64_t page_bytes, uint64_t *ret_bytes, struct sph_err *err);
/* Replaces device.json atomically, mode 0644: the agent and the gateway read it, whoever runs them.
 * -ENOMEM or the errno of writing, with a sentence. */
int sph_device_config_write(int device_fd, const struct sph_device_config *config,
                            struct sph_err *err);
/* Reads it back. Members that are absent are those of the default; *ret_config changes on success
 * only. -EBADMSG with place and reason ("device.json: line 2, column 5: …"), -ENOENT without a
 * file. */
int sph_device_config_read(int device_fd, struct sph_device_config *ret_config,
                           struct sph_err *err);

#endif
