/* All answers to the six questions, against the rules said in another way. */
#include "agent/process/heap_decide.h"

#include "base/testing.h"

static void test_each_combination(void **state) {
    (void)state;
    static const uint32_t versions[] = {0, 9, 10, 16};
    unsigned tracked = 0;
    for (unsigned bits = 0; bits < 32; bits++)
        for (unsigned v = 0; v < 4; v++) {
            const struct sph_heap_question question = {.has_capability = bits & 1,
                                                       .has_library = bits & 2,
                                                       .is_asked = bits & 4,
                                                       .is_development = bits & 8,
                                                       .is_debugged = bits & 16,
                                                       .api_version = versions[v]};
            bool wanted = (bits & 4) || ((bits & 3) == 3 && versions[v] != 9);
            bool is_tracked = sph_heap_decide(&question) == SPH_HEAP_TRACKED;
            if (is_tracked != (wanted && (bits & 8) && !(bits & 16)))
                fail_msg("bits %u, version %u", bits, versions[v]);
            tracked += is_tracked;
        }
    assert_int_equal(tracked, 16 + 3); /* asked for: 4 x 4; else both, development, 3 versions */
}

static void test_reasons(void **state) {
    (void)state;
    static const struct {
        struct sph_heap_question question;
        enum sph_heap_state state;
    } rows[] = {
        {{.is_development = true}, SPH_HEAP_NOT_ASKED},
        {{.has_library = true, .is_development = true}, SPH_HEAP_NO_CAPABILITY},
        {{.has_capability = true, .is_development = true}, SPH_HEAP_NO_LIBRARY},
        {{.has_capability = true, .is_debugged = true}, SPH_HEAP_NO_LIBRARY},
        {{.has_capability = true, .has_library = true, .api_version = 9}, SPH_HEAP_OLD_API},
        {{.has_capability = true, .has_library = true}, SPH_HEAP_NO_DEVELOPMENT},
        {{.has_capability = true, .has_library = true, .is_development = true, .is_debugged = true},
         SPH_HEAP_DEBUGGED},
        {{.is_asked = true, .api_version = 5, .is_development = true}, SPH_HEAP_TRACKED},
        {{.is_asked = true}, SPH_HEAP_NO_DEVELOPMENT},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++)
        assert_int_equal(sph_heap_decide(&rows[i].question), rows[i].state);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_combination),
                                       cmocka_unit_test(test_reasons)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
