/* device sideload deploy: one image package onto a device, started unless told otherwise. "the
 * attached device" is the original's phrase; there it was a board on USB. */
#include "cli/app_list.h"
#include "cli/commands/commands.h"
#include "cli/deployment_timeout.h"
#include "cli/early_end.h"
#include "cli/frame/cli.h"
#include "cli/image/package_file.h"
#include "cli/sideload.h"

/* --force is for tests of devices: what does not look like a package here is the device's to
 * refuse. */
static const struct sph_option options[] = {
    {.name = "image-package",
     .alias = "imagepackage",
     .letter = 'p',
     .value = "PATH",
     .help = "the image package to deploy",
     .kind = SPH_VALUE_FILE,
     .required = true},
    {.name = "manual-start", .letter = 'm', .help = "do not start the application"},
    {.name = "force", .help = "send it even if it does not look like a package for this device"},
    {.name = NULL},
};

/* Looks at the package before it travels: the device would say less about what is wrong with it. */
static int read_package(const struct sph_cli *cli, const char *path, struct sph_buf *bytes,
                        char ret_id[SPH_GUID_TEXT], struct sph_err *err) {
    struct sph_package package;
    ret_id[0] = '\0';
    if (sph_args_flag(&cli->args, "force"))
        return sph_input_read("image package", path, bytes, err);
    int r = sph_package_file_read(path, bytes, &package, err);
    if (r == 0)
        (void)sph_guid_format(&package.image.component_id, ret_id);
    return r;
}

/* The sentences are the original's to the letter; build scripts wait for the last of them. */
static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(SPH_IMAGE_BYTES_MAX);
    const char *path = sph_args_value(&cli->args, "image-package");
    uint64_t timeout_s = 0;
    char id[SPH_GUID_TEXT]; /* "" when nobody has looked */
    if (read_package(cli, path, &bytes, id, &err) < 0)
        return sph_say_input_failure(&err);
    if (sph_deployment_timeout_read(&timeout_s, &err) < 0 ||
        sph_target_open(cli, NULL, &target, &err) < 0)
        return sph_say_failure(&err);
    sph_say(cli, "Deploying '%s' to the attached device.", path);
    const struct sph_sideload_plan plan = {.package = bytes.data,
                                           .len = bytes.len,
                                           .manual = sph_args_flag(&cli->args, "manual-start"),
                                           .timeout_ms = timeout_s * 1000};
    if (sph_sideload_within(&target, &plan, &err) < 0) {
        sph_err_prefix(&err, "Could not deploy application to device");
        return sph_say_failure(&err);
    }
    sph_say(cli, "Image package '%s' has been deployed to the attached device.", path);
    if (!plan.manual && id[0])
        sph_early_end_warn(&target, (const char *const[]){id}, 1);
    return SPH_EXIT_OK;
}

const struct sph_command sph_cmd_device_sideload_deploy = {
    .path = "device sideload deploy",
    .summary = "Put an application on a device and start it",
    .details = "An application with the same component id is replaced.",
    .options = options,
    .run = run,
};
