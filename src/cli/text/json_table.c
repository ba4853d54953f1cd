/* Two walks over the value: the columns first, since a key may be new in the last row. */
#include "cli/text/json_table.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/text.h"

enum {
    COLUMNS_MAX = 16,  /* as table.c */
    TITLE_BYTES = 80,  /* a longer key is cut */
    CELL_BYTES = 1024, /* what does not fit is cut */
};

/* How the items become rows. */
enum shape { SHAPE_OBJECTS, SHAPE_LISTS, SHAPE_RESULTS };

struct layout {
    enum shape shape;
    char keys[COLUMNS_MAX][TITLE_BYTES]; /* as in the objects */
    char titles[COLUMNS_MAX][TITLE_BYTES];
    struct sph_column columns[COLUMNS_MAX + 1];
    unsigned count;
    bool full; /* there was one more */
};

static bool is_nested(const struct sph_json_value *value) {
    return value->type == SPH_JSON_ARRAY || value->type == SPH_JSON_OBJECT;
}

/* The items of a list; anything else but null is an item itself. `pos` starts at 0. */
static bool next_item(const struct sph_json_value *top, struct sph_json_iter *iter, size_t *pos,
                      struct sph_json_value *ret_item) {
    bool first = (*pos)++ == 0;
    if (top->type == SPH_JSON_ARRAY) {
        if (first)
            sph_json_iter_init(iter, top);
        return sph_json_next(iter, NULL, ret_item);
    }
    *ret_item = *top;
    return first && top->type != SPH_JSON_NULL;
}

static enum shape shape_of(const struct sph_json_value *top) {
    struct sph_json_iter iter;
    struct sph_json_value item;
    size_t pos = 0, objects = 0, lists = 0, all = 0;
    while (next_item(top, &iter, &pos, &item)) {
        objects += item.type == SPH_JSON_OBJECT;
        lists += item.type == SPH_JSON_ARRAY;
        all++;
    }
    return all == 0 || (objects < all && lists < all) ? SHAPE_RESULTS
           : objects == all                           ? SHAPE_OBJECTS
                                                      : SHAPE_LISTS;
}

static void add_column(struct layout *layout, const char *key, const char *title) {
    if (layout->count == COLUMNS_MAX) {
        layout->full = true;
        return;
    }
    unsigned at = layout->count++;
    (void)snprintf(layout->keys[at], TITLE_BYTES, "%s", key);
    (void)snprintf(layout->titles[at], TITLE_BYTES, "%s", title);
    layout->columns[at] = (struct sph_column){layout->titles[at], layout->keys[at]};
}

/* A value's text for people; a string without its quotes. */
static void cell_text(const struct sph_json_value *value, char *ret_text, size_t size) {
    char text[CELL_BYTES];
    if (value->type == SPH_JSON_STRING && sph_json_to_text(value, text, sizeof(text)) == 0)
        sph_text_printable(text, strlen(text), ret_text, size);
    else
        sph_text_printable(value->text, value->len, ret_text, size);
}

static void find_keys(const struct sph_json_value *object, struct layout *layout) {
    struct sph_json_iter iter;
    struct sph_json_value key, value;
    sph_json_iter_init(&iter, object);
    while (sph_json_next(&iter, &key, &value)) {
        char name[TITLE_BYTES], title[TITLE_BYTES];
        bool known = is_nested(&value);
        if (sph_json_to_text(&key, name, sizeof(name)) < 0)
            continue; /* too long to be a title */
        for (unsigned i = 0; i < layout->count; i++)
            known |= strcmp(layout->keys[i], name) == 0;
        if (known)
            continue;
        sph_text_printable(name, strlen(name), title, sizeof(title));
        title[0] = (char)toupper((unsigned char)title[0]);
        add_column(layout, name, title);
    }
}

static void find_places(const struct sph_json_value *list, struct layout *layout) {
    struct sph_json_iter iter;
    struct sph_json_value item;
    unsigned at = 0;
    sph_json_iter_init(&iter, list);
    while (sph_json_next(&iter, NULL, &item)) {
        char title[TITLE_BYTES];
        (void)snprintf(title, sizeof(title), "Column%u", ++at);
        if (at > layout->count)
            add_column(layout, title, title);
    }
}

