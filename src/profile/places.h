/* places: the ELF files of this machine in which an object's symbols may be found. */
#ifndef SPH_PROFILE_PLACES_H
#define SPH_PROFILE_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "profile/object.h"

enum {
    SPH_PLACES_MAX = 512,          /* ELF files known by name; more are not looked at */
    SPH_PLACES_VISITED_MAX = 8192, /* directory entries looked at, in all folders together */
    SPH_PLACES_DEPTH_MAX = 6,
};

struct sph_place {
    char *path; /* owned */
    struct sph_object object;
};

/* Embedded: start with SPH_PLACES_NULL, add, find, done. */
struct sph_places {
    struct sph_place *places;
    unsigned count;
    unsigned visited;
};
#define SPH_PLACES_NULL                                                                            \
    { .places = NULL, .count = 0, .visited = 0 }

/* A file, or a folder that is searched within the limits above; links to folders are not followed.
 * 0; -ENOENT and the like when it is not there; -ENOEXEC for a file that is no ELF file. */
int sph_places_add(struct sph_places *places, const char *path);
/* Where builds leave programs, below the current folder: out, build, bin and *.out. What is not
 * there is passed over. */
void sph_places_add_outputs(struct sph_places *places);
void sph_places_done(struct sph_places *places);

/* What is asked for. */
struct sph_places_wanted {
    const uint8_t *build_id;
    size_t build_id_len;
    const char *path;    /* as the device's loader names it; of a program "/…/bin/app" */
    const char *program; /* the file it is for sure, whether it has a build id or not; or NULL */
};
enum { SPH_PLACES_FOUND_MAX = 6 };

/* Candidates, best first: the program, added files and folders in their order, the machine's debug
 * files, the machine's file of that path. All have the build id that is wanted; without one, only
 * the program, and added files of the same name without one, are. Returns how many; each is
 * malloc()ed. */
unsigned sph_places_find(const struct sph_places *places, const struct sph_places_wanted *wanted,
                         char *ret_paths[SPH_PLACES_FOUND_MAX]);

#define sph_autoplaces SPH_CLEANUP(sph_places_done)

#endif
