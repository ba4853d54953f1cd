/* The trust store: its file there and back, every change to it found, and the four answers of a
 * verify. */
#include "package/trust.h"

#include <errno.h>

#include "base/crc32.h"
#include "package/package_testing.h"

static struct sph_trust_record test_signer(void) {
    struct sph_trust_record record = {.name = "CN=Test \xc3\xa4"};
    memcpy(record.thumbprint, sph_test_thumbprint, sizeof(record.thumbprint));
    assert_int_equal(sph_sign_public(sph_test_scalar, record.point), 0);
    return record;
}

static void records_come_and_go(void **state) {
    (void)state;
    struct sph_trust trust = {0};
    struct sph_trust_record record = test_signer();
    struct sph_err err = SPH_ERR_NULL;
    assert_null(sph_trust_find(&trust, record.thumbprint));
    assert_int_equal(sph_trust_add(&trust, &record, &err), 0);
    assert_int_equal(sph_trust_add(&trust, &record, &err), SPH_TRUST_E_EXISTS);
    assert_err(&err, 0, "the signer 0102030405060000000000000000000000000000 is trusted already");
    assert_int_equal(sph_trust_add(&trust, &sph_trust_sdk_development, &err), 0);
    assert_int_equal(trust.count, 2);
    assert_int_equal(sph_trust_remove(&trust, record.thumbprint, &err), 0);
    assert_int_equal(sph_trust_remove(&trust, record.thumbprint, &err), SPH_TRUST_E_ABSENT);
    assert_err(&err, 0,
               "the signer 0102030405060000000000000000000000000000 is not in the trust store");
    assert_int_equal(trust.count, 1);
    assert_string_equal(trust.records[0].name, "CN=Azure Sphere SDK Test");
    for (unsigned i = trust.count; i < SPH_TRUST_MAX; i++) {
        record.thumbprint[0] = (uint8_t)(100 + i);
        assert_int_equal(sph_trust_add(&trust, &record, NULL), 0);
    }
    record.thumbprint[0] = 99;
    assert_int_equal(sph_trust_add(&trust, &record, &err), SPH_TRUST_E_FULL);
    assert_err(&err, 0, "the trust store is full: a device trusts at most 32 signers");
}

/* More trust is added to what is there, less is not. */
static void kinds_of_trust(void **state) {
    (void)state;
    struct sph_trust trust = {0};
    struct sph_trust_record development = test_signer(), production = development;
    struct sph_err err = SPH_ERR_NULL;
    production.is_production = true;
    assert_int_equal(sph_trust_add(&trust, &development, NULL), 0);
    assert_false(trust.records[0].is_production);
    assert_int_equal(sph_trust_add(&trust, &production, NULL), 0);
    assert_int_equal(trust.count, 1);
    assert_true(trust.records[0].is_production);
    assert_int_equal(sph_trust_add(&trust, &production, NULL), SPH_TRUST_E_EXISTS);
    assert_int_equal(sph_trust_add(&trust, &development, NULL), SPH_TRUST_E_EXISTS);
    assert_true(trust.records[0].is_production);
    assert_int_equal(sph_trust_remove(&trust, development.thumbprint, NULL), 0);
    assert_int_equal(sph_trust_add(&trust, &development, NULL), 0);
    assert_false(trust.records[0].is_production);
    /* Another key of the same thumbprint gets nothing of it. */
    uint8_t other[SPH_SIGN_SCALAR_BYTES] = {[31] = 9};
    assert_int_equal(sph_sign_public(other, production.point), 0);
    assert_int_equal(sph_trust_add(&trust, &production, NULL), SPH_TRUST_E_EXISTS);
    assert_false(trust.records[0].is_production);
    production = sph_trust_sdk_development;
    production.is_production = true;
    assert_int_equal(sph_trust_add(&trust, &production, &err), -EINVAL);
    assert_err(&err, -EINVAL,
               "the original SDK's development key is public: it can be trusted for development "
               "only");
}

static void bad_records_are_refused(void **state) {
    (void)state;
    static const char name_sentence[] = "the signer's name is empty, too long or not printable";
    struct sph_trust trust = {0};
    struct sph_trust_record record = test_signer();
    struct sph_err err = SPH_ERR_NULL;
    static const char *const names[] = {"", "a\nb", "\x1b[2J", "\xff"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(names); i++) {
        (void)snprintf(record.name, sizeof(record.name), "%s", names[i]);
        assert_int_equal(sph_trust_add(&trust, &record, &err), -EINVAL);
        assert_err(&err, -EINVAL, name_sentence);
    }
    memset(record.name, 'n', sizeof(record.name));
    assert_int_equal(sph_trust_add(&trust, &record, &err), -EINVAL);
    assert_err(&err, -EINVAL, name_sentence);
    record = test_signer();
    record.point[9] ^= 1;
    assert_int_equal(sph_trust_add(&trust, &record, &err), -EINVAL);
    assert_err(&err, -EINVAL, "the signer's key is not a point of the curve P-256");
    assert_int_equal(trust.count, 0);
}

