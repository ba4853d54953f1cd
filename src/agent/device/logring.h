/* logring: the newest output lines of all apps and of the device, in memory of a fixed size. */
#ifndef SPH_AGENT_DEVICE_LOGRING_H
#define SPH_AGENT_DEVICE_LOGRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/guid.h"

enum { SPH_LOG_LINE_MAX = 512 }; /* bytes of one line; a longer one is cut, marked by `cut` */

enum sph_log_source {
    SPH_LOG_DEVICE = 0, /* the agent about the device; component is zero or the app it is about */
    SPH_LOG_STDOUT = 1,
    SPH_LOG_STDERR = 2, /* Log_Debug writes here */
};

struct sph_log_line {
    uint64_t position; /* bytes of all lines before this one, newlines counted, since the start */
    uint64_t wall_ms;  /* since 1970 */
    struct sph_guid component;
    enum sph_log_source source;
    bool cut;
    const char *text; /* no newline, no NUL; valid until the next append */
    size_t len;
};

struct sph_logring;

/* `bytes` is the memory that lines and their heads share; the oldest lines go first. */
int sph_logring_new(size_t bytes, struct sph_logring **ret_log, struct sph_err *err);
struct sph_logring *sph_logring_free(struct sph_logring *log);

/* One line without its newline. Never fails. */
void sph_logring_append(struct sph_logring *log, const struct sph_guid *component,
                        enum sph_log_source source, const char *text, size_t len);

/* The first kept line at or after position *cursor; *cursor moves behind it. Start with 0. A
 * position larger than the cursor was means that as many bytes are lost. False when there is none.
 */
bool sph_logring_next(const struct sph_logring *log, uint64_t *cursor,
                      struct sph_log_line *ret_line);
/* Appends the newest lines of one app to buf, oldest first, each with a newline, in at most
 * `max_bytes`; the number of lines. */
size_t sph_logring_tail(const struct sph_logring *log, const struct sph_guid *component,
                        size_t max_lines, size_t max_bytes, struct sph_buf *buf);
uint64_t sph_logring_end(const struct sph_logring *log); /* position of the next line */
/* Memory that the lines before the first kept one at or after `cursor` have taken since the start.
 * How much less it is than with the end tells how far a reader is from losing lines. */
uint64_t sph_logring_used(const struct sph_logring *log, uint64_t cursor);

static inline void sph_logring_freep(struct sph_logring **log) {
    *log = sph_logring_free(*log);
}

#endif
