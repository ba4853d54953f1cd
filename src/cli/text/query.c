/* The evaluator walks the nodes; every value is a slice of JSON text, of the document's or of one
 * that was made on the way and is kept to the end of the run. Making text again and again costs
 * copies, but no second form of a value, and an answer of a device is some KiB.
 *
 * docs/adr/0012 has why no library does it. */
#include "cli/text/query.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json_out.h"
#include "cli/text/query_node.h"

struct sph_json_value sph_query_null(void) {
    return (struct sph_json_value){.type = SPH_JSON_NULL, .text = "null", .len = 4};
}

struct sph_json_value sph_query_bool(bool flag) {
    return (struct sph_json_value){
        .type = SPH_JSON_BOOL, .text = flag ? "true" : "false", .len = flag ? 4 : 5};
}

struct sph_json_value sph_query_fail(struct sph_query_run *run, int code, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    if (!run->error)
        run->error = sph_err_vset(run->err, code, __func__, fmt, args);
    va_end(args);
    return sph_query_null();
}

static struct sph_json_value fail_limit(struct sph_query_run *run) {
    return sph_query_fail(run, -EFBIG, "the query makes too much of this answer");
}

/* The first byte tells, as in all checked text. */
static struct sph_json_value value_of(const char *text, size_t len) {
    struct sph_json_value value = {.type = SPH_JSON_NUMBER, .text = text, .len = len};
    switch (text[0]) {
    case '{':
        value.type = SPH_JSON_OBJECT;
        break;
    case '[':
        value.type = SPH_JSON_ARRAY;
        break;
    case '"':
        value = (struct sph_json_value){
            .type = SPH_JSON_STRING, .text = text + 1, .len = len >= 2 ? len - 2 : 0};
        break;
    case 't':
    case 'f':
        value.type = SPH_JSON_BOOL;
        break;
    case 'n':
        value.type = SPH_JSON_NULL;
        break;
    default:
        break;
    }
    return value;
}

struct sph_json_value sph_query_keep(struct sph_query_run *run, struct sph_buf *buf) {
    if (run->error)
        return sph_query_null();
    size_t len = buf->len;
    if (buf->error == -EFBIG || len > SPH_QUERY_MEMORY_MAX - run->bytes)
        return fail_limit(run);
    struct sph_query_blob *blob = calloc(1, sizeof(*blob));
    char *text = blob ? sph_buf_take(buf) : NULL;
    if (!text || len == 0) {
        free(text);
        free(blob);
        return sph_query_fail(run, -ENOMEM, "cannot answer the query: no memory");
    }
    *blob = (struct sph_query_blob){.next = run->blobs, .text = text};
    run->blobs = blob;
    run->bytes += len;
    return value_of(text, len);
}

void sph_query_write(const struct sph_json_value *value, struct sph_buf *buf) {
    size_t quotes = value->type == SPH_JSON_STRING ? 1 : 0; /* they stand around the slice */
    sph_buf_append(buf, value->text - quotes, value->len + 2 * quotes);
}

void sph_query_write_item(const struct sph_json_value *value, struct sph_buf *buf) {
    sph_buf_puts(buf, buf->len == 0 ? "[" : ",");
    sph_query_write(value, buf);
}

struct sph_json_value sph_query_keep_array(struct sph_query_run *run, struct sph_buf *buf) {
    sph_buf_puts(buf, buf->len == 0 ? "[]" : "]");
    return sph_query_keep(run, buf);
}

/* The shortest text that reads as the same number. */
struct sph_json_value sph_query_number(struct sph_query_run *run, double number) {
    char text[40];
    if (!isfinite(number))
        return sph_query_fail(run, -EINVAL, "a number of the query's result is too large");
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_buf_puts(&buf, text);
    return sph_query_keep(run, &buf);
}

double sph_query_double(const struct sph_json_value *number) {
    char text[400]; /* of a double without exponent: 309 digits and a fraction */
    (void)snprintf(text, sizeof(text), "%.*s", number->len < 399 ? (int)number->len : 399,
                   number->text);
    return strtod(text, NULL);
}

bool sph_query_is_true(const struct sph_json_value *value) {
    struct sph_json_iter iter;
    struct sph_json_value item;
    switch (value->type) {
    case SPH_JSON_BOOL:
        return value->text[0] == 't';
    case SPH_JSON_STRING:
        return value->len > 0;
    case SPH_JSON_ARRAY:
    case SPH_JSON_OBJECT:
        sph_json_iter_init(&iter, value);
        return sph_json_next(&iter, NULL, &item);
    case SPH_JSON_NUMBER:
        return true;
    default:
        return false;
    }
}

