/* The folder is the truth and is read at each call: settings change by a person's hand, a few times
 * in a device's life, and nothing in memory can then disagree with the disk.
 *
 * One file for all was rejected: a value that is damaged would take the others with it. */
#include "agent/store/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/store/folder.h"
#include "base/cleanup.h"
#include "base/file.h"

struct sph_settings {
    int fd; /* state/settings */
};

static bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool sph_settings_key_is_valid(struct sph_slice key) {
    const char *text = key.data;
    if (key.len == 0 || key.len > SPH_SETTING_KEY_MAX || !is_letter_or_digit(text[0]))
        return false;
    for (size_t i = 1; i < key.len; i++)
        if (!is_letter_or_digit(text[i]) && text[i] != '.' && text[i] != '-')
            return false;
    return true;
}

/* The key as a file's name. */
typedef char key_name[SPH_SETTING_KEY_MAX + 1];

static int take_key(struct sph_slice key, key_name ret_name, struct sph_err *err) {
    if (!sph_settings_key_is_valid(key))
        return SPH_FAIL(
            err, -EINVAL,
            "a setting's key has 1 to %d characters a-z, 0-9, '.' and '-', the first of "
            "them a letter or a digit",
            SPH_SETTING_KEY_MAX);
    sph_slice_copy(key, ret_name, sizeof(key_name));
    return 0;
}

static int remove_remains(void *context, int fd, const char *name, struct sph_err *err) {
    (void)context;
    bool is_remains = strncmp(name, SPH_FILE_TEMPORARY, strlen(SPH_FILE_TEMPORARY)) == 0;
    return is_remains ? sph_tree_remove(fd, name, err) : 0;
}

static int open_settings(struct sph_settings *settings, int state_fd, struct sph_err *err) {
    int code = sph_dir_make(state_fd, "settings", 0700, err);
    if (code < 0)
        return code;
    settings->fd = sph_dir_open(state_fd, "settings", err);
    return settings->fd < 0 ? settings->fd
                            : sph_folder_each(state_fd, "settings", remove_remains, NULL, err);
}

int sph_settings_new(int state_fd, struct sph_settings **ret_settings, struct sph_err *err) {
    SPH_CLEANUP(sph_settings_freep) struct sph_settings *settings = calloc(1, sizeof(*settings));
    if (!settings)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the settings");
    settings->fd = -1;
    int code = open_settings(settings, state_fd, err);
    if (code == 0)
        *ret_settings = SPH_STEAL_PTR(settings);
    return code;
}

struct sph_settings *sph_settings_free(struct sph_settings *settings) {
    if (settings) {
        if (settings->fd >= 0)
            (void)close(settings->fd);
        free(settings);
    }
    return NULL;
}

int sph_settings_get(const struct sph_settings *settings, struct sph_slice key,
                     struct sph_buf *ret_value, struct sph_err *err) {
    key_name name;
    sph_autobuf struct sph_buf value = SPH_BUF_LIMIT(SPH_SETTING_VALUE_MAX);
    int code = take_key(key, name, err);
    if (code == 0)
        code = sph_file_read(settings->fd, name, &value, err);
    if (code < 0)
        return code;
    sph_buf_append(ret_value, value.data, value.len);
    return ret_value->error ? SPH_FAIL(err, ret_value->error, "out of memory for a setting") : 0;
}

/* What the others hold. */
struct others {
    const char *name; /* of the one that is not counted */
    unsigned count;
    uint64_t bytes;
};

/* A name that is no key is not ours: it counts for nothing. */
static int count_other(void *context, int fd, const char *name, struct sph_err *err) {
    struct others *others = context;
    struct stat info;
    if (!sph_settings_key_is_valid(sph_slice_text(name)) || strcmp(name, others->name) == 0)
        return 0;
    if (fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot look at the setting %s", name);
    others->count++;
    others->bytes += (uint64_t)info.st_size;
    return 0;
}

static int check_room(const struct sph_settings *settings, const char *name, size_t len,
                      struct sph_err *err) {
    struct others others = {.name = name};
    if (len > SPH_SETTING_VALUE_MAX)
        return SPH_FAIL(err, -EFBIG, "the setting %s has %zu bytes: %d are the most of one", name,
                        len, SPH_SETTING_VALUE_MAX);
    int code = sph_folder_each(settings->fd, ".", count_other, &others, err);
    if (code < 0)
        return code;
    if (others.count >= SPH_SETTINGS_MAX)
        return SPH_FAIL(err, -ENOSPC, "the device keeps %d settings already: delete one first",
                        SPH_SETTINGS_MAX);
    if (others.bytes + len > SPH_SETTINGS_BYTES_MAX)
        return SPH_FAIL(err, -ENOSPC,
                        "the setting %s has %zu bytes, the others %" PRIu64
                        ": the device keeps %d bytes of settings",
                        name, len, others.bytes, SPH_SETTINGS_BYTES_MAX);
    return 0;
}

int sph_settings_put(struct sph_settings *settings, struct sph_slice key, struct sph_slice value,
                     struct sph_err *err) {
    key_name name;
    int code = take_key(key, name, err);
    if (code == 0)
        code = check_room(settings, name, value.len, err);
    if (code < 0)
        return code;
    return sph_file_replace(settings->fd, name, value.data ? value.data : "", value.len, 0600, err);
}

int sph_settings_delete(struct sph_settings *settings, struct sph_slice key, struct sph_err *err) {
    key_name name;
    int code = take_key(key, name, err);
    if (code < 0)
        return code;
    if (unlinkat(settings->fd, name, 0) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot delete the setting %s", name);
    if (fsync(settings->fd) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot make the deletion of the setting %s durable",
                              name);
    return 0;
}
