/* The file becomes a package, its processor chooses the kind of device, and the device goes again
 * on every way out that a program can see; for SIGKILL there is the next run's sweep
 * (run_device.c). What is done in between is the command's, by a function of its own. */
#include "cli/run_job.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/development_key.h"
#include "cli/device/device_config.h"
#include "cli/device/host_meter.h"
#include "cli/device/interrupt.h"
#include "cli/image/package_file.h"
#include "cli/image/wrap.h"
#include "cli/run_device.h"

const struct sph_positional sph_run_job_positionals[] = {
    {.name = "PACKAGE-or-EXECUTABLE",
     .help = "an image package, or a program to put into one",
     .kind = SPH_VALUE_FILE,
     .required = true},
    {.name = "ARGS", .help = "arguments for it, in place of the manifest's CmdArgs", .rest = true},
    {.name = NULL},
};

/* The device is made to fit: the host's libraries only where the loader is not the device's own. */
static int wrap_executable(const struct sph_cli *cli, const struct sph_buf *bytes,
                           const struct sph_signer *signer, struct sph_run_job *job,
                           struct sph_err *err) {
    struct sph_guid id;
    char *const *args = cli->args.positionals;
    int r = sph_elf_inspect(bytes->data, bytes->len, &job->elf, err);
    if (r == 0)
        r = sph_run_check_loader(&job->elf, err);
    if (r == 0)
        r = sph_wrap_executable(sph_text_file_name(args[0]), bytes, (char *const *)args + 1,
                                cli->args.n_positionals - 1, signer, &id, &job->package, err);
    if (r < 0)
        return r;
    sph_guid_format(&id, job->id);
    job->needs.is_wrapped = true;
    job->needs.host_libraries = job->elf.needs == SPH_ELF_HOST;
    return 0;
}

/* A device made for this run is made for its processor. A named device may be of any kind, and says
 * for itself what it can run. */
static int inspect_program(const struct sph_cli *cli, const struct sph_package *package,
                           struct sph_run_job *job, struct sph_err *err) {
    struct sph_fs_entry entry;
    if (sph_args_flag(&cli->args, "device") ||
        sph_fs_find(&package->fs, package->manifest.entry_point, &entry) < 0)
        return 0;
    return sph_elf_inspect(entry.data, entry.size_bytes, &job->elf, err);
}

/* Untouched as long as nothing is to be changed: its signature is then its maker's. */
static int take_package(const struct sph_cli *cli, struct sph_buf *bytes,
                        const struct sph_signer *signer, struct sph_run_job *job,
                        struct sph_err *err) {
    struct sph_package package;
    struct sph_manifest_notes notes = {.device_error = 0};
    int r = sph_package_parse(bytes->data, bytes->len, NULL, &package, &notes, err);
    if (r == 0)
        r = inspect_program(cli, &package, job, err);
    if (r < 0)
        return r;
    sph_guid_format(&package.image.component_id, job->id);
    if (cli->args.n_positionals > 1)
        return sph_wrap_with_args(&package, cli->args.positionals + 1, cli->args.n_positionals - 1,
                                  signer, &job->package, err);
    job->is_of_sdk = memcmp(package.image.thumbprint, sph_trust_sdk_development.thumbprint,
                            sizeof(package.image.thumbprint)) == 0;
    sph_buf_append(&job->package, bytes->data, bytes->len);
    return job->package.error;
}

/* The options that are about the device to be made; with --device there is none. */
static int check_options(const struct sph_args *args, struct sph_err *err) {
    static const struct {
        const char *option, *why;
    } rows[] = {{"ram", "the device has its limit"},
                {"native", "the device is of a kind already"},
                {"virtual", "the device is of a kind already"}};
    for (size_t i = 0; sph_args_flag(args, "device") && i < SPH_ARRAY_SIZE(rows); i++)
        if (sph_args_flag(args, rows[i].option))
            return SPH_FAIL(err, -EINVAL, "--%s cannot be used with --device: %s", rows[i].option,
                            rows[i].why);
    if (sph_args_flag(args, "native") && sph_args_flag(args, "virtual"))
        return SPH_FAIL(err, -EINVAL, "--native and --virtual cannot go together");
    return 0;
}

/* Sudo is asked only where the answer depends on it. */
static int choose_device(const struct sph_cli *cli, struct sph_run_job *job, struct sph_err *err) {
    struct sph_run_facts facts = {.elf = job->elf, .host = SPH_HOST_METERS};
    struct sph_host_facts host;
    if (sph_args_flag(&cli->args, "native"))
        facts.wish = SPH_RUN_NATIVE;
    else if (sph_args_flag(&cli->args, "virtual"))
        facts.wish = SPH_RUN_VIRTUAL;
    if (sph_run_choice_asks_host(&facts)) {
        sph_host_facts_read(&host);
        facts.host = sph_host_meter_decide(&host);
    }
    return sph_run_choose(&facts, &job->choice, err);
}

