/* mark: levels of the group that the kernel program looks for.
 *
 * The lowest one is kept beside the sums: as long as less is held, and with no mark at all, the
 * program pays one comparison for a growth. */
#include <errno.h>

#include "meter/meter_private.h"

/* Raised after a mark was put in or taken out. A mark that is not in the lowest yet is missed by
 * changes until then: its owner reads the figures after adding it. */
static void publish_lowest(struct sph_abi_book *book) {
    int64_t lowest = SPH_ABI_NO_MARK;
    for (unsigned i = 0; i < SPH_ABI_MARKS; i++)
        if (book->marks[i].level < lowest)
            lowest = book->marks[i].level;
    __atomic_store_n(&book->lowest_mark, lowest, __ATOMIC_SEQ_CST);
}

void sph_meter_marks_init(struct sph_meter *meter) {
    for (unsigned i = 0; i < SPH_ABI_MARKS; i++)
        meter->book->marks[i] = (struct sph_abi_mark){.level = SPH_ABI_NO_MARK};
    publish_lowest(meter->book);
}

int sph_meter_mark_add(struct sph_meter *meter, uint64_t level_bytes, unsigned *ret_mark) {
    if (level_bytes >= SPH_ABI_NO_MARK)
        return -EINVAL;
    for (unsigned i = 0; i < SPH_ABI_MARKS; i++) {
        struct sph_abi_mark *mark = &meter->book->marks[i];
        if (mark->level != SPH_ABI_NO_MARK)
            continue;
        __atomic_store_n(&mark->crossings, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&mark->level, (int64_t)level_bytes, __ATOMIC_RELEASE);
        publish_lowest(meter->book);
        *ret_mark = i;
        return 0;
    }
    return -ENOSPC;
}

void sph_meter_mark_remove(struct sph_meter *meter, unsigned mark) {
    __atomic_store_n(&meter->book->marks[mark].level, SPH_ABI_NO_MARK, __ATOMIC_RELEASE);
    publish_lowest(meter->book);
}

uint64_t sph_meter_mark_crossings(const struct sph_meter *meter, unsigned mark) {
    return __atomic_load_n(&meter->book->marks[mark].crossings, __ATOMIC_ACQUIRE);
}
