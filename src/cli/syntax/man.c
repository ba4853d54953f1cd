/* One page for each row of the table, as other programs of many commands have them; the first one
 * is the way in. What help and parsing know is taken from the same rows, so a page can be poor but
 * not wrong. Pages have no date: the same sources give the same bytes. */
#include "cli/syntax/man.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/text.h"
#include "cli/syntax/exit.h"
#include "cli/syntax/help.h"

void sph_man_name(const struct sph_command *command, char ret_name[SPH_MAN_NAME_SIZE]) {
    (void)snprintf(ret_name, SPH_MAN_NAME_SIZE, "spherule%s%s", *command->path ? "-" : "",
                   command->path);
    for (char *c = ret_name; *c; c++)
        if (*c == ' ')
            *c = '-';
}

/* The character at `text` of `step` bytes, in groff's own form. */
static void write_code(const char *text, size_t step, struct sph_buf *buf) {
    static const unsigned char lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned code = (unsigned char)text[0] & lead[step];
    for (size_t i = 1; i < step; i++)
        code = code << 6 | ((unsigned char)text[i] & 0x3f);
    sph_buf_printf(buf, "\\[u%04X]", code);
}

/* Text as it is meant: a dash that can be copied, a backslash, and at the beginning of a line the
 * two characters that would make it a request. */
static void write_text_n(const char *text, size_t len, bool starts_line, struct sph_buf *buf) {
    for (size_t i = 0; i < len;) {
        size_t step = sph_utf8_step(text + i, len - i);
        if ((text[i] == '.' || text[i] == '\'') && starts_line)
            sph_buf_printf(buf, "\\&%c", text[i]);
        else if (text[i] == '\\')
            sph_buf_puts(buf, "\\e");
        else if (text[i] == '-')
            sph_buf_puts(buf, "\\-");
        else if (text[i] == '\'') /* groff would make it a curly one */
            sph_buf_puts(buf, "\\(aq");
        else if (step > 1)
            write_code(text + i, step, buf);
        else
            sph_buf_append(buf, text + i, 1);
        starts_line = text[i] == '\n';
        i += step ? step : 1;
    }
}

static void write_text(const char *text, struct sph_buf *buf) {
    write_text_n(text, strlen(text), true, buf);
}

/* The same in a font (B, I), in the middle of a line. */
static void write_in(char font, const char *text, struct sph_buf *buf) {
    sph_buf_printf(buf, "\\f%c", font);
    write_text_n(text, strlen(text), false, buf);
    sph_buf_puts(buf, "\\fR");
}

static void write_page_name(const struct sph_command *command, struct sph_buf *buf) {
    char name[SPH_MAN_NAME_SIZE];
    sph_man_name(command, name);
    write_in('B', name, buf);
    sph_buf_puts(buf, "(1)");
}

static void write_heading(const struct sph_command *command, struct sph_buf *buf) {
    char name[SPH_MAN_NAME_SIZE];
    sph_man_name(command, name);
    sph_buf_puts(buf, ".TH \"");
    for (const char *c = name; *c; c++)
        sph_buf_printf(buf, *c == '-' ? "\\-" : "%c", toupper((unsigned char)*c));
    sph_buf_puts(buf, "\" 1 \"\" \"Spherule " SPH_VERSION "\" \"User Commands\"\n.SH NAME\n");
    write_text(name, buf);
    sph_buf_puts(buf, " \\- ");
    write_text_n(command->summary, strlen(command->summary), false, buf);
    sph_buf_puts(buf, "\n.SH SYNOPSIS\n");
    sph_autobuf struct sph_buf synopsis = SPH_BUF_NULL;
    sph_help_synopsis("spherule", command, &synopsis);
    if (synopsis.error)
        buf->error = synopsis.error;
    size_t words = strlen("spherule") + (*command->path ? 1 + strlen(command->path) : 0);
    if (synopsis.data && synopsis.len >= words) {
        sph_buf_puts(buf, "\\fB");
        write_text_n(synopsis.data, words, false, buf);
        sph_buf_puts(buf, "\\fR");
        write_text_n(synopsis.data + words, synopsis.len - words, false, buf);
    }
    sph_buf_puts(buf, "\n");
}

