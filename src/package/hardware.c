/* The files' texts are kept and searched again for each name: a board has at most some hundred
 * peripherals and a manifest some ten references, so an index would be more code than it saves
 * time. A table by name at loading was rejected for another reason, too: it would have to decide
 * which of two peripherals of one name counts, when the question is never asked. */
#include "package/hardware.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define DEFINITION_TYPE "Azure Sphere Hardware Definition"
enum {
    PATH_SIZE = 256, /* bytes with NUL of a path in Imports; folders are the reader's business */
    NAME_SIZE = 128, /* bytes with NUL of a peripheral's name or type */
    SHOWN_NAME = 61, /* bytes with NUL of a name in a sentence; two fit in one */
    SHOWN_PATH = 161,
};

/* A file that has been read and checked; `top` points into its text. */
struct file {
    char path[PATH_SIZE];   /* as it was written */
    char shown[SHOWN_PATH]; /* as sentences have it: definitions come from strangers, too */
    struct sph_buf text;
    struct sph_json_value top;
};

/* In the order in which they were met: the target first. */
struct sph_hardware {
    struct file files[SPH_HARDWARE_FILES_MAX];
    unsigned file_count;
};

/* Places are told by file: a definition is spread over several, and the fault may be in an imported
 * one. */
static int fail_at(const struct file *file, const struct sph_json_value *at, struct sph_err *err,
                   const char *text) {
    unsigned line, column;
    sph_json_position(file->text.data, at->offset, &line, &column);
    return SPH_FAIL(err, -EBADMSG, "%s: line %u, column %u: %s", file->shown, line, column, text);
}

/* Is there a string that is not empty, has no U+0000 and fits `size` bytes? What passes here may be
 * copied later without looking at the result. */
static bool has_string(const struct sph_json_value *object, const char *key, size_t size) {
    char text[PATH_SIZE];
    struct sph_json_value value;
    return sph_json_get(object, key, &value) && value.len > 0 &&
           sph_json_to_text(&value, text, size) == 0;
}

/* A member that may be absent, but is an array if it is there. */
static int get_array(const struct file *file, const char *key, struct sph_json_value *ret_array,
                     struct sph_err *err) {
    *ret_array = (struct sph_json_value){.type = SPH_JSON_END};
    if (!sph_json_get(&file->top, key, ret_array) || ret_array->type == SPH_JSON_ARRAY)
        return 0;
    char text[64];
    (void)snprintf(text, sizeof(text), "%s must be an array", key);
    return fail_at(file, ret_array, err, text);
}

/* Other JSON files lie in the same folders; the type tells a definition from them. */
static int check_metadata(const struct file *file, struct sph_err *err) {
    struct sph_json_value metadata, value;
    uint64_t version;
    if (file->top.type != SPH_JSON_OBJECT || !sph_json_get(&file->top, "Metadata", &metadata) ||
        !sph_json_get(&metadata, "Type", &value) || !sph_json_is(&value, DEFINITION_TYPE))
        return fail_at(file, &file->top, err, "Metadata.Type must be \"" DEFINITION_TYPE "\"");
    if (!sph_json_get(&metadata, "Version", &value) ||
        sph_json_to_u64(&value, UINT32_MAX, &version) < 0 || version != 1)
        return fail_at(file, &metadata, err, "Metadata.Version must be 1");
    return 0;
}

/* Everything that resolving reads later is checked here once, also for peripherals that nobody
 * names. */
static int check_peripherals(const struct file *file, struct sph_err *err) {
    struct sph_json_value array, peripheral;
    int r = get_array(file, "Peripherals", &array, err);
    if (r < 0)
        return r;
    struct sph_json_iter iter;
    sph_json_iter_init(&iter, &array);
    while (sph_json_next(&iter, NULL, &peripheral)) {
        if (!has_string(&peripheral, "Name", NAME_SIZE))
            return fail_at(file, &peripheral, err,
                           "a peripheral must be an object with a Name of at most 127 bytes");
        if (!has_string(&peripheral, "Type", NAME_SIZE))
            return fail_at(file, &peripheral, err, "a peripheral must have a Type");
        struct sph_json_value mapping;
        if (sph_json_get(&peripheral, "Mapping", &mapping) &&
            !has_string(&peripheral, "Mapping", NAME_SIZE))
            return fail_at(file, &mapping, err, "Mapping must be a peripheral's name");
    }
    return 0;
}

