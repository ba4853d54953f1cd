/* States: away (a timer tries again) -> greeting (hello is sent) -> subscribing (events are asked
 * for) -> ready. Any failure leads back to away; every request under way is told, since nobody can
 * know whether the agent carried it out. Requests are not kept for the next connection: a person
 * who sent "stop" a minute ago may have changed their mind.
 *
 * What the agent sends is never believed further than the codec has checked it. A reply to nobody's
 * request, a frame of an unknown type and an event that cannot be read are passed over (an agent of
 * a later release may have them); a greeting that cannot be read ends the connection.
 *
 * Rejected: one connection per client (each would need its own greeting, and the agent would serve
 * clients that it cannot tell apart), and a queue of requests before the first connection. */
#include "gateway/link/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "wire/message.h"

enum {
    READ_BYTES = 16384,     /* a read */
    OUT_LIMIT = 512 * 1024, /* bytes that wait to be written: 192 requests are far less */
    TICK_MS = 500,          /* of time-outs: they are late by so much at most */
    GREETING_MS = 10000,    /* for each half of it: an agent that is there answers in a few ms */
    REFUSAL_MAX = 300,      /* bytes of the agent's sentence that are shown */
};

/* Questions are taken in the last one only. */
enum link_state { LINK_AWAY, LINK_GREETING, LINK_SUBSCRIBING, LINK_READY };

struct sph_ask {
    struct sph_ask *next;
    uint32_t id;
    uint64_t deadline_ms;
    sph_link_answer_fn *fn; /* NULL: forgotten */
    void *context;
};

struct sph_link {
    struct sph_loop *loop;
    const struct sph_backend *backend;
    struct sph_link_listener listener;
    enum link_state state;
    int fd;
    struct sph_watch *fd_watch, *timer;
    uint32_t events; /* that the fd watch waits for */
    uint64_t backoff_ms;
    uint64_t state_since_ms, last_read_ms;
    uint32_t next_id;     /* goes on over connections: a late answer meets no new question */
    uint32_t greeting_id; /* of the hello or of the request for events, while not ready */
    struct sph_ask *asks;
    size_t ask_count;
    struct sph_frame_reader reader;
    struct sph_buf out;
    size_t out_done;  /* bytes of `out` that are written */
    bool has_boot_id; /* there was a greeting: what follows is about the boot of that id */
    bool restarted;
    struct sph_guid boot_id;
    uint64_t last_seq; /* the highest number of an event; the next connection asks from there on */
    bool knows_seq;    /* events after last_seq have not been seen, but exist or will */
    bool holds;        /* asked of the agent */
    uint64_t acknowledged;           /* what the agent was told last */
    struct sph_ask *acknowledgement; /* one at a time: those that wait become one */
    char message[SPH_LINK_MESSAGE];
};

static void on_fd(void *context, int fd, uint32_t epoll_events);
static void lose(struct sph_link *link, const char *text);

static void idle(struct sph_link *link) {
    if (link->listener.on_idle)
        link->listener.on_idle(link->listener.context);
}

static void set_state(struct sph_link *link, enum link_state state) {
    link->state = state;
    link->state_since_ms = sph_clock_monotonic_ms();
}

/* A copy: the text may be in a frame, or in the stack. */
static void set_message(struct sph_link *link, const char *text) {
    (void)snprintf(link->message, sizeof(link->message), "%s", text);
}

/* ---- requests under way ---- */

/* Unlinks it: an answer may free everything but the link, and ask anew. A list is enough for 64. */
static struct sph_ask *take_ask(struct sph_link *link, uint32_t id) {
    for (struct sph_ask **at = &link->asks; *at; at = &(*at)->next) {
        struct sph_ask *ask = *at;
        if (ask->id == id) {
            *at = ask->next;
            link->ask_count--;
            return ask;
        }
    }
    return NULL;
}

static void answer_and_free(struct sph_ask *ask, const struct sph_answer *answer) {
    if (ask->fn)
        ask->fn(ask->context, answer);
    free(ask);
}

/* Taken off as a whole first, so that nothing can be answered twice. */
static void answer_all(struct sph_link *link, const struct sph_answer *answer) {
    struct sph_ask *ask = link->asks; /* answers may make new requests: those are refused */
    link->asks = NULL;
    link->ask_count = 0;
    while (ask) {
        struct sph_ask *next = ask->next;
        answer_and_free(ask, answer);
        ask = next;
    }
}

/* Looked for from the start after each answer, since the answer may have changed the list. A reply
 * that comes after all finds no question and is dropped. */
