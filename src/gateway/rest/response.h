/* response: an HTTP answer under construction, without any HTTP library in it.
 *
 * Starts as SPH_RESPONSE_NULL, is either filled by a formatter or made a refusal, at any point of
 * the way, and is sent by exchange.c. A body that could not be kept has body.error set and no text
 * that could be sent. */
#ifndef SPH_GATEWAY_REST_RESPONSE_H
#define SPH_GATEWAY_REST_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "wire/codec.h"

enum {
    SPH_RESPONSE_MAX =
        4 * 1024 * 1024,     /* bytes of a body; a full frame of mappings makes 300 KiB */
    SPH_RESPONSE_ALLOW = 32, /* bytes with the NUL: every method there is */
    SPH_SENTENCE = 320,      /* bytes with the NUL: as long as one of struct sph_err */
};

struct sph_response {
    unsigned status;          /* 0 = nothing decided yet */
    const char *content_type; /* static storage */
    struct sph_buf body;
    char allow[SPH_RESPONSE_ALLOW]; /* methods, "GET, PUT", of a 405 */
    char sentence[SPH_SENTENCE];    /* of an error; printable ASCII, for the header */
    bool has_log_cursor;
    uint64_t log_cursor, log_lost; /* headers of the log */
};

#define SPH_RESPONSE_NULL                                                                          \
    { .status = 0, .content_type = "application/json", .body = SPH_BUF_LIMIT(SPH_RESPONSE_MAX) }

void sph_response_done(struct sph_response *response);

/* The HTTP status for a refusal by the device, 400 to 500: docs/spec/rest.md, section 1.1. Total:
 * a number that nobody knows is 500. */
unsigned sph_refusal_status(uint32_t device_error);

/* Makes the response an error: {"error":N} of the device's interface, or with name and message in
 * our own part. Anything written so far is dropped. Returns `status`. */
unsigned sph_response_refuse(struct sph_response *response, bool is_own, unsigned status,
                             uint32_t device_error, const char *fmt, ...) SPH_PRINTF(5, 6);
/* The same for a sentence that came from the device. */
unsigned sph_response_refuse_text(struct sph_response *response, bool is_own, unsigned status,
                                  uint32_t device_error, struct sph_slice sentence);

#endif
