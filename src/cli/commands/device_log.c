/* device log: what the applications wrote, as the device keeps it; with --follow also what comes.
 *
 * Bytes pass as they are, control characters too: it is the applications' own output, and whoever
 * wants it made harmless has a pager for that. Without --follow it is one answer, and a log that is
 * overwritten meanwhile ends it early; with it, each piece is asked for by the number of its first
 * byte. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/commands/commands.h"
#include "cli/device/interrupt.h"
#include "cli/device/target.h"
#include "cli/frame/cli.h"

enum { WAIT_MS = 20000 }; /* for one answer while following: below the device's 30 s */

static const struct sph_option options[] = {
    {.name = "follow", .letter = 'f', .help = "go on with what is written from now, until Ctrl+C"},
    {.name = NULL},
};

/* Straight to standard output, piece by piece. */
static int on_log(void *context, const char *data, size_t len) {
    int *error = context;
    *error = sph_fd_write_full(STDOUT_FILENO, data, len);
    return *error;
}

static int fetch_all(struct sph_target *target, int *error, struct sph_err *err) {
    const struct sph_rest_request request = {.method = "GET",
                                             .path = "/log",
                                             .sink = on_log,
                                             .sink_context = error,
                                             .cancel = sph_interrupt_flag()};
    return sph_rest_call(target->rest, &request, NULL, err);
}

/* From the oldest byte kept to whatever comes, without a gap: the device says where each piece
 * ended, and holds the applications' output while the reader of that number is behind. */
static int follow(struct sph_target *target, int *error, struct sph_err *err) {
    struct sph_rest_header headers[] = {
        {.name = "Spherule-Log-Cursor"}, {.name = "Spherule-Log-Lost"}, {.name = NULL}};
    char cursor[32] = "0";
    uint64_t reader = (uint64_t)getpid() << 32 | (sph_clock_wall_ms() & UINT32_MAX);
    int r = 0;
    while (r == 0) {
        char path[128];
        (void)snprintf(path, sizeof(path), "/spherule/v1/log?cursor=%s&waitMs=%d&reader=%llu",
                       cursor, WAIT_MS, (unsigned long long)reader);
        const struct sph_rest_request request = {.method = "GET",
                                                 .path = path,
                                                 .sink = on_log,
                                                 .sink_context = error,
                                                 .headers = headers,
                                                 .cancel = sph_interrupt_flag()};
        r = sph_rest_call(target->rest, &request, NULL, err);
        if (r == 0 && strcmp(headers[1].value, "0") != 0 && strcmp(cursor, "0") != 0)
            sph_say_warn("%s bytes of the log were overwritten before they could be shown",
                         headers[1].value);
        (void)snprintf(cursor, sizeof(cursor), "%.31s", headers[0].value);
    }
    return r;
}

/* Both ways out of --follow are good ones: Ctrl+C, and a reader that has seen enough. */
static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    int error = 0;
    if (sph_target_open(cli, NULL, &target, &err) < 0)
        return sph_say_failure(&err);
    sph_interrupt_catch();
    bool following = sph_args_flag(&cli->args, "follow");
    int r = following ? follow(&target, &error, &err) : fetch_all(&target, &error, &err);
    if (sph_interrupt_signal() && following)
        return SPH_EXIT_OK; /* Ctrl+C is the way out */
    if (error == -EPIPE)
        return SPH_EXIT_OK; /* the reader has seen enough */
    if (error < 0) {
        SPH_FAIL_ERRNO(&err, error, "cannot write to standard output");
        return sph_say_failure_as(SPH_EXIT_IO, &err);
    }
    return r < 0 ? sph_say_failure(&err) : SPH_EXIT_OK;
}

const struct sph_command sph_cmd_device_log = {
    .path = "device log",
    .summary = "Show what the applications wrote",
    .options = options,
    .run = run,
};
