/* A port is taken when it cannot be bound, as QEMU will bind it: with SO_REUSEADDR, so that
 * connections of a machine that is gone do not count. */
#include "gateway/machine/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include "base/cleanup.h"

/* `port` 0: any. The port that was bound, now free again, or negative errno. */
static int try_port(uint16_t port) {
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    int on = 1;
    sph_autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (struct sockaddr *)&at, len) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) < 0)
        return -errno;
    return ntohs(at.sin_port);
}

int sph_ports_check(const struct sph_machine_config *config, struct sph_err *err) {
    for (unsigned i = 0; i < config->forward_count; i++) {
        uint16_t host = config->forwards[i].host;
        int rc = try_port(host);
        if (rc == -EADDRINUSE)
            return SPH_FAIL(err, rc,
                            "port %u of this computer is taken: end the program that listens on "
                            "it, or change forwards in device.json",
                            host);
        if (rc < 0)
            return SPH_FAIL_ERRNO(err, rc,
                                  "port %u of this computer cannot be used (change forwards in "
                                  "device.json)",
                                  host);
    }
    return 0;
}

int sph_ports_pick(uint16_t *ret_port, struct sph_err *err) {
    int rc = try_port(0);
    if (rc < 0)
        return SPH_FAIL_ERRNO(err, rc, "cannot find a free port for the debugger");
    *ret_port = (uint16_t)rc;
    return 0;
}
