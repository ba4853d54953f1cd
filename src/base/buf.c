/* A buffer doubles until its limit and remembers its first failure, so that a writer of fifty
 * fields checks once at the end. Chunk lists were rejected: every reader here wants one run of
 * bytes. */
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 64 /* bytes; most texts here are short */ };

void sph_buf_done(struct sph_buf *buf) {
    if (!buf)
        return;
    free(buf->data);
    buf->data = NULL;
    buf->len = 0;
    buf->cap = 0;
    buf->error = 0;
}

/* Makes cap > len + more, which keeps a byte for the NUL. Doubling stops at limit + 1, so that a
 * full buffer does not hold twice what it may. 0, -EFBIG or -ENOMEM; a failure leaves the text as
 * it was.
 */
static int reserve(struct sph_buf *buf, size_t more) {
    if (buf->len > buf->limit || more > buf->limit - buf->len || more >= SIZE_MAX - buf->len)
        return -EFBIG;
    size_t need = buf->len + more + 1;
    if (need <= buf->cap)
        return 0;
    size_t cap = buf->cap ? buf->cap : FIRST_CAP;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    if (cap - 1 > buf->limit)
        cap = buf->limit + 1;
    char *data = realloc(buf->data, cap);
    if (!data)
        return -ENOMEM;
    buf->data = data;
    buf->cap = cap;
    return 0;
}

void *sph_buf_extend(struct sph_buf *buf, size_t len) {
    if (buf->error)
        return NULL;
    buf->error = reserve(buf, len);
    if (buf->error)
        return NULL;
    char *room = buf->data + buf->len;
    buf->len += len;
    buf->data[buf->len] = '\0';
    return room;
}

void sph_buf_append(struct sph_buf *buf, const void *data, size_t len) {
    void *room = sph_buf_extend(buf, len);
    if (room && len > 0)
        memcpy(room, data, len);
}

void sph_buf_puts(struct sph_buf *buf, const char *text) {
    sph_buf_append(buf, text, strlen(text));
}

void sph_buf_printf(struct sph_buf *buf, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    sph_buf_vprintf(buf, fmt, args);
    va_end(args);
}

/* Formatted twice, first to learn the length: formatting into what is left and again if it did not
 * fit would be faster for most texts, but has a second path that is hardly ever run. */
void sph_buf_vprintf(struct sph_buf *buf, const char *fmt, va_list args) {
    va_list measured;
    va_copy(measured, args);
    int len = vsnprintf(NULL, 0, fmt, measured);
    va_end(measured);
    if (len < 0) {
        if (!buf->error)
            buf->error = -EINVAL;
        return;
    }
    char *room = sph_buf_extend(buf, (size_t)len);
    if (room) /* the reserved NUL byte takes vsnprintf's own */
        (void)vsnprintf(room, (size_t)len + 1, fmt, args);
}

/* Moves the rest down, NUL included: stream readers hold at most one frame, so it is short. */
void sph_buf_consume(struct sph_buf *buf, size_t len) {
    if (!buf->data || len == 0)
        return;
    if (len > buf->len)
        len = buf->len;
    buf->len -= len;
    memmove(buf->data, buf->data + len, buf->len + 1);
}

void sph_buf_truncate(struct sph_buf *buf, size_t len) {
    if (!buf->data || len >= buf->len)
        return;
    buf->len = len;
    buf->data[len] = '\0';
}

/* The block may be larger than the text; it is not cut, since most texts are freed soon. */
char *sph_buf_take(struct sph_buf *buf) {
    if (!sph_buf_extend(buf, 0)) /* makes an empty text a text */
        return NULL;
    char *text = buf->data;
    buf->data = NULL;
    buf->len = 0;
    buf->cap = 0;
    return text;
}