static void answer_late_ones(struct sph_link *link, uint64_t now_ms) {
    static const struct sph_answer late = {.kind = SPH_ANSWER_TIMEOUT,
                                           .text = "the agent did not answer in time"};
    for (;;) {
        struct sph_ask *ask = link->asks;
        while (ask && (ask->deadline_ms > now_ms))
            ask = ask->next;
        if (!ask)
            return;
        answer_and_free(take_ask(link, ask->id), &late);
    }
}

/* ---- writing ---- */

static void wait_for(struct sph_link *link, uint32_t events) {
    if (link->events == events)
        return;
    if (sph_loop_modify_fd(link->fd_watch, events) == 0)
        link->events = events;
}

/* 0 or negative errno; what is left waits for EPOLLOUT. */
/* MSG_NOSIGNAL: an agent that has gone is a failure of this call, not of the process. */
static int flush(struct sph_link *link) {
    while (link->out_done < link->out.len) {
        ssize_t sent = send(link->fd, link->out.data + link->out_done,
                            link->out.len - link->out_done, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN) {
            wait_for(link, EPOLLIN | EPOLLOUT);
            return 0;
        }
        if (sent < 0)
            return -errno;
        link->out_done += (size_t)sent;
    }
    link->out.len = 0;
    link->out_done = 0;
    wait_for(link, EPOLLIN);
    return 0;
}

/* Wraps after 2^32 requests; with 64 under way at most none is met again. */
static uint32_t new_id(struct sph_link *link) {
    if (++link->next_id == 0) /* 0 is never used: an agent may say it of nobody's request */
        link->next_id = 1;
    return link->next_id;
}

/* A half of the greeting. It may be answered from within a time-out, where nothing flushes after.
 */
static int send_greeting(struct sph_link *link, uint16_t op, const void *message,
                         struct sph_err *err) {
    link->greeting_id = new_id(link);
    wait_for(link, EPOLLIN | EPOLLOUT);
    return sph_op_put_request(&link->out, op, link->greeting_id, message, err);
}

int sph_link_ask(struct sph_link *link, const struct sph_question *question,
                 struct sph_ask **ret_ask, struct sph_err *err) {
    if (link->state != LINK_READY)
        return SPH_FAIL(err, -ENOTCONN, "%s", link->message);
    if (link->ask_count >= SPH_LINK_ASKS)
        return SPH_FAIL(err, -EBUSY, "too many requests are under way");
    size_t before = link->out.len;
    uint32_t id = new_id(link);
    int rc = sph_frame_append(&link->out, SPH_FRAME_REQUEST, question->op, id, question->payload,
                              question->len);
    struct sph_ask *ask = rc < 0 ? NULL : calloc(1, sizeof(*ask));
    if (!ask) {
        link->out.len = before;
        link->out.error = 0;
        return SPH_FAIL(err, rc < 0 ? rc : -ENOMEM, "the request is too large for the %s",
                        rc < 0 ? "agent" : "gateway's memory");
    }
    uint64_t patience_ms = SPH_LINK_ANSWER_MS + question->extra_ms;
    *ask = (struct sph_ask){.id = id,
                            .deadline_ms = sph_clock_monotonic_ms() + patience_ms,
                            .fn = question->fn,
                            .context = question->context};
    ask->next = link->asks;
    link->asks = ask;
    link->ask_count++;
    /* Written by the loop, so that a connection found dead is told by answers and not from in here.
     */
    wait_for(link, EPOLLIN | EPOLLOUT);
    *ret_ask = ask;
    return 0;
}

struct sph_ask *sph_link_forget(struct sph_ask *ask) {
    if (ask)
        ask->fn = NULL;
    return NULL;
}

static void on_acknowledged(void *context, const struct sph_answer *answer) {
    struct sph_link *link = context;
    (void)answer; /* an agent that knows of no acknowledgement does not wait for one */
    link->acknowledgement = NULL;
}

/* A request of the link's own. */
static int ask_message(struct sph_link *link, struct sph_question *question,
                       const struct sph_codec *codec, const void *message,
                       struct sph_ask **ret_ask) {
    sph_autobuf struct sph_buf payload = SPH_BUF_NULL;
    int rc = sph_codec_encode(codec, message, &payload, NULL);
    question->payload = payload.data;
    question->len = payload.len;
    question->context = link;
    return rc < 0 ? rc : sph_link_ask(link, question, ret_ask, NULL);
}

/* Nothing is tried again here: a failure leaves what was told as it was, and the next call finds
 * the difference anew. One acknowledgement is under way at a time, so that a slow agent is not sent
 * one for each event; the next one carries the newest number. */
