/* Precedence climbing, as the language's own reference parser does it: the numbers of
 * binding_power() are its numbers, so that what binds tighter is the same in every corner. The
 * words are read whole first, since two places look two words ahead. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_out.h"
#include "cli/text/query_node.h"

enum {
    TOKENS_MAX = 1024,
    DEPTH_MAX = 64,       /* brackets in brackets */
    PROJECTION_STOP = 10, /* what binds weaker ends a projection's right side */
};

enum token_kind {
    T_END,
    T_NAME,
    T_QUOTED,
    T_LITERAL,
    T_NUMBER,
    T_CURRENT,
    T_EXPREF,
    T_COLON,
    T_COMMA,
    T_RBRACKET,
    T_RPAREN,
    T_RBRACE,
    T_PIPE,
    T_OR,
    T_AND,
    T_COMPARE,
    T_FLATTEN,
    T_STAR,
    T_FILTER,
    T_DOT,
    T_NOT,
    T_LBRACE,
    T_LBRACKET,
    T_LPAREN,
};

struct token {
    enum token_kind kind;
    size_t offset, len; /* in the expression, quotes included */
    enum sph_query_compare compare;
};

struct parser {
    const char *text;
    struct token tokens[TOKENS_MAX];
    unsigned at; /* of the token that comes next */
    unsigned count;
    unsigned depth;
    int error;
    struct sph_query *query;
    struct sph_err *err;
};

/* The first mistake is the one told; columns are counted from 1. Returns no node. */
static unsigned fail_at(struct parser *in, size_t offset, const char *problem) {
    if (!in->error)
        in->error =
            SPH_FAIL(in->err, -EINVAL, "the query is wrong at column %zu: %s", offset + 1, problem);
    return 0;
}

static unsigned fail_memory(struct parser *in) {
    if (!in->error)
        in->error = SPH_FAIL_ERRNO(in->err, -ENOMEM, "cannot read the query");
    return 0;
}

/* Words of one or two characters; the longer ones first. */
static const struct {
    const char *text;
    enum token_kind kind;
    enum sph_query_compare compare;
} symbols[] = {
    {"||", T_OR, 0},
    {"&&", T_AND, 0},
    {"==", T_COMPARE, SPH_QUERY_EQ},
    {"!=", T_COMPARE, SPH_QUERY_NE},
    {"<=", T_COMPARE, SPH_QUERY_LE},
    {">=", T_COMPARE, SPH_QUERY_GE},
    {"[?", T_FILTER, 0},
    {"[]", T_FLATTEN, 0},
    {"|", T_PIPE, 0},
    {"&", T_EXPREF, 0},
    {"<", T_COMPARE, SPH_QUERY_LT},
    {">", T_COMPARE, SPH_QUERY_GT},
    {"!", T_NOT, 0},
    {"[", T_LBRACKET, 0},
    {"]", T_RBRACKET, 0},
    {"{", T_LBRACE, 0},
    {"}", T_RBRACE, 0},
    {"(", T_LPAREN, 0},
    {")", T_RPAREN, 0},
    {"*", T_STAR, 0},
    {".", T_DOT, 0},
    {"@", T_CURRENT, 0},
    {":", T_COLON, 0},
    {",", T_COMMA, 0},
};

static bool is_name_start(char c) {
    return isalpha((unsigned char)c) || c == '_';
}

/* Past the closing quote of the same kind; 0 when there is none. */
static size_t quoted_len(const char *text) {
    char quote = *text;
    for (size_t i = 1; text[i]; i++) {
        if (text[i] == quote)
            return i + 1;
        if (text[i] == '\\' && text[i + 1])
            i++;
    }
    return 0;
}

