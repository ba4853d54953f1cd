/* A stream reads the history when the library has room for bytes, and sleeps (suspended) when it
 * has read all. A client that is gone is found by writing: hence the empty line now and then.
 *
 * A stream that holds loses nothing: the agent is told only of those events that all such streams
 * have read, and sends fewer than the history keeps beyond them (8, of 25 KiB at most). One that is
 * stuck is left out after a while, so that neither the apps nor the other streams suffer. */
#include <string.h>

#include "base/clock.h"
#include "gateway/rest/json_wire.h"
#include "gateway/serve/exchange_private.h"

enum {
    BLOCK_BYTES = 4096, /* that the library asks for at once */
    READ_BYTES = 16384, /* of lines taken from the history at once */
};

/* Lines of this stream alone: they are not in the history, whose readers have each their own. */
static void add_line_u64(struct sph_buf *lines, const char *kind, const char *key,
                         uint64_t number) {
    struct sph_json_out out;
    sph_json_begin(&out, lines);
    sph_json_object(&out);
    sph_json_key_string(&out, "kind", kind);
    sph_json_key_u64(&out, key, number);
    sph_json_object_end(&out);
    sph_buf_append(lines, "\n", 1);
}

/* Nothing but a line end when there is nothing to say and it is time to say something. */
static void fill(struct sph_exchange *exchange) {
    sph_autobuf struct sph_buf fresh = SPH_BUF_NULL;
    uint64_t lost =
        sph_history_read(&exchange->pool->history, &exchange->cursor, READ_BYTES, &fresh);
    if (lost > 0)
        add_line_u64(&exchange->lines, "lost", "count", lost);
    sph_buf_append(&exchange->lines, fresh.data, fresh.len);
    if (exchange->lines.len == 0 && exchange->alive_due)
        sph_buf_append(&exchange->lines, "\n", 1);
    exchange->alive_due = false;
}

/* 0 with the connection suspended: the library would call again at once otherwise. Out of memory
 * ends the stream in the middle of its chunks, which a client sees as a failure and not as an end.
 */
static ssize_t read_stream(void *context, uint64_t position, char *bytes, size_t max) {
    (void)position;
    struct sph_exchange *exchange = context;
    if (exchange->lines.len == 0)
        fill(exchange);
    if (exchange->lines.error)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t len = exchange->lines.len < max ? exchange->lines.len : max;
    if (len > 0) {
        memcpy(bytes, exchange->lines.data, len);
        sph_buf_consume(&exchange->lines, len);
        return (ssize_t)len;
    }
    if (exchange->is_ending)
        return MHD_CONTENT_READER_END_OF_STREAM;
    sph_exchange_suspend(exchange);
    return 0;
}

/* Of the device's events, the newest that is done with as far as this stream is asked. */
static uint64_t taken(struct sph_exchange *exchange, uint64_t now_ms) {
    uint64_t seq = sph_history_taken(&exchange->pool->history, &exchange->cursor);
    bool is_behind = seq != UINT64_MAX;
    bool is_waited_for =
        sph_patience_look(&exchange->patience, exchange->cursor.number, is_behind, now_ms);
    return is_waited_for ? seq : UINT64_MAX;
}

/* The slowest of those that are waited for decides. Without any, all that has come is acknowledged
 * and nothing is held. */
void sph_exchange_acknowledge(struct sph_exchange_pool *pool) {
    uint64_t seq = sph_link_last_seq(pool->link), now_ms = sph_clock_monotonic_ms();
    bool holds = false;
    for (struct sph_exchange *at = pool->exchanges; at; at = at->next) {
        if (at->phase != SPH_PHASE_STREAM || !at->call.hold)
            continue;
        uint64_t at_seq = taken(at, now_ms);
        seq = at_seq < seq ? at_seq : seq;
        holds = true;
    }
    if (!pool->is_stopping)
        sph_link_acknowledge(pool->link, holds, seq);
}

/* The first line goes out at once: a client knows from it that nothing after it will be missed. */
enum MHD_Result sph_stream_begin(struct sph_exchange *exchange) {
    struct sph_exchange_pool *pool = exchange->pool;
    struct MHD_Response *http = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES,
                                                                  read_stream, exchange, NULL);
    if (!http)
        return MHD_NO;
    exchange->cursor = exchange->call.has_after
                           ? sph_history_after(&pool->history, exchange->call.after)
                           : sph_history_now(&pool->history);
    add_line_u64(&exchange->lines, "subscribed", "lastSeq", sph_link_last_seq(pool->link));
    (void)MHD_add_response_header(http, "REST-API-Version", SPH_REST_API_VERSION);
    (void)MHD_add_response_header(http, MHD_HTTP_HEADER_CONTENT_TYPE, "application/x-ndjson");
    (void)MHD_add_response_header(http, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result result = MHD_queue_response(exchange->connection, MHD_HTTP_OK, http);
    MHD_destroy_response(http);
    if (result == MHD_YES) {
        exchange->phase = SPH_PHASE_STREAM;
        /* Who does not read is not gone: a pager may wait for its user. */
        (void)MHD_set_connection_option(exchange->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
        pool->streams++;
        pool->guest_streams += exchange->guest != NULL;
        sph_guest_sends(exchange->guest, UINT64_MAX, sph_clock_monotonic_ms());
        sph_exchange_acknowledge(pool); /* before the client knows that it may go on */
    }
    return result;
}
