/* By ioctl: two links, one address and one route are no reason for netlink. The addresses are those
 * of QEMU's user network, which are the same for every machine. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/machine/machine.h"
#include "agent/machine/machine_private.h"
#include "base/cleanup.h"
#include "base/file.h"

static const char address[] = "10.0.2.15", mask[] = "255.255.255.0", gateway[] = "10.0.2.2";
static const char resolver[] = "nameserver 10.0.2.3\n";

static struct sockaddr inet_address(const char *text) {
    struct sockaddr_in inet = {.sin_family = AF_INET};
    struct sockaddr any;
    (void)inet_pton(AF_INET, text, &inet.sin_addr);
    _Static_assert(sizeof(any) == sizeof(inet), "the two are one");
    memcpy(&any, &inet, sizeof(any));
    return any;
}

static int set_up(int fd, const char *name) {
    struct ifreq link = {.ifr_flags = 0};
    (void)snprintf(link.ifr_name, sizeof(link.ifr_name), "%s", name);
    if (ioctl(fd, SIOCGIFFLAGS, &link) < 0)
        return -errno;
    link.ifr_flags |= IFF_UP;
    return ioctl(fd, SIOCSIFFLAGS, &link) < 0 ? -errno : 0;
}

static int set_address(int fd, const char *name, unsigned long request, const char *text) {
    struct ifreq link = {.ifr_flags = 0};
    (void)snprintf(link.ifr_name, sizeof(link.ifr_name), "%s", name);
    link.ifr_addr = inet_address(text);
    return ioctl(fd, request, &link) < 0 ? -errno : 0;
}

static int add_route(int fd) {
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    route.rt_dst = route.rt_genmask = inet_address("0.0.0.0");
    route.rt_gateway = inet_address(gateway);
    return ioctl(fd, SIOCADDRT, &route) < 0 ? -errno : 0;
}

int sph_machine_join_network(struct sph_err *err) {
    sph_autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int code = fd < 0 ? -errno : set_up(fd, "lo");
    if (code < 0)
        return SPH_FAIL_ERRNO(err, code, "cannot bring up the machine's loopback network");
    code = set_address(fd, "eth0", SIOCSIFADDR, address);
    if (code == 0)
        code = set_address(fd, "eth0", SIOCSIFNETMASK, mask);
    if (code == 0)
        code = set_up(fd, "eth0");
    if (code == 0)
        code = add_route(fd);
    if (code < 0)
        return SPH_FAIL_ERRNO(err, code, "cannot bring up the machine's network eth0");
    code = sph_dir_make(AT_FDCWD, "/etc", 0755, err);
    return code < 0 ? code
                    : sph_file_replace(AT_FDCWD, SPH_MACHINE_RESOLVER, resolver,
                                       sizeof(resolver) - 1, 0644, err);
}
