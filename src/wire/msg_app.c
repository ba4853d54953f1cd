/* Tables only: a tag, once given, never changes its type or meaning; new fields get new tags.
 *
 * Required is what a client would have to guess otherwise: whose record it is and in which state.
 * State 0 is a real one ("not present"), so its absence must not be taken for it. */
#include "wire/msg_app.h"

#include "wire/table.h"

/* Not required: no id asks for all. */
static const struct sph_field component_fields[] = {
    FIELD(sph_msg_component, 1, GUID, component),
};
CODEC(sph_msg_component, "component", component_fields);

static const struct sph_field app_fields[] = {
    REQUIRED(sph_msg_app, 1, GUID, component),
    FIELD(sph_msg_app, 2, GUID, image),
    FIELD(sph_msg_app, 3, TEXT, name),
    FIELD(sph_msg_app, 4, U32, image_type),
    REQUIRED(sph_msg_app, 5, U32, state),
    FIELD(sph_msg_app, 6, U64, package_bytes),
    FIELD(sph_msg_app, 7, BOOL, is_staged),
    FIELD(sph_msg_app, 8, BOOL, is_debugger),
    FIELD(sph_msg_app, 9, BOOL, starts_by_itself),
    FIELD(sph_msg_app, 10, U32, restarts),
    FIELD(sph_msg_app, 11, U64, last_report_id),
    FIELD(sph_msg_app, 12, U32, last_why),
    FIELD(sph_msg_app, 13, U32, gdb_port),
    FIELD(sph_msg_app, 14, U32, last_exit_code),
    FIELD(sph_msg_app, 15, U32, last_signal),
    FIELD(sph_msg_app, 16, U64, next_start_ms),
    FIELD(sph_msg_app, 20, U32, hindrance),
};
CODEC(sph_msg_app, "app", app_fields);

static const struct sph_field app_list_reply_fields[] = {
    LIST(sph_msg_app_list_reply, 1, apps, sph_msg_app_codec),
    FIELD(sph_msg_app_list_reply, 2, BOOL, has_staged),
    FIELD(sph_msg_app_list_reply, 3, U64, flash_used_bytes),
    FIELD(sph_msg_app_list_reply, 4, U64, flash_limit_bytes),
};
CODEC(sph_msg_app_list_reply, "app_list_reply", app_list_reply_fields);

/* There is no trigger 0, and no id that could stand for "whichever". */
static const struct sph_field app_control_fields[] = {
    REQUIRED(sph_msg_app_control, 1, GUID, component),
    REQUIRED(sph_msg_app_control, 2, U32, trigger),
    FIELD(sph_msg_app_control, 3, BOOL, run_once),
    FIELD(sph_msg_app_control, 4, BOOL, heap),
    FIELD(sph_msg_app_control, 5, BOOL, heap_stacks),
};
CODEC(sph_msg_app_control, "app_control", app_control_fields);

static const struct sph_field app_control_reply_fields[] = {
    REQUIRED(sph_msg_app_control_reply, 1, U32, state),
    FIELD(sph_msg_app_control_reply, 2, U32, pid),
    FIELD(sph_msg_app_control_reply, 3, U32, gdb_port),
    FIELD(sph_msg_app_control_reply, 4, U32, out_port),
};
CODEC(sph_msg_app_control_reply, "app_control_reply", app_control_reply_fields);

static const struct sph_field quota_reply_fields[] = {
    FIELD(sph_msg_quota_reply, 1, U64, used_bytes),
    FIELD(sph_msg_quota_reply, 2, U64, limit_bytes),
    FIELD(sph_msg_quota_reply, 3, U64, bytes_written),
    FIELD(sph_msg_quota_reply, 4, U64, blocks_erased),
    FIELD(sph_msg_quota_reply, 5, U64, writes),
    FIELD(sph_msg_quota_reply, 6, U64, idle_writes),
};
CODEC(sph_msg_quota_reply, "quota_reply", quota_reply_fields);

static const struct sph_field restarting_reply_fields[] = {
    FIELD(sph_msg_restarting_reply, 1, BOOL, restarting_system),
};
CODEC(sph_msg_restarting_reply, "restarting_reply", restarting_reply_fields);

static const struct sph_field stage_begin_fields[] = {
    FIELD(sph_msg_stage_begin, 1, U64, size_bytes),
};
CODEC(sph_msg_stage_begin, "stage_begin", stage_begin_fields);

/* Required though it may be empty: a piece that lost its field must not pass for an empty one. */
static const struct sph_field stage_data_fields[] = {
    REQUIRED(sph_msg_stage_data, 1, BYTES, data),
};
CODEC(sph_msg_stage_data, "stage_data", stage_data_fields);

static const struct sph_field stage_end_reply_fields[] = {
    FIELD(sph_msg_stage_end_reply, 1, GUID, component),
    FIELD(sph_msg_stage_end_reply, 2, GUID, image),
    FIELD(sph_msg_stage_end_reply, 3, TEXT, name),
};
CODEC(sph_msg_stage_end_reply, "stage_end_reply", stage_end_reply_fields);

static const struct sph_field install_fields[] = {
    FIELD(sph_msg_install, 1, BOOL, manual),
};
CODEC(sph_msg_install, "install", install_fields);
