#include "agent/requests/heap_list.h"

/* The biggest come first, so what is cut are the smallest. */
static void cut_sites(struct sph_heap_list *list, struct sph_heap_report *report) {
    struct sph_msg_heap *heap = &report->heap;
    size_t room = SPH_HEAP_LIST_SITES - list->sites;
    if (heap->sites.count > room) {
        heap->sites_dropped += (uint32_t)(heap->sites.count - room);
        heap->sites = SPH_LIST(report->sites, room);
    }
    list->sites += heap->sites.count;
    for (size_t i = 0; i < heap->sites.count; i++) {
        struct sph_slice *stack = &report->sites[i].stack;
        if (list->stacks == SPH_HEAP_LIST_STACKS)
            *stack = (struct sph_slice){NULL, 0};
        list->stacks += stack->len > 0;
    }
}

void sph_heap_list_add(void *context, struct sph_heap_report *report) {
    struct sph_heap_list *list = context;
    if (!report || list->count == SPH_HEAP_PROCESSES_MAX ||
        list->callers + report->heap.callers.count > SPH_HEAP_LIST_CALLERS) {
        list->dropped++;
        sph_heap_report_free(report);
        return;
    }
    list->callers += report->heap.callers.count;
    cut_sites(list, report);
    list->heaps[list->count] = report->heap;
    list->reports[list->count++] = report;
}

void sph_heap_list_done(struct sph_heap_list *list) {
    for (size_t i = 0; i < list->count; i++)
        sph_heap_report_free(list->reports[i]);
    list->count = 0;
}
