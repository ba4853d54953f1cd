/* All three scripts work alike: a function finds the command that the words so far have named
 * ("where"), then the word before decides on a value, and else options or commands are offered.
 * Each script is whole: it asks the program only for the names of devices.
 *
 * Asking the program for everything (a hidden "complete" command) was rejected: it would have to
 * run at every key, and a script that is generated can be read, checked by the shell's own -n,
 * and packaged. */
#include "cli/syntax/completion.h"

#include <string.h>

#include "cli/syntax/command.h"

#define DEVICE_NAMES "spherule device list --output tsv 2>/dev/null | cut -f1"

/* In single quotes, for a shell whose way to write one inside is `escape`. */
static void write_quoted(struct sph_buf *buf, const char *text, const char *escape) {
    sph_buf_puts(buf, "'");
    for (; *text; text++) {
        if (*text == '\'')
            sph_buf_puts(buf, escape);
        else
            sph_buf_append(buf, text, 1);
    }
    sph_buf_puts(buf, "'");
}

/* "--output|-o": every name of an option, `lead` before each. */
static void write_names(struct sph_buf *buf, const struct sph_option *row, const char *lead,
                        const char *join) {
    sph_buf_printf(buf, "%s--%s", lead, row->name);
    if (row->alias)
        sph_buf_printf(buf, "%s%s--%s", join, lead, row->alias);
    if (row->letter)
        sph_buf_printf(buf, "%s%s-%c", join, lead, row->letter);
}

/* Length of the path without its last word: what `where` holds before that word. */
static size_t parent_len(const struct sph_command *command) {
    const char *blank = strrchr(command->path, ' ');
    return blank ? (size_t)(blank - command->path) : 0;
}

/* `case` arms that follow the words into the table; one syntax for bash and zsh. */
static void write_walk(struct sph_buf *buf) {
    for (unsigned i = 1; sph_commands[i]; i++) {
        const struct sph_command *row = sph_commands[i];
        int len = (int)parent_len(row);
        sph_buf_printf(buf, "            \"%.*s|%s\"", len, row->path, sph_command_word(row));
        if (row->alias)
            sph_buf_printf(buf, "|\"%.*s|%s\"", len, row->path, row->alias);
        sph_buf_printf(buf, ") where=\"%s\" ;;\n", row->path);
    }
}

/* All options with values, as one pattern: the word after them is not a command. */
static void write_value_pattern(struct sph_buf *buf) {
    const char *join = "";
    for (const struct sph_option *row = sph_global_options; row->name; row++)
        if (row->value) {
            sph_buf_puts(buf, join);
            write_names(buf, row, "", "|");
            join = "|";
        }
    for (unsigned i = 0; sph_commands[i]; i++)
        for (const struct sph_option *row = sph_commands[i]->options; row && row->name; row++)
            if (row->value && !row->value_optional) {
                sph_buf_puts(buf, "|");
                write_names(buf, row, "", "|");
            }
}

/* A list for the shell's own splitting: choices are words without blanks. */
static void write_words(struct sph_buf *buf, const char *const *words) {
    for (unsigned i = 0; words && words[i]; i++)
        sph_buf_printf(buf, "%s%s", i ? " " : "", words[i]);
}

/* bash: what fills COMPREPLY for a kind of value.
 * What the word after an option may be, by its kind; a text of its own has no proposals. */
static void write_bash_value(struct sph_buf *buf, enum sph_value_kind kind,
                             const char *const *choices) {
    switch (kind) {
    case SPH_VALUE_FILE:
        sph_buf_puts(buf, "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))");
        break;
    case SPH_VALUE_DIR:
        sph_buf_puts(buf, "compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))");
        break;
    case SPH_VALUE_DEVICE:
        sph_buf_puts(buf, "COMPREPLY=($(compgen -W \"$(" DEVICE_NAMES ")\" -- \"$cur\"))");
        break;
    case SPH_VALUE_CHOICE:
        sph_buf_puts(buf, "COMPREPLY=($(compgen -W \"");
        write_words(buf, choices);
        sph_buf_puts(buf, "\" -- \"$cur\"))");
        break;
    case SPH_VALUE_TEXT:
        sph_buf_puts(buf, ":");
        break;
    }
}

