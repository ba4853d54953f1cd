/* msg_setting: messages about what a device keeps for those who ask it: settings and modes.
 *
 * A setting is an opaque value under a key: what it means is between the clients of the device.
 * Capabilities are what the device itself acts on. */
#ifndef SPH_WIRE_MSG_SETTING_H
#define SPH_WIRE_MSG_SETTING_H

#include "wire/codec.h"

/* Refused by the agent, not by the codec: each limit has a sentence of its own. */
enum {
    SPH_SETTING_KEY_MAX = 48,           /* bytes, of a-z, 0-9, '.' and '-' */
    SPH_SETTING_VALUE_MAX = 16384,      /* bytes; fits a frame three times over */
    SPH_SETTINGS_MAX = 64,              /* keys */
    SPH_SETTINGS_BYTES_MAX = 128 * 1024 /* of all values together */
};

/* What a device may be unlocked for; the numbers of Azure Sphere. */
enum sph_device_capability {
    SPH_DEVCAP_APP_DEVELOPMENT = 11, /* development-signed packages, debugging, memory figures */
    SPH_DEVCAP_RF_TEST_MODE = 12,    /* kept, acted on by nothing here */
    SPH_DEVCAP_FIELD_SERVICING = 13, /* the same */
};

enum {
    SPH_DEVCAPS_MAX = 8,      /* of one device */
    SPH_TELEMETRY_MAX = 16384 /* bytes */
};

/* SETTING_GET, SETTING_DELETE. */
struct sph_msg_setting_key {
    struct sph_slice key;
};

/* SETTING_PUT: on the disk when it is answered. */
struct sph_msg_setting {
    struct sph_slice key;
    struct sph_slice value; /* at most SPH_SETTING_VALUE_MAX bytes; may be empty */
};

/* An empty value that is there is another answer than none. */
struct sph_msg_setting_reply {
    bool is_there;
    struct sph_slice value;
};

struct sph_msg_setting_delete_reply {
    bool was_there;
};

/* All of them: CAPABILITIES_SET leaves none that it does not name. */
struct sph_msg_capabilities {
    struct sph_slice ids; /* u32 each (sph_slice_u32), ascending when the device sends them */
};

/* The device's telemetry as it is kept: a header and records (docs/spec/telemetry.md). */
struct sph_msg_telemetry_reply {
    struct sph_slice data; /* at most SPH_TELEMETRY_MAX bytes */
};

extern const struct sph_codec sph_msg_setting_key_codec;
extern const struct sph_codec sph_msg_setting_codec;
extern const struct sph_codec sph_msg_setting_reply_codec;
extern const struct sph_codec sph_msg_setting_delete_reply_codec;
extern const struct sph_codec sph_msg_capabilities_codec;
extern const struct sph_codec sph_msg_telemetry_reply_codec;

#endif
