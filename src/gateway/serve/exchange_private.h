/* exchange_private: the record of an exchange, for the files that carry it through its phases.
 *
 * exchange.c owns the phases, upload.c what is staged, stream.c what is streamed, setting_calls.c
 * what is kept, machine_calls.c what concerns the machine that the agent is in, listen_calls.c who
 * may ask from elsewhere. */
#ifndef SPH_GATEWAY_SERVE_EXCHANGE_PRIVATE_H
#define SPH_GATEWAY_SERVE_EXCHANGE_PRIVATE_H

#include "base/patience.h"
#include "gateway/serve/exchange.h"

#define SPH_REST_API_VERSION "4.5.0" /* of the newest call that is served: /osversion */

/* From the first to one of the last two; REFUSED can follow BODY, READY can follow any. */
enum sph_phase {
    SPH_PHASE_BODY,    /* the body is coming */
    SPH_PHASE_REFUSED, /* the answer is known; the rest of the body is thrown away */
    SPH_PHASE_ASKING,  /* the agent is asked; the connection is suspended */
    SPH_PHASE_READY,   /* the answer is known */
    SPH_PHASE_STREAM,  /* the answer has begun and ends with the client, or the gateway */
};

struct sph_exchange {
    struct sph_exchange_pool *pool;
    struct sph_exchange *next, *previous; /* in the pool */
    struct MHD_Connection *connection;    /* the library's */
    struct sph_guest *guest;              /* NULL: it came by the user's own socket */
    bool is_admitted;                     /* may ask */
    bool is_suspended;                    /* it does not call us until it is resumed */
    enum sph_phase phase;
    struct sph_call call;
    struct sph_response response;
    struct sph_buf body; /* of JSON only; a package is never kept */
    uint64_t body_bytes; /* that came, kept or not */
    struct sph_ask *ask; /* under way; NULL when its answer has come */
    bool awaits_port;    /* the answer has come, and waits in `body` for its port */
    /* settings */
    struct sph_setting_work *work; /* of the owner */
    bool awaits_setting;           /* for its turn */
    /* staging */
    bool stage_begun; /* the agent holds something of ours that an abort would drop */
    bool body_ended;
    uint64_t stage_size; /* bytes as announced; 0 = not known */
    /* streaming */
    struct sph_history_cursor cursor;
    struct sph_buf lines; /* read from the history, not yet sent */
    bool alive_due, is_ending;
    struct sph_patience patience; /* of the others, for a stream that holds */
};

/* Suspends and resumes at most once, whatever the order of calls. */
void sph_exchange_suspend(struct sph_exchange *exchange);
void sph_exchange_resume(struct sph_exchange *exchange);
/* The response is complete, or a refusal: goes on from where the body is. */
void sph_exchange_decide(struct sph_exchange *exchange);
/* Makes the answer's failure (lost, timed out) the response. */
void sph_exchange_refuse_answer(struct sph_exchange *exchange, const struct sph_answer *answer);
/* The agent cannot be asked: 503 or 409 with the sentence. */
void sph_exchange_refuse_ask(struct sph_exchange *exchange, const struct sph_err *err);

/* What the gateway answers by itself, also when the agent is away. */
void sph_exchange_answer_gateway(struct sph_exchange *exchange);
void sph_exchange_answer_start(struct sph_exchange *exchange);
void sph_exchange_answer_listen(struct sph_exchange *exchange);
/* 0 when this request may be made here, or the status of its refusal. */
unsigned sph_exchange_admit(struct sph_exchange *exchange, const char *path);
/* True for a reply about an app that a debugger is to reach: it is answered when there is a port,
 * which may be at once. */
bool sph_exchange_await_port(struct sph_exchange *exchange, const struct sph_answer *answer);

/* Staging. upload: takes some of the bytes, *len is what is left. end: the body is over. */
void sph_upload_bytes(struct sph_exchange *exchange, const char *bytes, size_t *len);
void sph_upload_end(struct sph_exchange *exchange);
/* Gives the staging back, if it is this one's. */
void sph_upload_release(struct sph_exchange *exchange);

/* Settings: reads what the call depends on, answers, and puts back what has changed. Afterwards the
 * answer is there, or the connection is suspended until it is. */
void sph_setting_begin(struct sph_exchange *exchange);
/* Ends its turn, if it has one: the next begins. */
void sph_setting_release(struct sph_exchange *exchange);

/* Streaming: the answer to GET /spherule/v1/events. */
enum MHD_Result sph_stream_begin(struct sph_exchange *exchange);

#endif
