/* cgroup_paths: where the hierarchies are, from the texts of /proc; no system call is made here. */
#include <errno.h>
#include <string.h>

#include "meter/cgroup.h"

/* A part of a line; not ended by a NUL. */
struct word {
    const char *text;
    size_t len;
};

/* Blanks separate; a field is never empty. */
static struct word next_word(const char **at, const char *end) {
    while (*at < end && **at == ' ')
        (*at)++;
    struct word word = {.text = *at};
    while (*at < end && **at != ' ')
        (*at)++;
    word.len = (size_t)(*at - word.text);
    return word;
}

static bool word_is(struct word word, const char *text) {
    return word.len == strlen(text) && memcmp(word.text, text, word.len) == 0;
}

/* True when the comma-separated list has the item. */
static bool list_has(struct word list, const char *item) {
    const char *end = list.text + list.len;
    for (const char *at = list.text; at < end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        if (word_is((struct word){at, (size_t)(stop - at)}, item))
            return true;
        at = comma ? comma + 1 : end;
    }
    return false;
}

/* Three digits after the backslash, as the kernel's escapes always have. */
static bool is_octal(const char *at) {
    for (int i = 1; i <= 3; i++)
        if (at[i] < '0' || at[i] > '7')
            return false;
    return true;
}

/* mountinfo writes blanks and the like as \040. The first mount of a kind is the one that is kept.
 */
static int copy_path(struct word word, char *ret_path, size_t size) {
    size_t used = 0;
    if (ret_path[0])
        return 0;
    for (size_t i = 0; i < word.len; i++) {
        char c = word.text[i];
        if (c == '\\' && word.len - i > 3 && is_octal(word.text + i)) {
            c = (char)((word.text[i + 1] - '0') * 64 + (word.text[i + 2] - '0') * 8 +
                       (word.text[i + 3] - '0'));
            i += 3;
        }
        if (used + 1 >= size) {
            ret_path[0] = '\0';
            return -ENAMETOOLONG;
        }
        ret_path[used++] = c;
    }
    ret_path[used] = '\0';
    return 0;
}

/* "36 35 0:30 /root /mount/point rw,relatime shared:15 - cgroup cgroup rw,memory" */
static int parse_mount(const char *line, const char *end, struct sph_cgroup_mounts *mounts) {
    const char *at = line;
    struct word words[6];
    for (unsigned i = 0; i < 6; i++)
        words[i] = next_word(&at, end);
    struct word word = next_word(&at, end);
    while (word.len > 0 && !word_is(word, "-"))
        word = next_word(&at, end);
    struct word type = next_word(&at, end);
    (void)next_word(&at, end);
    struct word options = next_word(&at, end);
    if (word_is(type, "cgroup2"))
        return copy_path(words[4], mounts->unified, sizeof(mounts->unified));
    if (!word_is(type, "cgroup") || !list_has(options, "memory"))
        return 0;
    int error = copy_path(words[4], mounts->memory, sizeof(mounts->memory));
    return error ? error : copy_path(words[3], mounts->memory_root, sizeof(mounts->memory_root));
}

/* A name that is too long for its field is an error and not a cut: a cut path could name
 * something else. */
int sph_cgroup_parse_mounts(const char *text, size_t len, struct sph_cgroup_mounts *ret_mounts) {
    struct sph_cgroup_mounts mounts = {.unified = ""};
    const char *end = text + len;
    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        if (!newline)
            break; /* a cut last line says nothing */
        int error = parse_mount(line, newline, &mounts);
        if (error)
            return error;
        line = newline + 1;
    }
    *ret_mounts = mounts;
    return 0;
}

/* "4:memory:/some/group" and, for cgroup2, "0::/some/group" */
static bool is_hierarchy(const char *line, const char *end, const char *controller,
                         const char **ret_path) {
    const char *first = memchr(line, ':', (size_t)(end - line));
    const char *second = first ? memchr(first + 1, ':', (size_t)(end - first - 1)) : NULL;
    if (!second)
        return false;
    struct word list = {first + 1, (size_t)(second - first - 1)};
    *ret_path = second + 1;
    return controller[0] ? list_has(list, controller) : list.len == 0;
}

/* Hierarchies of v1 can carry several controllers, and the one of cgroup2 has none. */
int sph_cgroup_parse_path(const char *text, size_t len, const char *controller, char *ret_path,
                          size_t size) {
    const char *end = text + len;
    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *path = NULL;
        if (!newline)
            break;
        if (is_hierarchy(line, newline, controller, &path)) {
            size_t bytes = (size_t)(newline - path);
            if (bytes >= size)
                return -ENAMETOOLONG;
            (void)memcpy(ret_path, path, bytes);
            ret_path[bytes] = '\0';
            return 0;
        }
        line = newline + 1;
    }
    return -ENOENT;
}
