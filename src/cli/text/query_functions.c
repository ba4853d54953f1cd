/* The functions that a query can call, in a table that says what each takes: the check of arguments
 * is one loop, and the functions themselves meet only what they can use. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json_out.h"
#include "base/text.h"
#include "cli/text/query_node.h"

enum { ARGUMENTS_MAX = 32 };

/* What an argument may be: bits, so that one may be several things. */
enum {
    A_NULL = 1 << 0,
    A_BOOL = 1 << 1,
    A_NUMBER = 1 << 2,
    A_STRING = 1 << 3,
    A_ARRAY = 1 << 4,
    A_OBJECT = 1 << 5,
    A_NUMBERS = 1 << 6, /* an array of nothing else */
    A_STRINGS = 1 << 7,
    A_EXPREF = 1 << 8,
    A_ANY = A_NULL | A_BOOL | A_NUMBER | A_STRING | A_ARRAY | A_OBJECT,
};

typedef struct sph_json_value value_t;

/* One call: `values` of expression references are not set. */
struct call {
    struct sph_query_run *run;
    const value_t *values;
    unsigned count;
    unsigned expref; /* the node below the only reference, or 0 */
};

typedef value_t function_fn(const struct call *call);

/* All items of an array, in memory of their own; NULL (and the run failed) without memory. */
static value_t *read_items(struct sph_query_run *run, const value_t *array, size_t *ret_count) {
    struct sph_json_iter iter;
    value_t item;
    size_t count = 0;
    sph_json_iter_init(&iter, array);
    while (sph_json_next(&iter, NULL, &item))
        count++;
    value_t *items = calloc(count + 1, sizeof(*items));
    if (!items) {
        (void)sph_query_fail(run, -ENOMEM, "cannot answer the query: no memory");
        return NULL;
    }
    sph_json_iter_init(&iter, array);
    for (size_t i = 0; i < count && sph_json_next(&iter, NULL, &items[i]); i++)
        continue;
    *ret_count = count;
    return items;
}

static void read_string(struct sph_query_run *run, const value_t *value, struct sph_buf *buf) {
    int r = sph_json_to_buf(value, buf);
    if (r == -EILSEQ)
        (void)sph_query_fail(run, -EINVAL, "the query meets a string with a NUL inside");
    else if (r < 0)
        (void)sph_query_fail(run, r, "cannot answer the query: no memory");
}

static value_t string_value(struct sph_query_run *run, const char *text, size_t len) {
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    struct sph_json_out out;
    sph_json_begin(&out, &buf);
    sph_json_string_n(&out, text, len);
    return sph_query_keep(run, &buf);
}

static value_t integer_value(struct sph_query_run *run, int64_t number) {
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_buf_printf(&buf, "%lld", (long long)number);
    return sph_query_keep(run, &buf);
}

static value_t call_abs(const struct call *call) {
    const value_t *number = &call->values[0];
    if (number->text[0] != '-')
        return *number;
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    sph_buf_append(&buf, number->text + 1, number->len - 1);
    return sph_query_keep(call->run, &buf);
}

/* Of all integers as one, so that a sum of bytes is exact to the last. */
static value_t call_sum(const struct call *call) {
    struct sph_json_iter iter;
    value_t item;
    int64_t whole = 0, part;
    double sum = 0;
    bool exact = true;
    sph_json_iter_init(&iter, &call->values[0]);
    while (sph_json_next(&iter, NULL, &item)) {
        sum += sph_query_double(&item);
        exact = exact && sph_json_to_i64(&item, &part) == 0 &&
                !__builtin_add_overflow(whole, part, &whole);
    }
    return exact ? integer_value(call->run, whole) : sph_query_number(call->run, sum);
}

static value_t call_avg(const struct call *call) {
    struct sph_json_iter iter;
    value_t item;
    double sum = 0, count = 0;
    sph_json_iter_init(&iter, &call->values[0]);
    while (sph_json_next(&iter, NULL, &item)) {
        sum += sph_query_double(&item);
        count++;
    }
    return count > 0 ? sph_query_number(call->run, sum / count) : sph_query_null();
}

static value_t call_ceil(const struct call *call) {
    return sph_query_number(call->run, ceil(sph_query_double(&call->values[0])));
}

