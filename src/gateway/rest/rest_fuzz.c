/* Lines of the input are a request (method, path, media type, query values), the rest is its body
 * and, once more, the agent's reply and the agent's error. Whatever comes out is JSON, or the log.
 * The path and the media type are also what a guest shows of itself, the body where HTTPS is
 * wanted.
 *
 * All that the gateway makes of bytes from outside is pure and runs here without a socket: paths
 * and queries, bodies, the agent's messages, events. The HTTP library has its own fuzzers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_in.h"
#include "gateway/access/listen.h"
#include "gateway/rest/json_wire.h"
#include "gateway/rest/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_MAX_BYTES = 1200, LINES = 5 };

/* The next line as a string; NULL when it is empty, which stands for "absent". */
static const char *take_line(const uint8_t **data, size_t *size, char ret_line[LINE_MAX_BYTES]) {
    const uint8_t *end = *size ? memchr(*data, '\n', *size) : NULL;
    size_t len = end ? (size_t)(end - *data) : *size;
    size_t kept = len < LINE_MAX_BYTES ? len : LINE_MAX_BYTES - 1;
    if (kept > 0)
        memcpy(ret_line, *data, kept);
    ret_line[kept] = '\0';
    *data += end ? len + 1 : len;
    *size -= end ? len + 1 : len;
    return kept > 0 ? ret_line : NULL;
}

static void check(const struct sph_response *response) {
    struct sph_json_value top;
    if (response->status < 200 || response->status > 599)
        abort();
    if (strcmp(response->content_type, "application/json") == 0 &&
        sph_json_check(response->body.data, response->body.len, &top, NULL) < 0)
        abort();
    for (const char *at = response->sentence; *at; at++) {
        if (*at < ' ' || *at > '~')
            abort();
    }
}

static void answer(const struct sph_call *call, const void *payload, size_t size, bool is_error) {
    struct sph_response response = SPH_RESPONSE_NULL;
    if (is_error)
        sph_route_answer_error(call, payload, size, &response);
    else
        sph_route_answer(call, payload, size, &response);
    check(&response);
    sph_response_done(&response);
}

static void run(const struct sph_call *call, const void *body, size_t size) {
    struct sph_response response = SPH_RESPONSE_NULL;
    sph_autobuf struct sph_buf payload = SPH_BUF_NULL;
    if (sph_route_build(call, body, size, &payload, &response))
        check(&response);
    sph_response_done(&response);
    answer(call, body, size, false);
    answer(call, body, size, true);
}

static void format_event(const void *payload, size_t size) {
    struct sph_msg_event event;
    if (sph_codec_decode(&sph_msg_event_codec, payload, size, &event, NULL) < 0)
        return;
    sph_autobuf struct sph_buf line = SPH_BUF_NULL;
    struct sph_json_out out;
    struct sph_json_value top;
    sph_json_begin(&out, &line);
    sph_json_event(&out, &event);
    if (line.error || sph_json_check(line.data, line.len, &top, NULL) < 0)
        abort();
}

/* Nothing but the token itself lets a guest in, and what is taken for a place is one again. */
static void try_guest(const char *authorization, const char *origin, const void *body,
                      size_t size) {
    static const struct sph_access access = {
        .token = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"};
    struct sph_listen listen, again;
    if (sph_access_allows(&access, authorization, origin) && !strstr(authorization, access.token))
        abort();
    if (sph_listen_parse(body, size, &listen, NULL) < 0)
        return;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    sph_listen_format(&listen, &text);
    if (text.error || sph_listen_parse(text.data, text.len, &again, NULL) < 0 ||
        memcmp(&listen.address, &again.address, sizeof(listen.address)) != 0 ||
        memcmp(&listen.access, &again.access, sizeof(listen.access)) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char lines[LINES][LINE_MAX_BYTES];
    const char *words[LINES];
    if (size > SPH_FRAME_PAYLOAD_MAX)
        return 0;
    for (size_t i = 0; i < LINES; i++)
        words[i] = take_line(&data, &size, lines[i]);
    struct sph_route_request request = {.method = words[0] ? words[0] : "",
                                        .path = words[1] ? words[1] : "",
                                        .content_type = words[2],
                                        .first = words[3],
                                        .after = words[3],
                                        .cursor = words[3],
                                        .wait_ms = words[3],
                                        .component = words[4],
                                        .has_body = size > 0,
                                        .has_length = true,
                                        .body_length = size};
    struct sph_response response = SPH_RESPONSE_NULL;
    struct sph_call call = {0};
    if (sph_route_resolve(&request, &call, &response))
        check(&response);
    else
        run(&call, data, size);
    sph_response_done(&response);
    format_event(data, size);
    try_guest(words[1], words[2], data, size);
    return 0;
}
