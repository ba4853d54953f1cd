/* Metadata: the real packages' values, and a table of damages with the sentence that each one gets.
 */
#include "package/image.h"

#include <errno.h>

#include "package/package_testing.h"

struct want {
    const char *file;
    const char *component_id;
    const char *image_id;
    const char *name;
    uint64_t build_time_s;
    size_t body_bytes;
};

static const struct want wants[] = {
    {"azure_sphere_blink.imagepackage", "2f074b0f-d99d-4692-82d9-ef93a7d6463c",
     "6415a939-c098-48cf-8e5c-02b52a9f0ffb", "AzureSphereBlinkTest", 0x62a20a6c, 16384},
    {"MutableStorage.imagepackage", "ae4714aa-03aa-492b-9663-962f966a9cc3",
     "af0156c9-acb9-46cc-9aaa-5354e8177966", "MutableStorage", 0x62b98acb, 20480},
};

static void real_metadata_are_read(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(wants); i++) {
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
        sph_fixture_read(wants[i].file, &bytes);
        struct sph_image image;
        assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, NULL), 0);
        char guid[SPH_GUID_TEXT];
        assert_int_equal(image.image_type, SPH_IMAGE_APPLICATION);
        assert_string_equal(sph_guid_format(&image.component_id, guid), wants[i].component_id);
        assert_string_equal(sph_guid_format(&image.image_id, guid), wants[i].image_id);
        assert_string_equal(image.name, wants[i].name);
        assert_int_equal(image.build_time_s, wants[i].build_time_s);
        assert_int_equal(image.body_bytes, wants[i].body_bytes);
        assert_int_equal(image.metadata_bytes, 148);
        assert_int_equal(image.section_count, 5);
        assert_int_equal(image.temporary, SPH_IMAGE_UNDER_DEVELOPMENT);
        assert_int_equal(image.signing_type, SPH_IMAGE_SIGNING_ECDSA256);
        assert_memory_equal(image.thumbprint, sph_trust_sdk_development.thumbprint, 20);
        assert_int_equal(image.application_runtime, 12);
        assert_int_equal(image.depend_count, 1);
        assert_int_equal(sph_image_depend(&image, 0).kind, SPH_IMAGE_APPLICATION_RUNTIME);
    }
}

/* A package of one body byte, given sections and a signature of zeros. */
static void compose(struct sph_buf *out, uint32_t count, const char *sections, size_t len) {
    uint8_t word[4];
    sph_buf_append(out, "B4X4M", 5);
    sph_le32_put(word, count);
    sph_buf_append(out, word, 4);
    sph_buf_append(out, sections, len);
    sph_le32_put(word, (uint32_t)(out->len - 1) + 4);
    sph_buf_append(out, word, 4);
    memset(sph_buf_extend(out, 64), 0, 64);
}

#define ZERO4 "\0\0\0\0"
#define ZERO16 ZERO4 ZERO4 ZERO4 ZERO4
#define ID "ID\x24\0\x0a\0\0\0" ZERO16 ZERO16
#define NAME_FULL "DB\x28\0" ZERO4 ZERO4 "0123456789abcdef0123456789abcdef"
#define DAMAGED "the package's metadata is damaged: "

