/* refusal: why the device says no, as its number and a sentence. */
#ifndef SPH_AGENT_DEVICE_REFUSAL_H
#define SPH_AGENT_DEVICE_REFUSAL_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "wire/device_error.h"

struct sph_refusal {
    uint32_t device_error; /* wire/device_error.h */
    struct sph_err err;
};
#define SPH_REFUSAL_NULL                                                                           \
    { .device_error = 0, .err = SPH_ERR_NULL }

/* Fills *refusal; returns `code`, a negative errno. */
int sph_refuse(struct sph_refusal *refusal, int code, uint32_t device_error, const char *fmt, ...)
    SPH_PRINTF(4, 5);
/* The same where refusal->err has the sentence already. */
int sph_refuse_as(struct sph_refusal *refusal, uint32_t device_error);

#endif
