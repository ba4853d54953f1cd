/* run_job: what a command line asks to be run, as a package, and a device for it that is removed
 * afterwards. */
#ifndef SPH_CLI_RUN_JOB_H
#define SPH_CLI_RUN_JOB_H

#include "base/guid.h"
#include "cli/frame/cli.h"
#include "cli/image/elf_info.h"
#include "cli/run_app.h"
#include "cli/run_choice.h"
#include "cli/run_device.h"
#include "package/package.h"

/* The options that a command with a job has in its table: what follows it are its own. */
#define SPH_RUN_JOB_OPTIONS                                                                        \
    {.name = "ram", .value = "SIZE", .help = "the ration: 16K to 1G, whole pages (256K)"},         \
        {.name = "keep",                                                                           \
         .help = "leave the device (or, with --device, the application) afterwards"},              \
        {.name = "native",                                                                         \
         .help = "run it on this machine itself; else the program's processor decides"},           \
    {                                                                                              \
        .name = "virtual",                                                                         \
        .help = "run it on a virtual device; else the program's processor decides"                 \
    }

/* What it takes: a package or an executable, and arguments for it. */
extern const struct sph_positional sph_run_job_positionals[];

/* What is to be run. */
struct sph_run_job {
    struct sph_buf package;
    char id[SPH_GUID_TEXT];
    struct sph_run_needs needs;
    struct sph_elf elf; /* the program; of this machine where a package has none to look at */
    bool track_heap;    /* asked for with --heap, and not in vain */
    bool keep_stacks;   /* asked for with --heap-stacks, likewise */
    bool is_of_sdk;     /* the package is signed by the original SDK's development signer */
    struct sph_run_choice choice; /* of the device that is made for it */
};

#define SPH_RUN_JOB_NULL                                                                           \
    { .package = SPH_BUF_LIMIT(SPH_IMAGE_BYTES_MAX) }

/* Reads the file that the first positional names and makes the package, the others its arguments.
 * SPH_EXIT_OK to go on, else the status, its error said. */
int sph_run_job_prepare(const struct sph_cli *cli, struct sph_run_job *job);
void sph_run_job_done(struct sph_run_job *job);

/* What a command does on the device that is there; a status. */
typedef int sph_run_job_fn(const struct sph_cli *cli, struct sph_target *target,
                           const struct sph_run_job *job, void *context);
/* On the device of --device or on one made for it. The status of `fn`, or SPH_RUN_FAILED or
 * SPH_RUN_SIGNAL + N, its error said. */
int sph_run_job_run(const struct sph_cli *cli, const struct sph_run_job *job, sph_run_job_fn *fn,
                    void *context);
/* sph_run_app() with the application stopped if its end was not seen. *ret_signal is what ended the
 * run before the application did: a signal to us, SIGPIPE when nobody reads its output, 0. */
int sph_run_job_app(struct sph_target *target, const struct sph_run_app *app,
                    struct sph_run_end *ret_end, int *ret_signal, struct sph_err *err);

#endif
