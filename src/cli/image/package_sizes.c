/* Everything is made of rows that add up: a sum that is not the package's size would be a guess.
 * Two packages are compared by sorting both kinds of rows into one list and joining neighbours. */
#include "cli/image/package_sizes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "package/build.h"

enum { WHOLE_BYTES_MAX = 64 << 20 /* of a program with its debug data */ };

const char *sph_size_kind_name(enum sph_size_kind kind) {
    static const char *const names[] = {"section", "headers and gaps", "file",      "padding",
                                        "tables",  "metadata",         "signature", "symbol"};
    return names[kind];
}

const char *sph_file_kind_name(enum sph_file_kind kind) {
    static const char *const names[] = {"program", "library", "manifest", "resource"};
    return names[kind];
}

/* A library by its name: "libx.so", "libx.so.1". */
enum sph_file_kind sph_file_kind(const struct sph_fs_entry *entry) {
    if (strcmp(entry->path, SPH_MANIFEST_PATH) == 0)
        return SPH_FILE_MANIFEST;
    if (!entry->data || !sph_build_is_elf(entry->data, entry->size_bytes))
        return SPH_FILE_RESOURCE;
    return strstr(sph_text_file_name(entry->path), ".so") ? SPH_FILE_LIBRARY : SPH_FILE_PROGRAM;
}

uint64_t sph_file_flash_bytes(const struct sph_fs_entry *entry) {
    uint64_t pages = ((uint64_t)entry->size_bytes + SPH_FS_PAGE_BYTES - 1) / SPH_FS_PAGE_BYTES;
    return entry->data ? pages * SPH_FS_PAGE_BYTES : 0;
}

void sph_size_list_done(struct sph_size_list *list) {
    for (size_t i = 0; i < list->n_paths; i++)
        free(list->paths[i]);
    free(list->paths);
    free(list->rows);
    *list = (struct sph_size_list){.rows = NULL};
}

static void add(struct sph_size_list *list, enum sph_size_kind kind, const char *path,
                const char *name, uint64_t bytes) {
    if (list->error || (bytes == 0 && kind != SPH_SIZE_FILE))
        return;
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 64;
        struct sph_size_row *rows = reallocarray(list->rows, cap, sizeof(*rows));
        if (!rows) {
            list->error = -ENOMEM;
            return;
        }
        list->rows = rows;
        list->cap = cap;
    }
    struct sph_size_row *row = &list->rows[list->count++];
    *row = (struct sph_size_row){.kind = kind, .path = path, .bytes = bytes};
    strncpy(row->name, name, sizeof(row->name) - 1);
}

/* A path that lasts as long as the list. */
static const char *keep_path(struct sph_size_list *list, const char *path) {
    char **paths = reallocarray(list->paths, list->n_paths + 1, sizeof(*paths));
    char *copy = paths ? strdup(path) : NULL;
    if (paths)
        list->paths = paths;
    if (!copy) {
        list->error = -ENOMEM;
        return "";
    }
    paths[list->n_paths++] = copy;
    return copy;
}

static void add_file(struct sph_size_list *list, const struct sph_fs_entry *entry) {
    sph_autoelfsizes struct sph_elf_sizes elf = {.machine = NULL};
    const char *path = keep_path(list, entry->path);
    int r = sph_build_is_elf(entry->data, entry->size_bytes)
                ? sph_elf_sizes_read(entry->data, entry->size_bytes, &elf)
                : -ENOEXEC;
    if (r == -ENOMEM)
        list->error = r;
    for (unsigned i = 0; r == 0 && i < elf.n_sections; i++)
        add(list, SPH_SIZE_SECTION, path, elf.sections[i].name, elf.sections[i].bytes);
    if (r == 0)
        add(list, SPH_SIZE_OTHER, path, "", elf.other_bytes);
    else
        add(list, SPH_SIZE_FILE, path, "", entry->size_bytes);
    add(list, SPH_SIZE_PADDING, path, "", sph_file_flash_bytes(entry) - entry->size_bytes);
}

int sph_package_parts(const struct sph_image *image, const struct sph_fs *fs,
                      struct sph_size_list *list) {
    struct sph_fs_iter iter;
    struct sph_fs_entry entry;
    uint64_t left = image->body_bytes;
    if (fs) {
        sph_fs_iter_init(&iter, fs);
        while (sph_fs_next(&iter, &entry)) {
            if (!entry.data)
                continue;
            left -= sph_file_flash_bytes(&entry);
            add_file(list, &entry);
        }
    }
    add(list, fs ? SPH_SIZE_TABLES : SPH_SIZE_FILE, "", "", left);
    add(list, SPH_SIZE_METADATA, "", "", image->metadata_bytes);
    add(list, SPH_SIZE_SIGNATURE, "", "", SPH_IMAGE_SIGNATURE_BYTES);
    return list->error;
}

static int compare_places(const void *left, const void *right) {
    const struct sph_size_row *a = left, *b = right;
    int order = strcmp(a->path, b->path);
    order = order ? order : (a->kind > b->kind) - (a->kind < b->kind);
    return order ? order : strcmp(a->name, b->name);
}

