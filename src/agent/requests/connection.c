/* Output is one buffer per client. Events may fill it to a first mark and are dropped above;
 * requests are not read above a second one, so that a client that does not take its replies holds
 * up only itself. A client that must not lose output acknowledges events, and is never owed more
 * than fits (flow.h). What is dropped all the same is dropped in one piece: only when the client
 * has taken everything does it get events again, from those that are kept. */
#include "agent/requests/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/device/device.h"
#include "agent/device/events.h"
#include "agent/install/stage.h"
#include "agent/requests/handle.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "wire/frame.h"
#include "wire/msg_device.h"
#include "wire/op.h"

enum {
    READ_CHUNK = 16 * 1024,
    PORT_PIECE = 4 * 1024,
    /* One frame may still come when the buffer stands at the second mark. */
    OUT_LIMIT = SPH_CONNECTION_REPLIES_HIGH + 3 * (SPH_FRAME_HEADER + SPH_FRAME_PAYLOAD_MAX),
    KEPT_CAPACITY = 8 * 1024, /* bytes of an empty output buffer that are not given back */
};

/* What carries the bytes. A socket ends with its client. A serial port stays, and what its host
 * says may come before the kernel's word that this host has replaced another: so only a hello tells
 * for sure that a conversation begins. */
struct carrier {
    ssize_t (*take)(int fd, void *data, size_t size);
    ssize_t (*give)(int fd, const void *data, size_t len);
    bool is_port;
};

static ssize_t take_from_socket(int fd, void *data, size_t size) {
    return recv(fd, data, size, MSG_DONTWAIT);
}

