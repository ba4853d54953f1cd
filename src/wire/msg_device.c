/* Tables only: a tag, once given, never changes its type or meaning; new fields get new tags.
 *
 * Figures are not required: a zero one is left out, and an older agent that does not know a figure
 * leaves it at zero with its "how" empty. */
#include "wire/msg_device.h"

#include "wire/msg_heap.h"
#include "wire/table.h"

const struct sph_codec sph_msg_empty_codec = {
    .name = "empty", .fields = NULL, .field_count = 0, .size = sizeof(struct sph_msg_empty)};

/* The first message that any two versions exchange when they do not understand each other: its two
 * fields, and those of hello, can never change. */
static const struct sph_field error_fields[] = {
    REQUIRED(sph_msg_error, 1, U32, device_error),
    FIELD(sph_msg_error, 2, TEXT, text),
};
CODEC(sph_msg_error, "error", error_fields);

static const struct sph_field hello_fields[] = {
    REQUIRED(sph_msg_hello, 1, U32, version_min),
    REQUIRED(sph_msg_hello, 2, U32, version_max),
    FIELD(sph_msg_hello, 3, TEXT, program),
    FIELD(sph_msg_hello, 4, U64, time_ms),
};
CODEC(sph_msg_hello, "hello", hello_fields);

static const struct sph_field hello_reply_fields[] = {
    REQUIRED(sph_msg_hello_reply, 1, U32, version),
    FIELD(sph_msg_hello_reply, 2, TEXT, program),
    FIELD(sph_msg_hello_reply, 3, TEXT, device),
    FIELD(sph_msg_hello_reply, 4, GUID, boot_id),
    FIELD(sph_msg_hello_reply, 5, U64, uptime_ms),
    FIELD(sph_msg_hello_reply, 6, TEXT, backend),
    FIELD(sph_msg_hello_reply, 7, TEXT, profile),
    FIELD(sph_msg_hello_reply, 8, TEXT, core),
    FIELD(sph_msg_hello_reply, 9, TEXT, kernel),
    FIELD(sph_msg_hello_reply, 10, U64, ram_bytes),
    FIELD(sph_msg_hello_reply, 11, U64, flash_bytes),
    FIELD(sph_msg_hello_reply, 12, U64, storage_bytes),
    FIELD(sph_msg_hello_reply, 13, U32, page_bytes),
};
CODEC(sph_msg_hello_reply, "hello_reply", hello_reply_fields);

static const struct sph_field status_reply_fields[] = {
    FIELD(sph_msg_status_reply, 1, U64, uptime_ms),
    FIELD(sph_msg_status_reply, 2, TEXT, os_version),
    FIELD(sph_msg_status_reply, 3, U32, abi_secure_world),
    FIELD(sph_msg_status_reply, 4, U32, abi_os),
    FIELD(sph_msg_status_reply, 5, U32, abi_application),
};
CODEC(sph_msg_status_reply, "status_reply", status_reply_fields);

static const struct sph_field app_memory_fields[] = {
    FIELD(sph_msg_app_memory, 1, GUID, component),
    FIELD(sph_msg_app_memory, 2, TEXT, name),
    FIELD(sph_msg_app_memory, 3, U64, user_bytes),
    FIELD(sph_msg_app_memory, 4, U64, peak_user_bytes),
    FIELD(sph_msg_app_memory, 5, BYTES, pids),
    FIELD(sph_msg_app_memory, 6, U32, heap_state),
    LIST(sph_msg_app_memory, 7, heaps, sph_msg_heap_codec),
    FIELD(sph_msg_app_memory, 8, U64, total_bytes),
    FIELD(sph_msg_app_memory, 9, U64, kernel_bytes),
    FIELD(sph_msg_app_memory, 10, BOOL, kernel_exact),
    FIELD(sph_msg_app_memory, 11, U32, heaps_dropped),
};
CODEC(sph_msg_app_memory, "app_memory", app_memory_fields);

static const struct sph_field memory_reply_fields[] = {
    FIELD(sph_msg_memory_reply, 1, U64, total_bytes),
    FIELD(sph_msg_memory_reply, 2, U64, user_bytes),
    FIELD(sph_msg_memory_reply, 3, U64, peak_user_bytes),
    FIELD(sph_msg_memory_reply, 4, U64, kernel_bytes),
    FIELD(sph_msg_memory_reply, 5, U64, limit_bytes),
    FIELD(sph_msg_memory_reply, 6, BOOL, user_exact),
    FIELD(sph_msg_memory_reply, 7, BOOL, kernel_exact),
    FIELD(sph_msg_memory_reply, 8, TEXT, user_how),
    FIELD(sph_msg_memory_reply, 9, TEXT, kernel_how),
    FIELD(sph_msg_memory_reply, 10, U64, checks),
    FIELD(sph_msg_memory_reply, 11, U64, mismatches),
    FIELD(sph_msg_memory_reply, 12, U64, events),
    LIST(sph_msg_memory_reply, 13, apps, sph_msg_app_memory_codec),
};
CODEC(sph_msg_memory_reply, "memory_reply", memory_reply_fields);

static const struct sph_field pages_fields[] = {
    REQUIRED(sph_msg_pages, 1, GUID, component),
    FIELD(sph_msg_pages, 2, U32, first),
};
CODEC(sph_msg_pages, "pages", pages_fields);

/* Also a part of kill reports, which are stored: msg_report.c. */
static const struct sph_field mapping_fields[] = {
    FIELD(sph_msg_mapping, 1, U32, pid),
    FIELD(sph_msg_mapping, 2, U64, start),
    FIELD(sph_msg_mapping, 3, U64, end),
    FIELD(sph_msg_mapping, 4, U32, perms),
    FIELD(sph_msg_mapping, 5, U32, class),
    FIELD(sph_msg_mapping, 6, TEXT, path),
    FIELD(sph_msg_mapping, 7, U64, anonymous_pages),
    FIELD(sph_msg_mapping, 8, U64, shared_pages),
    FIELD(sph_msg_mapping, 9, U64, file_pages),
};
CODEC(sph_msg_mapping, "mapping", mapping_fields);

static const struct sph_field pages_reply_fields[] = {
    FIELD(sph_msg_pages_reply, 1, GUID, component),
    FIELD(sph_msg_pages_reply, 2, U32, page_bytes),
    FIELD(sph_msg_pages_reply, 3, U32, total_mappings),
    FIELD(sph_msg_pages_reply, 4, BOOL, exact),
    FIELD(sph_msg_pages_reply, 5, TEXT, how),
    LIST(sph_msg_pages_reply, 6, mappings, sph_msg_mapping_codec),
};
CODEC(sph_msg_pages_reply, "pages_reply", pages_reply_fields);

static const struct sph_field log_fields[] = {
    FIELD(sph_msg_log, 1, U64, cursor),
    FIELD(sph_msg_log, 2, U32, wait_ms),
    FIELD(sph_msg_log, 3, U32, max_bytes),
    FIELD(sph_msg_log, 4, U64, reader),
};
CODEC(sph_msg_log, "log", log_fields);

/* The cursor is required: a reader that missed it would read the log from its beginning again. */
static const struct sph_field log_reply_fields[] = {
    REQUIRED(sph_msg_log_reply, 1, U64, cursor),
    FIELD(sph_msg_log_reply, 2, U64, lost_bytes),
    FIELD(sph_msg_log_reply, 3, BYTES, data),
};
CODEC(sph_msg_log_reply, "log_reply", log_reply_fields);
