/* Errors are plain records filled in place: no chain, no allocation, so that reporting "out of
 * memory" works like reporting anything else. A chain of causes was rejected: one sentence is what
 * is read. */
#include "base/err.h"

#include <stdio.h>
#include <string.h>

int sph_err_vset(struct sph_err *err, int code, const char *where, const char *fmt, va_list args) {
    if (err) {
        err->code = code;
        err->where = where;
        (void)vsnprintf(err->text, sizeof(err->text), fmt, args);
    }
    return code;
}

int sph_err_set(struct sph_err *err, int code, const char *where, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    sph_err_vset(err, code, where, fmt, args);
    va_end(args);
    return code;
}

int sph_err_set_errno(struct sph_err *err, int code, const char *where, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    sph_err_vset(err, code, where, fmt, args);
    va_end(args);
    if (err) {
        size_t used = strlen(err->text);
        (void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(-code));
    }
    return code;
}

/* The tail is copied first, since it is moved within the same array; it is what gets cut. */
int sph_err_prefix(struct sph_err *err, const char *fmt, ...) {
    if (!err)
        return 0;
    char tail[sizeof(err->text)];
    memcpy(tail, err->text, sizeof(tail));
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    size_t used = strlen(err->text);
    (void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", tail);
    return err->code;
}