void sph_link_acknowledge(struct sph_link *link, bool hold, uint64_t seq) {
    struct sph_ask *ask;
    struct sph_question events = {.op = SPH_OP_EVENTS};
    struct sph_question ack = {.op = SPH_OP_EVENTS_ACK, .fn = on_acknowledged};
    const struct sph_msg_events wanted = {.hold = hold};
    const struct sph_msg_events_ack done = {.seq = seq};
    if (hold != link->holds &&
        ask_message(link, &events, &sph_msg_events_codec, &wanted, &ask) == 0)
        link->holds = hold;
    if (!link->holds || seq <= link->acknowledged || link->acknowledgement)
        return;
    if (ask_message(link, &ack, &sph_msg_events_ack_codec, &done, &link->acknowledgement) == 0)
        link->acknowledged = seq;
}

/* ---- connecting ---- */

/* What was not written is dropped with the connection: its requests are told that they are lost. */
static void close_connection(struct sph_link *link) {
    link->fd_watch = sph_loop_remove(link->fd_watch);
    if (link->fd >= 0)
        (void)close(link->fd);
    link->fd = -1;
    sph_frame_reader_reset(&link->reader);
    link->out.len = 0;
    link->out.error = 0;
    link->out_done = 0;
}

/* The back-off is taken back when a conversation begins, not when a connection does: an agent that
 * accepts and refuses is not asked fifty times a second. */
static void try_later(struct sph_link *link) {
    (void)sph_loop_arm_timer(link->timer, link->backoff_ms, 0);
    link->backoff_ms = link->backoff_ms * 2 < SPH_LINK_BACKOFF_MAX_MS ? link->backoff_ms * 2
                                                                      : SPH_LINK_BACKOFF_MAX_MS;
}

/* The one way out of every state. `text` may be in the stack of the caller; link->message is what
 * clients read from now on. */
static void lose(struct sph_link *link, const char *text) {
    bool was_ready = link->state == LINK_READY;
    const struct sph_answer lost = {.kind = SPH_ANSWER_LOST, .text = link->message};
    set_message(link, text);
    set_state(link, LINK_AWAY);
    close_connection(link);
    answer_all(link, &lost);
    if (was_ready)
        link->listener.on_lost(link->listener.context, link->message);
    try_later(link);
}

/* A machine that has ended is told as that: nothing will be connected to until it is started. */
static void lose_agent(struct sph_link *link) {
    const struct sph_backend *backend = link->backend;
    struct sph_err err = SPH_ERR_NULL;
    bool is_gone = backend->why_gone && backend->why_gone(backend->context, &err) < 0;
    lose(link,
         is_gone ? err.text : "the device's agent has ended; the gateway connects to it again");
}

/* Whatever was acquired when this fails is given back by lose(). */
static int begin_connection(struct sph_link *link, struct sph_err *err) {
    struct sph_msg_hello hello = {.version_min = SPH_FRAME_VERSION,
                                  .version_max = SPH_FRAME_VERSION,
                                  .program = sph_slice_text("spheruled " SPH_VERSION),
                                  .time_ms = sph_clock_wall_ms()};
    link->fd = link->backend->connect(link->backend->context, err);
    if (link->fd < 0)
        return link->fd;
    link->events = EPOLLIN | EPOLLOUT;
    int rc = sph_loop_add_fd(link->loop, link->fd, link->events, on_fd, link, &link->fd_watch, err);
    return rc < 0 ? rc : send_greeting(link, SPH_OP_HELLO, &hello, err);
}

/* The timer is the one for tries until here and for time-outs from here on. */
static void connect_now(struct sph_link *link) {
    struct sph_err err = SPH_ERR_NULL;
    set_state(link, LINK_GREETING);
    if (begin_connection(link, &err) < 0) {
        char text[SPH_LINK_MESSAGE];
        (void)snprintf(text, sizeof(text), "the device's agent is not running: %s", err.text);
        lose(link, err.code == -EHOSTDOWN ? err.text : text);
        return;
    }
    (void)sph_loop_arm_timer(link->timer, TICK_MS, TICK_MS);
}

/* ---- reading ---- */

/* Another boot id is another life of the device: its events begin at 1 again, and nothing that was
 * acknowledged to the old one counts. */
