/* Ids are lower case and addresses are text ("0x…"): a JSON number would lose the low bits of 64 in
 * most readers. Sizes, counts and milliseconds stay numbers: they are far below 2^53. So does
 * monotonicNs, although it passes 2^53 after 104 days: all its digits are written, and a reader
 * that has doubles only is a nanosecond or two off. */
#include "gateway/rest/json_wire.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "gateway/rest/json_heap.h"

/* ---- values ---- */

void sph_json_key_guid(struct sph_json_out *out, const char *key, const struct sph_guid *guid) {
    char text[SPH_GUID_TEXT];
    sph_json_key_string(out, key, sph_guid_format(guid, text));
}

void sph_json_key_slice(struct sph_json_out *out, const char *key, struct sph_slice text) {
    sph_json_key(out, key);
    sph_json_string_n(out, text.len ? text.data : "", text.len);
}

/* 18 digits and a NUL at most. */
static void json_address(struct sph_json_out *out, uint64_t address) {
    char text[24];
    (void)snprintf(text, sizeof(text), "0x%llx", (unsigned long long)address);
    sph_json_string(out, text);
}

void sph_json_key_address(struct sph_json_out *out, const char *key, uint64_t address) {
    sph_json_key(out, key);
    json_address(out, address);
}

void sph_json_key_addresses(struct sph_json_out *out, const char *key, struct sph_slice list) {
    sph_json_key(out, key);
    sph_json_array(out);
    for (size_t i = 0; i < sph_slice_u64_count(list); i++)
        json_address(out, sph_slice_u64(list, i));
    sph_json_array_end(out);
}

enum { ITEM_MAX = 512 }; /* bytes of the largest struct that is an item of a list */

/* One room for an item of any kind: seven lists here differ only in what is written of an item. */
void sph_json_key_list(struct sph_json_out *out, const char *key, const struct sph_list *list,
                       sph_json_item_fn *fn) {
    _Alignas(16) char item[ITEM_MAX];
    assert(!list->codec || list->codec->size <= sizeof(item));
    sph_json_key(out, key);
    sph_json_array(out);
    struct sph_list_iter iter = sph_list_iter(list);
    while (sph_list_next(&iter, item))
        fn(out, item);
    sph_json_array_end(out);
}

void sph_json_key_hex(struct sph_json_out *out, const char *key, struct sph_slice bytes) {
    char piece[65]; /* a JSON string has no pieces: the digits are gathered in a buffer */
    sph_autobuf struct sph_buf digits = SPH_BUF_NULL;
    const uint8_t *data = bytes.data;
    for (size_t at = 0; at < bytes.len; at += 32) {
        sph_bytes_to_hex(data + at, bytes.len - at < 32 ? bytes.len - at : 32, piece);
        sph_buf_puts(&digits, piece);
    }
    if (digits.error && !out->buf->error)
        out->buf->error = digits.error;
    sph_json_key_string(out, key, digits.data ? digits.data : "");
}

/* A character that is cut between two events makes both of them hex: putting it together would mean
 * to hold one back until the other comes. */
void sph_json_key_bytes(struct sph_json_out *out, struct sph_slice bytes) {
    if (sph_text_is_utf8(bytes.len ? bytes.data : "", bytes.len))
        sph_json_key_slice(out, "text", bytes);
    else
        sph_json_key_hex(out, "hex", bytes);
}

/* ---- words ---- */

/* Tables have holes where a number was never given away. */
static const char *word_of(const char *const *words, size_t count, uint32_t number,
                           const char *otherwise) {
    return number < count && words[number] ? words[number] : otherwise;
}

const char *sph_app_state_word(uint32_t state) {
    static const char *const words[] = {
        [SPH_APP_NOT_PRESENT] = "notPresent",
        [SPH_APP_STOPPED] = "stopped",
        [SPH_APP_RUNNING] = "running",
        [SPH_APP_DEBUGGING] = "debugging",
    };
    return word_of(words, SPH_ARRAY_SIZE(words), state, "unknown");
}

