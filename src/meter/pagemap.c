/* pagemap: the mappings from /proc/PID/maps, joined with the pages from one of two sources.
 *
 * PAGEMAP_SCAN gives runs of pages in one call and leaves out the shared page of zeroes by itself.
 * The older way is a 64-bit word per page from /proc/PID/pagemap, where the page of zeroes can only
 * be told by its frame, and a word has to be read for every page of
 * address space, resident or not. Both end in add_run(), which cuts at the mappings' borders. */
#include "meter/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "meter/pagemap_source.h"
#include "meter/proc_file.h"

enum { GROW_FROM = 64 /* items; an application has a few dozen mappings */ };

/* One reading: the map as far as it is filled, and where the cursor stands. */
struct reader {
    pid_t pid;
    struct sph_pagemap map;
    size_t mapping_room;
    size_t run_room;
    size_t at; /* mapping in which the last run was */
};

/* Room for one more; the array is doubled, up to `max`. True when there is none. */
static bool is_full(void **array, size_t used, size_t *room, size_t max, size_t item_bytes) {
    if (used < *room)
        return false;
    size_t wanted = *room ? *room * 2 : GROW_FROM;
    if (wanted > max)
        wanted = max;
    void *grown = wanted > *room ? realloc(*array, wanted * item_bytes) : NULL;
    if (!grown)
        return true;
    *array = grown;
    *room = wanted;
    return false;
}

/* The two arrays differ only in type; C has no better way to say so. */
static bool grow_mappings(struct reader *reader) {
    void *array = reader->map.mappings;
    bool full = is_full(&array, reader->map.n_mappings, &reader->mapping_room,
                        SPH_PAGEMAP_MAPPINGS_MAX, sizeof(struct sph_pagemap_mapping));
    reader->map.mappings = array;
    return !full;
}

static bool grow_runs(struct reader *reader) {
    void *array = reader->map.runs;
    bool full = is_full(&array, reader->map.n_runs, &reader->run_room, SPH_PAGEMAP_RUNS_MAX,
                        sizeof(struct sph_page_run));
    reader->map.runs = array;
    return !full;
}

/* Every mapping is kept, resident or not: a reader of the report wants to see the shape of the
 * whole. */
static int read_mappings(struct reader *reader, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    int error = sph_proc_read(reader->pid, "maps", &text, err);
    if (error)
        return error;
    const char *line = NULL;
    size_t len = 0;
    for (size_t at = 0; sph_proc_next_line(&text, &at, &line, &len);) {
        struct sph_pagemap_mapping mapping = {.anon_pages = 0};
        if (sph_maps_parse_line(line, len, &mapping.entry) != 0)
            return SPH_FAIL(err, -EBADMSG, "the kernel's maps of process %d is unreadable",
                            (int)reader->pid);
        if (!grow_mappings(reader)) {
            reader->map.cut = true;
            return 0;
        }
        size_t n = reader->map.n_mappings;
        mapping.is_shmem = sph_proc_is_shmem(reader->pid, &mapping.entry);
        mapping.class = sph_maps_classify(
            &mapping.entry, n > 0 ? &reader->map.mappings[n - 1].entry : NULL, mapping.is_shmem);
        reader->map.mappings[reader->map.n_mappings++] = mapping;
    }
    return 0;
}

/* Of shared memory mapped privately, a written page is a private copy: it comes as not of a
 * file. */
static enum sph_page_kind page_kind(const struct sph_pagemap_mapping *mapping, bool is_file) {
    if (!is_file && mapping->class != SPH_MAPS_KERNEL)
        return SPH_PAGE_ANON;
    return mapping->is_shmem ? SPH_PAGE_SHARED : SPH_PAGE_FILE;
}

/* Sums go on even when the runs are cut at their limit: they are what is shown first. */
static void count_run(struct sph_pagemap *map, struct sph_pagemap_mapping *mapping,
                      const struct sph_page_run *run) {
    uint64_t bytes = (uint64_t)run->pages * (uint64_t)sysconf(_SC_PAGESIZE);
    switch ((enum sph_page_kind)run->kind) {
    case SPH_PAGE_ANON:
        mapping->anon_pages += run->pages;
        map->anon_bytes += bytes;
        break;
    case SPH_PAGE_SHARED:
        mapping->shared_pages += run->pages;
        map->shared_bytes += bytes;
        break;
    case SPH_PAGE_FILE:
        mapping->file_pages += run->pages;
        map->file_bytes += bytes;
        break;
    }
}

