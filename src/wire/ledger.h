/* ledger: the memory layout of the heap ledger, which an application writes and the agent reads.
 *
 * A region is a shared mapping of a file that is neither on tmpfs nor in the app's heap, so that it
 * costs the app's ration nothing (docs/spec/ledger.md). The agent makes it, one per address space,
 * and puts it into the process before its first instruction; libmalloc alone writes it. Its reader
 * survives the writer, SIGKILL included, and believes nothing that stands in it.
 *
 * Plain C99, fixed widths, host order: writer and reader are on one machine, but not of one word
 * size for ever. Offsets are from the region's start. */
#ifndef SPH_WIRE_LEDGER_H
#define SPH_WIRE_LEDGER_H

#include <stdint.h>

#define SPH_LEDGER_MAGIC                                                                           \
    0x314744454c485053ull /* "SPLHEDG1" in memory on a little-endian machine                       \
                           */
#define SPH_LEDGER_VERSION 4u

/* Where things lie relative to the load address of the program interpreter (AT_BASE): above it,
 * between the interpreter and the stack, where the kernel's top-down search for room never looks,
 * so that no other mapping moves by them. 16 MiB is more than any interpreter; with the region they
 * stay within the 128 MiB that the kernel leaves for the stack. */
#define SPH_LEDGER_CODE_DISTANCE 0x1000000u   /* libmalloc's code, musl only */
#define SPH_LEDGER_CODE_MAX_BYTES 0x10000u    /* of that code */
#define SPH_LEDGER_REGION_DISTANCE 0x1010000u /* the region; the code is right before it */

enum {
    SPH_LEDGER_PAGE_BYTES = 4096,
    SPH_LEDGER_FIXED_BYTES = 2 * SPH_LEDGER_PAGE_BYTES, /* at the start, which the app only reads */
    SPH_LEDGER_OWNERS = 64,  /* callers: the app, and libraries; the last is "others" */
    SPH_LEDGER_THREADS = 64, /* of one process at the same time; more share the last record */
    SPH_LEDGER_SITES = 4096, /* call sites; a power of two; 0 is none, the last "others" */
    SPH_LEDGER_STACKS = 4096,
    SPH_LEDGER_STACK_DEPTH = 15,
    SPH_LEDGER_LEAF_SHIFT = 20,   /* a leaf holds the blocks that begin in 1 MiB of addresses */
    SPH_LEDGER_GRANULE_SHIFT = 4, /* one entry for every 16 bytes: what malloc aligns to */
    SPH_LEDGER_LEAF_ENTRIES = 1 << (SPH_LEDGER_LEAF_SHIFT - SPH_LEDGER_GRANULE_SHIFT),
    SPH_LEDGER_LARGE_BYTES = 1024, /* from here on a block's entry lies among the large ones */
    SPH_LEDGER_LARGE_SHIFT = 8,    /* of which there is one for every 256 bytes */
    SPH_LEDGER_LARGE_ENTRIES = 1 << (SPH_LEDGER_LEAF_SHIFT - SPH_LEDGER_LARGE_SHIFT),
    SPH_LEDGER_LARGE_PLACES = 1 << (SPH_LEDGER_LARGE_SHIFT - SPH_LEDGER_GRANULE_SHIFT),
    SPH_LEDGER_LEAVES = 128,     /* 68 MiB of file, touched only where blocks are; a power of two */
    SPH_LEDGER_DIRECTORY = 4096, /* slots from address to leaf, by its bits from LEAF_SHIFT on */
    SPH_LEDGER_NAME = 64,
    SPH_LEDGER_BUILD_ID = 20,
    SPH_LEDGER_REALS = 256,
    SPH_LEDGER_INDEX = 8192, /* slots of the hash from return address to site; a power of two */
    SPH_LEDGER_RECENT = 64,  /* sites that a thread keeps at hand; a power of two */
    SPH_LEDGER_BEHALF = 4,   /* calls into the C library within each other */
};

/* Owner 0 is none. The app comes first, the C library second, the others as they are met. */
enum { SPH_LEDGER_OWNER_APP = 1, SPH_LEDGER_OWNER_LIBC = 2, SPH_LEDGER_OWNER_OTHERS = 63 };

enum sph_ledger_state {
    SPH_LEDGER_OFF = 0, /* libmalloc passes every call on and writes nothing */
    SPH_LEDGER_ON = 1,
};
enum { SPH_LEDGER_FLAG_STACKS = 1 }; /* keep a stack for each block, not only its call site */

/* The first page, which, with the second, the app can only read: a stray write must not send a call
 * astray. */
