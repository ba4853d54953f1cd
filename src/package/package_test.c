/* Whole packages against damage: every cut, flips in every byte that matters, and no memory taken.
 */
#include "package/package.h"

#include <errno.h>

#include "package/alloc_testing.h"
#include "package/package_testing.h"

static struct sph_trust trusting(void) {
    struct sph_trust trust = {0};
    struct sph_trust_record record = {.name = "CN=Test"};
    memcpy(record.thumbprint, sph_test_thumbprint, sizeof(record.thumbprint));
    assert_int_equal(sph_sign_public(sph_test_scalar, record.point), 0);
    assert_int_equal(sph_trust_add(&trust, &record, NULL), 0);
    return trust;
}

static void real_packages_are_read(void **state) {
    (void)state;
    static const struct { unsigned gpio_count, storage_kib; } wants[] = {{1, 0}, {3, 8}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(sph_fixture_names); i++) {
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
        sph_fixture_read(sph_fixture_names[i], &bytes);
        struct sph_package package;
        struct sph_manifest_notes notes;
        struct sph_err err = SPH_ERR_NULL;
        if (sph_package_parse(bytes.data, bytes.len, NULL, &package, &notes, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(notes.warning_count, 0);
        assert_int_equal(package.manifest.gpio_count, wants[i].gpio_count);
        assert_int_equal(package.manifest.mutable_storage_kib, wants[i].storage_kib);
        assert_int_equal(package.manifest.application_runtime, 12);
        assert_string_equal(package.manifest.entry_point, "/bin/app");
    }
}

static bool is_one_sentence(const char *text) {
    size_t len = strlen(text);
    return len > 20 && !strchr(text, '\n') && text[len - 1] != '.';
}

/* 0: taken as good. Otherwise there must be a sentence. */
static int judge(const struct sph_trust *trust, const struct sph_buf *bytes) {
    struct sph_package package;
    struct sph_err err = SPH_ERR_NULL;
    int r = sph_package_parse(bytes->data, bytes->len, NULL, &package, NULL, &err);
    if (r == 0)
        r = sph_trust_verify(trust, &package.image, NULL, &err);
    if (r != 0)
        assert_true(is_one_sentence(err.text));
    return r;
}

static void every_flip_is_noticed(void **state) {
    (void)state;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    sph_test_package(&bytes);
    struct sph_trust trust = trusting();
    struct sph_image image;
    assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, NULL), 0);
    assert_int_equal(judge(&trust, &bytes), 0);
    size_t body_bytes = image.body_bytes;
    for (size_t at = 0; at < bytes.len; at++) {
        if (at == SPH_FS_PAGE_BYTES)
            at = body_bytes;
        for (unsigned bit = 0; bit < 8; bit++) {
            char kept = bytes.data[at];
            bytes.data[at] ^= (char)(1 << bit);
            if (judge(&trust, &bytes) == 0)
                fail_msg("byte %zu, bit %u was not noticed", at, bit);
            bytes.data[at] = kept;
        }
    }
}

/* The signature alone, for an attacker who puts the body's checksum right again. */
static void the_signature_covers_every_byte(void **state) {
    (void)state;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    sph_test_package(&bytes);
    struct sph_trust trust = trusting();
    struct sph_image image;
    assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, NULL), 0);
    for (size_t at = 0; at < bytes.len; at++) {
        bytes.data[at] ^= (char)(1 << at % 8);
        assert_int_equal(sph_signature_verify(&image, trust.records[0].point), SPH_SIGNATURE_E_BAD);
        bytes.data[at] ^= (char)(1 << at % 8);
    }
    assert_int_equal(sph_signature_verify(&image, trust.records[0].point), 0);
}

/* In a block of exactly that length, so that a sanitizer sees a read past its end. */
static void every_cut_is_noticed(void **state) {
    (void)state;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    sph_test_package(&bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        sph_autofree char *cut = malloc(len + (len == 0));
        memcpy(cut, bytes.data, len);
        struct sph_package package;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_package_parse(cut, len, NULL, &package, NULL, &err), -EBADMSG);
        assert_memory_equal(err.text, "this is no image package", 24);
    }
}