/* Both as integers where they are, so that no bit of 64 is lost. */
static int order_numbers(const struct sph_json_value *a, const struct sph_json_value *b) {
    int64_t x, y;
    if (sph_json_to_i64(a, &x) == 0 && sph_json_to_i64(b, &y) == 0)
        return (x > y) - (x < y);
    double p = sph_query_double(a), q = sph_query_double(b);
    return (p > q) - (p < q);
}

/* -EILSEQ (a NUL inside) leaves the slice itself, escapes and all: equal texts stay equal. */
static bool read_string(struct sph_query_run *run, const struct sph_json_value *value,
                        struct sph_buf *buf) {
    if (sph_json_to_buf(value, buf) == -EILSEQ)
        sph_buf_append(buf, value->text, value->len);
    if (buf->error)
        (void)sph_query_fail(run, buf->error, "cannot answer the query: no memory");
    return !buf->error;
}

/* By code points, which is the order of the bytes. */
int sph_query_order(struct sph_query_run *run, const struct sph_json_value *a,
                    const struct sph_json_value *b) {
    if (a->type == SPH_JSON_NUMBER)
        return order_numbers(a, b);
    sph_autobuf struct sph_buf x = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    sph_autobuf struct sph_buf y = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    if (!read_string(run, a, &x) || !read_string(run, b, &y))
        return 0;
    int order = memcmp(x.data, y.data, x.len < y.len ? x.len : y.len);
    return order ? order : (x.len > y.len) - (x.len < y.len);
}

/* Every member of `a` is in `b`, and there are as many; of a key that is there twice, the last. */
static bool equal_objects(struct sph_query_run *run, const struct sph_json_value *a,
                          const struct sph_json_value *b) {
    struct sph_json_iter iter;
    struct sph_json_value key, value, other;
    size_t count = 0;
    sph_json_iter_init(&iter, a);
    while (sph_json_next(&iter, &key, &value)) {
        sph_autobuf struct sph_buf name = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
        if (!read_string(run, &key, &name) || !sph_json_get(b, name.data, &other) ||
            !sph_json_get(a, name.data, &value) || !sph_query_equal(run, &value, &other))
            return false;
        count++;
    }
    sph_json_iter_init(&iter, b);
    while (sph_json_next(&iter, &key, &value))
        count--;
    return count == 0;
}

static bool equal_arrays(struct sph_query_run *run, const struct sph_json_value *a,
                         const struct sph_json_value *b) {
    struct sph_json_iter left, right;
    struct sph_json_value x, y;
    sph_json_iter_init(&left, a);
    sph_json_iter_init(&right, b);
    while (sph_json_next(&left, NULL, &x))
        if (!sph_json_next(&right, NULL, &y) || !sph_query_equal(run, &x, &y))
            return false;
    return !sph_json_next(&right, NULL, &y);
}

bool sph_query_equal(struct sph_query_run *run, const struct sph_json_value *a,
                     const struct sph_json_value *b) {
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case SPH_JSON_NUMBER:
        return order_numbers(a, b) == 0;
    case SPH_JSON_OBJECT:
        return equal_objects(run, a, b);
    case SPH_JSON_ARRAY:
        return equal_arrays(run, a, b);
    case SPH_JSON_STRING: {
        sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
        return read_string(run, b, &text) && sph_json_is(a, text.data);
    }
    default:
        return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
    }
}

static size_t count_items(const struct sph_json_value *array) {
    struct sph_json_iter iter;
    struct sph_json_value item;
    size_t count = 0;
    sph_json_iter_init(&iter, array);
    while (sph_json_next(&iter, NULL, &item))
        count++;
    return count;
}

static struct sph_json_value eval_index(const struct sph_json_value *array, int64_t index) {
    struct sph_json_iter iter;
    struct sph_json_value item;
    if (array->type != SPH_JSON_ARRAY)
        return sph_query_null();
    if (index < 0)
        index += (int64_t)count_items(array);
    sph_json_iter_init(&iter, array);
    for (int64_t i = 0; index >= 0 && sph_json_next(&iter, NULL, &item); i++)
        if (i == index)
            return item;
    return sph_query_null();
}

/* One end of a slice: counted from the end when negative, and held in the bounds of a walk in the
 * direction of the step. */
static int64_t slice_end(int64_t at, int64_t count, bool forward) {
    if (at < 0)
        at = at < -count ? -1 : at + count;
    if (at < 0)
        return forward ? 0 : -1;
    return at < count ? at : forward ? count : count - 1;
}

