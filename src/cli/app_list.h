/* app_list: the applications of a device, as commands that work on "this one or all" need them. */
#ifndef SPH_CLI_APP_LIST_H
#define SPH_CLI_APP_LIST_H

#include <stdbool.h>

#include "base/guid.h"
#include "cli/device/target.h"

/* One installed application, as the device last told of it: nothing here is kept up to date. Text
 * is fit to be printed; what the device did not say is "", 0 or false. */
struct sph_app_row {
    char id[SPH_GUID_TEXT]; /* component, in lower case */
    char image_id[SPH_GUID_TEXT];
    char name[64];
    char state[16];         /* "running", "stopped", "debugging" */
    uint64_t package_bytes; /* of flash: the image, in whole pages */
    bool is_debugger;       /* the debugging server: "all applications" does not mean it */
    uint64_t restarts;      /* by the device, since a person or a boot started it */
    uint64_t last_report;   /* of its newest end that is kept; 0: there is none, and no why */
    char last_why[16], last_signal_name[16];
    uint64_t last_exit_code, last_signal;
    uint64_t next_start_ms; /* of one that waits to be started again; else 0 */
};

enum {
    SPH_APP_ROWS_MAX = 256
}; /* the agent installs 200 at most; its user ids have room for 256 */

/* Some 60 KB: fit for the stack of a command, of which there is one. */
struct sph_app_list {
    struct sph_app_row rows[SPH_APP_ROWS_MAX];
    unsigned count;
};

/* All installed applications, the debugger too. 0; -EPROTO with a sentence for an answer without a
 * list or with a longer one than fits; else the error of sph_target_ask(). */
int sph_app_list_read(struct sph_target *target, struct sph_app_list *ret_list,
                      struct sph_err *err);
/* "crash, SIGSEGV (report 7)" or "exit, exit code 3 (report 7)", of one with a last report. */
void sph_app_row_write_end(const struct sph_app_row *row, struct sph_buf *out);
/* The row of that id; NULL without one. */
const struct sph_app_row *sph_app_list_find(const struct sph_app_list *list, const char *id);
/* The one of --component-id, or all but the debugger when that is not given. 0; -EINVAL for an id
 * that is none; -ENOENT with a sentence when the list would be empty, so that callers never work on
 * nothing and call it success. */
int sph_app_list_choose(const struct sph_cli *cli, struct sph_target *target,
                        struct sph_app_list *ret_list, struct sph_err *err);

#endif
