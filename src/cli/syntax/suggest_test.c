/* Distances and the nearest word. */
#include "cli/syntax/suggest.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
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

/* Words of up to 6 letters of three, any: the laws of a distance, and agreement with a slow count
 * that is right by its look (insert, delete, replace, swap, in every order). */
static unsigned slow_distance(const char *a, const char *b) {
    if (!*a || !*b)
        return (unsigned)(strlen(a) + strlen(b));
    unsigned best = slow_distance(a + 1, b + 1) + (*a != *b);
    unsigned without_a = slow_distance(a + 1, b) + 1;
    unsigned without_b = slow_distance(a, b + 1) + 1;
    best = without_a < best ? without_a : best;
    best = without_b < best ? without_b : best;
    if (a[1] && b[1] && a[0] == b[1] && a[1] == b[0]) {
        unsigned swapped = slow_distance(a + 2, b + 2) + 1;
        best = swapped < best ? swapped : best;
    }
    return best;
}

static void test_against_a_slow_count(void **state) {
    unsigned seed = 7;
    (void)state;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 3000; round++) {
        char words[2][8];
        for (int w = 0; w < 2; w++) {
            int len = rand_r(&seed) % 7;
            for (int i = 0; i < len; i++)
                words[w][i] = (char)('a' + rand_r(&seed) % 3);
            words[w][len] = '\0';
        }
        unsigned distance = sph_suggest_distance(words[0], words[1]);
        assert_int_equal(distance, slow_distance(words[0], words[1]));
        assert_int_equal(distance, sph_suggest_distance(words[1], words[0]));
        assert_int_equal(distance == 0, strcmp(words[0], words[1]) == 0);
    }
}

/* The first of those that are equally near, whatever comes after it. */
static void test_the_first_of_equals_holds(void **state) {
    struct sph_suggest suggest;
    (void)state;
    sph_suggest_start(&suggest, "bat");
    sph_suggest_offer(&suggest, "cat");
    sph_suggest_offer(&suggest, "hat");
    assert_string_equal(suggest.best, "cat");
    sph_suggest_offer(&suggest, "batch"); /* what was begun is nearer than any slip */
    assert_string_equal(suggest.best, "batch");
    sph_suggest_offer(&suggest, "bats");
    assert_string_equal(suggest.best, "batch");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances),
        cmocka_unit_test(test_long_words_are_far),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_against_a_slow_count),
        cmocka_unit_test(test_the_first_of_equals_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
