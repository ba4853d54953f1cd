/* processes: an app's processes, each with a thread through which its memory can be read. */
#ifndef SPH_AGENT_PROCESS_PROCESSES_H
#define SPH_AGENT_PROCESS_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "meter/cgroup.h"

/* Of one app, its threads included: the RLIMIT_NPROC of its user, which is its alone. 64 stacks of
 * one page are the whole ration of an MT3620, so no honest app comes near. */
enum { SPH_PROCESSES_MAX = 64 };

struct sph_process {
    pid_t pid; /* as people know it: the thread group's */
    /* A thread of it that is alive: pid itself, unless the leader has left before the others. A
     * leader that has left keeps its number and has no memory any more: its smaps is empty. */
    pid_t reader;
    bool repeats; /* the address space of one before it in the list (vfork, posix_spawn) */
};

/* A plain record, about 800 bytes: fit for the stack. Nothing in it is held: a pid may be another
 * process's at any later time, which for reading memory is a wrong answer and never a wrong act. */
struct sph_processes {
    struct sph_process list[SPH_PROCESSES_MAX];
    size_t count;
    bool cut; /* there are more; cannot be while RLIMIT_NPROC holds, and is said if it is */
};

/* Reads who is in the group now. `first` comes first if it is there (-1: nobody), the others by
 * number: two readings of the same processes list them alike. They may end before they are looked
 * at. 0 or negative errno. */
int sph_processes_read(struct sph_cgroup_app *group, pid_t first,
                       struct sph_processes *ret_processes);

/* Pure: the state letter of the text of /proc/PID/stat, 0 when there is none. A name may hold
 * parentheses, spaces and newlines: the last ')' ends it. */
char sph_processes_parse_state(const char *text, size_t len);

#endif
