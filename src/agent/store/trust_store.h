/* trust_store: the device's own file of the signers whose packages it takes. */
#ifndef SPH_AGENT_STORE_TRUST_STORE_H
#define SPH_AGENT_STORE_TRUST_STORE_H

#include "base/attr.h"
#include "base/err.h"
#include "package/trust.h"

struct sph_trust_store; /* state/trust */

/* Fails on a file that cannot be read or is damaged: a device that silently trusted nobody would
 * refuse every package, and one that trusted half would not say which half. */

int sph_trust_store_new(int state_fd, struct sph_trust_store **ret_store, struct sph_err *err);
struct sph_trust_store *sph_trust_store_free(struct sph_trust_store *store);

const struct sph_trust *sph_trust_store_get(const struct sph_trust_store *store);
/* Results of sph_trust_add() and sph_trust_remove(), or negative errno when the file cannot be
 * written: then the store is as it was. */
int sph_trust_store_add(struct sph_trust_store *store, const struct sph_trust_record *record,
                        struct sph_err *err) SPH_MUST_USE;
int sph_trust_store_remove(struct sph_trust_store *store,
                           const uint8_t thumbprint[SPH_IMAGE_THUMBPRINT_BYTES],
                           struct sph_err *err) SPH_MUST_USE;

static inline void sph_trust_store_freep(struct sph_trust_store **store) {
    *store = sph_trust_store_free(*store);
}

#endif