static value_t call_floor(const struct call *call) {
    return sph_query_number(call->run, floor(sph_query_double(&call->values[0])));
}

static value_t call_contains(const struct call *call) {
    const value_t *subject = &call->values[0], *search = &call->values[1];
    if (subject->type == SPH_JSON_ARRAY) {
        struct sph_json_iter iter;
        value_t item;
        sph_json_iter_init(&iter, subject);
        while (sph_json_next(&iter, NULL, &item))
            if (sph_query_equal(call->run, &item, search))
                return sph_query_bool(true);
        return sph_query_bool(false);
    }
    if (search->type != SPH_JSON_STRING)
        return sph_query_bool(false);
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    sph_autobuf struct sph_buf word = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    read_string(call->run, subject, &text);
    read_string(call->run, search, &word);
    return sph_query_bool(!call->run->error && strstr(text.data, word.data) != NULL);
}

/* Whether the second string stands at the first one's beginning, or at its end. */
static value_t stands_at(const struct call *call, bool end) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    sph_autobuf struct sph_buf word = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    read_string(call->run, &call->values[0], &text);
    read_string(call->run, &call->values[1], &word);
    if (call->run->error || word.len > text.len)
        return sph_query_bool(false);
    const char *at = text.data + (end ? text.len - word.len : 0);
    return sph_query_bool(memcmp(at, word.data, word.len) == 0);
}

static value_t call_starts_with(const struct call *call) {
    return stands_at(call, false);
}

static value_t call_ends_with(const struct call *call) {
    return stands_at(call, true);
}

static value_t call_join(const struct call *call) {
    struct sph_json_iter iter;
    value_t item;
    sph_autobuf struct sph_buf glue = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    bool first = true;
    read_string(call->run, &call->values[0], &glue);
    sph_buf_puts(&text, "");
    sph_json_iter_init(&iter, &call->values[1]);
    while (!call->run->error && sph_json_next(&iter, NULL, &item)) {
        if (!first)
            sph_buf_append(&text, glue.data, glue.len);
        first = false;
        read_string(call->run, &item, &text);
    }
    if (text.error)
        return sph_query_fail(call->run, text.error, "the query makes too much of this answer");
    return string_value(call->run, text.data, text.len);
}

/* Keys, values or both of an object, whose keys are taken as they come. */
static value_t members(const struct call *call, bool keys) {
    struct sph_json_iter iter;
    value_t key, value;
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    sph_json_iter_init(&iter, &call->values[0]);
    while (sph_json_next(&iter, &key, &value))
        sph_query_write_item(keys ? &key : &value, &buf);
    return sph_query_keep_array(call->run, &buf);
}

static value_t call_keys(const struct call *call) {
    return members(call, true);
}

static value_t call_values(const struct call *call) {
    return members(call, false);
}

/* Characters of a string, items of an array, members of an object. */
static value_t call_length(const struct call *call) {
    const value_t *value = &call->values[0];
    int64_t length = 0;
    if (value->type == SPH_JSON_STRING) {
        sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
        read_string(call->run, value, &text);
        for (size_t i = 0; !call->run->error && i < text.len; i++)
            length += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    } else {
        struct sph_json_iter iter;
        value_t item;
        sph_json_iter_init(&iter, value);
        while (sph_json_next(&iter, NULL, &item))
            length++;
    }
    return integer_value(call->run, length);
}

static value_t call_map(const struct call *call) {
    struct sph_json_iter iter;
    value_t item;
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    sph_json_iter_init(&iter, &call->values[1]);
    while (!call->run->error && sph_json_next(&iter, NULL, &item)) {
        value_t value = sph_query_eval(call->run, call->expref, &item);
        sph_query_write_item(&value, &buf);
    }
    return sph_query_keep_array(call->run, &buf);
}

/* An item, what it is ordered by, and its place, which keeps equal ones in their order. */
struct ranked {
    value_t item, key;
    size_t place;
    struct sph_query_run *run;
};

static int compare_ranked(const void *left, const void *right) {
    const struct ranked *a = left, *b = right;
    int order = sph_query_order(a->run, &a->key, &b->key);
    return order ? order : (a->place > b->place) - (a->place < b->place);
}

/* The items with their keys, by the reference where there is one; all keys are numbers, or all
 * strings. NULL when the run failed. */