/* Kind and length of the word at `text`; T_END when it is none. */
static struct token read_word(const char *text) {
    struct token token = {.kind = T_END, .len = 1};
    if (is_name_start(*text)) {
        token.kind = T_NAME;
        while (is_name_start(text[token.len]) || isdigit((unsigned char)text[token.len]))
            token.len++;
    } else if (isdigit((unsigned char)*text) || (*text == '-' && isdigit((unsigned char)text[1]))) {
        token.kind = T_NUMBER;
        while (isdigit((unsigned char)text[token.len]))
            token.len++;
    } else if (*text == '"' || *text == '\'' || *text == '`') {
        token.len = quoted_len(text);
        token.kind = token.len == 0 ? T_END : *text == '"' ? T_QUOTED : T_LITERAL;
    } else {
        for (size_t i = 0; i < SPH_ARRAY_SIZE(symbols); i++) {
            size_t len = strlen(symbols[i].text);
            if (strncmp(text, symbols[i].text, len) == 0) {
                token.kind = symbols[i].kind;
                token.compare = symbols[i].compare;
                token.len = len;
                break;
            }
        }
    }
    return token;
}

/* The last word is T_END, where the text ends. */
static void read_words(struct parser *in) {
    size_t pos = 0;
    while (!in->error) {
        pos += strspn(in->text + pos, " \t\r\n");
        struct token token = {.kind = T_END, .offset = pos};
        if (in->text[pos]) {
            token = read_word(in->text + pos);
            token.offset = pos;
            if (token.kind == T_END) {
                (void)fail_at(in, pos,
                              token.len == 0 ? "this quote is not closed"
                                             : "this character has no meaning here");
                return;
            }
        }
        if (in->count == TOKENS_MAX) {
            (void)fail_at(in, pos, "it is too long");
            return;
        }
        in->tokens[in->count++] = token;
        if (token.kind == T_END)
            return;
        pos += token.len;
    }
}

static const struct token *peek(const struct parser *in) {
    return &in->tokens[in->at];
}

/* T_END is never passed. */
static const struct token *take(struct parser *in) {
    const struct token *token = &in->tokens[in->at];
    if (token->kind != T_END)
        in->at++;
    return token;
}

static bool next_is(const struct parser *in, enum token_kind kind) {
    return peek(in)->kind == kind;
}

static void expect(struct parser *in, enum token_kind kind, const char *problem) {
    const struct token *token = take(in);
    if (token->kind != kind)
        (void)fail_at(in, token->offset, problem);
}

static unsigned binding_power(enum token_kind kind) {
    switch (kind) {
    case T_PIPE:
        return 1;
    case T_OR:
        return 2;
    case T_AND:
        return 3;
    case T_COMPARE:
        return 5;
    case T_FLATTEN:
        return 9;
    case T_STAR:
        return 20;
    case T_FILTER:
        return 21;
    case T_DOT:
        return 40;
    case T_NOT:
        return 45;
    case T_LBRACE:
        return 50;
    case T_LBRACKET:
        return 55;
    case T_LPAREN:
        return 60;
    default:
        return 0;
    }
}

static unsigned add_node(struct parser *in, enum sph_query_kind kind, unsigned left,
                         unsigned right) {
    struct sph_query *query = in->query;
    if (query->count == SPH_QUERY_NODES_MAX)
        return fail_at(in, peek(in)->offset, "it has too many parts");
    unsigned at = query->count++;
    query->nodes[at] = (struct sph_query_node){.kind = kind, .left = left, .right = right};
    return at;
}

static unsigned current_node(struct parser *in) {
    return add_node(in, SPH_QUERY_CURRENT, 0, 0);
}

/* A node with a text of its own; the buffer is empty after. */
static unsigned add_text_node(struct parser *in, enum sph_query_kind kind, unsigned left,
                              struct sph_buf *buf) {
    unsigned at = add_node(in, kind, left, 0);
    if (at == 0)
        return 0;
    struct sph_query_node *node = &in->query->nodes[at];
    node->text_len = buf->len;
    node->text = sph_buf_take(buf);
    return node->text ? at : fail_memory(in);
}

/* A name as it stands, or between double quotes, where it is a JSON string. */
static void read_name(struct parser *in, const struct token *token, struct sph_buf *buf) {
    const char *text = in->text + token->offset;
    struct sph_json_value value;
    if (token->kind == T_NAME)
        sph_buf_append(buf, text, token->len);
    else if (token->kind != T_QUOTED)
        (void)fail_at(in, token->offset, "a name is expected here");
    else if (sph_json_check(text, token->len, &value, NULL) < 0 || sph_json_to_buf(&value, buf) < 0)
        (void)fail_at(in, token->offset, "this is no JSON string");
}

