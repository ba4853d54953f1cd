/* sandbox: what an app sees of the system: a read-only root of its own with its package and little
 * else. */
#ifndef SPH_AGENT_APP_SANDBOX_H
#define SPH_AGENT_APP_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/process/heap.h"
#include "base/err.h"
#include "base/guid.h"

/* All of it belongs to the caller and is only read. */
struct sph_sandbox_plan {
    struct sph_guid component;
    int package_fd;              /* root of the unpacked package; seen as /mnt/apps/<guid> */
    int library_fd;              /* folder with libapplibs.so.0 and libgcc_s.so.1, or -1 */
    const char *loader;          /* host path of musl's loader, or NULL */
    const char *loader_name;     /* its name in /lib, e.g. "ld-musl-x86_64.so.1" */
    const char *host_name;       /* of the uts namespace: the device's name */
    const char *resolver;        /* host path of what is the app's /etc/resolv.conf, or NULL */
    bool host_libraries;         /* bind the host's /lib, /lib64 and /usr, read-only */
    const struct sph_heap *heap; /* NULL: its heap is not tracked */
};

/* For a process that is alone in new ipc, uts and pid namespaces: leaves the caller's mount
 * namespace, builds the root on a tmpfs, makes it the root and forgets the old one. ret_socket is a
 * listening SOCK_SEQPACKET socket at /run/spherule/agent in there. */
int sph_sandbox_enter(const struct sph_sandbox_plan *plan, int *ret_socket, struct sph_err *err);

/* What the app is to the kernel. All its processes together count against process_count, since the
 * user id is its alone. */
struct sph_sandbox_identity {
    uid_t uid;              /* and gid; no supplementary groups */
    uint64_t file_bytes;    /* RLIMIT_FSIZE */
    unsigned process_count; /* RLIMIT_NPROC: processes and threads of that uid */
    unsigned file_count;    /* RLIMIT_NOFILE */
};
/* For the app's process, before execve: a session and keyring of its own, addresses that are the
 * same in each run, default signals, limits, the ids, no capability in any set, no_new_privs. There
 * is no way back. */
int sph_sandbox_drop(const struct sph_sandbox_identity *identity, struct sph_err *err);

#endif
