/* One file per report, named by its number, with the component's id in front: the index is rebuilt
 * by reading the folder. What must outlive the reports themselves (the last number, the count of
 * dropped ones) is in `counters`. A single growing file was rejected: dropping its oldest report
 * would rewrite all of it. */
#include "agent/store/kill_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/store/folder.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

/* The index of all reports: 64 entries of 32 bytes. The reports themselves stay on disk. */
struct sph_kill_store {
    int fd; /* state/kills */
    uint64_t last;
    uint64_t dropped;
    uint64_t total_bytes;
    size_t count;
    struct sph_kill_entry entries[SPH_KILL_STORE_COUNT]; /* by number */
};

enum { NAME_SIZE = 24, COUNTERS_MAX = 64 };

static const char *file_name(uint64_t number, char ret_name[NAME_SIZE]) {
    (void)snprintf(ret_name, NAME_SIZE, "%" PRIu64, number);
    return ret_name;
}

/* Written before what it counts, so that after a power cut it is rather too high than too low. */
static int save_counters(const struct sph_kill_store *store, uint64_t dropped,
                         struct sph_err *err) {
    char text[COUNTERS_MAX];
    int len = snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 "\n", store->last, dropped);
    return sph_file_replace(store->fd, "counters", text, (size_t)len, 0600, err);
}

/* Only ever replaced as a whole: content that does not fit was written by someone else, and
 * guessing could use a number twice. */
static int load_counters(struct sph_kill_store *store, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(COUNTERS_MAX);
    int code = sph_file_read(store->fd, "counters", &text, err);
    if (code == -ENOENT)
        return 0;
    if (code < 0)
        return code;
    char *space = text.len ? strchr(text.data, ' ') : NULL;
    char *end = space ? strchr(space, '\n') : NULL;
    if (!end)
        return SPH_FAIL(err, -EBADMSG, "state/kills/counters does not hold two numbers");
    *space = *end = '\0';
    if (sph_text_to_u64(text.data, UINT64_MAX, &store->last) < 0 ||
        sph_text_to_u64(space + 1, UINT64_MAX, &store->dropped) < 0)
        return SPH_FAIL(err, -EBADMSG, "state/kills/counters does not hold two numbers");
    return 0;
}

/* The folder is read in any order; the list is by number, since the oldest go first. */
static void insert(struct sph_kill_store *store, const struct sph_kill_entry *entry) {
    size_t at = store->count;
    while (at && store->entries[at - 1].number > entry->number)
        at--;
    memmove(&store->entries[at + 1], &store->entries[at],
            (store->count - at) * sizeof(store->entries[0]));
    store->entries[at] = *entry;
    store->count++;
    store->total_bytes += entry->bytes;
    if (entry->number > store->last)
        store->last = entry->number;
}

/* The file first: an entry without its file would be listed and could not be read. */
static int remove_at(struct sph_kill_store *store, size_t index, struct sph_err *err) {
    char name[NAME_SIZE];
    if (unlinkat(store->fd, file_name(store->entries[index].number, name), 0) < 0 &&
        errno != ENOENT)
        return SPH_FAIL_ERRNO(err, -errno, "cannot remove kill report %s", name);
    store->total_bytes -= store->entries[index].bytes;
    store->count--;
    memmove(&store->entries[index], &store->entries[index + 1],
            (store->count - index) * sizeof(store->entries[0]));
    return 0;
}

/* Whether a file is a report: its name is a number as we write it, and a component id is in front.
 */
static bool read_entry(int fd, const char *name, struct sph_kill_entry *ret_entry) {
    char expected[NAME_SIZE];
    struct stat info;
    if (sph_text_to_u64(name, UINT64_MAX, &ret_entry->number) < 0 || ret_entry->number == 0 ||
        strcmp(file_name(ret_entry->number, expected), name) != 0)
        return false;
    sph_autoclose int file = openat(fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0 || fstat(file, &info) < 0 || !S_ISREG(info.st_mode) ||
        sph_fd_read_full(file, &ret_entry->component, sizeof(ret_entry->component)) !=
            sizeof(ret_entry->component))
        return false;
    ret_entry->bytes = (uint64_t)info.st_size - sizeof(ret_entry->component);
    return true;
}

/* One file of the folder. What is no report (a leftover of a replaced file) is removed. More
 * reports than there may be were put here by someone else: the newest count. */
static int load_one(void *context, int fd, const char *name, struct sph_err *err) {
    struct sph_kill_store *store = context;
    struct sph_kill_entry entry;
    if (strcmp(name, "counters") == 0)
        return 0;
    if (!read_entry(fd, name, &entry))
        return sph_tree_remove(fd, name, err);
    if (store->count == SPH_KILL_STORE_COUNT) {
        if (entry.number < store->entries[0].number)
            return sph_tree_remove(fd, name, err);
        int code = remove_at(store, 0, err);
        if (code < 0)
            return code;
    }
    insert(store, &entry);
    return 0;
}

/* Counters before reports: a report may have a higher number than they tell, never the other way
 * round. */
static int open_store(struct sph_kill_store *store, int state_fd, struct sph_err *err) {
    int code = sph_dir_make(state_fd, "kills", 0700, err);
    if (code < 0)
        return code;
    store->fd = sph_dir_open(state_fd, "kills", err);
    if (store->fd < 0)
        return store->fd;
    code = load_counters(store, err);
    return code < 0 ? code : sph_folder_each(state_fd, "kills", load_one, store, err);
}

