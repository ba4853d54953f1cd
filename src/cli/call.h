/* call: a device command that is one request, described by a row: where to, what of the options
 * goes into its body, and what of the answer is shown. */
#ifndef SPH_CLI_CALL_H
#define SPH_CLI_CALL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json_in.h"
#include "base/json_out.h"
#include "cli/frame/cli.h"
#include "cli/text/table.h"

/* How an option's value becomes a member of the body. */
enum sph_call_kind {
    SPH_CALL_TEXT,
    SPH_CALL_NUMBER, /* 0 to 4294967295; anything else is a wrong command line */
    SPH_CALL_LIST,   /* words with commas or blanks between: an array of strings */
    SPH_CALL_FILE,   /* the text of the file of that name */
    SPH_CALL_FIXED,  /* `json`, when the option was given or there is none */
};

/* One member; there is none in the body where its option was not given. */
struct sph_call_member {
    const char *key;           /* NULL ends a list */
    const char *option;        /* name in the command's options, or NULL (SPH_CALL_FIXED) */
    const char *json;          /* of SPH_CALL_FIXED */
    const char *const *values; /* the device's words for the option's choices, in their order */
    enum sph_call_kind kind;
};

/* What no row can say: adds members to the open object. 0 or negative errno with a sentence. */
typedef int sph_call_body_fn(const struct sph_args *args, struct sph_json_out *out,
                             struct sph_err *err);

/* Static. A '*' in `path`, `done` and `none` stands for the value of the option `id`. */
struct sph_call {
    const char *method;
    const char *path;                      /* ends before its last part when `id` was not given */
    const char *id;                        /* name of an option, or NULL */
    const struct sph_call_member *members; /* or NULL: no body, unless there is `add` */
    sph_call_body_fn *add;
    const char *list;                 /* the member that has the rows; NULL, or with `id`: the
                                         answer itself is the only row */
    const char *inner;                /* a list in each member of `list`, whose members are the
                                         rows; a column that they lack is that of the outer one */
    const struct sph_column *columns; /* `key`: member of a row. NULL: the answer is not shown */
    enum sph_table_style style;
    const char *sentence; /* instead of the table for people; '*' is the first cell */
    const char *none;     /* said when there is no row */
    const char *done;     /* said after it worked */
};

/* Runs cli->args.command->call. */
int sph_call_run(struct sph_cli *cli);
/* The same for a command whose options choose between calls. */
int sph_call_run_as(const struct sph_call *call, struct sph_cli *cli);

/* The path, with the id's bytes escaped as URIs need it. Pure. */
void sph_call_path(const struct sph_call *call, const char *id, struct sph_buf *buf);
/* The body: a JSON object. -EINVAL for a value that is none, -EBADMSG for a file that cannot be
 * read (-EIO, -ENOMEM and -EMFILE stay what they are), each with a sentence. */
int sph_call_body(const struct sph_call *call, const struct sph_args *args, struct sph_buf *buf,
                  struct sph_err *err);
/* Adds the rows of an answer. False when it has no such list. Pure. */
bool sph_call_fill(const struct sph_call *call, bool has_id, const struct sph_json_value *top,
                   struct sph_table *table);
/* `pattern` with `text` for each '*'. Pure. */
void sph_call_expand(const char *pattern, const char *text, struct sph_buf *buf);

#endif
