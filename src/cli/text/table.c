/* Cells are kept as text with their type, so that one table serves every style; widths are
 * counted in characters (UTF-8), not in columns of the terminal. Right alignment was rejected:
 * the original's table aligns its numbers to the left, and one rule for all is easier to read.
 *
 * Errors are sticky: adding goes on as if nothing had happened, and drawing gives the failure.
 * So a command fills its table without a check on every line, and still never prints a table
 * with a hole. */
#include "cli/text/table.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_out.h"

enum { COLUMNS_MAX = 16 }; /* show-kills has nine, and they fill a wide screen */

/* The columns' number is the table's, by a NULL title: it cannot disagree with them. */
void sph_table_init(struct sph_table *table, const struct sph_column *columns) {
    *table = (struct sph_table){.columns = columns};
    while (columns[table->n_columns].title)
        table->n_columns++;
    assert(table->n_columns > 0 && table->n_columns <= COLUMNS_MAX);
}

/* Content with a table that was never filled; the columns are the caller's. */
void sph_table_done(struct sph_table *table) {
    for (unsigned i = 0; i < table->n_cells; i++)
        free(table->cells[i].text);
    free(table->cells);
    *table = (struct sph_table){.columns = NULL};
}

/* Doubling from 32: most tables have fewer cells, the largest (show-kills) some hundreds. */
static bool grow(struct sph_table *table) {
    if (table->error)
        return false;
    if (table->n_cells < table->cap)
        return true;
    unsigned cap = table->cap ? table->cap * 2 : 32;
    struct sph_cell *cells = reallocarray(table->cells, cap, sizeof(*cells));
    if (!cells) {
        table->error = -ENOMEM;
        return false;
    }
    table->cells = cells;
    table->cap = cap;
    return true;
}

/* The copy frees callers from keeping their buffers. */
static void add_cell(struct sph_table *table, enum sph_cell_type type, const char *text) {
    if (!grow(table))
        return;
    char *copy = strdup(text);
    if (!copy) {
        table->error = -ENOMEM;
        return;
    }
    table->cells[table->n_cells++] = (struct sph_cell){.type = type, .text = copy};
}

void sph_table_add(struct sph_table *table, const char *text) {
    add_cell(table, text ? SPH_CELL_TEXT : SPH_CELL_NONE, text ? text : "");
}

/* Digits only: separators of thousands are pretty, and wrong in every second script. */
void sph_table_add_number(struct sph_table *table, uint64_t value) {
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRIu64, value);
    add_cell(table, SPH_CELL_NUMBER, text);
}

/* JSON's words serve people as well. */
void sph_table_add_bool(struct sph_table *table, bool value) {
    add_cell(table, SPH_CELL_BOOL, value ? "true" : "false");
}