/* Clients decide by these words, the CLI's exit status among them: they are as fixed as tags. */
const char *sph_end_why_word(uint32_t why) {
    static const char *const words[] = {
        [SPH_END_RATION] = "ration",
        [SPH_END_CRASH] = "crash",
        [SPH_END_KILLED] = "killed",
        [SPH_END_EXIT] = "exit",
        [SPH_END_STOPPED] = "stopped",
        [SPH_END_SIGTERM_IGNORED] = "sigtermIgnored",
        [SPH_END_START_FAILED] = "startFailed",
    };
    return word_of(words, SPH_ARRAY_SIZE(words), why, "unknown");
}

/* Not "unknown" but "other": a class that is new is a kind of memory that nobody need know. */
static const char *mapping_class_word(uint32_t class) {
    static const char *const words[] = {
        [SPH_MAPPING_PACKAGE] = "package",     [SPH_MAPPING_LIBRARY] = "library",
        [SPH_MAPPING_HEAP] = "heap",           [SPH_MAPPING_STACK] = "stack",
        [SPH_MAPPING_ANONYMOUS] = "anonymous", [SPH_MAPPING_SHARED] = "shared",
        [SPH_MAPPING_KERNEL] = "kernel",
    };
    return word_of(words, SPH_ARRAY_SIZE(words), class, "other");
}

/* Kinds of the gateway's own lines (subscribed, lost, …) are not here: they have no number. */
static const char *event_kind_word(uint32_t kind) {
    static const char *const words[] = {
        [SPH_EVENT_APP_INSTALLED] = "installed",
        [SPH_EVENT_STARTED] = "started",
        [SPH_EVENT_OUTPUT] = "output",
        [SPH_EVENT_NEW_PEAK] = "newPeak",
        [SPH_EVENT_ENDED] = "ended",
        [SPH_EVENT_STOPPED] = "stopped",
        [SPH_EVENT_DELETED] = "deleted",
        [SPH_EVENT_GPIO] = "gpio",
        [SPH_EVENT_AGENT_STOPPING] = "agentStopping",
        [SPH_EVENT_STORAGE_WEAR] = "storageWear",
    };
    return word_of(words, SPH_ARRAY_SIZE(words), kind, "unknown");
}

/* ---- mappings and reports ---- */

/* Permissions as in /proc/PID/maps, which everybody who looks at mappings has read before. */
void sph_json_mapping(struct sph_json_out *out, const void *item) {
    const struct sph_msg_mapping *mapping = item;
    const char perms[] = {
        mapping->perms & SPH_PERM_READ ? 'r' : '-',
        mapping->perms & SPH_PERM_WRITE ? 'w' : '-',
        mapping->perms & SPH_PERM_EXEC ? 'x' : '-',
        mapping->perms & SPH_PERM_SHARED ? 's' : 'p',
        '\0',
    };
    sph_json_object(out);
    sph_json_key_u64(out, "pid", mapping->pid);
    sph_json_key_address(out, "start", mapping->start);
    sph_json_key_address(out, "end", mapping->end);
    sph_json_key_string(out, "perms", perms);
    sph_json_key_string(out, "class", mapping_class_word(mapping->class));
    sph_json_key_slice(out, "path", mapping->path);
    sph_json_key_u64(out, "anonymousPages", mapping->anonymous_pages);
    sph_json_key_u64(out, "sharedPages", mapping->shared_pages);
    sph_json_key_u64(out, "filePages", mapping->file_pages);
    sph_json_object_end(out);
}

/* "SIGKILL"; empty for none; "signal N" for one without a name: those for real time, and numbers
 * that an agent of another kind of machine may send. */
static const char *signal_word(uint32_t number, char ret_text[24]) {
    const char *name = number > 0 && number < 65 ? sigabbrev_np((int)number) : NULL;
    if (number == 0)
        ret_text[0] = '\0';
    else if (name)
        (void)snprintf(ret_text, 24, "SIG%s", name);
    else
        (void)snprintf(ret_text, 24, "signal %u", number);
    return ret_text;
}

void sph_json_key_signal(struct sph_json_out *out, const char *key, uint32_t number) {
    char text[24];
    sph_json_key_string(out, key, signal_word(number, text));
}

