/* The group, and not the process tree, says who belongs to an app: a daemon has cut itself loose
 * from the tree, and cannot leave the group. Membership and memory are two questions: vfork makes
 * two members of one address space, and a leader that left makes a member without any. */
#include "agent/process/processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

enum {
    STAT_BYTES = 512, /* of /proc/PID/stat; 52 numbers of mostly few digits, some 200 are usual */
};

char sph_processes_parse_state(const char *text, size_t len) {
    const char *end = len > 0 ? memrchr(text, ')', len) : NULL;
    if (!end || (size_t)(text + len - end) < 3 || end[1] != ' ')
        return 0;
    return end[2];
}

/* 'Z' and 'X' are threads without memory. One that cannot be read is gone, which is no better. */
static bool is_dead(pid_t pid, pid_t tid) {
    char path[48], text[STAT_BYTES];
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
    sph_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : sph_fd_read_full(fd, text, sizeof(text));
    char state = len < 0 ? 0 : sph_processes_parse_state(text, (size_t)len);
    return state == 0 || state == 'Z' || state == 'X';
}

/* The leader in all but rare cases. The kernel lists a dead leader in cgroup.procs as long as
 * another thread lives (since 5.2), so there is one to be found, or the process ends just now. */
static pid_t find_reader(pid_t pid) {
    char path[32];
    if (!is_dead(pid, pid))
        return pid;
    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    sph_autoclosedir DIR *threads = opendir(path);
    const struct dirent *item;
    while (threads && (item = readdir(threads)) != NULL) {
        pid_t tid = (pid_t)strtol(item->d_name, NULL, 10);
        if (tid > 0 && tid != pid && !is_dead(pid, tid))
            return tid;
    }
    return pid;
}

/* A kernel without kcmp (CONFIG_KCMP) says no: then such pages are told twice, for the moment
 * between a vfork and its exec. */
static bool is_same_memory(pid_t a, pid_t b) {
    return syscall(SYS_kcmp, (long)a, (long)b, (long)KCMP_VM, 0L, 0L) == 0;
}

static int compare(const void *a, const void *b) {
    const pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;
    return (left > right) - (left < right);
}

/* Ascending, but for `first`. cgroup.procs has no order of its own on cgroup2. */
static void sort(pid_t *pids, size_t count, pid_t first) {
    qsort(pids, count, sizeof(*pids), compare);
    for (size_t i = 0; i < count; i++) {
        if (pids[i] != first)
            continue;
        memmove(&pids[1], &pids[0], i * sizeof(*pids));
        pids[0] = first;
    }
}

int sph_processes_read(struct sph_cgroup_app *group, pid_t first,
                       struct sph_processes *ret_processes) {
    pid_t pids[SPH_PROCESSES_MAX];
    int found = sph_cgroup_app_pids(group, pids, SPH_PROCESSES_MAX);
    if (found < 0)
        return found;
    size_t count = found > SPH_PROCESSES_MAX ? SPH_PROCESSES_MAX : (size_t)found;
    struct sph_processes processes = {.count = count, .cut = found > SPH_PROCESSES_MAX};
    sort(pids, count, first);
    for (size_t i = 0; i < count; i++) {
        struct sph_process process = {.pid = pids[i], .reader = find_reader(pids[i])};
        for (size_t j = 0; j < i && !process.repeats; j++)
            process.repeats = is_same_memory(processes.list[j].reader, process.reader);
        processes.list[i] = process;
    }
    *ret_processes = processes;
    return 0;
}
