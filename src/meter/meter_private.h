/* meter_private: the inside of the meter, shared by its sources and by nobody else. */
#ifndef SPH_METER_METER_PRIVATE_H
#define SPH_METER_METER_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "meter/meter.h"
#include "meter/meter_abi.h"
#include "meter/ring.h"

struct sph_meter_app {
    struct sph_meter *meter;
    struct sph_abi_slot *slot; /* in the mapped book; cgroup_id 0 = free */
    unsigned number;
    /* Health counters at the last check that ended with figures known to be right. */
    uint64_t sound_overflow;
    uint64_t sound_missed;
};

/* Descriptors are -1 until they are made, so that closing a half-made meter is always right. */
struct sph_meter {
    int maps[SPH_ABI_MAPS];
    int program;
    int fixer;
    int event; /* closing it detaches the program */
    struct sph_abi_book *book;
    size_t book_bytes;
    struct sph_ring ring;
    struct sph_meter_health health;
    struct sph_meter_app apps[SPH_METER_APPS_MAX];
};

/* An entry of the address-space map. */
struct sph_meter_mm {
    uint32_t mm_id;
    struct sph_abi_mm value;
};

/* The entries of one slot, at most `max`; the number there are, or negative errno. */
int sph_meter_list_mms(struct sph_meter *meter, unsigned slot, struct sph_meter_mm *ret_mms,
                       size_t max);
/* Puts one counter of an entry right, unless it changed since it was listed: SPH_ABI_FIX_*. */
int sph_meter_fix(struct sph_meter *meter, const struct sph_meter_mm *mm, bool shared,
                  uint64_t value);
/* All free: before the program runs. */
void sph_meter_marks_init(struct sph_meter *meter);
/* Loads both programs onto the meter's maps; long_bits is 32 or 64. */
int sph_meter_load_programs(struct sph_meter *meter, int long_bits, struct sph_err *err);
/* Runs of the program that the kernel has skipped since it was loaded. */
uint64_t sph_meter_missed(struct sph_meter *meter);

/* Pure: 0 when release ("6.18.44-...") is 6.2 or later; -ENOSYS otherwise, -EINVAL if unreadable.
 */
int sph_meter_check_release(const char *release);

#endif
