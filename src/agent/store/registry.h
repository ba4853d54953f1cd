/* registry: the packages installed on the device, one record each. */
#ifndef SPH_AGENT_STORE_REGISTRY_H
#define SPH_AGENT_STORE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/guid.h"
#include "package/image.h"

enum { SPH_REGISTRY_MAX = 200 }; /* apps; user ids have room for 256, see uidmap */
#define SPH_PACKAGES_DIR "packages"
#define SPH_PACKAGE_FILE "image.imagepackage"
#define SPH_PACKAGE_ROOT "root"
#define SPH_PACKAGE_MANUAL "manual" /* an empty file: there or not */

/* On disk: state/packages/<component guid>/{image.imagepackage, root/, manual}. A record stays at
 * its address until that app is removed; an update changes it in place (stop the app first). */
struct sph_installed_app {
    struct sph_guid component;
    struct sph_guid image;
    char name[33];
    uint32_t image_type;                        /* 10 = application */
    uint64_t package_bytes;                     /* of the whole file: what it takes of the flash */
    uint32_t storage_kib;                       /* MutableStorage.SizeKB; 0 = no mutable storage */
    uid_t uid;                                  /* its own, also its gid */
    bool is_debugger;                           /* ApplicationType "Debugger" */
    uint8_t signer[SPH_IMAGE_THUMBPRINT_BYTES]; /* of its certificate, as the package says */
    bool manual; /* installed or stopped so that it does not start with the agent */
};

struct sph_registry;
struct sph_uidmap;

/* Reads all records from `state_fd`/packages. The map is used for the user ids. A folder that holds
 * no sound package is passed over, left as it is, and named in sph_registry_problems(). */
int sph_registry_new(int state_fd, struct sph_uidmap *uids, struct sph_registry **ret_registry,
                     struct sph_err *err);
struct sph_registry *sph_registry_free(struct sph_registry *registry);

const struct sph_installed_app *sph_registry_find(const struct sph_registry *registry,
                                                  const struct sph_guid *component);
const struct sph_installed_app *sph_registry_find_uid(const struct sph_registry *registry,
                                                      uid_t uid);
size_t sph_registry_count(const struct sph_registry *registry);
/* index < count, in order of their ids. */
const struct sph_installed_app *sph_registry_at(const struct sph_registry *registry, size_t index);

/* Path of the unpacked, read-only package below state/: "packages/<guid>/root". Returns ret_path.
 */
enum { SPH_REGISTRY_PATH = 64 };
char *sph_registry_root_path(const struct sph_guid *component, char ret_path[SPH_REGISTRY_PATH]);
/* A descriptor (O_PATH) of the unpacked package, for bind mounts and *at() calls; or negative
 * errno. */
int sph_registry_open_root(const struct sph_registry *registry, const struct sph_installed_app *app,
                           struct sph_err *err);
/* The package file, read-only, for mmap. */
int sph_registry_open_package(const struct sph_registry *registry,
                              const struct sph_installed_app *app, struct sph_err *err);
/* Text of /app_manifest.json in the package: parsed again when it is needed, not kept. */
int sph_registry_read_manifest(const struct sph_registry *registry,
                               const struct sph_installed_app *app, struct sph_buf *buf,
                               struct sph_err *err);

/* One sentence per line about what was passed over; empty when all is well. */
const char *sph_registry_problems(const struct sph_registry *registry);

/* Whether the app starts with the agent; kept on disk with its package. */
int sph_registry_set_manual(struct sph_registry *registry, const struct sph_guid *component,
                            bool manual, struct sph_err *err);

/* For install and delete only: puts in what packages/<guid> now holds (a new record or a changed
 * one), takes out. */
int sph_registry_load(struct sph_registry *registry, const struct sph_guid *component,
                      struct sph_err *err);
void sph_registry_drop(struct sph_registry *registry, const struct sph_guid *component);

static inline void sph_registry_freep(struct sph_registry **registry) {
    *registry = sph_registry_free(*registry);
}

#endif