/* Two paths of one file count as two: only the caller's reader knows its folders. */
static const struct file *file_named(const struct sph_hardware *hardware, const char *path) {
    for (unsigned i = 0; i < hardware->file_count; i++) {
        if (strcmp(hardware->files[i].path, path) == 0)
            return &hardware->files[i];
    }
    return NULL;
}

/* The file is counted before it is read, so that freeing finds its text whatever fails. */
static int add_file(struct sph_hardware *hardware, const char *path, sph_hardware_read_fn *read,
                    void *context, struct sph_err *err) {
    if (file_named(hardware, path))
        return 0;
    char shown[SHOWN_NAME];
    if (strlen(path) >= PATH_SIZE)
        return SPH_FAIL(err, -EBADMSG, "the hardware definition path '%s…' is too long",
                        sph_text_shown(path, shown, sizeof(shown)));
    if (hardware->file_count == SPH_HARDWARE_FILES_MAX)
        return SPH_FAIL(err, -EBADMSG, "the hardware definition imports more than %d files",
                        SPH_HARDWARE_FILES_MAX);
    struct file *file = &hardware->files[hardware->file_count++];
    (void)strcpy(file->path, path);
    (void)sph_text_shown(path, file->shown, sizeof(file->shown));
    file->text = (struct sph_buf)SPH_BUF_LIMIT(SPH_HARDWARE_FILE_BYTES_MAX);
    int r = read(context, path, &file->text, err);
    if (r < 0)
        return r;
    if (file->text.error < 0)
        return SPH_FAIL_ERRNO(err, file->text.error, "cannot read hardware definition '%s'",
                              file->shown);
    struct sph_err cause = SPH_ERR_NULL;
    const char *text = file->text.data ? file->text.data : "";
    if (sph_json_check(text, file->text.len, &file->top, &cause) < 0)
        return SPH_FAIL(err, -EBADMSG, "%s: %s", file->shown, cause.text);
    r = check_metadata(file, err);
    return r < 0 ? r : check_peripherals(file, err);
}

/* The files that file `index` names, each right away: the list is walked in the order of meeting,
 * so this is a search by breadth, and nothing recurses however deep imports go. */
