/* forwards: the TCP ports of this machine that lead into a virtual device. */
#ifndef SPH_CLI_DEVICE_FORWARDS_H
#define SPH_CLI_DEVICE_FORWARDS_H

#include <stdint.h>

#include "base/err.h"

enum {
    SPH_FORWARDS_MAX = 16, /* docs/spec/machine.md, section 1.2 */
    SPH_FORWARD_TEXT = 12, /* "65535:65535" and its NUL */
};

/* In the order given. A host port is there once: only one of two could be listened on. */
struct sph_forwards {
    struct {
        uint16_t host_port, device_port;
    } rows[SPH_FORWARDS_MAX];
    unsigned count;
};

/* Both are pure.
 * Adds "8080:80" (host, device). -EINVAL with a sentence for another text, a port beyond 1 to
 * 65535, a host port that is there, a seventeenth; *forwards is untouched then. */
int sph_forwards_add(struct sph_forwards *forwards, const char *text, struct sph_err *err);
/* Row `i`, as it is read; returns ret_text. */
char *sph_forwards_format(const struct sph_forwards *forwards, unsigned i,
                          char ret_text[SPH_FORWARD_TEXT]);

#endif
