/* meter_app: the apps of a meter: their slots, their arming, and the entries that they leave. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "meter/bpf_loader.h"
#include "meter/meter_private.h"

/* Slots are few: a walk is as good as a list. */
static struct sph_meter_app *find_free(struct sph_meter *meter) {
    for (unsigned i = 0; i < SPH_METER_APPS_MAX; i++)
        if (meter->apps[i].slot->cgroup_id == 0)
            return &meter->apps[i];
    return NULL;
}

/* The slot is filled before the group is made known: the program must find it ready. */
int sph_meter_app_add(struct sph_meter *meter, uint64_t cgroup_id, unsigned flags,
                      struct sph_meter_app **ret_app, struct sph_err *err) {
    for (unsigned i = 0; i < SPH_METER_APPS_MAX; i++)
        if (meter->apps[i].slot->cgroup_id == cgroup_id)
            return SPH_FAIL(err, -EEXIST, "this control group is metered already");
    struct sph_meter_app *app = find_free(meter);
    if (!app)
        return SPH_FAIL(err, -ENOSPC, "a device can run %d apps at one time", SPH_METER_APPS_MAX);
    (void)memset(app->slot, 0, sizeof(*app->slot));
    app->slot->flags = flags;
    app->slot->cgroup_id = cgroup_id;
    app->sound_overflow = __atomic_load_n(&meter->book->overflow, __ATOMIC_RELAXED);
    app->sound_missed = sph_meter_missed(meter);
    uint32_t number = app->number;
    int error = sph_bpf_map_update(meter->maps[SPH_ABI_MAP_APPS], &cgroup_id, &number, 0);
    if (error) {
        app->slot->cgroup_id = 0;
        return SPH_FAIL_ERRNO(err, error, "cannot add an app to the meter");
    }
    *ret_app = app;
    return 0;
}

/* Walks the map by its keys while the program changes it; the caller has to live with an entry
 * that came or went meanwhile. */
int sph_meter_list_mms(struct sph_meter *meter, unsigned slot, struct sph_meter_mm *ret_mms,
                       size_t max) {
    int fd = meter->maps[SPH_ABI_MAP_MMS];
    uint32_t key = 0;
    size_t found = 0;
    int error = sph_bpf_map_next_key(fd, NULL, &key);
    /* A key deleted meanwhile sends the walk back to the start: bounded by the map's size, twice.
     */
    for (unsigned i = 0; error == 0 && i < 2 * SPH_METER_MMS_MAX; i++) {
        struct sph_meter_mm mm = {.mm_id = key};
        if (sph_bpf_map_lookup(fd, &key, &mm.value) == 0 && mm.value.slot == slot) {
            if (found < max)
                ret_mms[found] = mm;
            found++;
        }
        error = sph_bpf_map_next_key(fd, &key, &key);
    }
    return error == 0 || error == -ENOENT ? (int)found : error;
}

/* The entry as it was listed is what the program compares with before it changes anything. */
int sph_meter_fix(struct sph_meter *meter, const struct sph_meter_mm *mm, bool shared,
                  uint64_t value) {
    struct sph_abi_fix fix = {
        .mm_id = mm->mm_id,
        .shared = shared,
        .expected = shared ? mm->value.shm : mm->value.anon,
        .value = (int64_t)value,
    };
    return sph_bpf_program_run(meter->fixer, &fix, sizeof(fix));
}

/* Takes what the app still holds out of the group's sums and drops its entries. */
static void forget_mms(struct sph_meter_app *app) {
    struct sph_meter *meter = app->meter;
    sph_autofree struct sph_meter_mm *mms = calloc(SPH_METER_MMS_MAX, sizeof(*mms));
    int found = mms ? sph_meter_list_mms(meter, app->number, mms, SPH_METER_MMS_MAX) : 0;
    for (int i = 0; i < found && i < SPH_METER_MMS_MAX; i++) {
        (void)sph_meter_fix(meter, &mms[i], false, 0);
        (void)sph_meter_fix(meter, &mms[i], true, 0);
        (void)sph_bpf_map_delete(meter->maps[SPH_ABI_MAP_MMS], &mms[i].mm_id);
    }
}

/* The group is made unknown first, so that nothing is adopted for a slot that is going. */
struct sph_meter_app *sph_meter_app_remove(struct sph_meter_app *app) {
    if (!app || app->slot->cgroup_id == 0)
        return NULL;
    (void)sph_bpf_map_delete(app->meter->maps[SPH_ABI_MAP_APPS], &app->slot->cgroup_id);
    if (app->slot->mms != 0)
        forget_mms(app);
    (void)memset(app->slot, 0, sizeof(*app->slot));
    return NULL;
}

unsigned sph_meter_app_slot(const struct sph_meter_app *app) {
    return app->number;
}

/* Disarmed first: what the group holds from here on is set-up code again. */
void sph_meter_app_restart(struct sph_meter_app *app) {
    struct sph_abi_slot *slot = app->slot;
    __atomic_store_n(&slot->armed, 0, __ATOMIC_RELEASE);
    if (slot->mms != 0)
        forget_mms(app);
    slot->kills = 0;
    slot->over = SPH_ABI_OVER_NO;
    slot->peak_time_ns = 0;
    __atomic_store_n(&slot->peak, 0, __ATOMIC_RELEASE);
}

/* A fresh page is a change of the count, and a change is what makes an address space known. It
 * is given back at once; the entry stays. */
void sph_meter_touch(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    volatile char *fresh =
        mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED)
        return;
    *fresh = 1;
    (void)munmap((void *)(uintptr_t)fresh, page);
}

/* Sequentially consistent: execve, a few instructions on, may run on another CPU. */
void sph_meter_arm(struct sph_meter_app *app) {
    __atomic_store_n(&app->slot->armed, 1, __ATOMIC_SEQ_CST);
}

bool sph_meter_app_is_armed(const struct sph_meter_app *app) {
    return __atomic_load_n(&app->slot->armed, __ATOMIC_ACQUIRE) != 0;
}
