/* Flash sums: a package taking another's place, and the last byte. */
#include "package/flash.h"

#include "package/package_testing.h"

static const struct sph_flash_package installed[] = {
    {{{1}}, 500000},
    {{{2}}, 300000},
    {{{3}}, 200000},
};

static void sums_are_of_all(void **state) {
    (void)state;
    struct sph_flash_use use = sph_flash_sum(installed, 3, SPH_FLASH_MT3620_BYTES);
    assert_int_equal(use.used_bytes, 1000000);
    assert_int_equal(use.free_bytes, 48576);
    assert_int_equal(use.over_bytes, 0);
    use = sph_flash_sum(installed, 3, 999999);
    assert_int_equal(use.over_bytes, 1);
    assert_int_equal(use.free_bytes, 0);
    assert_int_equal(use.limit_bytes, 999999);
    assert_int_equal(sph_flash_sum(NULL, 0, 5).free_bytes, 5);
}

static void a_candidate_fits_or_does_not(void **state) {
    (void)state;
    static const struct {
        struct sph_flash_package candidate;
        int condition;
        uint64_t used_bytes, over_bytes;
    } rows[] = {
        {{{{4}}, 48576}, 0, 1048576, 0},
        {{{{4}}, 48577}, SPH_FLASH_E_NO_ROOM, 1048577, 1},
        {{{{1}}, 548576}, 0, 1048576, 0}, /* in the place of 500000 */
        {{{{1}}, 548577}, SPH_FLASH_E_NO_ROOM, 1048577, 1},
        {{{{5}}, 2000000}, SPH_FLASH_E_NO_ROOM, 3000000, 1951424},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_flash_use use;
        assert_int_equal(
            sph_flash_fit(installed, 3, SPH_FLASH_MT3620_BYTES, &rows[i].candidate, &use),
            rows[i].condition);
        assert_int_equal(use.used_bytes, rows[i].used_bytes);
        assert_int_equal(use.over_bytes, rows[i].over_bytes);
    }
}

/* Against the list that would be there afterwards, summed: replacing is removing and adding. */
static void fitting_is_a_sum_of_what_will_be_there(void **state) {
    (void)state;
    enum { COUNT = 6 };
    struct sph_draw draw = sph_draw_begin(20261122);
    for (unsigned round = 0; round < 2000; round++) {
        struct sph_flash_package before[COUNT], after[COUNT + 1];
        unsigned count = sph_draw_below(&draw, COUNT + 1), kept = 0;
        struct sph_flash_package candidate = {
            .component_id = {{(uint8_t)sph_draw_below(&draw, 2 * COUNT)}},
            .file_bytes = sph_draw_below(&draw, 400000),
        };
        for (unsigned i = 0; i < count; i++) {
            before[i] = (struct sph_flash_package){
                .component_id = {{(uint8_t)i}},
                .file_bytes = sph_draw_below(&draw, 400000),
            };
            if (i != candidate.component_id.bytes[0])
                after[kept++] = before[i];
        }
        after[kept++] = candidate;
        struct sph_flash_use use, want;
        want = sph_flash_sum(after, kept, SPH_FLASH_MT3620_BYTES);
        int r = sph_flash_fit(before, count, SPH_FLASH_MT3620_BYTES, &candidate, &use);
        assert_int_equal(r, want.over_bytes > 0 ? SPH_FLASH_E_NO_ROOM : 0);
        assert_int_equal(use.used_bytes, want.used_bytes);
        assert_int_equal(use.limit_bytes, SPH_FLASH_MT3620_BYTES);
        assert_true(use.free_bytes == 0 || use.over_bytes == 0);
        assert_true(use.used_bytes + use.free_bytes == use.limit_bytes + use.over_bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_of_all),
        cmocka_unit_test(a_candidate_fits_or_does_not),
        cmocka_unit_test(fitting_is_a_sum_of_what_will_be_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