static void greeted(struct sph_link *link, const struct sph_frame *frame) {
    struct sph_msg_hello_reply reply;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_codec_decode(&sph_msg_hello_reply_codec, frame->payload, frame->payload_len, &reply,
                         &err) < 0) {
        lose(link, "the agent's greeting cannot be read; it is of another version");
        return;
    }
    bool same = link->has_boot_id && sph_guid_equal(&link->boot_id, &reply.boot_id);
    link->restarted = link->has_boot_id && !same;
    link->boot_id = reply.boot_id;
    link->has_boot_id = true;
    if (!same)
        link->last_seq = 0;
    link->acknowledged = link->last_seq;
    struct sph_msg_events events = {
        .has_after = true, .after_seq = link->last_seq, .hold = link->holds};
    set_state(link, LINK_SUBSCRIBING);
    if (send_greeting(link, SPH_OP_EVENTS, &events, NULL) < 0)
        lose(link, "the gateway is out of memory for its request for events");
}

/* What was before the first connection is not missed; what was before a restart was seen to end. */
static void learn_seq(struct sph_link *link, const struct sph_msg_events_reply *reply) {
    if (link->knows_seq)
        return;
    link->knows_seq = true;
    link->last_seq = reply->oldest_seq > 0 ? reply->oldest_seq - 1 : reply->last_seq;
}

static void subscribed(struct sph_link *link, const struct sph_frame *frame) {
    struct sph_msg_events_reply reply;
    if (sph_codec_decode(&sph_msg_events_reply_codec, frame->payload, frame->payload_len, &reply,
                         NULL) < 0) {
        lose(link, "the agent's answer about events cannot be read; it is of another version");
        return;
    }
    learn_seq(link, &reply);
    set_state(link, LINK_READY);
    set_message(link, "");
    link->backoff_ms = SPH_LINK_BACKOFF_FIRST_MS;
    link->listener.on_ready(link->listener.context, &link->boot_id, link->restarted);
}

/* Numbers are without gaps within a boot, so that one that is skipped is a loss on the way. An
 * event whose record cannot be read shows as one too, with the next that can. */
static void handle_event(struct sph_link *link, const struct sph_frame *frame) {
    struct sph_msg_event event;
    if (sph_codec_decode(&sph_msg_event_codec, frame->payload, frame->payload_len, &event, NULL) <
        0)
        return;
    if (event.seq > link->last_seq + 1)
        link->listener.on_gap(link->listener.context, event.seq - link->last_seq - 1);
    if (event.seq > link->last_seq)
        link->last_seq = event.seq;
    link->listener.on_event(link->listener.context, &event);
}

/* The sentence goes into the log and to terminals: what would steer those is taken out of it. */
static void refused(struct sph_link *link, const struct sph_frame *frame) {
    struct sph_msg_error error;
    char text[SPH_LINK_MESSAGE], shown[REFUSAL_MAX] = "(without a reason that can be read)";
    if (sph_codec_decode(&sph_msg_error_codec, frame->payload, frame->payload_len, &error, NULL) ==
            0 &&
        error.text.len > 0)
        sph_text_printable(error.text.data, error.text.len, shown, sizeof(shown));
    (void)snprintf(text, sizeof(text), "the agent refuses the gateway: %s", shown);
    lose(link, text);
}

static void handle_greeting(struct sph_link *link, const struct sph_frame *frame) {
    if (frame->type == SPH_FRAME_ERROR)
        refused(link, frame);
    else if (link->state == LINK_GREETING)
        greeted(link, frame);
    else if (link->state == LINK_SUBSCRIBING)
        subscribed(link, frame);
}

/* The greeting's replies are the link's own; those of questions are looked up by their id alone,
 * since the agent may answer in any order. */
static void handle_frame(struct sph_link *link, const struct sph_frame *frame) {
    if (frame->type == SPH_FRAME_ERROR && frame->op == SPH_OP_HELLO && frame->id == 0) {
        lose(link, "the device's agent has started anew; the gateway connects to it again");
        return;
    }
    if (frame->type == SPH_FRAME_EVENT) {
        if (link->state !=
            LINK_GREETING) /* else an earlier gateway's: over a serial port they come */
            handle_event(link, frame);
        return;
    }
    if (frame->type != SPH_FRAME_REPLY && frame->type != SPH_FRAME_ERROR)
        return;
    if (link->state != LINK_READY && frame->id == link->greeting_id) {
        handle_greeting(link, frame);
        return;
    }
    struct sph_ask *ask = take_ask(link, frame->id);
    if (!ask) /* of a request that timed out */
        return;
    struct sph_answer answer = {.kind = frame->type == SPH_FRAME_REPLY ? SPH_ANSWER_REPLY
                                                                       : SPH_ANSWER_ERROR,
                                .payload = frame->payload,
                                .len = frame->payload_len,
                                .text = ""};
    answer_and_free(ask, &answer);
}

