/* The file is JSON that people may read and change while the device is stopped; it is checked
 * with the same bounds when it is read as when it is made.
 *
 * Two readers look at it, this one and the agent, each by itself: a shared parser would have to
 * live below both, in base, which knows no devices. Unknown keys of a profile are refused,
 * unknown keys beside it are not: a misspelt limit is a danger, a key of a newer version is not.
 */
#include "cli/device/device_config.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "base/json_in.h"
#include "base/json_out.h"
#include "base/text.h"
#include "cli/image/package_file.h"

/* The agent keeps the quota of mutable storage, so any figure would do; 16 MiB is far above what
 * the original has (64 KiB), and low enough that a misplaced digit does not fill the machine's
 * disk. */
#define STORAGE_MAX ((uint64_t)16 << 20)

/* A native device runs on the machine's own core. */
static void host_core(char *core, size_t size) {
    struct utsname name;
    (void)uname(&name);
    (void)snprintf(core, size, "%.*s", (int)size - 1, name.machine);
    for (char *c = core; *c; c++)
        if (*c == '_')
            *c = '-';
}

/* The figures of the original's application core: 256 KiB for high-level applications, 1 MiB of
 * flash for images, 64 KiB of mutable storage. Pages are this machine's, since its kernel does the
 * counting. */
void sph_device_config_default(const char *name, struct sph_device_config *ret_config) {
    *ret_config = (struct sph_device_config){
        .backend = SPH_BACKEND_NATIVE,
        .profile = "mt3620",
        .ram_bytes = 256 << 10,
        .flash_bytes = 1 << 20,
        .storage_bytes = 64 << 10,
        .page_bytes = 4096,
    };
    (void)snprintf(ret_config->name, sizeof(ret_config->name), "%s", name);
    host_core(ret_config->core, sizeof(ret_config->core));
}

void sph_device_config_make_virtual(struct sph_device_config *config) {
    (void)snprintf(config->backend, sizeof(config->backend), SPH_BACKEND_VIRTUAL);
    (void)snprintf(config->core, sizeof(config->core), "cortex-a7");
}

bool sph_device_config_is_virtual(const struct sph_device_config *config) {
    return strcmp(config->backend, SPH_BACKEND_VIRTUAL) == 0;
}

/* One sentence for options, profiles and device.json. */
static int check_size(const char *what, uint64_t bytes, uint64_t min, uint64_t max,
                      uint64_t page_bytes, struct sph_err *err) {
    if (bytes < min || bytes > max)
        return SPH_FAIL(err, -EINVAL,
                        "%s must be from %" PRIu64 " KiB to %" PRIu64 " KiB, not %" PRIu64 " bytes",
                        what, min >> 10, max >> 10, bytes);
    if (bytes % page_bytes != 0)
        return SPH_FAIL(err, -EINVAL,
                        "%s must be a whole number of pages of %" PRIu64 " bytes, not %" PRIu64
                        " bytes",
                        what, page_bytes, bytes);
    return 0;
}

int sph_device_config_check_ram(const char *what, const struct sph_device_config *config,
                                struct sph_err *err) {
    if (!sph_device_config_is_virtual(config) || config->ram_bytes <= SPH_DEVICE_VIRTUAL_RAM_MAX)
        return 0;
    return SPH_FAIL(err, -EINVAL,
                    "%s of a virtual device must be from %" PRIu64 " KiB to %" PRIu64
                    " KiB, not %" PRIu64 " bytes",
                    what, SPH_DEVICE_RAM_MIN >> 10, SPH_DEVICE_VIRTUAL_RAM_MAX >> 10,
                    config->ram_bytes);
}

/* The text first, then the bounds: "5" is a size, and too small; "much" is none. */
int sph_device_config_parse_size(const char *what, const char *text, uint64_t min, uint64_t max,
                                 uint64_t page_bytes, uint64_t *ret_bytes, struct sph_err *err) {
    uint64_t bytes;
    int r = sph_text_to_bytes(text, UINT64_MAX, &bytes);
    if (r < 0)
        return SPH_FAIL(err, -EINVAL, "'%s' is no size for %s: write bytes, or 256K, or 1M", text,
                        what);
    r = check_size(what, bytes, min, max, page_bytes, err);
    if (r == 0)
        *ret_bytes = bytes;
    return r;
}