static unsigned field_node(struct parser *in, const struct token *token) {
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    read_name(in, token, &buf);
    return in->error ? 0 : add_text_node(in, SPH_QUERY_FIELD, 0, &buf);
}

/* Takes the backslash away where it stands before the quote. */
static void unquote(const char *text, size_t len, char quote, struct sph_buf *buf) {
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\\' && i + 1 < len && text[i + 1] == quote)
            i++;
        sph_buf_append(buf, text + i, 1);
    }
    sph_buf_puts(buf, "");
}

/* `JSON`, 'text', and `text`, which is an old way to write a string. */
static unsigned literal_node(struct parser *in, const struct token *token) {
    sph_autobuf struct sph_buf raw = SPH_BUF_NULL;
    sph_autobuf struct sph_buf json = SPH_BUF_NULL;
    char quote = in->text[token->offset];
    unquote(in->text + token->offset + 1, token->len - 2, quote, &raw);
    if (raw.error)
        return fail_memory(in);
    const char *start = raw.data + strspn(raw.data, " \t\r\n");
    struct sph_json_value value;
    if (quote == '`' && sph_json_check(raw.data, raw.len, &value, NULL) == 0) {
        sph_query_write(&value, &json);
    } else if (quote == '`' && (!*start || strchr("[{\"", *start))) {
        return fail_at(in, token->offset, "this is no JSON");
    } else {
        struct sph_json_out out;
        sph_json_begin(&out, &json);
        sph_json_string_n(&out, raw.data, raw.len);
    }
    return json.error ? fail_memory(in) : add_text_node(in, SPH_QUERY_LITERAL, 0, &json);
}

static unsigned parse_expression(struct parser *in, unsigned power);

/* Children in a list by `next`; *last is the list's end, 0 for none yet. */
static void add_child(struct parser *in, unsigned parent, unsigned *last, unsigned child) {
    struct sph_query_node *nodes = in->query->nodes;
    if (in->error)
        return;
    if (*last == 0)
        nodes[parent].left = child;
    else
        nodes[*last].next = child;
    *last = child;
}

/* After '['. */
static unsigned parse_list(struct parser *in) {
    unsigned list = add_node(in, SPH_QUERY_LIST, 0, 0), last = 0;
    do {
        add_child(in, list, &last, parse_expression(in, 0));
    } while (!in->error && next_is(in, T_COMMA) && take(in));
    expect(in, T_RBRACKET, "',' or ']' is expected here");
    return list;
}

/* After '{'. */
static unsigned parse_hash(struct parser *in) {
    unsigned hash = add_node(in, SPH_QUERY_HASH, 0, 0), last = 0;
    do {
        sph_autobuf struct sph_buf name = SPH_BUF_NULL;
        read_name(in, take(in), &name);
        expect(in, T_COLON, "':' is expected here");
        unsigned value = in->error ? 0 : parse_expression(in, 0);
        if (in->error)
            return 0;
        add_child(in, hash, &last, add_text_node(in, SPH_QUERY_MEMBER, value, &name));
    } while (!in->error && next_is(in, T_COMMA) && take(in));
    expect(in, T_RBRACE, "',' or '}' is expected here");
    return hash;
}

static unsigned parse_dot_tail(struct parser *in, unsigned power) {
    switch (peek(in)->kind) {
    case T_NAME:
    case T_QUOTED:
    case T_STAR:
        return parse_expression(in, power);
    case T_LBRACKET:
        take(in);
        return parse_list(in);
    case T_LBRACE:
        take(in);
        return parse_hash(in);
    default:
        return fail_at(in, peek(in)->offset, "a name, '*', '[' or '{' is expected after '.'");
    }
}

/* What a projection does with each of its items. */
static unsigned parse_projection_tail(struct parser *in, unsigned power) {
    if (binding_power(peek(in)->kind) < PROJECTION_STOP)
        return current_node(in);
    if (next_is(in, T_LBRACKET) || next_is(in, T_FILTER))
        return parse_expression(in, power);
    if (!next_is(in, T_DOT))
        return fail_at(in, peek(in)->offset, "this cannot stand behind a list");
    take(in);
    return parse_dot_tail(in, power);
}