/* Details are lines that were made for the help, some of them in columns: they stay lines. */
static void write_description(const struct sph_command *command, struct sph_buf *buf) {
    sph_buf_puts(buf, ".SH DESCRIPTION\n");
    write_text(command->summary, buf);
    sph_buf_puts(buf, ".\n");
    if (command->details) {
        sph_buf_puts(buf, ".PP\n.nf\n");
        write_text(command->details, buf);
        sph_buf_puts(buf, "\n.fi\n");
    }
    if (command->alias) {
        sph_buf_puts(buf, ".PP\nAlso called ");
        write_in('B', command->alias, buf);
        sph_buf_puts(buf, ".\n");
    }
    if (!*command->path)
        sph_buf_puts(
            buf, ".PP\nThe program is also called \\fBazsphere\\fR; \\fBspherule sphere\\fR, "
                 "and \\fBaz sphere\\fR by a link of that name,\nare the spelling of Azure\\(aqs "
                 "tool.\n");
}

static void write_text_of(void (*write)(const void *row, struct sph_buf *buf), const void *row,
                          struct sph_buf *buf) {
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    write(row, &text);
    if (text.error)
        buf->error = text.error;
    write_text(text.data ? text.data : "", buf);
    sph_buf_puts(buf, "\n");
}

static void option_text(const void *row, struct sph_buf *buf) {
    sph_help_option_text(row, buf);
}

static void positional_text(const void *row, struct sph_buf *buf) {
    sph_help_positional_text(row, buf);
}

static void write_options(const char *title, const struct sph_option *rows, struct sph_buf *buf) {
    if (!rows || !rows->name)
        return;
    sph_buf_printf(buf, ".SH %s\n", title);
    for (const struct sph_option *row = rows; row->name; row++) {
        char name[64];
        sph_buf_puts(buf, ".TP\n");
        if (row->letter) {
            (void)snprintf(name, sizeof(name), "-%c", row->letter);
            write_in('B', name, buf);
            sph_buf_puts(buf, ", ");
        }
        (void)snprintf(name, sizeof(name), "--%s", row->name);
        write_in('B', name, buf);
        if (row->value) {
            sph_buf_puts(buf, row->value_optional ? " [" : " ");
            write_in('I', row->value, buf);
            sph_buf_puts(buf, row->value_optional ? "]" : "");
        }
        sph_buf_puts(buf, "\n");
        write_text_of(option_text, row, buf);
    }
}

static void write_positionals(const struct sph_positional *rows, struct sph_buf *buf) {
    if (!rows || !rows->name)
        return;
    sph_buf_puts(buf, ".SH ARGUMENTS\n");
    for (const struct sph_positional *row = rows; row->name; row++) {
        sph_buf_puts(buf, ".TP\n");
        write_in('I', row->name, buf);
        sph_buf_puts(buf, "\n");
        write_text_of(positional_text, row, buf);
    }
}

static void write_children(const struct sph_command *group, struct sph_buf *buf) {
    const struct sph_command *child = NULL;
    if (group->run)
        return;
    sph_buf_puts(buf, ".SH COMMANDS\n");
    while ((child = sph_command_next_child(group, child))) {
        sph_buf_puts(buf, ".TP\n");
        write_page_name(child, buf);
        sph_buf_puts(buf, "\n");
        write_text(child->summary, buf);
        sph_buf_puts(buf, "\n");
    }
}

struct exit_text {
    const char *status, *text;
};

