/* help: usage texts written from the command table. */
#ifndef SPH_CLI_SYNTAX_HELP_H
#define SPH_CLI_SYNTAX_HELP_H

#include "base/buf.h"
#include "cli/syntax/command.h"

/* Appends the help of one command, or of a group with its commands, in lines of at most 100
 * columns. Pure; a failure is in buf->error. */
void sph_help_write(const char *program, const struct sph_command *command, struct sph_buf *buf);
/* "PACKAGE [ARGS...]" and the like, for one command. */
void sph_help_synopsis(const char *program, const struct sph_command *command, struct sph_buf *buf);
/* What an option or argument is: its text, and what the parser enforces (choices, the second name,
 * whether it is required). */
void sph_help_option_text(const struct sph_option *row, struct sph_buf *buf);
void sph_help_positional_text(const struct sph_positional *row, struct sph_buf *buf);

#endif
