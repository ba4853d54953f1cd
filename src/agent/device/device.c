/* device.json is written by people's tools and read by root: every value is bounded here, so that
 * nothing behind it has to doubt the profile. Keys that are not known are left alone. */
#include "agent/device/device.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/device/logring.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json_in.h"
#include "base/text.h"

/* Read whole: positions in the sentences need the text. */
enum { DEVICE_JSON_MAX = 16 * 1024 }; /* bytes; the CLI writes about 300 */

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

/* What is being read, for the sentences: "device.json: profile.ramBytes …". */
struct place {
    const struct sph_json_value *object;
    const char *prefix;
    struct sph_err *err;
};

/* The member of that type. A missing member and one of the wrong type are different mistakes, so
 * they have different sentences. */
static int get(const struct place *place, const char *key, enum sph_json_type type,
               const char *type_name, struct sph_json_value *ret_value) {
    if (!sph_json_get(place->object, key, ret_value))
        return SPH_FAIL(place->err, -EBADMSG, "device.json: %s%s is missing", place->prefix, key);
    if (ret_value->type != type)
        return SPH_FAIL(place->err, -EBADMSG, "device.json: %s%s is not %s", place->prefix, key,
                        type_name);
    return 0;
}

/* Names go into paths, control group names and host names: the narrowest of their rules holds for
 * all. */
static int get_name(const struct place *place, const char *key, char *ret_name, size_t size) {
    struct sph_json_value value;
    int code = get(place, key, SPH_JSON_STRING, "a string", &value);
    if (code < 0)
        return code;
    if (sph_json_to_text(&value, ret_name, size) < 0 || !sph_name_is_valid(ret_name))
        return SPH_FAIL(place->err, -EBADMSG,
                        "device.json: %s%s is not a name of 1 to 32 letters, digits, '.', '_' "
                        "or '-' that starts with a letter, digit or '_'",
                        place->prefix, key);
    return 0;
}

struct range {
    uint64_t min, max;
};

/* Bounds are given with every number: what is added to or multiplied later cannot overflow then. */
static int get_bytes(const struct place *place, const char *key, struct range range,
                     uint64_t *ret_bytes) {
    struct sph_json_value value;
    uint64_t bytes;
    int code = get(place, key, SPH_JSON_NUMBER, "a number", &value);
    if (code < 0)
        return code;
    if (sph_json_to_u64(&value, UINT64_MAX, &bytes) < 0 || bytes < range.min || bytes > range.max)
        return SPH_FAIL(place->err, -EBADMSG,
                        "device.json: %s%s is not a whole number from %" PRIu64 " to %" PRIu64,
                        place->prefix, key, range.min, range.max);
    *ret_bytes = bytes;
    return 0;
}

/* pageBytes comes first, since the bounds of ramBytes hang on it. */
static int read_profile(const struct sph_json_value *object, struct sph_profile *ret_profile,
                        struct sph_err *err) {
    struct place place = {.object = object, .prefix = "profile.", .err = err};
    struct sph_profile profile = {.core = ""};
    struct sph_json_value core;
    int code = get_name(&place, "name", profile.name, sizeof(profile.name));
    if (code == 0)
        code =
            get_bytes(&place, "pageBytes", (struct range){4 * KIB, 64 * KIB}, &profile.page_bytes);
    if (code == 0)
        code = get_bytes(&place, "ramBytes", (struct range){profile.page_bytes, 1024 * GIB},
                         &profile.ram_bytes);
    if (code == 0)
        code = get_bytes(&place, "flashBytes", (struct range){4 * KIB, GIB}, &profile.flash_bytes);
    if (code == 0)
        code = get_bytes(&place, "storageBytes", (struct range){0, GIB}, &profile.storage_bytes);
    if (code == 0 && sph_json_get(object, "core", &core))
        code = get_name(&place, "core", profile.core, sizeof(profile.core));
    if (code < 0)
        return code;
    if (profile.page_bytes & (profile.page_bytes - 1))
        return SPH_FAIL(err, -EBADMSG, "device.json: profile.pageBytes is not a power of two");
    if (profile.ram_bytes % profile.page_bytes)
        return SPH_FAIL(err, -EBADMSG,
                        "device.json: profile.ramBytes is not a multiple of pageBytes");
    *ret_profile = profile;
    return 0;
}

