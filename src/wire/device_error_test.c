/* The header is the list: every number that it defines is read out of its text and looked up. What
 * the numbers have to be comes from the table below, which was taken from devices. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "wire/device_error.h"

enum { NUMBERS_MAX = 200 };

struct number {
    char name[80];
    unsigned category, id;
};

/* The lines "#define SPH_DEVERR_NAME SPH_DEVICE_ERROR(category, id)", also where they are broken.
 */
static size_t read_header(struct number ret_numbers[NUMBERS_MAX]) {
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    assert_int_equal(sph_file_read(AT_FDCWD, SPH_DEVICE_ERROR_HEADER, &text, NULL), 0);
    size_t count = 0;
    for (const char *at = text.data; (at = strstr(at, "#define SPH_DEVERR_")); at++) {
        struct number *number = &ret_numbers[count];
        assert_true(count < NUMBERS_MAX);
        const char *value = strstr(at, "SPH_DEVICE_ERROR(");
        char *end = NULL;
        assert_non_null(value);
        assert_int_equal(sscanf(at, "#define %79s", number->name), 1);
        number->category = (unsigned)strtoul(value + strlen("SPH_DEVICE_ERROR("), &end, 10);
        assert_int_equal(*end, ',');
        number->id = (unsigned)strtoul(end + 1, &end, 10);
        assert_int_equal(*end, ')');
        count++;
    }
    return count;
}

static uint32_t value_of(const struct number *number) {
    return SPH_DEVICE_ERROR(number->category, number->id);
}

static void every_number_has_a_name(void **state) {
    (void)state;
    static struct number numbers[NUMBERS_MAX];
    size_t count = read_header(numbers);
    assert_true(count > 40);
    for (size_t i = 0; i < count; i++) {
        const char *name = sph_device_error_name(value_of(&numbers[i]));
        if (strcmp(name, "unknown") == 0)
            fail_msg("%s has no name", numbers[i].name);
        assert_int_equal(strcmp(name, "Linux") == 0, numbers[i].category == 0);
    }
}

static void no_two_are_the_same(void **state) {
    (void)state;
    static struct number numbers[NUMBERS_MAX];
    size_t count = read_header(numbers);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            const char *name = sph_device_error_name(value_of(&numbers[i]));
            if (value_of(&numbers[i]) == value_of(&numbers[k]))
                fail_msg("%s is %s", numbers[i].name, numbers[k].name);
            assert_string_not_equal(name, sph_device_error_name(value_of(&numbers[k])));
        }
    }
}

/* "Category/Condition", each a word of letters: clients take it apart. */
static void names_have_two_parts(void **state) {
    (void)state;
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const struct {
        unsigned category;
        const char *word;
    } categories[] = {
        {SPH_CATEGORY_APP_MANAGER, "AppManager"},
        {SPH_CATEGORY_LIFETIME_MANAGER, "LifetimeManager"},
        {SPH_CATEGORY_MOUNTER, "Mounter"},
        {SPH_CATEGORY_PERIPHERAL, "Peripheral"},
        {SPH_CATEGORY_IMAGE_UPDATE, "ImageUpdate"},
        {SPH_CATEGORY_REST, "Rest"},
        {SPH_CATEGORY_REST_APP, "RestApp"},
        {SPH_CATEGORY_HTTP, "Http"},
        {SPH_CATEGORY_REST_UPDATE, "RestUpdate"},
        {SPH_CATEGORY_NET_CONFIG, "NetConfig"},
        {SPH_CATEGORY_CERT_STORAGE, "CertStorage"},
    };
    static struct number numbers[NUMBERS_MAX];
    size_t count = read_header(numbers);
    for (size_t i = 0; i < count; i++) {
        const char *name = sph_device_error_name(value_of(&numbers[i])), *word = "Linux";
        for (size_t k = 0; k < SPH_ARRAY_SIZE(categories); k++)
            word = categories[k].category == numbers[i].category ? categories[k].word : word;
        size_t len = strspn(name, letters);
        assert_int_equal(len, strlen(word));
        assert_int_equal(strncmp(name, word, len), 0);
        if (numbers[i].category != 0) {
            assert_int_equal(name[len], '/');
            assert_true(strlen(name + len + 1) > 0);
            assert_int_equal(strspn(name + len + 1, letters), strlen(name + len + 1));
        }
    }
}

