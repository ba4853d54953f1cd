/* The heap of one app, by caller and call site. */
#include "agent/device/device.h"
#include "agent/install/capabilities.h"
#include "agent/requests/handle.h"
#include "agent/requests/heap_list.h"
#include "agent/store/registry.h"
#include "base/cleanup.h"
#include "wire/msg_app.h"

/* One that does not run has no heap, and is told to be not asked: that is no failure. Of one that
 * was tracked when development was switched off nothing is shown any more. */
int sph_handle_heap(struct sph_call *call) {
    const struct sph_msg_component *asked = call->request;
    const struct sph_device *device = call->device;
    struct sph_heap_list list SPH_CLEANUP(sph_heap_list_done) = SPH_HEAP_LIST_NULL;
    if (!sph_registry_find(device->registry, &asked->component))
        return sph_call_refuse_not_present(call, &asked->component);
    struct sph_msg_heap_reply reply = {.component = asked->component};
    reply.state = sph_lifecycle_heaps(device->lifecycle, &asked->component, SPH_HEAP_SITES_MAX,
                                      sph_heap_list_add, &list);
    if (reply.state == SPH_HEAP_TRACKED &&
        !sph_capabilities_allow_development(device->capabilities)) {
        reply.state = SPH_HEAP_NO_DEVELOPMENT;
    } else {
        reply.processes = SPH_LIST(list.heaps, list.count);
        reply.processes_dropped = list.dropped;
    }
    return sph_call_reply(call, &reply);
}
