/* proc_file: the files of one process under /proc, whole or by line. */
#ifndef SPH_METER_PROC_FILE_H
#define SPH_METER_PROC_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "meter/maps.h"

/* Opens /proc/PID/`name` for reading: a descriptor, or -ESRCH when the process is gone. */
int sph_proc_open(pid_t pid, const char *name, struct sph_err *err);
/* The whole file, at most 16 MiB. -ESRCH when the process is gone or has no memory any more (the
 * files about memory are then empty). */
int sph_proc_read(pid_t pid, const char *name, struct sph_buf *buf, struct sph_err *err);
/* True when the mapping is of shared memory: asks for its file system through map_files, and goes
 * by the name where that is not allowed. */
bool sph_proc_is_shmem(pid_t pid, const struct sph_maps_entry *entry);

/* The next line without its newline; false at the end. *at starts at 0. */
bool sph_proc_next_line(const struct sph_buf *text, size_t *at, const char **ret_line,
                        size_t *ret_len);

#endif
