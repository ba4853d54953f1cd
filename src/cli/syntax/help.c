/* The layout is that of util-linux: what to type, what it does, arguments, options, each in
 * columns. Lines are at most 100 columns by test, not by wrapping: a wrapped help text is one
 * that nobody has read. */
#include "cli/syntax/help.h"

#include <stdio.h>
#include <string.h>

enum {
    HELP_COLUMN_MIN = 14, /* so that short lists look like long ones */
    HELP_COLUMN_MAX = 40, /* leaves 60 of the 100 columns for the text */
};

/* Options without a letter are indented like those with one, so that the long names stand in a
 * line. */
static void option_label(const struct sph_option *row, char *text, size_t size) {
    char letter[8] = "    ";
    if (row->letter)
        (void)snprintf(letter, sizeof(letter), "-%c, ", row->letter);
    (void)snprintf(text, size, "%s--%s%s%s%s", letter, row->name,
                   row->value_optional ? " ["
                   : row->value        ? " "
                                       : "",
                   row->value ? row->value : "", row->value_optional ? "]" : "");
}

/* The first columns of a help text, so that the second ones stand below each other. */
struct column {
    size_t width;
};

/* Labels over the limit do not widen the column; they get a line of their own. */
static void column_fit(struct column *column, const char *label) {
    size_t len = strlen(label);
    if (len > column->width && len <= HELP_COLUMN_MAX)
        column->width = len;
}

static void column_row(const struct column *column, const char *label, const char *text,
                       struct sph_buf *buf) {
    if (strlen(label) > column->width)
        sph_buf_printf(buf, " %s\n %*s  %s\n", label, (int)column->width, "", text);
    else
        sph_buf_printf(buf, " %-*s  %s\n", (int)column->width, label, text);
}

/* The same for a text that was put together; frees it. A text that was lost is the help's failure.
 */
static void column_text(const struct column *column, const char *label, struct sph_buf *text,
                        struct sph_buf *buf) {
    if (text->error && !buf->error)
        buf->error = text->error;
    column_row(column, label, text->data ? text->data : "", buf);
    sph_buf_done(text);
}

static void write_choices(const char *const *choices, struct sph_buf *buf) {
    for (unsigned i = 0; choices && choices[i]; i++)
        sph_buf_printf(buf, "%s%s", i == 0 ? ": " : ", ", choices[i]);
}

void sph_help_option_text(const struct sph_option *row, struct sph_buf *buf) {
    sph_buf_puts(buf, row->help);
    write_choices(row->choices, buf);
    if (row->alias)
        sph_buf_printf(buf, " (also --%s)", row->alias);
    if (row->required)
        sph_buf_puts(buf, " (required)");
}

void sph_help_positional_text(const struct sph_positional *row, struct sph_buf *buf) {
    sph_buf_puts(buf, row->help);
    write_choices(row->choices, buf);
}

static void write_options(const char *title, const struct sph_option *rows, struct sph_buf *buf) {
    if (!rows || !rows->name)
        return;
    struct column column = {.width = HELP_COLUMN_MIN};
    char label[96];
    for (const struct sph_option *row = rows; row->name; row++) {
        option_label(row, label, sizeof(label));
        column_fit(&column, label);
    }
    sph_buf_printf(buf, "\n%s:\n", title);
    for (const struct sph_option *row = rows; row->name; row++) {
        struct sph_buf text = SPH_BUF_NULL;
        sph_help_option_text(row, &text);
        option_label(row, label, sizeof(label));
        column_text(&column, label, &text, buf);
    }
}

/* Those in brackets in the synopsis are said to be optional there; here only what they are. */
static void write_positionals(const struct sph_positional *rows, struct sph_buf *buf) {
    if (!rows || !rows->name)
        return;
    struct column column = {.width = HELP_COLUMN_MIN};
    for (const struct sph_positional *row = rows; row->name; row++)
        column_fit(&column, row->name);
    sph_buf_puts(buf, "\nArguments:\n");
    for (const struct sph_positional *row = rows; row->name; row++) {
        struct sph_buf text = SPH_BUF_NULL;
        sph_help_positional_text(row, &text);
        column_text(&column, row->name, &text, buf);
    }
}

/* Commands first, then groups, each in the order of the table. */
static void write_children(const struct sph_command *group, struct sph_buf *buf) {
    struct column column = {.width = HELP_COLUMN_MIN};
    const struct sph_command *child = NULL;
    while ((child = sph_command_next_child(group, child)))
        column_fit(&column, sph_command_word(child));
    for (int groups = 0; groups < 2; groups++) {
        bool titled = false;
        while ((child = sph_command_next_child(group, child))) {
            if ((child->run == NULL) != groups)
                continue;
            if (!titled)
                sph_buf_puts(buf, groups ? "\nGroups:\n" : "\nCommands:\n");
            titled = true;
            column_row(&column, sph_command_word(child), child->summary, buf);
        }
    }
}

/* Required options are part of what must be typed; the others hide behind [options]. */
void sph_help_synopsis(const char *program, const struct sph_command *command,
                       struct sph_buf *buf) {
    sph_buf_printf(buf, "%s%s%s", program, *command->path ? " " : "", command->path);
    if (!command->run) {
        sph_buf_puts(buf, " COMMAND");
        return;
    }
    sph_buf_puts(buf, " [options]");
    for (const struct sph_option *row = command->options; row && row->name; row++)
        if (row->required)
            sph_buf_printf(buf, " --%s %s", row->name, row->value);
    for (const struct sph_positional *row = command->positionals; row && row->name; row++)
        sph_buf_printf(buf, row->required ? " %s%s" : " [%s%s]", row->name, row->rest ? "..." : "");
}

/* What to type comes first: most who read this want only that line. */
void sph_help_write(const char *program, const struct sph_command *command, struct sph_buf *buf) {
    sph_buf_puts(buf, "Usage:\n ");
    sph_help_synopsis(program, command, buf);
    sph_buf_printf(buf, "\n\n%s.\n", command->summary);
    if (command->details)
        sph_buf_printf(buf, "\n%s\n", command->details);
    if (command->alias)
        sph_buf_printf(buf, "\nAlso called '%s'.\n", command->alias);
    if (!command->run)
        write_children(command, buf);
    write_positionals(command->positionals, buf);
    write_options("Options", command->options, buf);
    write_options("Options of every command", sph_global_options, buf);
    if (!command->run)
        sph_buf_printf(buf, "\nFor more about one of them: %s%s%s COMMAND --help\n", program,
                       *command->path ? " " : "", command->path);
}
