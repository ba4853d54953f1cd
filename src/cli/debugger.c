/* It is installed when it is first needed: its package takes flash that applications may want, and
 * most devices are never debugged on. Shipping it signed was rejected: a device trusts the key of
 * its owner, and no other. */
#include "cli/debugger.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/app_list.h"
#include "cli/development_key.h"
#include "cli/device/device_config.h"
#include "cli/device/launch_program.h"
#include "cli/image/pack.h"
#include "cli/image/package_file.h"
#include "cli/image/wrap.h"
#include "cli/sideload.h"

/* docs/spec/machine.md, section 1.1. */
static int find_folder(char ret_path[PATH_MAX], struct sph_err *err) {
    char programs[PATH_MAX / 2], manifest[PATH_MAX + 32];
    const char *images = getenv("SPHERULE_DEVICE_IMAGES");
    if (images && *images) {
        (void)snprintf(ret_path, PATH_MAX, "%s/debugger", images);
    } else {
        sph_program_folder(programs, sizeof(programs));
        (void)snprintf(ret_path, PATH_MAX, "%s/../lib/spherule/device/debugger", programs);
    }
    (void)snprintf(manifest, sizeof(manifest), "%s/" SPH_MANIFEST_PATH, ret_path);
    if (access(manifest, R_OK) == 0)
        return 0;
    return SPH_FAIL(err, -EIO,
                    "the device has no debugging server, and there is none to install: 'make "
                    "device' builds it, or set SPHERULE_DEVICE_IMAGES to the folder that has "
                    "'debugger' (looked at %s)",
                    ret_path);
}

static int build_from_folder(const struct sph_signer *signer, struct sph_buf *ret_package,
                             struct sph_err *err) {
    char folder[PATH_MAX];
    sph_autopack struct sph_pack pack = SPH_PACK_NULL;
    int r = find_folder(folder, err);
    if (r == 0)
        r = sph_pack_read(&pack, folder, NULL, NULL, err);
    return r < 0 ? r : sph_pack_build(&pack, signer, ret_package, err);
}

/* As a shell would, but for entries that are relative: what is signed and given to a device is not
 * to depend on the folder one stands in. */
static bool find_gdbserver(char *ret_path, size_t size) {
    const char *path = getenv("PATH");
    for (size_t len; path && *path; path += len + (path[len] == ':')) {
        len = strcspn(path, ":");
        (void)snprintf(ret_path, size, "%.*s/gdbserver", (int)len, path);
        if (*path == '/' && access(ret_path, X_OK) == 0)
            return true;
    }
    return false;
}

/* It uses this machine's libraries, which a native device's debugger has. */
static int build_from_host(const struct sph_signer *signer, struct sph_buf *ret_package,
                           struct sph_err *err) {
    char path[PATH_MAX];
    sph_autobuf struct sph_buf program = SPH_BUF_LIMIT(SPH_IMAGE_BYTES_MAX);
    if (!find_gdbserver(path, sizeof(path)))
        return SPH_DEBUGGER_E_NONE;
    int r = sph_input_read("debugging server", path, &program, err);
    return r < 0 ? r : sph_wrap_debugger(&program, signer, ret_package, err);
}

static int build(bool is_virtual, int home_fd, struct sph_buf *ret_package, struct sph_err *err) {
    struct sph_signer signer;
    int r = sph_development_key_open(home_fd, &signer, err);
    if (r < 0)
        return r;
    r = is_virtual ? build_from_folder(&signer, ret_package, err)
                   : build_from_host(&signer, ret_package, err);
    sph_signer_done(&signer);
    return r;
}

static bool has_debugger(const struct sph_app_list *list) {
    for (unsigned i = 0; i < list->count; i++)
        if (list->rows[i].is_debugger)
            return true;
    return false;
}

/* Never started: the device itself starts it, for each application that is debugged. */
static int install(const struct sph_cli *cli, struct sph_target *target, bool is_virtual,
                   struct sph_err *err) {
    struct sph_app_list list;
    sph_autobuf struct sph_buf package = SPH_BUF_LIMIT(SPH_IMAGE_BYTES_MAX);
    int r = sph_app_list_read(target, &list, err);
    if (r < 0 || has_debugger(&list))
        return r;
    r = build(is_virtual, target->home_fd, &package, err);
    if (r != 0)
        return r;
    sph_say(cli, "Installing the debugging server on device '%s'.", target->name);
    return sph_sideload(target, package.data, package.len, true, err);
}

int sph_debugger_provide(const struct sph_cli *cli, struct sph_target *target,
                         struct sph_err *err) {
    struct sph_device_config config;
    int r = sph_device_config_read(target->device_fd, &config, err);
    if (r < 0 || !sph_device_config_is_virtual(&config))
        return r;
    return install(cli, target, true, err);
}

int sph_debugger_install(const struct sph_cli *cli, struct sph_target *target,
                         struct sph_err *err) {
    struct sph_device_config config;
    int r = sph_device_config_read(target->device_fd, &config, err);
    return r < 0 ? r : install(cli, target, sph_device_config_is_virtual(&config), err);
}
