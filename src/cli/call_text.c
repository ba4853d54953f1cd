/* The pure half: path, body and rows, of bytes alone. What a member holds decides its cell's type,
 * so that a row needs no types of its own and a newer device may change a number into a text. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "cli/call.h"
#include "cli/image/package_file.h"

enum { FILE_BYTES_MAX = 16 << 10 }; /* certificates and keys; the device takes no more at once */

void sph_call_expand(const char *pattern, const char *text, struct sph_buf *buf) {
    for (; *pattern; pattern++) {
        if (*pattern == '*')
            sph_buf_puts(buf, text);
        else
            sph_buf_append(buf, pattern, 1);
    }
}

/* RFC 3986's unreserved characters; all else would end the part, or begin a query. */
static bool is_unreserved(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           strchr("-._~", c) != NULL;
}

void sph_call_path(const struct sph_call *call, const char *id, struct sph_buf *buf) {
    sph_autobuf struct sph_buf escaped = SPH_BUF_NULL;
    size_t len = strcspn(call->path, "*");
    if (!id) {
        sph_buf_append(buf, call->path, call->path[len] ? len - 1 : len);
        return;
    }
    for (; *id; id++) {
        if (is_unreserved(*id))
            sph_buf_append(&escaped, id, 1);
        else
            sph_buf_printf(&escaped, "%%%02X", (unsigned char)*id);
    }
    if (escaped.error)
        buf->error = escaped.error;
    sph_call_expand(call->path, escaped.data ? escaped.data : "", buf);
}

/* ---- the body ---- */

static const struct sph_option *find_option(const struct sph_args *args, const char *name) {
    const struct sph_option *row = args->command->options;
    while (strcmp(row->name, name) != 0)
        row++;
    return row;
}

/* The device's word for one of the option's. */
static const char *translate(const struct sph_call_member *member, const struct sph_args *args,
                             const char *value) {
    const struct sph_option *option = find_option(args, member->option);
    for (unsigned i = 0; member->values && option->choices[i]; i++)
        if (strcmp(option->choices[i], value) == 0)
            return member->values[i];
    return value;
}

static void add_list(const char *text, struct sph_json_out *out) {
    sph_json_array(out);
    while (*text) {
        size_t len = strcspn(text, ", ");
        if (len > 0)
            sph_json_string_n(out, text, len);
        text += len;
        text += strspn(text, ", ");
    }
    sph_json_array_end(out);
}

static int add_file(const char *option, const char *path, struct sph_json_out *out,
                    struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(FILE_BYTES_MAX);
    int r = sph_input_read(option, path, &text, err);
    if (r == -EIO || r == -ENOMEM || r == -EMFILE)
        return r;
    if (r < 0) { /* an input file is to blame, whatever it was */
        if (err)
            err->code = -EBADMSG;
        return -EBADMSG;
    }
    sph_json_string_n(out, text.data ? text.data : "", text.len);
    return 0;
}

static int add_value(const struct sph_call_member *member, const struct sph_args *args,
                     const char *value, struct sph_json_out *out, struct sph_err *err) {
    uint64_t number;
    switch (member->kind) {
    case SPH_CALL_TEXT:
        sph_json_string(out, translate(member, args, value));
        break;
    case SPH_CALL_NUMBER:
        if (sph_text_to_u64(value, UINT32_MAX, &number) < 0)
            return SPH_FAIL(err, -EINVAL, "'%s' is no value for --%s: it is a number", value,
                            member->option);
        sph_json_u64(out, number);
        break;
    case SPH_CALL_LIST:
        add_list(value, out);
        break;
    case SPH_CALL_FILE:
        return add_file(find_option(args, member->option)->help, value, out, err);
    case SPH_CALL_FIXED:
        sph_json_raw(out, member->json, strlen(member->json));
        break;
    }
    return 0;
}

