/* testing: messages filled by their tables, for the tests of this layer and of those that use it.
 *
 * Filled from a seed, which the tests print: the same seed makes the same message. What a message
 * points to lives until sph_testing_free_lists. Out of memory ends the test. */
#ifndef SPH_WIRE_TESTING_H
#define SPH_WIRE_TESTING_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/guid.h"
#include "wire/codec.h"

enum { SPH_TESTING_ITEMS = 3, SPH_TESTING_LISTS = 256 };

/* Items of the lists made so far; static per test program. */
static struct {
    void *items[SPH_TESTING_LISTS];
    size_t count;
} sph_testing_arena;

static inline void sph_testing_free_lists(void) {
    while (sph_testing_arena.count > 0)
        free(sph_testing_arena.items[--sph_testing_arena.count]);
}

static inline void sph_testing_fill(const struct sph_codec *codec, void *message, unsigned *seed);

static inline void sph_testing_fill_list(const struct sph_field *field, struct sph_list *list,
                                         unsigned *seed) {
    char *items = calloc(SPH_TESTING_ITEMS, field->nested->size);
    if (!items || sph_testing_arena.count >= SPH_TESTING_LISTS)
        abort();
    sph_testing_arena.items[sph_testing_arena.count++] = items;
    for (size_t i = 0; i < SPH_TESTING_ITEMS; i++)
        sph_testing_fill(field->nested, items + i * field->nested->size, seed);
    *list = SPH_LIST(items, SPH_TESTING_ITEMS);
}

/* Each field gets a value, now and then the zero that is left out on the wire; texts hold quotes,
 * control characters and bytes that are not UTF-8. */
static inline void sph_testing_fill(const struct sph_codec *codec, void *message, unsigned *seed) {
    static const char text[] = "the \"quick\" br\xc3\xb6wn\nfox \xff jumps\\ over the lazy dog";
    memset(message, 0, codec->size);
    for (size_t i = 0; i < codec->field_count; i++) {
        const struct sph_field *field = &codec->fields[i];
        uint8_t *member = (uint8_t *)message + field->offset;
        uint64_t number = (uint64_t)rand_r(seed) << 33 ^ (uint64_t)rand_r(seed);
        if (number % 5 == 0)
            continue;
        if (field->type == SPH_FIELD_U32)
            *(uint32_t *)member = (uint32_t)(number % 3 == 0 ? number : number % 8);
        else if (field->type == SPH_FIELD_U64 || field->type == SPH_FIELD_I64)
            *(uint64_t *)member = number;
        else if (field->type == SPH_FIELD_BOOL)
            *(bool *)member = number & 1;
        else if (field->type == SPH_FIELD_GUID)
            memset(member, (int)(number & 0xff), sizeof(struct sph_guid));
        else if (field->type == SPH_FIELD_LIST)
            sph_testing_fill_list(field, (struct sph_list *)member, seed);
        else
            *(struct sph_slice *)member = sph_slice(text, number % sizeof(text));
    }
}

#endif
