/* The original shows "App + Static Libraries" and "curl"; we keep the file's name beside it where a
 * person may have two libraries of one name. */
#include "gateway/rest/json_heap.h"

#include <stdio.h>
#include <string.h>

#include "gateway/rest/json_wire.h"

static const struct {
    const char *word, *reason;
} states[] = {
    [SPH_HEAP_NOT_ASKED] =
        {"notAsked", "Its heap is not tracked: add \"HeapMemStats\": true to the Capabilities of "
                     "app_manifest.json and DEBUG_LIB \"libmalloc\" to "
                     "azsphere_target_add_image_package() in CMakeLists.txt, or use `spherule run "
                     "--heap`."},
    [SPH_HEAP_TRACKED] = {"tracked", "Its heap is tracked."},
    [SPH_HEAP_NO_CAPABILITY] =
        {"noCapability", "libmalloc.so.0 is in the package, but the manifest lacks the capability: "
                         "add \"HeapMemStats\": true to app_manifest.json and deploy again."},
    [SPH_HEAP_NO_LIBRARY] =
        {"noLibrary", "The manifest has HeapMemStats, but the package lacks libmalloc.so.0: add "
                      "DEBUG_LIB \"libmalloc\" to azsphere_target_add_image_package() in "
                      "CMakeLists.txt and deploy again."},
    [SPH_HEAP_NO_DEVELOPMENT] =
        {"noDevelopment", "The device has development switched off, where no heap is tracked: "
                          "switch it on with 'azsphere device enable-development'."},
    [SPH_HEAP_DEBUGGED] =
        {"debugged", "A debugger holds the application, and heaps are not tracked then: start it "
                     "without --debug-mode."},
    [SPH_HEAP_OLD_API] =
        {"oldApi", "The package targets an API set below 10, which has no heap statistics: build "
                   "it with TARGET_API_SET 10 or later."},
    [SPH_HEAP_STATIC] =
        {"static", "The program is static, so that nothing can stand before its malloc: link it to "
                   "the device's C library."},
    [SPH_HEAP_LOADER] =
        {"loader", "The program's C library is not one that heap tracking knows: build it with "
                   "spherule-cc."},
    [SPH_HEAP_FAILED] =
        {"failed",
         "The ledger could not be put into the process: read why in the device's log, and "
         "start the application again."},
    [SPH_HEAP_DAMAGED] =
        {"damaged", "The application has overwritten its own ledger: look for a stray write."},
};

const char *sph_heap_state_word(uint32_t state) {
    return state < SPH_ARRAY_SIZE(states) ? states[state].word : "unknown";
}

const char *sph_heap_state_reason(uint32_t state) {
    return state < SPH_ARRAY_SIZE(states) ? states[state].reason
                                          : "The device gives a reason that this gateway does not "
                                            "know: update it.";
}

/* "libcurl.so.4" is "curl"; musl's loader is the C library; what is not named so stays as it is. */
static struct sph_slice short_name(struct sph_slice name) {
    const char *text = (const char *)name.data;
    if (name.len > 8 && memcmp(text, "ld-musl-", 8) == 0)
        return sph_slice_text("c");
    if (name.len < 4 || memcmp(text, "lib", 3) != 0)
        return name;
    const char *end = memmem(text + 3, name.len - 3, ".so", 3);
    return end && end > text + 3 ? sph_slice(text + 3, (size_t)(end - text) - 3) : name;
}

static void json_usage(struct sph_json_out *out, const void *item) {
    const struct sph_msg_heap_caller *caller = item;
    sph_json_object(out);
    sph_json_key_slice(out, "name", short_name(caller->name));
    sph_json_key_u64(out, "usageInBytes", caller->live_bytes);
    sph_json_object_end(out);
}

static void json_usage_process(struct sph_json_out *out, const void *item) {
    const struct sph_msg_heap *heap = item;
    if (heap->state != SPH_HEAP_TRACKED)
        return;
    sph_json_object(out);
    sph_json_key_u64(out, "pid", heap->pid);
    sph_json_key_list(out, "heapUsageByCaller", &heap->callers, json_usage);
    sph_json_object_end(out);
}