struct sph_ledger_config {
    uint64_t magic;
    uint32_t version, state, flags, page_bytes;
    uint64_t region_bytes;
    uint64_t base;             /* load address of the interpreter */
    uint64_t libc_lo, libc_hi; /* addresses of the C library; 0 where libmalloc finds it itself */
    uint64_t debug_slot;       /* address of a pointer to the loader's struct r_debug; 0 = none */
    uint64_t app_headers;      /* of the executable: address of its program headers (AT_PHDR) */
    uint64_t n_app_headers;    /* AT_PHNUM */
    uint64_t reals[SPH_LEDGER_REALS]; /* of the functions that libmalloc stands before (musl) */
};

/* One word per granule: who holds the block that begins there. 0: none. Written by one store, so a
 * reader sees an old or a new entry and never a half. Large blocks have their own, wider granules,
 * of which two that live cannot share one: so a heap of large blocks takes few pages of a leaf. */
enum {
    /* The site was known to give blocks back when this one was made: its free has less to note. */
    SPH_LEDGER_ENTRY_FREES = 1,
    SPH_LEDGER_PLACE_SHIFT = 1, /* bits 1 to 4; of a large block: its 16 bytes among the 256 */
    SPH_LEDGER_PLACE_MASK = (SPH_LEDGER_LARGE_PLACES - 1) << SPH_LEDGER_PLACE_SHIFT,
    SPH_LEDGER_OWNER_SHIFT = 5, /* bits 5 to 10; never 0, so a block of 0 bytes shows */
    SPH_LEDGER_SITE_SHIFT = 11, /* bits 11 to 23 */
    SPH_LEDGER_SITE_BITS = 13,
    SPH_LEDGER_SIZE_SHIFT = 24, /* requested bytes, bits 24 to 63; a larger block is told as this */
    SPH_LEDGER_SIZE_BITS = 40,
};

/* A caller: one object (executable or shared library) that asks for memory. */
struct sph_ledger_owner {
    uint64_t lo, hi;   /* its addresses */
    uint32_t state;    /* 0 free, 1 being written, 2 in use, 3 unloaded */
    uint32_t name_len; /* of the path as the loader names it; its tail when longer */
    uint64_t peak_bytes;
    uint64_t flushed_bytes; /* two's complement; of threads that handed their share over */
    uint8_t build_id_len;
    uint8_t build_id[SPH_LEDGER_BUILD_ID];
    uint8_t passes; /* asks on behalf of its callers where it notes them (the C library; new) */
    uint8_t unused[2];
    char name[SPH_LEDGER_NAME]; /* not terminated when full */
};

/* Of one thread and one owner. Written by that thread alone. */
struct sph_ledger_count {
    uint64_t allocations, frees; /* frees by this thread, of blocks that any thread made */
    uint64_t live_bytes;         /* two's complement: may be negative in one thread */
    uint64_t handed_over;        /* the part of live_bytes that is in the owner's flushed_bytes; in
                                    a record that is alone the owner's peak, so far */
};

/* Of a thread. */
enum {
    SPH_LEDGER_MODE_MANY = 1,   /* other records are in use: shares of peaks are handed over */
    SPH_LEDGER_MODE_STACKS = 2, /* SPH_LEDGER_FLAG_STACKS, where it is near */
    SPH_LEDGER_MODE_HUGE = 4,   /* an owner held more than an entry can say */
};

/* A site that the thread was at lately: what an allocation is charged to, without a look at the
 * table that all threads share. */
struct sph_ledger_recent {
    uint64_t address; /* return address; 0 = none. With SPH_LEDGER_RECENT_PASSES: see `passes` of
                         struct sph_ledger_owner */
    uint32_t tag;     /* an entry's bits below the size */
    uint32_t pending; /* allocations that are not in the site's count yet: its reader adds them */
};
#define SPH_LEDGER_RECENT_PASSES 0x8000000000000000ull

/* Found by the thread pointer, so that nothing of ours lies in the app's memory. A thread that ends
 * leaves its record to the next one with that pointer, counts included: sums stay right. One page,
 * so that a thread costs one. */
struct sph_ledger_thread {
    uint64_t pointer; /* 0: free */
    uint64_t alone;   /* the same while mode is 0, else 0 */
    uint64_t busy_sp; /* inside the allocator, which may call itself, since this depth; or 0 */
    uint32_t mode;    /* SPH_LEDGER_MODE_; 0 in most processes */
    uint32_t behalf_depth;
    struct {
        uint64_t sp, caller; /* who called into the C library, and where its stack was */
    } behalf[SPH_LEDGER_BEHALF];
    uint64_t behalf_frame[SPH_LEDGER_BEHALF]; /* what the caller had in its frame pointer; or 0 */
    uint64_t room[112];
    struct sph_ledger_recent recent[SPH_LEDGER_RECENT]; /* by address / 16 */
    struct sph_ledger_count counts[SPH_LEDGER_OWNERS];
};

