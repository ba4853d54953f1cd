/* listen: where HTTPS is wanted and for whom, as a request says it and as it is kept. */
#ifndef SPH_GATEWAY_ACCESS_LISTEN_H
#define SPH_GATEWAY_ACCESS_LISTEN_H

#include "base/buf.h"
#include "gateway/access/access.h"
#include "gateway/access/address.h"

enum { SPH_LISTEN_TEXT = 1024 }; /* bytes of JSON; ours has fewer than 200 */

struct sph_listen {
    struct sph_address address;
    struct sph_access access; /* the token is "" where none is given */
    bool wants_new_token;
};

/* Pure. {"address":"127.0.0.1:8443","trusted":false,"newToken":false,"token":"…"}: all but the
 * address may be absent. -EINVAL, or -EBADMSG for what is not JSON, with a sentence. */
int sph_listen_parse(const char *text, size_t len, struct sph_listen *ret_listen,
                     struct sph_err *err);
/* Pure. The same again, as one line; failures stay in the buffer. */
void sph_listen_format(const struct sph_listen *listen, struct sph_buf *text);

#endif