static void find_columns(const struct sph_json_value *top, struct layout *layout) {
    struct sph_json_iter iter;
    struct sph_json_value item;
    size_t pos = 0;
    layout->shape = shape_of(top);
    while (layout->shape != SHAPE_RESULTS && next_item(top, &iter, &pos, &item)) {
        if (layout->shape == SHAPE_OBJECTS)
            find_keys(&item, layout);
        else
            find_places(&item, layout);
    }
    if (layout->count > 0)
        return;
    layout->shape = SHAPE_RESULTS;
    add_column(layout, "result", "Result");
}

static void add_cell(const struct sph_json_value *value, bool keep_nested,
                     struct sph_table *table) {
    char text[CELL_BYTES];
    bool absent = value->type == SPH_JSON_NULL || (is_nested(value) && !keep_nested);
    if (!absent)
        cell_text(value, text, sizeof(text));
    sph_table_add(table, absent ? NULL : text);
}

static void add_row(const struct layout *layout, const struct sph_json_value *item,
                    struct sph_table *table) {
    struct sph_json_iter iter;
    struct sph_json_value value;
    if (layout->shape == SHAPE_RESULTS) {
        add_cell(item, true, table);
        return;
    }
    sph_json_iter_init(&iter, item);
    for (unsigned i = 0; i < layout->count; i++) {
        bool is_there = layout->shape == SHAPE_OBJECTS ? sph_json_get(item, layout->keys[i], &value)
                                                       : sph_json_next(&iter, NULL, &value);
        if (is_there)
            add_cell(&value, false, table);
        else
            sph_table_add(table, NULL);
    }
}

int sph_json_table_draw(const struct sph_json_value *top, struct sph_buf *buf,
                        struct sph_err *err) {
    struct layout layout = {.count = 0};
    struct sph_json_iter iter;
    struct sph_json_value item;
    size_t pos = 0;
    if (top->type == SPH_JSON_NULL || (top->type == SPH_JSON_ARRAY && top->len == 2))
        return 0;
    find_columns(top, &layout);
    if (layout.full)
        return SPH_FAIL(err, -E2BIG,
                        "the query's result has more than %d columns; use --output json",
                        COLUMNS_MAX);
    sph_autotable struct sph_table table;
    sph_table_init(&table, layout.columns);
    while (next_item(top, &iter, &pos, &item))
        add_row(&layout, &item, &table);
    sph_table_draw(&table, SPH_TABLE_PLAIN, buf);
    return buf->error ? SPH_FAIL_ERRNO(err, buf->error, "cannot draw the query's result") : 0;
}

/* A tab or a line's end in a value would make another value or line. */
static void write_field(const struct sph_json_value *value, bool inside, struct sph_buf *buf) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT((size_t)16 << 20);
    struct sph_json_iter iter;
    struct sph_json_value item;
    unsigned count = 0;
    if (value->type == SPH_JSON_STRING && sph_json_to_buf(value, &text) == 0) {
        for (size_t i = 0; i < text.len; i++)
            sph_buf_append(buf, strchr("\t\n\r", text.data[i]) ? " " : text.data + i, 1);
    } else if (value->type == SPH_JSON_ARRAY && inside) {
        sph_json_iter_init(&iter, value);
        while (sph_json_next(&iter, NULL, &item))
            count++;
        sph_buf_printf(buf, "%u", count);
    } else if (!is_nested(value) && value->type != SPH_JSON_NULL) {
        sph_buf_append(buf, value->text, value->len);
    }
    if (text.error && !buf->error)
        buf->error = text.error;
}

void sph_json_tsv_write(const struct sph_json_value *top, struct sph_buf *buf) {
    struct sph_json_iter iter, members;
    struct sph_json_value item, member;
    size_t pos = 0;
    while (next_item(top, &iter, &pos, &item)) {
        const char *gap = "";
        sph_json_iter_init(&members, &item);
        while (is_nested(&item) && sph_json_next(&members, NULL, &member)) {
            sph_buf_puts(buf, gap);
            write_field(&member, true, buf);
            gap = "\t";
        }
        write_field(&item, false, buf);
        sph_buf_puts(buf, "\n");
    }
}
