/* The members are docs/spec/rest.md's. A site whose caller is none of the list is dropped, and
 * counted with the others that are not listed. */
#include "cli/report/heap.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/text.h"
#include "cli/device/target.h"

/* "0x…". */
static uint64_t read_address(const struct sph_json_value *object, const char *key) {
    char text[32];
    return strtoull(sph_answer_text(object, key, text, sizeof(text)), NULL, 16);
}

/* Nothing but whole, even digits is a build id. */
static void read_build_id(const struct sph_json_value *value, struct sph_heap_caller *caller) {
    char hex[2 * sizeof(caller->build_id) + 2];
    sph_answer_text(value, "buildId", hex, sizeof(hex));
    size_t len = strlen(hex);
    if (len % 2 == 0 && len / 2 <= sizeof(caller->build_id) &&
        sph_hex_to_bytes(hex, len / 2, caller->build_id) == 0)
        caller->build_id_len = (unsigned)(len / 2);
}

static void read_callers(const struct sph_json_value *object, struct sph_heap *heap) {
    struct sph_json_iter iter;
    struct sph_json_value value;
    if (!sph_answer_array(object, "callers", &iter))
        return;
    while (heap->n_callers < SPH_HEAP_CALLERS_MAX && sph_json_next(&iter, NULL, &value)) {
        struct sph_heap_caller *caller = &heap->callers[heap->n_callers++];
        sph_answer_text(&value, "name", caller->name, sizeof(caller->name));
        sph_answer_text(&value, "path", caller->path, sizeof(caller->path));
        read_build_id(&value, caller);
        caller->base = read_address(&value, "base");
        caller->span_bytes = sph_answer_u64(&value, "spanBytes");
        caller->live_bytes = sph_answer_u64(&value, "liveBytes");
        caller->resident_bytes = sph_answer_u64(&value, "residentBytes");
        caller->peak_bytes = sph_answer_u64(&value, "peakBytes");
        caller->live_blocks = sph_answer_u64(&value, "liveBlocks");
        caller->allocations = sph_answer_u64(&value, "allocations");
    }
}

/* False: it lies in none of the callers, which are the objects that are known. */
static bool place_frame(const struct sph_heap *heap, uint64_t address, struct sph_symbol *ret_at) {
    for (unsigned i = 0; i < heap->n_callers; i++) {
        const struct sph_heap_caller *caller = &heap->callers[i];
        if (address < caller->base || address - caller->base >= caller->span_bytes)
            continue;
        ret_at->object = i;
        ret_at->address = address - caller->base;
        return true;
    }
    return false;
}

/* The first frame is the call site itself. */
static void read_stack(const struct sph_json_value *object, struct sph_heap *heap,
                       struct sph_heap_site *site) {
    struct sph_json_iter iter;
    struct sph_json_value value;
    char text[32];
    site->first_frame = heap->n_frames;
    if (!sph_answer_array(object, "stack", &iter) || !sph_json_next(&iter, NULL, &value))
        return;
    heap->has_stacks = true;
    while (heap->n_frames < SPH_HEAP_FRAMES_MAX && sph_json_next(&iter, NULL, &value))
        if (sph_json_to_text(&value, text, sizeof(text)) >= 0 &&
            place_frame(heap, strtoull(text, NULL, 16), &heap->frames[heap->n_frames])) {
            heap->n_frames++;
            site->n_frames++;
        }
}

static void read_sites(const struct sph_json_value *object, struct sph_heap *heap) {
    struct sph_json_iter iter;
    struct sph_json_value value;
    heap->sites_dropped = sph_answer_u64(object, "sitesDropped");
    if (!sph_answer_array(object, "sites", &iter))
        return;
    while (sph_json_next(&iter, NULL, &value)) {
        uint64_t caller = sph_answer_u64(&value, "caller");
        if (heap->n_sites == SPH_HEAP_SITES_MAX || caller >= heap->n_callers) {
            heap->sites_dropped++;
            continue;
        }
        struct sph_heap_site *site = &heap->sites[heap->n_sites++];
        site->at.object = (unsigned)caller;
        site->at.address = read_address(&value, "address");
        site->live_bytes = sph_answer_u64(&value, "liveBytes");
        site->resident_bytes = sph_answer_u64(&value, "residentBytes");
        site->live_blocks = sph_answer_u64(&value, "liveBlocks");
        site->allocations = sph_answer_u64(&value, "allocations");
        site->only_grew = sph_answer_bool(&value, "onlyGrew");
        read_stack(&value, heap, site);
    }
}

