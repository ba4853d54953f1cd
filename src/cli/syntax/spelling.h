/* spelling: the names under which the program is called: spherule, azsphere, and Azure's tool with
 * its extension, "az sphere". */
#ifndef SPH_CLI_SYNTAX_SPELLING_H
#define SPH_CLI_SYNTAX_SPELLING_H

#include <stdbool.h>

#include "base/err.h"

/* The program's name where it is called as the extension; args.c knows it by this. */
#define SPH_SPELLING_AZ "az sphere"

struct sph_spelling {
    const char *program; /* "spherule", "azsphere" or SPH_SPELLING_AZ; static */
    int skip;            /* words of the line that belong to the name, but for the last */
};

/* "az sphere …" by a program that is called az; "sphere …" and "az sphere …" by one that is called
 * anything. Reads argv and, in az's spelling, writes its option "-of" as the one that it is short
 * for. -EINVAL with a sentence for other groups of az's. */
int sph_spelling_read(int argc, char **argv, struct sph_spelling *ret_spelling,
                      struct sph_err *err);
/* Whether `program` is SPH_SPELLING_AZ. */
bool sph_spelling_is_az(const char *program);

#endif