static int add_imports(struct sph_hardware *hardware, unsigned index, sph_hardware_read_fn *read,
                       void *context, struct sph_err *err) {
    const struct file *file = &hardware->files[index];
    struct sph_json_value array, import, path;
    int r = get_array(file, "Imports", &array, err);
    if (r < 0)
        return r;
    struct sph_json_iter iter;
    sph_json_iter_init(&iter, &array);
    while (sph_json_next(&iter, NULL, &import)) {
        char text[PATH_SIZE];
        if (!has_string(&import, "Path", PATH_SIZE) || !sph_json_get(&import, "Path", &path) ||
            sph_json_to_text(&path, text, sizeof(text)) < 0)
            return fail_at(file, &import, err, "an import must be an object with a Path");
        r = add_file(hardware, text, read, context, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int sph_hardware_load(const char *target, sph_hardware_read_fn *read, void *context,
                      struct sph_hardware **ret_hardware, struct sph_err *err) {
    struct sph_hardware *hardware = calloc(1, sizeof(*hardware));
    if (!hardware)
        return SPH_FAIL_ERRNO(err, -ENOMEM, "no memory for the hardware definition");
    int r = add_file(hardware, target, read, context, err);
    /* The list grows while it is walked; each file is in it once, so imports may form a ring. */
    for (unsigned i = 0; r == 0 && i < hardware->file_count; i++)
        r = add_imports(hardware, i, read, context, err);
    if (r < 0) {
        (void)sph_hardware_free(hardware);
        return r;
    }
    *ret_hardware = hardware;
    return 0;
}

struct sph_hardware *sph_hardware_free(struct sph_hardware *hardware) {
    for (unsigned i = 0; hardware && i < hardware->file_count; i++)
        sph_buf_done(&hardware->files[i].text);
    free(hardware);
    return NULL;
}

/* Counts the peripherals of that name; the out parameters tell of the last one. */
static unsigned find(const struct sph_hardware *hardware, const char *name,
                     struct sph_json_value *ret_peripheral, const struct file **ret_file) {
    unsigned found = 0;
    for (unsigned i = 0; i < hardware->file_count; i++) {
        struct sph_json_value array, peripheral, value;
        if (!sph_json_get(&hardware->files[i].top, "Peripherals", &array))
            continue;
        struct sph_json_iter iter;
        sph_json_iter_init(&iter, &array);
        while (sph_json_next(&iter, NULL, &peripheral)) {
            if (!sph_json_get(&peripheral, "Name", &value) || !sph_json_is(&value, name))
                continue;
            found++;
            *ret_peripheral = peripheral;
            *ret_file = &hardware->files[i];
        }
    }
    return found;
}

/* A Mapping may not change the type, or an ADC could be asked for by the name of a pin. */
static int check_type(const char *name, const char *type, const struct sph_json_value *peripheral,
                      struct sph_err *err) {
    struct sph_json_value value;
    if (sph_json_get(peripheral, "Type", &value) && sph_json_is(&value, type))
        return 0;
    char shown[SHOWN_NAME], shown_type[40];
    sph_text_printable(value.text, value.len, shown_type, sizeof(shown_type));
    return SPH_FAIL(err, -EINVAL, "'%s' is of type %s in the hardware definition, not %s",
                    sph_text_shown(name, shown, sizeof(shown)), shown_type, type);
}

int sph_hardware_resolve(const struct sph_hardware *hardware, const char *name, const char *type,
                         struct sph_json_value *ret_value, struct sph_err *err) {
    char step[NAME_SIZE], first[SHOWN_NAME], last[SHOWN_NAME];
    (void)sph_text_shown(name, first, sizeof(first));
    /* Cut to fit, it could be the name of another peripheral. */
    if (snprintf(step, sizeof(step), "%s", name) >= NAME_SIZE)
        return SPH_FAIL(err, -ENOENT, "'%s…' is not in the hardware definition", first);
    for (unsigned steps = 0; steps < SPH_HARDWARE_CHAIN_MAX; steps++) {
        struct sph_json_value peripheral, mapping;
        const struct file *file;
        unsigned found = find(hardware, step, &peripheral, &file);
        (void)sph_text_shown(step, last, sizeof(last));
        if (found == 0 && steps == 0)
            return SPH_FAIL(err, -ENOENT, "'%s' is not in the hardware definition", first);
        if (found == 0)
            return SPH_FAIL(err, -EBADMSG,
                            "'%s' leads to '%s', which is not in the hardware definition", first,
                            last);
        if (found > 1)
            return SPH_FAIL(err, -EBADMSG, "'%s' is in the hardware definition twice, last in '%s'",
                            last, file->shown);
        int r = check_type(step, type, &peripheral, err);
        if (r < 0)
            return r;
        if (sph_json_get(&peripheral, "AppManifestValue", ret_value))
            return 0;
        if (!sph_json_get(&peripheral, "Mapping", &mapping))
            return SPH_FAIL(err, -EBADMSG,
                            "'%s' leads to '%s', which has neither Mapping nor AppManifestValue",
                            first, last);
        (void)sph_json_to_text(&mapping, step, sizeof(step));
    }
    return SPH_FAIL(err, -EBADMSG, "the Mapping chain of '%s' is a loop or longer than %d steps",
                    first, SPH_HARDWARE_CHAIN_MAX);
}
