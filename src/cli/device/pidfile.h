/* pidfile: which process is a device's agent, machine or gateway, proved by the lock it holds. */
#ifndef SPH_CLI_DEVICE_PIDFILE_H
#define SPH_CLI_DEVICE_PIDFILE_H

#include <stdbool.h>

#include "base/err.h"

/* A pid alone proves nothing (it may be stale and used again), so three things must agree: the pid
 * in the file, the program's name of that process, and that somebody holds the file's lock. */
bool sph_pidfile_is_held(int device_fd, const char *file, const char *program);
/* A pidfd of that process (Linux 5.3), the caller's to close: it stands for this process even after
 * its pid belongs to another. -ESRCH when it does not run. */
int sph_pidfile_open_process(int device_fd, const char *file, const char *program,
                             struct sph_err *err);

/* Names of the programs as argv[0] has them, and of their files in the device's folder. */
#define SPH_AGENT_PROGRAM "spherule-agent"
#define SPH_AGENT_PIDFILE "agent.pid"
#define SPH_MACHINE_PROGRAM "qemu-system-arm"
#define SPH_MACHINE_PIDFILE "machine.pid"
#define SPH_GATEWAY_PROGRAM "spheruled"
#define SPH_GATEWAY_PIDFILE "gateway.pid"

#endif
