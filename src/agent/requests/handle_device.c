/* Requests about the device as a whole: what it is, what its memory holds, what happens on it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "agent/app/lifecycle.h"
#include "agent/device/device.h"
#include "agent/device/events.h"
#include "agent/machine/machine.h"
#include "agent/process/mapping.h"
#include "agent/process/processes.h"
#include "agent/requests/handle.h"
#include "agent/requests/heap_list.h"
#include "agent/store/registry.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "meter/meter.h"
#include "wire/msg_device.h"
#include "wire/msg_event.h"

enum { PAGES_ROWS = 128 /* of 230 bytes at most: fits a frame */ };

/* The frame's version was right, or we were not here; this is about those that the client could
 * speak instead. */
int sph_handle_hello(struct sph_call *call) {
    const struct sph_msg_hello *hello = call->request;
    const struct sph_device *device = call->device;
    struct utsname host;
    if (hello->version_min > SPH_FRAME_VERSION || hello->version_max < SPH_FRAME_VERSION)
        return sph_refuse(&call->refusal, -EPROTONOSUPPORT, SPH_DEVERR_INVALID_JSON,
                          "this agent speaks version %d of the protocol, the client %" PRIu32
                          " to %" PRIu32 ": use programs of one release",
                          SPH_FRAME_VERSION, hello->version_min, hello->version_max);
    /* A machine has no clock of its own, and stands still while its host sleeps. */
    if (device->is_virtual && hello->time_ms)
        sph_machine_set_clock(hello->time_ms);
    if (uname(&host) < 0)
        return sph_refuse(&call->refusal, -errno, SPH_DEVICE_ERROR(SPH_CATEGORY_LINUX, errno),
                          "the kernel does not tell its name");
    struct sph_msg_hello_reply reply = {
        .version = SPH_FRAME_VERSION,
        .program = sph_slice_text("spherule-agent " SPH_VERSION),
        .device = sph_slice_text(device->name),
        .boot_id = device->boot_id,
        .uptime_ms = sph_clock_monotonic_ms() - device->started_ms,
        .backend = sph_slice_text(device->is_virtual ? "virtual" : "native"),
        .profile = sph_slice_text(device->profile.name),
        .core = sph_slice_text(device->profile.core[0] ? device->profile.core : host.machine),
        .kernel = sph_slice_text(host.release),
        .ram_bytes = device->profile.ram_bytes,
        .flash_bytes = device->profile.flash_bytes,
        .storage_bytes = device->profile.storage_bytes,
        .page_bytes = (uint32_t)device->profile.page_bytes,
    };
    return sph_call_reply(call, &reply);
}

/* Version numbers are those of the release whose interface this device has (docs/spec/rest.md). */
int sph_handle_status(struct sph_call *call) {
    struct sph_msg_status_reply reply = {
        .uptime_ms = sph_clock_monotonic_ms() - call->device->started_ms,
        .os_version = sph_slice_text(SPH_DEVICE_OS_VERSION),
        .abi_secure_world = SPH_DEVICE_SECURE_WORLD_RUNTIME,
        .abi_os = SPH_DEVICE_OS_RUNTIME,
        .abi_application = SPH_DEVICE_APPLICATION_RUNTIME,
    };
    return sph_call_reply(call, &reply);
}

/* Room for the processes of every app: 8 KiB, on the stack of one call. */
typedef uint32_t app_pids[SPH_PROCESSES_MAX];

/* A process that is not the app's first is as much the app's: all of them hold its User. */
static struct sph_slice list_pids(struct sph_device *device, const struct sph_guid *component,
                                  app_pids ret_pids) {
    pid_t pids[SPH_PROCESSES_MAX];
    int count = sph_lifecycle_pids(device->lifecycle, component, pids, SPH_PROCESSES_MAX);
    for (int i = 0; i < count; i++)
        ret_pids[i] = (uint32_t)pids[i];
    return sph_slice(ret_pids, count > 0 ? (size_t)count * sizeof(*ret_pids) : 0);
}