static unsigned project(struct parser *in, enum sph_query_kind kind, unsigned left,
                        enum token_kind token) {
    unsigned right = parse_projection_tail(in, binding_power(token));
    return add_node(in, kind, left, right);
}

/* At what follows '[': a number, or up to three with colons between. */
static unsigned parse_index(struct parser *in, unsigned left) {
    unsigned at = add_node(in, SPH_QUERY_INDEX, left, 0);
    struct sph_query_node *node = &in->query->nodes[at];
    unsigned part = 0;
    while (!in->error && !next_is(in, T_RBRACKET)) {
        const struct token *token = take(in);
        if (token->kind == T_COLON && part < 2) {
            part++;
        } else if (token->kind == T_NUMBER && !node->has_number[part]) {
            errno = 0;
            node->numbers[part] = strtoll(in->text + token->offset, NULL, 10);
            node->has_number[part] = true;
            if (errno != 0)
                (void)fail_at(in, token->offset, "this number is too large");
        } else {
            (void)fail_at(in, token->offset, "a number, ':' or ']' is expected here");
        }
    }
    take(in);
    if (part == 0)
        return at;
    if (node->has_number[2] && node->numbers[2] == 0)
        return fail_at(in, in->tokens[in->at - 1].offset, "the step of a slice cannot be 0");
    node->kind = SPH_QUERY_SLICE;
    return project(in, SPH_QUERY_PROJECT, at, T_STAR);
}

static unsigned parse_filter(struct parser *in, unsigned left) {
    unsigned condition = parse_expression(in, 0);
    expect(in, T_RBRACKET, "']' is expected here");
    unsigned right = next_is(in, T_FLATTEN) ? current_node(in)
                                            : parse_projection_tail(in, binding_power(T_FILTER));
    unsigned at = add_node(in, SPH_QUERY_FILTER, left, right);
    in->query->nodes[at].third = condition;
    return at;
}

/* After '[' at the beginning of an expression. */
static unsigned parse_bracket(struct parser *in) {
    if (next_is(in, T_NUMBER) || next_is(in, T_COLON))
        return parse_index(in, current_node(in));
    if (next_is(in, T_STAR) && in->tokens[in->at + 1].kind == T_RBRACKET) {
        in->at += 2;
        return project(in, SPH_QUERY_PROJECT, current_node(in), T_STAR);
    }
    return parse_list(in);
}

/* A word at the beginning of an expression. */
static unsigned parse_first(struct parser *in, const struct token *token) {
    unsigned node;
    switch (token->kind) {
    case T_NAME:
    case T_QUOTED:
        if (token->kind == T_QUOTED && next_is(in, T_LPAREN))
            return fail_at(in, token->offset, "a function's name stands without quotes");
        return field_node(in, token);
    case T_LITERAL:
        return literal_node(in, token);
    case T_CURRENT:
        return current_node(in);
    case T_STAR:
        node = current_node(in);
        return next_is(in, T_RBRACKET) ? add_node(in, SPH_QUERY_VALUES, node, current_node(in))
                                       : project(in, SPH_QUERY_VALUES, node, T_STAR);
    case T_FILTER:
        return parse_filter(in, current_node(in));
    case T_FLATTEN:
        node = add_node(in, SPH_QUERY_FLATTEN, current_node(in), 0);
        return project(in, SPH_QUERY_PROJECT, node, T_FLATTEN);
    case T_LBRACE:
        return parse_hash(in);
    case T_LBRACKET:
        return parse_bracket(in);
    case T_LPAREN:
        node = parse_expression(in, 0);
        expect(in, T_RPAREN, "')' is expected here");
        return node;
    case T_NOT:
        return add_node(in, SPH_QUERY_NOT, parse_expression(in, binding_power(T_NOT)), 0);
    case T_EXPREF:
        return fail_at(in, token->offset, "'&' can only begin an argument of a function");
    case T_END:
        return fail_at(in, token->offset, "something is missing here");
    default:
        return fail_at(in, token->offset, "this cannot stand here");
    }
}

