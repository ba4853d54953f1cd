/* members: JSON objects read into records and written from them, by a table of their members.
 *
 * One table serves what a client sends, what the device keeps and what is shown, so that the three
 * cannot drift apart. Pure. */
#ifndef SPH_GATEWAY_REST_MEMBERS_H
#define SPH_GATEWAY_REST_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json_in.h"
#include "base/json_out.h"

enum sph_member_type {
    SPH_MEMBER_TEXT,   /* char[max + 1]: UTF-8 of min to max bytes, without control characters */
    SPH_MEMBER_NUMBER, /* uint32_t, min to max */
    SPH_MEMBER_FLAG,   /* bool */
    SPH_MEMBER_WORD,   /* uint32_t: place in `words` */
};

enum sph_member_kind {
    SPH_MEMBER_PLAIN,
    SPH_MEMBER_SECRET, /* kept, and never shown */
    SPH_MEMBER_SPARE,  /* a text that is left out while it is empty */
    SPH_MEMBER_SHOWN,  /* only shown: neither a client nor the device sets it */
};

struct sph_member {
    const char *key;
    uint8_t type, kind;
    uint32_t min, max;
    size_t offset;            /* bytes, in the record */
    const char *const *words; /* NULL at the end */
    const char *wanted;       /* "true or false": ends the sentence "… must be" */
};

/* At most 32 rows. */
struct sph_members {
    const struct sph_member *rows;
    size_t count;
};

/* Sets what is there, and leaves the rest of the record as it is; null counts as absent. 0 and a
 * bit for each row that was there, or -EINVAL and the row that is wrong (the record may be changed
 * in part then). */
int sph_members_read(const struct sph_json_value *object, const struct sph_members *members,
                     void *record, uint32_t *ret_present, const struct sph_member **ret_wrong);
/* Key and value of each row, into an object that the caller has begun. */
void sph_members_write(struct sph_json_out *out, const struct sph_members *members,
                       const void *record, bool is_shown);

#endif
