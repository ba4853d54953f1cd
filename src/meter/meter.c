/* meter: the loader's side of the kernel program, and the figures that it keeps.
 *
 * The program's book (sums, peaks, limit, armed words) is an array map that is mapped into this
 * process: reading a figure or changing the limit is a load or a store. Rejected: sums kept here
 * from a stream of events; a full ring would then make a figure wrong, and the kill would come too
 * late. */
#include "meter/meter.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "meter/bpf_loader.h"
#include "meter/meter_private.h"
#include "meter/tracefs.h"

#include "rss_stat_32.bpf.h"
#include "rss_stat_64.bpf.h"

_Static_assert(SPH_METER_APPS_MAX == (int)SPH_ABI_SLOTS, "one slot per app");
_Static_assert(SPH_METER_MMS_MAX == (int)SPH_ABI_MMS, "size of the address-space map");
_Static_assert(SPH_METER_STACK_MAX == (int)SPH_ABI_STACK, "size of an event's stack");
_Static_assert(SPH_METER_RING_BYTES == (int)SPH_ABI_RING, "size of the ring");
_Static_assert(SPH_METER_APP_UNLIMITED == (unsigned)SPH_ABI_UNLIMITED, "flag of a slot");

#define NO_NATIVE "cannot meter natively here, use a virtual device"

/* Names are what `bpftool map` shows an administrator who wonders. */
static const struct sph_bpf_map map_kinds[SPH_ABI_MAPS] = {
    [SPH_ABI_MAP_BOOK] = {.name = "sph_book",
                          .type = BPF_MAP_TYPE_ARRAY,
                          .key_bytes = 4,
                          .value_bytes = sizeof(struct sph_abi_book),
                          .entries = 1,
                          .flags = BPF_F_MMAPABLE},
    [SPH_ABI_MAP_APPS] = {.name = "sph_apps",
                          .type = BPF_MAP_TYPE_HASH,
                          .key_bytes = 8,
                          .value_bytes = 4,
                          .entries = SPH_ABI_SLOTS},
    [SPH_ABI_MAP_MMS] = {.name = "sph_mms",
                         .type = BPF_MAP_TYPE_HASH,
                         .key_bytes = 4,
                         .value_bytes = sizeof(struct sph_abi_mm),
                         .entries = SPH_ABI_MMS},
    [SPH_ABI_MAP_RING] = {.name = "sph_ring",
                          .type = BPF_MAP_TYPE_RINGBUF,
                          .entries = SPH_ABI_RING},
};

/* Only the two leading numbers count; what a distribution adds behind them is ignored. */
int sph_meter_check_release(const char *release) {
    char *end = NULL;
    unsigned long major = strtoul(release, &end, 10);
    if (end == release || *end != '.')
        return -EINVAL;
    const char *second = end + 1;
    unsigned long minor = strtoul(second, &end, 10);
    if (end == second)
        return -EINVAL;
    return major > 6 || (major == 6 && minor >= 2) ? 0 : -ENOSYS;
}

/* By version and not by trying: an older kernel has the event too, with numbers that lag behind. */
static int check_kernel(const struct sph_meter_options *options, struct sph_err *err) {
    struct utsname name;
    if ((options && options->pinned_kernel) || uname(&name) != 0)
        return 0;
    if (sph_meter_check_release(name.release) != 0)
        return SPH_FAIL(err, -ENOSYS,
                        "this kernel (%s) counts pages exactly only from 6.2 on: " NO_NATIVE,
                        name.release);
    return 0;
}

/* All of one size from the start: the program runs where it must not wait for memory. */
static int make_maps(struct sph_meter *meter, struct sph_err *err) {
    for (unsigned i = 0; i < SPH_ABI_MAPS; i++) {
        meter->maps[i] = sph_bpf_map_create(&map_kinds[i], err);
        if (meter->maps[i] == -ENOSYS)
            return SPH_FAIL(err, -ENOSYS, "this kernel has no BPF: " NO_NATIVE);
        if (meter->maps[i] < 0)
            return meter->maps[i];
    }
    return 0;
}

/* One page, shared with the program. Children of fork have it too, which is what arming stands
 * on. */