static struct ranked *rank(const struct call *call, const char *name, size_t *ret_count) {
    size_t count = 0;
    sph_autofree value_t *items = read_items(call->run, &call->values[0], &count);
    struct ranked *rows = items ? calloc(count + 1, sizeof(*rows)) : NULL;
    if (!rows) {
        (void)sph_query_fail(call->run, -ENOMEM, "cannot answer the query: no memory");
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct ranked){.item = items[i], .key = items[i], .place = i, .run = call->run};
        if (call->expref)
            rows[i].key = sph_query_eval(call->run, call->expref, &items[i]);
        enum sph_json_type type = rows[i].key.type;
        if ((type != SPH_JSON_NUMBER && type != SPH_JSON_STRING) || type != rows[0].key.type)
            (void)sph_query_fail(
                call->run, -EINVAL,
                "%s() of the query orders numbers or strings, not both and nothing "
                "else",
                name);
    }
    if (call->run->error) {
        free(rows);
        return NULL;
    }
    *ret_count = count;
    return rows;
}

static value_t sorted(const struct call *call, const char *name) {
    size_t count = 0;
    sph_autofree struct ranked *rows = rank(call, name, &count);
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    if (!rows)
        return sph_query_null();
    qsort(rows, count, sizeof(*rows), compare_ranked);
    for (size_t i = 0; i < count; i++)
        sph_query_write_item(&rows[i].item, &buf);
    return sph_query_keep_array(call->run, &buf);
}

static value_t call_sort(const struct call *call) {
    return sorted(call, "sort");
}

static value_t call_sort_by(const struct call *call) {
    return sorted(call, "sort_by");
}

/* The first of equal ones; null of none. */
static value_t extreme(const struct call *call, const char *name, int sign) {
    size_t count = 0;
    sph_autofree struct ranked *rows = rank(call, name, &count);
    if (!rows || count == 0)
        return sph_query_null();
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (sph_query_order(call->run, &rows[i].key, &rows[best].key) * sign > 0)
            best = i;
    return rows[best].item;
}

static value_t call_max(const struct call *call) {
    return extreme(call, "max", 1);
}

static value_t call_max_by(const struct call *call) {
    return extreme(call, "max_by", 1);
}

static value_t call_min(const struct call *call) {
    return extreme(call, "min", -1);
}

static value_t call_min_by(const struct call *call) {
    return extreme(call, "min_by", -1);
}

/* A key stays where it was first, with its last value: later ones are looked for at each. */
static value_t call_merge(const struct call *call) {
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    sph_buf_puts(&buf, "{");
    for (unsigned i = 0; i < call->count; i++) {
        struct sph_json_iter iter;
        value_t key, value, other;
        sph_json_iter_init(&iter, &call->values[i]);
        while (!call->run->error && sph_json_next(&iter, &key, &value)) {
            sph_autobuf struct sph_buf name = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
            bool known = false;
            read_string(call->run, &key, &name);
            for (unsigned k = 0; k < i && !call->run->error; k++)
                known |= sph_json_get(&call->values[k], name.data, &other);
            if (known || call->run->error)
                continue;
            for (unsigned k = i; k < call->count; k++)
                if (sph_json_get(&call->values[k], name.data, &other))
                    value = other;
            sph_buf_puts(&buf, buf.len > 1 ? "," : "");
            sph_query_write(&key, &buf);
            sph_buf_puts(&buf, ":");
            sph_query_write(&value, &buf);
        }
    }
    sph_buf_puts(&buf, "}");
    return sph_query_keep(call->run, &buf);
}

static value_t call_not_null(const struct call *call) {
    for (unsigned i = 0; i < call->count; i++)
        if (call->values[i].type != SPH_JSON_NULL)
            return call->values[i];
    return sph_query_null();
}

static value_t reverse_string(const struct call *call) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    sph_autobuf struct sph_buf back = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    read_string(call->run, &call->values[0], &text);
    if (call->run->error)
        return sph_query_null();
    sph_buf_puts(&back, "");
    for (size_t end = text.len; end > 0;) {
        size_t start = end - 1;
        while (start > 0 && ((unsigned char)text.data[start] & 0xc0) == 0x80)
            start--;
        sph_buf_append(&back, text.data + start, end - start);
        end = start;
    }
    if (back.error)
        return sph_query_fail(call->run, back.error, "cannot answer the query: no memory");
    return string_value(call->run, back.data, back.len);
}