/* The keys of a profile that are numbers, with their bounds. */
static const struct {
    const char *key;
    size_t offset;
    uint64_t min, max, unit;
} numbers[] = {
    {"ramBytes", offsetof(struct sph_device_config, ram_bytes), SPH_DEVICE_RAM_MIN,
     SPH_DEVICE_RAM_MAX, 4096},
    {"flashBytes", offsetof(struct sph_device_config, flash_bytes), SPH_DEVICE_FLASH_MIN,
     SPH_DEVICE_FLASH_MAX, 4096},
    {"storageBytes", offsetof(struct sph_device_config, storage_bytes), 0, STORAGE_MAX, 1024},
    {"pageBytes", offsetof(struct sph_device_config, page_bytes), 4096, 4096, 4096},
};

/* One member; positive when the key is no number's. */
static int parse_number(const struct sph_json_value *key, const struct sph_json_value *value,
                        struct sph_device_config *config, struct sph_err *err) {
    for (size_t i = 0; i < SPH_ARRAY_SIZE(numbers); i++) {
        if (!sph_json_is(key, numbers[i].key))
            continue;
        uint64_t number;
        if (sph_json_to_u64(value, UINT64_MAX, &number) < 0)
            return SPH_FAIL(err, -EBADMSG, "%s: not a whole number", numbers[i].key);
        int r = check_size(numbers[i].key, number, numbers[i].min, numbers[i].max, numbers[i].unit,
                           err);
        if (r == 0)
            memcpy((char *)config + numbers[i].offset, &number, sizeof(number));
        return r;
    }
    return 1;
}

/* Unknown keys are refused: a misspelt limit must not become the default in silence. */
static int parse_member(const struct sph_json_value *key, const struct sph_json_value *value,
                        struct sph_device_config *config, struct sph_err *err) {
    int r = parse_number(key, value, config, err);
    if (r <= 0)
        return r;
    if (sph_json_is(key, "name")) {
        if (sph_json_to_text(value, config->profile, sizeof(config->profile)) < 0)
            return SPH_FAIL(err, -EBADMSG, "name: not a text of at most 31 bytes");
        return 0;
    }
    if (sph_json_is(key, "core")) {
        if (sph_json_to_text(value, config->core, sizeof(config->core)) < 0)
            return SPH_FAIL(err, -EBADMSG, "core: not a text of at most 63 bytes");
        return 0;
    }
    char shown[64];
    sph_text_printable(key->text, key->len, shown, sizeof(shown));
    return SPH_FAIL(err, -EBADMSG, "'%s' is not a key of a profile", shown);
}

static int parse_profile(const char *text, const struct sph_json_value *object,
                         struct sph_device_config *config, struct sph_err *err) {
    if (object->type != SPH_JSON_OBJECT) {
        SPH_FAIL(err, -EBADMSG, "a profile is a JSON object");
        return sph_input_fail_at(text, object->offset, err);
    }
    struct sph_json_iter iter;
    struct sph_json_value key, value;
    sph_json_iter_init(&iter, object);
    while (sph_json_next(&iter, &key, &value))
        if (parse_member(&key, &value, config, err) < 0)
            return sph_input_fail_at(text, value.offset, err);
    return 0;
}

/* All or nothing: a profile with a mistake in its last line has changed no field. */
int sph_device_config_parse_profile(const char *text, size_t len, struct sph_device_config *config,
                                    struct sph_err *err) {
    struct sph_json_value top;
    struct sph_device_config parsed = *config;
    int r = sph_json_check(text, len, &top, err);
    if (r == 0)
        r = parse_profile(text, &top, &parsed, err);
    if (r == 0)
        *config = parsed;
    return r;
}

/* Only a virtual device has them: on a native one they would promise what nobody keeps. */
static void write_network(const struct sph_device_config *config, struct sph_json_out *out) {
    char text[SPH_FORWARD_TEXT];
    sph_json_key_bool(out, "network", config->network);
    sph_json_key(out, "forwards");
    sph_json_array(out);
    for (unsigned i = 0; i < config->forwards.count; i++)
        sph_json_string(out, sph_forwards_format(&config->forwards, i, text));
    sph_json_array_end(out);
}

