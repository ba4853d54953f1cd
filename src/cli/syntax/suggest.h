/* suggest: which known word was meant by an unknown one. */
#ifndef SPH_CLI_SYNTAX_SUGGEST_H
#define SPH_CLI_SYNTAX_SUGGEST_H

#include <stddef.h>

/* Open: read `best` after the offers. Both words are borrowed. */
struct sph_suggest {
    const char *typed;
    const char *best; /* NULL until something is near enough */
    unsigned best_distance;
};

/* Edits (insert, delete, replace, swap of neighbours) between two words; words over 63 bytes are
 * UINT_MAX apart from everything. */
unsigned sph_suggest_distance(const char *a, const char *b);
void sph_suggest_start(struct sph_suggest *suggest, const char *typed);
/* Offers a known word; it must live as long as the result is used. */
void sph_suggest_offer(struct sph_suggest *suggest, const char *known);

#endif
