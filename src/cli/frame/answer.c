/* The one place that knows the forms of an answer. A command builds it once, as a table, as
 * sentences, as JSON; a query works on the JSON, whatever the form is, and what it makes is drawn
 * from there. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/frame/cli.h"
#include "cli/text/json_pretty.h"
#include "cli/text/json_table.h"
#include "cli/text/query.h"
#include "cli/text/yaml.h"

enum { JSON_MAX = 16 << 20 /* bytes: the largest answers have some MiB */ };

/* Everything that is data leaves through here, whole or not at all. */
int sph_cli_write_out(const struct sph_buf *buf) {
    struct sph_err err = SPH_ERR_NULL;
    if (buf->error)
        SPH_FAIL_ERRNO(&err, buf->error, "cannot make the answer");
    int r = buf->error ? buf->error : sph_fd_write_full(STDOUT_FILENO, buf->data, buf->len);
    if (r == 0)
        return SPH_EXIT_OK;
    if (!err.code)
        SPH_FAIL_ERRNO(&err, r, "cannot write to standard output");
    return sph_say_failure_as(SPH_EXIT_IO, &err);
}

/* Sentences that lost a part are no answer: what is left of them would be read as all. */
static void write_human(const struct sph_answer *answer, struct sph_buf *buf) {
    if (!answer->human)
        sph_table_draw(answer->table, answer->style, buf);
    else if (answer->human->error)
        buf->error = answer->human->error;
    else
        sph_buf_append(buf, answer->human->data, answer->human->len);
}

/* Colour only for people: on a terminal, and not where NO_COLOR asks for none. */
static bool wants_colour(const struct sph_cli *cli) {
    return cli->output == SPH_OUTPUT_JSONC && isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

/* A value of checked text in the form asked for. */
static int write_value(const struct sph_cli *cli, const struct sph_json_value *value,
                       struct sph_buf *buf, struct sph_err *err) {
    size_t quotes = value->type == SPH_JSON_STRING ? 1 : 0;
    switch (cli->output) {
    case SPH_OUTPUT_TABLE:
        return sph_json_table_draw(value, buf, err);
    case SPH_OUTPUT_JSON:
    case SPH_OUTPUT_JSONC:
        sph_json_pretty(value->text - quotes, value->len + 2 * quotes, wants_colour(cli), buf);
        break;
    case SPH_OUTPUT_YAML:
        sph_yaml_write(value, buf);
        break;
    case SPH_OUTPUT_TSV:
        sph_json_tsv_write(value, buf);
        break;
    case SPH_OUTPUT_NONE:
        break;
    }
    return 0;
}

int sph_cli_format(const struct sph_cli *cli, const struct sph_buf *json, struct sph_buf *buf,
                   struct sph_err *err) {
    sph_autobuf struct sph_buf result = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    struct sph_json_value top;
    if (json->error)
        return SPH_FAIL_ERRNO(err, json->error, "cannot make the answer");
    int r = sph_json_check(json->data ? json->data : "", json->len, &top, err);
    if (r == 0 && cli->query) {
        r = sph_query_run(cli->query, &top, &result, err);
        if (r < 0)
            return r;
        /* again, since a query can nest deeper than a document may */
        r = sph_json_check(result.data, result.len, &top, err);
        if (r < 0)
            sph_err_prefix(err, "the query's result");
    }
    return r < 0 ? r : write_value(cli, &top, buf, err);
}

/* From the JSON: what a query made, and YAML. Its mistakes are the command line's. */
static int write_from_json(const struct sph_cli *cli, const struct sph_answer *answer,
                           struct sph_buf *buf) {
    sph_autobuf struct sph_buf drawn = SPH_BUF_LIMIT(JSON_MAX);
    struct sph_err err = SPH_ERR_NULL;
    if (!answer->json)
        sph_table_draw(answer->table, SPH_TABLE_JSON, &drawn);
    int r = sph_cli_format(cli, answer->json ? answer->json : &drawn, buf, &err);
    if (r == 0)
        return SPH_EXIT_OK;
    bool is_query = r == -EINVAL || r == -EFBIG || r == -E2BIG || r == -EBADMSG;
    return sph_say_failure_as(cli->query && is_query ? SPH_EXIT_USAGE : SPH_EXIT_IO, &err);
}

int sph_cli_answer(const struct sph_cli *cli, const struct sph_answer *answer) {
    /* twice the limit of the JSON that is drawn, since indenting makes it longer */
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT((size_t)2 * JSON_MAX);
    int status = SPH_EXIT_OK;
    bool has_value = answer->json || answer->table;
    if (cli->output == SPH_OUTPUT_NONE)
        return SPH_EXIT_OK;
    if (has_value &&
        (cli->query || (cli->output != SPH_OUTPUT_TABLE && cli->output != SPH_OUTPUT_TSV)))
        status = write_from_json(cli, answer, &buf);
    else if (cli->output == SPH_OUTPUT_TSV && answer->table)
        sph_table_draw(answer->table, SPH_TABLE_TSV, &buf);
    else if (cli->output != SPH_OUTPUT_TSV)
        write_human(answer, &buf);
    return status == SPH_EXIT_OK ? sph_cli_write_out(&buf) : status;
}