/* A place in the program that asks for memory. They are dense; site_index finds them. */
struct sph_ledger_site {
    uint64_t address; /* return address; 0 free. Never changes while the site is in use */
    uint8_t owner;
    uint8_t freed; /* 1 when any of its blocks was ever given back: what never was may be a leak */
    uint8_t retired;      /* its object was unloaded: the address may mean something else now */
    uint8_t passes;       /* as in struct sph_ledger_owner */
    uint32_t allocations; /* of all threads, but for what is pending in struct sph_ledger_recent */
    uint16_t alias; /* the site that is charged instead (the call there led to a function that went
                       on to malloc by a jump, so that the address is its caller's); 0 none */
    uint16_t unused[3];
};

/* Innermost first, zero-terminated when shorter. With SPH_LEDGER_FLAG_STACKS an entry's site field
 * is the index of its stack, and the stack names the site. */
struct sph_ledger_stack {
    uint32_t hash, site; /* 0: free */
    uint64_t frames[SPH_LEDGER_STACK_DEPTH];
};

/* What could not be kept is counted, and told with every figure that lacks it. */
struct sph_ledger_losses {
    uint64_t blocks;        /* no leaf left for their address: not in the ledger */
    uint64_t sites;         /* no site left: charged to "others" */
    uint64_t owners;        /* no owner left: the same */
    uint64_t threads;       /* took a shared record: allocations, frees and peak are not exact */
    uint64_t unknown_frees; /* of blocks that are not in the ledger: made before it, or lost */
    uint64_t replaced;      /* a block where one was: its free was not seen */
    uint64_t damaged;       /* something in the region could not be right; it was not followed */
    uint64_t threads_seen;  /* records ever in use: peaks are exact while this is 1 */
};

/* Made under the lock, `bias` at the end, by one store: all that it takes from a block's address to
 * its entry, so who finds it finds the leaf. A bias of another MiB leads beyond all leaves, as
 * SPH_LEDGER_BIAS_NONE does; so does 0, but for the lowest addresses, whose slots are therefore
 * given that before anything else. Leaf 0 is nobody's. */
struct sph_ledger_slot {
    uint64_t bias; /* number of the leaf's first entry, less address / 16 of its MiB */
    uint64_t mib;  /* that address / 1 MiB, and 1; 0 free */
};
#define SPH_LEDGER_BIAS_NONE 0x4000000040000000ull /* in 32 bits as well as in 64 */

/* The whole. Each part begins on a page of its own; the leaves come last. */
struct sph_ledger {
    union {
        struct sph_ledger_config config;
        uint8_t config_page[SPH_LEDGER_PAGE_BYTES];
    };
    /* Of the library for glibc: the page that its loader wrote, which would count as the app's. It
     * moves here, and is mapped at its place. */
    uint8_t library_page[SPH_LEDGER_PAGE_BYTES];
    union {
        struct {
            struct sph_ledger_losses losses;
            uint32_t n_leaves, n_owners, n_stacks, n_sites; /* in use */
            uint32_t lock;         /* 1: sites, owners, stacks or leaves grow */
            uint32_t is_alone;     /* 1: of threads[0], which the first one gets, all know */
            uint64_t threads_used; /* bit n: record n is in use, so the others need no look */
        };
        uint8_t state_page[SPH_LEDGER_PAGE_BYTES];
    };
    struct sph_ledger_slot directory[SPH_LEDGER_DIRECTORY];
    struct sph_ledger_owner owners[SPH_LEDGER_OWNERS] __attribute__((aligned(4096)));
    struct sph_ledger_site sites[SPH_LEDGER_SITES] __attribute__((aligned(4096)));
    uint16_t site_index[SPH_LEDGER_INDEX] __attribute__((aligned(4096)));
    struct sph_ledger_thread threads[SPH_LEDGER_THREADS] __attribute__((aligned(4096)));
    struct sph_ledger_stack stacks[SPH_LEDGER_STACKS] __attribute__((aligned(4096)));
    uint64_t large[SPH_LEDGER_LEAVES][SPH_LEDGER_LARGE_ENTRIES] __attribute__((aligned(4096)));
    uint64_t leaves[SPH_LEDGER_LEAVES][SPH_LEDGER_LEAF_ENTRIES] __attribute__((aligned(4096)));
};

#endif
