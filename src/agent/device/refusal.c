/* The number is for programs (Microsoft's clients map it to their own texts), the sentence for
 * people. Both are chosen where the decision is made: a caller that translated error codes would
 * know less than the one who failed. */
#include "agent/device/refusal.h"

int sph_refuse(struct sph_refusal *refusal, int code, uint32_t device_error, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    sph_err_vset(&refusal->err, code, __func__, fmt, args);
    va_end(args);
    refusal->device_error = device_error;
    return code;
}

int sph_refuse_as(struct sph_refusal *refusal, uint32_t device_error) {
    refusal->device_error = device_error;
    return refusal->err.code;
}
