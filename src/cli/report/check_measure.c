/* Two looks make a run's figures: the report of its end, and, where it was asked to stop, one right
 * before that. The peaks are the report's in both cases, since they only grow; what is held is of
 * the moment before the application began to tidy up.
 *
 * The heap's peak is of the whole only when one caller has it all: the ledger keeps a peak for each
 * caller, and theirs need not have been at one time. So their sum is called what it is, a bound. */
#include "cli/report/check_measure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/device/target.h"

/* One figure with the flag and the words that go with it. */
static void take(const struct sph_json_value *from, const char *key, bool is_exact,
                 const char *how_key, struct sph_measured *figure) {
    struct sph_json_value value;
    char how[120];
    *figure = (struct sph_measured){.is_known = false};
    if (!sph_json_get(from, key, &value) ||
        sph_json_to_u64(&value, SPH_BUDGET_BYTES_MAX, &figure->bytes) < 0) {
        (void)snprintf(figure->how, sizeof(figure->how), "the device does not tell it");
        return;
    }
    sph_answer_text(from, how_key, how, sizeof(how));
    figure->is_exact = is_exact;
    figure->is_known = is_exact || *how;
    if (!figure->is_known)
        (void)snprintf(figure->how, sizeof(figure->how), "the device has no way to know it");
    else if (!is_exact)
        (void)snprintf(figure->how, sizeof(figure->how), "taken from %s", how);
}

static void take_held(const struct sph_json_value *from, struct sph_measure *measure) {
    bool user_exact = sph_answer_bool(from, "userExact");
    bool kernel_exact = sph_answer_bool(from, "kernelExact");
    take(from, "userBytes", user_exact, "userHow", &measure->figures[SPH_FIGURE_USER]);
    take(from, "totalBytes", user_exact && kernel_exact, kernel_exact ? "userHow" : "kernelHow",
         &measure->figures[SPH_FIGURE_TOTAL]);
}

bool sph_check_was_stopped(const struct sph_json_value *report) {
    char why[24];
    sph_answer_text(report, "why", why, sizeof(why));
    return strcmp(why, "stopped") == 0 || strcmp(why, "sigtermIgnored") == 0;
}

/* ---- heap ---- */

static struct sph_measured_library *library_of(struct sph_measure *measure, const char *name) {
    for (unsigned i = 0; i < measure->n_libraries; i++)
        if (strcmp(measure->libraries[i].name, name) == 0)
            return &measure->libraries[i];
    if (measure->n_libraries == SPH_BUDGET_LIBRARIES_MAX)
        return NULL; /* the device tells no more callers of a process */
    struct sph_measured_library *library = &measure->libraries[measure->n_libraries++];
    *library = (struct sph_measured_library){.peak = {.is_known = true, .is_exact = true}};
    (void)snprintf(library->name, sizeof(library->name), "%s", name);
    return library;
}

/* Of two reasons why a figure is not exact the first is told. */
static void make_inexact(struct sph_measured *figure, const char *how) {
    if (figure->is_exact)
        (void)snprintf(figure->how, sizeof(figure->how), "%s", how);
    figure->is_exact = false;
}

static const char *why_inexact(const struct sph_json_value *process) {
    if (sph_answer_u64(process, "damaged") || sph_answer_u64(process, "damageFound"))
        return "the application has overwritten a part of its ledger";
    if (!sph_answer_bool(process, "complete"))
        return "the ledger is not complete: some blocks had no place in it";
    if (!sph_answer_bool(process, "peaksExact"))
        return "peaks of several threads are gathered in steps";
    return NULL;
}

/* Never past what a file can hold: more than there is memory is told as that and no further. */
static void add_bytes(uint64_t bytes, struct sph_measured *figure) {
    figure->bytes += bytes;
    if (figure->bytes > SPH_BUDGET_BYTES_MAX) {
        figure->bytes = SPH_BUDGET_BYTES_MAX;
        make_inexact(figure, "the device's figure is too large to be one");
    }
}

static void add_caller(const struct sph_json_value *caller, const char *why,
                       struct sph_measure *measure) {
    struct sph_measured *all = &measure->figures[SPH_FIGURE_HEAP_PEAK];
    struct sph_json_value value;
    char name[SPH_BUDGET_NAME];
    uint64_t bytes = 0;
    if (!sph_json_get(caller, "peakBytes", &value) ||
        sph_json_to_u64(&value, SPH_BUDGET_BYTES_MAX, &bytes) < 0)
        why = "the device does not tell every caller's peak";
    sph_answer_text(caller, "name", name, sizeof(name));
    struct sph_measured_library *library = library_of(measure, *name ? name : "(no name)");
    add_bytes(bytes, all);
    if (why)
        make_inexact(all, why);
    if (!library)
        return;
    if (library->peak.bytes)
        make_inexact(&library->peak, "the sum of the peaks of several processes: at most this");
    add_bytes(bytes, &library->peak);
    if (why)
        make_inexact(&library->peak, why);
}