/* docs/spec/cli-exit.md in one line each. */
static const struct exit_text statuses[] = {
    {"0", "it worked"},
    {"1", "the device, or the operation, said no"},
    {"2", "the command line is wrong"},
    {"3", "the device or its gateway cannot be reached"},
    {"4", "an input file is missing or is not what it should be"},
    {"5", "not permitted, or this machine cannot meter natively"},
    {"6", "not found"},
    {"7", "input or output failed, or there is no room"},
    {"128+N", "interrupted by signal N"},
    {NULL, NULL},
};
static const struct exit_text run_statuses[] = {
    {"0 to 99", "the application's own"},
    {"120", "it was killed at the page that would have crossed its ration"},
    {"121", "it crashed"},
    {"122", "it was killed by somebody else"},
    {"125", "spherule failed before the application ran, or lost sight of it"},
    {"128+N", "spherule was interrupted by signal N"},
    {NULL, NULL},
};
static const struct exit_text check_statuses[] = {
    {"0", "every figure is within the budget"},
    {"120", "over budget, or killed at the page that would have crossed its ration"},
    {"121", "the application failed"},
    {"125", "there is no verdict"},
    {"128+N", "interrupted by signal N"},
    {NULL, NULL},
};

static void write_statuses(const struct sph_command *command, struct sph_buf *buf) {
    const struct exit_text *rows = strcmp(command->path, "run") == 0     ? run_statuses
                                   : strcmp(command->path, "check") == 0 ? check_statuses
                                                                         : statuses;
    sph_buf_puts(buf, ".SH EXIT STATUS\n");
    for (; rows->status; rows++) {
        sph_buf_puts(buf, ".TP\n");
        write_in('B', rows->status, buf);
        sph_buf_puts(buf, "\n");
        write_text(rows->text, buf);
        sph_buf_puts(buf, "\n");
    }
}

/* Only on the first page: they hold for all. */
static void write_environment(struct sph_buf *buf) {
    static const struct exit_text rows[] = {
        {"SPHERULE_HOME", "where all state is; else /var/lib/spherule for root, "
                          "$XDG_DATA_HOME/spherule or ~/.local/share/spherule"},
        {"SPHERULE_DEVICE", "the device to use"},
        {"SPHERULE_LIBEXEC", "where spherule-agent and spheruled are; else beside this program"},
        {"SPHERULE_DEVICE_IMAGES", "where a virtual device's files are"},
        {"NO_COLOR", "no colours in --output jsonc"},
    };
    sph_buf_puts(buf, ".SH ENVIRONMENT\n");
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_buf_puts(buf, ".TP\n");
        write_in('B', rows[i].status, buf);
        sph_buf_puts(buf, "\n");
        write_text(rows[i].text, buf);
        sph_buf_puts(buf, "\n");
    }
}

/* Up to the group and to the first page; groups name their commands above. */
static void write_see_also(const struct sph_command *command, struct sph_buf *buf) {
    char path[80] = "";
    const char *blank = strrchr(command->path, ' ');
    if (!*command->path)
        return;
    sph_buf_puts(buf, ".SH SEE ALSO\n");
    write_page_name(sph_command_find(""), buf);
    if (blank)
        (void)snprintf(path, sizeof(path), "%.*s", (int)(blank - command->path), command->path);
    const struct sph_command *group = sph_command_find(path);
    if (group && *group->path) {
        sph_buf_puts(buf, ", ");
        write_page_name(group, buf);
    }
    sph_buf_puts(buf, "\n");
}

void sph_man_write(const struct sph_command *command, struct sph_buf *buf) {
    sph_buf_puts(buf, ".\\\" Made from the command table; changes here are lost.\n");
    write_heading(command, buf);
    write_description(command, buf);
    write_children(command, buf);
    write_positionals(command->positionals, buf);
    write_options("OPTIONS", command->options, buf);
    write_options("OPTIONS OF EVERY COMMAND", sph_global_options, buf);
    if (!*command->path)
        write_environment(buf);
    write_statuses(command, buf);
    write_see_also(command, buf);
}
