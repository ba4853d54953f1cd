/* rss_stat: the kernel half of the meter, run at every change of an anonymous or shared-memory
 * count.
 *
 * The event carries the new exact value of one counter of one address space (mm), so no kernel
 * structure is read. Per mm the last value is kept; the difference to the new one goes into the
 * sums of the app and of the group. A growth that takes the group over its limit is answered by
 * SIGKILL before the page can be used, and is left out of the peaks.
 *
 * Sums only ever take differences, so no lock is needed and no order of two CPUs can lose a page:
 * what can happen is that two CPUs store the value of one mm in the wrong order. The mm's next
 * change mends it, and sph_meter_check() finds it (docs/spec/meter.md, "Order").
 *
 * Compiled twice: SPH_LONG_BITS is the width of `long` in the kernel's event. */
#include "meter_abi.h"

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))

typedef sph_abi_u64 u64;
typedef sph_abi_s64 s64;
typedef sph_abi_u32 u32;

enum { MEMBER_ANON = 1, MEMBER_SHM = 3 };
enum { SIGNAL_KILL = 9 };
enum { UPDATE_NOEXIST = 1, RING_NO_WAKEUP = 1, RING_FORCE_WAKEUP = 2, RING_AVAILABLE = 0 };
enum { STACK_USER = 1 << 8 };
enum { NO_MEMBER = 0xffff }; /* the current process is in no app's group */
/* Tries of a compare-and-swap: more than CPUs can meet at one counter between two instructions. A
 * kernel of 32 bits has few of them, and time for its verifier to walk them all is what an emulated
 * one lacks most: it was a third of a virtual device's start. */
enum { RAISE_TRIES = SPH_LONG_BITS == 64 ? 128 : 16 };

struct rss_stat_event {
    u64 common;
    u32 mm_id;
    u32 curr;
    int member;
#if SPH_LONG_BITS == 64
    u32 gap;
    s64 size;
#else
    int size;
#endif
};

extern char map_book, map_apps, map_mms, map_ring;

static void *(*const map_lookup)(void *, const void *) = (void *)SPH_ABI_CALL_MAP_LOOKUP;
static long (*const map_update)(void *, const void *, const void *,
                                u64) = (void *)SPH_ABI_CALL_MAP_UPDATE;
static long (*const map_delete)(void *, const void *) = (void *)SPH_ABI_CALL_MAP_DELETE;
static u64 (*const ktime_ns)(void) = (void *)SPH_ABI_CALL_KTIME;
static u64 (*const pid_tgid)(void) = (void *)SPH_ABI_CALL_PID_TGID;
static long (*const get_stack)(void *, void *, u32, u64) = (void *)SPH_ABI_CALL_GET_STACK;
static u64 (*const cgroup_id)(void) = (void *)SPH_ABI_CALL_CGROUP_ID;
static long (*const send_signal)(u32) = (void *)SPH_ABI_CALL_SEND_SIGNAL;
static void *(*const ring_reserve)(void *, u64, u64) = (void *)SPH_ABI_CALL_RING_RESERVE;
static void (*const ring_submit)(void *, u64) = (void *)SPH_ABI_CALL_RING_SUBMIT;
static u64 (*const ring_query)(void *, u64) = (void *)SPH_ABI_CALL_RING_QUERY;

/* One change, as it goes through the steps below. */
struct change {
    struct sph_abi_book *book;
    struct sph_abi_slot *slot;
    struct sph_abi_mm *mm;
    u32 slot_number;
    u32 shared;
    u32 own;     /* made by a process of the app, to itself or to what it is forking or executing */
    s64 growth;  /* bytes, negative when it shrank */
    s64 user;    /* the group's User after it */
    s64 counted; /* the share of it against the limit */
    s64 app;     /* the app's share */
};

/* Read anew each time: other CPUs write to the book while the program runs. */
INLINE s64 load(const s64 *word) {
    return *(const volatile s64 *)word;
}

/* Plain maximum would lose a page when two CPUs read the same old peak. 1 when this call raised
 * it, so that exactly one of them reports. */