static value_t call_reverse(const struct call *call) {
    if (call->values[0].type == SPH_JSON_STRING)
        return reverse_string(call);
    size_t count = 0;
    sph_autofree value_t *items = read_items(call->run, &call->values[0], &count);
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    for (size_t i = count; items && i > 0; i--)
        sph_query_write_item(&items[i - 1], &buf);
    return sph_query_keep_array(call->run, &buf);
}

static value_t call_to_array(const struct call *call) {
    if (call->values[0].type == SPH_JSON_ARRAY)
        return call->values[0];
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    sph_query_write_item(&call->values[0], &buf);
    return sph_query_keep_array(call->run, &buf);
}

static value_t call_to_string(const struct call *call) {
    const value_t *value = &call->values[0];
    return value->type == SPH_JSON_STRING ? *value
                                          : string_value(call->run, value->text, value->len);
}

/* Null for a string that is no number of JSON's. */
static value_t call_to_number(const struct call *call) {
    const value_t *value = &call->values[0];
    value_t number;
    if (value->type == SPH_JSON_NUMBER)
        return *value;
    if (value->type != SPH_JSON_STRING ||
        sph_json_check(value->text, value->len, &number, NULL) < 0)
        return sph_query_null();
    return number.type == SPH_JSON_NUMBER ? number : sph_query_null();
}

static const char *type_name(const value_t *value) {
    switch (value->type) {
    case SPH_JSON_BOOL:
        return "boolean";
    case SPH_JSON_NUMBER:
        return "number";
    case SPH_JSON_STRING:
        return "string";
    case SPH_JSON_ARRAY:
        return "array";
    case SPH_JSON_OBJECT:
        return "object";
    default:
        return "null";
    }
}

static value_t call_type(const struct call *call) {
    const char *name = type_name(&call->values[0]);
    return string_value(call->run, name, strlen(name));
}

/* `takes` of the last argument holds for all that follow it; `most` 0 is no limit. */
static const struct function {
    const char *name;
    function_fn *call;
    unsigned least, most;
    unsigned takes[2];
} functions[] = {
    {"abs", call_abs, 1, 1, {A_NUMBER, 0}},
    {"avg", call_avg, 1, 1, {A_NUMBERS, 0}},
    {"ceil", call_ceil, 1, 1, {A_NUMBER, 0}},
    {"contains", call_contains, 2, 2, {A_STRING | A_ARRAY, A_ANY}},
    {"ends_with", call_ends_with, 2, 2, {A_STRING, A_STRING}},
    {"floor", call_floor, 1, 1, {A_NUMBER, 0}},
    {"join", call_join, 2, 2, {A_STRING, A_STRINGS}},
    {"keys", call_keys, 1, 1, {A_OBJECT, 0}},
    {"length", call_length, 1, 1, {A_STRING | A_ARRAY | A_OBJECT, 0}},
    {"map", call_map, 2, 2, {A_EXPREF, A_ARRAY}},
    {"max", call_max, 1, 1, {A_NUMBERS | A_STRINGS, 0}},
    {"max_by", call_max_by, 2, 2, {A_ARRAY, A_EXPREF}},
    {"merge", call_merge, 1, 0, {A_OBJECT, A_OBJECT}},
    {"min", call_min, 1, 1, {A_NUMBERS | A_STRINGS, 0}},
    {"min_by", call_min_by, 2, 2, {A_ARRAY, A_EXPREF}},
    {"not_null", call_not_null, 1, 0, {A_ANY, A_ANY}},
    {"reverse", call_reverse, 1, 1, {A_STRING | A_ARRAY, 0}},
    {"sort", call_sort, 1, 1, {A_NUMBERS | A_STRINGS, 0}},
    {"sort_by", call_sort_by, 2, 2, {A_ARRAY, A_EXPREF}},
    {"starts_with", call_starts_with, 2, 2, {A_STRING, A_STRING}},
    {"sum", call_sum, 1, 1, {A_NUMBERS, 0}},
    {"to_array", call_to_array, 1, 1, {A_ANY, 0}},
    {"to_number", call_to_number, 1, 1, {A_ANY, 0}},
    {"to_string", call_to_string, 1, 1, {A_ANY, 0}},
    {"type", call_type, 1, 1, {A_ANY, 0}},
    {"values", call_values, 1, 1, {A_OBJECT, 0}},
};

