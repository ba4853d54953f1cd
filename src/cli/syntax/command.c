/* Paths are compared word by word in a flat list; a tree was rejected, since forty rows need
 * none: the longest walk compares some forty strings once a run. The order of the list is the
 * order of the help, so the table is also what a reader of the help sees. */
#include "cli/syntax/command.h"

#include <string.h>

/* By the whole path and by first names only: aliases are for what people type. */
const struct sph_command *sph_command_find(const char *path) {
    for (unsigned i = 0; sph_commands[i]; i++)
        if (strcmp(sph_commands[i]->path, path) == 0)
            return sph_commands[i];
    return NULL;
}

const char *sph_command_word(const struct sph_command *command) {
    const char *blank = strrchr(command->path, ' ');
    return blank ? blank + 1 : command->path;
}

/* True when `row` stands directly below `group`. */
static bool is_child(const struct sph_command *group, const struct sph_command *row) {
    size_t len = strlen(group->path);
    const char *rest = row->path;
    if (len > 0) {
        if (strncmp(row->path, group->path, len) != 0 || row->path[len] != ' ')
            return false;
        rest += len + 1;
    }
    return *rest != '\0' && strchr(rest, ' ') == NULL;
}

/* Starts at the front each time; the position is not kept, so that walks can be nested and end
 * early. */
const struct sph_command *sph_command_next_child(const struct sph_command *group,
                                                 const struct sph_command *previous) {
    bool seen = previous == NULL;
    for (unsigned i = 0; sph_commands[i]; i++) {
        if (seen && is_child(group, sph_commands[i]))
            return sph_commands[i];
        if (sph_commands[i] == previous)
            seen = true;
    }
    return NULL;
}

/* Whole words only: abbreviated commands would change their meaning with every new command. */
const struct sph_command *sph_command_child(const struct sph_command *group, const char *word) {
    const struct sph_command *child = NULL;
    while ((child = sph_command_next_child(group, child)))
        if (strcmp(sph_command_word(child), word) == 0 ||
            (child->alias && strcmp(child->alias, word) == 0))
            return child;
    return NULL;
}
