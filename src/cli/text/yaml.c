/* Recursion goes as deep as the value, whose depth its check has bounded (32 levels). Items of a
 * list stand below their key without an indent of their own, which YAML allows and Azure's tools
 * do. */
#include "cli/text/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/guid.h"
#include "base/text.h"

/* Words that some version of YAML takes for a truth or for nothing. */
static const char *const reserved[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};

/* Letters, digits and a few marks, beginning with a letter, a slash or an underscore: no reader
 * takes that for a number, a date or a mark of the language. A GUID may begin with a digit. */
static bool is_plain(const char *text, size_t len) {
    struct sph_guid guid;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(reserved); i++)
        if (strcasecmp(text, reserved[i]) == 0)
            return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x80 || (!isalnum(c) && !strchr("_./- ", c)))
            return false;
    }
    if (len == 0 || text[len - 1] == ' ')
        return false;
    return isalpha((unsigned char)text[0]) || strchr("/_", text[0]) ||
           (len + 1 == SPH_GUID_TEXT && sph_guid_parse(text, len, &guid) == 0);
}

/* The first byte of what has a form in double quotes only: C0, C1, line ends of Unicode, byte order
 * mark and what is no character. The code, or 0. */
static unsigned escaped_code(const char *text, size_t step) {
    const unsigned char *c = (const unsigned char *)text;
    if (step <= 1)
        return c[0] < 0x20 || c[0] >= 0x7f ? c[0] : 0;
    if (step == 2 && c[0] == 0xc2 && c[1] < 0xa0)
        return c[1];
    unsigned code = step == 3 ? (c[0] & 0x0fu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu) : 0;
    return code == 0x2028 || code == 0x2029 || code == 0xfeff || code >= 0xfffe ? code : 0;
}

static void write_quoted(const char *text, size_t len, struct sph_buf *buf) {
    sph_buf_puts(buf, "\"");
    for (size_t i = 0; i < len;) {
        size_t step = sph_utf8_step(text + i, len - i);
        unsigned code = escaped_code(text + i, step);
        step = step ? step : 1;
        if (text[i] == '"' || text[i] == '\\')
            sph_buf_printf(buf, "\\%c", text[i]);
        else if (text[i] == '\n')
            sph_buf_puts(buf, "\\n");
        else if (text[i] == '\t')
            sph_buf_puts(buf, "\\t");
        else if (code)
            sph_buf_printf(buf, code < 0x100 ? "\\x%02X" : "\\u%04X", code);
        else
            sph_buf_append(buf, text + i, step);
        i += step;
    }
    sph_buf_puts(buf, "\"");
}

/* A string with a NUL inside stays as JSON has it, which is YAML, too. */
static void write_string(const struct sph_json_value *value, struct sph_buf *buf) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT((size_t)16 << 20);
    int r = sph_json_to_buf(value, &text);
    if (r == -EILSEQ)
        sph_buf_append(buf, value->text - 1, value->len + 2);
    else if (r < 0)
        buf->error = buf->error ? buf->error : r;
    else if (is_plain(text.data, text.len))
        sph_buf_append(buf, text.data, text.len);
    else
        write_quoted(text.data, text.len, buf);
}

static bool has_items(const struct sph_json_value *value) {
    struct sph_json_iter iter;
    struct sph_json_value item;
    sph_json_iter_init(&iter, value);
    return sph_json_next(&iter, NULL, &item);
}

/* What stands on one line. */
static void write_scalar(const struct sph_json_value *value, struct sph_buf *buf) {
    if (value->type == SPH_JSON_STRING)
        write_string(value, buf);
    else if (value->type == SPH_JSON_ARRAY || value->type == SPH_JSON_OBJECT)
        sph_buf_puts(buf, value->type == SPH_JSON_ARRAY ? "[]" : "{}");
    else
        sph_buf_append(buf, value->text, value->len);
}

static void indent(unsigned columns, struct sph_buf *buf) {
    for (unsigned i = 0; i < columns; i++)
        sph_buf_puts(buf, " ");
}

/* A list or an object that is not empty; the first line's indent is written already. */
static void write_block(const struct sph_json_value *value, unsigned columns, struct sph_buf *buf) {
    struct sph_json_iter iter;
    struct sph_json_value key, item;
    bool is_list = value->type == SPH_JSON_ARRAY, first = true;
    sph_json_iter_init(&iter, value);
    while (sph_json_next(&iter, is_list ? NULL : &key, &item)) {
        if (!first)
            indent(columns, buf);
        first = false;
        bool is_block = has_items(&item);
        if (is_list)
            sph_buf_puts(buf, "- ");
        else
            write_string(&key, buf);
        if (is_list && is_block) {
            write_block(&item, columns + 2, buf);
            continue;
        }
        if (!is_list)
            sph_buf_puts(buf, is_block ? ":\n" : ": ");
        if (is_block) {
            unsigned below = columns + (item.type == SPH_JSON_ARRAY ? 0 : 2);
            indent(below, buf);
            write_block(&item, below, buf);
            continue;
        }
        write_scalar(&item, buf);
        sph_buf_puts(buf, "\n");
    }
}

void sph_yaml_write(const struct sph_json_value *top, struct sph_buf *buf) {
    if (has_items(top)) {
        write_block(top, 0, buf);
        return;
    }
    write_scalar(top, buf);
    sph_buf_puts(buf, "\n");
}