int sph_run_job_prepare(const struct sph_cli *cli, struct sph_run_job *job) {
    struct sph_err err = SPH_ERR_NULL;
    struct sph_signer signer;
    sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(SPH_IMAGE_BYTES_MAX);
    const char *path = cli->args.positionals[0];
    const char *ram = sph_args_value(&cli->args, "ram");
    if (check_options(&cli->args, &err) < 0)
        return sph_say_failure_as(SPH_RUN_FAILED, &err);
    if (ram && sph_device_config_parse_size("--ram", ram, SPH_DEVICE_RAM_MIN, SPH_DEVICE_RAM_MAX,
                                            4096, &job->needs.ram_bytes, &err) < 0)
        return sph_say_failure_as(SPH_RUN_FAILED, &err);
    if (sph_input_read("file", path, &bytes, &err) < 0)
        return sph_say_failure_as(SPH_RUN_FAILED, &err);
    sph_autoclose int home_fd = sph_home_open(true, &err);
    if (home_fd < 0 || sph_development_key_open(home_fd, &signer, &err) < 0)
        return sph_say_failure_as(SPH_RUN_FAILED, &err);
    bool is_package = bytes.len > 4 && memcmp(bytes.data, "\177ELF", 4) != 0;
    int r = is_package ? take_package(cli, &bytes, &signer, job, &err)
                       : wrap_executable(cli, &bytes, &signer, job, &err);
    sph_signer_done(&signer);
    if (r == 0 && !sph_args_flag(&cli->args, "device"))
        r = choose_device(cli, job, &err);
    if (r < 0) {
        sph_err_prefix(&err, "%s", path);
        return sph_say_failure_as(SPH_RUN_FAILED, &err);
    }
    job->keep_stacks = sph_args_flag(&cli->args, "heap-stacks");
    job->track_heap = sph_args_flag(&cli->args, "heap") || job->keep_stacks;
    if (job->track_heap && job->elf.needs == SPH_ELF_STATIC && !is_package) {
        job->track_heap = job->keep_stacks =
            false; /* asked for, the report would say it once more */
        sph_say_warn("'%s' is linked statically: its heap cannot be tracked, since nothing can "
                     "stand before its malloc; link it dynamically",
                     path);
    }
    job->needs.is_virtual = job->choice.is_virtual;
    job->needs.package_bytes = job->package.len;
    return SPH_EXIT_OK;
}

/* Removing comes after every end, an interrupt's too; its own failure does not hide the status. */
static int run_thrown_away(const struct sph_cli *cli, const struct sph_run_job *job,
                           sph_run_job_fn *fn, void *context) {
    struct sph_err err = SPH_ERR_NULL;
    struct sph_run_device device = SPH_RUN_DEVICE_NULL;
    if (sph_run_device_make(cli, &job->needs, &device, &err) < 0)
        return sph_interrupt_signal() ? SPH_RUN_SIGNAL + sph_interrupt_signal()
                                      : sph_say_failure_as(SPH_RUN_FAILED, &err);
    sph_say(cli,
            job->choice.is_virtual ? "Running on a virtual device: %s." : "Running natively: %s.",
            job->choice.why);
    int status;
    /* who names the package has asked for it, and nothing else will ever be on this device */
    if (job->is_of_sdk && sph_target_trust(&device.target, &sph_trust_sdk_development, &err) < 0)
        status = sph_say_failure_as(SPH_RUN_FAILED, &err);
    else
        status = fn(cli, &device.target, job, context);
    if (sph_args_flag(&cli->args, "keep")) {
        sph_say(cli, "Device '%s' is kept.", device.target.name);
        sph_run_device_keep(&device);
    } else if (sph_run_device_remove(&device, &err) < 0) {
        sph_say_warn("the device made for this run could not be removed: %s", err.text);
    }
    return status;
}

/* Asked before it is deployed. When the answer cannot be had it counts as new, and is taken off
 * again. */
static bool is_installed(struct sph_target *target, const char *id) {
    char path[80];
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top, state;
    (void)snprintf(path, sizeof(path), "/app/status/%s", id);
    return sph_target_ask(target, "GET", path, NULL, &text, &top, NULL) == 0 &&
           sph_json_get(&top, "state", &state) && !sph_json_is(&state, "notPresent");
}

/* On a device of the user's: what was not there before is taken off again. */
static int run_on_named(const struct sph_cli *cli, const struct sph_run_job *job,
                        sph_run_job_fn *fn, void *context) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    char path[80];
    if (sph_target_open(cli, NULL, &target, &err) < 0)
        return sph_say_failure_as(SPH_RUN_FAILED, &err);
    bool keep = sph_args_flag(&cli->args, "keep") || is_installed(&target, job->id);
    int status = fn(cli, &target, job, context);
    (void)snprintf(path, sizeof(path), "/app/image/%s", job->id);
    if (!keep && sph_target_call(&target, "DELETE", path, NULL, &err) < 0 &&
        status != SPH_RUN_FAILED) /* a failed run has told its reason already */
        sph_say_warn("the application could not be taken off the device: %s", err.text);
    return status;
}

int sph_run_job_run(const struct sph_cli *cli, const struct sph_run_job *job, sph_run_job_fn *fn,
                    void *context) {
    return sph_args_flag(&cli->args, "device") ? run_on_named(cli, job, fn, context)
                                               : run_thrown_away(cli, job, fn, context);
}

void sph_run_job_done(struct sph_run_job *job) {
    sph_buf_done(&job->package);
}

/* What ended the run before the application did: a signal to us, or nobody reading its output any
 * more, which a shell would see as SIGPIPE. 0 for none. */
static int cut_short_by(const struct sph_run_end *end, int result) {
    if (end->has_ended)
        return 0;
    return result == -EPIPE ? SIGPIPE : sph_interrupt_signal();
}

/* If the end was not seen, the application is stopped: it may still run. */
int sph_run_job_app(struct sph_target *target, const struct sph_run_app *app,
                    struct sph_run_end *ret_end, int *ret_signal, struct sph_err *err) {
    int r = sph_interrupt_signal() ? -ECANCELED : sph_run_app(target, app, ret_end, err);
    *ret_signal = cut_short_by(ret_end, r);
    if (!ret_end->has_ended) {
        sph_interrupt_clear();
        (void)sph_run_app_stop(target, app->id, NULL); /* ignoring: it may not have begun */
    }
    return r;
}
