/* qmp: one command to a running QEMU over its control socket, without waiting for it. */
#ifndef SPH_GATEWAY_MACHINE_QMP_H
#define SPH_GATEWAY_MACHINE_QMP_H

#include <stddef.h>

#include "base/err.h"
#include "base/loop.h"

struct sph_qmp; /* a command under way; gone when it is answered */

enum {
    SPH_QMP_TEXT = 256,        /* bytes of what a command says, with the NUL */
    SPH_QMP_TIMEOUT_MS = 2000, /* QEMU takes a millisecond or two */
};

/* From the loop, once. rc 0: carried out, and `text` is what the command said of it (which may be
 * that it could not do it). Else negative errno and a sentence. */
typedef void sph_qmp_fn(void *context, int rc, const char *text);

/* `fd`: connected, non-blocking, closed in any case. `command`: a line for people, of printable
 * ASCII without quotes. 0, or nobody is called. */
int sph_qmp_ask(struct sph_loop *loop, int fd, const char *command, sph_qmp_fn *fn, void *context,
                struct sph_qmp **ret_qmp, struct sph_err *err);
/* Nobody is called. The command may be carried out all the same. Takes NULL, returns NULL. */
struct sph_qmp *sph_qmp_cancel(struct sph_qmp *qmp);

/* Pure: what QEMU said, a line without its end. 1 for the answer of a command that was carried out
 * (then its "return" as text, "" for an object), 0 for a line that is no answer (the greeting, an
 * event), -EPROTO for an error or for what cannot be read. A text that is too long is cut. */
int sph_qmp_parse(const char *line, size_t len, char ret_text[SPH_QMP_TEXT]);

#endif
