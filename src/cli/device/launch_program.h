/* launch_program: one of our programs, started detached and waited for until it is ready. */
#ifndef SPH_CLI_DEVICE_LAUNCH_PROGRAM_H
#define SPH_CLI_DEVICE_LAUNCH_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* One program to start, of the folder of sph_program_folder(). */
struct sph_launch_program {
    const char *name;
    const char *log_file; /* in the device's folder */
    const char *refusal;  /* the sentence when it says nothing, for want of a right to start it */
    const char *option;   /* one more argument, or NULL */
    bool privileged;      /* needs root: started through 'sudo -n' by anybody else */
};

/* The end of every sentence that says that metering on this machine is impossible. */
#define SPH_LAUNCH_VIRTUAL_HINT                                                                    \
    "a virtual device needs neither root nor a new kernel: make one with 'spherule device create " \
    "NAME --virtual'"

/* The folder where the programs of a device are. */
void sph_program_folder(char *ret_path, size_t size);
/* Returns when it says that it is ready: it outlives this process. Else nothing of it is left (but
 * what sudo started and an interrupt came upon): its own sentence; -EPERM when it may not or cannot
 * meter; -EIO when it is not there; -EREMOTEIO when it ended in silence; -ETIMEDOUT after 30 s;
 * -ECANCELED after an interrupt. */
int sph_launch_program(int device_fd, const struct sph_launch_program *program,
                       struct sph_err *err);

#endif