INLINE int raise_to(s64 *peak, s64 value) {
    for (int i = 0; i < RAISE_TRIES; i++) {
        s64 seen = load(peak);
        if (value <= seen)
            return 0;
        if (__sync_val_compare_and_swap(peak, seen, value) == seen)
            return 1;
    }
    return 0;
}

/* The process that an event is about. A fork's child is not known by its id yet: its parent stands
 * for it, but must not be blamed for what a stranger did to the child. */
INLINE u32 owner(const struct change *c, u32 type, u32 running) {
    if (type == SPH_ABI_EVENT_KILL || (c->mm->tgid == 0 && type == SPH_ABI_EVENT_PEAK))
        return running;
    return c->mm->tgid;
}

/* The last quarter of the ring is for kills: a flood of peaks must not be able to hide one. The
 * stack is that of the running thread, and only of interest when it is the app's. 0 when there was
 * no room. */
INLINE int report(void *ctx, const struct change *c, u32 type) {
    struct sph_abi_event *event = 0;
    u64 unread = ring_query(&map_ring, RING_AVAILABLE);
    if (type != SPH_ABI_EVENT_PEAK || unread < SPH_ABI_RING / 4 * 3)
        event = ring_reserve(&map_ring, sizeof(*event), 0);
    if (!event) {
        __sync_fetch_and_add(&c->book->dropped, 1);
        return 0;
    }
    u64 ids = pid_tgid();
    event->time_ns = ktime_ns();
    event->group_bytes = c->user;
    event->counted_bytes = c->counted;
    event->app_bytes = c->app;
    event->growth_bytes = c->growth;
    event->limit_bytes = c->book->limit;
    event->cgroup_id = c->slot->cgroup_id;
    event->type = type;
    event->slot = c->slot_number;
    event->tgid = owner(c, type, (u32)(ids >> 32));
    event->tid = (u32)ids;
    event->shared = c->shared;
    long bytes = c->own ? get_stack(ctx, event->stack, sizeof(event->stack), STACK_USER) : 0;
    event->stack_bytes = bytes > 0 ? (u32)bytes : 0;
    u64 flags = RING_FORCE_WAKEUP;
    if (type == SPH_ABI_EVENT_PEAK && unread < SPH_ABI_RING / 2)
        flags = RING_NO_WAKEUP;
    ring_submit(event, flags);
    return 1;
}

/* What apps under sentence still hold: it is on its way out and must not cost others their life. */
INLINE s64 held_by_sentenced(const struct change *c) {
    s64 sum = 0;
#pragma clang loop unroll(disable)
    for (u32 i = 0; i < SPH_ABI_SLOTS; i++) {
        struct sph_abi_slot *slot = &c->book->slots[i];
        if (i != c->slot_number && slot->over == SPH_ABI_OVER_KILLED)
            sum += load(&slot->current);
    }
    return sum;
}

/* The app's own peak says nothing about the group's: another app may have been larger before.
 * Only the group's is reported. */
INLINE void raise_peaks(void *ctx, const struct change *c, s64 user) {
    if (raise_to(&c->slot->peak, c->app))
        c->slot->peak_time_ns = ktime_ns();
    if (raise_to(&c->book->peak, user)) {
        c->book->peak_time_ns = ktime_ns();
        report(ctx, c, SPH_ABI_EVENT_PEAK);
    }
}

/* Over the limit: kill who did it, if it is one of the app's own; else tell the agent. */
INLINE void refuse(void *ctx, const struct change *c) {
    if (c->own && send_signal(SIGNAL_KILL) == 0) {
        if (__sync_lock_test_and_set(&c->slot->over, SPH_ABI_OVER_KILLED) != SPH_ABI_OVER_KILLED) {
            __sync_fetch_and_add(&c->slot->kills, 1);
            __sync_fetch_and_add(&c->book->kills, 1);
            report(ctx, c, SPH_ABI_EVENT_KILL);
        }
    } else if (__sync_val_compare_and_swap(&c->slot->over, SPH_ABI_OVER_NO, SPH_ABI_OVER_FOREIGN) ==
               SPH_ABI_OVER_NO) {
        report(ctx, c, SPH_ABI_EVENT_FOREIGN);
    }
}