/* Continues the last run where it can: the sources may cut anywhere. */
static void keep_run(struct reader *reader, struct sph_pagemap_mapping *mapping,
                     const struct sph_page_run *run, uint64_t page) {
    struct sph_pagemap *map = &reader->map;
    struct sph_page_run *last =
        mapping->n_runs > 0 && map->n_runs == mapping->first_run + mapping->n_runs
            ? &map->runs[map->n_runs - 1]
            : NULL;
    if (last && last->kind == run->kind && last->start + last->pages * page == run->start) {
        last->pages += run->pages;
        return;
    }
    if (!grow_runs(reader)) {
        map->cut = true;
        return;
    }
    if (mapping->n_runs == 0)
        mapping->first_run = map->n_runs;
    mapping->n_runs++;
    map->runs[map->n_runs++] = *run;
}

/* Ranges ascend, and so do the mappings: one cursor walks both. What lies in no mapping was
 * mapped after the maps were read, and is left out. */
void sph_pagemap_add(void *context, uint64_t start, uint64_t end, bool is_file) {
    struct reader *reader = context;
    struct sph_pagemap *map = &reader->map;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    while (start < end) {
        while (reader->at < map->n_mappings && map->mappings[reader->at].entry.end <= start)
            reader->at++;
        if (reader->at == map->n_mappings || map->mappings[reader->at].entry.start >= end)
            return;
        struct sph_pagemap_mapping *mapping = &map->mappings[reader->at];
        if (start < mapping->entry.start)
            start = mapping->entry.start;
        uint64_t stop = end < mapping->entry.end ? end : mapping->entry.end;
        struct sph_page_run run = {.start = start,
                                   .pages = (uint32_t)((stop - start) / page),
                                   .kind = (uint8_t)page_kind(mapping, is_file)};
        count_run(map, mapping, &run);
        keep_run(reader, mapping, &run, page);
        start = stop;
    }
}

/* Read-only pages of a file that were written before are what the loader relocated. */
static void name_relro(struct sph_pagemap *map) {
    for (size_t i = 0; i < map->n_mappings; i++)
        if (map->mappings[i].class == SPH_MAPS_RODATA && map->mappings[i].anon_pages > 0)
            map->mappings[i].class = SPH_MAPS_RELRO;
}

/* The scan if there is one; the words of each mapping if not. */
static int read_pages(struct reader *reader, enum sph_pagemap_method method, struct sph_err *err) {
    sph_autoclose int fd = sph_proc_open(reader->pid, "pagemap", err);
    if (fd < 0)
        return fd;
    int error =
        method == SPH_PAGEMAP_BY_WORDS ? -ENOTTY : sph_pagemap_scan(fd, sph_pagemap_add, reader);
    if (error == -ENOTTY && method != SPH_PAGEMAP_BY_SCAN) {
        uint64_t zero_frame = sph_pagemap_zero_frame();
        for (size_t i = 0; i < reader->map.n_mappings && (error == 0 || error == -ENOTTY); i++) {
            const struct sph_maps_entry *entry = &reader->map.mappings[i].entry;
            if (reader->map.mappings[i].class != SPH_MAPS_KERNEL)
                error = sph_pagemap_words(fd, zero_frame, entry->start, entry->end, sph_pagemap_add,
                                          reader);
        }
    }
    if (error == -ESRCH)
        return SPH_FAIL(err, error, "process %d is gone", (int)reader->pid);
    return error ? SPH_FAIL_ERRNO(err, error, "cannot read the page map of process %d",
                                  (int)reader->pid)
                 : 0;
}

/* Nothing is handed out but a complete map. */
int sph_pagemap_read_by(pid_t pid, enum sph_pagemap_method method, struct sph_pagemap *ret_map,
                        struct sph_err *err) {
    struct reader reader = {.pid = pid, .map = SPH_PAGEMAP_NULL};
    int error = read_mappings(&reader, err);
    if (!error)
        error = read_pages(&reader, method, err);
    if (error) {
        sph_pagemap_done(&reader.map);
        return error;
    }
    name_relro(&reader.map);
    *ret_map = reader.map;
    return 0;
}

int sph_pagemap_read(pid_t pid, struct sph_pagemap *ret_map, struct sph_err *err) {
    return sph_pagemap_read_by(pid, SPH_PAGEMAP_BY_ANY, ret_map, err);
}

void sph_pagemap_done(struct sph_pagemap *map) {
    free(map->mappings);
    free(map->runs);
    *map = (struct sph_pagemap)SPH_PAGEMAP_NULL;
}
