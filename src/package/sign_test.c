/* Signatures: the vectors of RFC 6979, the real packages' signer, every changed bit, and openssl's
 * opinion. */
#include "package/sign.h"

#include <errno.h>
#include <gmp.h>

#include "base/text.h"
#include "package/package_testing.h"

/* RFC 6979, A.2.5: P-256 with SHA-256. */
static const struct vector {
    const char *message;
    const char *r;
    const char *s;
} vectors[] = {
    {"sample", "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
     "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
    {"test", "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
     "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"},
};

static void signatures_are_the_published_ones(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(vectors); i++) {
        uint8_t signature[SPH_IMAGE_SIGNATURE_BYTES];
        char hex[2 * SPH_IMAGE_SIGNATURE_BYTES + 1], want[sizeof(hex)];
        assert_int_equal(sph_signature_sign(vectors[i].message, strlen(vectors[i].message),
                                            sph_test_scalar, signature, NULL),
                         0);
        sph_bytes_to_hex(signature, sizeof(signature), hex);
        (void)snprintf(want, sizeof(want), "%s%s", vectors[i].r, vectors[i].s);
        assert_string_equal(hex, want);
    }
    uint8_t point[SPH_SIGN_POINT_BYTES];
    char hex[2 * SPH_SIGN_POINT_BYTES + 1];
    assert_int_equal(sph_sign_public(sph_test_scalar, point), 0);
    sph_bytes_to_hex(point, sizeof(point), hex);
    assert_string_equal(hex, "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                             "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
}

static void hashes_are_the_published_ones(void **state) {
    (void)state;
    uint8_t hash[SPH_SIGN_HASH_BYTES], thumbprint[SPH_IMAGE_THUMBPRINT_BYTES];
    char hex[2 * SPH_SIGN_HASH_BYTES + 1];
    sph_sign_hash("abc", 3, hash);
    sph_bytes_to_hex(hash, sizeof(hash), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sph_sign_thumbprint("abc", 3, thumbprint);
    sph_bytes_to_hex(thumbprint, sizeof(thumbprint), hex);
    assert_string_equal(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

static void bad_keys_are_refused(void **state) {
    (void)state;
    static const uint8_t zero[SPH_SIGN_SCALAR_BYTES];
    /* The group's order. */
    static const char order_hex[] =
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    uint8_t order[SPH_SIGN_SCALAR_BYTES], signature[64] = {7}, point[SPH_SIGN_POINT_BYTES];
    assert_int_equal(sph_hex_to_bytes(order_hex, sizeof(order), order), 0);
    const uint8_t *const bad[] = {zero, order};
    for (size_t i = 0; i < 2; i++) {
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_signature_sign("a", 1, bad[i], signature, &err), -EINVAL);
        assert_err(&err, -EINVAL, "the signing key is not a private key of the curve P-256");
        assert_int_equal(signature[0], 7);
        assert_int_equal(sph_sign_public(bad[i], point), -EINVAL);
    }
    order[31]--;
    assert_int_equal(sph_signature_sign("a", 1, order, signature, NULL), 0);
    assert_int_equal(sph_sign_public(sph_test_scalar, point), 0);
    assert_int_equal(sph_sign_check_point(point), 0);
    point[64] ^= 1;
    assert_int_equal(sph_sign_check_point(point), -EINVAL);
    point[64] ^= 1;
    point[0] = 6;
    assert_int_equal(sph_sign_check_point(point), -EINVAL);
    memset(point, 0xff, sizeof(point));
    point[0] = 4;
    assert_int_equal(sph_sign_check_point(point), -EINVAL);
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    struct sph_image image;
    sph_test_package(&bytes);
    assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, NULL), 0);
    assert_int_equal(sph_signature_verify(&image, point), -EINVAL);
}

static void real_signatures_hold(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(sph_fixture_names); i++) {
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
        sph_fixture_read(sph_fixture_names[i], &bytes);
        struct sph_image image;
        assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, NULL), 0);
        assert_int_equal(sph_signature_verify(&image, sph_trust_sdk_development.point), 0);
        uint8_t other[SPH_SIGN_POINT_BYTES];
        assert_int_equal(sph_sign_public(sph_test_scalar, other), 0);
        assert_int_equal(sph_signature_verify(&image, other), SPH_SIGNATURE_E_BAD);
        bytes.data[0x2345] ^= 1;
        assert_int_equal(sph_signature_verify(&image, sph_trust_sdk_development.point),
                         SPH_SIGNATURE_E_BAD);
    }
}

/* Out-of-range numbers must be refused, not reduced. */
static void odd_signatures_do_not_hold(void **state) {
    (void)state;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    sph_test_package(&bytes);
    struct sph_image image;
    uint8_t point[SPH_SIGN_POINT_BYTES];
    assert_int_equal(sph_sign_public(sph_test_scalar, point), 0);
    assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, NULL), 0);
    assert_int_equal(sph_signature_verify(&image, point), 0);
    static const struct {
        size_t from, len;
        int byte;
    } rows[] = {{0, 64, 0}, {0, 32, 0}, {32, 32, 0}, {0, 64, 0xff}, {0, 32, 0xff}, {32, 32, 0xff}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        uint8_t kept[64], *signature = (uint8_t *)bytes.data + bytes.len - 64;
        memcpy(kept, signature, 64);
        memset(signature + rows[i].from, rows[i].byte, rows[i].len);
        assert_int_equal(sph_signature_verify(&image, point), SPH_SIGNATURE_E_BAD);
        memcpy(signature, kept, 64);
    }
}