/* The same for zsh, whose own functions know files and folders. */
static void write_zsh_value(struct sph_buf *buf, enum sph_value_kind kind,
                            const char *const *choices) {
    switch (kind) {
    case SPH_VALUE_FILE:
        sph_buf_puts(buf, "_files");
        break;
    case SPH_VALUE_DIR:
        sph_buf_puts(buf, "_files -/");
        break;
    case SPH_VALUE_DEVICE:
        sph_buf_puts(buf, "compadd -- ${(f)\"$(" DEVICE_NAMES ")\"}");
        break;
    case SPH_VALUE_CHOICE:
        sph_buf_puts(buf, "compadd -- ");
        write_words(buf, choices);
        break;
    case SPH_VALUE_TEXT:
        sph_buf_puts(buf, ":");
        break;
    }
}

typedef void write_value_fn(struct sph_buf *, enum sph_value_kind, const char *const *);

/* `case "$where|$prev"` arms for options that want a value. */
static void write_value_arms(struct sph_buf *buf, write_value_fn *write_value) {
    for (unsigned i = 0; sph_commands[i]; i++) {
        for (const struct sph_option *row = sph_commands[i]->options; row && row->name; row++) {
            if (!row->value || row->value_optional)
                continue;
            sph_buf_printf(buf, "        \"%s|--%s\"", sph_commands[i]->path, row->name);
            if (row->alias)
                sph_buf_printf(buf, "|\"%s|--%s\"", sph_commands[i]->path, row->alias);
            if (row->letter)
                sph_buf_printf(buf, "|\"%s|-%c\"", sph_commands[i]->path, row->letter);
            sph_buf_puts(buf, ") ");
            write_value(buf, row->kind, row->choices);
            sph_buf_puts(buf, "; return ;;\n");
        }
    }
    for (const struct sph_option *row = sph_global_options; row->name; row++) {
        if (!row->value)
            continue;
        sph_buf_puts(buf, "        ");
        write_names(buf, row, "*\"|\"", "|");
        sph_buf_puts(buf, ") ");
        write_value(buf, row->kind, row->choices);
        sph_buf_puts(buf, "; return ;;\n");
    }
}

/* Letters are offered as well: bash shows the list without explanations. */
static void write_bash_options(struct sph_buf *buf, const struct sph_option *rows) {
    for (; rows && rows->name; rows++) {
        sph_buf_puts(buf, " ");
        write_names(buf, rows, "", " ");
    }
}

/* compopt -o filenames makes bash add the slash behind a folder.
 * compgen filters by what is typed, and the function ends with whatever it left: no match is no
 * answer, and bash then rings its bell instead of offering files. */
static void write_bash(struct sph_buf *buf) {
    sph_buf_puts(buf, "# Completion for spherule and azsphere; written by 'spherule completion "
                      "bash'.\n_spherule() {\n"
                      "    local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-"
                      "1]}\"\n    local where=\"\" options=\"\" word i\n"
                      "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                      "        word=\"${COMP_WORDS[i]}\"\n        case \"$word\" in\n            ");
    write_value_pattern(buf);
    sph_buf_puts(buf, ") ((i++)); continue ;;\n            -*) continue ;;\n        esac\n"
                      "        case \"$where|$word\" in\n");
    write_walk(buf);
    sph_buf_puts(buf, "        esac\n    done\n    case \"$where|$prev\" in\n");
    write_value_arms(buf, write_bash_value);
    sph_buf_puts(buf, "    esac\n    case \"$where\" in\n");
    for (unsigned i = 0; sph_commands[i]; i++) {
        const struct sph_command *row = sph_commands[i];
        sph_buf_printf(buf, "        \"%s\") options=\"", row->path);
        write_bash_options(buf, row->options);
        sph_buf_puts(buf, "\"\n            [[ $cur == -* ]] || ");
        if (row->run && row->positionals && row->positionals->name) {
            write_bash_value(buf, row->positionals->kind, row->positionals->choices);
        } else {
            sph_buf_puts(buf, "COMPREPLY=($(compgen -W \"");
            const struct sph_command *child = NULL;
            while ((child = sph_command_next_child(row, child)))
                sph_buf_printf(buf, "%s ", sph_command_word(child));
            sph_buf_puts(buf, "\" -- \"$cur\"))");
        }
        sph_buf_puts(buf, " ;;\n");
    }
    sph_buf_puts(buf, "    esac\n    [[ $cur == -* ]] && "
                      "COMPREPLY=($(compgen -W \"$options");
    write_bash_options(buf, sph_global_options);
    sph_buf_puts(buf, "\" -- \"$cur\"))\n    return 0\n}\n"
                      "complete -F _spherule spherule azsphere\n");
}

