/* manifest_reader: what reading the manifest's two levels of keys has in common.
 *
 * Private to the manifest_*.c files. A key is a row of a table: its name, the function that reads
 * its value, and the numbers of its faults. Adding a key is adding a row and a field. */
#ifndef SPH_PACKAGE_MANIFEST_READER_H
#define SPH_PACKAGE_MANIFEST_READER_H

#include "package/manifest.h"

enum { SPH_MANIFEST_FIELD_SIZE = sizeof(((struct sph_manifest_notes *)0)->field) };

/* The device's error number of category 2 (application manifest). */
#define SPH_MANIFEST_ERROR(id) ((2u << 20) | (id))

/* One reading; lives on the stack of sph_manifest_parse(). */
struct sph_manifest_reader {
    const struct sph_manifest_options *options;
    struct sph_manifest *manifest;
    struct sph_manifest_notes *notes; /* never NULL */
    struct sph_err *err;
};

struct sph_manifest_key;

/* One entry of a list; `field` is "Name[i]". */
typedef int sph_manifest_entry_fn(struct sph_manifest_reader *reader,
                                  const struct sph_manifest_key *key, const char *field,
                                  const struct sph_json_value *entry);

/* One key of an object: how it is read, and the numbers that the device gives its faults. */
struct sph_manifest_key {
    const char *name;
    int (*read)(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                const char *field, const struct sph_json_value *value);
    sph_manifest_entry_fn *check; /* of a list: each entry */
    unsigned error_id;            /* a value of the wrong kind; 0: the original's list has none */
    unsigned entry_id;            /* a wrong entry of a list; 0: as error_id */
    bool required;                /* … */
    unsigned missing_id;          /* … and its number when it is not there */
    enum sph_capability capability;
    size_t place; /* offset in struct sph_manifest of what it fills */
};

/* Says "app_manifest.json: line L, column C: FIELD: …", fills the notes, returns -EBADMSG. */
int sph_manifest_fail(struct sph_manifest_reader *reader, const struct sph_json_value *at,
                      const char *field, unsigned error_id, const char *fmt, ...) SPH_PRINTF(5, 6);

/* A place is told as people count it, by line and column of the text that they wrote; the field's
 * name is there for programs (and for those whose editor shows one long line). */

/* Hands each member of the object to its key's `read`; unknown keys give warnings, repeated and
 * missing ones fail. `prefix` comes before each key's name in the field: "" or "Capabilities.". */
int sph_manifest_read_object(struct sph_manifest_reader *reader,
                             const struct sph_json_value *object, const char *prefix,
                             const struct sph_manifest_key *keys, unsigned key_count);

/* A `read` for arrays: hands each entry to key->check, then fills the list at key->place. */
int sph_manifest_read_list(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                           const char *field, const struct sph_json_value *value);

/* True for a string without U+0000, which could not be handed on as C text. */
bool sph_manifest_is_text(const struct sph_json_value *value);
/* 0, or -EINVAL for no string or no GUID. */
int sph_manifest_read_guid(const struct sph_json_value *value, struct sph_guid *ret_guid);

/* The reader of key Capabilities; manifest_caps.c has its table. */
int sph_manifest_read_capabilities(struct sph_manifest_reader *reader,
                                   const struct sph_manifest_key *key, const char *field,
                                   const struct sph_json_value *value);

/* What the key fills. The type is the reading function's to know: a list, or a uint32_t. */
static inline void *sph_manifest_place(struct sph_manifest_reader *reader,
                                       const struct sph_manifest_key *key) {
    return (char *)reader->manifest + key->place;
}

#endif
