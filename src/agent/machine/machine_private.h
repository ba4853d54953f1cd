/* machine_private: the steps of setting the machine up, between its files. */
#ifndef SPH_AGENT_MACHINE_MACHINE_PRIVATE_H
#define SPH_AGENT_MACHINE_MACHINE_PRIVATE_H

#include <stddef.h>

#include "base/err.h"

enum { SPH_MACHINE_NODE = 64 }; /* bytes of "/dev/vport0p1" and the like */

/* A copy of the root mount over the root, then the kernel's file systems, each at its place. */
int sph_machine_mount_all(struct sph_err *err);
/* lo and eth0 up, with the address and the way out that the user network gives. */
int sph_machine_join_network(struct sph_err *err);
/* /device/device.json from the disk that has it; the state's file system on /device/state. */
int sph_machine_copy_config(struct sph_err *err);
int sph_machine_mount_state(struct sph_err *err);
/* The node in /dev of the entry in `folder` of sysfs whose `file` says `word`; -ENOENT without a
 * sentence. */
int sph_machine_find(const char *folder, const char *file, const char *word,
                     char ret_node[SPH_MACHINE_NODE]);

#endif
