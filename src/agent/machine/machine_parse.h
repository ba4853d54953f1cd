/* machine_parse: what the virtual device's kernel says of the machine, as numbers and names. */
#ifndef SPH_AGENT_MACHINE_MACHINE_PARSE_H
#define SPH_AGENT_MACHINE_MACHINE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/attr.h"

/* All pure. */

/* spherule.time_ms of /proc/cmdline, which is what the host's clock was when the machine began.
 * -ENOENT: it is not there; -EINVAL: it is no time. */
int sph_machine_parse_time(const char *cmdline, size_t len, uint64_t *ret_time_ms) SPH_MUST_USE;
/* -ERANGE beyond what the kernel's clock takes. */
int sph_machine_time_at(uint64_t start_ms, uint64_t since_ms,
                        struct timespec *ret_time) SPH_MUST_USE;
/* Whether a clock at now_ms has to be set to what a host's was when it said hello. A hello can have
 * waited for the machine to come up, so that a clock which is a little ahead is the right one. */
bool sph_machine_clock_is_off(uint64_t now_ms, uint64_t host_ms);
/* A sysfs file's one line is this word. */
bool sph_machine_line_is(const char *text, size_t len, const char *word);
/* Bytes of a file that was padded with zeros to whole sectors. */
size_t sph_machine_unpadded(const char *data, size_t len);

#endif
