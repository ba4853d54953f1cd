/* The folders are the truth; the records are read from them at start and after each change, so that
 * there is no list on disk that could disagree with the packages. */
#include "agent/store/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/store/folder.h"
#include "agent/store/mapped_file.h"
#include "agent/store/uidmap.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "package/package.h"

enum { PROBLEMS_MAX = 4096 }; /* bytes; more sentences are cut */

/* Pointers, not records, in the array: a record keeps its address when others come and go. */
struct sph_registry {
    int fd; /* state/packages */
    struct sph_uidmap *uids;
    size_t count;
    struct sph_installed_app *apps[SPH_REGISTRY_MAX]; /* by id */
    struct sph_buf problems;
};

/* Any order that is always the same will do; the bytes' order is not the text's. */
static int compare(const struct sph_guid *a, const struct sph_guid *b) {
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* Where the id is, or belongs. */
static size_t position(const struct sph_registry *registry, const struct sph_guid *component) {
    size_t at = 0;
    while (at < registry->count && compare(&registry->apps[at]->component, component) < 0)
        at++;
    return at;
}

static struct sph_installed_app *find(const struct sph_registry *registry,
                                      const struct sph_guid *component) {
    size_t at = position(registry, component);
    bool is_there =
        at < registry->count && sph_guid_equal(&registry->apps[at]->component, component);
    return is_there ? registry->apps[at] : NULL;
}

/* Records are allocated one by one, since others keep their addresses. */
static int insert(struct sph_registry *registry, const struct sph_installed_app *app,
                  struct sph_err *err) {
    if (registry->count == SPH_REGISTRY_MAX)
        return SPH_FAIL(err, -ENOSPC, "a device holds at most %d apps", SPH_REGISTRY_MAX);
    struct sph_installed_app *copy = malloc(sizeof(*copy));
    if (!copy)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the record of an app");
    *copy = *app;
    size_t at = position(registry, &app->component);
    for (size_t i = registry->count++; i > at; i--)
        registry->apps[i] = registry->apps[i - 1];
    registry->apps[at] = copy;
    return 0;
}

/* 36 characters of id, a slash and the longest name fit SPH_REGISTRY_PATH. */
static int path_in(const struct sph_guid *component, const char *name,
                   char ret_path[SPH_REGISTRY_PATH]) {
    char guid[SPH_GUID_TEXT];
    return snprintf(ret_path, SPH_REGISTRY_PATH, "%s/%s", sph_guid_format(component, guid), name);
}

/* The record of what packages/<guid> holds. */
static int read_app(struct sph_registry *registry, const struct sph_guid *component,
                    struct sph_installed_app *ret_app, struct sph_err *err) {
    char path[SPH_REGISTRY_PATH];
    sph_automapped struct sph_mapped_file file = SPH_MAPPED_FILE_NULL;
    struct sph_package package;
    path_in(component, SPH_PACKAGE_FILE, path);
    int code = sph_mapped_file_open(registry->fd, path, &file, err);
    if (code < 0)
        return code;
    /* Installed under the profile of that day: a smaller one of today does not undo it. */
    struct sph_manifest_options options = {.storage_max_kib = UINT32_MAX};
    code = sph_package_parse(file.data, file.size, &options, &package, NULL, err);
    if (code < 0) {
        (void)sph_err_prefix(err, "%s", path);
        return code;
    }
    if (!sph_guid_equal(&package.image.component_id, component))
        return SPH_FAIL(err, -EBADMSG, "%s is the package of another component", path);
    /* Everything that is asked for often is taken out now; the manifest is parsed again when an app
     * starts, which costs less than keeping it. */
    struct sph_installed_app app = {.component = *component,
                                    .image = package.image.image_id,
                                    .image_type = package.image.image_type,
                                    .package_bytes = package.image.size,
                                    .storage_kib = package.manifest.mutable_storage_kib,
                                    .is_debugger = package.manifest.type == SPH_APP_DEBUGGER};
    sph_text_printable(package.image.name, strnlen(package.image.name, SPH_IMAGE_NAME_BYTES),
                       app.name, sizeof(app.name));
    memcpy(app.signer, package.image.thumbprint, sizeof(app.signer));
    path_in(component, SPH_PACKAGE_MANUAL, path);
    /* An unreadable mark counts as none: the app starts, which is what an installation means. */
    app.manual = faccessat(registry->fd, path, F_OK, 0) == 0;
    if ((code = sph_uidmap_get(registry->uids, component, &app.uid, err)) < 0)
        return code;
    *ret_app = app;
    return 0;
}

/* The record is changed in place: the lifecycle holds its address. */
int sph_registry_load(struct sph_registry *registry, const struct sph_guid *component,
                      struct sph_err *err) {
    struct sph_installed_app app;
    int code = read_app(registry, component, &app, err);
    if (code < 0)
        return code;
    struct sph_installed_app *old = find(registry, component);
    if (!old)
        return insert(registry, &app, err);
    *old = app;
    return 0;
}

/* The caller has made sure that nobody uses the record any more: the app is stopped. */
void sph_registry_drop(struct sph_registry *registry, const struct sph_guid *component) {
    size_t at = position(registry, component);
    if (!find(registry, component))
        return;
    free(registry->apps[at]);
    registry->count--;
    for (; at < registry->count; at++)
        registry->apps[at] = registry->apps[at + 1];
}

/* One entry of packages/. A package that is not sound is told about and left: reading on matters
 * more, and what it needs (installing it again) only a person can do. */
static int load_one(void *context, int fd, const char *name, struct sph_err *err) {
    struct sph_registry *registry = context;
    struct sph_guid component;
    struct sph_err problem = SPH_ERR_NULL;
    (void)fd;
    if (sph_guid_parse(name, strlen(name), &component) < 0)
        return 0; /* an installation that was cut short: not a package */
    int code = sph_registry_load(registry, &component, &problem);
    if (code == -ENOMEM)
        return SPH_FAIL(err, code, "%s", problem.text);
    if (code < 0)
        sph_buf_printf(&registry->problems, "%s\n", problem.text);
    return 0;
}

/* The whole of every package is checked, CRC included: 1 MiB takes some milliseconds, and a disk
 * that has lost bits is told at the start and not by an app that crashes. */
static int open_registry(struct sph_registry *registry, int state_fd, struct sph_err *err) {
    int code = sph_dir_make(state_fd, SPH_PACKAGES_DIR, 0700, err);
    if (code < 0)
        return code;
    registry->fd = sph_dir_open(state_fd, SPH_PACKAGES_DIR, err);
    if (registry->fd < 0)
        return registry->fd;
    return sph_folder_each(state_fd, SPH_PACKAGES_DIR, load_one, registry, err);
}

int sph_registry_new(int state_fd, struct sph_uidmap *uids, struct sph_registry **ret_registry,
                     struct sph_err *err) {
    SPH_CLEANUP(sph_registry_freep) struct sph_registry *registry = calloc(1, sizeof(*registry));
    if (!registry)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the list of apps");
    registry->problems = (struct sph_buf)SPH_BUF_LIMIT(PROBLEMS_MAX);
    registry->uids = uids;
    registry->fd = -1;
    int code = open_registry(registry, state_fd, err);
    if (code == 0)
        *ret_registry = SPH_STEAL_PTR(registry);
    return code;
}

struct sph_registry *sph_registry_free(struct sph_registry *registry) {
    if (!registry)
        return NULL;
    for (size_t i = 0; i < registry->count; i++)
        free(registry->apps[i]);
    sph_buf_done(&registry->problems);
    if (registry->fd >= 0)
        (void)close(registry->fd);
    free(registry);
    return NULL;
}

const struct sph_installed_app *sph_registry_find(const struct sph_registry *registry,
                                                  const struct sph_guid *component) {
    return find(registry, component);
}

/* User ids are unique on the device, so the first match is the only one. */
const struct sph_installed_app *sph_registry_find_uid(const struct sph_registry *registry,
                                                      uid_t uid) {
    for (size_t i = 0; i < registry->count; i++)
        if (registry->apps[i]->uid == uid)
            return registry->apps[i];
    return NULL;
}

/* By index for those who walk; an index is good until the next installation or deletion. */
size_t sph_registry_count(const struct sph_registry *registry) {
    return registry->count;
}

const struct sph_installed_app *sph_registry_at(const struct sph_registry *registry, size_t index) {
    return registry->apps[index];
}

const char *sph_registry_problems(const struct sph_registry *registry) {
    return registry->problems.data ? registry->problems.data : "";
}

char *sph_registry_root_path(const struct sph_guid *component, char ret_path[SPH_REGISTRY_PATH]) {
    char guid[SPH_GUID_TEXT];
    (void)snprintf(ret_path, SPH_REGISTRY_PATH, SPH_PACKAGES_DIR "/%s/" SPH_PACKAGE_ROOT,
                   sph_guid_format(component, guid));
    return ret_path;
}

/* O_NOFOLLOW guards the last part only; the parts before it are folders that only root can write.
 */
static int open_in(const struct sph_registry *registry, const struct sph_installed_app *app,
                   const char *name, int flags, struct sph_err *err) {
    char path[SPH_REGISTRY_PATH];
    path_in(&app->component, name, path);
    int fd = openat(registry->fd, path, flags | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open state/" SPH_PACKAGES_DIR "/%s", path);
    return fd;
}

int sph_registry_open_root(const struct sph_registry *registry, const struct sph_installed_app *app,
                           struct sph_err *err) {
    return open_in(registry, app, SPH_PACKAGE_ROOT, O_PATH | O_DIRECTORY, err);
}

int sph_registry_open_package(const struct sph_registry *registry,
                              const struct sph_installed_app *app, struct sph_err *err) {
    return open_in(registry, app, SPH_PACKAGE_FILE, O_RDONLY, err);
}

/* From the unpacked root, not from the package: it is the file that the app itself sees. */
int sph_registry_read_manifest(const struct sph_registry *registry,
                               const struct sph_installed_app *app, struct sph_buf *buf,
                               struct sph_err *err) {
    sph_autoclose int fd =
        open_in(registry, app, SPH_PACKAGE_ROOT "/" SPH_MANIFEST_PATH, O_RDONLY, err);
    return fd < 0 ? fd : sph_fd_read_to_end(fd, buf, err);
}

/* A file that is there or not needs no format and changes in one step. */
int sph_registry_set_manual(struct sph_registry *registry, const struct sph_guid *component,
                            bool manual, struct sph_err *err) {
    struct sph_installed_app *app = find(registry, component);
    char guid[SPH_GUID_TEXT];
    if (!app)
        return SPH_FAIL(err, -ENOENT, "%s is not installed", sph_guid_format(component, guid));
    if (app->manual == manual)
        return 0;
    sph_autoclose int folder = sph_dir_open(registry->fd, sph_guid_format(component, guid), err);
    if (folder < 0)
        return folder;
    if (manual) {
        int code = sph_file_replace(folder, SPH_PACKAGE_MANUAL, "", 0, 0600, err);
        if (code < 0)
            return code;
    } else if ((unlinkat(folder, SPH_PACKAGE_MANUAL, 0) < 0 && errno != ENOENT) ||
               fsync(folder) < 0) {
        return SPH_FAIL_ERRNO(err, -errno, "cannot change the start mode of %s", guid);
    }
    app->manual = manual;
    return 0;
}
