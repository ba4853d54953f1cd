/* query: a JMESPath expression taken to a JSON text: what --query does.
 *
 * All of the language's grammar and 26 of its functions (docs/spec/cli.md, section 7). Pure. No
 * value is a tree: those of the document are slices of its text, and what an expression makes is
 * written as text, too. */
#ifndef SPH_CLI_TEXT_QUERY_H
#define SPH_CLI_TEXT_QUERY_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json_in.h"

enum {
    SPH_QUERY_BYTES_MAX = 4096,           /* of an expression: hand-written ones have some 100 */
    SPH_QUERY_NODES_MAX = 512,            /* parts of an expression, and levels of a result */
    SPH_QUERY_MEMORY_MAX = 64 << 20,      /* bytes of all that one run makes */
    SPH_QUERY_STEPS_MAX = 8 * 1000 * 1000 /* parts of the expression looked at in one run */
};

/* An expression that was understood; it may be run many times. */
struct sph_query;

/* -EINVAL with a sentence that names the place of the mistake; -ENOMEM. *ret_query is the caller's
 * to free. */
int sph_query_parse(const char *expression, struct sph_query **ret_query,
                    struct sph_err *err) SPH_MUST_USE;
/* Returns NULL. Takes NULL. */
struct sph_query *sph_query_free(struct sph_query *query);

/* Appends the result to ret_json, compact. Members keep the order that the document or the
 * expression has. -EINVAL with a sentence when a function gets what it does not take, -EFBIG when
 * the expression makes more than the limits above; -ENOMEM. `top` is a value of checked text. */
int sph_query_run(struct sph_query *query, const struct sph_json_value *top,
                  struct sph_buf *ret_json, struct sph_err *err) SPH_MUST_USE;

static inline void sph_query_freep_(struct sph_query **query) {
    *query = sph_query_free(*query);
}
#define sph_autoquery SPH_CLEANUP(sph_query_freep_)

#endif