/* A frame may end the connection, and with it the reader's bytes: hence the look at the fd. */
static void drain(struct sph_link *link) {
    struct sph_frame frame;
    int rc;
    while (link->fd >= 0 &&
           (rc = sph_frame_reader_next(&link->reader, &frame)) != SPH_FRAME_E_MORE) {
        if (rc == SPH_FRAME_E_VERSION)
            lose(link, "the agent speaks another version of the protocol than this gateway");
        else
            handle_frame(link, &frame);
    }
}

/* One read per turn of the loop: a talkative agent must not keep clients waiting. */
static void read_some(struct sph_link *link) {
    char bytes[READ_BYTES];
    ssize_t got = recv(link->fd, bytes, sizeof(bytes), 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0) {
        lose_agent(link);
        return;
    }
    link->last_read_ms = sph_clock_monotonic_ms();
    if (sph_frame_reader_push(&link->reader, bytes, (size_t)got) < 0) {
        lose(link, "the gateway is out of memory for the agent's answers");
        return;
    }
    drain(link);
}

/* Read first: what is read may make something to be written. The fd is compared since reading may
 * have ended the connection, or begun the next one. */
static void on_fd(void *context, int fd, uint32_t epoll_events) {
    struct sph_link *link = context;
    if (epoll_events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        read_some(link);
    if (link->fd == fd && flush(link) < 0)
        lose_agent(link);
    idle(link);
}

/* Only while connected; what is asked of an agent that is away is refused at once. */
static void tick(struct sph_link *link) {
    uint64_t now_ms = sph_clock_monotonic_ms();
    answer_late_ones(link, now_ms);
    if (link->state != LINK_READY && now_ms - link->state_since_ms > GREETING_MS) {
        lose(link, link->backend->runs
                       ? "the virtual machine runs, but the agent in it does not "
                         "answer (console.log in the device's folder may say why)"
                       : "the device's agent does not answer the gateway's greeting");
        return;
    }
    if (sph_frame_reader_pending(&link->reader) > 0 &&
        now_ms - link->last_read_ms > SPH_FRAME_STALL_MS) {
        sph_frame_reader_give_up(&link->reader);
        drain(link);
    }
}

/* One timer for everything that waits, so that nothing is left running in another state. */
static void on_timer(void *context) {
    struct sph_link *link = context;
    if (link->state == LINK_AWAY)
        connect_now(link);
    else
        tick(link);
    idle(link);
}

/* ---- life ---- */

int sph_link_new(struct sph_loop *loop, const struct sph_backend *backend,
                 const struct sph_link_listener *listener, struct sph_link **ret_link,
                 struct sph_err *err) {
    struct sph_link *link = calloc(1, sizeof(*link));
    if (!link)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the link to the agent");
    link->loop = loop;
    link->backend = backend;
    link->listener = *listener;
    link->fd = -1;
    link->backoff_ms = SPH_LINK_BACKOFF_FIRST_MS;
    link->out = (struct sph_buf)SPH_BUF_LIMIT(OUT_LIMIT);
    sph_frame_reader_init(&link->reader);
    set_message(link, "the gateway is connecting to the device's agent");
    int rc = sph_loop_add_timer(loop, 1, 0, on_timer, link, &link->timer, err);
    if (rc < 0) {
        (void)sph_link_free(link);
        return rc;
    }
    *ret_link = link;
    return 0;
}

/* Nobody is told: those who asked are going too, or have forgotten their questions. */
struct sph_link *sph_link_free(struct sph_link *link) {
    if (!link)
        return NULL;
    for (struct sph_ask *ask = link->asks, *next; ask; ask = next) {
        next = ask->next;
        free(ask);
    }
    close_connection(link);
    sph_loop_remove(link->timer);
    sph_frame_reader_done(&link->reader);
    sph_buf_done(&link->out);
    free(link);
    return NULL;
}

bool sph_link_is_ready(const struct sph_link *link) {
    return link->state == LINK_READY;
}

const char *sph_link_message(const struct sph_link *link) {
    return link->message;
}

uint64_t sph_link_last_seq(const struct sph_link *link) {
    return link->last_seq;
}

void sph_link_renew(struct sph_link *link, const char *text) {
    if (link->state != LINK_AWAY)
        lose(link, text);
    link->backoff_ms = SPH_LINK_BACKOFF_FIRST_MS;
    (void)sph_loop_arm_timer(link->timer, 1, 0);
}
