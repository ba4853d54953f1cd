/* Distances are those of optimal string alignment: the commonest slips (a letter missing,
 * doubled, wrong or two swapped) cost one. Near enough is a third of the typed word, at least
 * one and at most three.
 *
 * A wrong suggestion is worse than none, as people run it: so the limit grows with the word, and
 * the beginning of a longer word counts as nearest of all. Case is not folded, since all our
 * words are in lower case. */
#include "cli/syntax/suggest.h"

#include <limits.h>
#include <string.h>

enum { WORD_MAX = 63 }; /* twice the longest word of the table */

static unsigned min3(unsigned a, unsigned b, unsigned c) {
    unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

/* Quadratic in words of at most 63 bytes; names longer than that have none near. */
unsigned sph_suggest_distance(const char *a, const char *b) {
    size_t len_a = strlen(a);
    size_t len_b = strlen(b);
    if (len_a > WORD_MAX || len_b > WORD_MAX)
        return UINT_MAX;
    unsigned rows[3][WORD_MAX + 1]; /* the last three rows of the matrix, in turn */
    for (unsigned j = 0; j <= len_b; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= len_a; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i - 1) % 3];
        row[0] = i;
        for (unsigned j = 1; j <= len_b; j++) {
            unsigned replace = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = min3(replace, above[j] + 1, row[j - 1] + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                unsigned swap = rows[(i - 2) % 3][j - 2] + 1;
                row[j] = row[j] < swap ? row[j] : swap;
            }
        }
    }
    return rows[len_a % 3][len_b];
}

void sph_suggest_start(struct sph_suggest *suggest, const char *typed) {
    size_t near = strlen(typed) / 3;
    near = near < 1 ? 1 : near > 3 ? 3 : near;
    suggest->typed = typed;
    suggest->best = NULL;
    suggest->best_distance = (unsigned)near + 1;
}

/* Of several that are equally near the first holds: the table's order is that of common use. */
void sph_suggest_offer(struct sph_suggest *suggest, const char *known) {
    size_t len = strlen(suggest->typed);
    unsigned distance = sph_suggest_distance(suggest->typed, known);
    /* the beginning of a longer word is nearer than any slip */
    if (len >= 3 && strncmp(suggest->typed, known, len) == 0)
        distance = 0;
    if (distance < suggest->best_distance) {
        suggest->best = known;
        suggest->best_distance = distance;
    }
}
