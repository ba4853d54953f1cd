/* mapping: one row of a process's page map, in the form in which reports and clients get it. */
#ifndef SPH_AGENT_PROCESS_MAPPING_H
#define SPH_AGENT_PROCESS_MAPPING_H

#include <stddef.h>
#include <sys/types.h>

#include "meter/pagemap.h"
#include "wire/msg_device.h"

/* Room for a name as the meter keeps it (the tail of a longer path) and for " [bss]". */
enum { SPH_MAPPING_PATH = SPH_MAPS_NAME_MAX + 8 };

/* Row `index` of the map. The row's path points into ret_path. The .bss of a file, which the kernel
 * shows without a name, is given the file's: "/mnt/apps/…/bin/app [bss]". */
void sph_mapping_row(const struct sph_pagemap *map, size_t index, pid_t pid,
                     char ret_path[SPH_MAPPING_PATH], struct sph_msg_mapping *ret_row);

#endif
