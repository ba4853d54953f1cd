/* spark: the last readings of a figure, and a line of blocks that shows them. */
#ifndef SPH_CLI_TEXT_SPARK_H
#define SPH_CLI_TEXT_SPARK_H

#include <stdint.h>

#include "base/buf.h"

enum { SPH_SPARK_READINGS = 240 /* wider than most terminals */ };

/* Starts as all zeros; the oldest reading is forgotten. */
struct sph_spark {
    uint64_t values[SPH_SPARK_READINGS]; /* oldest first */
    unsigned count;
};

void sph_spark_add(struct sph_spark *spark, uint64_t value);
/* The largest of the last `columns` readings. */
uint64_t sph_spark_top(const struct sph_spark *spark, unsigned columns);
/* Appends one of eight blocks for each of the last `columns` readings, in parts of `top`; nothing
 * is a blank, and all else at least the lowest block. Values over `top` are shown as it. */
void sph_spark_write(const struct sph_spark *spark, unsigned columns, uint64_t top,
                     struct sph_buf *buf);

#endif
