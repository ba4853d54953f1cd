/* The top level of app_manifest.json. Lists stay slices of the text, which the record points into:
 * a copy would have to be bounded or allocated, and the text is at hand for as long as the package
 * is. */
#include "package/manifest.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "package/fs.h"
#include "package/manifest_reader.h"

#define PLACE(member) offsetof(struct sph_manifest, member)

/* Category 2 of the device's error numbers. The list has more than one for some keys, and none for
 * others (Name, ComponentId): those get 0, and the agent answers with a general number. */
enum {
    ID_JSON = 1,
    ID_ENTRY_POINT_MISSING = 3,
    ID_SCHEMA_MISSING = 4,
    ID_CMD_ARGS = 5,
    ID_CAPABILITIES_MISSING = 6,
    ID_ENTRY_POINT = 16,
    ID_SCHEMA = 17,
    ID_ENTRY_POINT_ABSENT = 22,
    ID_ENTRY_POINT_NOT_FILE = 23,
    ID_APPLICATION_TYPE = 26,
    ID_MALLOC_VERSION = 59,
};

static const char *const app_types[] = {
    [SPH_APP_DEFAULT] = "Default",
    [SPH_APP_REAL_TIME_CAPABLE] = "RealTimeCapable",
    [SPH_APP_DEBUGGER] = "Debugger",
};

/* One version exists. Another one may mean anything by the same keys, so nothing else is read of
 * it. */
static int read_schema_version(struct sph_manifest_reader *reader,
                               const struct sph_manifest_key *key, const char *field,
                               const struct sph_json_value *value) {
    uint64_t version;
    if (sph_json_to_u64(value, UINT32_MAX, &version) < 0 || version != 1)
        return sph_manifest_fail(reader, value, field, key->error_id, "this must be 1");
    return 0;
}

/* Any text: names are shown, never used as paths. What shows them makes them printable. */
static int read_name(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                     const char *field, const struct sph_json_value *value) {
    if (!sph_manifest_is_text(value))
        return sph_manifest_fail(reader, value, field, key->error_id,
                                 "this must be a string without U+0000");
    reader->manifest->name = *value;
    return 0;
}

/* Zero is a GUID like any other here: what it names is not this reader's business. */
static int read_component_id(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                             const char *field, const struct sph_json_value *value) {
    if (sph_manifest_read_guid(value, &reader->manifest->component_id) < 0)
        return sph_manifest_fail(reader, value, field, key->error_id,
                                 "this must be a GUID like "
                                 "\"2f074b0f-d99d-4692-82d9-ef93a7d6463c\"");
    return 0;
}

/* "/bin/app": absolute, no empty, '.' or '..' part, as the body's paths have none. */
static bool is_clean_path(const char *path) {
    if (*path != '/')
        return false;
    while (*path == '/') {
        path++;
        size_t len = strcspn(path, "/");
        if (len == 0 || (len == 1 && path[0] == '.') || (len == 2 && memcmp(path, "..", 2) == 0))
            return false;
        path += len;
    }
    return true;
}

/* Only the form; whether the file is there is asked once the body is at hand. */
static int read_entry_point(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                            const char *field, const struct sph_json_value *value) {
    char *path = reader->manifest->entry_point;
    if (sph_json_to_text(value, path, SPH_MANIFEST_PATH_SIZE) < 0 || !is_clean_path(path))
        return sph_manifest_fail(reader, value, field, key->error_id,
                                 "this must be an absolute path in the package, like "
                                 "\"/bin/app\", of at most %d bytes",
                                 SPH_MANIFEST_PATH_SIZE - 1);
    return 0;
}

/* Arguments become C strings in argv, which a U+0000 would silently cut. */
static int check_argument(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                          const char *field, const struct sph_json_value *entry) {
    if (!sph_manifest_is_text(entry))
        return sph_manifest_fail(reader, entry, field, key->error_id,
                                 "this must be a string without U+0000");
    return 0;
}

static int read_application_type(struct sph_manifest_reader *reader,
                                 const struct sph_manifest_key *key, const char *field,
                                 const struct sph_json_value *value) {
    for (unsigned i = 0; i < SPH_ARRAY_SIZE(app_types); i++) {
        if (sph_json_is(value, app_types[i])) {
            reader->manifest->type = (enum sph_app_type)i;
            return 0;
        }
    }
    return sph_manifest_fail(reader, value, field, key->error_id,
                             "this must be \"Default\", \"RealTimeCapable\" or \"Debugger\"");
}

/* MallocVersion and TargetApplicationRuntimeVersion: 32 bits, as the metadata store them. */
static int read_number(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                       const char *field, const struct sph_json_value *value) {
    uint64_t number;
    if (sph_json_to_u64(value, UINT32_MAX, &number) < 0)
        return sph_manifest_fail(reader, value, field, key->error_id,
                                 "this must be a whole number from 0 to 4294967295");
    *(uint32_t *)sph_manifest_place(reader, key) = (uint32_t)number;
    return 0;
}

/* Written by older packers for beta API sets. Kept, since real packages have it; nothing depends on
 * it. */
static int read_beta_apis(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                          const char *field, const struct sph_json_value *value) {
    (void)key;
    (void)field;
    reader->manifest->target_beta_apis = *value;
    return 0;
}

