/* msg_trust: messages about the certificates whose signatures the device accepts.
 *
 * The sizes are checked by the agent, not by the codec: a wrong one has a sentence of its own. */
#ifndef SPH_WIRE_MSG_TRUST_H
#define SPH_WIRE_MSG_TRUST_H

#include "wire/codec.h"

/* Fixed by the format of packages; the sum names a certificate there, it guards nothing. */
enum {
    SPH_TRUST_THUMBPRINT = 20, /* bytes: SHA-1 of the certificate */
    SPH_TRUST_POINT = 65,      /* bytes: uncompressed P-256 point */
};

/* A public key and the thumbprint by which packages name it. The device parses no certificates:
 * whoever adds one takes it apart. */
struct sph_msg_trust {
    struct sph_slice thumbprint; /* SPH_TRUST_THUMBPRINT bytes; the key of the entry */
    struct sph_slice point;      /* SPH_TRUST_POINT bytes, beginning with 4 */
    struct sph_slice name;       /* the certificate's subject, or what the user called it */
    uint64_t added_wall_ms;      /* since 1970, by the device's clock; not sent with TRUST_ADD */
    bool production;             /* else for devices with app development only */
};

/* Every key that the device accepts, as many as fit its store. */
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
