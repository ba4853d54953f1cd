/* http: an HTTP/1.1 response read from a byte stream, piece by piece. */
#ifndef SPH_CLI_DEVICE_HTTP_H
#define SPH_CLI_DEVICE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum {
    SPH_HTTP_HEAD_BYTES = 8192, /* status line and headers together */
    SPH_HTTP_LINE_BYTES = 256,  /* a chunk's size line, a trailer line */
};

/* Slices; valid during the call. */
typedef void sph_http_header_fn(void *context, const char *name, size_t name_len, const char *value,
                                size_t value_len);
/* Body bytes, framing taken off; a non-zero result ends the reading with -ECANCELED. */
typedef int sph_http_body_fn(void *context, const char *data, size_t len);

/* Where the bytes of a response stand. */
enum sph_http_state {
    SPH_HTTP_HEAD,
    SPH_HTTP_BODY_COUNTED,  /* Content-Length */
    SPH_HTTP_BODY_TO_CLOSE, /* neither length nor chunks */
    SPH_HTTP_CHUNK_SIZE,
    SPH_HTTP_CHUNK_DATA,
    SPH_HTTP_CHUNK_END,
    SPH_HTTP_TRAILER,
    SPH_HTTP_DONE,
};

/* Embedded; some 8 KiB, no heap, nothing to give back. Read `status` and `state`, write nothing. */
struct sph_http_reader {
    enum sph_http_state state;
    unsigned status;    /* 100 to 999; 0 until the head is complete */
    uint64_t remaining; /* bytes of the counted body or of this chunk */
    sph_http_header_fn *on_header;
    sph_http_body_fn *on_body;
    void *context;
    size_t held; /* bytes in `head`: an unfinished head or line */
    char head[SPH_HTTP_HEAD_BYTES];
};

/* Either function may be NULL. `context` is passed to both. */
void sph_http_reader_init(struct sph_http_reader *reader, sph_http_header_fn *on_header,
                          sph_http_body_fn *on_body, void *context);
/* Takes the next bytes of the stream; what follows a complete response is not looked at.
 * -EBADMSG with a sentence when it is no HTTP response, -ECANCELED by on_body. No I/O. */
int sph_http_feed(struct sph_http_reader *reader, const char *data, size_t len,
                  struct sph_err *err) SPH_MUST_USE;
/* The stream has ended: 0 when the response is complete, else -EBADMSG. */
int sph_http_end(struct sph_http_reader *reader, struct sph_err *err) SPH_MUST_USE;
bool sph_http_is_complete(const struct sph_http_reader *reader);

#endif