static const struct function *find(const char *name) {
    for (size_t i = 0; i < SPH_ARRAY_SIZE(functions); i++)
        if (strcmp(functions[i].name, name) == 0)
            return &functions[i];
    return NULL;
}

static unsigned takes(const struct function *function, unsigned argument) {
    return function->takes[argument < 1 ? 0 : 1];
}

int sph_query_check_call(const char *name, unsigned count, unsigned exprefs, struct sph_err *err) {
    const struct function *function = find(name);
    if (!function)
        return SPH_FAIL(err, -EINVAL, "the query calls '%s', which is no function here", name);
    if (count < function->least || (function->most && count > function->most) ||
        count > ARGUMENTS_MAX)
        return SPH_FAIL(err, -EINVAL, "%s() of the query takes %s%u argument%s, not %u", name,
                        function->most ? "" : "at least ", function->least,
                        function->least == 1 ? "" : "s", count);
    for (unsigned i = 0; i < count; i++)
        if ((takes(function, i) == A_EXPREF) != ((exprefs >> i & 1) != 0))
            return SPH_FAIL(err, -EINVAL,
                            "argument %u of %s() in the query %s an expression with &", i + 1, name,
                            exprefs >> i & 1 ? "cannot be" : "must be");
    return 0;
}

static bool all_are(const value_t *array, enum sph_json_type type) {
    struct sph_json_iter iter;
    value_t item;
    sph_json_iter_init(&iter, array);
    while (sph_json_next(&iter, NULL, &item))
        if (item.type != type)
            return false;
    return true;
}

static bool fits(const value_t *value, unsigned wanted) {
    static const unsigned bits[] = {
        [SPH_JSON_NULL] = A_NULL,     [SPH_JSON_BOOL] = A_BOOL,   [SPH_JSON_NUMBER] = A_NUMBER,
        [SPH_JSON_STRING] = A_STRING, [SPH_JSON_ARRAY] = A_ARRAY, [SPH_JSON_OBJECT] = A_OBJECT};
    if (wanted & bits[value->type])
        return true;
    return value->type == SPH_JSON_ARRAY &&
           (((wanted & A_NUMBERS) && all_are(value, SPH_JSON_NUMBER)) ||
            ((wanted & A_STRINGS) && all_are(value, SPH_JSON_STRING)));
}

static void name_types(unsigned wanted, char *text, size_t size) {
    static const char *const names[] = {
        "null",      "a boolean",           "a number",           "a string", "an array",
        "an object", "an array of numbers", "an array of strings"};
    size_t used = 0;
    for (unsigned i = 0; i < SPH_ARRAY_SIZE(names); i++)
        if (wanted & 1u << i && used < size)
            used +=
                (size_t)snprintf(text + used, size - used, "%s%s", used ? " or " : "", names[i]);
}

struct sph_json_value sph_query_call(struct sph_query_run *run, const struct sph_query_node *node,
                                     const struct sph_json_value *current) {
    const struct function *function = find(node->text);
    value_t values[ARGUMENTS_MAX];
    struct call call = {.run = run, .values = values};
    for (unsigned at = node->left; at != 0; at = run->query->nodes[at].next) {
        const struct sph_query_node *argument = &run->query->nodes[at];
        unsigned wanted = takes(function, call.count);
        value_t *value = &values[call.count++];
        *value = sph_query_null();
        if (argument->kind == SPH_QUERY_EXPREF) {
            call.expref = argument->left;
            continue;
        }
        *value = sph_query_eval(run, at, current);
        if (!run->error && !fits(value, wanted)) {
            char text[120] = "";
            name_types(wanted, text, sizeof(text));
            return sph_query_fail(run, -EINVAL, "%s() of the query takes %s, not %s%s", node->text,
                                  text, value->type == SPH_JSON_NULL ? "" : "this ",
                                  type_name(value));
        }
    }
    return run->error ? sph_query_null() : function->call(&call);
}
