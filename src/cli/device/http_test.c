/* The reader gives the same result however the bytes are cut, and one sentence for each way to be
 * wrong. */
#include "cli/device/http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/testing.h"

struct seen {
    char headers[512];
    char body[512];
    int refuse_body;
};

static void on_header(void *context, const char *name, size_t name_len, const char *value,
                      size_t value_len) {
    struct seen *seen = context;
    size_t used = strlen(seen->headers);
    (void)snprintf(seen->headers + used, sizeof(seen->headers) - used, "%.*s=%.*s;", (int)name_len,
                   name, (int)value_len, value);
}

static int on_body(void *context, const char *data, size_t len) {
    struct seen *seen = context;
    size_t used = strlen(seen->body);
    assert_true(used + len < sizeof(seen->body));
    memcpy(seen->body + used, data, len);
    seen->body[used + len] = '\0';
    return seen->refuse_body;
}

static const struct {
    const char *bytes;
    unsigned status;
    const char *headers;
    const char *body;
    bool ends_with_stream; /* complete only when the stream ends */
} good[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "Content-Length=5;", "hello", false},
    {"HTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhelloEXTRA", 200, "content-length=5;", "hello",
     false},
    {"HTTP/1.1 404\r\nContent-Length: 0\r\nX: \t y z \r\n\r\n", 404, "Content-Length=0;X=y z;", "",
     false},
    {"HTTP/1.0 200 OK\nA: b\n\nuntil the end", 200, "A=b;", "until the end", true},
    {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", "", false},
    {"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200,
     "Content-Length=1;", "x", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=1\r\n, you all.\r\n"
     "0\r\nT: t\r\n\r\n",
     200, "Transfer-Encoding=chunked;", "hello, you all.", false},
};

static void check_good(size_t i, size_t piece) {
    struct seen seen = {.refuse_body = 0};
    struct sph_http_reader reader;
    sph_http_reader_init(&reader, on_header, on_body, &seen);
    size_t len = strlen(good[i].bytes);
    for (size_t at = 0; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        assert_int_equal(sph_http_feed(&reader, good[i].bytes + at, n, NULL), 0);
    }
    assert_int_equal(sph_http_is_complete(&reader), !good[i].ends_with_stream);
    assert_int_equal(sph_http_end(&reader, NULL), 0);
    assert_true(sph_http_is_complete(&reader));
    assert_int_equal(reader.status, good[i].status);
    assert_string_equal(seen.headers, good[i].headers);
    assert_string_equal(seen.body, good[i].body);
}

static void reads_the_same_however_it_is_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(good); i++) {
        for (size_t piece = 1; piece <= strlen(good[i].bytes); piece++)
            check_good(i, piece);
    }
}

static const struct {
    const char *bytes;
    const char *sentence;
} bad[] = {
    {"SSH-2.0-OpenSSH\r\n\r\n", "the answer is not HTTP"},
    {"\n\n", "the answer is not HTTP"},
    {"HTTP/1.1 2x0 OK\r\n\r\n", "the answer's status is not a number"},
    {"HTTP/1.1 099 OK\r\n\r\n", "the answer's status is not one of HTTP"},
    {"HTTP/1.1 2000 OK\r\n\r\n", "the answer's status is not one of HTTP"},
    {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "the answer has a header line without a name"},
    {"HTTP/1.1 200 OK\r\n: x\r\n\r\n", "the answer has a header line without a name"},
    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
     "the answer's Content-Length is not a number"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\n",
     "the answer's Content-Length is not a number"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
     "the answer has two different lengths"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
     "the answer has an unknown transfer encoding"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
     "the answer has a chunk without a size"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
     "the answer has a chunk of no sensible size"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
     "the answer's chunks are out of step"},
};

static void says_what_is_wrong(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(bad); i++) {
        struct sph_err err = SPH_ERR_NULL;
        struct seen seen = {.refuse_body = 0};
        struct sph_http_reader reader;
        sph_http_reader_init(&reader, on_header, on_body, &seen);
        assert_int_equal(sph_http_feed(&reader, bad[i].bytes, strlen(bad[i].bytes), &err),
                         -EBADMSG);
        assert_string_equal(err.text, bad[i].sentence);
    }
}

static void an_early_end_is_told(void **state) {
    (void)state;
    const char *whole = good[6].bytes;
    for (size_t len = 0; len < strlen(whole); len++) {
        struct sph_err err = SPH_ERR_NULL;
        struct seen seen = {.refuse_body = 0};
        struct sph_http_reader reader;
        sph_http_reader_init(&reader, on_header, on_body, &seen);
        assert_int_equal(sph_http_feed(&reader, whole, len, NULL), 0);
        assert_int_equal(sph_http_end(&reader, &err), -EBADMSG);
        assert_string_equal(err.text, len == 0 ? "it closed without an answer"
                                               : "the answer ended in the middle");
    }
}

