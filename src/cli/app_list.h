/* app_list: the applications of a device, as commands that work on "this one or all" need them. */
#ifndef SPH_CLI_APP_LIST_H
#define SPH_CLI_APP_LIST_H

#include <stdbool.h>

#include "base/guid.h"
#include "cli/target.h"

struct sph_app_row {
    char id[SPH_GUID_TEXT];
    char image_id[SPH_GUID_TEXT];
    char name[64];
    char state[16];
    uint64_t package_bytes;
    bool is_debugger;
};

enum { SPH_APP_ROWS_MAX = 64 };

struct sph_app_list {
    struct sph_app_row rows[SPH_APP_ROWS_MAX];
    unsigned count;
};

/* All installed applications. */
int sph_app_list_read(struct sph_target *target, struct sph_app_list *ret_list,
                      struct sph_err *err);
/* The one of --component-id, or all but the debugger when that is not given. -ENOENT with a
 * sentence when the list would be empty. */
int sph_app_list_choose(const struct sph_cli *cli, struct sph_target *target,
                        struct sph_app_list *ret_list, struct sph_err *err);

#endif
