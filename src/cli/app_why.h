/* app_why: why an application runs or does not, in one sentence. */
#ifndef SPH_CLI_APP_WHY_H
#define SPH_CLI_APP_WHY_H

#include <stddef.h>

#include "base/json_in.h"
#include "cli/frame/cli.h"

enum { SPH_APP_WHY_MAX = 320 }; /* bytes with the NUL */

/* Of a member of the list of /spherule/v1/apps; pure. */
void sph_app_why_format(const struct sph_json_value *app, char ret_text[SPH_APP_WHY_MAX]);

/* What `device app show-status --why` does: an exit status. */
int sph_app_why_run(struct sph_cli *cli);

#endif
