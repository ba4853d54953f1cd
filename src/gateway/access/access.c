/* Reads need the token as writes do: what a device runs, logs and holds is nobody else's business,
 * and one rule is easier to keep than two.
 *
 * A browser sends Origin with whatever a page asks of another place. On a device that asks for no
 * token, any page that is open on the same machine could restart it otherwise. */
#include "gateway/access/access.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/text.h"

int sph_token_draw(char ret_token[SPH_TOKEN_TEXT], struct sph_err *err) {
    uint8_t bytes[SPH_TOKEN_BYTES];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return SPH_FAIL_ERRNO(err, -errno, "cannot draw a token");
    sph_bytes_to_hex(bytes, sizeof(bytes), ret_token);
    return 0;
}

bool sph_token_is_valid(const char *text) {
    return strlen(text) == SPH_TOKEN_TEXT - 1 &&
           strspn(text, "0123456789abcdef") == SPH_TOKEN_TEXT - 1;
}

/* Every byte is looked at, whatever the ones before it were; only the length is told by the time,
 * and that is no secret. */
static bool is_equal(const char *a, const char *b, size_t len) {
    volatile unsigned char difference = 0;
    for (size_t i = 0; i < len; i++)
        difference |= (unsigned char)(a[i] ^ b[i]);
    return difference == 0;
}

bool sph_access_allows(const struct sph_access *access, const char *authorization,
                       const char *origin) {
    static const char scheme[] = "Bearer ";
    if (access->is_trusted && !origin)
        return true;
    if (!authorization || strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
        return false;
    const char *token = authorization + sizeof(scheme) - 1;
    token += strspn(token, " ");
    return sph_token_is_valid(access->token) && strlen(token) == SPH_TOKEN_TEXT - 1 &&
           is_equal(token, access->token, SPH_TOKEN_TEXT - 1);
}
