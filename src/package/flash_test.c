/* Flash sums: the debugger's part, a package taking another's place, and the last byte. */
#include "package/flash.h"

#include "package/package_testing.h"

static const struct sph_flash_package installed[] = {
    {{{1}}, 500000, false},
    {{{2}}, 300000, false},
    {{{3}}, 200000, true},
};

static void sums_count_the_debugger_in_development_only(void **state) {
    (void)state;
    struct sph_flash_use use = sph_flash_sum(installed, 3, SPH_FLASH_MT3620_BYTES, true);
    assert_int_equal(use.used_bytes, 1000000);
    assert_int_equal(use.free_bytes, 48576);
    assert_int_equal(use.over_bytes, 0);
    use = sph_flash_sum(installed, 3, SPH_FLASH_MT3620_BYTES, false);
    assert_int_equal(use.used_bytes, 800000);
    use = sph_flash_sum(installed, 3, 999999, true);
    assert_int_equal(use.over_bytes, 1);
    assert_int_equal(use.free_bytes, 0);
    assert_int_equal(use.limit_bytes, 999999);
    assert_int_equal(sph_flash_sum(NULL, 0, 5, true).free_bytes, 5);
}

static void a_candidate_fits_or_does_not(void **state) {
    (void)state;
    static const struct {
        struct sph_flash_package candidate;
        bool development;
        int condition;
        uint64_t used_bytes, over_bytes;
    } rows[] = {
        {{{{4}}, 48576, false}, true, 0, 1048576, 0},
        {{{{4}}, 48577, false}, true, SPH_FLASH_E_NO_ROOM, 1048577, 1},
        {{{{4}}, 48577, false}, false, 0, 848577, 0},
        {{{{1}}, 548576, false}, true, 0, 1048576, 0}, /* in the place of 500000 */
        {{{{1}}, 548577, false}, true, SPH_FLASH_E_NO_ROOM, 1048577, 1},
        {{{{5}}, 2000000, true}, false, 0, 800000, 0},
        {{{{5}}, 2000000, true}, true, SPH_FLASH_E_NO_ROOM, 3000000, 1951424},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_flash_use use;
        assert_int_equal(sph_flash_fit(installed, 3, SPH_FLASH_MT3620_BYTES, rows[i].development,
                                       &rows[i].candidate, &use),
                         rows[i].condition);
        assert_int_equal(use.used_bytes, rows[i].used_bytes);
        assert_int_equal(use.over_bytes, rows[i].over_bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_count_the_debugger_in_development_only),
        cmocka_unit_test(a_candidate_fits_or_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
