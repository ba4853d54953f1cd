/* table: rows of typed cells, drawn as ruled or plain text, JSON or tab-separated values. */
#ifndef SPH_CLI_TEXT_TABLE_H
#define SPH_CLI_TEXT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

struct sph_column {
    const char *title; /* shown to people */
    const char *key;   /* in JSON; stable */
};

/* How a cell is written in JSON; everywhere else all are text. */
enum sph_cell_type { SPH_CELL_TEXT, SPH_CELL_NUMBER, SPH_CELL_BOOL, SPH_CELL_NONE };

struct sph_cell {
    enum sph_cell_type type;
    char *text; /* as shown; owned */
};

/* Embedded: init, any number of adds, any number of draws, done. */
struct sph_table {
    const struct sph_column *columns;
    unsigned n_columns;
    struct sph_cell *cells; /* row by row */
    unsigned n_cells;
    unsigned cap;
    int error; /* 0 or -ENOMEM; sticky */
};

/* `columns` ends with a NULL title, has 1 to 16 rows and must outlive the table. */
void sph_table_init(struct sph_table *table, const struct sph_column *columns);
void sph_table_done(struct sph_table *table);
/* Cells are added from left to right, row after row; text is copied. NULL text is an absent value:
 * null in JSON, empty elsewhere. A last row that is not full is not drawn by the styles for people.
 */
void sph_table_add(struct sph_table *table, const char *text);
void sph_table_add_number(struct sph_table *table, uint64_t value);
void sph_table_add_bool(struct sph_table *table, bool value);

enum sph_table_style {
    SPH_TABLE_RULED, /* the document's: leading blank, a rule after every row, '=' under the header
                      */
    SPH_TABLE_PLAIN, /* header and rows in columns, two blanks between */
    SPH_TABLE_RECORDS, /* "Title : value" a line, and an empty line between rows */
    SPH_TABLE_JSON,    /* array of objects */
    SPH_TABLE_TSV,     /* rows only */
};
/* Appends. A table with an error draws nothing and passes it to buf->error. */
void sph_table_draw(const struct sph_table *table, enum sph_table_style style, struct sph_buf *buf);

#define sph_autotable SPH_CLEANUP(sph_table_done)

#endif