static void store_of_two(struct sph_trust *ret_trust, struct sph_buf *ret_bytes) {
    struct sph_trust_record record = test_signer();
    record.is_production = true;
    *ret_trust = (struct sph_trust){0};
    assert_int_equal(sph_trust_add(ret_trust, &record, NULL), 0);
    assert_int_equal(sph_trust_add(ret_trust, &sph_trust_sdk_development, NULL), 0);
    sph_trust_format(ret_trust, ret_bytes);
    assert_int_equal(ret_bytes->error, 0);
}

static void the_file_comes_back(void **state) {
    (void)state;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL, none = SPH_BUF_NULL;
    struct sph_trust trust, again;
    store_of_two(&trust, &bytes);
    assert_int_equal(bytes.len, 8 + 2 * 150 + 4);
    assert_memory_equal(bytes.data, "SPHT\2\0\2\0\1\2\3\4\5\6", 14);
    assert_int_equal(bytes.data[8 + 149], 1);
    assert_int_equal(bytes.data[8 + 150 + 149], 0);
    assert_int_equal(sph_trust_parse(bytes.data, bytes.len, &again, NULL), 0);
    assert_memory_equal(&again, &trust, sizeof(trust));
    trust = (struct sph_trust){0};
    sph_trust_format(&trust, &none);
    assert_int_equal(none.len, 12);
    assert_int_equal(sph_trust_parse(none.data, none.len, &again, NULL), 0);
    assert_int_equal(again.count, 0);
}

/* Written before there were kinds. */
static void a_file_of_version_1_is_for_development(void **state) {
    (void)state;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL, old = SPH_BUF_NULL;
    struct sph_trust trust, again;
    uint8_t crc[4];
    store_of_two(&trust, &bytes);
    bytes.data[4] = 1;
    sph_buf_append(&old, bytes.data, 8 + 149);
    sph_buf_append(&old, bytes.data + 8 + 150, 149);
    sph_le32_put(crc, sph_crc32(0, old.data, old.len));
    sph_buf_append(&old, crc, sizeof(crc));
    assert_int_equal(sph_trust_parse(old.data, old.len, &again, NULL), 0);
    assert_int_equal(again.count, 2);
    trust.records[0].is_production = false;
    assert_memory_equal(&again, &trust, sizeof(trust));
    for (size_t len = 0; len < old.len; len++)
        assert_int_equal(sph_trust_parse(old.data, len, &again, NULL), -EBADMSG);
}

static void a_damaged_file_is_refused(void **state) {
    (void)state;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    struct sph_trust trust, again;
    struct sph_err err = SPH_ERR_NULL;
    store_of_two(&trust, &bytes);
    for (size_t i = 0; i < bytes.len * 8; i++) {
        bytes.data[i / 8] ^= (char)(1 << i % 8);
        assert_int_equal(sph_trust_parse(bytes.data, bytes.len, &again, &err), -EBADMSG);
        assert_memory_equal(err.text, "the trust store ", 16);
        bytes.data[i / 8] ^= (char)(1 << i % 8);
    }

    assert_int_equal(sph_trust_parse("SPHX", 4, &again, &err), -EBADMSG);
    assert_err(&err, -EBADMSG, "the trust store is no trust store");
    for (char version = 0; version < 6; version += 3) { /* 0 and 3 */
        char sentence[80];
        (void)snprintf(sentence, sizeof(sentence),
                       "the trust store has version %d, versions 1 to 2 are understood", version);
        bytes.data[4] = version;
        assert_int_equal(sph_trust_parse(bytes.data, bytes.len, &again, &err), -EBADMSG);
        assert_err(&err, -EBADMSG, sentence);
    }
    bytes.data[4] = 2;
    bytes.data[6] = 33;
    assert_int_equal(sph_trust_parse(bytes.data, bytes.len, &again, &err), -EBADMSG);
    assert_err(&err, -EBADMSG, "the trust store is damaged: 33 signers in 312 bytes");
    bytes.data[6] = 2;
    bytes.data[40] ^= 1;
    assert_int_equal(sph_trust_parse(bytes.data, bytes.len, &again, &err), -EBADMSG);
    assert_err(&err, -EBADMSG, "the trust store is damaged: its checksum does not fit");
    sph_le32_put((uint8_t *)bytes.data + bytes.len - 4, sph_crc32(0, bytes.data, bytes.len - 4));
    assert_int_equal(sph_trust_parse(bytes.data, bytes.len, &again, &err), -EBADMSG);
    assert_err(&err, -EBADMSG, "the trust store is damaged: signer 1 is not valid");
}