/* Continuation bytes of UTF-8 take no column. */
static size_t text_width(const char *text) {
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* Two passes over the cells, one to measure and one to draw: the widest cell may be the last. */
static void measure(const struct sph_table *table, size_t widths[COLUMNS_MAX]) {
    for (unsigned i = 0; i < table->n_columns; i++)
        widths[i] = text_width(table->columns[i].title);
    for (unsigned i = 0; i < table->n_cells; i++) {
        size_t width = text_width(table->cells[i].text);
        if (width > widths[i % table->n_columns])
            widths[i % table->n_columns] = width;
    }
}

/* Byte by byte into the buffer, which grows by doubling: rules are short. */
static void repeat(struct sph_buf *buf, char what, size_t count) {
    for (size_t i = 0; i < count; i++)
        sph_buf_append(buf, &what, 1);
}

/* A cell, padded unless it is the row's last. */
static void write_cell(struct sph_buf *buf, const char *text, size_t width, bool last) {
    sph_buf_puts(buf, text);
    size_t used = text_width(text);
    if (!last && used < width)
        repeat(buf, ' ', width - used);
}

/* `lead` before the row, `gap` between cells. */
static void write_row(const struct sph_table *table, const struct sph_cell *cells,
                      const size_t widths[COLUMNS_MAX], const char *lead, const char *gap,
                      struct sph_buf *buf) {
    sph_buf_puts(buf, lead);
    for (unsigned i = 0; i < table->n_columns; i++) {
        if (i > 0)
            sph_buf_puts(buf, gap);
        write_cell(buf, cells ? cells[i].text : table->columns[i].title, widths[i],
                   i + 1 == table->n_columns);
    }
    sph_buf_puts(buf, "\n");
}

static void write_rule(const struct sph_table *table, const size_t widths[COLUMNS_MAX],
                       struct sph_buf *buf) {
    for (unsigned i = 0; i < table->n_columns; i++) {
        sph_buf_puts(buf, " ");
        repeat(buf, '-', widths[i]);
    }
    sph_buf_puts(buf, "\n");
}

/* The original's: a rule above the titles, '=' below them, a rule below every row, one blank in
 * front of each line and none behind. */
static void draw_ruled(const struct sph_table *table, struct sph_buf *buf) {
    size_t widths[COLUMNS_MAX];
    measure(table, widths);
    size_t total = table->n_columns - 1; /* the blanks between columns are under the '=' too */
    for (unsigned i = 0; i < table->n_columns; i++)
        total += widths[i];
    write_rule(table, widths, buf);
    write_row(table, NULL, widths, " ", " ", buf);
    sph_buf_puts(buf, " ");
    repeat(buf, '=', total);
    sph_buf_puts(buf, "\n");
    for (unsigned i = 0; i + table->n_columns <= table->n_cells; i += table->n_columns) {
        write_row(table, &table->cells[i], widths, " ", " ", buf);
        write_rule(table, widths, buf);
    }
}

/* No rules and no blank in front: for tables of our own, which are read by cut and awk as well. */
static void draw_plain(const struct sph_table *table, struct sph_buf *buf) {
    size_t widths[COLUMNS_MAX];
    measure(table, widths);
    write_row(table, NULL, widths, "", "  ", buf);
    for (unsigned i = 0; i + table->n_columns <= table->n_cells; i += table->n_columns)
        write_row(table, &table->cells[i], widths, "", "  ", buf);
}

/* The original's, for what has many members: "ID   : 0". Its programs' patterns want the blank on
 * both sides of the colon. What is absent has no line. */
static void draw_records(const struct sph_table *table, struct sph_buf *buf) {
    size_t width = 0;
    for (unsigned i = 0; i < table->n_columns; i++)
        if (text_width(table->columns[i].title) > width)
            width = text_width(table->columns[i].title);
    for (unsigned i = 0; i < table->n_cells; i++) {
        unsigned column = i % table->n_columns;
        if (i > 0 && column == 0)
            sph_buf_puts(buf, "\n");
        if (table->cells[i].type == SPH_CELL_NONE)
            continue;
        write_cell(buf, table->columns[column].title, width, false);
        sph_buf_printf(buf, " :%s%s\n", *table->cells[i].text ? " " : "", table->cells[i].text);
    }
}

/* A tab or line break in a cell would make another cell or row: it becomes a blank. */
static void draw_tsv(const struct sph_table *table, struct sph_buf *buf) {
    for (unsigned i = 0; i < table->n_cells; i++) {
        for (const char *c = table->cells[i].text; *c; c++) {
            bool breaks = *c == '\t' || *c == '\n' || *c == '\r';
            sph_buf_append(buf, breaks ? " " : c, 1);
        }
        sph_buf_puts(buf, (i + 1) % table->n_columns == 0 ? "\n" : "\t");
    }
}

static void write_json_cell(struct sph_json_out *out, const char *key,
                            const struct sph_cell *cell) {
    sph_json_key(out, key);
    switch (cell->type) {
    case SPH_CELL_TEXT:
        sph_json_string(out, cell->text);
        break;
    case SPH_CELL_NUMBER:
    case SPH_CELL_BOOL:
        sph_json_raw(out, cell->text, strlen(cell->text));
        break;
    case SPH_CELL_NONE:
        sph_json_null(out);
        break;
    }
}

/* An array of one object a row, also for a single row: scripts need not ask how many there are. */
static void draw_json(const struct sph_table *table, struct sph_buf *buf) {
    struct sph_json_out out;
    sph_json_begin(&out, buf);
    sph_json_array(&out);
    for (unsigned i = 0; i < table->n_cells; i++) {
        unsigned column = i % table->n_columns;
        if (column == 0)
            sph_json_object(&out);
        write_json_cell(&out, table->columns[column].key, &table->cells[i]);
        if (column + 1 == table->n_columns)
            sph_json_object_end(&out);
    }
    sph_json_array_end(&out);
}

/* A table that lost a cell is not drawn at all: its columns would be shifted. */
void sph_table_draw(const struct sph_table *table, enum sph_table_style style,
                    struct sph_buf *buf) {
    if (table->error) {
        buf->error = table->error;
        return;
    }
    switch (style) {
    case SPH_TABLE_RULED:
        draw_ruled(table, buf);
        break;
    case SPH_TABLE_PLAIN:
        draw_plain(table, buf);
        break;
    case SPH_TABLE_RECORDS:
        draw_records(table, buf);
        break;
    case SPH_TABLE_JSON:
        draw_json(table, buf);
        break;
    case SPH_TABLE_TSV:
        draw_tsv(table, buf);
        break;
    }
}