/* Which app, when, how it ended. */
static void json_report_identity(struct sph_json_out *out, const struct sph_msg_report *report) {
    sph_json_key_u64(out, "id", report->id);
    sph_json_key_guid(out, "componentId", &report->component);
    sph_json_key_guid(out, "imageId", &report->image);
    sph_json_key_slice(out, "name", report->name);
    sph_json_key_u64(out, "pid", report->pid);
    sph_json_key_u64(out, "timeMs", report->wall_ms);
    sph_json_key_u64(out, "uptimeMs", report->uptime_ms);
    sph_json_key_u64(out, "runMs", report->run_ms);
    sph_json_key_string(out, "why", sph_end_why_word(report->why));
    sph_json_key_u64(out, "exitCode", report->exit_code);
    sph_json_key_u64(out, "signal", report->signal);
    sph_json_key_signal(out, "signalName", report->signal);
    sph_json_key_bool(out, "willRestart", report->will_restart);
}

/* Each figure with how it was had: a reader may show "exact" or "about". */
static void json_report_figures(struct sph_json_out *out, const struct sph_msg_report *report) {
    sph_json_key_u64(out, "limitBytes", report->limit_bytes);
    sph_json_key_u64(out, "userBytes", report->user_bytes);
    sph_json_key_u64(out, "peakUserBytes", report->peak_user_bytes);
    sph_json_key_u64(out, "totalBytes", report->total_bytes);
    sph_json_key_u64(out, "kernelBytes", report->kernel_bytes);
    sph_json_key_bool(out, "userExact", report->user_exact);
    sph_json_key_slice(out, "userHow", report->user_how);
    sph_json_key_bool(out, "kernelExact", report->kernel_exact);
    sph_json_key_slice(out, "kernelHow", report->kernel_how);
    if (!report->has_own)
        return;
    sph_json_key(out, "own");
    sph_json_object(out);
    sph_json_key_u64(out, "userBytes", report->own_user_bytes);
    sph_json_key_u64(out, "totalBytes", report->own_total_bytes);
    sph_json_object_end(out);
}

/* What is not known has no member: a 0 would be read as an address or as a figure. */
static void json_report_growth(struct sph_json_out *out, const struct sph_msg_report *report) {
    if (report->has_crossing) {
        sph_json_key(out, "crossing");
        sph_json_object(out);
        sph_json_key_u64(out, "userBytes", report->crossing_user_bytes);
        sph_json_object_end(out);
    }
    if (report->has_fault_address)
        sph_json_key_address(out, "faultAddress", report->fault_address);
    if (report->has_pc)
        sph_json_key_address(out, "pc", report->pc);
    sph_json_key_addresses(out, "stack", report->stack);
    sph_json_key_slice(out, "stackHow", report->stack_how);
    if (!report->has_growth)
        return;
    sph_json_key(out, "growth");
    sph_json_object(out);
    sph_json_key_u64(out, "userBytes", report->growth_user_bytes);
    sph_json_key_u64(out, "uptimeMs", report->growth_uptime_ms);
    sph_json_key_addresses(out, "stack", report->growth_stack);
    sph_json_object_end(out);
}

/* In the order of the table of docs/spec/rest.md, section 3.7. The log is one text with line ends.
 */
void sph_json_report(struct sph_json_out *out, const struct sph_msg_report *report) {
    sph_json_object(out);
    json_report_identity(out, report);
    json_report_figures(out, report);
    json_report_growth(out, report);
    sph_json_key_list(out, "mappings", &report->mappings, sph_json_mapping);
    sph_json_key_u64(out, "mappingsDropped", report->mappings_dropped);
    sph_json_key_slice(out, "pagesHow", report->pages_how);
    sph_json_key_slice(out, "log", report->log);
    sph_json_report_heap(out, report);
    sph_json_object_end(out);
}