static int map_book(struct sph_meter *meter, struct sph_err *err) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    meter->book_bytes = (sizeof(struct sph_abi_book) + page - 1) / page * page;
    void *book = mmap(NULL, meter->book_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                      meter->maps[SPH_ABI_MAP_BOOK], 0);
    if (book == MAP_FAILED)
        return SPH_FAIL_ERRNO(err, -errno, "cannot map the meter's figures");
    meter->book = book;
    meter->book->page_bytes = (uint32_t)page;
    return 0;
}

/* The correcting program takes no event, and so is the same for both widths. */
int sph_meter_load_programs(struct sph_meter *meter, int long_bits, struct sph_err *err) {
    static const struct sph_bpf_program narrow =
        SPH_BPF_PROGRAM("sph_rss_stat", BPF_PROG_TYPE_TRACEPOINT, rss_stat_32_rss_stat);
    static const struct sph_bpf_program wide =
        SPH_BPF_PROGRAM("sph_rss_stat", BPF_PROG_TYPE_TRACEPOINT, rss_stat_64_rss_stat);
    static const struct sph_bpf_program fixer =
        SPH_BPF_PROGRAM("sph_fix", BPF_PROG_TYPE_RAW_TRACEPOINT, rss_stat_64_fix);
    meter->program =
        sph_bpf_program_load(long_bits == 32 ? &narrow : &wide, meter->maps, SPH_ABI_MAPS, err);
    if (meter->program < 0)
        return meter->program;
    meter->fixer = sph_bpf_program_load(&fixer, meter->maps, SPH_ABI_MAPS, err);
    return meter->fixer < 0 ? meter->fixer : 0;
}

/* The cheap reasons to refuse come first, the attaching last: a meter that cannot work must not
 * have touched anything. */
static int open_all(struct sph_meter *meter, const struct sph_meter_options *options,
                    struct sph_err *err) {
    struct sph_tracefs_rss_stat layout;
    int error = check_kernel(options, err);
    if (!error)
        error = make_maps(meter, err);
    if (!error)
        error = map_book(meter, err);
    if (!error)
        error = sph_ring_open(&meter->ring, meter->maps[SPH_ABI_MAP_RING], SPH_ABI_RING, err);
    if (!error)
        error = sph_tracefs_read_rss_stat(&layout, err);
    if (error)
        return error;
    int long_bits = sph_tracefs_check_rss_stat(&layout, err);
    if (long_bits < 0)
        return long_bits;
    error = sph_meter_load_programs(meter, long_bits, err);
    if (error)
        return error;
    meter->event = sph_bpf_attach_tracepoint(meter->program, layout.id, err);
    return meter->event < 0 ? meter->event : 0;
}

int sph_meter_attachment(const struct sph_meter *meter) {
    return meter->event;
}

int sph_meter_open(uint64_t limit_bytes, const struct sph_meter_options *options,
                   struct sph_meter **ret_meter, struct sph_err *err) {
    struct sph_meter *meter = calloc(1, sizeof(*meter));
    if (!meter)
        return SPH_FAIL_ERRNO(err, -ENOMEM, "cannot open the meter");
    for (unsigned i = 0; i < SPH_ABI_MAPS; i++)
        meter->maps[i] = -1;
    meter->program = meter->fixer = meter->event = -1;
    int error = open_all(meter, options, err);
    if (error) {
        (void)sph_meter_close(meter);
        /* Which step it is that is not allowed depends on the host's settings. */
        if (error == -EPERM)
            return SPH_FAIL(err, -EPERM,
                            "metering natively needs root (or the capabilities BPF, PERFMON and "
                            "SYS_ADMIN): run as root, or use a virtual device");
        return error;
    }
    for (unsigned i = 0; i < SPH_METER_APPS_MAX; i++)
        meter->apps[i] =
            (struct sph_meter_app){.meter = meter, .slot = &meter->book->slots[i], .number = i};
    sph_meter_marks_init(meter);
    sph_meter_set_limit(meter, limit_bytes);
    *ret_meter = meter;
    return 0;
}

/* Takes the -1 of a step that was not reached. */
static void close_fd(int fd) {
    if (fd >= 0)
        (void)close(fd);
}