/* One list for all apps, since all of them share the frame; an app's heaps stand together in it. */
static void list_heaps(struct sph_device *device, struct sph_msg_app_memory *app,
                       struct sph_heap_list *list) {
    size_t first = list->count;
    uint32_t dropped = list->dropped;
    app->heap_state =
        sph_lifecycle_heaps(device->lifecycle, &app->component, 0, sph_heap_list_add, list);
    app->heaps = SPH_LIST(&list->heaps[first], list->count - first);
    app->heaps_dropped = list->dropped - dropped;
}

/* The running apps' shares, in the registry's order: two readings of the same apps list them
 * alike. */
static size_t list_shares(struct sph_device *device, struct sph_msg_app_memory *ret_apps,
                          app_pids *ret_pids, struct sph_heap_list *heaps) {
    size_t count = 0;
    for (size_t i = 0; i < sph_registry_count(device->registry); i++) {
        const struct sph_installed_app *app = sph_registry_at(device->registry, i);
        struct sph_memory_figures figures;
        if (count == SPH_LIFECYCLE_MAX ||
            sph_lifecycle_memory(device->lifecycle, &app->component, &figures, NULL) < 0)
            continue; /* does not run */
        ret_apps[count] = (struct sph_msg_app_memory){
            .component = app->component,
            .name = sph_slice_text(app->name),
            .user_bytes = figures.user,
            .peak_user_bytes = figures.peak,
            .total_bytes = figures.total,
            .kernel_bytes = figures.kernel,
            .kernel_exact = figures.kernel_exact,
            .pids = list_pids(device, &app->component, ret_pids[count])};
        list_heaps(device, &ret_apps[count], heaps);
        count++;
    }
    return count;
}

/* Group first: the sum of the shares can only be of a later instant, never of an earlier one. */
int sph_handle_memory(struct sph_call *call) {
    struct sph_device *device = call->device;
    struct sph_memory_figures group;
    struct sph_meter_health health;
    uint64_t events;
    struct sph_msg_app_memory apps[SPH_LIFECYCLE_MAX];
    app_pids pids[SPH_LIFECYCLE_MAX];
    struct sph_heap_list heaps SPH_CLEANUP(sph_heap_list_done) = SPH_HEAP_LIST_NULL;
    int code = sph_call_check_development(call);
    if (code < 0)
        return code;
    if (sph_lifecycle_memory(device->lifecycle, NULL, &group, &call->refusal.err) < 0)
        return sph_call_refuse_errno(call);
    sph_lifecycle_health(device->lifecycle, &health, &events);
    struct sph_msg_memory_reply reply = {
        .total_bytes = group.total,
        .user_bytes = group.user,
        .peak_user_bytes = group.peak,
        .kernel_bytes = group.kernel,
        .limit_bytes = device->profile.ram_bytes,
        .user_exact = group.user_exact,
        .kernel_exact = group.kernel_exact,
        .user_how = sph_slice_text(group.user_exact ? "kmem:rss_stat" : "smaps"),
        .kernel_how = sph_slice_text(group.kernel_source),
        .checks = health.checks,
        .mismatches = health.mismatches,
        .events = events,
        .apps = SPH_LIST(apps, list_shares(device, apps, pids, &heaps)),
    };
    return sph_call_reply(call, &reply);
}

/* One reply's part of the rows of all processes, which are counted through. */
struct page_rows {
    size_t first, count, total; /* rows before the reply's, in it, of all */
    bool cut;                   /* of some process not every mapping is known */
    struct sph_msg_mapping *rows;
    char (*paths)[SPH_MAPPING_PATH];
};

/* Rows beyond the reply are counted too: the client wants to know how many there are. */
static void take_pages(void *context, pid_t pid, const struct sph_pagemap *map) {
    struct page_rows *part = context;
    for (size_t i = 0; i < map->n_mappings; i++, part->total++) {
        if (part->total < part->first || part->count == PAGES_ROWS)
            continue;
        sph_mapping_row(map, i, pid, part->paths[part->count], &part->rows[part->count]);
        part->count++;
    }
    part->cut |= map->cut;
}

