/* The heap of one app, by caller and call site. */
#include <errno.h>

#include "agent/device.h"
#include "agent/handle.h"
#include "agent/heap_list.h"
#include "agent/registry.h"
#include "base/cleanup.h"
#include "wire/msg_app.h"

/* One that does not run has no heap, and is told to be not asked: that is no failure. */
int sph_handle_heap(struct sph_call *call) {
    const struct sph_msg_component *asked = call->request;
    const struct sph_device *device = call->device;
    struct sph_heap_list list SPH_CLEANUP(sph_heap_list_done) = SPH_HEAP_LIST_NULL;
    char guid[SPH_GUID_TEXT];
    if (!sph_registry_find(device->registry, &asked->component))
        return sph_refuse(&call->refusal, -ENOENT, SPH_DEVERR_APP_NOT_PRESENT,
                          "no application with component id %s is installed",
                          sph_guid_format(&asked->component, guid));
    struct sph_msg_heap_reply reply = {.component = asked->component};
    reply.state = sph_lifecycle_heaps(device->lifecycle, &asked->component, SPH_HEAP_SITES_MAX,
                                      sph_heap_list_add, &list);
    reply.processes = SPH_LIST(list.heaps, list.count);
    return sph_call_reply(call, &reply);
}