/* The first process's heap may be damaged, and its children's be tracked. */
static bool is_any_tracked(const struct sph_msg_app_memory *app) {
    struct sph_msg_heap heap;
    struct sph_list_iter iter = sph_list_iter(&app->heaps);
    bool is_tracked = app->heap_state == SPH_HEAP_TRACKED;
    while (!is_tracked && sph_list_next(&iter, &heap))
        is_tracked = heap.state == SPH_HEAP_TRACKED;
    return is_tracked;
}

/* Upper case, as the original's example has it. */
static void json_usage_app(struct sph_json_out *out, const void *item) {
    const struct sph_msg_app_memory *app = item;
    char id[SPH_GUID_TEXT];
    if (!is_any_tracked(app))
        return;
    sph_guid_format(&app->component, id);
    for (char *at = id; *at; at++)
        if (*at >= 'a' && *at <= 'f')
            *at = (char)(*at - 'a' + 'A');
    sph_json_object(out);
    sph_json_key_string(out, "componentId", id);
    sph_json_key_list(out, "processes", &app->heaps, json_usage_process);
    if (app->heaps_dropped > 0) /* the original's document has no such member */
        sph_json_key_u64(out, "processesDropped", app->heaps_dropped);
    sph_json_object_end(out);
}

static bool is_missing(uint32_t state) {
    return state != SPH_HEAP_TRACKED && state != SPH_HEAP_NOT_ASKED;
}

/* `pid` 0: of the app as a whole. */
static void json_missing(struct sph_json_out *out, const struct sph_msg_app_memory *app,
                         uint32_t pid, uint32_t state) {
    sph_json_object(out);
    sph_json_key_guid(out, "componentId", &app->component);
    sph_json_key_slice(out, "name", app->name);
    if (pid != 0)
        sph_json_key_u64(out, "pid", pid);
    sph_json_key_string(out, "state", sph_heap_state_word(state));
    sph_json_key_string(out, "reason", sph_heap_state_reason(state));
    sph_json_object_end(out);
}

static void json_missing_app(struct sph_json_out *out, const void *item) {
    const struct sph_msg_app_memory *app = item;
    struct sph_msg_heap heap;
    struct sph_list_iter iter = sph_list_iter(&app->heaps);
    if (app->heaps.count == 0 && is_missing(app->heap_state))
        json_missing(out, app, 0, app->heap_state);
    while (sph_list_next(&iter, &heap))
        if (is_missing(heap.state))
            json_missing(out, app, heap.pid, heap.state);
}

static bool is_app_missing(const struct sph_msg_app_memory *app) {
    struct sph_msg_heap heap;
    struct sph_list_iter iter = sph_list_iter(&app->heaps);
    bool found = is_missing(app->heap_state);
    while (!found && sph_list_next(&iter, &heap))
        found = is_missing(heap.state);
    return found;
}

void sph_json_heap_usage(struct sph_json_out *out, const struct sph_list *apps) {
    struct sph_msg_app_memory app;
    struct sph_list_iter iter = sph_list_iter(apps);
    bool is_tracked = false, has_missing = false;
    while (sph_list_next(&iter, &app)) {
        is_tracked |= is_any_tracked(&app);
        has_missing |= is_app_missing(&app);
    }
    if (is_tracked)
        sph_json_key_list(out, "apps", apps, json_usage_app);
    if (has_missing)
        sph_json_key_list(out, "heapsNotTracked", apps, json_missing_app);
}

