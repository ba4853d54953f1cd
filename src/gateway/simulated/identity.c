/* On the original the identifier is the device's public key, whose private half never leaves the
 * chip. A device of ours signs nothing, so there is nothing to keep secret. */
#include "gateway/simulated/identity.h"

#include <errno.h>

#include "base/x509.h"

int sph_identity_new(uint8_t ret_point[SPH_IDENTITY_BYTES], struct sph_err *err) {
    sph_auto_privkey gnutls_privkey_t key = NULL;
    sph_auto_datum gnutls_datum_t x = {0};
    sph_auto_datum gnutls_datum_t y = {0};
    gnutls_ecc_curve_t curve;
    int status = gnutls_privkey_init(&key);
    if (status == 0)
        status = gnutls_privkey_generate(key, GNUTLS_PK_ECDSA,
                                         GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (status == 0)
        status = gnutls_privkey_export_ecc_raw(key, &curve, &x, &y, NULL);
    if (status == 0 && (sph_x509_number_copy(&x, ret_point, 32) < 0 ||
                        sph_x509_number_copy(&y, ret_point + 32, 32) < 0))
        status = GNUTLS_E_INTERNAL_ERROR;
    if (status < 0)
        return SPH_FAIL(err, -EIO, "no identity can be made for the device (%s); ask again",
                        gnutls_strerror(status));
    return 0;
}
