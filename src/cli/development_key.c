/* The key is the user's, not a device's: one key, any number of devices that trust it. It is
 * made on first use, P-256, in a folder of mode 0700, and never leaves it: what a device gets is
 * the thumbprint and the public point. Asking for a passphrase was rejected: the key proves
 * "built here" and nothing more, and builds run unattended. */
#include "cli/development_key.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json_out.h"
#include "base/text.h"

/* The folder is 0700 from the beginning; the files in it are 0600 by the signer. */
int sph_development_key_open(int home_fd, struct sph_signer *ret_signer, struct sph_err *err) {
    int r = sph_dir_make(home_fd, "sdk", 0700, err);
    if (r < 0)
        return r;
    sph_autoclose int sdk_fd = sph_dir_open(home_fd, "sdk", err);
    return sdk_fd < 0 ? sdk_fd : sph_signer_open(sdk_fd, ret_signer, err);
}

/* The certificate is reduced to what the device keeps: it reads no X.509. */
int sph_target_trust(struct sph_target *target, const struct sph_trust_record *record,
                     struct sph_err *err) {
    char thumbprint[2 * SPH_IMAGE_THUMBPRINT_BYTES + 1];
    char point[2 * SPH_SIGN_POINT_BYTES + 1];
    sph_bytes_to_hex(record->thumbprint, sizeof(record->thumbprint), thumbprint);
    sph_bytes_to_hex(record->point, sizeof(record->point), point);
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    struct sph_json_out out;
    sph_json_begin(&out, &body);
    sph_json_object(&out);
    sph_json_key_string(&out, "thumbprint", thumbprint);
    sph_json_key_string(&out, "point", point);
    sph_json_key_string(&out, "name", record->name);
    sph_json_key_string(&out, "kind", record->is_production ? "production" : "development");
    sph_json_object_end(&out);
    if (body.error)
        return SPH_FAIL_ERRNO(err, body.error, "cannot send the certificate");
    struct sph_err refusal = SPH_ERR_NULL;
    int r = sph_target_call(target, "POST", "/spherule/v1/trust", body.data, &refusal);
    if (r < 0 && sph_rest_last_error(target->rest) == EEXIST)
        return 0;
    if (r < 0 && err)
        *err = refusal;
    return r;
}
