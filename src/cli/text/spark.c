/* From nothing up, not from the smallest reading: a figure that does not change is a level line,
 * and two figures on one scale can be compared. */
#include "cli/text/spark.h"

#include <string.h>

static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
enum { LEVELS = 8 };

void sph_spark_add(struct sph_spark *spark, uint64_t value) {
    if (spark->count == SPH_SPARK_READINGS)
        memmove(spark->values, spark->values + 1, sizeof(spark->values) - sizeof(*spark->values));
    else
        spark->count++;
    spark->values[spark->count - 1] = value;
}

static unsigned first_of(const struct sph_spark *spark, unsigned columns) {
    return spark->count > columns ? spark->count - columns : 0;
}

uint64_t sph_spark_top(const struct sph_spark *spark, unsigned columns) {
    uint64_t top = 0;
    for (unsigned i = first_of(spark, columns); i < spark->count; i++)
        if (spark->values[i] > top)
            top = spark->values[i];
    return top;
}

void sph_spark_write(const struct sph_spark *spark, unsigned columns, uint64_t top,
                     struct sph_buf *buf) {
    for (unsigned i = first_of(spark, columns); i < spark->count; i++) {
        uint64_t value = spark->values[i] < top ? spark->values[i] : top;
        /* rounded up, so that the lowest block is for all that is not nothing */
        unsigned level =
            value == 0 ? 0 : (unsigned)(((unsigned __int128)value * LEVELS + top - 1) / top);
        sph_buf_puts(buf, blocks[level]);
    }
}
