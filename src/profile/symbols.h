/* symbols: addresses in objects turned into functions, files and lines. */
#ifndef SPH_PROFILE_SYMBOLS_H
#define SPH_PROFILE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One question with its answer. */
struct sph_symbol {
    /* asked: a return address, counted from the object's lowest mapping */
    unsigned object; /* index among the objects */
    uint64_t address;
    /* answered; texts are printable, "" where nothing is known */
    char function[96];
    char inlined_into[96]; /* the function in which it was compiled, where that is another */
    char file[256];        /* as the compiler was given it */
    unsigned line;         /* 0: not known */
    uint64_t offset;       /* into the function, where only its symbol is known */
};

/* Files of one object, best first: of each question the first with lines and the first with
 * symbols answer. */
struct sph_symbols_object {
    char *const *paths;
    unsigned count;
};

/* Answers what can be answered. The files are read by a child process, of bounded memory and
 * time, with libdw, which is loaded there: whatever a file holds, this process lives on and the
 * questions stay open. `count` up to 4096. True when there was a libdw to ask. */
bool sph_symbols_find(const struct sph_symbols_object *objects, unsigned n_objects,
                      struct sph_symbol *symbols, unsigned count);

#endif
