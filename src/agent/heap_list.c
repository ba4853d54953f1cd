#include "agent/heap_list.h"

void sph_heap_list_add(void *context, struct sph_heap_report *report) {
    struct sph_heap_list *list = context;
    size_t callers = list->callers + report->heap.callers.count;
    size_t sites = list->sites + report->heap.sites.count;
    if (list->count == SPH_HEAP_PROCESSES_MAX || callers > SPH_HEAP_LIST_CALLERS ||
        sites > SPH_HEAP_LIST_SITES) {
        list->is_cut = true;
        sph_heap_report_free(report);
        return;
    }
    list->callers = callers;
    list->sites = sites;
    list->heaps[list->count] = report->heap;
    list->reports[list->count++] = report;
}

void sph_heap_list_done(struct sph_heap_list *list) {
    for (size_t i = 0; i < list->count; i++)
        sph_heap_report_free(list->reports[i]);
    list->count = 0;
}
