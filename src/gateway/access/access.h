/* access: who may use the gateway over the network, told from a request's headers. */
#ifndef SPH_GATEWAY_ACCESS_ACCESS_H
#define SPH_GATEWAY_ACCESS_ACCESS_H

#include <stdbool.h>

#include "base/err.h"

enum {
    SPH_TOKEN_BYTES = 32, /* random */
    SPH_TOKEN_TEXT = 2 * SPH_TOKEN_BYTES + 1,
};

struct sph_access {
    bool is_trusted;            /* no token is asked for, but of web pages */
    char token[SPH_TOKEN_TEXT]; /* hexadecimal digits */
};

/* Draws a token. 0 or negative errno. */
int sph_token_draw(char ret_token[SPH_TOKEN_TEXT], struct sph_err *err);
/* True for exactly the digits of a token. */
bool sph_token_is_valid(const char *text);
/* Pure. `authorization` and `origin` are the values of these headers, NULL where absent. The time
 * that it takes does not depend on where a token is wrong. */
bool sph_access_allows(const struct sph_access *access, const char *authorization,
                       const char *origin);

#endif