/* After '('; the node of the name becomes the call. */
static unsigned parse_call(struct parser *in, unsigned call, const struct token *token) {
    struct sph_query_node *node = &in->query->nodes[call];
    unsigned last = 0, count = 0, exprefs = 0;
    if (node->kind != SPH_QUERY_FIELD)
        return fail_at(in, token->offset, "there is no function's name before this");
    node->kind = SPH_QUERY_CALL;
    while (!in->error && !next_is(in, T_RPAREN)) {
        bool is_ref = next_is(in, T_EXPREF);
        if (is_ref)
            take(in);
        unsigned argument = parse_expression(in, 0);
        if (is_ref) {
            argument = add_node(in, SPH_QUERY_EXPREF, argument, 0);
            exprefs |= count < 32 ? 1u << count : 0; /* more are too many of all */
        }
        add_child(in, call, &last, argument);
        count++;
        if (!next_is(in, T_RPAREN))
            expect(in, T_COMMA, "',' or ')' is expected here");
        else if (in->error)
            return 0;
    }
    take(in);
    if (!in->error)
        in->error = sph_query_check_call(node->text, count, exprefs, in->err);
    return call;
}

/* A word behind an expression. */
static unsigned parse_next(struct parser *in, const struct token *token, unsigned left) {
    unsigned power = binding_power(token->kind), node;
    switch (token->kind) {
    case T_DOT:
        if (!next_is(in, T_STAR))
            return add_node(in, SPH_QUERY_CHAIN, left, parse_dot_tail(in, power));
        take(in);
        return project(in, SPH_QUERY_VALUES, left, T_DOT);
    case T_PIPE:
        return add_node(in, SPH_QUERY_CHAIN, left, parse_expression(in, power));
    case T_OR:
        return add_node(in, SPH_QUERY_OR, left, parse_expression(in, power));
    case T_AND:
        return add_node(in, SPH_QUERY_AND, left, parse_expression(in, power));
    case T_COMPARE:
        node = add_node(in, SPH_QUERY_COMPARE, left, parse_expression(in, power));
        in->query->nodes[node].compare = token->compare;
        return node;
    case T_LPAREN:
        return parse_call(in, left, token);
    case T_FILTER:
        return parse_filter(in, left);
    case T_FLATTEN:
        node = add_node(in, SPH_QUERY_FLATTEN, left, 0);
        return project(in, SPH_QUERY_PROJECT, node, T_FLATTEN);
    case T_LBRACKET:
        if (next_is(in, T_NUMBER) || next_is(in, T_COLON))
            return parse_index(in, left);
        expect(in, T_STAR, "a number, ':' or '*' is expected here");
        expect(in, T_RBRACKET, "']' is expected here");
        return in->error ? 0 : project(in, SPH_QUERY_PROJECT, left, T_STAR);
    default:
        return fail_at(in, token->offset, "this cannot stand here");
    }
}

static unsigned parse_expression(struct parser *in, unsigned power) {
    if (in->error)
        return 0;
    if (++in->depth > DEPTH_MAX)
        return fail_at(in, peek(in)->offset, "it is nested too deep");
    unsigned left = parse_first(in, take(in));
    while (!in->error && power < binding_power(peek(in)->kind))
        left = parse_next(in, take(in), left);
    in->depth--;
    return in->error ? 0 : left;
}

int sph_query_parse(const char *expression, struct sph_query **ret_query, struct sph_err *err) {
    if (strlen(expression) > SPH_QUERY_BYTES_MAX)
        return SPH_FAIL(err, -EINVAL, "the query is longer than %d bytes", SPH_QUERY_BYTES_MAX);
    sph_autoquery struct sph_query *query = calloc(1, sizeof(*query));
    struct parser *in = calloc(1, sizeof(*in));
    if (!query || !in) {
        free(in);
        return SPH_FAIL_ERRNO(err, -ENOMEM, "cannot read the query");
    }
    *in = (struct parser){.text = expression, .query = query, .err = err};
    query->count = 1;
    read_words(in);
    query->root = parse_expression(in, 0);
    if (!in->error && !next_is(in, T_END))
        (void)fail_at(in, peek(in)->offset, "this cannot stand here");
    int r = in->error;
    free(in);
    if (r < 0)
        return r;
    *ret_query = query;
    query = NULL;
    return 0;
}

struct sph_query *sph_query_free(struct sph_query *query) {
    for (unsigned i = 0; query && i < query->count; i++)
        free(query->nodes[i].text);
    free(query);
    return NULL;
}
