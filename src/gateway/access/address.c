/* Names are not resolved: what a name stands for may change between the check that an address is
 * loopback and its use. */
#include "gateway/access/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static int refuse(const char *text, struct sph_err *err) {
    char shown[80];
    return SPH_FAIL(err, -EINVAL,
                    "'%s' is no address to listen on; write an IP address and a port, such as "
                    "127.0.0.1:8443 or [::1]:8443",
                    sph_text_shown(text, shown, sizeof(shown)));
}

/* The colon before the port is the last one; an IPv6 address has brackets to tell its own apart. */
int sph_address_parse(const char *text, struct sph_address *ret_address, struct sph_err *err) {
    struct sph_address address = {0};
    char host[INET6_ADDRSTRLEN];
    uint64_t port = 0;
    const char *colon = strrchr(text, ':');
    bool is_v6 = text[0] == '[';
    if (!colon || sph_text_to_u64(colon + 1, UINT16_MAX, &port) < 0)
        return refuse(text, err);
    size_t brackets = is_v6 ? 1 : 0, len = (size_t)(colon - text);
    if (len < 2 * brackets || (is_v6 && colon[-1] != ']') || len - 2 * brackets >= sizeof(host))
        return refuse(text, err);
    (void)snprintf(host, sizeof(host), "%.*s", (int)(len - 2 * brackets), text + brackets);
    if (is_v6)
        address.socket.v6 =
            (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    else
        address.socket.v4 =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    void *bytes = is_v6 ? (void *)&address.socket.v6.sin6_addr : &address.socket.v4.sin_addr;
    if (inet_pton(address.socket.any.sa_family, host, bytes) != 1)
        return refuse(text, err);
    *ret_address = address;
    return 0;
}

const char *sph_address_host(const struct sph_address *address, char ret_text[SPH_ADDRESS_TEXT]) {
    const void *bytes = address->socket.any.sa_family == AF_INET6
                            ? (const void *)&address->socket.v6.sin6_addr
                            : &address->socket.v4.sin_addr;
    ret_text[0] = '\0';
    (void)inet_ntop(address->socket.any.sa_family, bytes, ret_text, SPH_ADDRESS_TEXT);
    return ret_text;
}

const char *sph_address_format(const struct sph_address *address, char ret_text[SPH_ADDRESS_TEXT]) {
    char host[SPH_ADDRESS_TEXT];
    bool is_v6 = address->socket.any.sa_family == AF_INET6;
    in_port_t port = is_v6 ? address->socket.v6.sin6_port : address->socket.v4.sin_port;
    (void)snprintf(ret_text, SPH_ADDRESS_TEXT, is_v6 ? "[%.45s]:%u" : "%.45s:%u",
                   sph_address_host(address, host), (unsigned)ntohs(port));
    return ret_text;
}

socklen_t sph_address_size(const struct sph_address *address) {
    return address->socket.any.sa_family == AF_INET6 ? sizeof(address->socket.v6)
                                                     : sizeof(address->socket.v4);
}

bool sph_address_is_any(const struct sph_address *address) {
    if (address->socket.any.sa_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&address->socket.v6.sin6_addr);
    return address->socket.v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

bool sph_address_is_loopback(const struct sph_address *address) {
    if (address->socket.any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&address->socket.v6.sin6_addr);
    return ntohl(address->socket.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool sph_address_is_link_local(const struct sph_address *address) {
    if (address->socket.any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LINKLOCAL(&address->socket.v6.sin6_addr);
    return ntohl(address->socket.v4.sin_addr.s_addr) >> 16 == 0xa9fe; /* 169.254/16 */
}

bool sph_address_from(const struct sockaddr *any, struct sph_address *ret_address) {
    if (!any || (any->sa_family != AF_INET && any->sa_family != AF_INET6))
        return false;
    struct sph_address address = {.socket = {.any = {.sa_family = any->sa_family}}};
    memcpy(&address.socket, any, sph_address_size(&address));
    *ret_address = address;
    return true;
}

static bool has_same_host(const struct sph_address *a, const struct sockaddr *other) {
    struct sph_address b;
    if (!sph_address_from(other, &b) || b.socket.any.sa_family != a->socket.any.sa_family)
        return false;
    if (b.socket.any.sa_family == AF_INET6)
        return IN6_ARE_ADDR_EQUAL(&a->socket.v6.sin6_addr, &b.socket.v6.sin6_addr);
    return a->socket.v4.sin_addr.s_addr == b.socket.v4.sin_addr.s_addr;
}

bool sph_address_is_on_loopback(const struct sph_address *address) {
    struct ifaddrs *all;
    bool is_there = sph_address_is_loopback(address);
    if (is_there || getifaddrs(&all) < 0)
        return is_there;
    for (const struct ifaddrs *at = all; at && !is_there; at = at->ifa_next)
        is_there = (at->ifa_flags & IFF_LOOPBACK) != 0 && has_same_host(address, at->ifa_addr);
    freeifaddrs(all);
    return is_there;
}