/* A map may be longer than a frame: the client asks on from where this reply ends. Between two
 * requests it may change; `total_mappings` tells. A `first` beyond the end gives no rows and the
 * total: the client sees that the map has shrunk. */
static int reply_pages(struct sph_call *call) {
    const struct sph_msg_pages *asked = call->request;
    const struct sph_device *device = call->device;
    sph_autofree struct sph_msg_mapping *rows = calloc(PAGES_ROWS, sizeof(*rows));
    sph_autofree char(*paths)[SPH_MAPPING_PATH] = calloc(PAGES_ROWS, sizeof(*paths));
    if (!rows || !paths)
        return sph_call_refuse_no_memory(call);
    struct page_rows part = {.first = asked->first, .rows = rows, .paths = paths};
    int rc = sph_lifecycle_pages(device->lifecycle, &asked->component, take_pages, &part,
                                 &call->refusal.err);
    if (rc < 0)
        return sph_call_refuse_errno(call);
    struct sph_msg_pages_reply reply = {
        .component = asked->component,
        .page_bytes = (uint32_t)device->profile.page_bytes,
        .total_mappings = (uint32_t)part.total,
        .exact = !part.cut && rc != SPH_LIFECYCLE_PAGES_E_CUT,
        .how = sph_slice_text("page tables"),
        .mappings = SPH_LIST(rows, part.count),
    };
    return sph_call_reply(call, &reply);
}

/* Not installed, not running and unreadable are three sentences. */
int sph_handle_pages(struct sph_call *call) {
    const struct sph_msg_pages *asked = call->request;
    const struct sph_device *device = call->device;
    char guid[SPH_GUID_TEXT];
    int code = sph_call_check_development(call);
    if (code < 0)
        return code;
    if (!sph_registry_find(device->registry, &asked->component))
        return sph_call_refuse_not_present(call, &asked->component);
    if (sph_lifecycle_pid(device->lifecycle, &asked->component) <= 0)
        return sph_refuse(&call->refusal, -ENOENT, SPH_DEVERR_APPLICATION_IN_WRONG_STATE,
                          "application %s does not run: it has no pages",
                          sph_guid_format(&asked->component, guid));
    return reply_pages(call);
}

/* The answer first: afterwards there may be no loop to send it. It leaves in the same round. */
static int end_device(struct sph_call *call, bool restart) {
    (void)sph_call_reply(call, NULL);
    if (call->device->end)
        call->device->end(call->device, restart);
    return 0;
}

/* A restart of the device is a new program in the same process: what is left of the old one is what
 * is on disk. */
int sph_handle_restart(struct sph_call *call) {
    return end_device(call, true);
}

int sph_handle_shutdown(struct sph_call *call) {
    return end_device(call, false);
}

/* The answer tells what can be had, the kept events follow it, then every new one. */
int sph_handle_events(struct sph_call *call) {
    const struct sph_msg_events *asked = call->request;
    struct sph_events *events = call->device->events;
    struct sph_msg_events_reply reply = {.last_seq = sph_events_newest(events),
                                         .oldest_seq = sph_events_oldest(events)};
    uint64_t after = asked->has_after ? asked->after_seq : reply.last_seq;
    (void)sph_call_reply(call, &reply); /* before the events that it announces */
    struct sph_refusal *refusal = &call->refusal;
    if (sph_connection_subscribe(call->connection, call->id, after, asked->hold, &refusal->err) < 0)
        sph_device_note(call->device, NULL, "a client gets no events: %s", refusal->err.text);
    return 0;
}

/* No word of what it is good for: it may also come from a client that does not hold. */
int sph_handle_events_ack(struct sph_call *call) {
    const struct sph_msg_events_ack *asked = call->request;
    sph_connection_acknowledge(call->connection, asked->seq);
    return sph_call_reply(call, NULL);
}
