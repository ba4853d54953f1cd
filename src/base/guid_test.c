/* The text's order against the stored order, and everything that is nearly an id. */
#include "base/guid.h"

#include <errno.h>
#include <string.h>

#include "base/testing.h"

static const char sample[] = "2f074b0f-d99d-4692-82d9-ef93a7d6463c";
static const uint8_t stored[16] = {0x0f, 0x4b, 0x07, 0x2f, 0x9d, 0xd9, 0x92, 0x46,
                                   0x82, 0xd9, 0xef, 0x93, 0xa7, 0xd6, 0x46, 0x3c};

static void accepted(void **state) {
    (void)state;
    static const char *const texts[] = {
        "2f074b0f-d99d-4692-82d9-ef93a7d6463c",
        "2F074B0F-D99D-4692-82D9-EF93A7D6463C",
        "{2f074b0f-d99d-4692-82d9-ef93a7d6463c}",
        "{2f074B0F-d99d-4692-82D9-ef93a7d6463c}",
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(texts); i++) {
        struct sph_guid guid;
        char text[SPH_GUID_TEXT];
        assert_int_equal(sph_guid_parse(texts[i], strlen(texts[i]), &guid), 0);
        assert_memory_equal(guid.bytes, stored, sizeof(stored));
        assert_string_equal(sph_guid_format(&guid, text), sample);
    }
}

static void refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "{}",
        "2f074b0fd99d469282d9ef93a7d6463c",
        "2f074b0f-d99d-4692-82d9-ef93a7d6463",
        "2f074b0f-d99d-4692-82d9-ef93a7d6463c0",
        "2f074b0f-d99d-4692-82d9-ef93a7d6463g",
        "2f074b0f-d99d-4692-82d9_ef93a7d6463c",
        "2f074b0fd-99d-4692-82d9-ef93a7d6463c",
        "{2f074b0f-d99d-4692-82d9-ef93a7d6463c",
        "2f074b0f-d99d-4692-82d9-ef93a7d6463c}",
        "(2f074b0f-d99d-4692-82d9-ef93a7d6463c)",
        " 2f074b0f-d99d-4692-82d9-ef93a7d6463c",
        "2f074b0f-d99d-4692-82d9-ef93a7d6463c\n",
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(texts); i++) {
        struct sph_guid guid = {{1}};
        assert_int_equal(sph_guid_parse(texts[i], strlen(texts[i]), &guid), -EINVAL);
        assert_int_equal(guid.bytes[0], 1);
    }
}

/* No byte of a good text may be any other sign than a digit, or its hyphen. */
static void every_byte_matters(void **state) {
    (void)state;
    for (size_t at = 0; at < sizeof(sample) - 1; at++) {
        for (int byte = 0; byte < 256; byte++) {
            char text[sizeof(sample)];
            struct sph_guid guid;
            memcpy(text, sample, sizeof(text));
            text[at] = (char)byte;
            bool digit = byte && strchr("0123456789abcdefABCDEF", byte);
            bool good = sample[at] == '-' ? byte == '-' : digit;
            assert_int_equal(sph_guid_parse(text, sizeof(text) - 1, &guid), good ? 0 : -EINVAL);
        }
    }
}

static void random_ids(void **state) {
    (void)state;
    struct sph_guid previous = {{0}};
    assert_true(sph_guid_is_zero(&previous));
    for (int i = 0; i < 200; i++) {
        struct sph_guid guid;
        char text[SPH_GUID_TEXT];
        assert_int_equal(sph_guid_random(&guid), 0);
        assert_false(sph_guid_equal(&guid, &previous));
        assert_false(sph_guid_is_zero(&guid));
        sph_guid_format(&guid, text);
        assert_int_equal(text[14], '4');
        assert_non_null(strchr("89ab", text[19]));
        previous = guid;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),
        cmocka_unit_test(refused),
        cmocka_unit_test(every_byte_matters),
        cmocka_unit_test(random_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
