/* options: what the gateway is told on its command line.
 *
 * Checked as far as that goes without looking at the system: whether a user or a folder is right is
 * found when it is used (gateway/machine/place.h). */
#ifndef SPH_GATEWAY_MACHINE_OPTIONS_H
#define SPH_GATEWAY_MACHINE_OPTIONS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct sph_options {
    const char *device; /* path of the device's folder, never empty */
    const char *agent;  /* name of the agent's socket in it, without '/' */
    bool has_owner;
    uid_t owner;                    /* to serve as; of no account unless started by root */
    int ready_fd;                   /* gets "ok" or a sentence, and is closed then; -1 = none */
    bool wants_help, wants_version; /* then nothing else is checked */
};

/* The strings stay in argv, whose order may change. 0 or -EINVAL with a sentence. Of an option that
 * is given twice the last one counts. */
int sph_options_parse(int argc, char **argv, struct sph_options *ret_options, struct sph_err *err);
/* For --help: whole lines. */
extern const char sph_options_help[];

#endif