/* The sum is changed by atomic addition, so each change knows the value right before it, and of
 * each rise through a level exactly one change is the crossing: nothing has to be armed again. The
 * reader is woken once for all crossings that it has not looked at, so that memory which flutters
 * about a level cannot fill the ring. */
INLINE void count_crossings(void *ctx, const struct change *c) {
    s64 before = c->counted - c->growth;
    u32 crossed = 0;
    if (c->slot->flags & SPH_ABI_UNLIMITED)
        return;
#pragma clang loop unroll(disable)
    for (u32 i = 0; i < SPH_ABI_MARKS; i++) {
        struct sph_abi_mark *mark = &c->book->marks[i];
        s64 level = load(&mark->level);
        if (before <= level && c->counted > level) {
            __sync_fetch_and_add(&mark->crossings, 1);
            crossed = 1;
        }
    }
    if (crossed && __sync_lock_test_and_set(&c->book->told, 1) == 0 &&
        !report(ctx, c, SPH_ABI_EVENT_MARK))
        c->book->told = 0;
}

/* Shrinking is never judged, nor is what stood still. A sentence is lifted when the app is
 * gone, or when it grows within the limit and so was not the one to die. */
INLINE void judge(void *ctx, const struct change *c) {
    if (c->growth <= 0) {
        if (c->app <= 0 && c->slot->over)
            c->slot->over = SPH_ABI_OVER_NO;
        return;
    }
    if (c->counted > load(&c->book->lowest_mark))
        count_crossings(ctx, c);
    s64 limit = load(&c->book->limit), leaving = 0;
    if (limit == 0 || (c->slot->flags & SPH_ABI_UNLIMITED) || c->counted <= limit) {
        if (c->slot->over && c->own)
            c->slot->over = SPH_ABI_OVER_NO;
    } else {
        leaving = held_by_sentenced(c);
        if (c->counted - leaving > limit) {
            refuse(ctx, c);
            return;
        }
    }
    raise_peaks(ctx, c,
                c->user - leaving); /* in one place: the verifier walks its loops each time */
}

/* Puts the difference between the value kept and the new one into the sums. */
INLINE void book_change(struct change *c, s64 growth) {
    c->growth = growth;
    c->app = __sync_fetch_and_add(&c->slot->current, growth) + growth;
    if (c->slot->flags & SPH_ABI_UNLIMITED) {
        c->counted = load(&c->book->counted);
        c->user = __sync_fetch_and_add(&c->book->extra, growth) + growth + c->counted;
    } else {
        c->counted = __sync_fetch_and_add(&c->book->counted, growth) + growth;
        c->user = c->counted + load(&c->book->extra);
    }
    if (c->shared) {
        __sync_fetch_and_add(&c->slot->shm, growth);
        __sync_fetch_and_add(&c->book->shm, growth);
    }
}

/* True when an unknown mm, changed by a member that does not run in it, can be its own making: the
 * mm that execve fills starts with one page, and a forked one copies pages that the app has.
 * Anything else is a stranger's mm from which the member took a page (reclaim, a truncated shared
 * file). */
INLINE int can_be_born(const struct change *c, s64 size) {
    s64 shm = load(&c->slot->shm);
    if (c->shared)
        return size <= shm;
    return size <= c->book->page_bytes || size <= load(&c->slot->current) - shm;
}

/* Takes an unknown mm in. Where there is no room for it, its maker is killed: what is not counted
 * must not run. */
