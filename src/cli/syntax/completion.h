/* completion: shell scripts that complete commands, options and values, written from the command
 * table. */
#ifndef SPH_CLI_SYNTAX_COMPLETION_H
#define SPH_CLI_SYNTAX_COMPLETION_H

#include "base/buf.h"

enum sph_shell { SPH_SHELL_BASH, SPH_SHELL_ZSH, SPH_SHELL_FISH };

/* Appends the script, which serves both names of the program, for one of the shells.
 * Pure. What does not fit is in buf->error; such a script must not be shown. */
void sph_completion_write(enum sph_shell shell, struct sph_buf *buf);

#endif