/* A report's figures without its story; the id gets the rest. */
void sph_json_report_row(struct sph_json_out *out, const void *item) {
    const struct sph_msg_report_row *row = item;
    sph_json_object(out);
    sph_json_key_u64(out, "id", row->id);
    sph_json_key_guid(out, "componentId", &row->component);
    sph_json_key_slice(out, "name", row->name);
    sph_json_key_u64(out, "timeMs", row->wall_ms);
    sph_json_key_string(out, "why", sph_end_why_word(row->why));
    sph_json_key_u64(out, "exitCode", row->exit_code);
    sph_json_key_u64(out, "signal", row->signal);
    sph_json_key_u64(out, "limitBytes", row->limit_bytes);
    sph_json_key_u64(out, "userBytes", row->user_bytes);
    sph_json_key_u64(out, "peakUserBytes", row->peak_user_bytes);
    sph_json_key_u64(out, "totalBytes", row->total_bytes);
    sph_json_object_end(out);
}

/* ---- events ---- */

/* Of the whole group, as everywhere: the ration is the group's. */
static void json_event_figures(struct sph_json_out *out, const struct sph_msg_event *event) {
    sph_json_key_u64(out, "userBytes", event->user_bytes);
    sph_json_key_u64(out, "peakUserBytes", event->peak_user_bytes);
    sph_json_key_u64(out, "totalBytes", event->total_bytes);
    sph_json_key_u64(out, "limitBytes", event->limit_bytes);
}

/* The figures of the end itself: the group may hold less by the time that anybody asks. */
static void json_event_end(struct sph_json_out *out, const struct sph_msg_event *event) {
    json_event_figures(out, event);
    sph_json_key_u64(out, "pid", event->pid);
    sph_json_key_string(out, "why", sph_end_why_word(event->why));
    sph_json_key_u64(out, "exitCode", event->exit_code);
    sph_json_key_u64(out, "signal", event->signal);
    sph_json_key_u64(out, "reportId", event->report_id);
    sph_json_key_bool(out, "willRestart", event->will_restart);
    sph_json_key_u64(out, "restartDelayMs", event->restart_delay_ms);
}

/* The warning is there when there is one. */
static void json_event_wear(struct sph_json_out *out, const struct sph_msg_event *event) {
    sph_json_key_u64(out, "writes", event->writes);
    sph_json_key_u64(out, "bytesWritten", event->bytes_written);
    sph_json_key_u64(out, "blocksErased", event->blocks_erased);
    sph_json_key_u64(out, "idleWrites", event->idle_writes);
    if (event->text.len)
        sph_json_key_slice(out, "warning", event->text);
}

/* Of the record's fields those that a kind has; a kind of a later version has the common ones. */
static void json_event_details(struct sph_json_out *out, const struct sph_msg_event *event) {
    switch (event->kind) {
    case SPH_EVENT_STARTED:
        sph_json_key_u64(out, "pid", event->pid);
        sph_json_key_u64(out, "restarts", event->restarts);
        break;
    case SPH_EVENT_OUTPUT:
        sph_json_key_string(out, "stream", event->stream == SPH_EVENT_STDERR ? "stderr" : "stdout");
        sph_json_key_bytes(out, event->text);
        break;
    case SPH_EVENT_NEW_PEAK:
        json_event_figures(out, event);
        break;
    case SPH_EVENT_ENDED:
        json_event_end(out, event);
        break;
    case SPH_EVENT_GPIO:
        sph_json_key_u64(out, "pin", event->pin);
        sph_json_key_u64(out, "value", event->value);
        break;
    case SPH_EVENT_STORAGE_WEAR:
        json_event_wear(out, event);
        break;
    default:
        break;
    }
}

/* An event of the device as a whole has no app: a zero id would look like one. */
void sph_json_event(struct sph_json_out *out, const struct sph_msg_event *event) {
    sph_json_object(out);
    sph_json_key_u64(out, "seq", event->seq);
    sph_json_key_u64(out, "timeMs", event->wall_ms);
    sph_json_key_u64(out, "monotonicNs", event->monotonic_ns);
    sph_json_key_string(out, "kind", event_kind_word(event->kind));
    if (!sph_guid_is_zero(&event->component)) {
        sph_json_key_guid(out, "componentId", &event->component);
        sph_json_key_slice(out, "name", event->name);
    }
    json_event_details(out, event);
    sph_json_object_end(out);
}
