/* address: an IP address with a port, as people write them. */
#ifndef SPH_GATEWAY_ACCESS_ADDRESS_H
#define SPH_GATEWAY_ACCESS_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>

#include "base/err.h"

enum { SPH_ADDRESS_TEXT = 56 }; /* bytes with the NUL: "[…]:65535" of the longest IPv6 address */

struct sph_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } socket;
};

/* False for one that is neither IPv4 nor IPv6. Takes NULL. */
bool sph_address_from(const struct sockaddr *any, struct sph_address *ret_address);
/* "127.0.0.1:8443", "[::1]:8443"; names are not looked up, port 0 means any that is free. -EINVAL
 * with a sentence. */
int sph_address_parse(const char *text, struct sph_address *ret_address, struct sph_err *err);
/* The same text again, in the system's spelling. Returns ret_text. */
const char *sph_address_format(const struct sph_address *address, char ret_text[SPH_ADDRESS_TEXT]);
/* The address alone, without port and brackets. Returns ret_text. */
const char *sph_address_host(const struct sph_address *address, char ret_text[SPH_ADDRESS_TEXT]);
/* Bytes of its socket address, for bind(2). */
socklen_t sph_address_size(const struct sph_address *address);
/* Every address of the machine (0.0.0.0, ::). */
bool sph_address_is_any(const struct sph_address *address);
/* 127/8 and ::1: the kernel takes nothing for them from outside. */
bool sph_address_is_loopback(const struct sph_address *address);
/* fe80::/10 and 169.254/16: means nothing without an interface beside it. */
bool sph_address_is_link_local(const struct sph_address *address);
/* Loopback, or an address that a loopback interface of this machine has; asks the system. */
bool sph_address_is_on_loopback(const struct sph_address *address);

#endif