/* The order of the members is the document's; readers must not depend on it, people do. */
int sph_device_config_write(int device_fd, const struct sph_device_config *config,
                            struct sph_err *err) {
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    struct sph_json_out out;
    sph_json_begin(&out, &buf);
    sph_json_object(&out);
    sph_json_key_string(&out, "name", config->name);
    sph_json_key_string(&out, "backend", config->backend);
    sph_json_key(&out, "profile");
    sph_json_object(&out);
    sph_json_key_string(&out, "name", config->profile);
    sph_json_key_u64(&out, "ramBytes", config->ram_bytes);
    sph_json_key_u64(&out, "flashBytes", config->flash_bytes);
    sph_json_key_u64(&out, "storageBytes", config->storage_bytes);
    sph_json_key_u64(&out, "pageBytes", config->page_bytes);
    sph_json_key_string(&out, "core", config->core);
    sph_json_object_end(&out);
    sph_json_key_bool(&out, "hostLibraries", config->host_libraries);
    if (sph_device_config_is_virtual(config))
        write_network(config, &out);
    sph_json_object_end(&out);
    sph_buf_puts(&buf, "\n");
    if (buf.error)
        return SPH_FAIL_ERRNO(err, buf.error, "cannot write device.json");
    return sph_file_replace(device_fd, "device.json", buf.data, buf.len, 0644, err);
}

/* Checked like the profile: a port that is left out in silence would be looked for elsewhere. */
static int parse_forwards(const char *text, const struct sph_json_value *array,
                          struct sph_device_config *config, struct sph_err *err) {
    struct sph_json_iter iter;
    struct sph_json_value value;
    if (array->type != SPH_JSON_ARRAY) {
        SPH_FAIL(err, -EBADMSG, "forwards: not a list of texts such as \"8080:80\"");
        return sph_input_fail_at(text, array->offset, err);
    }
    sph_json_iter_init(&iter, array);
    while (sph_json_next(&iter, NULL, &value)) {
        char forward[SPH_FORWARD_TEXT];
        int r = sph_json_to_text(&value, forward, sizeof(forward));
        if (r < 0)
            SPH_FAIL(err, -EBADMSG, "forwards: not a text such as \"8080:80\"");
        else
            r = sph_forwards_add(&config->forwards, forward, err);
        if (r < 0)
            return sph_input_fail_at(text, value.offset, err);
    }
    return 0;
}

/* Lenient where the agent decides: only the profile and the forwards are checked. */
static int parse_config(const char *text, size_t len, struct sph_device_config *config,
                        struct sph_err *err) {
    struct sph_json_value top, value;
    int r = sph_json_check(text, len, &top, err);
    if (r < 0)
        return r;
    if (top.type != SPH_JSON_OBJECT) { /* not silently the default device */
        SPH_FAIL(err, -EBADMSG, "a device is a JSON object");
        return sph_input_fail_at(text, top.offset, err);
    }
    if (sph_json_get(&top, "name", &value))
        (void)sph_json_to_text(&value, config->name, sizeof(config->name));
    if (sph_json_get(&top, "backend", &value))
        (void)sph_json_to_text(&value, config->backend, sizeof(config->backend));
    if (sph_json_get(&top, "hostLibraries", &value))
        (void)sph_json_to_bool(&value, &config->host_libraries);
    if (sph_json_get(&top, "network", &value))
        (void)sph_json_to_bool(&value, &config->network);
    r = sph_json_get(&top, "forwards", &value) ? parse_forwards(text, &value, config, err) : 0;
    if (r < 0 || !sph_json_get(&top, "profile", &value))
        return r;
    r = parse_profile(text, &value, config, err);
    if (r == 0 && sph_device_config_check_ram("ramBytes", config, err) < 0)
        r = sph_input_fail_at(text, value.offset, err);
    return r;
}

int sph_device_config_read(int device_fd, struct sph_device_config *ret_config,
                           struct sph_err *err) {
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    struct sph_device_config config;
    sph_device_config_default("", &config);
    int r = sph_file_read(device_fd, "device.json", &buf, err);
    if (r == 0) {
        r = parse_config(buf.data ? buf.data : "", buf.len, &config, err);
        if (r < 0)
            sph_err_prefix(err, "device.json");
    }
    if (r == 0)
        *ret_config = config;
    return r;
}
