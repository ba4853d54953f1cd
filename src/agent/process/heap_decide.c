#include "agent/process/heap_decide.h"

enum { API_VERSION_MIN = 10 }; /* release 21.07, the first with heap statistics */

enum sph_heap_state sph_heap_decide(const struct sph_heap_question *question) {
    if (!question->is_asked) {
        if (!question->has_capability && !question->has_library)
            return SPH_HEAP_NOT_ASKED;
        if (!question->has_capability)
            return SPH_HEAP_NO_CAPABILITY;
        if (!question->has_library)
            return SPH_HEAP_NO_LIBRARY;
        if (question->api_version != 0 && question->api_version < API_VERSION_MIN)
            return SPH_HEAP_OLD_API;
    }
    if (!question->is_development)
        return SPH_HEAP_NO_DEVELOPMENT;
    return question->is_debugged ? SPH_HEAP_DEBUGGED : SPH_HEAP_TRACKED;
}
