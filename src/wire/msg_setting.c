/* Tables only: a tag, once given, never changes its type or meaning; new fields get new tags.
 *
 * A value may be empty and is still required where it is sent: one that lost its field must not
 * replace what is kept. */
#include "wire/msg_setting.h"

#include "wire/table.h"

static const struct sph_field setting_key_fields[] = {
    REQUIRED(sph_msg_setting_key, 1, TEXT, key),
};
CODEC(sph_msg_setting_key, "setting_key", setting_key_fields);

static const struct sph_field setting_fields[] = {
    REQUIRED(sph_msg_setting, 1, TEXT, key),
    REQUIRED(sph_msg_setting, 2, BYTES, value),
};
CODEC(sph_msg_setting, "setting", setting_fields);

static const struct sph_field setting_reply_fields[] = {
    FIELD(sph_msg_setting_reply, 1, BOOL, is_there),
    FIELD(sph_msg_setting_reply, 2, BYTES, value),
};
CODEC(sph_msg_setting_reply, "setting_reply", setting_reply_fields);

static const struct sph_field setting_delete_reply_fields[] = {
    FIELD(sph_msg_setting_delete_reply, 1, BOOL, was_there),
};
CODEC(sph_msg_setting_delete_reply, "setting_delete_reply", setting_delete_reply_fields);

/* Required: no capabilities at all is a mode of its own, which nobody may get by accident. */
static const struct sph_field capabilities_fields[] = {
    REQUIRED(sph_msg_capabilities, 1, BYTES, ids),
};
CODEC(sph_msg_capabilities, "capabilities", capabilities_fields);

static const struct sph_field telemetry_reply_fields[] = {
    FIELD(sph_msg_telemetry_reply, 1, BYTES, data),
};
CODEC(sph_msg_telemetry_reply, "telemetry_reply", telemetry_reply_fields);
