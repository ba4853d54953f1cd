/* A table of component ids by index, written whole at every change. The index, not the user id, is
 * on disk, so that a folder that is moved (other hash) takes other ids. */
#include "agent/store/uidmap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

struct entry {
    struct sph_guid component;
    uint8_t index;
};

/* The first id carries the device's hash, so that two devices on one computer never share a user: a
 * process limit or a signal of one would reach the other. */
struct sph_uidmap {
    int fd; /* state/, the map's own descriptor */
    uid_t first;
    size_t count;
    struct entry *entries; /* in order of arrival */
};

enum { FILE_MAX = SPH_UIDMAP_MAX * (SPH_GUID_TEXT + 5) }; /* bytes: lines "<guid> 255\n" */

/* At most 256 entries and asked for at starts only: a list is enough. */
static struct entry *find(const struct sph_uidmap *map, const struct sph_guid *component) {
    for (size_t i = 0; i < map->count; i++)
        if (sph_guid_equal(&map->entries[i].component, component))
            return &map->entries[i];
    return NULL;
}

/* The file may hold gaps where apps were deleted. */
static bool index_is_taken(const struct sph_uidmap *map, unsigned index) {
    for (size_t i = 0; i < map->count; i++)
        if (map->entries[i].index == index)
            return true;
    return false;
}

/* One entry at a time: devices have a handful of apps. */
static int add(struct sph_uidmap *map, const struct sph_guid *component, unsigned index) {
    struct entry *entries = realloc(map->entries, (map->count + 1) * sizeof(*entries));
    if (!entries)
        return -ENOMEM;
    map->entries = entries;
    entries[map->count++] = (struct entry){.component = *component, .index = (uint8_t)index};
    return 0;
}

/* A component twice or an index twice would make two apps one user: refused, not repaired. */
static int parse_line(struct sph_uidmap *map, char *line) {
    struct sph_guid component;
    uint64_t index;
    char *space = strchr(line, ' ');
    if (!space || sph_guid_parse(line, (size_t)(space - line), &component) < 0 ||
        sph_text_to_u64(space + 1, SPH_UIDMAP_MAX - 1, &index) < 0 || find(map, &component) ||
        index_is_taken(map, (unsigned)index))
        return -EBADMSG;
    return add(map, &component, (unsigned)index);
}

/* A last line without its end is not read: files are replaced as a whole, so there is none. */
static int parse(struct sph_uidmap *map, char *text, struct sph_err *err) {
    unsigned number = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        number++;
        int code = parse_line(map, line);
        if (code == -ENOMEM)
            return SPH_FAIL(err, code, "out of memory for the user ids");
        if (code < 0)
            return SPH_FAIL(err, code, "line %u of state/uidmap is not a component id and a number",
                            number);
    }
    return 0;
}

/* Whole and atomically; 256 lines are 10 KiB. */
static int save(const struct sph_uidmap *map, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(FILE_MAX);
    char guid[SPH_GUID_TEXT];
    for (size_t i = 0; i < map->count; i++)
        sph_buf_printf(&text, "%s %u\n", sph_guid_format(&map->entries[i].component, guid),
                       map->entries[i].index);
    if (text.error)
        return SPH_FAIL(err, text.error, "out of memory for the user ids");
    return sph_file_replace(map->fd, "uidmap", text.data, text.len, 0600, err);
}

/* A new device has no file yet. A damaged one stops the start: other ids would lock apps out of
 * their files. */
static int open_map(struct sph_uidmap *map, int state_fd, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(FILE_MAX);
    map->fd = sph_dir_open(state_fd, ".", err);
    if (map->fd < 0)
        return map->fd;
    int code = sph_file_read(state_fd, "uidmap", &text, err);
    if (code < 0)
        return code == -ENOENT ? 0 : code;
    return text.len ? parse(map, text.data, err) : 0;
}

int sph_uidmap_new(int state_fd, uint32_t device_hash, struct sph_uidmap **ret_map,
                   struct sph_err *err) {
    SPH_CLEANUP(sph_uidmap_freep) struct sph_uidmap *map = calloc(1, sizeof(*map));
    if (!map)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the user ids");
    map->first = (uid_t)(SPH_UIDMAP_BASE | (device_hash & 0xffff) << 8);
    map->fd = -1;
    int code = open_map(map, state_fd, err);
    if (code == 0)
        *ret_map = SPH_STEAL_PTR(map);
    return code;
}

/* The file is as it was after the last change: there is nothing to be saved here. */
struct sph_uidmap *sph_uidmap_free(struct sph_uidmap *map) {
    if (map) {
        if (map->fd >= 0)
            (void)close(map->fd);
        free(map->entries);
        free(map);
    }
    return NULL;
}

/* Lowest free index: ids of deleted apps are used again, after their storage is gone. */
int sph_uidmap_get(struct sph_uidmap *map, const struct sph_guid *component, uid_t *ret_uid,
                   struct sph_err *err) {
    const struct entry *entry = find(map, component);
    if (!entry) {
        /* On disk before it is given out: an app must never run under an id that the next boot
         * gives to another one. */
        unsigned index = 0;
        while (index < SPH_UIDMAP_MAX && index_is_taken(map, index))
            index++;
        if (index == SPH_UIDMAP_MAX)
            return SPH_FAIL(err, -ENOSPC, "all %d user ids of this device are in use",
                            SPH_UIDMAP_MAX);
        if (add(map, component, index) < 0)
            return SPH_FAIL(err, -ENOMEM, "out of memory for the user ids");
        int code = save(map, err);
        if (code < 0) {
            map->count--;
            return code;
        }
        entry = &map->entries[map->count - 1];
    }
    *ret_uid = map->first | entry->index;
    return 0;
}

/* On failure the entry goes back to the end of the list; order has no meaning. */
int sph_uidmap_forget(struct sph_uidmap *map, const struct sph_guid *component,
                      struct sph_err *err) {
    struct entry *entry = find(map, component);
    if (!entry)
        return 0;
    /* Out of the list, and back into it when the disk does not follow. */
    struct entry old = *entry;
    size_t behind = (size_t)(map->entries + map->count - entry - 1);
    memmove(entry, entry + 1, behind * sizeof(*entry));
    map->count--;
    int code = save(map, err);
    if (code < 0) /* as on disk */
        map->entries[map->count++] = old;
    return code;
}
