/* buf: bytes that grow up to a stated limit, with a sticky error so that writers need no checks.
 *
 * The limit is part of the type because most of what grows here grows at a stranger's wish: a
 * request, a file, a log line. It is reached as an error like any other, never as an abort. */
#ifndef SPH_BASE_BUF_H
#define SPH_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* Start with SPH_BUF_NULL or SPH_BUF_LIMIT, append, look at `error` once, then use data and len.
 * Nothing is allocated before the first append. Data that is appended may not point into the same
 * buffer. */
struct sph_buf {
    char *data;   /* NUL after `len` bytes whenever not NULL */
    size_t len;   /* bytes used */
    size_t cap;   /* bytes allocated */
    size_t limit; /* bytes; growing past it sets error = -EFBIG */
    int error;    /* 0, or the first negative errno; appends do nothing once set */
};

/* 1 MiB: for texts that the program itself composes. What comes from outside gets a limit of its
 * own, stated where it is read. */
#define SPH_BUF_NULL                                                                               \
    { .data = NULL, .len = 0, .cap = 0, .limit = (size_t)1 << 20, .error = 0 }
#define SPH_BUF_LIMIT(bytes)                                                                       \
    { .data = NULL, .len = 0, .cap = 0, .limit = (bytes), .error = 0 }

/* Frees the text and clears the error; the buffer can be used again, with the same limit. Takes
 * NULL. */
void sph_buf_done(struct sph_buf *buf);
/* All of it or nothing: a failed append leaves the text as it was. */
void sph_buf_append(struct sph_buf *buf, const void *data, size_t len);
/* A C string, without its NUL. */
void sph_buf_puts(struct sph_buf *buf, const char *text);
/* Formats in place, however long the result. */
void sph_buf_printf(struct sph_buf *buf, const char *fmt, ...) SPH_PRINTF(2, 3);
void sph_buf_vprintf(struct sph_buf *buf, const char *fmt, va_list args) SPH_PRINTF(2, 0);
/* Room for `len` more bytes at the end, counted as used; NULL when it cannot be had. Valid until
 * the next append. */
void *sph_buf_extend(struct sph_buf *buf, size_t len);
/* Drops the first `len` bytes (for stream readers). */
void sph_buf_consume(struct sph_buf *buf, size_t len);
/* Forgets what stands after the first `len` bytes; the error stays. */
void sph_buf_truncate(struct sph_buf *buf, size_t len);
/* Ownership of the text to the caller (free()); the buffer is empty after. Never NULL for an empty
 * text; NULL if error is set. */
char *sph_buf_take(struct sph_buf *buf);

#define sph_autobuf SPH_CLEANUP(sph_buf_done)

#endif
