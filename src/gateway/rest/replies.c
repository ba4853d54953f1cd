/* Names of members are those of docs/spec/rest.md: the device's own first, ours in camel case with
 * the unit at the end. Members that have no meaning are left out only where that document says so:
 * a client then needs one test, for the few that may be absent.
 *
 * JSON is written member by member instead of from a table: names, units and what is left out
 * differ from the wire's in every second row, and the document reads like this file. A formatter
 * cannot fail; a body that has no room shows in its buffer, which sph_route_answer looks at. */
#include "gateway/rest/replies.h"

#include <stdio.h>

#include "gateway/rest/json_heap.h"
#include "gateway/rest/json_wire.h"

/* Most answers are one object. end: "nothing to refuse", so that it can be returned. */
static void begin(struct sph_json_out *out, struct sph_response *response) {
    sph_json_begin(out, &response->body);
    sph_json_object(out);
}

static unsigned end(struct sph_json_out *out) {
    sph_json_object_end(out);
    return 0;
}

/* ---- the device's own interface ---- */

unsigned sph_format_status(const struct sph_call *call, const void *message,
                           struct sph_response *response) {
    (void)call;
    const struct sph_msg_status_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_u64(&out, "uptime", reply->uptime_ms / 1000); /* whole seconds, as on devices */
    return end(&out);
}

unsigned sph_format_os_version(const struct sph_call *call, const void *message,
                               struct sph_response *response) {
    (void)call;
    const struct sph_msg_status_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_slice(&out, "osversion", reply->os_version);
    return end(&out);
}

unsigned sph_format_abi_versions(const struct sph_call *call, const void *message,
                                 struct sph_response *response) {
    (void)call;
    const struct sph_msg_status_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_u64(&out, "SecureWorldRuntime", reply->abi_secure_world);
    sph_json_key_u64(&out, "OSRuntime", reply->abi_os);
    sph_json_key_u64(&out, "ApplicationRuntime", reply->abi_application);
    return end(&out);
}

/* Looked for instead of taken: the zero id, which anybody may ask for, is answered with all apps.
 */
static bool find_app(const struct sph_msg_app_list_reply *reply, const struct sph_guid *component,
                     struct sph_msg_app *ret_app) {
    struct sph_list_iter iter = sph_list_iter(&reply->apps);
    while (sph_list_next(&iter, ret_app)) {
        if (sph_guid_equal(&ret_app->component, component))
            return true;
    }
    return false;
}

/* Devices know no "no such app" here: what is not installed is in the state "notPresent". */
unsigned sph_format_app_state(const struct sph_call *call, const void *message,
                              struct sph_response *response) {
    struct sph_msg_app app;
    bool found = find_app(message, &call->component, &app);
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_string(&out, "state", sph_app_state_word(found ? app.state : SPH_APP_NOT_PRESENT));
    if (found && app.state == SPH_APP_DEBUGGING && call->gdb_port)
        sph_json_key_u64(&out, "gdbPort", call->gdb_port);
    return end(&out);
}

/* Ports stand there only while a debugger could use them, as on devices. */
unsigned sph_format_app_control(const struct sph_call *call, const void *message,
                                struct sph_response *response) {
    const struct sph_msg_app_control_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_string(&out, "state", sph_app_state_word(reply->state));
    if (reply->state == SPH_APP_DEBUGGING) {
        sph_json_key_u64(&out, "gdbPort", call->gdb_port ? call->gdb_port : reply->gdb_port);
        if (reply->out_port) /* where the output has no port it is in the log */
            sph_json_key_u64(&out, "outPort", reply->out_port);
    }
    return end(&out);
}

/* KB are KiB there. Usage is rounded up, so that a file of one byte is not shown as none; the limit
 * is a whole number of KiB in every manifest. */
unsigned sph_format_quota(const struct sph_call *call, const void *message,
                          struct sph_response *response) {
    (void)call;
    const struct sph_msg_quota_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_u64(&out, "UsageKB", reply->used_bytes / 1024 + (reply->used_bytes % 1024 != 0));
    sph_json_key_u64(&out, "LimitKB", reply->limit_bytes / 1024);
    return end(&out);
}

