/* Folders are read once, when they are added: an app asks for some ten objects, and each would walk
 * them again. A build id is the only proof that a file is the object; names are no proof, since
 * every app is called bin/app. */
#include "profile/places.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"

static int add_object(struct sph_places *places, const char *path,
                      const struct sph_object *object) {
    if (places->count == SPH_PLACES_MAX)
        return -ENOSPC;
    if (!places->places) /* at most 40 KB: cheaper than growing it */
        places->places = calloc(SPH_PLACES_MAX, sizeof(*places->places));
    char *copy = places->places ? strdup(path) : NULL;
    if (!copy)
        return -ENOMEM;
    places->places[places->count++] = (struct sph_place){.path = copy, .object = *object};
    return 0;
}

static void add_folder(struct sph_places *places, const char *path, unsigned depth);

/* One entry of a folder; what cannot be read is passed over, as it is no file of ours. */
static void add_entry(struct sph_places *places, const char *path, unsigned depth) {
    struct stat st;
    struct sph_object object;
    if (lstat(path, &st) < 0)
        return;
    if (S_ISDIR(st.st_mode) && depth < SPH_PLACES_DEPTH_MAX)
        add_folder(places, path, depth + 1);
    else if (S_ISREG(st.st_mode) && sph_object_read(AT_FDCWD, path, &object) == 0)
        (void)add_object(places, path, &object); /* ignoring: a full list is a shorter list */
}

static void add_folder(struct sph_places *places, const char *path, unsigned depth) {
    sph_autoclosedir DIR *dir = opendir(path);
    const struct dirent *entry;
    char child[4096];
    while (dir && (entry = readdir(dir)) && places->visited < SPH_PLACES_VISITED_MAX &&
           places->count < SPH_PLACES_MAX) {
        if (entry->d_name[0] == '.')
            continue; /* and hidden folders: repositories have thousands of files */
        places->visited++;
        int len = snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
        if (len > 0 && (size_t)len < sizeof(child))
            add_entry(places, child, depth);
    }
}

int sph_places_add(struct sph_places *places, const char *path) {
    struct stat st;
    struct sph_object object;
    if (stat(path, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode)) {
        add_folder(places, path, 1);
        return 0;
    }
    int r = sph_object_read(AT_FDCWD, path, &object);
    return r < 0 ? r : add_object(places, path, &object);
}

/* "bin/app" where a package's folder is the current one; *.out also of out/ARM-Debug and the like,
 * which the folders hold. */
void sph_places_add_outputs(struct sph_places *places) {
    static const char *const folders[] = {"out", "build", "bin"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(folders); i++)
        (void)sph_places_add(places, folders[i]); /* ignoring: most are not there */
    sph_autoclosedir DIR *dir = opendir(".");
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)) && places->visited++ < SPH_PLACES_VISITED_MAX) {
        size_t len = strlen(entry->d_name);
        if (entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".out") == 0)
            add_entry(places, entry->d_name, SPH_PLACES_DEPTH_MAX);
    }
}

void sph_places_done(struct sph_places *places) {
    for (unsigned i = 0; i < places->count; i++)
        free(places->places[i].path);
    free(places->places);
    *places = (struct sph_places)SPH_PLACES_NULL;
}

static bool is_same(const struct sph_object *object, const struct sph_places_wanted *wanted) {
    return wanted->build_id_len > 0 && object->build_id_len == wanted->build_id_len &&
           memcmp(object->build_id, wanted->build_id, wanted->build_id_len) == 0;
}

static bool fits(const struct sph_place *place, const struct sph_places_wanted *wanted) {
    if (wanted->build_id_len > 0)
        return is_same(&place->object, wanted);
    return place->object.build_id_len == 0 &&
           strcmp(sph_text_file_name(place->path), sph_text_file_name(wanted->path)) == 0;
}

struct found {
    char **paths;
    unsigned count;
};

static void keep(struct found *found, const char *path) {
    char *copy = found->count < SPH_PLACES_FOUND_MAX ? strdup(path) : NULL;
    if (copy)
        found->paths[found->count++] = copy;
}

/* A file of this machine, if it is the object. */
static void try_file(struct found *found, const char *path,
                     const struct sph_places_wanted *wanted) {
    struct sph_object object;
    if (*path == '/' && sph_object_read(AT_FDCWD, path, &object) == 0 && is_same(&object, wanted))
        keep(found, path);
}

unsigned sph_places_find(const struct sph_places *places, const struct sph_places_wanted *wanted,
                         char *ret_paths[SPH_PLACES_FOUND_MAX]) {
    struct found found = {.paths = ret_paths};
    char hex[2 * SPH_BUILD_ID_MAX + 1];
    char path[2 * SPH_BUILD_ID_MAX + 64];
    if (wanted->program)
        keep(&found, wanted->program);
    /* two are left for the machine's own */
    for (unsigned i = 0; i < places->count && found.count < SPH_PLACES_FOUND_MAX - 2; i++)
        if (fits(&places->places[i], wanted))
            keep(&found, places->places[i].path);
    if (wanted->build_id_len > 1 && wanted->build_id_len <= SPH_BUILD_ID_MAX) {
        sph_bytes_to_hex(wanted->build_id, wanted->build_id_len, hex);
        (void)snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%.2s/%s.debug", hex, hex + 2);
        try_file(&found, path, wanted);
        try_file(&found, wanted->path, wanted);
    }
    return found.count;
}
