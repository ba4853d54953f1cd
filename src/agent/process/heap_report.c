/* Resident bytes are asked of the kernel in windows of 2 MiB: blocks come in ascending order, so
 * each part of the page table is read about once. */
#include "agent/process/heap_report.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "meter/pagemap_source.h"

enum {
    PAGE_BYTES = 4096,
    WINDOW_PAGES = 512,
};

struct resident {
    int fd;
    uint64_t zero_frame;
    uint64_t window; /* its first page's number, plus 1; 0: none is read */
    uint8_t is_there[WINDOW_PAGES];
};

static void mark(void *context, uint64_t start, uint64_t end, bool is_file) {
    struct resident *resident = context;
    uint64_t first = resident->window - 1;
    (void)is_file;
    for (uint64_t page = start / PAGE_BYTES; page < end / PAGE_BYTES; page++)
        if (page - first < WINDOW_PAGES)
            resident->is_there[page - first] = 1;
}

static bool is_resident(struct resident *resident, uint64_t page) {
    uint64_t first = page - page % WINDOW_PAGES;
    if (resident->window != first + 1) {
        resident->window = first + 1;
        memset(resident->is_there, 0, sizeof(resident->is_there));
        (void)sph_pagemap_words(resident->fd, resident->zero_frame, first * PAGE_BYTES,
                                (first + WINDOW_PAGES) * PAGE_BYTES, mark, resident);
    }
    return resident->is_there[page - first];
}

static uint64_t resident_bytes(void *context, uint64_t address, uint64_t bytes) {
    uint64_t sum = 0, end = address + bytes;
    while (address < end) {
        uint64_t next = (address / PAGE_BYTES + 1) * PAGE_BYTES;
        if (next > end)
            next = end;
        if (is_resident(context, address / PAGE_BYTES))
            sum += next - address;
        address = next;
    }
    return sum;
}

static void add_caller(struct sph_heap_report *report, unsigned owner) {
    const struct sph_ledger_caller *from = &report->summary.callers[owner];
    size_t index = report->heap.callers.count++;
    const char *name = owner == SPH_LEDGER_OWNER_APP      ? "App + Static Libraries"
                       : owner == SPH_LEDGER_OWNER_OTHERS ? "(others)"
                                                          : sph_text_file_name(from->name);
    report->caller_of[owner] = (uint8_t)index;
    report->callers[index] =
        (struct sph_msg_heap_caller){.name = sph_slice_text(name),
                                     .path = sph_slice_text(from->name),
                                     .build_id = sph_slice(from->build_id, from->build_id_len),
                                     .base = from->lo,
                                     .span_bytes = from->hi - from->lo,
                                     .live_bytes = from->live_bytes,
                                     .resident_bytes = from->resident_bytes,
                                     .peak_bytes = from->peak_bytes,
                                     .live_blocks = from->live_blocks,
                                     .allocations = from->allocations,
                                     .frees = from->frees,
                                     .largest_bytes = from->largest_bytes};
}

/* The app first, as documents and tools show it; the others by what they hold. */
static void add_callers(struct sph_heap_report *report) {
    const struct sph_ledger_caller *callers = report->summary.callers;
    bool done[SPH_LEDGER_OWNERS] = {false};
    for (unsigned round = 1; round < SPH_LEDGER_OWNERS; round++) {
        unsigned best = round == 1 ? SPH_LEDGER_OWNER_APP : 0;
        for (unsigned i = 2; round > 1 && i < SPH_LEDGER_OWNERS; i++)
            if (!done[i] && callers[i].is_used &&
                (best == 0 || callers[i].live_bytes > callers[best].live_bytes))
                best = i;
        if (best == 0 || report->heap.callers.count == SPH_HEAP_CALLERS_MAX)
            break;
        done[best] = true;
        add_caller(report, best);
    }
}

/* A site on its way into the message. */
struct ranked {
    struct sph_msg_heap_site site;
    unsigned stack;
};

static int by_live_bytes(const void *a, const void *b) {
    const struct sph_msg_heap_site *x = &((const struct ranked *)a)->site;
    const struct sph_msg_heap_site *y = &((const struct ranked *)b)->site;
    if (x->live_bytes != y->live_bytes)
        return x->live_bytes < y->live_bytes ? 1 : -1;
    if (x->caller != y->caller)
        return x->caller < y->caller ? -1 : 1;
    return x->address < y->address ? -1 : x->address > y->address;
}

static uint64_t within(const struct sph_heap_report *report, unsigned owner, uint64_t address) {
    uint64_t lo = report->summary.callers[owner].lo;
    return address >= lo ? address - lo : 0;
}

static struct ranked rank(const struct sph_heap_report *report, unsigned site) {
    const struct sph_ledger_place *from = &report->summary.places[site];
    return (struct ranked){.site = {.caller = report->caller_of[from->owner],
                                    .address = within(report, from->owner, from->address),
                                    .live_bytes = from->live_bytes,
                                    .resident_bytes = from->resident_bytes,
                                    .live_blocks = from->live_blocks,
                                    .allocations = from->allocations,
                                    .only_grew = from->only_grew},
                           .stack = from->stack};
}