/* What the device's own interface rounds, and what its storage has gone through. */
unsigned sph_format_storage(const struct sph_call *call, const void *message,
                            struct sph_response *response) {
    const struct sph_msg_quota_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_guid(&out, "componentId", &call->component);
    sph_json_key_u64(&out, "usedBytes", reply->used_bytes);
    sph_json_key_u64(&out, "limitBytes", reply->limit_bytes);
    sph_json_key_u64(&out, "writes", reply->writes);
    sph_json_key_u64(&out, "bytesWritten", reply->bytes_written);
    sph_json_key_u64(&out, "blocksErased", reply->blocks_erased);
    sph_json_key_u64(&out, "idleWrites", reply->idle_writes);
    return end(&out);
}

/* Absent means false: the original's clients look for the member, not for its value. */
unsigned sph_format_restarting(const struct sph_call *call, const void *message,
                               struct sph_response *response) {
    (void)call;
    const struct sph_msg_restarting_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    if (reply->restarting_system)
        sph_json_key_bool(&out, "restartingSystem", true);
    return end(&out);
}

/* Whatever the agent says, or when it goes without a word: it restarts. */
unsigned sph_format_restart(const struct sph_call *call, const void *message,
                            struct sph_response *response) {
    (void)call, (void)message;
    sph_buf_puts(&response->body, "{\"restartingSystem\":true}");
    return 0;
}

/* One image each, never compressed or doubled: members that devices need for their two copies of
 * an image have the one value that means "plain". */
static void json_component(struct sph_json_out *out, const void *item) {
    const struct sph_msg_app *app = item;
    sph_json_object(out);
    sph_json_key_guid(out, "uid", &app->component);
    sph_json_key_u64(out, "image_type", app->image_type);
    sph_json_key_bool(out, "is_update_staged", app->is_staged);
    sph_json_key_bool(out, "does_image_type_require_restart", false);
    sph_json_key_slice(out, "name", app->name);
    sph_json_key(out, "images");
    sph_json_array(out);
    sph_json_object(out);
    sph_json_key_guid(out, "uid", &app->image);
    sph_json_key_u64(out, "length_in_bytes", app->package_bytes);
    sph_json_key_u64(out, "uncompressed_length_in_bytes", app->package_bytes);
    sph_json_key_u64(out, "replica_type", 0);
    sph_json_object_end(out);
    sph_json_array_end(out);
    sph_json_object_end(out);
}

/* Installed images only: one that is staged shows in the two flags about staging. */
unsigned sph_format_images(const struct sph_call *call, const void *message,
                           struct sph_response *response) {
    (void)call;
    const struct sph_msg_app_list_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_bool(&out, "is_ota_update_in_progress", false);
    sph_json_key_bool(&out, "has_staged_updates", reply->has_staged);
    sph_json_key_bool(&out, "restart_required", false);
    sph_json_key_list(&out, "components", &reply->apps, json_component);
    return end(&out);
}

/* The device's names for total, user and peak of the group. */
unsigned sph_format_memory_stats(const struct sph_call *call, const void *message,
                                 struct sph_response *response) {
    (void)call;
    const struct sph_msg_memory_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key(&out, "memoryStats");
    sph_json_object(&out);
    sph_json_key_u64(&out, "currentMemoryUsageInBytes", reply->total_bytes);
    sph_json_key_u64(&out, "userModeMemoryUsageInBytes", reply->user_bytes);
    sph_json_key_u64(&out, "peakUserModeMemoryUsageInBytes", reply->peak_user_bytes);
    sph_json_object_end(&out);
    sph_json_heap_usage(&out, &reply->apps);
    return end(&out);
}

unsigned sph_format_capabilities(const struct sph_call *call, const void *message,
                                 struct sph_response *response) {
    (void)call;
    const struct sph_msg_capabilities *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key(&out, "device_capabilities");
    sph_json_array(&out);
    for (size_t i = 0; i < sph_slice_u32_count(reply->ids); i++)
        sph_json_u64(&out, sph_slice_u32(reply->ids, i));
    sph_json_array_end(&out);
    return end(&out);
}

/* ---- below /spherule/v1 ---- */

/* From a hello of its own: what was learnt when the connection began has an old uptime. */
unsigned sph_format_device(const struct sph_call *call, const void *message,
                           struct sph_response *response) {
    (void)call;
    const struct sph_msg_hello_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_slice(&out, "name", reply->device);
    sph_json_key_slice(&out, "backend", reply->backend);
    sph_json_key_slice(&out, "profile", reply->profile);
    sph_json_key_slice(&out, "core", reply->core);
    sph_json_key_slice(&out, "kernel", reply->kernel);
    sph_json_key_slice(&out, "agent", reply->program);
    sph_json_key_string(&out, "gateway", "spheruled " SPH_VERSION);
    sph_json_key_guid(&out, "bootId", &reply->boot_id);
    sph_json_key_u64(&out, "uptimeMs", reply->uptime_ms);
    sph_json_key_u64(&out, "pageBytes", reply->page_bytes);
    sph_json_key_u64(&out, "ramBytes", reply->ram_bytes);
    sph_json_key_u64(&out, "flashBytes", reply->flash_bytes);
    sph_json_key_u64(&out, "storageBytes", reply->storage_bytes);
    return end(&out);
}

