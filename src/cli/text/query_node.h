/* query_node: an expression as its parser leaves it, and what its evaluator lends the functions. */
#ifndef SPH_CLI_TEXT_QUERY_NODE_H
#define SPH_CLI_TEXT_QUERY_NODE_H

#include "cli/text/query.h"

/* `left` and `right` are the operands; what else a node has stands beside it. */
enum sph_query_kind {
    SPH_QUERY_CURRENT, /* @, and what a projection without a tail does with an item */
    SPH_QUERY_FIELD,   /* text */
    SPH_QUERY_INDEX,   /* left, numbers[0] */
    SPH_QUERY_SLICE,   /* left, numbers: start, stop, step */
    SPH_QUERY_CHAIN,   /* left, then right on its result: a dot or a pipe */
    SPH_QUERY_PROJECT, /* left is an array: right on each item */
    SPH_QUERY_VALUES,  /* left is an object: right on each value */
    SPH_QUERY_FILTER,  /* left is an array: right on each item for which `third` holds */
    SPH_QUERY_FLATTEN, /* left */
    SPH_QUERY_OR,
    SPH_QUERY_AND,
    SPH_QUERY_NOT, /* left */
    SPH_QUERY_COMPARE,
    SPH_QUERY_LITERAL, /* text is JSON */
    SPH_QUERY_LIST,    /* children from left on, by `next` */
    SPH_QUERY_HASH,    /* the same; each child is a SPH_QUERY_MEMBER */
    SPH_QUERY_MEMBER,  /* text is the key, left the value */
    SPH_QUERY_CALL,    /* text is the name, children from left on */
    SPH_QUERY_EXPREF,  /* left; only as an argument */
};

enum sph_query_compare {
    SPH_QUERY_EQ,
    SPH_QUERY_NE,
    SPH_QUERY_LT,
    SPH_QUERY_LE,
    SPH_QUERY_GT,
    SPH_QUERY_GE
};

/* Nodes are named by their place in the query; 0 is none. */
struct sph_query_node {
    enum sph_query_kind kind;
    unsigned left, right, third, next;
    enum sph_query_compare compare;
    int64_t numbers[3];
    bool has_number[3];
    char *text; /* owned */
    size_t text_len;
};

/* A text that an evaluation made; freed with the run. */
struct sph_query_blob {
    struct sph_query_blob *next;
    char *text;
};

struct sph_query {
    struct sph_query_node nodes[SPH_QUERY_NODES_MAX];
    unsigned count; /* nodes[0] is not used */
    unsigned root;
};

/* One run. Failures are sticky: after one every value is null, and the run ends with it. */
struct sph_query_run {
    const struct sph_query *query;
    struct sph_query_blob *blobs;
    size_t bytes; /* of all blobs */
    unsigned long steps;
    int error;
    struct sph_err *err;
};

/* Fails the run, unless it has failed before. Returns null. */
struct sph_json_value sph_query_fail(struct sph_query_run *run, int code, const char *fmt, ...)
    SPH_PRINTF(3, 4);
/* The buffer's text as a value that lasts as long as the run. The text is valid JSON; the buffer is
 * empty after. */
struct sph_json_value sph_query_keep(struct sph_query_run *run, struct sph_buf *buf);
struct sph_json_value sph_query_null(void);
struct sph_json_value sph_query_bool(bool flag);
struct sph_json_value sph_query_number(struct sph_query_run *run, double number);
/* The expression of that node on that value. */
struct sph_json_value sph_query_eval(struct sph_query_run *run, unsigned node,
                                     const struct sph_json_value *current);
/* False for null, false, and what is empty. */
bool sph_query_is_true(const struct sph_json_value *value);
bool sph_query_equal(struct sph_query_run *run, const struct sph_json_value *a,
                     const struct sph_json_value *b);
/* Less than, equal to or greater than 0. Both are numbers, or both strings. */
int sph_query_order(struct sph_query_run *run, const struct sph_json_value *a,
                    const struct sph_json_value *b);
/* Infinity for a number that no double holds. */
double sph_query_double(const struct sph_json_value *number);
/* Appends the value as JSON, strings with their quotes. */
void sph_query_write(const struct sph_json_value *value, struct sph_buf *buf);
/* Appends an item to an array that is being written: "[" or "," first. */
void sph_query_write_item(const struct sph_json_value *value, struct sph_buf *buf);
/* Ends it: "]", or "[]" for no item. */
struct sph_json_value sph_query_keep_array(struct sph_query_run *run, struct sph_buf *buf);
/* Function `node` (SPH_QUERY_CALL). */
struct sph_json_value sph_query_call(struct sph_query_run *run, const struct sph_query_node *node,
                                     const struct sph_json_value *current);
/* For the parser: whether there is such a function, with so many arguments, and -EINVAL with a
 * sentence if not. `exprefs` has a bit for each argument that is an expression reference. */
int sph_query_check_call(const char *name, unsigned count, unsigned exprefs, struct sph_err *err);

#endif
