/* Everything that is not data goes to standard error in the prefixed lines that scripts know to
 * drop: "error: " exactly once for a failure, "warn: " and "verbose: " never for one
 * (docs/spec/cli-exit.md, section 4). Standard output is left to the data, so that a pipe gets
 * nothing else. */
#include <stdarg.h>
#include <stdio.h>

#include "cli/frame/cli.h"

static void say(const char *prefix, const char *fmt, va_list args) SPH_PRINTF(2, 0);

/* One line by one write, so that lines of several processes do not mix. */
static void say(const char *prefix, const char *fmt, va_list args) {
    char text[4096]; /* of the longest path and a sentence around it, cut at the end */
    (void)vsnprintf(text, sizeof(text), fmt, args);
    (void)fprintf(stderr, "%s%s\n", prefix, text);
    (void)fflush(stderr);
}

void sph_say_error(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say("error: ", fmt, args);
    va_end(args);
}

void sph_say_warn(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say("warn: ", fmt, args);
    va_end(args);
}

void sph_say_verbose(const struct sph_cli *cli, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    if (cli->verbose)
        say("verbose: ", fmt, args);
    va_end(args);
}

/* For people: who asked for no output wants none of it, here either. */
void sph_say(const struct sph_cli *cli, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    if (cli->output != SPH_OUTPUT_NONE)
        say("", fmt, args);
    va_end(args);
}

/* The text has no prefix and no full stop of its own to lose: it is one sentence, as it is. */
int sph_say_failure_as(int status, const struct sph_err *err) {
    sph_say_error("%s", err->text);
    return status;
}

int sph_say_failure(const struct sph_err *err) {
    return sph_say_failure_as(sph_exit_of(err->code), err);
}

/* For mistakes that only the command itself can see, after the parser had no objection. */
int sph_say_usage(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say("error: ", fmt, args);
    va_end(args);
    return SPH_EXIT_USAGE;
}