/* Figures of apps add up to the group's, unless one is debugged. Peaks of apps do not add up to
 * that of the group: they need not have been at the same time. */
static void json_app_memory(struct sph_json_out *out, const void *item) {
    const struct sph_msg_app_memory *app = item;
    sph_json_object(out);
    sph_json_key_guid(out, "componentId", &app->component);
    sph_json_key_slice(out, "name", app->name);
    sph_json_key_u64(out, "userBytes", app->user_bytes);
    sph_json_key_u64(out, "peakUserBytes", app->peak_user_bytes);
    sph_json_key_u64(out, "totalBytes", app->total_bytes);
    sph_json_key_u64(out, "kernelBytes", app->kernel_bytes);
    sph_json_key_bool(out, "kernelExact", app->kernel_exact);
    sph_json_key(out, "pids");
    sph_json_array(out);
    for (size_t i = 0; i < sph_slice_u32_count(app->pids); i++)
        sph_json_u64(out, sph_slice_u32(app->pids, i));
    sph_json_array_end(out);
    sph_json_key_string(out, "heapState", sph_heap_state_word(app->heap_state));
    sph_json_object_end(out);
}

/* All of one instant, which separate calls for the figures could not have. */
unsigned sph_format_memory(const struct sph_call *call, const void *message,
                           struct sph_response *response) {
    (void)call;
    const struct sph_msg_memory_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_u64(&out, "totalBytes", reply->total_bytes);
    sph_json_key_u64(&out, "userBytes", reply->user_bytes);
    sph_json_key_u64(&out, "peakUserBytes", reply->peak_user_bytes);
    sph_json_key_u64(&out, "kernelBytes", reply->kernel_bytes);
    sph_json_key_u64(&out, "limitBytes", reply->limit_bytes);
    sph_json_key_bool(&out, "userExact", reply->user_exact);
    sph_json_key_slice(&out, "userHow", reply->user_how);
    sph_json_key_bool(&out, "kernelExact", reply->kernel_exact);
    sph_json_key_slice(&out, "kernelHow", reply->kernel_how);
    sph_json_key_u64(&out, "checks", reply->checks);
    sph_json_key_u64(&out, "mismatches", reply->mismatches);
    sph_json_key_u64(&out, "events", reply->events);
    sph_json_key_list(&out, "apps", &reply->apps, json_app_memory);
    return end(&out);
}

static void json_heap(struct sph_json_out *out, const void *item) {
    sph_json_object(out);
    sph_json_heap_members(out, item);
    sph_json_object_end(out);
}

/* The reason stands there also when all is well: a client shows one text for every state. */
unsigned sph_format_heap(const struct sph_call *call, const void *message,
                         struct sph_response *response) {
    (void)call;
    const struct sph_msg_heap_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_guid(&out, "componentId", &reply->component);
    sph_json_key_string(&out, "state", sph_heap_state_word(reply->state));
    sph_json_key_string(&out, "reason", sph_heap_state_reason(reply->state));
    sph_json_key_list(&out, "processes", &reply->processes, json_heap);
    sph_json_key_u64(&out, "processesDropped", reply->processes_dropped);
    return end(&out);
}

/* Sums over the mappings given, so that a client which shows one part needs no arithmetic. They
 * wrap for figures that no machine has; what an agent says is not made to look right here. */
unsigned sph_format_pages(const struct sph_call *call, const void *message,
                          struct sph_response *response) {
    const struct sph_msg_pages_reply *reply = message;
    uint64_t anonymous = 0, shared = 0, file = 0;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_guid(&out, "componentId", &call->component);
    sph_json_key_u64(&out, "pageBytes", reply->page_bytes);
    sph_json_key_bool(&out, "exact", reply->exact);
    sph_json_key_slice(&out, "how", reply->how);
    sph_json_key_u64(&out, "totalMappings", reply->total_mappings);
    sph_json_key_u64(&out, "first", call->first);
    sph_json_key(&out, "mappings");
    sph_json_array(&out);
    struct sph_list_iter iter = sph_list_iter(&reply->mappings);
    struct sph_msg_mapping mapping;
    while (sph_list_next(&iter, &mapping)) {
        sph_json_mapping(&out, &mapping);
        anonymous += mapping.anonymous_pages;
        shared += mapping.shared_pages;
        file += mapping.file_pages;
    }
    sph_json_array_end(&out);
    sph_json_key_u64(&out, "anonymousPages", anonymous);
    sph_json_key_u64(&out, "sharedPages", shared);
    sph_json_key_u64(&out, "filePages", file);
    return end(&out);
}

