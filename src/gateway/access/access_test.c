/* Who is let in: the token, each way in which it can be wrong, and the pages of browsers. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "gateway/access/access.h"

#define TOKEN "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static ssize_t random_fails; /* what getrandom gives instead; 0: the real one is called */
ssize_t __real_getrandom(void *data, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *data, size_t len, unsigned flags);

ssize_t __wrap_getrandom(void *data, size_t len, unsigned flags) {
    if (random_fails == 0)
        return __real_getrandom(data, len, flags);
    errno = EINTR;
    return random_fails;
}

static void tokens_are_drawn_and_differ(void **state) {
    (void)state;
    char a[SPH_TOKEN_TEXT], b[SPH_TOKEN_TEXT];
    assert_int_equal(sph_token_draw(a, NULL), 0);
    assert_int_equal(sph_token_draw(b, NULL), 0);
    assert_true(sph_token_is_valid(a) && sph_token_is_valid(b));
    assert_string_not_equal(a, b);
}

static void without_randomness_there_is_no_token(void **state) {
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    char token[SPH_TOKEN_TEXT] = "untouched";
    random_fails = -1;
    int rc = sph_token_draw(token, &err);
    random_fails = 0;
    assert_int_equal(rc, -EINTR);
    assert_string_equal(err.text, "cannot draw a token: Interrupted system call");
    assert_string_equal(token, "untouched");
}

static void only_its_digits_make_a_token(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is_valid;
    } rows[] = {
        {TOKEN, true},
        {"", false},
        {"0", false},
        {TOKEN "0", false},
        {"0011223344556677889900112233445500112233445566778899AABBCCDDEEFF", false},
        {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeef ", false},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++)
        assert_int_equal(sph_token_is_valid(rows[i].text), rows[i].is_valid);
}

static void the_header_decides(void **state) {
    (void)state;
    static const struct {
        const char *token;
        bool is_trusted;
        const char *authorization, *origin;
        bool is_allowed;
    } rows[] = {
        {TOKEN, false, "Bearer " TOKEN, NULL, true},
        {TOKEN, false, "bearer   " TOKEN, NULL, true},
        {TOKEN, false, "Bearer " TOKEN, "https://example.org",
         true}, /* it has the token, after all */
        {TOKEN, false, NULL, NULL, false},
        {TOKEN, false, "", NULL, false},
        {TOKEN, false, TOKEN, NULL, false},
        {TOKEN, false, "Basic " TOKEN, NULL, false},
        {TOKEN, false, "Bearer", NULL, false},
        {TOKEN, false, "Bearer ", NULL, false},
        {TOKEN, false, "Bearer" TOKEN, NULL, false},
        {TOKEN, false, "Bearer " TOKEN " ", NULL, false},
        {TOKEN, false, "Bearer " TOKEN "0", NULL, false},
        {"", false, "Bearer ", NULL, false}, /* no token was drawn: nobody has it */
        {"", false, "Bearer " TOKEN, NULL, false},
        {TOKEN, true, NULL, NULL, true},
        {TOKEN, true, "Bearer nonsense", NULL, true},
        {TOKEN, true, NULL, "https://example.org", false},
        {TOKEN, true, NULL, "null", false},
        {TOKEN, true, NULL, "", false},
        {TOKEN, true, "Bearer " TOKEN, "null", true},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_access access = {.is_trusted = rows[i].is_trusted};
        (void)snprintf(access.token, sizeof(access.token), "%s", rows[i].token);
        if (sph_access_allows(&access, rows[i].authorization, rows[i].origin) != rows[i].is_allowed)
            fail_msg("row %zu", i);
    }
}

static void every_digit_of_the_token_counts(void **state) {
    (void)state;
    const struct sph_access access = {.token = TOKEN};
    char header[] = "Bearer " TOKEN;
    for (size_t i = sizeof("Bearer ") - 1; i < sizeof(header) - 1; i++) {
        header[i] ^= 1;
        assert_false(sph_access_allows(&access, header, NULL));
        header[i] ^= 1;
    }
    assert_true(sph_access_allows(&access, header, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_drawn_and_differ),
        cmocka_unit_test(without_randomness_there_is_no_token),
        cmocka_unit_test(only_its_digits_make_a_token),
        cmocka_unit_test(the_header_decides),
        cmocka_unit_test(every_digit_of_the_token_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
