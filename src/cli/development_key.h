/* development_key: the key that this user's packages are signed with, and the telling of it to
 * devices. */
#ifndef SPH_CLI_DEVELOPMENT_KEY_H
#define SPH_CLI_DEVELOPMENT_KEY_H

#include "base/err.h"
#include "cli/device/target.h"
#include "package/signer.h"

/* Loads the pair from SPHERULE_HOME/sdk, making it on first use. On success *ret_signer is the
 * caller's and ends with sph_signer_done(), which wipes the secret. On failure (negative errno,
 * with a sentence) there is nothing to give back. */
int sph_development_key_open(int home_fd, struct sph_signer *ret_signer, struct sph_err *err);
/* Makes a running device trust a signer; one that it trusts already is no error. Only the
 * thumbprint, the public point and the name travel. */
int sph_target_trust(struct sph_target *target, const struct sph_trust_record *record,
                     struct sph_err *err);

#endif
