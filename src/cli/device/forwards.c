/* One form, host port first, as docker and ssh -L have it; what they add to it (addresses, ranges,
 * UDP) was left out: the host's end is always 127.0.0.1, since a device is nobody else's. */
#include "cli/device/forwards.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* `len` bytes of text, a port and nothing else. */
static bool parse_port(const char *text, size_t len, uint16_t *ret_port) {
    char digits[8];
    uint64_t port;
    if (len == 0 || len >= sizeof(digits))
        return false;
    (void)snprintf(digits, sizeof(digits), "%.*s", (int)len, text);
    if (sph_text_to_u64(digits, UINT16_MAX, &port) < 0 || port == 0)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

int sph_forwards_add(struct sph_forwards *forwards, const char *text, struct sph_err *err) {
    uint16_t host_port, device_port;
    size_t len = strcspn(text, ":");
    if (text[len] == '\0' || !parse_port(text, len, &host_port) ||
        !parse_port(text + len + 1, strlen(text + len + 1), &device_port)) {
        char shown[40];
        return SPH_FAIL(err, -EINVAL,
                        "'%s' is no forward: write this machine's port and the device's, each from "
                        "1 to 65535, as in 8080:80",
                        sph_text_shown(text, shown, sizeof(shown)));
    }
    for (unsigned i = 0; i < forwards->count; i++)
        if (forwards->rows[i].host_port == host_port)
            return SPH_FAIL(err, -EINVAL, "port %u of this machine is forwarded twice", host_port);
    if (forwards->count == SPH_FORWARDS_MAX)
        return SPH_FAIL(err, -EINVAL, "a device has at most %d forwards", SPH_FORWARDS_MAX);
    forwards->rows[forwards->count].host_port = host_port;
    forwards->rows[forwards->count].device_port = device_port;
    forwards->count++;
    return 0;
}

char *sph_forwards_format(const struct sph_forwards *forwards, unsigned i,
                          char ret_text[SPH_FORWARD_TEXT]) {
    (void)snprintf(ret_text, SPH_FORWARD_TEXT, "%u:%u", forwards->rows[i].host_port,
                   forwards->rows[i].device_port);
    return ret_text;
}