/* For people, who do not know the device's mode when they wonder why an app stands still. */
static const char *hindrance_sentence(uint32_t hindrance) {
    static const char *const sentences[] = {
        [SPH_HINDRANCE_DEVELOPMENT_SIGNER] =
            "Development is switched off, and the device trusts its signer for development only: "
            "enable it ('azsphere device enable-development'), or add the signer's certificate "
            "with 'spherule trust add CERT.pem --production'.",
        [SPH_HINDRANCE_UNKNOWN_SIGNER] =
            "Development is switched off, and the device does not trust its signer any more: add "
            "its certificate with 'spherule trust add CERT.pem --production'.",
    };
    return hindrance < SPH_ARRAY_SIZE(sentences) && sentences[hindrance]
               ? sentences[hindrance]
               : "The device does not let it start, for a reason that this gateway does not know.";
}

/* What is told of the last end means nothing without one. */
static void json_app(struct sph_json_out *out, const void *item) {
    const struct sph_msg_app *app = item;
    sph_json_object(out);
    sph_json_key_guid(out, "componentId", &app->component);
    sph_json_key_guid(out, "imageId", &app->image);
    sph_json_key_slice(out, "name", app->name);
    sph_json_key_u64(out, "imageType", app->image_type);
    sph_json_key_string(out, "state", sph_app_state_word(app->state));
    sph_json_key_u64(out, "packageBytes", app->package_bytes);
    sph_json_key_bool(out, "isStaged", app->is_staged);
    sph_json_key_bool(out, "isDebugger", app->is_debugger);
    sph_json_key_bool(out, "startsByItself", app->starts_by_itself);
    sph_json_key_u64(out, "restarts", app->restarts);
    if (app->last_report_id) {
        sph_json_key_u64(out, "lastReportId", app->last_report_id);
        sph_json_key_string(out, "lastWhy", sph_end_why_word(app->last_why));
        sph_json_key_u64(out, "lastExitCode", app->last_exit_code);
        sph_json_key_u64(out, "lastSignal", app->last_signal);
        sph_json_key_signal(out, "lastSignalName", app->last_signal);
    }
    if (app->next_start_ms)
        sph_json_key_u64(out, "nextStartMs", app->next_start_ms);
    if (app->hindrance)
        sph_json_key_string(out, "mayNotStart", hindrance_sentence(app->hindrance));
    sph_json_object_end(out);
}

unsigned sph_format_apps(const struct sph_call *call, const void *message,
                         struct sph_response *response) {
    (void)call;
    const struct sph_msg_app_list_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_list(&out, "apps", &reply->apps, json_app);
    sph_json_key_bool(&out, "hasStaged", reply->has_staged);
    sph_json_key_u64(&out, "flashUsedBytes", reply->flash_used_bytes);
    sph_json_key_u64(&out, "flashLimitBytes", reply->flash_limit_bytes);
    return end(&out);
}

/* Our own path has a 404 where the device's says "notPresent". */
unsigned sph_format_app(const struct sph_call *call, const void *message,
                        struct sph_response *response) {
    struct sph_msg_app app;
    char id[SPH_GUID_TEXT];
    if (!find_app(message, &call->component, &app))
        return sph_response_refuse(response, call->is_own, 404, SPH_DEVERR_APP_NOT_PRESENT,
                                   "no application with component id %s is installed",
                                   sph_guid_format(&call->component, id));
    struct sph_json_out out;
    sph_json_begin(&out, &response->body);
    json_app(&out, &app);
    return 0;
}

/* The pid of a start that went well, for those who want to watch it; 0 when it is over already. */
unsigned sph_format_run(const struct sph_call *call, const void *message,
                        struct sph_response *response) {
    (void)call;
    const struct sph_msg_app_control_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_string(&out, "state", sph_app_state_word(reply->state));
    sph_json_key_u64(&out, "pid", reply->pid);
    return end(&out);
}