static const struct damage {
    uint32_t count;
    const char *sections;
    size_t len;
    const char *sentence;
} damages[] = {
#define SECTIONS(text) (text), sizeof(text) - 1
    {0, SECTIONS(""), DAMAGED "it has no ID section"},
    {33, SECTIONS(ID), DAMAGED "it claims 33 sections, at most 32 are possible"},
    {0xffffffff, SECTIONS(ID), DAMAGED "it claims 4294967295 sections, at most 32 are possible"},
    {2, SECTIONS(ID), DAMAGED "section 2 of 2 is missing"},
    {2, SECTIONS(ID "TP\4"), DAMAGED "section 2 of 2 is missing"},
    {2, SECTIONS(ID "TP\4\0\1"), DAMAGED "section TP runs past its end"},
    {2, SECTIONS(ID "\1\xff\xff\xff"), DAMAGED "section ?? runs past its end"},
    {1, SECTIONS(ID "TP\4\0" ZERO4), DAMAGED "8 bytes follow its last section"},
    {2, SECTIONS(ID ID), DAMAGED "section ID is there twice"},
    {1, SECTIONS("ID\4\0\x0a\0\0\0"), DAMAGED "section ID has 4 bytes, not 36"},
    {2, SECTIONS(ID "SG\4\0" ZERO4), DAMAGED "section SG has 4 bytes, not 24"},
    {2, SECTIONS(ID "DB\4\0" ZERO4), DAMAGED "section DB has 4 bytes, not 40"},
    {2, SECTIONS(ID "TP\2\0\0\0"), DAMAGED "section TP has 2 bytes, not 4"},
    {2, SECTIONS(ID "ND\2\0\0\0"), DAMAGED "section ND counts its entries wrongly in 2 bytes"},
    {2, SECTIONS(ID "ND\4\0\1\0\0\0"), DAMAGED "section ND counts its entries wrongly in 4 bytes"},
    {2, SECTIONS(ID "ND\x08\0\0\0\0\0" ZERO4),
     DAMAGED "section ND counts its entries wrongly in 8 bytes"},
    {2, SECTIONS(ID "ND\4\0\xff\xff\xff\xff"),
     DAMAGED "section ND counts its entries wrongly in 4 bytes"},
    {2, SECTIONS(ID NAME_FULL), DAMAGED "the image name in section DB has no end"},
};

static void damaged_metadata_get_a_sentence(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(damages); i++) {
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
        compose(&bytes, damages[i].count, damages[i].sections, damages[i].len);
        struct sph_image image;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, &err), -EBADMSG);
        assert_err(&err, -EBADMSG, damages[i].sentence);
    }
}

static void unknown_sections_are_kept(void **state) {
    (void)state;
    static const char sections[] = "RV\3\0abc" ID "RV\0\0";
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    compose(&bytes, 3, sections, sizeof(sections) - 1);
    struct sph_image image;
    assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, NULL), 0);
    assert_int_equal(image.section_count, 3);
    assert_int_equal(image.sections[0].type, 'R' | 'V' << 8);
    assert_int_equal(image.sections[0].data_bytes, 3);
    assert_memory_equal(image.sections[0].data, "abc", 3);
    assert_int_equal(image.sections[2].data_bytes, 0);
    assert_int_equal(image.signing_type, SPH_IMAGE_SIGNING_NONE);
    assert_int_equal(image.application_runtime, 0);
    assert_int_equal(image.build_time_s, 0);
    assert_null(sph_image_section(&image, SPH_IMAGE_DB));
}

/* The known sections in each of their 120 orders, an unknown one somewhere among them: the values
 * do not depend on the place. */
static void sections_may_come_in_any_order(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } parts[] = {
        {SECTIONS("ID\x24\0\x0a\0\0\0"
                  "0123456789abcdef"
                  "ghijklmnopqrstuv")},
        {SECTIONS("SG\x18\0"
                  "thumbprint of twenty"
                  "\1\0\0\0")},
        {SECTIONS("DB\x28\0\7\0\0\0\0\0\0\0"
                  "a name\0-------------------------")},
        {SECTIONS("TP\4\0\3\0\0\0")},
        {SECTIONS("ND\x14\0\2\0\0\0\x05\0\0\0\2\0\0\0\x10\0\0\0\3\0\0\0")},
    };
    enum { PARTS = SPH_ARRAY_SIZE(parts) };
    for (unsigned order = 0; order < 120; order++) {
        unsigned left[PARTS] = {0, 1, 2, 3, 4}, rest = order;
        sph_autobuf struct sph_buf sections = SPH_BUF_NULL, bytes = SPH_BUF_NULL;
        for (unsigned i = PARTS; i > 0; i--) {
            unsigned pick = rest % i;
            rest /= i;
            sph_buf_append(&sections, parts[left[pick]].bytes, parts[left[pick]].len);
            left[pick] = left[i - 1];
            if (i == 1 + order % PARTS)
                sph_buf_append(&sections, "zz\2\0zz", 6);
        }
        compose(&bytes, PARTS + 1, sections.data, sections.len);
        struct sph_image image;
        struct sph_err err = SPH_ERR_NULL;
        if (sph_image_parse(bytes.data, bytes.len, &image, &err) < 0)
            fail_msg("order %u: %s", order, err.text);
        assert_memory_equal(image.component_id.bytes, "0123456789abcdef", 16);
        assert_memory_equal(image.image_id.bytes, "ghijklmnopqrstuv", 16);
        assert_memory_equal(image.thumbprint, "thumbprint of twenty", 20);
        assert_int_equal(image.signing_type, SPH_IMAGE_SIGNING_ECDSA256);
        assert_int_equal(image.build_time_s, 7);
        assert_string_equal(image.name, "a name");
        assert_int_equal(image.temporary, SPH_IMAGE_REMOVE_AT_BOOT | SPH_IMAGE_UNDER_DEVELOPMENT);
        assert_int_equal(image.depend_count, 2);
        assert_int_equal(sph_image_depend(&image, 0).kind, SPH_IMAGE_OS_RUNTIME);
        assert_int_equal(sph_image_depend(&image, 0).version, 5);
        assert_int_equal(image.application_runtime, 16);
    }
}

