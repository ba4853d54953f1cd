/* The response is a state machine over single pieces of input: nothing is kept but an unfinished
 * head or line, so a stream that never ends costs nothing. libcurl did this until loading its 29
 * libraries proved to take more than half of the time of a reading (docs/adr/0004).
 *
 * It takes what RFC 9112 lets a server send and our gateway may send: a counted body, chunks, or
 * a body up to the close; interim answers are passed over. It refuses what nobody sends to a
 * client like this one (other transfer encodings, folded headers, two lengths), each with its
 * own sentence. Invariant: `held` is 0 in every state but HEAD and the three line states, and
 * never passes the limit of its state. */
#include "cli/device/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/* `head` is left as it is: 8 KiB that nobody reads before they are written. */
void sph_http_reader_init(struct sph_http_reader *reader, sph_http_header_fn *on_header,
                          sph_http_body_fn *on_body, void *context) {
    reader->state = SPH_HTTP_HEAD;
    reader->status = 0;
    reader->remaining = 0;
    reader->on_header = on_header;
    reader->on_body = on_body;
    reader->context = context;
    reader->held = 0;
}

bool sph_http_is_complete(const struct sph_http_reader *reader) {
    return reader->state == SPH_HTTP_DONE;
}

static int parse_status_line(const char *line, size_t len, unsigned *ret_status,
                             struct sph_err *err) {
    /* "HTTP/1.1 200 OK": the version's last digit may differ, the reason may be absent. */
    if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ')
        return SPH_FAIL(err, -EBADMSG, "the answer is not HTTP");
    unsigned status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line[i] < '0' || line[i] > '9')
            return SPH_FAIL(err, -EBADMSG, "the answer's status is not a number");
        status = 10 * status + (unsigned)(line[i] - '0');
    }
    if (status < 100 || (len > 12 && line[12] != ' '))
        return SPH_FAIL(err, -EBADMSG, "the answer's status is not one of HTTP");
    *ret_status = status;
    return 0;
}

/* What the headers say of the body's length. */
struct framing {
    bool has_length;
    bool is_chunked;
    uint64_t length;
};

/* Names of headers are without case (RFC 9110, section 5.1), those of codings too. */
static bool is_name(const char *name, size_t len, const char *wanted) {
    return len == strlen(wanted) && strncasecmp(name, wanted, len) == 0;
}

/* Both headers together are allowed to a server that does not know better; chunks then win (RFC
 * 9112, section 6.3). Two different lengths are how answers are smuggled, and are refused. */
static int read_framing(const char *name, size_t name_len, const char *value, size_t value_len,
                        struct framing *framing, struct sph_err *err) {
    if (is_name(name, name_len, "Transfer-Encoding")) {
        framing->is_chunked = is_name(value, value_len, "chunked");
        if (!framing->is_chunked)
            return SPH_FAIL(err, -EBADMSG, "the answer has an unknown transfer encoding");
    } else if (is_name(name, name_len, "Content-Length")) {
        char text[24];
        if (value_len >= sizeof(text))
            return SPH_FAIL(err, -EBADMSG, "the answer's Content-Length is not a number");
        memcpy(text, value, value_len);
        text[value_len] = '\0';
        uint64_t length = 0;
        if (sph_text_to_u64(text, UINT64_MAX, &length) < 0)
            return SPH_FAIL(err, -EBADMSG, "the answer's Content-Length is not a number");
        if (framing->has_length && framing->length != length)
            return SPH_FAIL(err, -EBADMSG, "the answer has two different lengths");
        framing->has_length = true;
        framing->length = length;
    }
    return 0;
}

static int parse_header(struct sph_http_reader *reader, const char *line, size_t len,
                        struct framing *framing, struct sph_err *err) {
    const char *colon = memchr(line, ':', len);
    if (!colon || colon == line)
        return SPH_FAIL(err, -EBADMSG, "the answer has a header line without a name");
    const char *value = colon + 1;
    const char *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    size_t name_len = (size_t)(colon - line), value_len = (size_t)(end - value);
    if (reader->on_header)
        reader->on_header(reader->context, line, name_len, value, value_len);
    return read_framing(line, name_len, value, value_len, framing, err);
}

