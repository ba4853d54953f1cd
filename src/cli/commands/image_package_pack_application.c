/* image-package pack-application: a package directory and its manifest made into an image
 * package.
 *
 * Nothing is written until everything is made: inputs are read whole, the manifest is checked in
 * its source form, the image is built and signed in memory, and the file is replaced by rename.
 * So a build that fails leaves the package of the last one that did not. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/development_key.h"
#include "cli/frame/cli.h"
#include "cli/image/pack.h"
#include "cli/image/package_file.h"
#include "cli/image/package_text.h"
#include "cli/image/wrap.h"

/* Names are those of the original's tool, old and new ("output-file" is the older), so that its
 * build files need no change. The letters are its first generation's, but for -o and -h, which mean
 * something else everywhere here. */
static const struct sph_option options[] = {
    {.name = "package-directory",
     .letter = 'i',
     .value = "DIR",
     .help = "the folder whose files go into the package",
     .kind = SPH_VALUE_DIR,
     .required = true},
    {.name = "destination",
     .alias = "output-file",
     .value = "FILE",
     .help = "the image package to write",
     .kind = SPH_VALUE_FILE,
     .required = true},
    {.name = "application-manifest",
     .value = "FILE",
     .help = "the manifest; else app_manifest.json of the folder",
     .kind = SPH_VALUE_FILE},
    {.name = "executables",
     .letter = 'x',
     .value = "PATHS",
     .help = "files that are executable beside those in ELF format"},
    {.name = "target-api-set",
     .letter = 's',
     .value = "N",
     .help = "the API set it is built for (16)"},
    {.name = "hardware-definitions",
     .value = "DIRS",
     .help = "folders with hardware definitions, with commas between",
     .kind = SPH_VALUE_DIR},
    {.name = "target-definition-filename",
     .value = "FILE",
     .help = "the definition that the manifest's '$NAME' refer to"},
    {.name = NULL},
};

/* "16", "16+Beta2209", or "latest-lts" and "latest-beta" for the newest. */
static int parse_api_set(const char *text, uint32_t *ret_api_set, struct sph_err *err) {
    char number[16];
    uint64_t value = SPH_DEFAULT_API_SET;
    size_t len = text ? strcspn(text, "+") : 0;
    if (text && strcmp(text, "latest-lts") != 0 && strcmp(text, "latest-beta") != 0) {
        (void)snprintf(number, sizeof(number), "%.*s", (int)len, text);
        if (len >= sizeof(number) || sph_text_to_u64(number, UINT32_MAX, &value) < 0 || value == 0)
            return SPH_FAIL(err, -EINVAL, "'%s' is no API set: it is a number such as 16", text);
    }
    *ret_api_set = (uint32_t)value;
    return 0;
}

/* sph_hardware_read_fn: the first of the folders that has the file; context is their list. */
static int read_definition(void *context, const char *path, struct sph_buf *ret_text,
                           struct sph_err *err) {
    const char *folders = context;
    if (*path == '/')
        return sph_file_read(AT_FDCWD, path, ret_text, err);
    while (*folders) {
        char full[PATH_MAX];
        size_t len = strcspn(folders, ",");
        (void)snprintf(full, sizeof(full), "%.*s/%s", (int)len, folders, path);
        if (len > 0 && faccessat(AT_FDCWD, full, R_OK, 0) == 0)
            return sph_file_read(AT_FDCWD, full, ret_text, err);
        folders += len;
        folders += *folders == ',';
    }
    return SPH_FAIL(err, -ENOENT, "hardware definition '%s' is in none of the folders given", path);
}

/* Folders without a definition's name change nothing: the manifest may need none. */
static int load_hardware(const struct sph_cli *cli, struct sph_hardware **ret_hardware,
                         struct sph_err *err) {
    const char *folders = sph_args_value(&cli->args, "hardware-definitions");
    const char *target = sph_args_value(&cli->args, "target-definition-filename");
    if (!target)
        return 0;
    return sph_hardware_load(target, read_definition, (void *)(folders ? folders : "."),
                             ret_hardware, err);
}

/* Replaced whole: an interrupted build leaves the old package, never half a one. */
static int write_package(const char *path, const struct sph_buf *package, struct sph_err *err) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    (void)snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1,
                   slash ? path : ".");
    sph_autoclose int dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dirfd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot write '%s'", path);
    int r =
        sph_file_replace(dirfd, slash ? slash + 1 : path, package->data, package->len, 0644, err);
    if (r < 0)
        sph_err_prefix(err, "cannot write '%s'", path);
    return r;
}

/* In the order in which a person would look: the folder, its manifest, the hardware it names. */
static int read_inputs(const struct sph_cli *cli, struct sph_pack *pack, struct sph_err *err) {
    int r = sph_pack_read(pack, sph_args_value(&cli->args, "package-directory"),
                          sph_args_value(&cli->args, "executables"),
                          sph_args_value(&cli->args, "application-manifest"), err);
    return r < 0 ? r : load_hardware(cli, &pack->hardware, err);
}

/* What the original's tool says with --verbose, in its words. */
static void say_metadata(const struct sph_cli *cli, const struct sph_buf *package) {
    struct sph_image image;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    if (!cli->verbose || sph_image_parse(package->data, package->len, &image, NULL) < 0)
        return;
    sph_package_text_metadata(&image, "verbose:   ", &text);
    sph_say_verbose(cli, "Wrote metadata:");
    (void)fprintf(stderr, "%s", text.data ? text.data : "");
}

/* A home is made for it if need be: packing is often the first command of all. */
static int open_key(struct sph_signer *signer, struct sph_err *err) {
    sph_autoclose int home_fd = sph_home_open(true, err);
    return home_fd < 0 ? home_fd : sph_development_key_open(home_fd, signer, err);
}

/* Everything is read before the key is made, and everything made before the file is touched. */
static int make(const struct sph_cli *cli, struct sph_pack *pack) {
    struct sph_err err = SPH_ERR_NULL;
    struct sph_signer signer;
    sph_autobuf struct sph_buf package = SPH_BUF_LIMIT(SPH_IMAGE_BYTES_MAX);
    const char *destination = sph_args_value(&cli->args, "destination");
    if (read_inputs(cli, pack, &err) < 0)
        return sph_say_input_failure(&err);
    if (open_key(&signer, &err) < 0)
        return sph_say_failure(&err);
    sph_say_verbose(cli, "Creating image package.");
    int r = sph_pack_build(pack, &signer, &package, &err);
    sph_signer_done(&signer);
    if (r < 0)
        return sph_say_input_failure(&err);
    sph_say_verbose(cli, "Azure Sphere application image package written.");
    sph_say_verbose(cli, "Appending metadata.");
    say_metadata(cli, &package);
    if (write_package(destination, &package, &err) < 0)
        return sph_say_failure_as(SPH_EXIT_IO, &err);
    sph_say_verbose(cli, "Packaging completed successfully.");
    sph_say_verbose(cli, "Output file is at: %s", destination);
    return SPH_EXIT_OK;
}

/* The command line's mistakes first (2), then those of its files (4). */
static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autopack struct sph_pack pack = SPH_PACK_NULL;
    if (parse_api_set(sph_args_value(&cli->args, "target-api-set"), &pack.api_set, &err) < 0)
        return sph_say_failure(&err);
    return make(cli, &pack);
}

const struct sph_command sph_cmd_image_package_pack_application = {
    .path = "image-package pack-application",
    .alias = "pack",
    .summary = "Make an image package of an application",
    .details =
        "It is signed with the development key in $SPHERULE_HOME/sdk, which is made on first "
        "use.",
    .options = options,
    .run = run,
};