static void read_crossing(const struct sph_json_value *object, struct sph_heap *heap) {
    struct sph_json_value block;
    if (!sph_json_get(object, "crossingBlock", &block) || block.type != SPH_JSON_OBJECT)
        return;
    uint64_t caller = sph_answer_u64(&block, "caller");
    if (caller >= heap->n_callers)
        return;
    heap->has_crossing = true;
    heap->crossing_bytes = sph_answer_u64(&block, "bytes");
    heap->crossing_offset = sph_answer_u64(&block, "offset");
    heap->crossing.object = (unsigned)caller;
    heap->crossing.address = read_address(&block, "site");
}

/* False only where the device says so: an absent flag is no doubt. */
static bool says_no(const struct sph_json_value *object, const char *key) {
    struct sph_json_value value;
    return sph_json_get(object, key, &value) && !sph_answer_bool(object, key);
}

struct sph_heap *sph_heap_parse(const struct sph_json_value *object) {
    struct sph_heap *heap =
        object->type == SPH_JSON_OBJECT ? calloc(1, sizeof(struct sph_heap)) : NULL;
    if (!heap)
        return NULL;
    heap->live_bytes = sph_answer_u64(object, "liveBytes");
    heap->resident_bytes = sph_answer_u64(object, "residentBytes");
    heap->live_blocks = sph_answer_u64(object, "liveBlocks");
    heap->allocations = sph_answer_u64(object, "allocations");
    heap->uptime_ms = sph_answer_u64(object, "uptimeMs");
    heap->blocks_lost = sph_answer_u64(object, "blocksLost");
    uint64_t damaged = sph_answer_u64(object, "damaged");
    heap->damage = sph_answer_u64(object, "damageFound");
    heap->damage = damaged < UINT64_MAX - heap->damage ? heap->damage + damaged : UINT64_MAX;
    heap->is_incomplete = says_no(object, "complete");
    heap->peaks_are_rough = says_no(object, "peaksExact");
    heap->counts_are_rough = says_no(object, "countsExact");
    read_callers(object, heap);
    read_sites(object, heap);
    read_crossing(object, heap);
    return heap;
}

const char *sph_heap_reason(const char *state) {
    static const struct {
        const char *state, *reason;
    } rows[] = {
        {"notAsked", "Its heap is not tracked: 'spherule run --heap' asks for it, or HeapMemStats "
                     "in app_manifest.json with DEBUG_LIB \"libmalloc\" in CMakeLists.txt"},
        {"noCapability", "Its heap is not tracked: HeapMemStats is missing; add \"HeapMemStats\": "
                         "true to Capabilities in app_manifest.json"},
        {"noLibrary", "Its heap is not tracked: the package has no libmalloc.so.0; add DEBUG_LIB "
                      "\"libmalloc\" to azsphere_target_add_image_package in CMakeLists.txt"},
        {"noDevelopment", "Its heap is not tracked: the device has development switched off"},
        {"debugged", "Its heap is not tracked while a debugger holds it: start it without "
                     "--debug-mode"},
        {"oldApi", "Its heap is not tracked: the package targets an API set below 10; build it "
                   "for a newer one"},
        {"static", "Its heap is not tracked: it is linked statically, and nothing can stand "
                   "before its malloc; link it dynamically"},
        {"loader", "Its heap is not tracked: its C library is neither musl nor glibc as known"},
        {"failed", "Its heap is not tracked: the ledger could not be put into its process"},
        {"damaged", "The heap's ledger cannot be read: the application has written over it"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++)
        if (strcmp(rows[i].state, state) == 0)
            return rows[i].reason;
    return "Its heap is not tracked, for a reason that this version does not know";
}
