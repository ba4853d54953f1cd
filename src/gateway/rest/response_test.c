/* Errors to the byte, and which number means which status. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "gateway/rest/response.h"
#include "wire/device_error.h"

static void numbers_decide_the_status(void **state) {
    (void)state;
    static const struct {
        uint32_t number;
        unsigned status;
    } cases[] = {
        {EPERM, 403},
        {EACCES, 403},
        {ENOENT, 404},
        {ENODEV, 404},
        {ESRCH, 404},
        {EBUSY, 409},
        {EEXIST, 409},
        {EINVAL, 400},
        {ERANGE, 400},
        {ENOSPC, 400},
        {EFBIG, 400},
        {ENOTSUP, 400},
        {EBADMSG, 400},
        {EIO, 500},
        {ENOMEM, 500},
        {0, 500},
        {SPH_DEVERR_APP_NOT_PRESENT, 404},
        {SPH_DEVERR_NO_APP_WITH_MATCHING_ID, 404},
        {SPH_DEVERR_NO_IMAGE_WITH_MATCHING_COMPONENT, 404},
        {SPH_DEVERR_DEVICE_NOT_DEV_UNLOCKED, 403},
        {SPH_DEVERR_IMAGE_PERMISSION_DENIED, 403},
        {SPH_DEVERR_COMMAND_AUTHORIZATION_FAILED, 403},
        {SPH_DEVERR_APP_BUSY, 409},
        {SPH_DEVERR_INTERFACE_BUSY, 409},
        {SPH_DEVERR_CANNOT_START_DEBUG, 409},
        {SPH_DEVERR_OTA_UPDATE_IN_PROGRESS, 409},
        {SPH_DEVERR_REQUESTED_GPIO_IN_USE, 409},
        {SPH_DEVERR_GPIO_BLOCK_CONFLICT, 409},
        {SPH_DEVERR_INVALID_STATE, 409},
        {SPH_DEVERR_APPLICATION_IN_WRONG_STATE, 409},
        {SPH_DEVERR_NO_DEBUGGER_AVAILABLE, 409},
        {SPH_DEVERR_REQUEST_TOO_LARGE, 413},
        {SPH_DEVERR_IMAGE_VERIFICATION_FAILED, 400},
        {SPH_DEVERR_IMAGE_STAGING_FAILED, 400},
        {SPH_DEVERR_IMAGE_INSTALL_FAILED, 400},
        {SPH_DEVERR_CANNOT_COMMIT_IMAGE, 400},
        {SPH_DEVERR_NOT_ENOUGH_FREE_SPACE, 400},
        {SPH_DEVERR_ALREADY_MOUNTED, 400},
        {SPH_DEVERR_INVALID_IMAGE, 400},
        {SPH_DEVERR_INVALID_JSON, 400},
        {SPH_DEVICE_ERROR(SPH_CATEGORY_APP_MANIFEST, 1), 400},
        {SPH_DEVICE_ERROR(SPH_CATEGORY_IMAGE_METADATA, 3), 400},
        {SPH_DEVICE_ERROR(SPH_CATEGORY_PERIPHERAL, 99), 500},
        {SPH_DEVERR_INVALID_MAC_ADDRESS, 400},
        {SPH_DEVERR_CERT_IDENTIFIER_INVALID, 400},
        {SPH_DEVICE_ERROR(31, 6), 500},
        {UINT32_MAX, 500},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        if (sph_refusal_status(cases[i].number) != cases[i].status)
            fail_msg("%u is %u, not %u", cases[i].number, sph_refusal_status(cases[i].number),
                     cases[i].status);
    }
}

static void an_error_takes_the_place_of_what_was_written(void **state) {
    (void)state;
    struct sph_response response = SPH_RESPONSE_NULL;
    response.content_type = "application/octet-stream";
    sph_buf_puts(&response.body, "half an answ");
    assert_int_equal(
        sph_response_refuse(&response, false, 404, SPH_DEVERR_APP_NOT_PRESENT, "no \"%s\"", "app"),
        404);
    assert_int_equal(response.status, 404);
    assert_string_equal(response.content_type, "application/json");
    assert_string_equal(response.body.data, "{\"error\":14680076}");
    assert_string_equal(response.sentence, "no \"app\"");
    assert_int_equal(
        sph_response_refuse(&response, true, 404, SPH_DEVERR_APP_NOT_PRESENT, "no \"%s\"", "app"),
        404);
    assert_string_equal(response.body.data,
                        "{\"error\":14680076,\"name\":\"RestApp/AppNotPresent\","
                        "\"message\":\"no \\\"app\\\"\"}");
    sph_response_done(&response);
    sph_response_done(NULL);
}

static void sentences_cannot_end_a_header(void **state) {
    (void)state;
    static const struct {
        const char *sentence, *header;
    } cases[] = {
        {"plain", "plain"},
        {"", ""},
        {"two\r\nlines", "two??lines"},
        {"gr\xc3\xbc\xc3\x9f", "gr????"},
        {"\x7f\x01\t~", "???~"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_response response = SPH_RESPONSE_NULL;
        (void)sph_response_refuse_text(&response, true, 500, EIO,
                                       sph_slice_text(cases[i].sentence));
        assert_string_equal(response.sentence, cases[i].header);
        sph_response_done(&response);
    }
    char longest[2 * SPH_SENTENCE];
    memset(longest, 'x', sizeof(longest));
    struct sph_response response = SPH_RESPONSE_NULL;
    (void)sph_response_refuse_text(&response, true, 500, EIO, sph_slice(longest, sizeof(longest)));
    assert_int_equal(strlen(response.sentence), SPH_SENTENCE - 1);
    sph_response_done(&response);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_decide_the_status),
        cmocka_unit_test(an_error_takes_the_place_of_what_was_written),
        cmocka_unit_test(sentences_cannot_end_a_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
