/* msg_trust: messages about the certificates whose signatures the device accepts. */
#ifndef SPH_WIRE_MSG_TRUST_H
#define SPH_WIRE_MSG_TRUST_H

#include "wire/codec.h"

enum {
    SPH_TRUST_THUMBPRINT = 20, /* bytes: SHA-1 of the certificate */
    SPH_TRUST_POINT = 65,      /* bytes: uncompressed P-256 point */
};

/* A public key and the thumbprint by which packages name it. The device parses no certificates:
 * whoever adds one takes it apart. */
struct sph_msg_trust {
    struct sph_slice thumbprint;
    struct sph_slice point;
    struct sph_slice name; /* the certificate's subject, or what the user called it */
    uint64_t added_wall_ms;
};

struct sph_msg_trust_list_reply {
    struct sph_list entries; /* struct sph_msg_trust */
};

/* By thumbprint; packages that are installed stay so. */
struct sph_msg_trust_remove {
    struct sph_slice thumbprint;
};

extern const struct sph_codec sph_msg_trust_codec;
extern const struct sph_codec sph_msg_trust_list_reply_codec;
extern const struct sph_codec sph_msg_trust_remove_codec;

#endif