int sph_kill_store_new(int state_fd, struct sph_kill_store **ret_store, struct sph_err *err) {
    SPH_CLEANUP(sph_kill_store_freep) struct sph_kill_store *store = calloc(1, sizeof(*store));
    if (!store)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the kill reports");
    store->fd = -1;
    int code = open_store(store, state_fd, err);
    if (code == 0)
        *ret_store = SPH_STEAL_PTR(store);
    return code;
}

struct sph_kill_store *sph_kill_store_free(struct sph_kill_store *store) {
    if (store) {
        if (store->fd >= 0)
            (void)close(store->fd);
        free(store);
    }
    return NULL;
}

/* Makes room for `len` more bytes by dropping the oldest reports. */
static int drop_old(struct sph_kill_store *store, uint64_t len, struct sph_err *err) {
    uint64_t dropped = store->dropped, bytes = store->total_bytes;
    size_t drop = 0;
    /* Ends at the latest when nothing is left: one report always fits by itself
     * (SPH_KILL_STORE_ONE_BYTES is far below SPH_KILL_STORE_BYTES). */
    while (store->count - drop == SPH_KILL_STORE_COUNT || bytes + len > SPH_KILL_STORE_BYTES)
        bytes -= store->entries[drop++].bytes;
    if (!drop)
        return 0;
    int code = save_counters(store, dropped + drop, err); /* first: a drop is never uncounted */
    if (code < 0)
        return code;
    /* From here on the files go; one that stays by a failure is read again at the next start and is
     * then the oldest again. */
    store->dropped += drop;
    while (drop-- && code == 0)
        code = remove_at(store, 0, err);
    return code;
}

/* Room first, then the report: a report that is refused for its size drops no other. */
int sph_kill_store_add(struct sph_kill_store *store, const struct sph_guid *component,
                       const void *report, size_t len, uint64_t *ret_number, struct sph_err *err) {
    if (len > SPH_KILL_STORE_ONE_BYTES)
        return SPH_FAIL(err, -E2BIG, "a kill report of %zu bytes is larger than %d", len,
                        SPH_KILL_STORE_ONE_BYTES);
    int code = drop_old(store, len, err);
    if (code < 0)
        return code;
    sph_autobuf struct sph_buf file = SPH_BUF_LIMIT(SPH_KILL_STORE_ONE_BYTES + 64);
    /* The id stands outside the report, so that the index can be rebuilt without decoding any. */
    sph_buf_append(&file, component, sizeof(*component));
    sph_buf_append(&file, report, len);
    if (file.error)
        return SPH_FAIL(err, file.error, "out of memory for a kill report of %zu bytes", len);
    struct sph_kill_entry entry = {
        .number = store->last + 1, .component = *component, .bytes = len};
    char name[NAME_SIZE];
    code =
        sph_file_replace(store->fd, file_name(entry.number, name), file.data, file.len, 0600, err);
    if (code < 0)
        return code;
    insert(store, &entry);
    *ret_number = entry.number;
    return 0;
}

/* A cursor, not an index: reports may come and go between two calls. */
bool sph_kill_store_next(const struct sph_kill_store *store, const struct sph_guid *component,
                         uint64_t *cursor, struct sph_kill_entry *ret_entry) {
    for (size_t i = 0; i < store->count; i++) {
        const struct sph_kill_entry *entry = &store->entries[i];
        if (entry->number <= *cursor ||
            (component && !sph_guid_equal(&entry->component, component)))
            continue;
        *cursor = entry->number;
        *ret_entry = *entry;
        return true;
    }
    return false;
}

int sph_kill_store_get(struct sph_kill_store *store, uint64_t number, struct sph_buf *buf,
                       struct sph_err *err) {
    char name[NAME_SIZE];
    size_t i = 0;
    while (i < store->count && store->entries[i].number != number)
        i++;
    if (i == store->count)
        return SPH_FAIL(err, -ENOENT, "there is no kill report %" PRIu64, number);
    sph_autoclose int fd =
        openat(store->fd, file_name(number, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || lseek(fd, sizeof(struct sph_guid), SEEK_SET) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot read kill report %s", name);
    return sph_fd_read_to_end(fd, buf, err);
}

/* Stops at the first file that cannot be removed; what is gone by then is gone, and the list says
 * the same. */
int sph_kill_store_clear(struct sph_kill_store *store, const struct sph_guid *component,
                         size_t *ret_count, struct sph_err *err) {
    uint64_t dropped = component ? store->dropped : 0;
    int code = save_counters(store, dropped, err); /* first: numbers are never used twice */
    if (code < 0)
        return code;
    /* The count of dropped reports belongs to all of them: clearing one app's leaves it. */
    store->dropped = dropped;
    size_t removed = 0;
    for (size_t i = 0; i < store->count;) {
        if (component && !sph_guid_equal(&store->entries[i].component, component)) {
            i++;
            continue;
        }
        if ((code = remove_at(store, i, err)) < 0)
            return code;
        removed++;
    }
    if (ret_count)
        *ret_count = removed;
    return 0;
}

uint64_t sph_kill_store_dropped(const struct sph_kill_store *store) {
    return store->dropped;
}

/* A report holds its own number, so it has to be known before there is a report. One thread: nobody
 * takes it in between. */
uint64_t sph_kill_store_next_number(const struct sph_kill_store *store) {
    return store->last + 1;
}