/* Numbers as clients of the original compare them. */
static void numbers_of_the_original(void **state) {
    (void)state;
    static const struct {
        uint32_t number, constant;
        const char *name;
    } cases[] = {
        {1048577, SPH_DEVERR_INVALID_STATE, "AppManager/InvalidState"},
        {1048580, SPH_DEVERR_NO_APP_WITH_MATCHING_ID, "AppManager/NoAppWithMatchingId"},
        {1048596, SPH_DEVERR_DEVICE_NOT_DEV_UNLOCKED, "AppManager/DeviceNotDevUnlocked"},
        {3145738, SPH_DEVERR_NO_DEBUGGER_AVAILABLE, "LifetimeManager/NoDebuggerAvailable"},
        {4194306, SPH_DEVERR_ALREADY_MOUNTED, "Mounter/AlreadyMounted"},
        {5242884, SPH_DEVERR_REQUESTED_GPIO_IN_USE, "Peripheral/RequestedGpioAlreadyInUse"},
        {7340047, SPH_DEVERR_IMAGE_VERIFICATION_FAILED, "ImageUpdate/VerificationFailed"},
        {7340050, SPH_DEVERR_IMAGE_STAGING_FAILED, "ImageUpdate/ImageStagingFailed"},
        {7340056, SPH_DEVERR_IMAGE_INSTALL_FAILED, "ImageUpdate/ImageInstallFailed"},
        {7340069, SPH_DEVERR_IMAGE_PERMISSION_DENIED, "ImageUpdate/PermissionDenied"},
        {10485761, SPH_DEVERR_INVALID_JSON, "Rest/InvalidJsonRequest"},
        {10485763, SPH_DEVERR_REQUEST_DATA_EXPECTED, "Rest/RequestDataExpected"},
        {10485765, SPH_DEVERR_INTERFACE_BUSY, "Rest/InterfaceIsBusy"},
        {10485778, SPH_DEVERR_COMMAND_AUTHORIZATION_FAILED, "Rest/CommandAuthorizationFailed"},
        {14680073, SPH_DEVERR_TRIGGER_DOES_NOT_EXIST, "RestApp/TriggerDoesNotExist"},
        {14680074, SPH_DEVERR_APP_BUSY, "RestApp/IsBusy"},
        {14680076, SPH_DEVERR_APP_NOT_PRESENT, "RestApp/AppNotPresent"},
        {14680079, SPH_DEVERR_CANNOT_PARSE_COMPONENT_ID, "RestApp/CannotParseComponentId"},
        {14680081, SPH_DEVERR_CANNOT_COMMIT_IMAGE, "RestApp/CannotCommitImage"},
        {14680082, SPH_DEVERR_NOT_ENOUGH_FREE_SPACE, "RestApp/NotEnoughFreeSpace"},
        {15728641, SPH_DEVERR_INVALID_REQUEST_METHOD, "Http/InvalidRequestMethod"},
        {15728642, SPH_DEVERR_INVALID_REQUEST_URI, "Http/InvalidRequestUri"},
        {15728644, SPH_DEVERR_INVALID_CONTENT_LENGTH, "Http/InvalidContentLength"},
        {16777219, SPH_DEVERR_INVALID_IMAGE, "RestUpdate/InvalidImage"},
        {31457286, SPH_DEVERR_INVALID_MAC_ADDRESS, "NetConfig/InvalidMacAddress"},
        {31457294, SPH_DEVERR_INVALID_INTERFACE, "NetConfig/InvalidInterface"},
        {31457295, SPH_DEVERR_INTERFACE_NOT_PERMITTED, "NetConfig/InterfaceNotPermitted"},
        {38797314, SPH_DEVERR_CERT_IDENTIFIER_INVALID, "CertStorage/CertIdentifierInvalid"},
        {38797332, SPH_DEVERR_CERT_PRIVATE_KEY_MISMATCHED, "CertStorage/CertPrivateKeyMismatched"},
        {EACCES, SPH_DEVERR_PERMISSION_DENIED, "Linux"},
        {ENOENT, ENOENT, "Linux"},
        {0, 0, "Linux"},
        {0xfffff, 0xfffff, "Linux"}, /* the last of category 0 */
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        assert_int_equal(cases[i].number, cases[i].constant);
        assert_string_equal(sph_device_error_name(cases[i].number), cases[i].name);
    }
}

static void others_are_unknown(void **state) {
    (void)state;
    static const uint32_t cases[] = {
        SPH_DEVICE_ERROR(1, 0),  SPH_DEVICE_ERROR(1, 2),  SPH_DEVICE_ERROR(2, 1),
        SPH_DEVICE_ERROR(6, 1),  SPH_DEVICE_ERROR(8, 5),  SPH_DEVICE_ERROR(15, 0xfffff),
        SPH_DEVICE_ERROR(42, 1), SPH_DEVICE_ERROR(99, 1), UINT32_MAX,
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++)
        assert_string_equal(sph_device_error_name(cases[i]), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_has_a_name), cmocka_unit_test(no_two_are_the_same),
        cmocka_unit_test(names_have_two_parts),    cmocka_unit_test(numbers_of_the_original),
        cmocka_unit_test(others_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