int sph_call_body(const struct sph_call *call, const struct sph_args *args, struct sph_buf *buf,
                  struct sph_err *err) {
    struct sph_json_out out;
    int r = 0;
    sph_json_begin(&out, buf);
    sph_json_object(&out);
    for (const struct sph_call_member *row = call->members; r == 0 && row && row->key; row++) {
        const char *value = row->option ? sph_args_value(args, row->option) : "";
        if (!value)
            continue;
        sph_json_key(&out, row->key);
        r = add_value(row, args, value, &out, err);
    }
    if (r == 0 && call->add)
        r = call->add(args, &out, err);
    if (r < 0)
        return r;
    sph_json_object_end(&out);
    return buf->error ? SPH_FAIL_ERRNO(err, buf->error, "cannot make the request") : 0;
}

/* ---- the rows ---- */

static void append_words(const struct sph_json_value *value, struct sph_buf *buf);

/* A text as it is, anything else as JSON has it; the members of an array or object with commas
 * between: deeper than that nobody reads in a table. */
static void append_value(const struct sph_json_value *value, struct sph_buf *buf) {
    if (value->type == SPH_JSON_ARRAY || value->type == SPH_JSON_OBJECT)
        append_words(value, buf);
    else if (value->type != SPH_JSON_STRING)
        sph_buf_append(buf, value->text, value->len);
    else if (sph_json_to_buf(value, buf) < 0 && !buf->error)
        sph_buf_puts(buf, "?"); /* a U+0000 */
}

static void append_words(const struct sph_json_value *value, struct sph_buf *buf) {
    struct sph_json_iter iter;
    struct sph_json_value key, item;
    bool is_object = value->type == SPH_JSON_OBJECT;
    const char *join = "";
    sph_json_iter_init(&iter, value);
    while (sph_json_next(&iter, is_object ? &key : NULL, &item)) {
        sph_buf_puts(buf, join);
        append_value(&item, buf);
        join = is_object ? "-" : ", ";
    }
}

static void add_cell(const struct sph_json_value *value, struct sph_table *table) {
    sph_autobuf struct sph_buf raw = SPH_BUF_NULL;
    char text[1024]; /* longer ones are cut: the whole is in --output json */
    uint64_t number;
    bool flag;
    if (sph_json_to_u64(value, UINT64_MAX, &number) == 0) {
        sph_table_add_number(table, number);
    } else if (sph_json_to_bool(value, &flag) == 0) {
        sph_table_add_bool(table, flag);
    } else if (value->type == SPH_JSON_NULL) {
        sph_table_add(table, NULL);
    } else {
        append_value(value, &raw);
        sph_text_printable(raw.data ? raw.data : "", raw.len, text, sizeof(text));
        sph_table_add(table, text);
        if (raw.error)
            table->error = raw.error;
    }
}

/* `outer` may be the row itself. */
static void add_row(const struct sph_call *call, const struct sph_json_value *row,
                    const struct sph_json_value *outer, struct sph_table *table) {
    struct sph_json_value value;
    for (const struct sph_column *column = call->columns; column->title; column++) {
        if (sph_json_get(row, column->key, &value) || sph_json_get(outer, column->key, &value))
            add_cell(&value, table);
        else
            sph_table_add(table, NULL);
    }
}

static void add_rows(const struct sph_call *call, const struct sph_json_value *outer,
                     struct sph_table *table) {
    struct sph_json_value list, row;
    struct sph_json_iter iter;
    if (!call->inner) {
        add_row(call, outer, outer, table);
        return;
    }
    if (!sph_json_get(outer, call->inner, &list) || list.type != SPH_JSON_ARRAY)
        return;
    sph_json_iter_init(&iter, &list);
    while (sph_json_next(&iter, NULL, &row))
        add_row(call, &row, outer, table);
}

/* A list of plain words (identifiers of certificates) is a list of rows of one cell. */
bool sph_call_fill(const struct sph_call *call, bool has_id, const struct sph_json_value *top,
                   struct sph_table *table) {
    struct sph_json_value list, row;
    struct sph_json_iter iter;
    if (!call->list || has_id) {
        add_rows(call, top, table);
        return true;
    }
    if (!sph_json_get(top, call->list, &list) || list.type != SPH_JSON_ARRAY)
        return false;
    sph_json_iter_init(&iter, &list);
    while (sph_json_next(&iter, NULL, &row)) {
        if (row.type == SPH_JSON_OBJECT || table->n_columns > 1)
            add_rows(call, &row, table);
        else
            add_cell(&row, table);
    }
    return true;
}
