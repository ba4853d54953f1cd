#include "cli/text/spark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

static void test_lines(void **state) {
    static const struct {
        uint64_t values[10];
        unsigned count, columns;
        uint64_t top;
        const char *text;
    } rows[] = {
        {{0}, 0, 10, 8, ""},
        {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 10, 10, 8, " ▁▂▃▄▅▆▇██"},
        {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 10, 3, 8, "▇██"},
        {{36864, 36864}, 2, 10, 36864, "██"},
        {{1, 262144, 262145}, 3, 10, 262144, "▁██"},
        {{0, 0}, 2, 10, 0, "  "},
        {{UINT64_MAX, UINT64_MAX / 2, 1}, 3, 10, UINT64_MAX, "█▄▁"},
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        struct sph_spark spark = {.count = 0};
        for (unsigned k = 0; k < rows[i].count; k++)
            sph_spark_add(&spark, rows[i].values[k]);
        sph_buf_puts(&buf, "");
        sph_spark_write(&spark, rows[i].columns, rows[i].top, &buf);
        assert_string_equal(buf.data, rows[i].text);
    }
}

static void test_the_oldest_is_forgotten(void **state) {
    struct sph_spark spark = {.count = 0};
    (void)state;
    sph_spark_add(&spark, 1000);
    for (unsigned i = 1; i <= SPH_SPARK_READINGS; i++) {
        assert_int_equal(sph_spark_top(&spark, SPH_SPARK_READINGS), 1000);
        sph_spark_add(&spark, i);
    }
    assert_int_equal(sph_spark_top(&spark, SPH_SPARK_READINGS), SPH_SPARK_READINGS);
    assert_int_equal(spark.values[0], 1);
    assert_int_equal(spark.count, SPH_SPARK_READINGS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_the_oldest_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
