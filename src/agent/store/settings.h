/* settings: opaque values that the device keeps for its clients, a file each. */
#ifndef SPH_AGENT_STORE_SETTINGS_H
#define SPH_AGENT_STORE_SETTINGS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "wire/msg_setting.h"

struct sph_settings; /* state/settings */

/* Makes the folder; what a replacement left that was cut short is removed. */
int sph_settings_new(int state_fd, struct sph_settings **ret_settings, struct sph_err *err);
struct sph_settings *sph_settings_free(struct sph_settings *settings);

/* 1 to SPH_SETTING_KEY_MAX of a-z, 0-9, '.' and '-', the first one a letter or a digit: such a key
 * is a file name, and none of those that start with a dot. */
bool sph_settings_key_is_valid(struct sph_slice key);

/* Each fails with -EINVAL for what is no key. */

/* Appends the value. -ENOENT when there is none; -EFBIG when it has outgrown its limit, which no
 * client can have done. */
int sph_settings_get(const struct sph_settings *settings, struct sph_slice key,
                     struct sph_buf *ret_value, struct sph_err *err) SPH_MUST_USE;
/* On the disk when it returns 0; -EFBIG too long, -ENOSPC too many or too much in all. After a
 * failure the old value is there, or, when the folder alone could not be synced, the new one. */
int sph_settings_put(struct sph_settings *settings, struct sph_slice key, struct sph_slice value,
                     struct sph_err *err) SPH_MUST_USE;
/* -ENOENT when there is none. */
int sph_settings_delete(struct sph_settings *settings, struct sph_slice key,
                        struct sph_err *err) SPH_MUST_USE;

static inline void sph_settings_freep(struct sph_settings **settings) {
    *settings = sph_settings_free(*settings);
}

#endif
