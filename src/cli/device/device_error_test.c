/* Every number has its words, and every cause its exit status. */
#include "cli/device/device_error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "cli/syntax/exit.h"

/* The numbers that the fact sheets and docs/spec/cli-exit.md name. */
static const struct {
    uint32_t number;
    const char *text;
    enum sph_exit status;
} known[] = {
    {13,
     "Permission denied; application development capability may be required ('azsphere device "
     "enable-development')",
     SPH_EXIT_DENIED},
    {1048596,
     "The application may not start; application development capability may be required "
     "('azsphere device enable-development')",
     SPH_EXIT_DENIED},
    {3145738,
     "Cannot start application in debug mode; Debugging server is not present on device; try "
     "running 'azsphere device enable-development'.",
     SPH_EXIT_FAILED},
    {4194306, "Application is already deployed", SPH_EXIT_FAILED},
    {1048577, "The present state does not allow this", SPH_EXIT_FAILED},
    {7340034, "Insufficient free space on the device", SPH_EXIT_IO},
    {7340047,
     "Image not trusted by device; check if application development capability is enabled "
     "('azsphere device enable-development')",
     SPH_EXIT_FAILED},
    {7340050, "Image could not be staged; check that it is a valid image package", SPH_EXIT_INPUT},
    {7340056,
     "Installation failed; check if application development capability is enabled ('azsphere "
     "device enable-development')",
     SPH_EXIT_FAILED},
    {7340069,
     "Permission denied; application development capability may be required ('azsphere device "
     "enable-development')",
     SPH_EXIT_DENIED},
    {7340071, "An update is in progress", SPH_EXIT_FAILED},
    {14680076, "Application is not present", SPH_EXIT_NOT_FOUND},
    {14680081,
     "Image not trusted by device; check if application development capability is enabled "
     "('azsphere device enable-development')",
     SPH_EXIT_FAILED},
    {14680082, "Insufficient free space on the device", SPH_EXIT_IO},
    {15728642, "Invalid request URI.", SPH_EXIT_FAILED},
    {15728644, "The package is too large to be sent to the device", SPH_EXIT_IO},
    {31457286, "The hardware address is not valid", SPH_EXIT_USAGE},
    {31457294, "No such network interface", SPH_EXIT_NOT_FOUND},
    {31457295, "This network interface may not be changed", SPH_EXIT_DENIED},
    {38797314, "The certificate identifier is not valid", SPH_EXIT_NOT_FOUND},
    {38797332, "The private key does not fit the certificate", SPH_EXIT_INPUT},
};

static void test_known_numbers(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(known); i++) {
        const struct sph_device_error *error = sph_device_error_find(known[i].number);
        assert_non_null(error);
        assert_int_equal(error->number, known[i].number);
        assert_string_equal(error->text, known[i].text);
        assert_int_equal(sph_exit_of(error->code), known[i].status);
    }
}

static void test_unknown_numbers(void **state) {
    static const uint32_t unknown[] = {0, 1, 7340032, 14680095, UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(unknown); i++)
        assert_null(sph_device_error_find(unknown[i]));
}

/* A device error never ends as success, as a usage error of our own, or as an unreachable device.
 */
static void test_statuses_stay_in_their_range(void **state) {
    (void)state;
    for (uint32_t category = 0; category < 64; category++) {
        for (uint32_t id = 0; id < 256; id++) {
            const struct sph_device_error *error =
                sph_device_error_find(SPH_DEVICE_ERROR(category, id));
            if (!error)
                continue;
            enum sph_exit status = sph_exit_of(error->code);
            assert_int_not_equal(status, SPH_EXIT_OK);
            assert_int_not_equal(status, SPH_EXIT_UNREACHABLE);
            assert_true(error->code < 0);
            assert_true(strlen(error->text) > 0);
        }
    }
}

static const struct {
    int code;
    enum sph_exit status;
} codes[] = {
    {0, SPH_EXIT_OK},
    {-ENOTCONN, SPH_EXIT_UNREACHABLE},
    {-EHOSTDOWN, SPH_EXIT_UNREACHABLE},
    {-ETIMEDOUT, SPH_EXIT_UNREACHABLE},
    {-ECONNRESET, SPH_EXIT_UNREACHABLE},
    {-EBADMSG, SPH_EXIT_INPUT},
    {-ENOEXEC, SPH_EXIT_INPUT},
    {-EPERM, SPH_EXIT_DENIED},
    {-EOPNOTSUPP, SPH_EXIT_DENIED},
    {-ENOENT, SPH_EXIT_NOT_FOUND},
    {-EINVAL, SPH_EXIT_USAGE},
    {-ENOSPC, SPH_EXIT_IO},
    {-ENOMEM, SPH_EXIT_IO},
    {-EEXIST, SPH_EXIT_FAILED},
    {-EREMOTEIO, SPH_EXIT_FAILED},
    {-EBUSY, SPH_EXIT_FAILED},
    {-EPROTO, SPH_EXIT_FAILED},
};

static void test_codes(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(codes); i++)
        assert_int_equal(sph_exit_of(codes[i].code), codes[i].status);
}

/* Every errno there is has one status of the document's, and only 0 is success. */
static void test_every_errno(void **state) {
    (void)state;
    for (int code = 1; code < 4096; code++) {
        enum sph_exit status = sph_exit_of(-code);
        assert_in_range(status, SPH_EXIT_FAILED, SPH_EXIT_IO);
        assert_int_equal(sph_exit_of(code), SPH_EXIT_FAILED); /* a condition nobody handled */
    }
}

/* Each number stands in the table once: a second row would never be found. */
static void test_a_number_has_one_row(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(known); i++) {
        const struct sph_device_error *row = sph_device_error_find(known[i].number);
        assert_ptr_equal(row, sph_device_error_find(known[i].number));
        assert_int_not_equal(row->text[strlen(row->text) - 1], '\n');
        for (const char *c = row->text; *c; c++)
            assert_in_range(*c, ' ', '~');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_numbers),
        cmocka_unit_test(test_unknown_numbers),
        cmocka_unit_test(test_statuses_stay_in_their_range),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_every_errno),
        cmocka_unit_test(test_a_number_has_one_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