INLINE struct sph_abi_mm *adopt(struct change *c, u32 mm_id, u32 slot_number, int curr, s64 size) {
    struct sph_abi_mm fresh = {.slot = slot_number};
    c->slot = &c->book->slots[slot_number & (SPH_ABI_SLOTS - 1)];
    if (!c->slot->armed)
        fresh.slot = SPH_ABI_IGNORED;
    else if (size == 0 || (!curr && !can_be_born(c, size)))
        return 0;
    long error = map_update(&map_mms, &mm_id, &fresh, UPDATE_NOEXIST);
    struct sph_abi_mm *mm = map_lookup(&map_mms, &mm_id);
    if (!mm) {
        __sync_fetch_and_add(&c->book->overflow, 1);
        if (fresh.slot != SPH_ABI_IGNORED)
            send_signal(SIGNAL_KILL);
    } else if (error == 0 && fresh.slot != SPH_ABI_IGNORED) {
        __sync_fetch_and_add(&c->slot->mms, 1);
        __sync_fetch_and_add(&c->book->mms, 1);
    }
    return mm;
}

/* An mm without a page is at its end: its id may come back as another's. */
INLINE void forget(const struct change *c, u32 mm_id) {
    if (load(&c->mm->anon) != 0 || load(&c->mm->shm) != 0)
        return;
    if (map_delete(&map_mms, &mm_id) == 0) {
        __sync_fetch_and_add(&c->slot->mms, -1);
        __sync_fetch_and_add(&c->book->mms, -1);
    }
}

/* Every other process's faults end in the first lookup of this function. */
SEC("tp/rss_stat") int rss_stat(struct rss_stat_event *ctx) {
    struct change c = {.shared = ctx->member == MEMBER_SHM};
    if (ctx->member != MEMBER_ANON && ctx->member != MEMBER_SHM)
        return 0;
    u64 group = cgroup_id();
    u32 *found = map_lookup(&map_apps, &group);
    u32 member_of = found ? *found : NO_MEMBER;
    u32 curr = ctx->curr, mm_id = ctx->mm_id, zero = 0;
    if (curr && member_of == NO_MEMBER)
        return 0;
    c.mm = map_lookup(&map_mms, &mm_id);
    if (!c.mm) {
        if (member_of == NO_MEMBER)
            return 0;
    }
    c.book = map_lookup(&map_book, &zero);
    if (!c.book)
        return 0;
    if (!c.mm) {
        c.mm = adopt(&c, mm_id, member_of, curr != 0, ctx->size);
        if (!c.mm)
            return 0;
    }
    s64 size = ctx->size;
    if (c.mm->slot == SPH_ABI_IGNORED) {
        if (!c.shared && size == 0)
            map_delete(&map_mms, &mm_id);
        return 0;
    }
    c.slot_number = c.mm->slot & (SPH_ABI_SLOTS - 1);
    c.slot = &c.book->slots[c.slot_number];
    c.own = member_of == c.slot_number && (curr || c.mm->tgid == 0);
    if (curr)
        c.mm->tgid = (u32)(pid_tgid() >> 32);
    __sync_fetch_and_add(&c.book->events, 1);
    s64 before = c.shared ? __sync_lock_test_and_set(&c.mm->shm, size)
                          : __sync_lock_test_and_set(&c.mm->anon, size);
    book_change(&c, size - before);
    judge(ctx, &c);
    if (size == 0)
        forget(&c, mm_id);
    return 0;
}

/* Run by sph_meter_check() only: what it found wrong is put right here, by the same differences. */
SEC("raw_tp/fix") int fix(struct sph_abi_fix *ctx) {
    u32 mm_id = (u32)ctx->mm_id, zero = 0;
    struct change c = {.shared = ctx->shared != 0};
    s64 expected = ctx->expected, value = ctx->value;
    c.mm = map_lookup(&map_mms, &mm_id);
    c.book = map_lookup(&map_book, &zero);
    if (!c.mm || !c.book || c.mm->slot == SPH_ABI_IGNORED)
        return SPH_ABI_FIX_GONE;
    s64 *word = c.shared ? &c.mm->shm : &c.mm->anon;
    if (__sync_val_compare_and_swap(word, expected, value) != expected)
        return SPH_ABI_FIX_CHANGED;
    c.slot_number = c.mm->slot & (SPH_ABI_SLOTS - 1);
    c.slot = &c.book->slots[c.slot_number];
    book_change(&c, value - expected);
    if (value == 0)
        forget(&c, mm_id);
    return SPH_ABI_FIX_DONE;
}
