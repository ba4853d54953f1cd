/* Tables only: a tag, once given, never changes its type or meaning; new fields get new tags.
 *
 * Sizes are no business of the codec; a thumbprint that is too short is refused by the agent. */
#include "wire/msg_trust.h"

#include "wire/table.h"

static const struct sph_field trust_fields[] = {
    REQUIRED(sph_msg_trust, 1, BYTES, thumbprint), REQUIRED(sph_msg_trust, 2, BYTES, point),
    FIELD(sph_msg_trust, 3, TEXT, name),           FIELD(sph_msg_trust, 4, U64, added_wall_ms),
    FIELD(sph_msg_trust, 5, BOOL, production),
};
CODEC(sph_msg_trust, "trust", trust_fields);

static const struct sph_field trust_list_reply_fields[] = {
    LIST(sph_msg_trust_list_reply, 1, entries, sph_msg_trust_codec),
};
CODEC(sph_msg_trust_list_reply, "trust_list_reply", trust_list_reply_fields);

static const struct sph_field trust_remove_fields[] = {
    REQUIRED(sph_msg_trust_remove, 1, BYTES, thumbprint),
};
CODEC(sph_msg_trust_remove, "trust_remove", trust_remove_fields);