/* A power cut in the middle of a write would leave this, if the file were not replaced as a whole.
 * In a block of exactly that length, so that a sanitizer sees a read past its end. */
static void every_cut_gets_its_sentence(void **state) {
    (void)state;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    struct sph_trust trust, again;
    store_of_two(&trust, &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        sph_autofree char *cut = malloc(len + (len == 0));
        memcpy(cut, bytes.data, len);
        char sentence[100] = "the trust store is no trust store";
        if (len >= 12)
            (void)snprintf(sentence, sizeof(sentence),
                           "the trust store is damaged: 2 signers in %zu bytes", len);
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_trust_parse(cut, len, &again, &err), -EBADMSG);
        assert_err(&err, -EBADMSG, sentence);
    }
    sph_buf_append(&bytes, "", 1);
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_trust_parse(bytes.data, bytes.len, &again, &err), -EBADMSG);
    assert_err(&err, -EBADMSG, "the trust store is damaged: 2 signers in 313 bytes");
}

/* With a check sum that fits: what adding refuses, a file cannot smuggle in. */
static void a_forged_file_is_refused(void **state) {
    (void)state;
    enum { RECORD = 150, FIRST = 8, SECOND = 8 + RECORD, NAME = 20 + 65, KIND = RECORD - 1 };
    static const struct {
        size_t to, from, len; /* copied within the file */
        unsigned signer;      /* the one that is refused */
    } rows[] = {
        {SECOND, FIRST, 20, 2},              /* the same thumbprint twice */
        {SECOND + NAME, SECOND + 20, 64, 2}, /* a name of raw bytes */
        {FIRST + 20, FIRST, 20, 1},          /* a key that is no point */
        {FIRST + NAME, FIRST + 8, 8, 1},     /* a name that begins with NUL: empty */
        {FIRST + KIND, FIRST + 20, 1, 1},    /* a kind that is none: 4 */
        {SECOND + KIND, FIRST + KIND, 1, 2}, /* the public signer for production */
        {SECOND, FIRST, 149, 2},             /* the same signer again, as another kind */
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
        struct sph_trust trust, again;
        store_of_two(&trust, &bytes);
        memmove(bytes.data + rows[i].to, bytes.data + rows[i].from, rows[i].len);
        sph_le32_put((uint8_t *)bytes.data + bytes.len - 4,
                     sph_crc32(0, bytes.data, bytes.len - 4));
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_trust_parse(bytes.data, bytes.len, &again, &err), -EBADMSG);
        char sentence[100];
        (void)snprintf(sentence, sizeof(sentence),
                       "the trust store is damaged: signer %u is not valid", rows[i].signer);
        assert_err(&err, -EBADMSG, sentence);
    }
}

/* Adding and removing in any order against a plain set of the thumbprints' first bytes; the file
 * must bring back each state, and in the order of adding. */
static void random_stores_come_back(void **state) {
    (void)state;
    enum { SIGNERS = SPH_TRUST_MAX + 8 };
    struct sph_draw draw = sph_draw_begin(20261122);
    struct sph_trust trust = {0};
    bool is_in[SIGNERS] = {false};
    unsigned count = 0, seen_full = 0;
    for (unsigned round = 0; round < 3000; round++) {
        struct sph_trust_record record = test_signer();
        unsigned signer = sph_draw_below(&draw, SIGNERS);
        record.thumbprint[19] = (uint8_t)(signer + 1);
        /* More adding than removing, so that the store is full at times. */
        if (sph_draw_below(&draw, 5) < 4) {
            int want = is_in[signer]            ? SPH_TRUST_E_EXISTS
                       : count == SPH_TRUST_MAX ? SPH_TRUST_E_FULL
                                                : 0;
            assert_int_equal(sph_trust_add(&trust, &record, NULL), want);
            seen_full += want == SPH_TRUST_E_FULL;
            is_in[signer] |= want == 0;
            count += want == 0;
        } else {
            int want = is_in[signer] ? 0 : SPH_TRUST_E_ABSENT;
            assert_int_equal(sph_trust_remove(&trust, record.thumbprint, NULL), want);
            is_in[signer] = false;
            count -= want == 0;
        }
        assert_int_equal(trust.count, count);
        assert_int_equal(sph_trust_find(&trust, record.thumbprint) != NULL, is_in[signer]);
        if (round % 50 > 0)
            continue; /* checking a point of the curve takes its time */
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
        struct sph_trust again;
        sph_trust_format(&trust, &bytes);
        assert_int_equal(sph_trust_parse(bytes.data, bytes.len, &again, NULL), 0);
        assert_memory_equal(&again, &trust, sizeof(trust));
    }
    assert_true(seen_full > 10);
}