/* The next line of the head, without its CR LF; false at the end. */
static bool next_line(const char **at, const char *end, const char **ret_line, size_t *ret_len) {
    if (*at >= end)
        return false;
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    if (!stop)
        return false;
    size_t len = (size_t)(stop - *at);
    *ret_line = *at;
    *ret_len = len > 0 && stop[-1] == '\r' ? len - 1 : len;
    *at = stop + 1;
    return true;
}

/* Called once a head is whole. Interim answers (1xx) have headers of their own, which are not this
 * answer's and are not looked at. */
static int parse_head(struct sph_http_reader *reader, size_t len, struct sph_err *err) {
    const char *at = reader->head, *line = NULL;
    size_t line_len = 0;
    struct framing framing = {.has_length = false};
    if (!next_line(&at, reader->head + len, &line, &line_len))
        return SPH_FAIL(err, -EBADMSG, "the answer is not HTTP");
    int rc = parse_status_line(line, line_len, &reader->status, err);
    bool is_interim = rc == 0 && reader->status < 200;
    while (rc == 0 && next_line(&at, reader->head + len, &line, &line_len)) {
        if (line_len > 0 && !is_interim)
            rc = parse_header(reader, line, line_len, &framing, err);
    }
    if (rc < 0)
        return rc;
    reader->remaining = framing.length;
    if (is_interim)
        reader->state = SPH_HTTP_HEAD; /* "100 Continue": the real one follows */
    else if (reader->status == 204 || reader->status == 304)
        reader->state = SPH_HTTP_DONE;
    else if (framing.is_chunked)
        reader->state = SPH_HTTP_CHUNK_SIZE;
    else if (!framing.has_length)
        reader->state = SPH_HTTP_BODY_TO_CLOSE;
    else
        reader->state = framing.length > 0 ? SPH_HTTP_BODY_COUNTED : SPH_HTTP_DONE;
    return 0;
}

/* Takes bytes into `head` up to and with the next line feed. Count taken; *ret_whole when it came.
 */
static size_t take_line(struct sph_http_reader *reader, const char *data, size_t len, size_t room,
                        bool *ret_whole) {
    const char *stop = memchr(data, '\n', len);
    size_t count = stop ? (size_t)(stop - data) + 1 : len;
    *ret_whole = stop != NULL;
    if (count > room - reader->held) {
        count = room - reader->held;
        *ret_whole = false;
    }
    memcpy(reader->head + reader->held, data, count);
    reader->held += count;
    return count;
}

/* An empty line after a line, whichever of the two ends each of them has: RFC 9112 (section 2.2)
 * lets a reader take a lone line feed, and next_line() does. */
static bool head_is_whole(const struct sph_http_reader *reader) {
    const char *end = reader->head + reader->held;
    return (reader->held >= 2 && memcmp(end - 2, "\n\n", 2) == 0) ||
           (reader->held >= 3 && memcmp(end - 3, "\n\r\n", 3) == 0);
}

/* Line by line, so that not one byte of the body is taken. */
static int feed_head(struct sph_http_reader *reader, const char *data, size_t len, size_t *ret_used,
                     struct sph_err *err) {
    bool whole;
    *ret_used = take_line(reader, data, len, sizeof(reader->head), &whole);
    if (whole && head_is_whole(reader)) {
        size_t head_len = reader->held;
        reader->held = 0;
        return parse_head(reader, head_len, err);
    }
    if (reader->held == sizeof(reader->head))
        return SPH_FAIL(err, -EBADMSG, "the answer's headers are longer than %d bytes",
                        SPH_HTTP_HEAD_BYTES);
    return 0;
}

