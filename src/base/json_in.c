/* Two stages. sph_json_check reads all of the text once, as strictly as RFC 8259 allows, with a bit
 * per level in place of recursion. After it, values are slices of that text, and moving over them
 * needs only brackets and quotes. A tree was rejected: it costs memory in proportion to what a
 * stranger sends. */
#include "base/json_in.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { DEPTH_MAX = 32 /* levels; the deepest manifest has 4 */ };

/* The state of one check. Levels are bits of a word instead of frames of a stack, so that a text of
 * brackets costs nothing before it is refused. */
struct checker {
    const char *text;
    size_t len;
    size_t pos;
    uint32_t is_object; /* a bit per level: object, else array */
    unsigned depth;
    struct sph_err *err;
};

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* The byte at the position, or NUL at the end; a NUL byte in the text is no part of JSON either. */
static char peek(const struct checker *in) {
    return in->pos < in->len ? in->text[in->pos] : (char)0;
}

static void skip_blanks(struct checker *in) {
    while (in->pos < in->len && is_blank(in->text[in->pos]))
        in->pos++;
}

/* From the start each time: only failures ask, and a table of lines would be memory for nothing. */
void sph_json_position(const char *text, size_t offset, unsigned *ret_line, unsigned *ret_column) {
    unsigned line = 1, column = 1;
    for (size_t i = 0; i < offset; i++) {
        column++;
        if (text[i] == '\n') {
            line++;
            column = 1;
        }
    }
    *ret_line = line;
    *ret_column = column;
}

/* Line and column are counted only here: the good path never pays for them. */
static int fail(const struct checker *in, const char *problem) {
    unsigned line, column;
    sph_json_position(in->text, in->pos, &line, &column);
    return SPH_FAIL(in->err, -EBADMSG, "line %u, column %u: %s", line, column, problem);
}

/* "expected X, but found Y" */
static int fail_expected(const struct checker *in, const char *expected) {
    char found[32] = "the end of the text";
    if (in->pos < in->len) {
        unsigned char byte = (unsigned char)in->text[in->pos];
        if (byte > 0x20 && byte < 0x7f)
            (void)snprintf(found, sizeof(found), "'%c'", byte);
        else
            (void)snprintf(found, sizeof(found), "byte 0x%02x", byte);
    }
    char problem[160];
    (void)snprintf(problem, sizeof(problem), "expected %s, but found %s", expected, found);
    return fail(in, problem);
}