/* A buffer that ends anywhere: the failure is in the buffer, and no half check sum is written. */
static void formatting_stops_at_the_limit(void **state) {
    (void)state;
    sph_autobuf struct sph_buf whole = SPH_BUF_NULL;
    struct sph_trust trust;
    store_of_two(&trust, &whole);
    for (size_t limit = 0; limit < whole.len; limit++) {
        sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(limit);
        sph_trust_format(&trust, &bytes);
        assert_int_equal(bytes.error, -EFBIG);
        assert_true(bytes.len <= limit);
        assert_memory_equal(bytes.data ? bytes.data : "", whole.data, bytes.len);
    }
}

static void verify_has_four_answers(void **state) {
    (void)state;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    struct sph_trust trust = {0};
    struct sph_image image;
    const struct sph_trust_record *signer = NULL;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_trust_record record = test_signer();
    sph_test_package(&bytes);
    assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, NULL), 0);

    assert_int_equal(sph_trust_verify(&trust, &image, &signer, &err), SPH_TRUST_E_UNTRUSTED);
    assert_err(&err, 0,
               "the package's signer 0102030405060000000000000000000000000000 is not trusted by "
               "this device; add its certificate with 'spherule trust add CERT.pem'");
    assert_int_equal(sph_trust_add(&trust, &record, NULL), 0);
    assert_int_equal(sph_trust_verify(&trust, &image, &signer, &err), 0);
    assert_ptr_equal(signer, &trust.records[0]);
    assert_int_equal(sph_trust_verify(&trust, &image, NULL, NULL), 0);

    bytes.data[300] ^= 1;
    assert_int_equal(sph_trust_verify(&trust, &image, &signer, &err), SPH_TRUST_E_TAMPERED);
    assert_err(&err, 0,
               "the package was changed after 'CN=Test \xc3\xa4' signed it: the signature does not "
               "fit its bytes");
    bytes.data[300] ^= 1;

    static const char unsigned_sentence[] =
        "the package is not signed, or in a way that is not known";
    struct sph_image other = image;
    other.signing_type = SPH_IMAGE_SIGNING_NONE;
    assert_int_equal(sph_trust_verify(&trust, &other, &signer, &err), SPH_TRUST_E_UNSIGNED);
    assert_err(&err, 0, unsigned_sentence);
    other = image;
    memset(other.thumbprint, 0, sizeof(other.thumbprint));
    assert_int_equal(sph_trust_verify(&trust, &other, &signer, &err), SPH_TRUST_E_UNSIGNED);
    other = image;
    static const uint8_t zeros[SPH_IMAGE_SIGNATURE_BYTES];
    other.signature = zeros;
    assert_int_equal(sph_trust_verify(&trust, &other, &signer, &err), SPH_TRUST_E_UNSIGNED);
}

static void real_packages_need_to_be_asked_for(void **state) {
    (void)state;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    sph_fixture_read(sph_fixture_names[0], &bytes);
    struct sph_trust trust = {0};
    struct sph_image image;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, NULL), 0);
    assert_int_equal(sph_trust_verify(&trust, &image, NULL, &err), SPH_TRUST_E_UNTRUSTED);
    assert_err(&err, 0,
               "the package is signed by the original SDK's development key, which this device "
               "does not trust; 'spherule trust add --sdk-development' changes that");
    assert_int_equal(sph_trust_add(&trust, &sph_trust_sdk_development, NULL), 0);
    assert_int_equal(sph_trust_verify(&trust, &image, NULL, &err), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_and_go),
        cmocka_unit_test(kinds_of_trust),
        cmocka_unit_test(bad_records_are_refused),
        cmocka_unit_test(the_file_comes_back),
        cmocka_unit_test(a_file_of_version_1_is_for_development),
        cmocka_unit_test(a_damaged_file_is_refused),
        cmocka_unit_test(every_cut_gets_its_sentence),
        cmocka_unit_test(a_forged_file_is_refused),
        cmocka_unit_test(random_stores_come_back),
        cmocka_unit_test(formatting_stops_at_the_limit),
        cmocka_unit_test(verify_has_four_answers),
        cmocka_unit_test(real_packages_need_to_be_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
