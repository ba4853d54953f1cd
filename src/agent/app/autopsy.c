/* The thread that is looked at stands in its exit stop. Other processes of the app still run, so
 * their pages are of about that moment; the ration's crossing and the figures are of the very
 * moment. */
#include "agent/app/autopsy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/process/processes.h"
#include "agent/trace/crossing.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "meter/pagemap.h"

enum {
    STATUS_BYTES = 4096, /* of /proc/TID/status; some 1,500 are usual */
};

/* A line that begins with the name; its digits. A process name with a colon in it cannot begin a
 * line. */
static bool read_field(const char *text, const char *end, const char *name, unsigned *ret_value) {
    size_t len = strlen(name);
    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline ? newline : end;
        if ((size_t)(stop - line) > len && memcmp(line, name, len) == 0) {
            unsigned value = 0;
            for (const char *at = line + len; at < stop; at++)
                if (*at >= '0' && *at <= '9')
                    value = value * 10 + (unsigned)(*at - '0');
            *ret_value = value;
            return true;
        }
        line = stop + 1;
    }
    return false;
}

int sph_autopsy_parse_status(const char *text, size_t len, struct sph_thread_place *ret_place) {
    unsigned tgid, parent, threads, tracer;
    if (!read_field(text, text + len, "Tgid:", &tgid) ||
        !read_field(text, text + len, "PPid:", &parent) ||
        !read_field(text, text + len, "TracerPid:", &tracer) ||
        !read_field(text, text + len, "Threads:", &threads) || tgid == 0)
        return -EBADMSG;
    *ret_place = (struct sph_thread_place){
        .tgid = (pid_t)tgid, .parent = (pid_t)parent, .tracer = (pid_t)tracer, .threads = threads};
    return 0;
}

int sph_autopsy_place(pid_t tid, struct sph_thread_place *ret_place) {
    char path[32], text[STATUS_BYTES];
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
    sph_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t len = sph_fd_read_full(fd, text, sizeof(text));
    return len < 0 ? (int)len : sph_autopsy_parse_status(text, (size_t)len, ret_place);
}

/* Mappings without a resident page say nothing about where the memory went. */
static void keep_rows(pid_t shown_pid, const struct sph_pagemap *map,
                      struct sph_report_facts *facts) {
    for (size_t i = 0; i < map->n_mappings; i++) {
        const struct sph_pagemap_mapping *mapping = &map->mappings[i];
        if (mapping->anon_pages == 0 && mapping->shared_pages == 0 && mapping->file_pages == 0)
            continue;
        if (facts->n_rows == SPH_REPORT_MAPPINGS_MAX) {
            facts->rows_dropped++;
            continue;
        }
        struct sph_kept_row *kept = &facts->rows[facts->n_rows++];
        sph_mapping_row(map, i, shown_pid, kept->path, &kept->row);
    }
    if (map->cut)
        facts->rows_dropped++;
}

/* By a thread that is alive: in an exit stop that is the one that stopped. False when there is no
 * memory to look at any more. */
static bool look_at_process(pid_t tid, pid_t shown_pid, struct sph_report_facts *facts) {
    struct sph_pagemap map SPH_CLEANUP(sph_pagemap_donep) = SPH_PAGEMAP_NULL;
    if (sph_pagemap_read(tid, &map, NULL) < 0)
        return false;
    keep_rows(shown_pid, &map, facts);
    return true;
}

/* The process in its exit stop first, so that its rows are kept if there are too many. */
static void look_at_pages(struct sph_ration_share *share, pid_t tid, pid_t tgid,
                          struct sph_report_facts *facts) {
    struct sph_processes processes;
    facts->n_rows = 0;
    facts->rows_dropped = 0;
    if (!facts->rows)
        facts->rows = calloc(SPH_REPORT_MAPPINGS_MAX, sizeof(*facts->rows));
    if (!facts->rows || !look_at_process(tid, tgid, facts))
        return;
    facts->pages_how = facts->crossing.is_known
                           ? "page map at the exit stop; the page that crossed is in it"
                           : "page map at the exit stop";
    if (sph_processes_read(share->cgroup, tgid, &processes) < 0)
        return;
    for (size_t i = 0; i < processes.count; i++) {
        const struct sph_process *other = &processes.list[i];
        if (other->pid != tgid && !other->repeats)
            (void)look_at_process(other->reader, other->pid, facts);
    }
}

/* What was held right before. Threads on several CPUs that grow at the same time can show as one
 * growth of as many pages; of those the first one crossed. A huge page is one growth of many more.
 */
static uint64_t crossing_step(const struct sph_growth *crossing) {
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t most_at_once = (uint64_t)sysconf(_SC_NPROCESSORS_CONF) * page;
    return crossing->growth_bytes > most_at_once ? crossing->growth_bytes : page;
}

static uint64_t held_before(const struct sph_growth *crossing, uint64_t limit_bytes) {
    uint64_t held = crossing->user_bytes - crossing_step(crossing);
    return held < limit_bytes ? held : limit_bytes;
}

/* The growth that crossed is in the meter's current, but the app never got it. */
void sph_autopsy_take_figures(const struct sph_memory_figures *group,
                              struct sph_report_facts *facts) {
    struct sph_memory_figures figures = *group;
    facts->user_how = "meter, at the exit stop";
    if (facts->crossing.is_known) {
        figures.user = held_before(&facts->crossing, facts->limit_bytes);
        if (figures.peak < figures.user || figures.peak > facts->limit_bytes)
            figures.peak = figures.user;
        figures.total = figures.user + figures.kernel;
        facts->user_how = "meter, right before the growth that crossed";
    }
    facts->figures = figures;
    facts->has_figures = true;
}

/* Never more than the group: what other threads of a dying app took on after the crossing is in the
 * one and not in the other. */
void sph_autopsy_take_own(const struct sph_memory_figures *own, struct sph_report_facts *facts) {
    uint64_t step = facts->crossing.is_known ? crossing_step(&facts->crossing) : 0;
    uint64_t user = own->user > step ? own->user - step : 0;
    if (!facts->has_figures)
        return;
    facts->has_own = true;
    facts->own.user = user < facts->figures.user ? user : facts->figures.user;
    facts->own.total = facts->own.user + own->kernel;
    if (facts->own.total > facts->figures.total)
        facts->own.total = facts->figures.total;
}

void sph_autopsy_look_at_crossing(pid_t tid, const struct sph_meter *meter,
                                  struct sph_report_facts *facts) {
    const struct sph_growth *crossing = &facts->crossing;
    struct sph_meter_figures now;
    if (!crossing->is_known || crossing->tid != tid || facts->has_crossing_address)
        return;
    sph_meter_read(meter, &now);
    const struct sph_crossing_question question = {
        .tid = tid,
        .shared = crossing->shared,
        .more_bytes = now.counted > crossing->user_bytes ? now.counted - crossing->user_bytes : 0};
    facts->has_crossing_address = sph_crossing_find(&question, &facts->crossing_address) == 0;
}

/* Figures first, pages second: reading pages takes milliseconds, in which other apps go on. */
void sph_autopsy_look(const struct sph_memory_figures *group, struct sph_ration_share *share,
                      pid_t tid, pid_t tgid, struct sph_report_facts *facts) {
    if (group)
        sph_autopsy_take_figures(group, facts);
    look_at_pages(share, tid, tgid, facts);
}