/* openssl verifies what we sign: r and s as DER, the public key as PEM through its own tools. */
static const char oracle[] =
    "cd %s && python3 - <<'PY'\n"
    "import subprocess, sys\n"
    "package = open('package', 'rb').read()\n"
    "point = open('point', 'rb').read()\n"
    "def number(b):\n"
    "    b = b.lstrip(b'\\0')\n"
    "    b = b'\\0' + b if b[0] & 0x80 else b\n"
    "    return b'\\x02' + bytes([len(b)]) + b\n"
    "numbers = number(package[-64:-32]) + number(package[-32:])\n"
    "open('sig', 'wb').write(b'\\x30' + bytes([len(numbers)]) + numbers)\n"
    "open('signed', 'wb').write(package[:-64])\n"
    "head = bytes.fromhex('3059301306072a8648ce3d020106082a8648ce3d030107034200')\n"
    "open('key.der', 'wb').write(head + point)\n"
    "sys.exit(subprocess.run(['openssl', 'dgst', '-sha256', '-verify', 'key.der', '-keyform', "
    "'DER',\n"
    "    '-signature', 'sig', 'signed'], stdout=subprocess.DEVNULL).returncode)\n"
    "PY";

static void openssl_agrees(void **state) {
    struct sph_scratch *scratch = *state;
    if (system("command -v openssl >/dev/null && command -v python3 >/dev/null") != 0) {
        print_message("skipped: no openssl or no python3\n");
        skip();
    }
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    sph_test_package(&bytes);
    uint8_t point[SPH_SIGN_POINT_BYTES];
    assert_int_equal(sph_sign_public(sph_test_scalar, point), 0);
    assert_int_equal(sph_file_replace(scratch->fd, "point", point, sizeof(point), 0644, NULL), 0);
    for (int good = 1; good >= 0; good--) {
        bytes.data[100] ^= good ? 0 : 1;
        assert_int_equal(
            sph_file_replace(scratch->fd, "package", bytes.data, bytes.len, 0644, NULL), 0);
        char command[sizeof(oracle) + sizeof(scratch->path)];
        (void)snprintf(command, sizeof(command), oracle, scratch->path);
        int status = system(command);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), good ? 0 : 1);
    }
}

/* GMP's memory passes through here: hogweed's too, as it borrows GMP's functions. */
static unsigned freed_blocks, freed_with_key;

/* Any eight bytes of the key, in the order in which a limb holds them. */
static void look_for_key(const uint8_t *block, size_t size) {
    uint8_t limbs[SPH_SIGN_SCALAR_BYTES];
    for (size_t i = 0; i < sizeof(limbs); i++)
        limbs[i] = sph_test_scalar[sizeof(limbs) - 1 - i];
    freed_blocks++;
    for (size_t i = 0; i < sizeof(limbs); i += 8)
        freed_with_key += memmem(block, size, limbs + i, 8) != NULL;
}

static void *gmp_malloc(size_t size) {
    void *block = calloc(1, size);
    assert_non_null(block);
    return block;
}

static void gmp_free(void *block, size_t size) {
    look_for_key(block, size);
    free(block);
}

static void *gmp_realloc(void *old, size_t old_size, size_t size) {
    void *block = gmp_malloc(size);
    memcpy(block, old, old_size < size ? old_size : size);
    gmp_free(old, old_size);
    return block;
}

static void no_key_is_left_in_freed_memory(void **state) {
    (void)state;
    uint8_t signature[SPH_IMAGE_SIGNATURE_BYTES], point[SPH_SIGN_POINT_BYTES];
    void *(*old_malloc)(size_t), *(*old_realloc)(void *, size_t, size_t);
    void (*old_free)(void *, size_t);
    mp_get_memory_functions(&old_malloc, &old_realloc, &old_free);
    mp_set_memory_functions(gmp_malloc, gmp_realloc, gmp_free);
    int signed_result = sph_signature_sign("a", 1, sph_test_scalar, signature, NULL);
    int public_result = sph_sign_public(sph_test_scalar, point);
    mp_set_memory_functions(old_malloc, old_realloc, old_free);
    assert_int_equal(signed_result, 0);
    assert_int_equal(public_result, 0);
    assert_true(freed_blocks > 4);
    assert_int_equal(freed_with_key, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_the_published_ones),
        cmocka_unit_test(hashes_are_the_published_ones),
        cmocka_unit_test(bad_keys_are_refused),
        cmocka_unit_test(real_signatures_hold),
        cmocka_unit_test(odd_signatures_do_not_hold),
        cmocka_unit_test(no_key_is_left_in_freed_memory),
        cmocka_unit_test_setup_teardown(openssl_agrees, sph_scratch_make, sph_scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
