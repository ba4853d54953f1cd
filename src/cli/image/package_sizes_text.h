/* package_sizes_text: what fills a package, and how two of them differ, for people and as JSON. */
#ifndef SPH_CLI_IMAGE_PACKAGE_SIZES_TEXT_H
#define SPH_CLI_IMAGE_PACKAGE_SIZES_TEXT_H

#include "cli/image/package_sizes.h"
#include "cli/text/table.h"

/* A package that was read. `fs` may be NULL, as in sph_package_parts(). */
struct sph_sizes_input {
    const char *path; /* as given */
    const struct sph_image *image;
    const struct sph_fs *fs;
    const struct sph_places *places; /* where symbols are looked for, or NULL */
};

/* The three forms of an answer; all are appended to. The table is initialised here. */
struct sph_sizes_output {
    struct sph_table table;
    struct sph_buf human, json;
};
#define SPH_SIZES_OUTPUT_NULL                                                                      \
    {                                                                                              \
        .table = {.columns = NULL}, .human = SPH_BUF_LIMIT(16 << 20),                              \
        .json = SPH_BUF_LIMIT(16 << 20)                                                            \
    }
void sph_sizes_output_done(struct sph_sizes_output *output);

/* With the `top` largest symbols of each program and library. 0 or -ENOMEM. */
int sph_sizes_write(const struct sph_sizes_input *input, unsigned top,
                    struct sph_sizes_output *ret_output) SPH_MUST_USE;
/* Parts that differ, and the `top` symbols that differ most. */
int sph_sizes_write_comparison(const struct sph_sizes_input *now,
                               const struct sph_sizes_input *before, unsigned top,
                               struct sph_sizes_output *ret_output) SPH_MUST_USE;

#define sph_autosizesoutput SPH_CLEANUP(sph_sizes_output_done)

#endif
