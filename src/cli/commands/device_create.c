/* device create: a folder with device.json in it; nothing runs yet. No right of root is needed
 * for it: metering begins with "device start", and a device may be prepared by a build that may
 * not meter. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/commands/commands.h"
#include "cli/device/device_config.h"
#include "cli/device/home.h"
#include "cli/device_make.h"
#include "cli/frame/cli.h"
#include "cli/image/package_file.h"

static const struct sph_option options[] = {
    {.name = "ram", .value = "SIZE", .help = "RAM limit of its applications, 16K to 1G (256K)"},
    {.name = "flash", .value = "SIZE", .help = "room for image packages, 16K to 1G (1M)"},
    {.name = "profile",
     .value = "FILE",
     .help = "JSON file with the device's limits",
     .kind = SPH_VALUE_FILE},
    {.name = "host-libraries", .help = "let applications also use this machine's libraries"},
    {.name = "virtual", .help = "a device in a machine of its own: 32-bit ARM, no root needed"},
    {.name = "network", .help = "let applications reach the outside (with --virtual)"},
    {.name = "forward",
     .value = "HOST:DEVICE",
     .help = "lead a port of 127.0.0.1 to one of the device (up to 16)",
     .repeated = true},
    {.name = NULL},
};

static const struct sph_positional positionals[] = {
    {.name = "NAME", .help = "a name for it ('default')"},
    {.name = NULL},
};

/* A profile is an input file: whatever is wrong with it has the status of one. */
static int read_profile(const char *path, struct sph_device_config *config, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(64 << 10);
    int r = sph_input_read("profile", path, &text, err);
    if (r < 0)
        return -EBADMSG; /* whatever it was, the input file is to blame */
    r = sph_device_config_parse_profile(text.data ? text.data : "", text.len, config, err);
    if (r < 0)
        sph_err_prefix(err, "%s", path);
    return r;
}

/* What only one kind of device can have. */
static int check_kind(const struct sph_args *args, struct sph_err *err) {
    bool is_virtual = sph_args_flag(args, "virtual");
    if (is_virtual && sph_args_flag(args, "host-libraries"))
        return SPH_FAIL(err, -EINVAL,
                        "--host-libraries cannot go together with --virtual: this machine's "
                        "libraries are not for the virtual device's processor");
    if (!is_virtual && sph_args_flag(args, "network"))
        return SPH_FAIL(err, -EINVAL, "--network is for a virtual device: give --virtual, too");
    if (!is_virtual && sph_args_flag(args, "forward"))
        return SPH_FAIL(err, -EINVAL, "--forward is for a virtual device: give --virtual, too");
    return 0;
}

static int read_forwards(const struct sph_args *args, struct sph_forwards *forwards,
                         struct sph_err *err) {
    int r = 0;
    for (unsigned i = 0; r == 0 && i < args->n_hits; i++)
        if (strcmp(args->hits[i].option->name, "forward") == 0)
            r = sph_forwards_add(forwards, args->hits[i].value, err);
    return r;
}

/* The options over the profile over the default. */
static int configure(const struct sph_cli *cli, struct sph_device_config *config,
                     struct sph_err *err) {
    const char *profile = sph_args_value(&cli->args, "profile");
    const char *ram = sph_args_value(&cli->args, "ram");
    const char *flash = sph_args_value(&cli->args, "flash");
    int r = check_kind(&cli->args, err);
    if (sph_args_flag(&cli->args, "virtual"))
        sph_device_config_make_virtual(config);
    if (r == 0)
        r = read_forwards(&cli->args, &config->forwards, err);
    if (r == 0 && profile)
        r = read_profile(profile, config, err);
    if (r == 0 && ram)
        r = sph_device_config_parse_size("--ram", ram, SPH_DEVICE_RAM_MIN, SPH_DEVICE_RAM_MAX,
                                         config->page_bytes, &config->ram_bytes, err);
    if (r == 0 && flash)
        r = sph_device_config_parse_size("--flash", flash, SPH_DEVICE_FLASH_MIN,
                                         SPH_DEVICE_FLASH_MAX, config->page_bytes,
                                         &config->flash_bytes, err);
    config->host_libraries = sph_args_flag(&cli->args, "host-libraries");
    config->network = sph_args_flag(&cli->args, "network");
    return r < 0 ? r : sph_device_config_check_ram(ram ? "--ram" : "the RAM", config, err);
}

/* The name may come as an argument or by --device; the argument holds. */
static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    const char *name = sph_args_positional(&cli->args, 0);
    name = name ? name : sph_args_value(&cli->args, "device");
    name = name ? name : "default";
    struct sph_device_config config;
    sph_device_config_default(name, &config);
    int r = configure(cli, &config, &err);
    if (r < 0)
        return sph_say_failure_as(sph_exit_of(r), &err);
    sph_autoclose int home_fd = sph_home_open(true, &err);
    if (home_fd < 0)
        return sph_say_failure(&err);
    sph_autoclose int device_fd = sph_device_make(home_fd, &config, &err);
    if (device_fd < 0)
        return sph_say_failure(&err);
    sph_say(cli, "Device '%s' created. Start it with '%s device start %s'.", name, cli->program,
            name);
    return SPH_EXIT_OK;
}

const struct sph_command sph_cmd_device_create = {
    .path = "device create",
    .summary = "Make a device",
    .details =
        "A native device (without --virtual) runs this machine's own programs and needs root and\n"
        "Linux 6.2 or newer to start; a virtual one runs programs for 32-bit ARM, in QEMU.\n"
        "A profile is a JSON object with any of: name, ramBytes, flashBytes, storageBytes,\n"
        "pageBytes, core. --ram and --flash hold over it.",
    .options = options,
    .positionals = positionals,
    .run = run,
};
