/* options: the agent's command line.
 *
 * What a device is stands in its folder, not here: an agent that is started again with the same
 * folder is the same device. Options say only who starts it, for whom, and who wants to hear. */
#ifndef SPH_AGENT_MACHINE_OPTIONS_H
#define SPH_AGENT_MACHINE_OPTIONS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct sph_options {
    const char *device_dir; /* --device DIR */
    uid_t owner;            /* --owner UID; default: root */
    int ready_fd;           /* --ready-fd N: gets "ok" or one sentence; -1 without */
    bool sweep;             /* --sweep */
    bool machine;           /* --machine: init of a virtual device, whose folder is fixed */
    bool again;             /* --machine-again: the same, of a machine that is set up already */
};

enum {
    SPH_OPTIONS_E_HELP = 1,    /* --help */
    SPH_OPTIONS_E_VERSION = 2, /* --version */
};

#define SPH_OPTIONS_USAGE                                                                          \
    "usage: spherule-agent --device DIR [--owner UID] [--ready-fd N] [--sweep]\n"                  \
    "\n"                                                                                           \
    "Runs the device whose folder is DIR, in the foreground, until SIGTERM. Needs root.\n"         \
    "\n"                                                                                           \
    "  --device DIR   folder with device.json; the socket agent.sock is made there\n"              \
    "  --owner UID    user who may speak to the agent beside root (default 0)\n"                   \
    "  --ready-fd N   descriptor that gets \"ok\" or one sentence when the start is over\n"        \
    "  --sweep        only removes what an agent that was killed left behind\n"                    \
    "  --machine      is a virtual device's first process, instead of all of the above\n"          \
    "  --version      prints the version\n"                                                        \
    "  --help         prints this\n"

/* The folder of a virtual device, in the machine. */
#define SPH_OPTIONS_MACHINE_DIR "/device"

/* Pure. 0, a condition, or -EINVAL with a sentence. */
int sph_options_parse(int argc, char *const *argv, struct sph_options *ret_options,
                      struct sph_err *err);

#endif
