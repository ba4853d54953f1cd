/* man: manual pages written from the command table. */
#ifndef SPH_CLI_SYNTAX_MAN_H
#define SPH_CLI_SYNTAX_MAN_H

#include "base/buf.h"
#include "cli/syntax/command.h"

enum { SPH_MAN_NAME_SIZE = 96 };

/* "spherule", "spherule-device-list": the page of a command or group. */
void sph_man_name(const struct sph_command *command, char ret_name[SPH_MAN_NAME_SIZE]);
/* Appends the page, for section 1, in roff with the macros of man(7) and nothing but ASCII. Pure; a
 * failure is in buf->error. */
void sph_man_write(const struct sph_command *command, struct sph_buf *buf);

#endif