/* Long names only: they explain themselves. */
static void write_zsh_options(struct sph_buf *buf, const struct sph_option *rows) {
    for (; rows && rows->name; rows++)
        sph_buf_printf(buf, " --%s", rows->name);
}

/* The last lines let the script be put into a folder of fpath as well as be sourced.
 * As a function for fpath or for source: loaded as "_spherule" it completes at once, sourced it
 * registers itself. Descriptions are shown where zsh is told to. */
static void write_zsh(struct sph_buf *buf) {
    sph_buf_puts(buf, "#compdef spherule azsphere\n"
                      "# Written by 'spherule completion zsh'.\n_spherule() {\n"
                      "    local where=\"\" word i\n    local -a commands options\n"
                      "    for ((i = 2; i < CURRENT; i++)); do\n        word=${words[i]}\n"
                      "        case \"$word\" in\n            ");
    write_value_pattern(buf);
    sph_buf_puts(buf, ") ((i++)); continue ;;\n            -*) continue ;;\n        esac\n"
                      "        case \"$where|$word\" in\n");
    write_walk(buf);
    sph_buf_puts(buf, "        esac\n    done\n    case \"$where|${words[CURRENT-1]}\" in\n");
    write_value_arms(buf, write_zsh_value);
    sph_buf_puts(buf, "    esac\n    case \"$where\" in\n");
    for (unsigned i = 0; sph_commands[i]; i++) {
        const struct sph_command *row = sph_commands[i];
        sph_buf_printf(buf, "        \"%s\") options=(", row->path);
        write_zsh_options(buf, row->options);
        sph_buf_puts(buf, ")");
        if (row->run && row->positionals && row->positionals->name) {
            sph_buf_puts(buf, "\n            [[ ${words[CURRENT]} == -* ]] || ");
            write_zsh_value(buf, row->positionals->kind, row->positionals->choices);
        }
        const struct sph_command *child = NULL;
        while ((child = sph_command_next_child(row, child))) {
            sph_buf_printf(buf, "\n            commands+=(%s:", sph_command_word(child));
            write_quoted(buf, child->summary, "'\\''");
            sph_buf_puts(buf, ")");
        }
        sph_buf_puts(buf, " ;;\n");
    }
    sph_buf_puts(buf, "    esac\n    if [[ ${words[CURRENT]} == -* ]]; then\n"
                      "        compadd -- $options");
    write_zsh_options(buf, sph_global_options);
    sph_buf_puts(buf, "\n    elif (( $#commands )); then\n"
                      "        _describe 'command' commands\n    fi\n}\n"
                      "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
                      "    _spherule \"$@\"\nelse\n"
                      "    compdef _spherule spherule azsphere\nfi\n");
}

/* Options of one command (or of all, where == NULL) for fish. */
static void write_fish_options(struct sph_buf *buf, const char *where,
                               const struct sph_option *rows) {
    for (; rows && rows->name; rows++) {
        sph_buf_puts(buf, "complete -c spherule");
        if (where)
            sph_buf_printf(buf, " -n '__spherule_at \"%s\"'", where);
        sph_buf_printf(buf, " -l %s", rows->name);
        if (rows->letter)
            sph_buf_printf(buf, " -s %c", rows->letter);
        if (rows->value && !rows->value_optional)
            sph_buf_puts(buf, rows->kind == SPH_VALUE_FILE || rows->kind == SPH_VALUE_DIR ? " -rF"
                                                                                          : " -x");
        if (rows->choices) {
            sph_buf_puts(buf, " -a '");
            write_words(buf, rows->choices);
            sph_buf_puts(buf, "'");
        } else if (rows->kind == SPH_VALUE_DEVICE) {
            sph_buf_puts(buf, " -a '(" DEVICE_NAMES ")'");
        }
        sph_buf_puts(buf, " -d ");
        write_quoted(buf, rows->help, "\\'");
        sph_buf_puts(buf, "\n");
    }
}

