/* The two levels of the manifest are tables of keys; this file walks an object along such a table.
 * Keys are taken in the order of the text, so that of several faults the first one is told, and
 * missing ones only when all others are good.
 * Every sentence about a manifest is made in sph_manifest_fail, so that all have the same form. */
#include "package/manifest_reader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Counted anew from the start of the text for each sentence: there are few. */
static void position(const struct sph_manifest_reader *reader, const struct sph_json_value *at,
                     unsigned *ret_line, unsigned *ret_column) {
    sph_json_position(reader->manifest->text, at->offset, ret_line, ret_column);
}

int sph_manifest_fail(struct sph_manifest_reader *reader, const struct sph_json_value *at,
                      const char *field, unsigned error_id, const char *fmt, ...) {
    char text[200];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    struct sph_manifest_notes *notes = reader->notes;
    notes->device_error = error_id != 0 ? SPH_MANIFEST_ERROR(error_id) : 0;
    (void)snprintf(notes->field, sizeof(notes->field), "%s", field);
    position(reader, at, &notes->line, &notes->column);
    return SPH_FAIL(reader->err, -EBADMSG, "%s: line %u, column %u: %s: %s", SPH_MANIFEST_PATH,
                    notes->line, notes->column, field, text);
}

/* The number of warnings is the sender's choice, the memory for them is not: the first few are
 * kept, all are counted. */
static void warn_unknown(struct sph_manifest_reader *reader, const char *prefix,
                         const struct sph_json_value *key) {
    struct sph_manifest_notes *notes = reader->notes;
    unsigned index = notes->warning_count++;
    if (index >= SPH_MANIFEST_WARNINGS_MAX)
        return;
    unsigned line, column;
    position(reader, key, &line, &column);
    char shown[SPH_MANIFEST_FIELD_SIZE];
    sph_text_printable(key->text, key->len, shown, sizeof(shown));
    (void)snprintf(notes->warnings[index], sizeof(notes->warnings[index]),
                   "%s: line %u, column %u: '%s%s' is not a known key and is kept as it is",
                   SPH_MANIFEST_PATH, line, column, prefix, shown);
}

/* `seen` has a bit per row of the table, so a table has 64 rows at most. */
static int check_required(struct sph_manifest_reader *reader, const struct sph_json_value *object,
                          const char *prefix, const struct sph_manifest_key *keys,
                          unsigned key_count, uint64_t seen) {
    for (unsigned i = 0; i < key_count; i++) {
        if (!keys[i].required || (seen >> i & 1))
            continue;
        char field[SPH_MANIFEST_FIELD_SIZE];
        (void)snprintf(field, sizeof(field), "%s%s", prefix, keys[i].name);
        return sph_manifest_fail(reader, object, field, keys[i].missing_id, "this key is missing");
    }
    return 0;
}

/* A table has at most 27 rows and a manifest some ten keys: searching in order is enough. */
static const struct sph_manifest_key *find_key(const struct sph_manifest_key *keys,
                                               unsigned key_count,
                                               const struct sph_json_value *name) {
    for (unsigned i = 0; i < key_count; i++) {
        if (sph_json_is(name, keys[i].name))
            return &keys[i];
    }
    return NULL;
}

int sph_manifest_read_object(struct sph_manifest_reader *reader,
                             const struct sph_json_value *object, const char *prefix,
                             const struct sph_manifest_key *keys, unsigned key_count) {
    uint64_t seen = 0;
    struct sph_json_iter iter;
    struct sph_json_value name, value;
    sph_json_iter_init(&iter, object);
    while (sph_json_next(&iter, &name, &value)) {
        const struct sph_manifest_key *key = find_key(keys, key_count, &name);
        if (!key) {
            warn_unknown(reader, prefix, &name);
            continue;
        }
        char field[SPH_MANIFEST_FIELD_SIZE];
        (void)snprintf(field, sizeof(field), "%s%s", prefix, key->name);
        uint64_t bit = (uint64_t)1 << (key - keys);
        if (seen & bit)
            return sph_manifest_fail(reader, &name, field, key->error_id,
                                     "this key is there twice");
        seen |= bit;
        int r = key->read(reader, key, field, &value);
        if (r < 0)
            return r;
    }
    return check_required(reader, object, prefix, keys, key_count, seen);
}

/* The list is copied to its place as bytes: `place` is an offset that the table took from the very
 * member, so its alignment is right, but no type says so. */
int sph_manifest_read_list(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                           const char *field, const struct sph_json_value *value) {
    if (value->type != SPH_JSON_ARRAY)
        return sph_manifest_fail(reader, value, field, key->error_id, "this must be an array");
    struct sph_manifest_list list = {.array = *value};
    struct sph_json_iter iter;
    struct sph_json_value entry;
    sph_json_iter_init(&iter, value);
    while (sph_json_next(&iter, NULL, &entry)) {
        if (list.count == SPH_MANIFEST_LIST_MAX)
            return sph_manifest_fail(reader, &entry, field, key->error_id,
                                     "more than %d entries are not possible",
                                     SPH_MANIFEST_LIST_MAX);
        char entry_field[SPH_MANIFEST_FIELD_SIZE];
        (void)snprintf(entry_field, sizeof(entry_field), "%.80s[%u]", field, list.count);
        int r = key->check(reader, key, entry_field, &entry);
        if (r < 0)
            return r;
        list.count++;
    }
    memcpy(sph_manifest_place(reader, key), &list, sizeof(list));
    return 0;
}

bool sph_manifest_is_text(const struct sph_json_value *value) {
    if (value->type != SPH_JSON_STRING)
        return false;
    /* An escape's backslash is never itself escaped when it is met from the left. */
    for (size_t i = 0; i + 1 < value->len; i++) {
        if (value->text[i] != '\\')
            continue;
        i++;
        if (value->text[i] == 'u' && i + 4 < value->len && memcmp(value->text + i, "u0000", 5) == 0)
            return false;
    }
    return true;
}

/* Escapes are allowed in it as in any string, though nobody writes a GUID so. */
int sph_manifest_read_guid(const struct sph_json_value *value, struct sph_guid *ret_guid) {
    char text[64]; /* 38 with braces */
    int r = sph_json_to_text(value, text, sizeof(text));
    return r < 0 ? -EINVAL : sph_guid_parse(text, strlen(text), ret_guid);
}