/* Written to ret_device only as a whole: a half-read profile would be a wrong ration. */
int sph_device_parse(const char *text, size_t len, struct sph_device *ret_device,
                     struct sph_err *err) {
    struct sph_json_value top, value;
    char name[SPH_DEVICE_NAME];
    struct sph_profile profile;
    bool host_libraries = false, development = true;
    int code = sph_json_check(text, len, &top, err);
    if (code < 0) {
        (void)sph_err_prefix(err, "device.json");
        return code;
    }
    if (top.type != SPH_JSON_OBJECT)
        return SPH_FAIL(err, -EBADMSG, "device.json is not a JSON object");
    struct place place = {.object = &top, .prefix = "", .err = err};
    if ((code = get_name(&place, "name", name, sizeof(name))) < 0 ||
        (code = get(&place, "backend", SPH_JSON_STRING, "a string", &value)) < 0)
        return code;
    bool is_virtual = sph_json_is(&value, "virtual");
    if (!is_virtual && !sph_json_is(&value, "native"))
        return SPH_FAIL(err, -EBADMSG,
                        "device.json: backend is neither \"native\" nor \"virtual\"");
    if ((code = get(&place, "profile", SPH_JSON_OBJECT, "an object", &value)) < 0 ||
        (code = read_profile(&value, &profile, err)) < 0)
        return code;
    /* Only throw-away devices have it: everything else keeps the host out of sight. */
    if (sph_json_get(&top, "hostLibraries", &value) &&
        sph_json_to_bool(&value, &host_libraries) < 0)
        return SPH_FAIL(err, -EBADMSG, "device.json: hostLibraries is not true or false");
    if (sph_json_get(&top, "development", &value) && sph_json_to_bool(&value, &development) < 0)
        return SPH_FAIL(err, -EBADMSG, "device.json: development is not true or false");
    memcpy(ret_device->name, name, sizeof(name));
    ret_device->no_development = !development;
    ret_device->is_virtual = is_virtual;
    ret_device->profile = profile;
    ret_device->host_libraries = host_libraries;
    return 0;
}

int sph_device_read(int dir_fd, struct sph_device *ret_device, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(DEVICE_JSON_MAX);
    struct stat info;
    /* The folder is the user's and the reader is root: no link is followed, no pipe waited for. */
    sph_autoclose int fd =
        openat(dir_fd, "device.json", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open device.json");
    if (!S_ISREG(info.st_mode))
        return SPH_FAIL(err, -EINVAL, "device.json is not a regular file");
    if (info.st_size > DEVICE_JSON_MAX)
        return SPH_FAIL(err, -EFBIG, "device.json is larger than %d bytes", DEVICE_JSON_MAX);
    int code = sph_fd_read_to_end(fd, &text, err);
    if (code < 0)
        return code;
    return sph_device_parse(text.data ? text.data : "", text.len, ret_device, err);
}

/* The path, not the name, tells devices apart: two users may each have a device "dev". The link is
 * resolved by the kernel from the open folder, so the hash does not depend on how the path was
 * written. */
int sph_device_identify(struct sph_device *device, struct sph_err *err) {
    char link[32], path[4096];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", device->dir_fd);
    ssize_t len = readlink(link, path, sizeof(path));
    if (len < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot find the path of the device's folder");
    /* Not for secrecy or safety, only to tell folders apart: a short hash of no library will do. */
    uint32_t hash = 2166136261u; /* FNV-1a, 32 bits */
    for (ssize_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)path[i]) * 16777619u;
    device->hash = hash;
    (void)snprintf(device->group, sizeof(device->group), "spherule-%s-%08" PRIx32, device->name,
                   hash);
    return 0;
}

/* The ring first: a client may read the line before standard error takes it, which may be a pipe
 * that is full. */
void sph_device_note(struct sph_device *device, const struct sph_guid *component, const char *fmt,
                     ...) {
    static const struct sph_guid none;
    char text[SPH_LOG_LINE_MAX];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (len < 0)
        return;
    size_t kept = (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
    if (device->log)
        sph_logring_append(device->log, component ? component : &none, SPH_LOG_DEVICE, text, kept);
    if (device->noted)
        device->noted(text);
}
