/* machine: the virtual device around the agent that is its init: set up, given the time, and ended.
 */
#ifndef SPH_AGENT_MACHINE_MACHINE_H
#define SPH_AGENT_MACHINE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/* docs/spec/machine.md is what the machine is made of. Only process 1 may call what stands here,
 * but for sph_machine_set_clock(), which is harmless: it fails elsewhere. */

/* Names the user network's resolver; shown to apps that share the network. */
#define SPH_MACHINE_RESOLVER "/etc/resolv.conf"

/* Mounts, root, network, clock, device.json and state, in this order. A failure names the step and
 * leaves what was done: the machine has to end. */
int sph_machine_set_up(struct sph_err *err);
/* The serial port, open and non-blocking; waits some seconds for the kernel to find it. */
int sph_machine_open_port(struct sph_err *err);
/* To a host's, Unix time, where the two differ; a failure is told to the log. */
void sph_machine_set_clock(uint64_t time_ms);
/* Everything to the disk, then power off. NULL: an orderly end; else why not, which the host is
 * told as the refusal of its hello, if it says one within two seconds. */
void sph_machine_end(const struct sph_err *failure) SPH_NORETURN;

#endif
