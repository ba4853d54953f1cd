/* table: how the codec tables of the messages are written: one line a field, types checked.
 *
 * For msg_*.c and tests only: the short macro names are too common for a header of others. A row
 * names the struct, the tag, the type, the member; that the member has the type is checked by the
 * compiler, that the tags ascend by codec_test. */
#ifndef SPH_WIRE_TABLE_H
#define SPH_WIRE_TABLE_H

#include <stddef.h>

#include "base/guid.h"
#include "wire/codec.h"

/* The C type of a member for each SPH_FIELD_ type. */
#define SPH_TYPE_U32 uint32_t
#define SPH_TYPE_U64 uint64_t
#define SPH_TYPE_I64 int64_t
#define SPH_TYPE_BOOL bool
#define SPH_TYPE_GUID struct sph_guid
#define SPH_TYPE_TEXT struct sph_slice
#define SPH_TYPE_BYTES struct sph_slice
#define SPH_TYPE_LIST struct sph_list

/* offsetof, and a compile error when the member is of another type than the table says: an array
 * type of negative size. A static assertion cannot stand inside an initialiser. */
#define SPH_OFFSET_OF(message, kind, member)                                                       \
    (offsetof(struct message, member) +                                                            \
     0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((struct message *)0)->member),       \
                                                  SPH_TYPE_##kind)                                 \
                         ? 1                                                                       \
                         : -1]))

#define SPH_FIELD_ROW(message, number, kind, member, required, codec)                              \
    {                                                                                              \
        .tag = (number), .type = SPH_FIELD_##kind, .is_required = (required),                      \
        .offset = SPH_OFFSET_OF(message, kind, member), .name = #member, .nested = (codec)         \
    }

/* Absent means zero: for all that has a sensible zero. */
#define FIELD(message, number, kind, member)                                                       \
    SPH_FIELD_ROW(message, number, kind, member, false, NULL)
/* For what a reader could not do without: an id, a kind, a state whose zero is a real one. */
#define REQUIRED(message, number, kind, member)                                                    \
    SPH_FIELD_ROW(message, number, kind, member, true, NULL)
/* Of the messages that `codec` describes; an empty list is simply absent. */
#define LIST(message, number, member, codec)                                                       \
    SPH_FIELD_ROW(message, number, LIST, member, false, &(codec))

/* Defines the codec of `struct message` from the rows above it. */
#define CODEC(message, shown, rows)                                                                \
    const struct sph_codec message##_codec = {.name = (shown),                                     \
                                              .fields = (rows),                                    \
                                              .field_count = SPH_ARRAY_SIZE(rows),                 \
                                              .size = sizeof(struct message)}

#endif