static int hex_value(char c) {
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits at `text`; -1 when they are not. */
static int hex_unit(const char *text, size_t len) {
    int unit = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < len ? hex_value(text[i]) : -1;
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static bool is_high_surrogate(int unit) {
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(int unit) {
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* At the 'u' of an escape. Half of a pair alone has no form in UTF-8. */
static int check_unicode_escape(struct checker *in) {
    const char *at = in->text + in->pos;
    size_t left = in->len - in->pos;
    int unit = hex_unit(at + 1, left - 1);
    if (unit < 0)
        return fail(in, "expected four hexadecimal digits after \\u");
    if (!is_high_surrogate(unit) && !is_low_surrogate(unit)) {
        in->pos += 5;
        return 0;
    }
    bool pair = is_high_surrogate(unit) && left >= 11 && at[5] == '\\' && at[6] == 'u' &&
                is_low_surrogate(hex_unit(at + 7, left - 7));
    if (!pair)
        return fail(in, "expected a pair of surrogates, but found half of one");
    in->pos += 11;
    return 0;
}

/* At the backslash. */
static int check_escape(struct checker *in) {
    in->pos++;
    char c = peek(in);
    if (c == 'u')
        return check_unicode_escape(in);
    if (c == '\0' || !strchr("\"\\/bfnrt", c))
        return fail_expected(in, "one of \"\\/bfnrtu after a backslash");
    in->pos++;
    return 0;
}

/* At the opening quote; ends past the closing one. Bytes from 0x80 on must be whole UTF-8
 * characters, since values are handed out as slices of this text. */
static int check_string(struct checker *in) {
    in->pos++;
    while (in->pos < in->len) {
        unsigned char byte = (unsigned char)in->text[in->pos];
        if (byte == '"') {
            in->pos++;
            return 0;
        }
        if (byte == '\\') {
            int result = check_escape(in);
            if (result < 0)
                return result;
            continue;
        }
        if (byte < 0x20)
            return fail_expected(in, "control characters in a string as \\u escapes");
        size_t step = sph_utf8_step(in->text + in->pos, in->len - in->pos);
        if (step == 0)
            return fail_expected(in, "UTF-8");
        in->pos += step;
    }
    return fail_expected(in, "'\"' at the end of the string");
}

/* One at least. */
static int check_digits(struct checker *in) {
    if (!is_digit(peek(in)))
        return fail_expected(in, "a digit");
    while (is_digit(peek(in)))
        in->pos++;
    return 0;
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?; what may follow is the caller's matter. */
static int check_number(struct checker *in) {
    if (peek(in) == '-')
        in->pos++;
    bool zero = peek(in) == '0';
    size_t first = in->pos;
    int result = check_digits(in);
    if (result == 0 && zero && in->pos > first + 1) {
        in->pos = first + 1;
        return fail(in, "expected a number without leading zeros");
    }
    if (result == 0 && peek(in) == '.') {
        in->pos++;
        result = check_digits(in);
    }
    if (result == 0 && (peek(in) == 'e' || peek(in) == 'E')) {
        in->pos++;
        if (peek(in) == '+' || peek(in) == '-')
            in->pos++;
        result = check_digits(in);
    }
    return result;
}

/* What follows the word is looked at by whoever expects a comma or the end, so "nullx" fails there.
 */
static int check_word(struct checker *in, const char *word) {
    size_t size = strlen(word);
    if (in->len - in->pos < size || memcmp(in->text + in->pos, word, size) != 0)
        return fail_expected(in, "a value");
    in->pos += size;
    return 0;
}

/* A value that holds no other. */
static int check_scalar(struct checker *in) {
    switch (peek(in)) {
    case '"':
        return check_string(in);
    case 't':
        return check_word(in, "true");
    case 'f':
        return check_word(in, "false");
    case 'n':
        return check_word(in, "null");
    default:
        if (peek(in) == '-' || is_digit(peek(in)))
            return check_number(in);
        return fail_expected(in, "a value");
    }
}

/* Is the innermost open level an object? Not at the top. */
static bool in_object(const struct checker *in) {
    return in->depth > 0 && (in->is_object >> (in->depth - 1) & 1);
}

/* At an opening bracket. */
static int enter(struct checker *in) {
    if (in->depth == DEPTH_MAX)
        return fail(in, "expected at most 32 levels of objects and arrays");
    uint32_t bit = (uint32_t)1 << in->depth++;
    in->is_object = peek(in) == '{' ? in->is_object | bit : in->is_object & ~bit;
    in->pos++;
    return 0;
}

/* Before a member: its key and colon. Nothing to do in an array. */
static int check_key(struct checker *in) {
    if (!in_object(in))
        return 0;
    skip_blanks(in);
    if (peek(in) != '"')
        return fail_expected(in, "a key in double quotes");
    int result = check_string(in);
    if (result < 0)
        return result;
    skip_blanks(in);
    if (peek(in) != ':')
        return fail_expected(in, "':' after the key");
    in->pos++;
    return 0;
}

/* After a value: closes levels until a comma asks for another value, or the top level is reached.
 */
static int check_after_value(struct checker *in) {
    while (in->depth > 0) {
        skip_blanks(in);
        if (peek(in) == ',') {
            in->pos++;
            return check_key(in);
        }
        if (peek(in) != (in_object(in) ? '}' : ']'))
            return fail_expected(in, in_object(in) ? "',' or '}'" : "',' or ']'");
        in->pos++;
        in->depth--;
    }
    return 0;
}

/* One value, or the start of one. *ret_open tells that a value must follow inside it. */
static int check_value(struct checker *in, bool *ret_open) {
    *ret_open = false;
    skip_blanks(in);
    if (peek(in) != '{' && peek(in) != '[')
        return check_scalar(in);
    int result = enter(in);
    if (result < 0)
        return result;
    skip_blanks(in);
    if (peek(in) == (in_object(in) ? '}' : ']')) {
        in->pos++;
        in->depth--;
        return 0;
    }
    *ret_open = true;
    return check_key(in);
}

/* The loop that stands for recursion: a value that holds others is entered and the next value read;
 * a complete one closes what it completes. */
static int check_text(struct checker *in) {
    bool open;
    do {
        int result = check_value(in, &open);
        if (result == 0 && !open)
            result = check_after_value(in);
        if (result < 0)
            return result;
    } while (in->depth > 0);
    skip_blanks(in);
    return in->pos < in->len ? fail_expected(in, "nothing after the value") : 0;
}

/* From here on the text is known to be good. Bounds are kept all the same. */

static size_t blanks(const char *text, size_t len, size_t pos) {
    while (pos < len && is_blank(text[pos]))
        pos++;
    return pos;
}

/* Past the closing quote of the string whose opening quote is at pos. */
static size_t string_end(const char *text, size_t len, size_t pos) {
    for (pos++; pos < len && text[pos] != '"'; pos++)
        if (text[pos] == '\\' && pos + 1 < len)
            pos++;
    return pos < len ? pos + 1 : len;
}

/* Past the bracket that closes the one at pos. Both kinds count alike: the check has paired them.
 */
static size_t container_end(const char *text, size_t len, size_t pos) {
    size_t depth = 0;
    while (pos < len) {
        char c = text[pos];
        if (c == '"') {
            pos = string_end(text, len, pos);
            continue;
        }
        pos++;
        if (c == '[' || c == '{')
            depth++;
        else if ((c == ']' || c == '}') && --depth == 0)
            break;
    }
    return pos;
}

/* Past a number, true, false or null. */
static size_t word_end(const char *text, size_t len, size_t pos) {
    while (pos < len && !is_blank(text[pos]) && !strchr(",]}", text[pos]))
        pos++;
    return pos;
}

/* In checked text the first byte tells. */
static enum sph_json_type type_of(char first) {
    switch (first) {
    case '{':
        return SPH_JSON_OBJECT;
    case '[':
        return SPH_JSON_ARRAY;
    case '"':
        return SPH_JSON_STRING;
    case 't':
    case 'f':
        return SPH_JSON_BOOL;
    case 'n':
        return SPH_JSON_NULL;
    default:
        return SPH_JSON_NUMBER;
    }
}

/* The value that starts at pos (< len), where `base` is the offset of `text` in the whole. Returns
 * the position after it. */
static size_t slice(const char *text, size_t len, size_t pos, size_t base,
                    struct sph_json_value *ret_value) {
    size_t end;
    struct sph_json_value value = {.type = type_of(text[pos]), .offset = base + pos};
    if (value.type == SPH_JSON_STRING)
        end = string_end(text, len, pos);
    else if (value.type == SPH_JSON_OBJECT || value.type == SPH_JSON_ARRAY)
        end = container_end(text, len, pos);
    else
        end = word_end(text, len, pos);
    size_t quotes = value.type == SPH_JSON_STRING && end - pos >= 2 ? 1 : 0;
    value.text = text + pos + quotes;
    value.len = end - pos - 2 * quotes;
    *ret_value = value;
    return end;
}

int sph_json_check(const char *text, size_t len, struct sph_json_value *ret_top,
                   struct sph_err *err) {
    struct checker in = {.text = text, .len = len, .err = err};
    int result = check_text(&in);
    if (result == 0)
        (void)slice(text, len, blanks(text, len, 0), 0, ret_top);
    return result;
}

void sph_json_iter_init(struct sph_json_iter *iter, const struct sph_json_value *parent) {
    iter->parent = *parent;
    iter->pos = 0;
}

/* iter->pos is at the bracket or comma before the next item, relative to the parent's text; at the
 * end it is parent.len. */
bool sph_json_next(struct sph_json_iter *iter, struct sph_json_value *ret_key,
                   struct sph_json_value *ret_value) {
    const struct sph_json_value *parent = &iter->parent;
    if ((parent->type != SPH_JSON_OBJECT && parent->type != SPH_JSON_ARRAY) ||
        iter->pos >= parent->len)
        return false;
    const char *text = parent->text;
    size_t pos = blanks(text, parent->len, iter->pos + 1); /* past the bracket, or the comma */
    if (pos >= parent->len || text[pos] == ']' || text[pos] == '}') {
        iter->pos = parent->len;
        return false;
    }
    if (parent->type == SPH_JSON_OBJECT) {
        struct sph_json_value key;
        pos = blanks(text, parent->len, slice(text, parent->len, pos, parent->offset, &key));
        if (ret_key)
            *ret_key = key;
        pos = blanks(text, parent->len, pos + 1); /* past the colon */
        if (pos >= parent->len)
            return false;
    }
    pos = slice(text, parent->len, pos, parent->offset, ret_value);
    iter->pos = blanks(text, parent->len, pos);
    return true;
}

bool sph_json_get(const struct sph_json_value *object, const char *key,
                  struct sph_json_value *ret_value) {
    if (object->type != SPH_JSON_OBJECT)
        return false;
    bool found = false;
    struct sph_json_iter iter;
    struct sph_json_value name, value;
    sph_json_iter_init(&iter, object);
    while (sph_json_next(&iter, &name, &value)) {
        if (!sph_json_is(&name, key))
            continue;
        *ret_value = value;
        found = true;
    }
    return found;
}

/* Magnitude and sign of an integer; -ERANGE when it does not fit 64 bits. */
static int to_integer(const struct sph_json_value *value, bool *ret_negative,
                      uint64_t *ret_number) {
    if (value->type != SPH_JSON_NUMBER || value->len == 0)
        return -EINVAL;
    size_t pos = value->text[0] == '-' ? 1 : 0;
    uint64_t number = 0;
    bool over = pos == value->len;
    *ret_negative = pos == 1;
    for (; pos < value->len; pos++) {
        if (!is_digit(value->text[pos]))
            return -EINVAL;
        over |= __builtin_mul_overflow(number, 10, &number);
        over |= __builtin_add_overflow(number, (uint64_t)(value->text[pos] - '0'), &number);
    }
    *ret_number = number;
    return over ? -ERANGE : 0;
}

int sph_json_to_u64(const struct sph_json_value *value, uint64_t max, uint64_t *ret_number) {
    bool negative;
    uint64_t number;
    int result = to_integer(value, &negative, &number);
    if (result < 0)
        return result;
    if (number > max || (negative && number > 0))
        return -ERANGE;
    *ret_number = number;
    return 0;
}

/* The magnitude of INT64_MIN is one more than that of INT64_MAX. */
int sph_json_to_i64(const struct sph_json_value *value, int64_t *ret_number) {
    bool negative;
    uint64_t number;
    int result = to_integer(value, &negative, &number);
    if (result < 0)
        return result;
    if (number > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return -ERANGE;
    *ret_number = (int64_t)(negative ? 0 - number : number);
    return 0;
}

int sph_json_to_bool(const struct sph_json_value *value, bool *ret_flag) {
    if (value->type != SPH_JSON_BOOL)
        return -EINVAL;
    *ret_flag = value->text[0] == 't';
    return 0;
}

/* 1 to 4 bytes; the code is no surrogate and not past U+10FFFF. */
static size_t encode_utf8(uint32_t code, char ret_bytes[4]) {
    if (code < 0x80) {
        ret_bytes[0] = (char)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size - 1; i > 0; i--) {
        ret_bytes[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    ret_bytes[0] = (char)(lead[size] | code);
    return size;
}

/* One step of unescaping, from *pos on: a plain byte, or the 1 to 4 bytes of an escape. */
static size_t unescape(const struct sph_json_value *value, size_t *pos, char ret_bytes[4]) {
    static const char names[] = "bfnrt", bytes[] = "\b\f\n\r\t";
    const char *at = value->text + *pos;
    size_t left = value->len - *pos;
    if (at[0] != '\\' || left < 2) {
        *pos += 1;
        ret_bytes[0] = at[0];
        return 1;
    }
    if (at[1] != 'u') {
        const char *name = memchr(names, at[1], sizeof(names) - 1);
        *pos += 2;
        ret_bytes[0] = name ? bytes[name - names] : at[1];
        return 1;
    }
    int unit = hex_unit(at + 2, left - 2);
    uint32_t code = unit < 0 ? 0xfffd : (uint32_t)unit;
    *pos += left < 6 ? left : 6;
    if (is_high_surrogate(unit) && left >= 12) {
        int low = hex_unit(at + 8, left - 8);
        code = 0x10000 + ((code - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
        *pos += 6;
    }
    return encode_utf8(code, ret_bytes);
}

int sph_json_to_text(const struct sph_json_value *value, char *ret_text, size_t size) {
    if (value->type != SPH_JSON_STRING)
        return -EINVAL;
    size_t used = 0;
    for (size_t pos = 0; pos < value->len;) {
        char bytes[4];
        size_t step = unescape(value, &pos, bytes);
        if (bytes[0] == '\0')
            return -EILSEQ;
        if (used + step >= size)
            return -ENOSPC;
        memcpy(ret_text + used, bytes, step);
        used += step;
    }
    if (used >= size)
        return -ENOSPC;
    ret_text[used] = '\0';
    return 0;
}

/* As sph_json_to_text; a buffer that is full keeps its error, but nothing of this text. */
int sph_json_to_buf(const struct sph_json_value *value, struct sph_buf *buf) {
    if (value->type != SPH_JSON_STRING)
        return -EINVAL;
    size_t before = buf->len;
    for (size_t pos = 0; pos < value->len && !buf->error;) {
        char bytes[4];
        size_t step = unescape(value, &pos, bytes);
        if (bytes[0] == '\0') {
            sph_buf_truncate(buf, before);
            return -EILSEQ;
        }
        sph_buf_append(buf, bytes, step);
    }
    sph_buf_puts(buf, ""); /* an empty string is a text too */
    if (buf->error)
        sph_buf_truncate(buf, before);
    return buf->error;
}

/* Compared step by step, without a copy: keys are looked up with it. */
bool sph_json_is(const struct sph_json_value *value, const char *text) {
    if (value->type != SPH_JSON_STRING)
        return false;
    size_t size = strlen(text), used = 0;
    for (size_t pos = 0; pos < value->len;) {
        char bytes[4];
        size_t step = unescape(value, &pos, bytes);
        if (step > size - used || memcmp(text + used, bytes, step) != 0)
            return false;
        used += step;
    }
    return used == size;
}
