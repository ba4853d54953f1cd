/* ports: TCP ports of 127.0.0.1, looked at before QEMU is told to listen on them.
 *
 * Whoever takes a port between the look and QEMU's own try is found by that try; the look is for
 * the sentence, since QEMU's names its whole command line. */
#ifndef SPH_GATEWAY_MACHINE_PORTS_H
#define SPH_GATEWAY_MACHINE_PORTS_H

#include <stdint.h>

#include "gateway/machine/machine.h"

/* 0, or -EADDRINUSE, -EACCES, … with a sentence, for the first of the forwards that cannot be. */
int sph_ports_check(const struct sph_machine_config *config, struct sph_err *err);
/* One that nobody listens on. */
int sph_ports_pick(uint16_t *ret_port, struct sph_err *err);

#endif