/* All that hold something; sorted whole, since the biggest are wanted. */
static void add_sites(const struct sph_ledger_view *view, struct sph_heap_report *report,
                      unsigned most) {
    sph_autofree struct ranked *all = calloc(SPH_LEDGER_SITES, sizeof(*all));
    size_t count = 0, kept = 0;
    for (unsigned i = 0; all && i < SPH_LEDGER_SITES; i++)
        if (report->summary.places[i].live_blocks > 0)
            all[count++] = rank(report, i);
    if (count > 0)
        qsort(all, count, sizeof(*all), by_live_bytes);
    for (; kept < count && kept < most; kept++) {
        struct sph_msg_heap_site *site = &report->sites[kept];
        *site = all[kept].site;
        if (kept < SPH_HEAP_STACKS_MAX) {
            unsigned depth = sph_ledger_stack_read(view, all[kept].stack, report->stacks[kept]);
            site->stack = sph_slice(report->stacks[kept], depth * sizeof(report->stacks[kept][0]));
        }
    }
    report->heap.sites = SPH_LIST(report->sites, kept);
    report->heap.sites_dropped = (uint32_t)(count - kept);
}

static void sum(const struct sph_ledger_view *view, pid_t reader, struct sph_heap_report *report) {
    struct resident resident = {.fd = -1};
    char path[32];
    (void)snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)reader);
    sph_autoclose int fd = reader > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    resident.fd = fd;
    if (fd >= 0)
        resident.zero_frame = sph_pagemap_zero_frame();
    if (sph_ledger_sum(view, fd >= 0 ? resident_bytes : NULL, &resident, &report->summary, NULL) <
        0)
        report->heap.state = SPH_HEAP_DAMAGED;
}

void sph_heap_report_fill(const struct sph_ledger_view *view,
                          const struct sph_heap_report_plan *plan, struct sph_heap_report *report) {
    struct sph_msg_heap *heap = &report->heap;
    const struct sph_ledger_summary *all = &report->summary;
    *heap = (struct sph_msg_heap){
        .pid = (uint32_t)plan->pid, .state = SPH_HEAP_TRACKED, .uptime_ms = plan->uptime_ms};
    sum(view, plan->reader, report);
    if (heap->state != SPH_HEAP_TRACKED)
        return;
    heap->live_bytes = all->live_bytes;
    heap->resident_bytes = all->resident_bytes;
    heap->live_blocks = all->live_blocks;
    heap->allocations = all->allocations;
    heap->frees = all->frees;
    heap->complete = all->is_complete;
    heap->peaks_exact = all->peaks_exact;
    heap->counts_exact = all->counts_exact;
    heap->blocks_lost = all->losses.blocks;
    heap->unknown_frees = all->losses.unknown_frees;
    heap->damaged = all->losses.damaged;
    heap->damage_found = all->damage_found;
    heap->callers = SPH_LIST(report->callers, 0);
    add_callers(report);
    if (plan->sites_max > 0)
        add_sites(view, report,
                  plan->sites_max < SPH_HEAP_SITES_MAX ? plan->sites_max : SPH_HEAP_SITES_MAX);
}

struct sph_heap_report *sph_heap_report_make(struct sph_heap *heap,
                                             const struct sph_heap_report_plan *plan) {
    struct sph_heap_view view SPH_CLEANUP(sph_heap_view_done) = SPH_HEAP_VIEW_NULL;
    struct sph_heap_report *report = calloc(1, sizeof(*report));
    if (!report)
        return NULL;
    if (sph_heap_view_open(heap, plan->pid, &view) == 0) {
        sph_heap_report_fill(&view.view, plan, report);
    } else {
        enum sph_heap_state state = sph_heap_state_of(heap, plan->pid);
        report->heap.pid = (uint32_t)plan->pid;
        report->heap.state = state == SPH_HEAP_TRACKED ? SPH_HEAP_FAILED : state;
    }
    return report;
}

void sph_heap_report_free(struct sph_heap_report *report) {
    free(report);
}

void sph_heap_report_crossing(const struct sph_ledger_view *view, uint64_t address,
                              struct sph_heap_report *report) {
    struct sph_ledger_block block;
    if (report->heap.state != SPH_HEAP_TRACKED || !sph_ledger_find(view, address, &block))
        return;
    struct sph_msg_heap *heap = &report->heap;
    heap->has_crossing_block = true;
    heap->crossing_caller = report->caller_of[block.owner];
    heap->crossing_address = block.address;
    heap->crossing_bytes = block.bytes;
    heap->crossing_offset = address - block.address;
    heap->crossing_site = within(report, block.owner, report->summary.places[block.site].address);
}