/* What may come at one place: commands below a group, or the first argument of a command. fish asks
 * each line's condition at every key, which is why there is one function for them all. */
static void write_fish_words(struct sph_buf *buf, const struct sph_command *row) {
    const struct sph_command *child = NULL;
    while ((child = sph_command_next_child(row, child))) {
        sph_buf_printf(buf, "complete -c spherule -n '__spherule_at \"%s\"' -a %s -d ", row->path,
                       sph_command_word(child));
        write_quoted(buf, child->summary, "\\'");
        sph_buf_puts(buf, "\n");
    }
    if (!row->run || !row->positionals || !row->positionals->name)
        return;
    sph_buf_printf(buf, "complete -c spherule -n '__spherule_at \"%s\"'", row->path);
    enum sph_value_kind kind = row->positionals->kind;
    if (kind == SPH_VALUE_FILE || kind == SPH_VALUE_DIR)
        sph_buf_puts(buf, " -F");
    if (kind == SPH_VALUE_DEVICE)
        sph_buf_puts(buf, " -a '(" DEVICE_NAMES ")'");
    if (kind == SPH_VALUE_CHOICE) {
        sph_buf_puts(buf, " -a '");
        write_words(buf, row->positionals->choices);
        sph_buf_puts(buf, "'");
    }
    sph_buf_puts(buf, "\n");
}

/* fish asks each line's condition by itself, so the walk is a function that compares. */
static void write_fish(struct sph_buf *buf) {
    sph_buf_puts(buf, "# Completion for spherule and azsphere; written by 'spherule completion "
                      "fish'.\nfunction __spherule_at\n    set -l where \"\"\n"
                      "    set -l skip 0\n    for word in (commandline -opc)[2..-1]\n"
                      "        if test $skip = 1\n            set skip 0\n            continue\n"
                      "        end\n        switch \"$word\"\n            case ");
    sph_autobuf struct sph_buf pattern = SPH_BUF_NULL;
    write_value_pattern(&pattern);
    if (pattern.error)
        buf->error = pattern.error;
    for (size_t i = 0; i < pattern.len; i++)
        sph_buf_append(buf, pattern.data[i] == '|' ? " " : &pattern.data[i], 1);
    sph_buf_puts(buf, "\n                set skip 1\n                continue\n"
                      "            case '-*'\n                continue\n        end\n"
                      "        switch \"$where|$word\"\n");
    for (unsigned i = 1; sph_commands[i]; i++) {
        const struct sph_command *row = sph_commands[i];
        int len = (int)parent_len(row);
        sph_buf_printf(buf, "            case '%.*s|%s'", len, row->path, sph_command_word(row));
        if (row->alias)
            sph_buf_printf(buf, " '%.*s|%s'", len, row->path, row->alias);
        sph_buf_printf(buf, "\n                set where '%s'\n", row->path);
    }
    sph_buf_puts(buf, "        end\n    end\n    test \"$where\" = \"$argv[1]\"\nend\n"
                      "complete -c spherule -f\n");
    for (unsigned i = 0; sph_commands[i]; i++) {
        write_fish_words(buf, sph_commands[i]);
        write_fish_options(buf, sph_commands[i]->path, sph_commands[i]->options);
    }
    write_fish_options(buf, NULL, sph_global_options);
    sph_buf_puts(buf, "complete -c azsphere -w spherule\n");
}

/* No default: the compiler tells of a shell that was added and has no script. */
void sph_completion_write(enum sph_shell shell, struct sph_buf *buf) {
    switch (shell) {
    case SPH_SHELL_BASH:
        write_bash(buf);
        break;
    case SPH_SHELL_ZSH:
        write_zsh(buf);
        break;
    case SPH_SHELL_FISH:
        write_fish(buf);
        break;
    }
}