/* In the order in which missing ones are told, which is that of the original's templates. */
static const struct sph_manifest_key top_keys[] = {
    {.name = "SchemaVersion",
     .read = read_schema_version,
     .error_id = ID_SCHEMA,
     .required = true,
     .missing_id = ID_SCHEMA_MISSING},
    {.name = "Name", .read = read_name, .required = true},
    {.name = "ComponentId", .read = read_component_id, .required = true},
    {.name = "EntryPoint",
     .read = read_entry_point,
     .error_id = ID_ENTRY_POINT,
     .required = true,
     .missing_id = ID_ENTRY_POINT_MISSING},
    {.name = "CmdArgs",
     .read = sph_manifest_read_list,
     .check = check_argument,
     .error_id = ID_CMD_ARGS,
     .place = PLACE(cmd_args)},
    {.name = "Capabilities",
     .read = sph_manifest_read_capabilities,
     .error_id = ID_CAPABILITIES_MISSING,
     .required = true,
     .missing_id = ID_CAPABILITIES_MISSING},
    {.name = "ApplicationType", .read = read_application_type, .error_id = ID_APPLICATION_TYPE},
    {.name = "MallocVersion",
     .read = read_number,
     .error_id = ID_MALLOC_VERSION,
     .place = PLACE(malloc_version)},
    {.name = "TargetApplicationRuntimeVersion",
     .read = read_number,
     .place = PLACE(application_runtime)},
    {.name = "TargetBetaApis", .read = read_beta_apis},
};

/* 0 when the sentence does not have the word. */
static unsigned number_after(const char *sentence, const char *word) {
    const char *at = strstr(sentence, word);
    return at ? (unsigned)strtoul(at + strlen(word), NULL, 10) : 0;
}

/* The text is no JSON: the reader of JSON has the place in its sentence. */
static int fail_json(struct sph_manifest_reader *reader, struct sph_err cause) {
    struct sph_manifest_notes *notes = reader->notes;
    notes->device_error = SPH_MANIFEST_ERROR(ID_JSON);
    notes->field[0] = '\0';
    notes->line = number_after(cause.text, "line ");
    notes->column = number_after(cause.text, "column ");
    return SPH_FAIL(reader->err, -EBADMSG, "%s: %s", SPH_MANIFEST_PATH, cause.text);
}

/* The size comes first: everything behind it is linear in it, or times the number of keys. */
static int read_text(struct sph_manifest_reader *reader) {
    struct sph_manifest *manifest = reader->manifest;
    if (manifest->text_bytes > SPH_MANIFEST_BYTES_MAX) {
        struct sph_err cause = SPH_ERR_NULL;
        (void)SPH_FAIL(&cause, -EBADMSG, "it has %zu bytes, at most %d are possible",
                       manifest->text_bytes, SPH_MANIFEST_BYTES_MAX);
        return fail_json(reader, cause);
    }
    struct sph_json_value top;
    struct sph_err cause = SPH_ERR_NULL;
    if (sph_json_check(manifest->text, manifest->text_bytes, &top, &cause) < 0)
        return fail_json(reader, cause);
    if (top.type != SPH_JSON_OBJECT) {
        unsigned line, column;
        sph_json_position(manifest->text, top.offset, &line, &column);
        (void)SPH_FAIL(&cause, -EBADMSG, "line %u, column %u: the manifest must be an object", line,
                       column);
        return fail_json(reader, cause);
    }
    return sph_manifest_read_object(reader, &top, "", top_keys, SPH_ARRAY_SIZE(top_keys));
}

/* The record is filled on the stack and copied at the end, so that a failure leaves the caller's
 * untouched; notes are filled in both cases. */
int sph_manifest_parse(const char *text, size_t len, const struct sph_manifest_options *options,
                       struct sph_manifest *ret_manifest, struct sph_manifest_notes *notes,
                       struct sph_err *err) {
    static const struct sph_manifest_options defaults = {.form = SPH_MANIFEST_PACKED};
    /* Editors on Windows put a byte order mark in front. */
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    struct sph_manifest_notes unread = {0};
    struct sph_manifest manifest = {.text = text, .text_bytes = len};
    struct sph_manifest_reader reader = {
        .options = options ? options : &defaults,
        .manifest = &manifest,
        .notes = notes ? notes : &unread,
        .err = err,
    };
    memset(reader.notes, 0, sizeof(*reader.notes));
    int r = read_text(&reader);
    if (r == 0)
        *ret_manifest = manifest;
    return r;
}

const char *sph_app_type_name(enum sph_app_type type) {
    return app_types[type];
}

bool sph_manifest_has_gpio(const struct sph_manifest *manifest, unsigned pin) {
    for (unsigned i = 0; i < manifest->gpio_count; i++) {
        if (manifest->gpio[i] == pin)
            return true;
    }
    return false;
}

int sph_manifest_check_entry_point(const struct sph_manifest *manifest, const struct sph_fs *fs,
                                   struct sph_manifest_notes *notes, struct sph_err *err) {
    struct sph_fs_entry entry;
    bool there = sph_fs_find(fs, manifest->entry_point, &entry) == 0;
    if (there && S_ISREG(entry.mode))
        return 0;
    if (notes) {
        notes->device_error =
            SPH_MANIFEST_ERROR(there ? ID_ENTRY_POINT_NOT_FILE : ID_ENTRY_POINT_ABSENT);
        (void)snprintf(notes->field, sizeof(notes->field), "EntryPoint");
        notes->line = notes->column = 0;
    }
    char shown[200];
    (void)sph_text_shown(manifest->entry_point, shown, sizeof(shown));
    if (there)
        return SPH_FAIL(err, -EBADMSG, "%s: EntryPoint: '%s' in the package is not a file",
                        SPH_MANIFEST_PATH, shown);
    return SPH_FAIL(err, -ENOENT, "%s: EntryPoint: the package has no file '%s'", SPH_MANIFEST_PATH,
                    shown);
}