/* The metadata cut at every byte, with a length word that fits again: a cutter who knows the
 * format. What is left may only be good when nothing is missing. */
static void cut_metadata_are_refused(void **state) {
    (void)state;
    static const char sections[] = ID "TP\4\0\2\0\0\0";
    for (size_t len = 0; len < sizeof(sections) - 1; len++) {
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
        compose(&bytes, 2, sections, len);
        size_t id_bytes = sizeof(ID) - 1;
        const char *sentence = len < 4              ? "section 1 of 2 is missing"
                               : len < id_bytes     ? "section ID runs past its end"
                               : len < id_bytes + 4 ? "section 2 of 2 is missing"
                                                    : "section TP runs past its end";
        char whole[120];
        (void)snprintf(whole, sizeof(whole), DAMAGED "%s", sentence);
        struct sph_image image;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, &err), -EBADMSG);
        assert_err(&err, -EBADMSG, whole);
    }
}

static void outer_damage_gets_a_sentence(void **state) {
    (void)state;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    compose(&bytes, 1, ID, sizeof(ID) - 1);
    struct sph_image image;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_image_parse(bytes.data, 76, &image, &err), -EBADMSG);
    assert_err(&err, -EBADMSG,
               "this is no image package: 76 bytes is less than the smallest one (77)");
    assert_int_equal(sph_image_parse(NULL, 0, &image, &err), -EBADMSG);
    assert_int_equal(sph_image_parse(bytes.data, SPH_IMAGE_BYTES_MAX + 1, &image, &err), -EFBIG);
    assert_err(&err, -EFBIG,
               "this is no image package: 67108865 bytes is over the limit of 67108864");
    uint8_t *length = (uint8_t *)bytes.data + bytes.len - 68;
    uint32_t right = sph_le32_get(length);
    static const uint32_t wrongs[] = {0, 11, 54, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(wrongs); i++) {
        sph_le32_put(length, wrongs[i]);
        char sentence[200];
        (void)snprintf(sentence, sizeof(sentence),
                       "this is no image package, or it is cut: its metadata length reads %u in a "
                       "file of 117 bytes",
                       wrongs[i]);
        assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, &err), -EBADMSG);
        assert_err(&err, -EBADMSG, sentence);
    }
    sph_le32_put(length, right - 1);
    assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, &err), -EBADMSG);
    assert_err(&err, -EBADMSG,
               "this is no image package, or it is cut: no metadata (\"4X4M\") at byte 2");
}

static void types_have_names(void **state) {
    (void)state;
    assert_string_equal(sph_image_type_name(10), "Applications");
    assert_string_equal(sph_image_type_name(28), "Other");
    assert_string_equal(sph_image_type_name(0), "unknown");
    assert_string_equal(sph_image_type_name(11), "unknown");
    assert_string_equal(sph_image_type_name(0xffffffff), "unknown");
    assert_string_equal(sph_image_depend_name(1), "SecureWorldRuntime");
    assert_string_equal(sph_image_depend_name(2), "OSRuntime");
    assert_string_equal(sph_image_depend_name(3), "ApplicationRuntime");
    assert_string_equal(sph_image_depend_name(4), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_metadata_are_read),
        cmocka_unit_test(damaged_metadata_get_a_sentence),
        cmocka_unit_test(unknown_sections_are_kept),
        cmocka_unit_test(sections_may_come_in_any_order),
        cmocka_unit_test(cut_metadata_are_refused),
        cmocka_unit_test(outer_damage_gets_a_sentence),
        cmocka_unit_test(types_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
