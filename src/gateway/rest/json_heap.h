/* json_heap: tracked heaps as JSON, for the documented interface and for ours. */
#ifndef SPH_GATEWAY_REST_JSON_HEAP_H
#define SPH_GATEWAY_REST_JSON_HEAP_H

#include "base/json_out.h"
#include "wire/message.h"

/* "tracked", "noLibrary", …; "unknown" for a state that this version does not know. */
const char *sph_heap_state_word(uint32_t state);
/* One sentence that says what to do about it. */
const char *sph_heap_state_reason(uint32_t state);

/* "apps" of the memory statistics, as the original documents it: tracked processes only, and no
 * member at all where there are none. Beside it "heapsNotTracked", which is ours: apps and
 * processes whose tracking was asked for in some way, and why there is none. `apps` holds struct
 * sph_msg_app_memory. */
void sph_json_heap_usage(struct sph_json_out *out, const struct sph_list *apps);
/* Members of an object: docs/spec/rest.md, section 3.9. */
void sph_json_heap_members(struct sph_json_out *out, const struct sph_msg_heap *heap);
/* "heapState", and "heap" where there is one, of a report. */
void sph_json_report_heap(struct sph_json_out *out, const struct sph_msg_report *report);

#endif
