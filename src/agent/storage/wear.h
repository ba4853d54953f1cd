/* wear: what an app has written to its mutable storage, as the device's flash would feel it. */
#ifndef SPH_AGENT_STORAGE_WEAR_H
#define SPH_AGENT_STORAGE_WEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    SPH_WEAR_BLOCK = 4096, /* bytes that serial flash erases at once, the smallest unit it has */
    SPH_WEAR_RECORD = 64,  /* bytes of one record */
    SPH_WEAR_SLOT = 512,   /* one record in each: a disk writes 512 bytes or none of them */
    SPH_WEAR_SLOTS = 2,    /* written in turn, so that one is whole whenever power goes */
    SPH_WEAR_FILE = SPH_WEAR_SLOTS * SPH_WEAR_SLOT,
    SPH_WEAR_IDLE_FIRST = 4, /* idle writes before the first warning; the next at twice as many */
    SPH_WEAR_ERASED_FIRST =
        64, /* erased blocks before the first event; the next at twice as many */
};

/* Since the app was installed; kept over updates. */
struct sph_wear {
    uint64_t bytes_written;
    uint64_t blocks_erased;
    uint64_t writes;      /* calls that wrote, or changed the file's length */
    uint64_t idle_writes; /* of those the ones after which every byte was as before */
};

/* A change of a file: bytes [start, end) were written while it was `file_bytes` long. Each block
 * with a byte that was there already is erased, and each block that the file enters anew; what is
 * appended to a block that has been begun needs no erasure. */
struct sph_wear_change {
    uint64_t file_bytes;
    uint64_t start, end;
    bool is_idle;
};
void sph_wear_add(struct sph_wear *wear, const struct sph_wear_change *change);
/* The file was cut from `old_bytes` to `new_bytes`: a block that keeps its first part is erased and
 * written anew. */
void sph_wear_add_cut(struct sph_wear *wear, uint64_t old_bytes, uint64_t new_bytes);

/* What listeners are told after a change, if anything. */
enum sph_wear_news {
    SPH_WEAR_SILENT,
    SPH_WEAR_GROWN,   /* the erased blocks have doubled */
    SPH_WEAR_WARNING, /* the idle writes have doubled */
};
enum sph_wear_news sph_wear_news(const struct sph_wear *before, const struct sph_wear *after);

/* docs/spec/agent-state.md, section 3.1. `number` counts the records of one app. */
void sph_wear_format(const struct sph_wear *wear, uint64_t number,
                     uint8_t ret_record[SPH_WEAR_RECORD]);
/* The newest whole record of a file; -EBADMSG when there is none, though the file is not empty. An
 * empty file is an app that has written nothing: zeros, number 0. */
int sph_wear_parse(const uint8_t *file, size_t len, struct sph_wear *ret_wear, uint64_t *ret_number,
                   struct sph_err *err);
/* Where the record of that number goes. */
static inline uint64_t sph_wear_place(uint64_t number) {
    return number % SPH_WEAR_SLOTS * SPH_WEAR_SLOT;
}

#endif
