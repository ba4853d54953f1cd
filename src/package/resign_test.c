/* A package signed anew is the same but for its signer, and is the new key's. */
#include "package/resign.h"

#include <errno.h>

#include "package/package_testing.h"

static const uint8_t other_scalar[SPH_SIGN_SCALAR_BYTES] = {[31] = 7};
static const uint8_t other_thumbprint[SPH_IMAGE_THUMBPRINT_BYTES] = {9, 8, 7};

static void only_the_signer_changes(void **state) {
    (void)state;
    sph_autobuf struct sph_buf before = SPH_BUF_NULL, after = SPH_BUF_NULL;
    struct sph_image image;
    uint8_t point[SPH_SIGN_POINT_BYTES];
    sph_test_package(&before);
    sph_test_package(&after);
    assert_int_equal(sph_image_resign(after.data, after.len, other_scalar, other_thumbprint, NULL),
                     0);
    assert_int_equal(sph_image_parse(after.data, after.len, &image, NULL), 0);
    assert_memory_equal(image.thumbprint, other_thumbprint, sizeof(other_thumbprint));
    assert_int_equal(image.signing_type, SPH_IMAGE_SIGNING_ECDSA256);
    assert_int_equal(sph_sign_public(other_scalar, point), 0);
    assert_int_equal(sph_signature_verify(&image, point), 0);
    assert_int_equal(sph_sign_public(sph_test_scalar, point), 0);
    assert_int_equal(sph_signature_verify(&image, point), SPH_SIGNATURE_E_BAD);
    /* and back again */
    assert_int_equal(
        sph_image_resign(after.data, after.len, sph_test_scalar, sph_test_thumbprint, NULL), 0);
    assert_int_equal(after.len, before.len);
    assert_memory_equal(after.data, before.data, before.len);
}

static void what_cannot_be_signed(void **state) {
    static const uint8_t zero[SPH_SIGN_SCALAR_BYTES];
    (void)state;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    struct sph_image image;
    struct sph_err err = SPH_ERR_NULL;
    sph_test_package(&bytes);
    assert_int_equal(sph_image_resign(bytes.data, bytes.len, zero, other_thumbprint, &err),
                     -EINVAL);
    assert_int_equal(sph_image_resign(bytes.data, 100, other_scalar, other_thumbprint, &err),
                     -EBADMSG);
    /* the section's letters made others: nobody's place */
    assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, NULL), 0);
    const struct sph_image_section *section = sph_image_section(&image, SPH_IMAGE_SG);
    bytes.data[(const char *)section->data - bytes.data - 4] = 'X';
    assert_int_equal(sph_image_resign(bytes.data, bytes.len, other_scalar, other_thumbprint, &err),
                     -EBADMSG);
    assert_string_equal(err.text, "the package has no section SG that could name its signer");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_signer_changes),
        cmocka_unit_test(what_cannot_be_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
