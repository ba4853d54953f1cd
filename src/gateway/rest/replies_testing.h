/* replies_testing: what the tests of formatters share: messages in, JSON out, to the byte.
 *
 * Replies take the way of real ones: encoded, decoded and answered by the route. */
#ifndef SPH_GATEWAY_REST_REPLIES_TESTING_H
#define SPH_GATEWAY_REST_REPLIES_TESTING_H

#include "base/testing.h"

#include <string.h>

#include "gateway/rest/replies.h"
#include "gateway/rest/route.h"
#include "wire/message.h"

#define T(text)                                                                                    \
    { .data = (text), .len = sizeof(text) - 1 }
/* Text 04030201-0605-0807-090a-0b0c0d0e0f10: the first three groups are little-endian. */
#define ID_A                                                                                       \
    {                                                                                              \
        .bytes = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 }                         \
    }
#define ID_B                                                                                       \
    {                                                                                              \
        .bytes = { [0 ... 15] = 0xff }                                                             \
    }
#define TEXT_A "04030201-0605-0807-090a-0b0c0d0e0f10"
#define TEXT_B "ffffffff-ffff-ffff-ffff-ffffffffffff"
#define TEXT_0 "00000000-0000-0000-0000-000000000000"
#define MAX32 "4294967295"
#define MAX64 "18446744073709551615"
/* A name as a hostile package could have it: a quote, a line end, half a character, a NUL. */
#define EVIL T("a\"\n\xc3\0b")
#define EVIL_JSON "a\\\"\\n\xef\xbf\xbd\\u0000b"

/* The route that a method and a path mean; every answer goes through it. */
static inline void call_for(const char *method, const char *path, struct sph_call *ret_call) {
    const struct sph_route_request request = {.method = method, .path = path, .has_body = true};
    struct sph_response response = SPH_RESPONSE_NULL;
    if (sph_route_resolve(&request, ret_call, &response) != 0)
        fail_msg("%s %s: %s", method, path, response.sentence);
    sph_response_done(&response);
}

static inline void check_answer(const char *method, const char *path, const void *message,
                                unsigned status, const char *body) {
    struct sph_call call;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_response response = SPH_RESPONSE_NULL;
    sph_autobuf struct sph_buf payload = SPH_BUF_NULL;
    call_for(method, path, &call);
    const struct sph_codec *codec = sph_op_find(call.route->op)->reply;
    assert_int_equal(sph_codec_encode(codec, message, &payload, &err), 0);
    sph_route_answer(&call, payload.data ? payload.data : "", payload.len, &response);
    assert_string_equal(response.body.data ? response.body.data : "", body);
    assert_int_equal(response.status, status);
    assert_string_equal(response.content_type, "application/json");
    sph_response_done(&response);
}

#define CHECK(method, path, type, body, ...)                                                       \
    check_answer((method), (path), &(const struct sph_msg_##type){__VA_ARGS__}, 200, (body))

#endif
