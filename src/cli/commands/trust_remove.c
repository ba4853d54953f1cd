/* trust remove: a device takes no more packages of this signer; what is installed stays, since
 * its signature was checked when it came. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/development_key.h"
#include "cli/frame/cli.h"

static const struct sph_positional positionals[] = {
    {.name = "THUMBPRINT", .help = "as 'trust list' shows it (else the development key's)"},
    {.name = NULL},
};

enum { THUMBPRINT_TEXT = 2 * SPH_IMAGE_THUMBPRINT_BYTES + 1 };

/* Either case is taken; the device's form is lower case. */
static int read_thumbprint(const char *text, char ret_text[THUMBPRINT_TEXT], struct sph_err *err) {
    uint8_t bytes[SPH_IMAGE_THUMBPRINT_BYTES];
    if (strlen(text) != THUMBPRINT_TEXT - 1 || sph_hex_to_bytes(text, sizeof(bytes), bytes) < 0)
        return SPH_FAIL(err, -EINVAL, "'%s' is no thumbprint: it has %d hexadecimal digits", text,
                        THUMBPRINT_TEXT - 1);
    sph_bytes_to_hex(bytes, sizeof(bytes), ret_text);
    return 0;
}

/* Made on the spot when there is no key yet; removing it is then the device's 404. */
static int development_thumbprint(int home_fd, char ret_text[THUMBPRINT_TEXT],
                                  struct sph_err *err) {
    struct sph_signer signer;
    int r = sph_development_key_open(home_fd, &signer, err);
    if (r < 0)
        return r;
    sph_bytes_to_hex(signer.identity.thumbprint, SPH_IMAGE_THUMBPRINT_BYTES, ret_text);
    sph_signer_done(&signer);
    return 0;
}

static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autotarget struct sph_target target = SPH_TARGET_NULL;
    const char *given = sph_args_positional(&cli->args, 0);
    char thumbprint[THUMBPRINT_TEXT];
    char path[96];
    if (given && read_thumbprint(given, thumbprint, &err) < 0)
        return sph_say_failure(&err);
    if (sph_target_open(cli, NULL, &target, &err) < 0)
        return sph_say_failure(&err);
    if (!given && development_thumbprint(target.home_fd, thumbprint, &err) < 0)
        return sph_say_failure(&err);
    (void)snprintf(path, sizeof(path), "/spherule/v1/trust/%s", thumbprint);
    if (sph_target_call(&target, "DELETE", path, NULL, &err) < 0)
        return sph_say_failure(&err);
    sph_say(cli, "Device '%s' no longer trusts %s.", target.name, thumbprint);
    return SPH_EXIT_OK;
}

/* The argument may be left out for the most common wish: to see a device refuse one's own packages.
 */
const struct sph_command sph_cmd_trust_remove = {
    .path = "trust remove",
    .summary = "Make a device trust a signer no longer",
    .details = "Applications that are installed stay.",
    .positionals = positionals,
    .run = run,
};
