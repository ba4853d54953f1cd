/* Distances and the nearest word. */
#include "cli/suggest.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

static const struct {
    const char *a, *b;
    unsigned distance;
} distances[] = {
    {"", "", 0},
    {"", "abc", 3},
    {"abc", "abc", 0},
    {"abc", "abd", 1},
    {"abc", "acb", 1},
    {"abc", "ab", 1},
    {"abc", "xabc", 1},
    {"kitten", "sitting", 3},
    {"start", "strat", 1},
    {"device", "devise", 1},
    {"output", "outptu", 1},
    {"list", "stop", 4},
    {"ca", "abc", 3},
};

static void test_distances(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(distances); i++) {
        assert_int_equal(sph_suggest_distance(distances[i].a, distances[i].b),
                         distances[i].distance);
        assert_int_equal(sph_suggest_distance(distances[i].b, distances[i].a),
                         distances[i].distance);
    }
}

static void test_long_words_are_far(void **state) {
    char word[80];
    (void)state;
    memset(word, 'a', sizeof(word));
    word[63] = '\0';
    assert_int_equal(sph_suggest_distance(word, word), 0);
    word[63] = 'a';
    word[64] = '\0';
    assert_int_equal(sph_suggest_distance(word, word), UINT_MAX);
    assert_int_equal(sph_suggest_distance("a", word), UINT_MAX);
}

static const struct {
    const char *typed, *best;
} nearest[] = {
    {"strat", "start"}, {"sto", "stop"}, {"lst", "list"},
    {"x", NULL},        {"", NULL},      {"deletee", "delete"},
    {"cre", "create"},  {"li", NULL},    {"restrat", "restart"},
    {"zzzzzz", NULL},
};

static void test_nearest(void **state) {
    static const char *const known[] = {"create", "start", "stop", "list", "delete", "restart"};
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(nearest); i++) {
        struct sph_suggest suggest;
        sph_suggest_start(&suggest, nearest[i].typed);
        for (size_t k = 0; k < SPH_ARRAY_SIZE(known); k++)
            sph_suggest_offer(&suggest, known[k]);
        if (nearest[i].best && suggest.best)
            assert_string_equal(suggest.best, nearest[i].best);
        else if (suggest.best != nearest[i].best)
            fail_msg("%s: %s", nearest[i].typed, suggest.best ? suggest.best : "nothing");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances),
        cmocka_unit_test(test_long_words_are_far),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