/* Sorts, and makes one row of those with the same place. */
static void join(struct sph_size_list *list) {
    size_t kept = 0;
    if (list->count == 0)
        return;
    qsort(list->rows, list->count, sizeof(*list->rows), compare_places);
    for (size_t i = 1; i < list->count; i++) {
        if (compare_places(&list->rows[kept], &list->rows[i]) == 0) {
            list->rows[kept].bytes += list->rows[i].bytes;
            list->rows[kept].before += list->rows[i].before;
        } else {
            list->rows[++kept] = list->rows[i];
        }
    }
    list->count = kept + 1;
}

/* Takes the symbols of one candidate; false when it has none either, or cannot be read: what one
 * file has not, the next may have. */
static bool take_symbols(const char *path, struct sph_elf_sizes *sizes) {
    sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(WHOLE_BYTES_MAX);
    sph_autoelfsizes struct sph_elf_sizes whole = {.machine = NULL};
    if (sph_file_read(AT_FDCWD, path, &bytes, NULL) < 0 || !bytes.data ||
        sph_elf_sizes_read(bytes.data, bytes.len, &whole) < 0 || whole.is_stripped)
        return false;
    sph_elf_sizes_take_symbols(sizes, &whole);
    return true;
}

static void find_symbols(const struct sph_fs_entry *entry, const struct sph_places *places,
                         struct sph_elf_sizes *sizes) {
    char *paths[SPH_PLACES_FOUND_MAX];
    char path[SPH_FS_PATH_SIZE + 1];
    struct sph_object object;
    if (sph_object_parse(entry->data, entry->size_bytes, &object) < 0)
        return;
    (void)snprintf(path, sizeof(path), "/%s", entry->path);
    const struct sph_places_wanted wanted = {
        .build_id = object.build_id, .build_id_len = object.build_id_len, .path = path};
    unsigned count = sph_places_find(places, &wanted, paths);
    bool found = false;
    for (unsigned i = 0; i < count; i++) {
        found = found || take_symbols(paths[i], sizes);
        free(paths[i]);
    }
}

int sph_package_elf_read(const struct sph_fs_entry *entry, const struct sph_places *places,
                         struct sph_elf_sizes *ret_sizes) {
    int r = sph_elf_sizes_read(entry->data, entry->size_bytes, ret_sizes);
    if (r == 0 && ret_sizes->is_stripped && places)
        find_symbols(entry, places, ret_sizes);
    return r;
}

int sph_package_symbols(const struct sph_fs *fs, const struct sph_places *places,
                        struct sph_size_list *list) {
    struct sph_fs_iter iter;
    struct sph_fs_entry entry;
    sph_fs_iter_init(&iter, fs);
    while (!list->error && sph_fs_next(&iter, &entry)) {
        sph_autoelfsizes struct sph_elf_sizes elf = {.machine = NULL};
        int r = entry.data ? sph_package_elf_read(&entry, places, &elf) : -ENOEXEC;
        if (r == -ENOMEM)
            list->error = r;
        if (r < 0)
            continue;
        const char *path = keep_path(list, entry.path);
        for (unsigned i = 0; i < elf.n_symbols; i++)
            add(list, SPH_SIZE_SYMBOL, path, elf.symbols[i].name, elf.symbols[i].bytes);
    }
    if (!list->error)
        join(list);
    return list->error;
}

static uint64_t difference(const struct sph_size_row *row) {
    return row->bytes > row->before ? row->bytes - row->before : row->before - row->bytes;
}

static int compare_differences(const void *left, const void *right) {
    const struct sph_size_row *a = left, *b = right;
    uint64_t x = difference(a), y = difference(b);
    return x != y ? (x < y ? 1 : -1) : compare_places(a, b);
}

static void append(struct sph_size_list *list, const struct sph_size_list *from, bool before) {
    const char *last = NULL, *kept = "";
    for (size_t i = 0; i < from->count && !list->error; i++) {
        const struct sph_size_row *row = &from->rows[i];
        if (row->path != last)
            kept = *row->path ? keep_path(list, row->path) : "";
        last = row->path;
        size_t at = list->count;
        add(list, row->kind, kept, row->name, row->bytes);
        if (before && list->count > at) {
            list->rows[at].before = row->bytes;
            list->rows[at].bytes = 0;
        }
    }
}

int sph_size_list_compare(const struct sph_size_list *now, const struct sph_size_list *before,
                          struct sph_size_list *ret_list) {
    append(ret_list, now, false);
    append(ret_list, before, true);
    if (ret_list->error)
        return ret_list->error;
    join(ret_list);
    size_t kept = 0;
    for (size_t i = 0; i < ret_list->count; i++)
        if (difference(&ret_list->rows[i]) > 0)
            ret_list->rows[kept++] = ret_list->rows[i];
    ret_list->count = kept;
    if (kept > 0)
        qsort(ret_list->rows, kept, sizeof(*ret_list->rows), compare_differences);
    return 0;
}
