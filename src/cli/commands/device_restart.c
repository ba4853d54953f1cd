/* device restart: as if its power had been cut and given back. The request is the original's
 * (POST /restart); that it is done is seen by the boot id, which every start of the agent draws
 * anew. Waiting for the connection to break was rejected: a fast restart would be missed. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/commands/commands.h"
#include "cli/device/target.h"
#include "cli/frame/cli.h"

enum {
    BACK_TIMEOUT_MS =
        20000, /* apps get their grace time first; the start takes some tenths of a second */
    BACK_STEP_MS = 20, /* a person does not see it */
};

/* The device's boot, which a restart changes; "" while it cannot be had. */
static void read_boot(struct sph_target *target, char ret_boot[SPH_GUID_TEXT]) {
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    struct sph_json_value top;
    ret_boot[0] = '\0';
    if (sph_target_ask(target, "GET", "/spherule/v1/device", NULL, &text, &top, NULL) == 0)
        sph_answer_text(&top, "bootId", ret_boot, SPH_GUID_TEXT);
}

/* By the clock: a device that is coming up may take its time for each answer too. */
static bool await_boot(struct sph_target *target, const char *old_boot) {
    uint64_t end = sph_clock_monotonic_ms() + BACK_TIMEOUT_MS;
    while (sph_clock_monotonic_ms() < end) {
        char boot[SPH_GUID_TEXT];
        read_boot(target, boot);
        if (*boot && strcmp(boot, old_boot) != 0)
            return true;
        (void)usleep(BACK_STEP_MS * 1000);
    }
    return false;
}

/* The boot id is read before the request: afterwards it might be the new one already. */
static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    char boot[SPH_GUID_TEXT];
    if (sph_target_open(cli, NULL, &target, &err) < 0)
        return sph_say_failure(&err);
    read_boot(&target, boot);
    const struct sph_rest_request request = {
        .method = "POST", .path = "/restart", .type = "text/plain"};
    if (sph_rest_call(target.rest, &request, NULL, &err) < 0)
        return sph_say_failure(&err);
    if (!await_boot(&target, boot)) {
        sph_say_error("device '%s' did not come back within %d s", target.name,
                      BACK_TIMEOUT_MS / 1000);
        return SPH_EXIT_UNREACHABLE;
    }
    sph_say(cli, "Device '%s' restarted.", target.name);
    return SPH_EXIT_OK;
}

const struct sph_command sph_cmd_device_restart = {
    .path = "device restart",
    .summary = "Restart a device",
    .details = "Applications are stopped, and those that start by themselves are started again.\n"
               "The command waits until the device is back.",
    .run = run,
};