/* Hexadecimal digits, then an extension that is not looked at. */
static int parse_chunk_size(struct sph_http_reader *reader, size_t len, struct sph_err *err) {
    uint64_t size = 0;
    size_t digits = 0;
    for (; digits < len; digits++) {
        char c = reader->head[digits];
        unsigned value;
        if (c >= '0' && c <= '9')
            value = (unsigned)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            value = (unsigned)((c | 32) - 'a') + 10;
        else
            break;
        if (size > UINT64_MAX >> 4)
            return SPH_FAIL(err, -EBADMSG, "the answer has a chunk of no sensible size");
        size = size << 4 | value;
    }
    if (digits == 0)
        return SPH_FAIL(err, -EBADMSG, "the answer has a chunk without a size");
    reader->remaining = size;
    reader->state = size > 0 ? SPH_HTTP_CHUNK_DATA : SPH_HTTP_TRAILER;
    return 0;
}

/* The lines between the chunks' data: sizes, ends, trailers. */
static int feed_line(struct sph_http_reader *reader, const char *data, size_t len, size_t *ret_used,
                     struct sph_err *err) {
    bool whole;
    *ret_used = take_line(reader, data, len, SPH_HTTP_LINE_BYTES, &whole);
    if (!whole) {
        if (reader->held == SPH_HTTP_LINE_BYTES)
            return SPH_FAIL(err, -EBADMSG, "the answer's chunks are out of step");
        return 0;
    }
    size_t line_len = reader->held - 1;
    if (line_len > 0 && reader->head[line_len - 1] == '\r')
        line_len--;
    reader->held = 0;
    if (reader->state == SPH_HTTP_CHUNK_SIZE)
        return parse_chunk_size(reader, line_len, err);
    if (reader->state == SPH_HTTP_TRAILER) {
        if (line_len == 0)
            reader->state = SPH_HTTP_DONE;
        return 0;
    }
    if (line_len > 0)
        return SPH_FAIL(err, -EBADMSG, "the answer's chunks are out of step");
    reader->state = SPH_HTTP_CHUNK_SIZE;
    return 0;
}

/* Passed on in the pieces that come; nothing of a body is ever kept here. */
static int feed_body(struct sph_http_reader *reader, const char *data, size_t len,
                     size_t *ret_used) {
    bool is_counted = reader->state != SPH_HTTP_BODY_TO_CLOSE;
    if (is_counted && len > reader->remaining)
        len = (size_t)reader->remaining;
    *ret_used = len;
    if (reader->on_body && reader->on_body(reader->context, data, len) != 0)
        return -ECANCELED;
    if (!is_counted)
        return 0;
    reader->remaining -= len;
    if (reader->remaining == 0)
        reader->state = reader->state == SPH_HTTP_CHUNK_DATA ? SPH_HTTP_CHUNK_END : SPH_HTTP_DONE;
    return 0;
}

/* Every turn takes at least one byte or fails: no input can hold it. */
int sph_http_feed(struct sph_http_reader *reader, const char *data, size_t len,
                  struct sph_err *err) {
    while (len > 0 && reader->state != SPH_HTTP_DONE) {
        size_t used = 0;
        int rc;
        switch (reader->state) {
        case SPH_HTTP_HEAD:
            rc = feed_head(reader, data, len, &used, err);
            break;
        case SPH_HTTP_BODY_COUNTED:
        case SPH_HTTP_BODY_TO_CLOSE:
        case SPH_HTTP_CHUNK_DATA:
            rc = feed_body(reader, data, len, &used);
            break;
        default:
            rc = feed_line(reader, data, len, &used, err);
            break;
        }
        if (rc < 0)
            return rc;
        data += used;
        len -= used;
    }
    return 0;
}

/* For a body without a length the end of the connection is the end of the body, and a broken
 * connection cannot be told from it: one reason why our gateway sends lengths or chunks. */
int sph_http_end(struct sph_http_reader *reader, struct sph_err *err) {
    if (reader->state == SPH_HTTP_BODY_TO_CLOSE)
        reader->state = SPH_HTTP_DONE;
    if (reader->state == SPH_HTTP_DONE)
        return 0;
    if (reader->state == SPH_HTTP_HEAD && reader->held == 0)
        return SPH_FAIL(err, -EBADMSG, "it closed without an answer");
    return SPH_FAIL(err, -EBADMSG, "the answer ended in the middle");
}