static void reading_takes_no_memory(void **state) {
    (void)state;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    sph_test_package(&bytes);
    struct sph_package package;
    struct sph_err err;
    alloc_count = 0;
    assert_int_equal(sph_package_parse(bytes.data, bytes.len, NULL, &package, NULL, &err), 0);
    for (size_t at = 0; at < bytes.len; at += 7) {
        bytes.data[at] ^= 0x55;
        (void)!sph_package_parse(bytes.data, bytes.len, NULL, &package, NULL, &err);
        bytes.data[at] ^= 0x55;
    }
    assert_int_equal(alloc_count, 0);
}

/* Packages that are whole and signed, but not right. */
static void put_together(const struct sph_fs_item *items, size_t count, uint32_t image_type,
                         const char *component, struct sph_buf *ret_bytes) {
    assert_int_equal(sph_fs_build(items, count, ret_bytes, NULL), 0);
    uint8_t metadata[8 + 4 + 36 + 4] = "4X4M\1\0\0\0ID\x24";
    sph_le32_put(metadata + 12, image_type);
    struct sph_guid guid;
    assert_int_equal(sph_guid_parse(component, strlen(component), &guid), 0);
    memcpy(metadata + 16, guid.bytes, 16);
    sph_le32_put(metadata + 48, sizeof(metadata));
    sph_buf_append(ret_bytes, metadata, sizeof(metadata));
    memset(sph_buf_extend(ret_bytes, 64), 1, 64);
}

#define MANIFEST(caps)                                                                             \
    "{\"SchemaVersion\":1,\"Name\":\"n\",\"ComponentId\":\"" SPH_TEST_COMPONENT                    \
    "\",\"EntryPoint\":\"/bin/app\",\"Capabilities\":{" caps "}}"
#define OTHER "00000000-0000-0000-0000-000000000001"

static void wrong_packages_get_a_sentence(void **state) {
    (void)state;
    static const struct {
        const char *manifest, *app_path, *component;
        uint32_t image_type;
        int code;
        uint32_t device_error;
        const char *sentence;
    } rows[] = {
        {MANIFEST(""), "bin/app", SPH_TEST_COMPONENT, 10, 0, 0, ""},
        {MANIFEST(""), "bin/app", SPH_TEST_COMPONENT, 21, -EBADMSG, 0,
         "the package is of image type 21 (CustomerBoardConfig), not an application (type 10)"},
        {NULL, "bin/app", SPH_TEST_COMPONENT, 10, -EBADMSG, 2097153,
         "the package holds no app_manifest.json"},
        {NULL, "app_manifest.json/x", SPH_TEST_COMPONENT, 10, -EBADMSG, 2097153,
         "the package holds no app_manifest.json"},
        {"{", "bin/app", SPH_TEST_COMPONENT, 10, -EBADMSG, 2097153,
         "app_manifest.json: line 1, column 2: expected a key in double quotes, but found the end "
         "of the text"},
        {MANIFEST("\"HeapMemStats\":1"), "bin/app", SPH_TEST_COMPONENT, 10, -EBADMSG, 2097210,
         "app_manifest.json: line 1, column 139: Capabilities.HeapMemStats: this must be true or "
         "false"},
        {MANIFEST(""), "bin/other", SPH_TEST_COMPONENT, 10, -ENOENT, 2097174,
         "app_manifest.json: EntryPoint: the package has no file '/bin/app'"},
        {MANIFEST(""), "bin/app/x", SPH_TEST_COMPONENT, 10, -EBADMSG, 2097175,
         "app_manifest.json: EntryPoint: '/bin/app' in the package is not a file"},
        {MANIFEST(""), "bin/app", OTHER, 10, -EBADMSG, 0,
         "the package is labelled component " OTHER ", but its manifest says " SPH_TEST_COMPONENT},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_fs_item items[2] = {{rows[i].app_path, true, "x", 1}};
        if (rows[i].manifest)
            items[1] = (struct sph_fs_item){"app_manifest.json", false, rows[i].manifest,
                                            strlen(rows[i].manifest)};
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
        put_together(items, rows[i].manifest ? 2 : 1, rows[i].image_type, rows[i].component,
                     &bytes);
        struct sph_package package;
        struct sph_manifest_notes notes;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_package_parse(bytes.data, bytes.len, NULL, &package, &notes, &err),
                         rows[i].code);
        assert_err(&err, rows[i].code, rows[i].sentence);
        assert_int_equal(notes.device_error, rows[i].device_error);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_packages_are_read),
        cmocka_unit_test(every_flip_is_noticed),
        cmocka_unit_test(the_signature_covers_every_byte),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(reading_takes_no_memory),
        cmocka_unit_test(wrong_packages_get_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
