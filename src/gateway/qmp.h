/* qmp: one request to a running QEMU over its control socket. */
#ifndef SPH_GATEWAY_QMP_H
#define SPH_GATEWAY_QMP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Forwards `host` of 127.0.0.1 to `device`, both TCP. Blocks for as long as QEMU takes, a
 * millisecond or two, and never for more than two seconds. -EADDRINUSE when the port is taken. */
int sph_qmp_forward(int dir_fd, uint16_t host, uint16_t device, struct sph_err *err);

/* Pure: what QEMU said, a line without its end. 1 for the answer of a command that was carried out
 * (then its "return" as text, "" for an object), 0 for a line that is no answer (the greeting, an
 * event), -EPROTO for an error or for what cannot be read. */
int sph_qmp_parse(const char *line, size_t len, char *ret_text, size_t size);

#endif
