/* A pass over the characters that knows only strings and brackets: the input is JSON of our own
 * making or checked before, so nothing here can meet a syntax error. On text that is cut it
 * still ends: every step takes at least one character. */
#include "cli/text/json_pretty.h"

#include <string.h>

#define COLOUR_KEY "\033[34m"
#define COLOUR_STRING "\033[32m"
#define COLOUR_OTHER "\033[36m"
#define COLOUR_END "\033[0m"

/* The place, and what is known of it. No stack of brackets: which kind closes is not looked at. */
struct pretty {
    const char *at, *end;
    unsigned depth;
    bool colour;
    struct sph_buf *buf;
};

static void new_line(struct pretty *pretty) {
    sph_buf_puts(pretty->buf, "\n");
    for (unsigned i = 0; i < pretty->depth; i++)
        sph_buf_puts(pretty->buf, "  ");
}

/* strchr() finds the NUL too, so a NUL in the text is a blank: it cannot stop the pass. */
static void skip_blanks(struct pretty *pretty) {
    while (pretty->at < pretty->end && strchr(" \t\r\n", *pretty->at))
        pretty->at++;
}

/* End of the token (string, number or word) that begins here. */
static const char *token_end(const struct pretty *pretty) {
    const char *c = pretty->at;
    if (*c != '"') {
        while (c < pretty->end && !strchr(",:]} \t\r\n", *c))
            c++;
        return c;
    }
    for (c++; c < pretty->end && *c != '"'; c++)
        if (*c == '\\' && c + 1 < pretty->end)
            c++;
    return c < pretty->end ? c + 1 : c;
}

/* A string before a colon is a key; the blanks between them are dropped, as all others. */
static void write_token(struct pretty *pretty) {
    const char *begin = pretty->at;
    const char *end = token_end(pretty);
    pretty->at = end;
    skip_blanks(pretty);
    bool is_key = pretty->at < pretty->end && *pretty->at == ':';
    if (pretty->colour)
        sph_buf_puts(pretty->buf, is_key          ? COLOUR_KEY
                                  : *begin == '"' ? COLOUR_STRING
                                                  : COLOUR_OTHER);
    sph_buf_append(pretty->buf, begin, (size_t)(end - begin));
    if (pretty->colour)
        sph_buf_puts(pretty->buf, COLOUR_END);
}

/* Empty ones stay on their line. */
static void open_bracket(struct pretty *pretty) {
    sph_buf_append(pretty->buf, pretty->at++, 1);
    skip_blanks(pretty);
    if (pretty->at < pretty->end && (*pretty->at == ']' || *pretty->at == '}')) {
        sph_buf_append(pretty->buf, pretty->at++, 1);
        return;
    }
    pretty->depth++;
    new_line(pretty);
}

/* A bracket too many is passed through: the depth stops at 0. */
static void step(struct pretty *pretty) {
    switch (*pretty->at) {
    case '{':
    case '[':
        open_bracket(pretty);
        break;
    case '}':
    case ']':
        if (pretty->depth > 0)
            pretty->depth--;
        new_line(pretty);
        sph_buf_append(pretty->buf, pretty->at++, 1);
        break;
    case ',':
        sph_buf_append(pretty->buf, pretty->at++, 1);
        new_line(pretty);
        break;
    case ':':
        pretty->at++;
        sph_buf_puts(pretty->buf, ": ");
        break;
    default:
        write_token(pretty);
    }
}

void sph_json_pretty(const char *json, size_t len, bool colour, struct sph_buf *buf) {
    struct pretty pretty = {.at = json, .end = json + len, .colour = colour, .buf = buf};
    for (skip_blanks(&pretty); pretty.at < pretty.end; skip_blanks(&pretty))
        step(&pretty);
    sph_buf_puts(buf, "\n");
}