/* The event first: no program may run on maps that are half gone. */
struct sph_meter *sph_meter_close(struct sph_meter *meter) {
    if (!meter)
        return NULL;
    close_fd(meter->event);
    close_fd(meter->program);
    close_fd(meter->fixer);
    sph_ring_close(&meter->ring);
    if (meter->book)
        (void)munmap(meter->book, meter->book_bytes);
    for (unsigned i = 0; i < SPH_ABI_MAPS; i++)
        close_fd(meter->maps[i]);
    free(meter);
    return NULL;
}

/* A sum can be below zero for the time between the two halves of a change on two CPUs. */
static uint64_t load_sum(const int64_t *word) {
    int64_t value = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    return value > 0 ? (uint64_t)value : 0;
}

/* The part without the other part, of two words that were not read in one instant. */
static uint64_t page_sum(uint64_t a, uint64_t b) {
    return a > b ? a - b : 0;
}

/* Compared as bytes, every field at once. */
static bool same(const struct sph_meter_figures *a, const struct sph_meter_figures *b) {
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* One load per word; the caller repeats it until two in a row are the same. */
static void load_group(const struct sph_abi_book *book, struct sph_meter_figures *figures) {
    (void)memset(figures, 0, sizeof(*figures)); /* padding too: they are compared as bytes */
    figures->counted = load_sum(&book->counted);
    figures->current = figures->counted + load_sum(&book->extra);
    figures->shm = load_sum(&book->shm);
    figures->anon = page_sum(figures->current, figures->shm);
    figures->peak = load_sum(&book->peak);
    figures->limit = load_sum(&book->limit);
    figures->mms = __atomic_load_n(&book->mms, __ATOMIC_RELAXED);
    figures->kills = __atomic_load_n(&book->kills, __ATOMIC_RELAXED);
    figures->events = __atomic_load_n(&book->events, __ATOMIC_RELAXED);
    figures->peak_time_ns = __atomic_load_n(&book->peak_time_ns, __ATOMIC_RELAXED);
}

/* As load_group(), for one slot. Outside the limit nothing is counted, and no limit is shown. */
static void load_app(const struct sph_abi_book *book, const struct sph_abi_slot *slot,
                     struct sph_meter_figures *figures) {
    (void)memset(figures, 0, sizeof(*figures));
    figures->current = load_sum(&slot->current);
    figures->counted = slot->flags & SPH_ABI_UNLIMITED ? 0 : figures->current;
    figures->shm = load_sum(&slot->shm);
    figures->anon = page_sum(figures->current, figures->shm);
    figures->peak = load_sum(&slot->peak);
    figures->limit = slot->flags & SPH_ABI_UNLIMITED ? 0 : load_sum(&book->limit);
    figures->mms = __atomic_load_n(&slot->mms, __ATOMIC_RELAXED);
    figures->kills = __atomic_load_n(&slot->kills, __ATOMIC_RELAXED);
    figures->peak_time_ns = __atomic_load_n(&slot->peak_time_ns, __ATOMIC_RELAXED);
}

/* Two equal loads in a row are of one instant; an app that changes all the time gets the last one.
 */
enum { STABLE_TRIES = 16 };

void sph_meter_read(const struct sph_meter *meter, struct sph_meter_figures *ret_figures) {
    struct sph_meter_figures before;
    load_group(meter->book, &before);
    for (unsigned i = 0; i < STABLE_TRIES; i++) {
        load_group(meter->book, ret_figures);
        if (same(&before, ret_figures))
            break;
        before = *ret_figures;
    }
}

void sph_meter_app_read(const struct sph_meter_app *app, struct sph_meter_figures *ret_figures) {
    struct sph_meter_figures before;
    load_app(app->meter->book, app->slot, &before);
    for (unsigned i = 0; i < STABLE_TRIES; i++) {
        load_app(app->meter->book, app->slot, ret_figures);
        if (same(&before, ret_figures))
            break;
        before = *ret_figures;
    }
}

/* A system call, unlike the other counters: the kernel keeps this one with the program. */
uint64_t sph_meter_missed(struct sph_meter *meter) {
    return sph_bpf_program_missed(meter->program);
}

/* A miss or an overflow may have hit any app: all of them have to be checked again. */
void sph_meter_health(struct sph_meter *meter, struct sph_meter_health *ret_health) {
    struct sph_meter_health health = meter->health;
    health.overflow = __atomic_load_n(&meter->book->overflow, __ATOMIC_RELAXED);
    health.dropped = __atomic_load_n(&meter->book->dropped, __ATOMIC_RELAXED);
    health.missed = sph_meter_missed(meter);
    health.exact = true;
    for (unsigned i = 0; i < SPH_METER_APPS_MAX; i++) {
        const struct sph_meter_app *app = &meter->apps[i];
        if (app->slot->cgroup_id != 0 &&
            (app->sound_overflow != health.overflow || app->sound_missed != health.missed))
            health.exact = false;
    }
    *ret_health = health;
}

void sph_meter_set_limit(struct sph_meter *meter, uint64_t limit_bytes) {
    int64_t limit = limit_bytes > INT64_MAX ? INT64_MAX : (int64_t)limit_bytes;
    __atomic_store_n(&meter->book->limit, limit, __ATOMIC_RELEASE);
}

/* User without what apps under sentence still hold: the refused page is part of that. */
static int64_t held_by_the_living(const struct sph_meter *meter) {
    struct sph_meter_figures figures;
    sph_meter_read(meter, &figures);
    int64_t held = (int64_t)figures.current;
    for (unsigned i = 0; i < SPH_ABI_SLOTS; i++) {
        const struct sph_abi_slot *slot = &meter->book->slots[i];
        if (__atomic_load_n(&slot->over, __ATOMIC_RELAXED) == SPH_ABI_OVER_KILLED)
            held -= (int64_t)load_sum(&slot->current);
    }
    return held > 0 ? held : 0;
}

/* From zero, then up to what is held: a growth in between has raised it by itself and is not lost.
 */
void sph_meter_reset_peak(struct sph_meter *meter) {
    int64_t *peak = &meter->book->peak;
    __atomic_store_n(&meter->book->peak_time_ns, 0, __ATOMIC_RELEASE);
    __atomic_store_n(peak, 0, __ATOMIC_SEQ_CST);
    int64_t held = held_by_the_living(meter);
    int64_t seen = __atomic_load_n(peak, __ATOMIC_ACQUIRE);
    while (seen < held && !__atomic_compare_exchange_n(peak, &seen, held, false, __ATOMIC_SEQ_CST,
                                                       __ATOMIC_ACQUIRE))
        continue;
}

/* The program takes no notice of the records of others, but they are in the ring's way. */
struct drain {
    struct sph_meter *meter;
    sph_meter_event_fn *fn;
    void *context;
};

/* A slot may have changed hands since the event was written: the group's id tells. */
static void give_event(void *context, const void *record, size_t len) {
    struct drain *drain = context;
    const struct sph_abi_event *raw = record;
    if (len < sizeof(*raw) || raw->slot >= SPH_METER_APPS_MAX)
        return;
    struct sph_meter_app *app = &drain->meter->apps[raw->slot];
    /* Before anyone reads the counts: a crossing after this sends an event of its own. */
    if (raw->type == SPH_ABI_EVENT_MARK)
        __atomic_store_n(&drain->meter->book->told, 0, __ATOMIC_SEQ_CST);
    struct sph_meter_event event = {
        .type = (enum sph_meter_event_type)raw->type,
        .app = app->slot->cgroup_id == raw->cgroup_id ? app : NULL,
        .tgid = (pid_t)raw->tgid,
        .tid = (pid_t)raw->tid,
        .time_ns = raw->time_ns,
        .group_bytes = raw->group_bytes,
        .counted_bytes = raw->counted_bytes,
        .app_bytes = raw->app_bytes,
        .growth_bytes = raw->growth_bytes,
        .limit_bytes = raw->limit_bytes,
        .shared = raw->shared != 0,
        .stack = (const uint64_t *)raw->stack,
    };
    /* The walk by frame pointers ends in a 0, where a function keeps none: it is no address. */
    while (event.n_stack < SPH_METER_STACK_MAX && event.n_stack < raw->stack_bytes / 8 &&
           raw->stack[event.n_stack] != 0)
        event.n_stack++;
    drain->fn(drain->context, &event);
}

int sph_meter_fd(const struct sph_meter *meter) {
    return meter->maps[SPH_ABI_MAP_RING];
}

int sph_meter_dispatch(struct sph_meter *meter, sph_meter_event_fn *fn, void *context) {
    struct drain drain = {.meter = meter, .fn = fn, .context = context};
    return sph_ring_drain(&meter->ring, give_event, &drain);
}