/* All items first, since a step may be negative. */
static struct sph_json_value eval_slice(struct sph_query_run *run,
                                        const struct sph_query_node *node,
                                        const struct sph_json_value *array) {
    if (array->type != SPH_JSON_ARRAY)
        return sph_query_null();
    int64_t count = (int64_t)count_items(array), at = 0;
    sph_autofree struct sph_json_value *items = calloc((size_t)count + 1, sizeof(*items));
    if (!items)
        return sph_query_fail(run, -ENOMEM, "cannot answer the query: no memory");
    struct sph_json_iter iter;
    sph_json_iter_init(&iter, array);
    while (at < count && sph_json_next(&iter, NULL, &items[at]))
        at++;
    int64_t step = node->has_number[2] ? node->numbers[2] : 1;
    bool forward = step > 0;
    int64_t start = forward ? 0 : count - 1, stop = forward ? count : -1;
    if (node->has_number[0])
        start = slice_end(node->numbers[0], count, forward);
    if (node->has_number[1])
        stop = slice_end(node->numbers[1], count, forward);
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    for (at = start; forward ? at < stop : at > stop;) {
        sph_query_write_item(&items[at], &buf);
        if (__builtin_add_overflow(at, step, &at))
            break;
    }
    return sph_query_keep_array(run, &buf);
}

/* `right` on each item or value; what comes out as null is left out. */
static struct sph_json_value eval_projection(struct sph_query_run *run,
                                             const struct sph_query_node *node,
                                             const struct sph_json_value *current) {
    struct sph_json_value list = sph_query_eval(run, node->left, current), item;
    struct sph_json_iter iter;
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    if (list.type != (node->kind == SPH_QUERY_VALUES ? SPH_JSON_OBJECT : SPH_JSON_ARRAY))
        return sph_query_null();
    sph_json_iter_init(&iter, &list);
    while (!run->error && sph_json_next(&iter, NULL, &item)) {
        if (node->kind == SPH_QUERY_FILTER) {
            struct sph_json_value holds = sph_query_eval(run, node->third, &item);
            if (!sph_query_is_true(&holds))
                continue;
        }
        struct sph_json_value value = sph_query_eval(run, node->right, &item);
        if (value.type != SPH_JSON_NULL)
            sph_query_write_item(&value, &buf);
    }
    return sph_query_keep_array(run, &buf);
}

/* One level: arrays in the array are replaced by their items. */
static struct sph_json_value eval_flatten(struct sph_query_run *run,
                                          const struct sph_json_value *list) {
    struct sph_json_iter outer, inner;
    struct sph_json_value item, part;
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    if (list->type != SPH_JSON_ARRAY)
        return sph_query_null();
    sph_json_iter_init(&outer, list);
    while (sph_json_next(&outer, NULL, &item)) {
        if (item.type != SPH_JSON_ARRAY) {
            sph_query_write_item(&item, &buf);
            continue;
        }
        sph_json_iter_init(&inner, &item);
        while (sph_json_next(&inner, NULL, &part))
            sph_query_write_item(&part, &buf);
    }
    return sph_query_keep_array(run, &buf);
}

static struct sph_json_value eval_list(struct sph_query_run *run, const struct sph_query_node *node,
                                       const struct sph_json_value *current) {
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    if (current->type == SPH_JSON_NULL)
        return sph_query_null();
    for (unsigned at = node->left; at != 0; at = run->query->nodes[at].next) {
        struct sph_json_value value = sph_query_eval(run, at, current);
        sph_query_write_item(&value, &buf);
    }
    return sph_query_keep_array(run, &buf);
}

static struct sph_json_value eval_hash(struct sph_query_run *run, const struct sph_query_node *node,
                                       const struct sph_json_value *current) {
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    struct sph_json_out out;
    if (current->type == SPH_JSON_NULL)
        return sph_query_null();
    sph_json_begin(&out, &buf);
    sph_json_object(&out);
    for (unsigned at = node->left; at != 0; at = run->query->nodes[at].next) {
        const struct sph_query_node *member = &run->query->nodes[at];
        struct sph_json_value value = sph_query_eval(run, member->left, current);
        size_t quotes = value.type == SPH_JSON_STRING ? 1 : 0;
        sph_json_key(&out, member->text);
        sph_json_raw(&out, value.text - quotes, value.len + 2 * quotes);
    }
    sph_json_object_end(&out);
    return sph_query_keep(run, &buf);
}