static void add_process(const struct sph_json_value *process, struct sph_measure *measure) {
    const char *why = why_inexact(process);
    struct sph_json_value caller;
    struct sph_json_iter iter;
    if (why)
        make_inexact(&measure->figures[SPH_FIGURE_HEAP_PEAK], why);
    if (!sph_answer_array(process, "callers", &iter))
        return;
    while (sph_json_next(&iter, NULL, &caller))
        add_caller(&caller, why, measure);
}

static int compare_libraries(const void *a, const void *b) {
    const struct sph_measured_library *x = a;
    const struct sph_measured_library *y = b;
    return strcmp(x->name, y->name);
}

/* Of one that is not (a static program, say), nothing but its state is told. */
static bool is_tracked(const struct sph_json_value *process) {
    char state[32] = "";
    if (process->type != SPH_JSON_OBJECT)
        return false;
    sph_answer_text(process, "state", state, sizeof(state));
    return *state == '\0' || strcmp(state, "tracked") == 0;
}

/* The array's members that are tracked; how many there are. */
static unsigned count_tracked(const struct sph_json_value *processes) {
    struct sph_json_iter iter;
    struct sph_json_value process;
    unsigned count = 0;
    sph_json_iter_init(&iter, processes);
    while (sph_json_next(&iter, NULL, &process))
        count += is_tracked(&process);
    return count;
}

static bool get_processes(const struct sph_json_value *heap, struct sph_json_value *processes) {
    return heap && sph_json_get(heap, "processes", processes) &&
           processes->type == SPH_JSON_ARRAY && count_tracked(processes) > 0;
}

static void conclude_heap(struct sph_measure *measure) {
    struct sph_measured *all = &measure->figures[SPH_FIGURE_HEAP_PEAK];
    unsigned holders = 0;
    for (unsigned i = 0; i < measure->n_libraries; i++)
        holders += measure->libraries[i].peak.bytes != 0;
    if (holders > 1)
        make_inexact(all, "the sum of its callers' peaks: at most this");
    qsort(measure->libraries, measure->n_libraries, sizeof(measure->libraries[0]),
          compare_libraries);
}

/* Why there are no figures, in the device's own words where it has some. */
static void miss_heap(const struct sph_json_value *report, const struct sph_json_value *heap,
                      struct sph_measured *all) {
    char reason[120] = "";
    char state[32] = "";
    all->is_known = all->is_exact = false;
    if (heap) {
        sph_answer_text(heap, "reason", reason, sizeof(reason));
        sph_answer_text(heap, "state", state, sizeof(state));
    }
    if (!*state)
        sph_answer_text(report, "heapState", state, sizeof(state));
    size_t len = strlen(reason);
    if (len && reason[len - 1] == '.')
        reason[len - 1] = '\0';
    if (*reason)
        (void)snprintf(all->how, sizeof(all->how), "%s", reason);
    else
        (void)snprintf(all->how, sizeof(all->how), "the heap was not tracked (%s)",
                       *state ? state : "the device does not say why");
}

/* The report knows the process that ended last and nothing of others, so it is taken when there was
 * no other. */
static void take_heap(const struct sph_json_value *report, const struct sph_json_value *heap,
                      struct sph_measure *measure) {
    struct sph_measured *all = &measure->figures[SPH_FIGURE_HEAP_PEAK];
    struct sph_json_value processes, process;
    bool has_processes = get_processes(heap, &processes);
    bool in_report = sph_json_get(report, "heap", &process) && is_tracked(&process);
    *all = (struct sph_measured){.is_known = true, .is_exact = true};
    if (in_report && !(has_processes && count_tracked(&processes) > 1)) {
        add_process(&process, measure);
    } else if (has_processes) {
        struct sph_json_iter iter;
        sph_json_iter_init(&iter, &processes);
        while (sph_json_next(&iter, NULL, &process))
            if (is_tracked(&process))
                add_process(&process, measure);
    } else {
        miss_heap(report, heap, all);
        return;
    }
    conclude_heap(measure);
}

void sph_check_measure(const struct sph_json_value *report, const struct sph_check_sight *sight,
                       uint64_t package_bytes, bool with_heap, struct sph_measure *ret_measure) {
    bool was_stopped = sph_check_was_stopped(report);
    memset(ret_measure, 0, sizeof(*ret_measure));
    take_held(was_stopped && sight->memory ? sight->memory : report, ret_measure);
    take(report, "peakUserBytes", sph_answer_bool(report, "userExact"), "userHow",
         &ret_measure->figures[SPH_FIGURE_PEAK_USER]);
    ret_measure->figures[SPH_FIGURE_FLASH] =
        (struct sph_measured){.is_known = true, .is_exact = true, .bytes = package_bytes};
    if (with_heap)
        take_heap(report, was_stopped ? sight->heap : NULL, ret_measure);
    else
        (void)snprintf(ret_measure->figures[SPH_FIGURE_HEAP_PEAK].how,
                       sizeof(ret_measure->figures[SPH_FIGURE_HEAP_PEAK].how),
                       "the heap was not tracked");
}