static ssize_t give_to_socket(int fd, const void *data, size_t len) {
    return send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The kernel copies each piece and keeps 128 of them until the host has taken them: 4 KiB, so that
 * a slow one holds 512 KiB of the machine at most. A full queue may show as nothing taken. */
static ssize_t give_to_port(int fd, const void *data, size_t len) {
    ssize_t given = write(fd, data, len < PORT_PIECE ? len : PORT_PIECE);
    if (given == 0)
        errno = EAGAIN;
    return given;
}

static const struct carrier socket_carrier = {.take = take_from_socket, .give = give_to_socket};
static const struct carrier port_carrier = {.take = read, .give = give_to_port, .is_port = true};

/* Owned by whoever owes the answer. The connection only knows of it, to tell it when the client has
 * gone. */
struct sph_ticket {
    struct sph_connection *connection; /* NULL: the client has gone */
    struct sph_ticket *next;
    uint16_t op;
    uint32_t id;
};

/* Freed in one place only (the end callback of the server), since callbacks of the loop hold its
 * address. */
struct sph_connection {
    struct sph_device *device;
    int fd;
    const struct carrier *carrier;
    struct sph_watch *watch;
    struct sph_watch *stall; /* timer of an unfinished frame */
    uint32_t watched;        /* epoll events asked for */
    sph_connection_end_fn *end;
    void *context;
    struct sph_frame_reader reader;
    struct sph_buf out;
    bool is_broken;
    bool is_gone;    /* a port's host, for now */
    bool is_waiting; /* for the next one */
    bool is_serving; /* what to watch for is settled at the end */
    bool is_stalling;
    struct sph_event_listener *listener;
    struct sph_flow_listener flow; /* put: seq of the newest event in `out` or sent */
    uint32_t events_id;
    bool is_behind; /* events were dropped, and are until `out` is empty */
    uint64_t dropped;
    struct sph_ticket *tickets;
    size_t ticket_count;
};

/* Level-triggered, so that a missed byte comes again. Called after every change of the output;
 * while frames are handled it waits, since most replies are taken by the socket at once. */
static void watch_for(struct sph_connection *connection) {
    uint32_t events = 0;
    if (connection->is_serving || connection->is_waiting)
        return;
    if (connection->out.len < SPH_CONNECTION_REPLIES_HIGH)
        events |= EPOLLIN;
    if (connection->out.len || connection->is_broken)
        events |= EPOLLOUT;
    if (events == connection->watched)
        return;
    if (sph_loop_modify_fd(connection->watch, events) == 0)
        connection->watched = events;
}

static void catch_up(struct sph_connection *connection);

/* The client has gone: for ever, or to be followed by another. */
static void lose(struct sph_connection *connection) {
    if (connection->carrier->is_port)
        connection->is_gone = true;
    else
        connection->is_broken = true;
}

/* The buffer's memory is given back when it is empty: a client that was slow once must not cost
 * memory for ever. */
static void flush(struct sph_connection *connection) {
    struct sph_buf *out = &connection->out;
    while (out->len && !connection->is_broken && !connection->is_gone) {
        ssize_t sent = connection->carrier->give(connection->fd, out->data, out->len);
        if (sent > 0)
            sph_buf_consume(out, (size_t)sent);
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            lose(connection);
    }
    if (out->error)
        connection->is_broken = true;
    if (!out->len && connection->is_behind && !connection->is_broken)
        catch_up(connection);
    if (!out->len && out->cap > KEPT_CAPACITY && !out->error) {
        sph_buf_done(out);
        *out = (struct sph_buf)SPH_BUF_LIMIT(OUT_LIMIT);
    }
}

/* One piece a round: a client that sends without end does not keep the others waiting. */
static void read_some(struct sph_connection *connection) {
    uint8_t chunk[READ_CHUNK];
    ssize_t got = connection->carrier->take(connection->fd, chunk, sizeof(chunk));
    if (got > 0) {
        if (sph_frame_reader_push(&connection->reader, chunk, (size_t)got) < 0)
            connection->is_broken = true;
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        lose(connection);
    }
}

/* Everything that this client alone has asked for. Tickets stay with those who owe the answers;
 * they find the connection gone. An upload goes with its sender. */
static void forget_client(struct sph_connection *connection) {
    if (connection->device->stage)
        sph_stage_abort(connection->device->stage, connection);
    sph_events_unlisten(connection->listener);
    connection->listener = NULL;
    sph_flow_leave(&connection->flow);
    for (struct sph_ticket *ticket = connection->tickets; ticket; ticket = ticket->next)
        ticket->connection = NULL;
    connection->tickets = NULL;
    connection->ticket_count = 0;
}

/* A host that finds the agent in the middle of a frame passes over it by the protocol's own rules.
 */
static void begin_anew(struct sph_connection *connection) {
    forget_client(connection);
    connection->dropped = sph_connection_dropped(connection);
    connection->is_behind = false;
    sph_buf_done(&connection->out);
    connection->out = (struct sph_buf)SPH_BUF_LIMIT(OUT_LIMIT);
}

/* A client that greets tells its clock; one that only wants to know the device by hello does not.
 */
static bool begins_conversation(const struct sph_frame *frame) {
    struct sph_msg_hello hello;
    return frame->type == SPH_FRAME_REQUEST && frame->op == SPH_OP_HELLO &&
           (sph_codec_decode(&sph_msg_hello_codec, frame->payload, frame->payload_len, &hello,
                             NULL) < 0 ||
            hello.time_ms != 0);
}

/* False when frames are left, because the client has to take replies first. */
static bool handle_frames(struct sph_connection *connection) {
    /* The mark is looked at before each frame: one reply may pass it, a second one may not. */
    struct sph_frame frame;
    while (!connection->is_broken) {
        if (connection->out.len >= SPH_CONNECTION_REPLIES_HIGH)
            return false;
        if (sph_frame_reader_next(&connection->reader, &frame) == SPH_FRAME_E_MORE)
            break;
        if (connection->carrier->is_port && begins_conversation(&frame))
            begin_anew(connection);
        sph_handle_frame(connection->device, connection, &frame);
    }
    return true;
}

/* Armed only when something is under way: an idle connection costs no wake-up. */
static void time_stall(struct sph_connection *connection, bool is_stalling) {
    if (is_stalling || connection->is_stalling)
        (void)sph_loop_arm_timer(connection->stall, is_stalling ? SPH_FRAME_STALL_MS : 0, 0);
    connection->is_stalling = is_stalling;
}

/* A port without a host is readable (end of file) and hung up, always: who asks for its state
 * spins, who asks for changes sleeps until there is one. What the host has begun to say is not
 * continued by the next; what could not be given is kept, since it may be the next one's already.
 */
static void wait_for_host(struct sph_connection *connection) {
    forget_client(connection);
    sph_frame_reader_reset(&connection->reader);
    time_stall(connection, false);
    connection->is_gone = false;
    connection->is_waiting = true;
    connection->watched = EPOLLIN | EPOLLOUT | EPOLLET;
    (void)sph_loop_modify_fd(connection->watch, connection->watched);
}

/* Out of memory there is no telling what was lost; a socket is closed for that. */
static void start_over(struct sph_connection *connection) {
    begin_anew(connection);
    sph_frame_reader_reset(&connection->reader);
    connection->is_broken = false;
    sph_connection_ask_for_hello(connection);
}

/* Handles what can be handled; ends the connection when it is broken: nothing may touch it after.
 */
static void serve(struct sph_connection *connection) {
    bool is_all;
    /* Flushing can make room for frames that were held back, and those fill the output again. */
    connection->is_serving = true;
    do {
        is_all = handle_frames(connection);
        flush(connection);
    } while (!is_all && !connection->is_broken &&
             connection->out.len < SPH_CONNECTION_REPLIES_HIGH);
    time_stall(connection, is_all && sph_frame_reader_pending(&connection->reader) > 0);
    if (connection->is_broken && connection->carrier->is_port)
        start_over(connection);
    if (connection->is_gone)
        wait_for_host(connection);
    connection->is_serving = false;
    if (connection->is_broken)
        connection->end(connection->context, connection);
    else
        watch_for(connection);
}

/* After EPOLLHUP reading tells what there is to know: rest, end or error. */
static void on_ready(void *context, int fd, uint32_t epoll_events) {
    struct sph_connection *connection = context;
    (void)fd;
    if (connection->is_waiting && (epoll_events & (EPOLLHUP | EPOLLERR)))
        return; /* a change, and still nobody */
    connection->is_waiting = false;
    /* Nobody takes what is in the way of reading on to the end of file. */
    if (connection->carrier->is_port && (epoll_events & EPOLLHUP) &&
        connection->out.len >= SPH_CONNECTION_REPLIES_HIGH)
        begin_anew(connection);
    if (epoll_events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        read_some(connection);
    if (epoll_events & EPOLLOUT)
        flush(connection);
    serve(connection);
}

/* The frame's sender may have been restarted in the middle of it: what follows may be a good frame.
 */
static void on_stall(void *context) {
    struct sph_connection *connection = context;
    sph_frame_reader_give_up(&connection->reader);
    serve(connection);
}

/* Sockets come from accept() and from tests alike; what is none is the port. */
static const struct carrier *carrier_of(int fd) {
    struct stat info;
    return fstat(fd, &info) == 0 && !S_ISSOCK(info.st_mode) ? &port_carrier : &socket_carrier;
}

/* Until the end `fd` is the parameter's guard and not the connection's: it is closed once, whatever
 * fails. */
int sph_connection_new(struct sph_device *device, int fd, sph_connection_end_fn *end, void *context,
                       struct sph_connection **ret_connection, struct sph_err *err) {
    sph_autoclose int owned = fd;
    struct sph_connection *connection = calloc(1, sizeof(*connection));
    if (!connection)
        return SPH_FAIL(err, -ENOMEM, "out of memory for a connection");
    connection->device = device;
    connection->fd = -1;
    connection->carrier = carrier_of(fd);
    connection->end = end;
    connection->context = context;
    connection->watched = EPOLLIN;
    connection->out = (struct sph_buf)SPH_BUF_LIMIT(OUT_LIMIT);
    sph_frame_reader_init(&connection->reader);
    int code =
        sph_loop_add_fd(device->loop, fd, EPOLLIN, on_ready, connection, &connection->watch, err);
    if (code == 0)
        code =
            sph_loop_add_timer(device->loop, 0, 0, on_stall, connection, &connection->stall, err);
    if (code < 0) {
        sph_connection_free(connection);
        return code;
    }
    connection->fd = SPH_STEAL_FD(owned);
    *ret_connection = connection;
    return 0;
}

struct sph_connection *sph_connection_free(struct sph_connection *connection) {
    if (!connection)
        return NULL;
    if (connection->fd >= 0)
        flush(connection);
    forget_client(connection);
    sph_loop_remove(connection->stall);
    sph_loop_remove(connection->watch);
    if (connection->fd >= 0)
        (void)close(connection->fd);
    sph_frame_reader_done(&connection->reader);
    sph_buf_done(&connection->out);
    free(connection);
    return NULL;
}

void sph_connection_refuse(struct sph_connection *connection, uint16_t op, uint32_t id,
                           const struct sph_refusal *refusal) {
    (void)sph_op_put_error(&connection->out, op, id, refusal->device_error, refusal->err.text);
    watch_for(connection);
}

/* Id 0 is no request's: it is the device that speaks. */
void sph_connection_ask_for_hello(struct sph_connection *connection) {
    struct sph_refusal refusal = {.device_error = SPH_DEVICE_ERROR(SPH_CATEGORY_LINUX, ECONNRESET)};
    (void)SPH_FAIL(&refusal.err, -ECONNRESET, "the device has started anew: say hello again");
    sph_connection_refuse(connection, SPH_OP_HELLO, 0, &refusal);
}

/* A client that waits must get something: a reply that does not fit a frame is an error frame. */
static void refuse_unlaid(struct sph_connection *connection, uint16_t op, uint32_t id,
                          const struct sph_err *err) {
    struct sph_refusal refusal = {.device_error = SPH_DEVICE_ERROR(SPH_CATEGORY_LINUX, -err->code),
                                  .err = *err};
    sph_connection_refuse(connection, op, id, &refusal);
}

void sph_connection_reply(struct sph_connection *connection, uint16_t op, uint32_t id,
                          const void *message) {
    struct sph_err err = SPH_ERR_NULL;
    if (sph_op_put_reply(&connection->out, op, id, message, &err) < 0)
        refuse_unlaid(connection, op, id, &err);
    watch_for(connection);
}

void sph_connection_reply_raw(struct sph_connection *connection, uint16_t op, uint32_t id,
                              const void *payload, size_t len) {
    struct sph_err err = SPH_ERR_NULL;
    int code = sph_frame_append(&connection->out, SPH_FRAME_REPLY, op, id, payload, len);
    if (code < 0) {
        (void)SPH_FAIL_ERRNO(&err, code, "cannot send a reply of %zu bytes", len);
        refuse_unlaid(connection, op, id, &err);
    }
    watch_for(connection);
}

/* What fits the window of a client that holds was asked for, whatever replies are in its way: the
 * buffer has room for both. */
static bool has_room(const struct sph_connection *connection, size_t len) {
    return connection->out.len + SPH_FRAME_HEADER + len <= SPH_CONNECTION_EVENTS_HIGH ||
           (connection->flow.flow && sph_flow_has_room(&connection->flow));
}

/* Dropped here and not queued elsewhere: the client's own gap in seq tells it to ask for the whole
 * state again. */
static void on_event(void *context, uint64_t seq, const void *payload, size_t len) {
    struct sph_connection *connection = context;
    if (connection->is_behind || !has_room(connection, len)) {
        connection->is_behind = true;
        return;
    }
    if (seq > connection->flow.put + 1)
        connection->dropped += seq - connection->flow.put - 1;
    (void)sph_frame_append(&connection->out, SPH_FRAME_EVENT, SPH_OP_EVENTS, connection->events_id,
                           payload, len);
    sph_flow_put(&connection->flow, seq);
    watch_for(connection);
}

/* The newest of what was dropped is kept still: an app's end is mostly among it. */
static void catch_up(struct sph_connection *connection) {
    connection->is_behind = false;
    sph_events_replay(connection->device->events, connection->flow.put, on_event, connection);
}

/* What came before is not asked for: it counts as given and taken. */
static int begin_flow(struct sph_connection *connection, uint64_t after_seq, bool hold,
                      struct sph_err *err) {
    sph_flow_leave(&connection->flow);
    connection->is_behind = false;
    connection->flow = (struct sph_flow_listener){
        .put = after_seq,
        .taken = after_seq,
        .window = SPH_CONNECTION_WINDOW,
        .patience = SPH_PATIENCE(SPH_CONNECTION_PATIENCE_MS),
    };
    struct sph_device *device = connection->device;
    return hold ? sph_flow_join(&device->flow, device->loop, &connection->flow, err) : 0;
}

/* What cannot be had any more was not lost by slowness; what is to come cannot be had already. */
static uint64_t clamp_seq(const struct sph_events *events, uint64_t seq) {
    uint64_t newest = sph_events_newest(events), oldest = sph_events_oldest(events);
    if (seq > newest)
        return newest;
    return seq + 1 < oldest ? oldest - 1 : seq;
}

/* Replay goes through the same bound as new events. */
int sph_connection_subscribe(struct sph_connection *connection, uint32_t id, uint64_t after_seq,
                             bool hold, struct sph_err *err) {
    /* Listening before replaying: nothing is published in between, the loop is ours. */
    struct sph_events *events = connection->device->events;
    after_seq = clamp_seq(events, after_seq);
    int code = begin_flow(connection, after_seq, hold, err);
    if (code == 0 && !connection->listener)
        code = sph_events_listen(events, on_event, connection, &connection->listener, err);
    if (code < 0)
        return code;
    connection->events_id = id;
    sph_events_replay(events, after_seq, on_event, connection);
    return 0;
}

void sph_connection_acknowledge(struct sph_connection *connection, uint64_t seq) {
    sph_flow_take(&connection->flow, seq);
}

uint64_t sph_connection_dropped(const struct sph_connection *connection) {
    uint64_t newest = sph_events_newest(connection->device->events);
    return connection->dropped + (connection->is_behind ? newest - connection->flow.put : 0);
}

/* Bounded, since each ticket may hold memory of its handler until its answer. */
struct sph_ticket *sph_connection_defer(struct sph_connection *connection, uint16_t op,
                                        uint32_t id) {
    if (connection->ticket_count == SPH_CONNECTION_TICKETS)
        return NULL;
    struct sph_ticket *ticket = malloc(sizeof(*ticket));
    if (!ticket)
        return NULL;
    *ticket = (struct sph_ticket){
        .connection = connection, .next = connection->tickets, .op = op, .id = id};
    connection->tickets = ticket;
    connection->ticket_count++;
    return ticket;
}

bool sph_ticket_is_wanted(const struct sph_ticket *ticket) {
    return ticket->connection;
}

/* The connection's list is short; order has no meaning. */
static void give_back(struct sph_ticket *ticket) {
    struct sph_connection *connection = ticket->connection;
    if (connection) {
        struct sph_ticket **at = &connection->tickets;
        while (*at != ticket)
            at = &(*at)->next;
        *at = ticket->next;
        connection->ticket_count--;
    }
    free(ticket);
}

void sph_ticket_reply(struct sph_ticket *ticket, const void *message) {
    if (ticket->connection)
        sph_connection_reply(ticket->connection, ticket->op, ticket->id, message);
    give_back(ticket);
}

void sph_ticket_refuse(struct sph_ticket *ticket, const struct sph_refusal *refusal) {
    if (ticket->connection)
        sph_connection_refuse(ticket->connection, ticket->op, ticket->id, refusal);
    give_back(ticket);
}