static void json_caller(struct sph_json_out *out, const void *item) {
    const struct sph_msg_heap_caller *caller = item;
    sph_json_object(out);
    sph_json_key_slice(out, "name", caller->name);
    sph_json_key_slice(out, "path", caller->path);
    sph_json_key_hex(out, "buildId", caller->build_id);
    sph_json_key_address(out, "base", caller->base);
    sph_json_key_u64(out, "spanBytes", caller->span_bytes);
    sph_json_key_u64(out, "liveBytes", caller->live_bytes);
    sph_json_key_u64(out, "residentBytes", caller->resident_bytes);
    sph_json_key_u64(out, "peakBytes", caller->peak_bytes);
    sph_json_key_u64(out, "liveBlocks", caller->live_blocks);
    sph_json_key_u64(out, "allocations", caller->allocations);
    sph_json_key_u64(out, "frees", caller->frees);
    sph_json_key_u64(out, "largestBytes", caller->largest_bytes);
    sph_json_object_end(out);
}

static void json_site(struct sph_json_out *out, const void *item) {
    const struct sph_msg_heap_site *site = item;
    sph_json_object(out);
    sph_json_key_u64(out, "caller", site->caller);
    sph_json_key_address(out, "address", site->address);
    sph_json_key_u64(out, "liveBytes", site->live_bytes);
    sph_json_key_u64(out, "residentBytes", site->resident_bytes);
    sph_json_key_u64(out, "liveBlocks", site->live_blocks);
    sph_json_key_u64(out, "allocations", site->allocations);
    sph_json_key_bool(out, "onlyGrew", site->only_grew);
    if (site->stack.len > 0)
        sph_json_key_addresses(out, "stack", site->stack);
    sph_json_object_end(out);
}

static void json_crossing(struct sph_json_out *out, const struct sph_msg_heap *heap) {
    sph_json_key(out, "crossingBlock");
    sph_json_object(out);
    sph_json_key_u64(out, "caller", heap->crossing_caller);
    sph_json_key_address(out, "address", heap->crossing_address);
    sph_json_key_u64(out, "bytes", heap->crossing_bytes);
    sph_json_key_u64(out, "offset", heap->crossing_offset);
    sph_json_key_address(out, "site", heap->crossing_site);
    sph_json_object_end(out);
}

void sph_json_heap_members(struct sph_json_out *out, const struct sph_msg_heap *heap) {
    sph_json_key_u64(out, "pid", heap->pid);
    sph_json_key_string(out, "state", sph_heap_state_word(heap->state));
    if (heap->state != SPH_HEAP_TRACKED)
        return;
    sph_json_key_u64(out, "liveBytes", heap->live_bytes);
    sph_json_key_u64(out, "residentBytes", heap->resident_bytes);
    sph_json_key_u64(out, "liveBlocks", heap->live_blocks);
    sph_json_key_u64(out, "allocations", heap->allocations);
    sph_json_key_u64(out, "frees", heap->frees);
    sph_json_key_u64(out, "uptimeMs", heap->uptime_ms);
    sph_json_key_bool(out, "complete", heap->complete);
    sph_json_key_bool(out, "peaksExact", heap->peaks_exact);
    sph_json_key_bool(out, "countsExact", heap->counts_exact);
    sph_json_key_u64(out, "blocksLost", heap->blocks_lost);
    sph_json_key_u64(out, "unknownFrees", heap->unknown_frees);
    sph_json_key_u64(out, "damaged", heap->damaged);
    sph_json_key_u64(out, "damageFound", heap->damage_found);
    sph_json_key_list(out, "callers", &heap->callers, json_caller);
    sph_json_key_list(out, "sites", &heap->sites, json_site);
    sph_json_key_u64(out, "sitesDropped", heap->sites_dropped);
    if (heap->has_crossing_block)
        json_crossing(out, heap);
}

void sph_json_report_heap(struct sph_json_out *out, const struct sph_msg_report *report) {
    struct sph_msg_heap heap;
    struct sph_list_iter iter = sph_list_iter(&report->heaps);
    sph_json_key_string(out, "heapState", sph_heap_state_word(report->heap_state));
    if (!sph_list_next(&iter, &heap))
        return;
    sph_json_key(out, "heap");
    sph_json_object(out);
    sph_json_heap_members(out, &heap);
    sph_json_object_end(out);
}