/* Only numbers, and strings, have an order; of all else it is null. */
static struct sph_json_value eval_compare(struct sph_query_run *run,
                                          const struct sph_query_node *node,
                                          const struct sph_json_value *current) {
    struct sph_json_value a = sph_query_eval(run, node->left, current);
    struct sph_json_value b = sph_query_eval(run, node->right, current);
    if (node->compare == SPH_QUERY_EQ || node->compare == SPH_QUERY_NE)
        return sph_query_bool(sph_query_equal(run, &a, &b) == (node->compare == SPH_QUERY_EQ));
    if (a.type != b.type || (a.type != SPH_JSON_NUMBER && a.type != SPH_JSON_STRING))
        return sph_query_null();
    int order = sph_query_order(run, &a, &b);
    switch (node->compare) {
    case SPH_QUERY_LT:
        return sph_query_bool(order < 0);
    case SPH_QUERY_LE:
        return sph_query_bool(order <= 0);
    case SPH_QUERY_GT:
        return sph_query_bool(order > 0);
    default:
        return sph_query_bool(order >= 0);
    }
}

/* `a || b`, `a && b`: one of the two, not a truth. */
static struct sph_json_value eval_logic(struct sph_query_run *run,
                                        const struct sph_query_node *node,
                                        const struct sph_json_value *current) {
    struct sph_json_value left = sph_query_eval(run, node->left, current);
    bool take_left = sph_query_is_true(&left) == (node->kind == SPH_QUERY_OR);
    return take_left ? left : sph_query_eval(run, node->right, current);
}

static struct sph_json_value eval_node(struct sph_query_run *run, const struct sph_query_node *node,
                                       const struct sph_json_value *current) {
    struct sph_json_value value;
    switch (node->kind) {
    case SPH_QUERY_CURRENT:
        return *current;
    case SPH_QUERY_FIELD:
        return sph_json_get(current, node->text, &value) ? value : sph_query_null();
    case SPH_QUERY_INDEX:
        value = sph_query_eval(run, node->left, current);
        return eval_index(&value, node->numbers[0]);
    case SPH_QUERY_SLICE:
        value = sph_query_eval(run, node->left, current);
        return eval_slice(run, node, &value);
    case SPH_QUERY_CHAIN:
        value = sph_query_eval(run, node->left, current);
        return sph_query_eval(run, node->right, &value);
    case SPH_QUERY_PROJECT:
    case SPH_QUERY_VALUES:
    case SPH_QUERY_FILTER:
        return eval_projection(run, node, current);
    case SPH_QUERY_FLATTEN:
        value = sph_query_eval(run, node->left, current);
        return eval_flatten(run, &value);
    case SPH_QUERY_OR:
    case SPH_QUERY_AND:
        return eval_logic(run, node, current);
    case SPH_QUERY_NOT:
        value = sph_query_eval(run, node->left, current);
        return sph_query_bool(!sph_query_is_true(&value));
    case SPH_QUERY_COMPARE:
        return eval_compare(run, node, current);
    case SPH_QUERY_LITERAL:
        return value_of(node->text, node->text_len);
    case SPH_QUERY_LIST:
        return eval_list(run, node, current);
    case SPH_QUERY_HASH:
        return eval_hash(run, node, current);
    case SPH_QUERY_CALL:
        return sph_query_call(run, node, current);
    case SPH_QUERY_EXPREF:
    case SPH_QUERY_MEMBER:
        break; /* looked at by their parents */
    }
    return sph_query_null();
}

struct sph_json_value sph_query_eval(struct sph_query_run *run, unsigned node,
                                     const struct sph_json_value *current) {
    if (run->error)
        return sph_query_null();
    if (++run->steps > SPH_QUERY_STEPS_MAX)
        return fail_limit(run);
    return eval_node(run, &run->query->nodes[node], current);
}

static void free_blobs(struct sph_query_blob *blob) {
    while (blob) {
        struct sph_query_blob *next = blob->next;
        free(blob->text);
        free(blob);
        blob = next;
    }
}

int sph_query_run(struct sph_query *query, const struct sph_json_value *top,
                  struct sph_buf *ret_json, struct sph_err *err) {
    struct sph_query_run run = {.query = query, .err = err};
    struct sph_json_value value = sph_query_eval(&run, query->root, top);
    if (!run.error)
        sph_query_write(&value, ret_json);
    free_blobs(run.blobs);
    if (run.error)
        return run.error;
    return ret_json->error ? SPH_FAIL_ERRNO(err, ret_json->error, "cannot write the query's result")
                           : 0;
}
