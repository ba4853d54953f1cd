/* options: what the gateway is told on its command line. */
#ifndef SPH_GATEWAY_OPTIONS_H
#define SPH_GATEWAY_OPTIONS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct sph_options {
    const char *device; /* folder */
    const char *agent;  /* name of the agent's socket in it */
    bool has_owner;
    uid_t owner;
    int ready_fd; /* -1 = none */
    bool wants_help, wants_version;
};

/* The strings stay in argv. -EINVAL with a sentence. */
int sph_options_parse(int argc, char **argv, struct sph_options *ret_options, struct sph_err *err);
extern const char sph_options_help[];

#endif
