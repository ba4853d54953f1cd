/* err: why a call failed, in a form that never allocates.
 *
 * The code is for programs and the sentence for people. Who knows most writes it: the callee that
 * the file is too large, the caller (by sph_err_prefix) which of its files that was. */
#ifndef SPH_BASE_ERR_H
#define SPH_BASE_ERR_H

#include <stdarg.h>

#include "base/attr.h"

/* A boundary function takes `struct sph_err *err` last. NULL is allowed; it is untouched on
 * success. The text is one sentence that a person can act on, without a final newline. */
struct sph_err {
    int code;          /* negative errno, or 0 when unset */
    const char *where; /* __func__ of the origin, static storage */
    char text[320];    /* cut at the end if longer */
};

#define SPH_ERR_NULL                                                                               \
    { .code = 0, .where = "", .text = "" }

/* Fills *err when err is not NULL; returns `code` either way. */
int sph_err_set(struct sph_err *err, int code, const char *where, const char *fmt, ...)
    SPH_PRINTF(4, 5);
int sph_err_vset(struct sph_err *err, int code, const char *where, const char *fmt, va_list args)
    SPH_PRINTF(4, 0);
/* Puts "prefix: " in front of the text of a failed call: adds what only the caller knows. Returns
 * err->code, or 0 for NULL: forward the call's own result instead. */
int sph_err_prefix(struct sph_err *err, const char *fmt, ...) SPH_PRINTF(2, 3);

#define SPH_FAIL(err, code, ...) sph_err_set((err), (code), __func__, __VA_ARGS__)
/* As SPH_FAIL, with the system's words for errno value `code` (negative) after a colon. */
#define SPH_FAIL_ERRNO(err, code, ...) sph_err_set_errno((err), (code), __func__, __VA_ARGS__)
int sph_err_set_errno(struct sph_err *err, int code, const char *where, const char *fmt, ...)
    SPH_PRINTF(4, 5);

#endif
