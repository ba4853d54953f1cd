/* completion: the script that teaches a shell our commands. It is text whatever --output says: a
 * script has no other form, and who asks for one wants to have it. */
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/frame/cli.h"
#include "cli/syntax/completion.h"

static const char *const shells[] = {"bash", "zsh", "fish", NULL}; /* order of enum sph_shell */

static const struct sph_positional positionals[] = {
    {.name = "SHELL",
     .help = "the shell to write for",
     .choices = shells,
     .kind = SPH_VALUE_CHOICE,
     .required = true},
    {.name = NULL},
};

/* The parser has checked the word against the same list. */
static int run(struct sph_cli *cli) {
    const char *word = sph_args_positional(&cli->args, 0);
    unsigned shell = 0;
    while (strcmp(shells[shell], word) != 0)
        shell++;
    sph_autobuf struct sph_buf script = SPH_BUF_NULL;
    sph_completion_write((enum sph_shell)shell, &script);
    struct sph_cli as_text = *cli;
    as_text.output = SPH_OUTPUT_TABLE; /* a script has no other form */
    as_text.query = NULL;
    return sph_cli_answer(&as_text, &(struct sph_answer){.human = &script});
}

const struct sph_command sph_cmd_completion = {
    .path = "completion",
    .summary = "Write a shell's completion script",
    .details = "bash:  source <(spherule completion bash)\n"
               "zsh:   spherule completion zsh > DIR-OF-FPATH/_spherule\n"
               "fish:  spherule completion fish > ~/.config/fish/completions/spherule.fish",
    .positionals = positionals,
    .run = run,
};