/* Said before it happens: afterwards there is nobody to say it. */
unsigned sph_format_stop(const struct sph_call *call, const void *message,
                         struct sph_response *response) {
    (void)call, (void)message;
    sph_buf_puts(&response->body, "{\"stopping\":true}");
    return 0;
}

/* As many as the agent keeps, oldest first; how many are gone is said, not hidden. */
unsigned sph_format_kills(const struct sph_call *call, const void *message,
                          struct sph_response *response) {
    (void)call;
    const struct sph_msg_kills_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_list(&out, "reports", &reply->reports, sph_json_report_row);
    sph_json_key_u64(&out, "dropped", reply->dropped);
    return end(&out);
}

unsigned sph_format_report(const struct sph_call *call, const void *message,
                           struct sph_response *response) {
    (void)call;
    struct sph_json_out out;
    sph_json_begin(&out, &response->body);
    sph_json_report(&out, message);
    return 0;
}

/* Of reports that are gone now. */
unsigned sph_format_count(const struct sph_call *call, const void *message,
                          struct sph_response *response) {
    (void)call;
    const struct sph_msg_count_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_u64(&out, "count", reply->count);
    return end(&out);
}

/* Hex as in requests, so that an entry can be sent back as it is. */
static void json_trust(struct sph_json_out *out, const void *item) {
    const struct sph_msg_trust *entry = item;
    sph_json_object(out);
    sph_json_key_hex(out, "thumbprint", entry->thumbprint);
    sph_json_key_hex(out, "point", entry->point);
    sph_json_key_slice(out, "name", entry->name);
    sph_json_key_string(out, "kind", entry->production ? "production" : "development");
    sph_json_key_u64(out, "addedMs", entry->added_wall_ms);
    sph_json_object_end(out);
}

unsigned sph_format_trust_list(const struct sph_call *call, const void *message,
                               struct sph_response *response) {
    (void)call;
    const struct sph_msg_trust_list_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_list(&out, "entries", &reply->entries, json_trust);
    return end(&out);
}

/* 201: a client that adds a key once more gets it too; the agent does not say which it was. */
unsigned sph_format_trust_added(const struct sph_call *call, const void *message,
                                struct sph_response *response) {
    (void)call, (void)message;
    response->status = 201;
    sph_buf_puts(&response->body, "{}");
    return 0;
}

/* Only an output has a mode, only a held pin a holder. */
static void json_pin(struct sph_json_out *out, const void *item) {
    const struct sph_msg_gpio *pin = item;
    static const char *const modes[] = {"pushPull", "openDrain", "openSource"};
    static const char *const uses[] = {"free", "input", "output"};
    sph_json_object(out);
    sph_json_key_u64(out, "pin", pin->pin);
    sph_json_key_u64(out, "value", pin->value);
    sph_json_key_string(out, "use", pin->use < SPH_ARRAY_SIZE(uses) ? uses[pin->use] : "unknown");
    if (!sph_guid_is_zero(&pin->holder))
        sph_json_key_guid(out, "componentId", &pin->holder);
    if (pin->use == SPH_GPIO_OUTPUT && pin->mode < SPH_ARRAY_SIZE(modes))
        sph_json_key_string(out, "mode", modes[pin->mode]);
    sph_json_object_end(out);
}

/* Only those that say something: a device has 76, most of them free and low. */
unsigned sph_format_pins(const struct sph_call *call, const void *message,
                         struct sph_response *response) {
    (void)call;
    const struct sph_msg_gpio_list_reply *reply = message;
    struct sph_json_out out;
    begin(&out, response);
    sph_json_key_list(&out, "pins", &reply->pins, json_pin);
    return end(&out);
}

unsigned sph_format_pin(const struct sph_call *call, const void *message,
                        struct sph_response *response) {
    (void)call;
    struct sph_json_out out;
    sph_json_begin(&out, &response->body);
    json_pin(&out, message);
    return 0;
}

/* Appends: the whole log is several replies in one body. The cursor is for those who follow the log
 * (our own path); clients of the device's path take all of it each time. */
unsigned sph_format_log(const struct sph_call *call, const void *message,
                        struct sph_response *response) {
    const struct sph_msg_log_reply *reply = message;
    response->content_type = "application/octet-stream";
    sph_buf_append(&response->body, reply->data.data, reply->data.len);
    response->has_log_cursor = call->is_own;
    response->log_cursor = reply->cursor;
    response->log_lost += reply->lost_bytes;
    return 0;
}
