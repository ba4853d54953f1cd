/* Sentences are put together and cut without ever leaving their room. */
#include "base/err.h"

#include <errno.h>
#include <string.h>

#include "base/testing.h"

static int fails(struct sph_err *err) {
    return SPH_FAIL(err, -EBADMSG, "field %s is %d", "SizeKB", -1);
}

static void sentence_code_and_place(void **state) {
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(fails(&err), -EBADMSG);
    assert_err(&err, -EBADMSG, "field SizeKB is -1");
    assert_string_equal(err.where, "fails");
    assert_int_equal(sph_err_prefix(&err, "line %d", 3), -EBADMSG);
    assert_err(&err, -EBADMSG, "line 3: field SizeKB is -1");
}

static void system_words(void **state) {
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(SPH_FAIL_ERRNO(&err, -ENOENT, "cannot open %s", "x"), -ENOENT);
    assert_err(&err, -ENOENT, "cannot open x: No such file or directory");
}

static void null_is_allowed(void **state) {
    (void)state;
    assert_int_equal(fails(NULL), -EBADMSG);
    assert_int_equal(SPH_FAIL_ERRNO(NULL, -EIO, "x"), -EIO);
    assert_int_equal(sph_err_prefix(NULL, "x"), 0);
}

static void long_sentences_are_cut(void **state) {
    (void)state;
    char longer[1000];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(SPH_FAIL_ERRNO(&err, -EIO, "%s", longer), -EIO);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_int_equal(sph_err_prefix(&err, "ab"), -EIO);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_memory_equal(err.text, "ab: xx", 6);
    (void)sph_err_prefix(&err, "%s", longer);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentence_code_and_place),
        cmocka_unit_test(system_words),
        cmocka_unit_test(null_is_allowed),
        cmocka_unit_test(long_sentences_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