static void long_heads_and_lines_are_refused(void **state) {
    (void)state;
    static char flood[2 * SPH_HTTP_HEAD_BYTES];
    struct sph_err err = SPH_ERR_NULL;
    struct sph_http_reader reader;
    memset(flood, 'a', sizeof(flood));
    sph_http_reader_init(&reader, NULL, NULL, NULL);
    assert_int_equal(sph_http_feed(&reader, flood, sizeof(flood), &err), -EBADMSG);
    assert_string_equal(err.text, "the answer's headers are longer than 8192 bytes");
    const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    sph_http_reader_init(&reader, NULL, NULL, NULL);
    assert_int_equal(sph_http_feed(&reader, head, sizeof(head) - 1, &err), 0);
    assert_int_equal(sph_http_feed(&reader, flood, sizeof(flood), &err), -EBADMSG);
    assert_string_equal(err.text, "the answer's chunks are out of step");
}

static void the_body_can_be_refused(void **state) {
    (void)state;
    struct seen seen = {.refuse_body = 1};
    struct sph_http_reader reader;
    sph_http_reader_init(&reader, on_header, on_body, &seen);
    assert_int_equal(sph_http_feed(&reader, good[0].bytes, strlen(good[0].bytes), NULL),
                     -ECANCELED);
}

/* Line ends of either kind, mixed as they come. */
static void line_ends_may_be_mixed(void **state) {
    static const char *const ends[] = {"\n", "\r\n"};
    (void)state;
    for (unsigned mix = 0; mix < 16; mix++) {
        char bytes[128];
        struct seen seen = {.refuse_body = 0};
        struct sph_http_reader reader;
        (void)snprintf(bytes, sizeof(bytes), "HTTP/1.1 200 OK%sA: b%sContent-Length: 3%s%sabc",
                       ends[mix & 1], ends[mix >> 1 & 1], ends[mix >> 2 & 1], ends[mix >> 3]);
        sph_http_reader_init(&reader, on_header, on_body, &seen);
        assert_int_equal(sph_http_feed(&reader, bytes, strlen(bytes), NULL), 0);
        assert_true(sph_http_is_complete(&reader));
        assert_string_equal(seen.headers, "A=b;Content-Length=3;");
        assert_string_equal(seen.body, "abc");
    }
}

/* Chunk sizes at their borders: digits of either case, leading zeros, the largest that fits. */
static void chunk_sizes(void **state) {
    static const struct {
        const char *size;
        uint64_t remaining; /* 0: refused */
    } rows[] = {
        {"1", 1},
        {"a", 10},
        {"F", 15},
        {"00000000000000000000000001", 1},
        {"ffffffffffffffff", UINT64_MAX},
        {"10000000000000000", 0},
        {"7fffffffffffffff;x", INT64_MAX},
        {" 1", 0},
        {"-1", 0},
        {"g", 0},
        {"", 0},
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        char bytes[128];
        struct sph_http_reader reader;
        (void)snprintf(bytes, sizeof(bytes),
                       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n", rows[i].size);
        sph_http_reader_init(&reader, NULL, NULL, NULL);
        int r = sph_http_feed(&reader, bytes, strlen(bytes), NULL);
        assert_int_equal(r, rows[i].remaining ? 0 : -EBADMSG);
        if (r == 0)
            assert_true(reader.remaining == rows[i].remaining);
    }
}

/* A good answer with one byte changed: read or refused, and the end is told in both cases. */
static void each_byte_changed(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(good); i++) {
        size_t len = strlen(good[i].bytes);
        for (size_t at = 0; at < len; at++) {
            for (unsigned value = 0; value < 256; value += 5) {
                char bytes[256];
                struct sph_err err = SPH_ERR_NULL;
                struct seen seen = {.refuse_body = 0};
                struct sph_http_reader reader;
                memcpy(bytes, good[i].bytes, len);
                bytes[at] = (char)value;
                sph_http_reader_init(&reader, on_header, on_body, &seen);
                int r = sph_http_feed(&reader, bytes, len, &err);
                if (r == 0)
                    r = sph_http_end(&reader, &err);
                assert_int_equal(r == 0, err.text[0] == '\0');
                assert_int_equal(r == 0, sph_http_is_complete(&reader) && r == 0);
            }
        }
    }
}

/* Answers follow each other on no connection of ours: what comes after one is left alone. */
static void nothing_is_taken_after_the_end(void **state) {
    static const char bytes[] = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
    struct seen seen = {.refuse_body = 0};
    struct sph_http_reader reader;
    (void)state;
    sph_http_reader_init(&reader, on_header, on_body, &seen);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sph_http_feed(&reader, bytes, strlen(bytes), NULL), 0);
    assert_string_equal(seen.body, "x");
    assert_int_equal(reader.status, 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_same_however_it_is_cut),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(an_early_end_is_told),
        cmocka_unit_test(long_heads_and_lines_are_refused),
        cmocka_unit_test(the_body_can_be_refused),
        cmocka_unit_test(line_ends_may_be_mixed),
        cmocka_unit_test(chunk_sizes),
        cmocka_unit_test(each_byte_changed),
        cmocka_unit_test(nothing_is_taken_after_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
