/* meter_abi: the memory that the kernel program and the loader share. */
#ifndef SPH_METER_METER_ABI_H
#define SPH_METER_METER_ABI_H

/* Compiled for the BPF machine too, where no libc header is to be had: compiler types only. The
 * layout is the same for 32-bit and 64-bit hosts: 64-bit fields first, everything naturally
 * aligned. Both sides are always built together, so there is no version in it. */

typedef __UINT64_TYPE__ sph_abi_u64;
typedef __INT64_TYPE__ sph_abi_s64;
typedef __UINT32_TYPE__ sph_abi_u32;

enum {
    SPH_ABI_SLOTS = 32,    /* apps; a power of two, the program masks with it */
    SPH_ABI_MMS = 1024,    /* entries of the address-space map */
    SPH_ABI_STACK = 32,    /* addresses kept of a user stack */
    SPH_ABI_RING = 32768,  /* bytes: 97 events, more than one per page of a 256 KiB ration */
    SPH_ABI_MARKS = 16,    /* levels of the group that are watched at one time */
    SPH_ABI_IGNORED = 255, /* slot number of an address space that is not counted */
};

/* Order of the maps: what a relocation's number means. */
enum sph_abi_map {
    SPH_ABI_MAP_BOOK,
    SPH_ABI_MAP_APPS,
    SPH_ABI_MAP_MMS,
    SPH_ABI_MAP_RING,
    SPH_ABI_MAPS
};

/* What an app has against it; kept in sph_abi_slot.over. */
enum { SPH_ABI_OVER_NO = 0, SPH_ABI_OVER_FOREIGN = 1, SPH_ABI_OVER_KILLED = 2 };

enum { SPH_ABI_UNLIMITED = 1 }; /* sph_abi_slot.flags: outside the limit */

/* One app. Sums are in bytes and kept by atomic differences. */
struct sph_abi_slot {
    sph_abi_u64 cgroup_id; /* 0 = free */
    sph_abi_s64 current;   /* anonymous plus shared */
    sph_abi_s64 shm;
    sph_abi_s64 peak;
    sph_abi_u64 peak_time_ns;
    sph_abi_u32 armed; /* written by the process that becomes the app */
    sph_abi_u32 flags;
    sph_abi_u32 over;
    sph_abi_u32 kills;
    sph_abi_u32 mms;
    sph_abi_u32 reserved;
};
_Static_assert(sizeof(struct sph_abi_slot) == 64, "one cache line per app");

/* A level that somebody wants to be told of. */
struct sph_abi_mark {
    sph_abi_s64 level;     /* bytes; SPH_ABI_NO_MARK = free */
    sph_abi_u64 crossings; /* times that counted rose from the level or below to above it */
};
#define SPH_ABI_NO_MARK __INT64_MAX__
_Static_assert(sizeof(struct sph_abi_mark) == 16, "mark layout");

/* The one element of the mapped array. The group's User is counted + extra. */
struct sph_abi_book {
    sph_abi_s64 limit;   /* bytes; 0 = none */
    sph_abi_s64 counted; /* apps that stand against the limit */
    sph_abi_s64 extra;   /* apps that do not */
    sph_abi_s64 shm;     /* part of both */
    sph_abi_s64 peak;
    sph_abi_u64 peak_time_ns;
    sph_abi_u64 events;
    sph_abi_u64 overflow; /* changes that found no room in the address-space map */
    sph_abi_u64 dropped;  /* events that found the ring full */
    sph_abi_u32 kills;
    sph_abi_u32 mms;
    sph_abi_u32 page_bytes;
    sph_abi_u32 told;        /* 1: a MARK event is on its way that the reader has not taken yet */
    sph_abi_s64 lowest_mark; /* the lowest level of the marks; SPH_ABI_NO_MARK = none */
    sph_abi_u32 reserved[8];
    struct sph_abi_slot slots[SPH_ABI_SLOTS];
    struct sph_abi_mark marks[SPH_ABI_MARKS];
};
_Static_assert(sizeof(struct sph_abi_book) == 128 + 64 * SPH_ABI_SLOTS + 16 * SPH_ABI_MARKS,
               "book layout");

/* One address space, by the kernel's mm_id. */
struct sph_abi_mm {
    sph_abi_s64 anon; /* bytes, the last value that the event gave */
    sph_abi_s64 shm;
    sph_abi_u32 slot; /* SPH_ABI_IGNORED: set-up code */
    sph_abi_u32 tgid; /* process that last changed it by itself; 0 = not yet seen (just forked) */
};
_Static_assert(sizeof(struct sph_abi_mm) == 24, "address-space entry layout");

/* sph_abi_event.type; the same numbers as enum sph_meter_event_type. */
enum {
    SPH_ABI_EVENT_PEAK = 1,
    SPH_ABI_EVENT_KILL = 2,
    SPH_ABI_EVENT_FOREIGN = 3,
    SPH_ABI_EVENT_MARK = 4,
};

/* One record of the ring; bytes where nothing else is said. */
struct sph_abi_event {
    sph_abi_u64 time_ns; /* CLOCK_MONOTONIC */
    sph_abi_u64 group_bytes;
    sph_abi_u64 counted_bytes;
    sph_abi_u64 app_bytes;
    sph_abi_u64 growth_bytes;
    sph_abi_u64 limit_bytes;
    sph_abi_u64 cgroup_id; /* of the app; tells a re-used slot apart */
    sph_abi_u32 type;
    sph_abi_u32 slot;
    sph_abi_u32 tgid;
    sph_abi_u32 tid;
    sph_abi_u32 shared;
    sph_abi_u32 stack_bytes;
    sph_abi_u64 stack[SPH_ABI_STACK];
};
_Static_assert(sizeof(struct sph_abi_event) == 80 + 8 * SPH_ABI_STACK, "event layout");

/* Argument of the correcting program: entry mm_id's value becomes `value` if it still is
 * `expected`. */
struct sph_abi_fix {
    sph_abi_u64 mm_id;
    sph_abi_u64 shared; /* 0 anonymous, 1 shared memory */
    sph_abi_s64 expected;
    sph_abi_s64 value;
};
/* What it answers. */
enum { SPH_ABI_FIX_GONE = 0, SPH_ABI_FIX_DONE = 1, SPH_ABI_FIX_CHANGED = 2 };

/* Calls that the program makes, by the kernel's numbers (bpf_loader.c checks them). */
enum {
    SPH_ABI_CALL_MAP_LOOKUP = 1,
    SPH_ABI_CALL_MAP_UPDATE = 2,
    SPH_ABI_CALL_MAP_DELETE = 3,
    SPH_ABI_CALL_KTIME = 5,
    SPH_ABI_CALL_PID_TGID = 14,
    SPH_ABI_CALL_GET_STACK = 67,
    SPH_ABI_CALL_CGROUP_ID = 80,
    SPH_ABI_CALL_SEND_SIGNAL = 109,
    SPH_ABI_CALL_RING_RESERVE = 131,
    SPH_ABI_CALL_RING_SUBMIT = 132,
    SPH_ABI_CALL_RING_QUERY = 134,
};

#endif
