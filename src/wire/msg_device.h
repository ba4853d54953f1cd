/* msg_device: messages about the device as a whole: greeting, status, memory, pages, log.
 *
 * Memory is in bytes everywhere, pages are counted in units of page_bytes. "User" is what the
 * ration limits: resident anonymous and shared memory of all apps together; "total" adds what the
 * kernel holds for them. */
#ifndef SPH_WIRE_MSG_DEVICE_H
#define SPH_WIRE_MSG_DEVICE_H

#include "base/guid.h"
#include "wire/codec.h"

/* Any message without fields. */
struct sph_msg_empty {
    char unused;
};

/* Payload of an error frame. */
struct sph_msg_error {
    uint32_t device_error; /* wire/device_error.h; never 0 */
    struct sph_slice text; /* one sentence for a person, without a line end */
};

/* The first request on a connection. The agent picks the highest version that both speak, or
 * refuses. */
struct sph_msg_hello {
    uint32_t version_min, version_max; /* frame versions that the sender speaks */
    struct sph_slice program;          /* "spheruled 0.1.0" */
    uint64_t time_ms;                  /* the sender's clock, Unix time; 0: it does not tell */
};

/* What does not change while the device is up; the limits are those of its profile. */
struct sph_msg_hello_reply {
    uint32_t version;         /* the one to use */
    struct sph_slice program; /* "spherule-agent 0.1.0" */
    struct sph_slice device;  /* name */
    struct sph_guid boot_id;  /* new at each start of the device: a change means it restarted */
    uint64_t uptime_ms;       /* of the device: since its agent started */
    struct sph_slice backend; /* "native", "virtual" */
    struct sph_slice profile; /* "mt3620" */
    struct sph_slice core;    /* "cortex-a7", "x86-64" */
    struct sph_slice kernel;  /* uname release */
    uint64_t ram_bytes;       /* the ration of the group of applications */
    uint64_t flash_bytes;     /* for package files */
    uint64_t storage_bytes;   /* for the apps' mutable files */
    uint32_t page_bytes;      /* of the processor: the grain of every figure of memory */
};

/* What the device says of its system software. The versions are those that packages ask for;
 * nothing of the original's system software is behind them. */
struct sph_msg_status_reply {
    uint64_t uptime_ms;
    struct sph_slice os_version;                        /* "22.11" */
    uint32_t abi_secure_world, abi_os, abi_application; /* 1, 1, 17 and the like */
};

/* The figures of the group of applications, all of one instant. */
struct sph_msg_memory_reply {
    uint64_t total_bytes;        /* user + kernel */
    uint64_t user_bytes;         /* what the ration limits */
    uint64_t peak_user_bytes;    /* the highest so far, without a page that crossed the limit */
    uint64_t kernel_bytes;       /* page tables, kernel stacks and what else it holds for apps */
    uint64_t limit_bytes;        /* the ration */
    bool user_exact;             /* user and peak */
    bool kernel_exact;           /* kernel, and total with it */
    struct sph_slice user_how;   /* how obtained: "kmem:rss_stat" */
    struct sph_slice kernel_how; /* "cgroup v1 memory.kmem.usage_in_bytes" */
    uint64_t checks;             /* reads compared with smaps_rollup since the group began */
    uint64_t mismatches;         /* of these disagreed and were corrected */
    uint64_t events;             /* counter changes seen by the meter */
    struct sph_list apps;        /* struct sph_msg_app_memory */
};

/* One app's share. While the apps hold still and none is debugged, User, kernel memory and Total of
 * all add up to the group's. Their peaks need not have been at the same time: those do not. */
struct sph_msg_app_memory {
    struct sph_guid component;
    struct sph_slice name;
    uint64_t user_bytes, peak_user_bytes;
    struct sph_slice pids; /* list of u32, as the device sees them; a fork makes several */
    uint32_t heap_state;   /* enum sph_heap_state: why there are heaps, or why not */
    struct sph_list heaps; /* struct sph_msg_heap, without sites: of tracked processes */
    uint64_t total_bytes, kernel_bytes; /* of the app's own control group; as kernel_how says */
    bool kernel_exact;
    uint32_t heaps_dropped; /* processes further than those, for which the answer has no place */
};

/* The page map of an app. It is taken anew for each request: between two of them it may change. */
struct sph_msg_pages {
    struct sph_guid component;
    uint32_t first; /* index of the first mapping wanted: a long map takes several requests */
};

/* Part of the map. The processes are not stopped for it: pages may come and go meanwhile. */
struct sph_msg_pages_reply {
    struct sph_guid component;
    uint32_t page_bytes;
    uint32_t total_mappings;  /* of the whole map, this part's included */
    bool exact;               /* the counts are of pages, not estimates */
    struct sph_slice how;     /* "PAGEMAP_SCAN", "smaps" */
    struct sph_list mappings; /* struct sph_msg_mapping, from `first` on as many as fit */
};

/* Bits of sph_msg_mapping.perms: ours, not those of PROT_ or of the page tables. */
enum {
    SPH_PERM_READ = 1,
    SPH_PERM_WRITE = 2,
    SPH_PERM_EXEC = 4,
    SPH_PERM_SHARED = 8, /* MAP_SHARED; without it private */
};

/* What a mapping is for, decided by the agent, which alone knows the app's view of the files. */
enum sph_mapping_class {
    SPH_MAPPING_OTHER = 0,
    SPH_MAPPING_PACKAGE = 1, /* files of the app's package */
    SPH_MAPPING_LIBRARY = 2, /* files of the device: loader, libc, libapplibs */
    SPH_MAPPING_HEAP = 3,    /* brk */
    SPH_MAPPING_STACK = 4,
    SPH_MAPPING_ANONYMOUS = 5, /* mmap without a file */
    SPH_MAPPING_SHARED = 6,    /* shared memory */
    SPH_MAPPING_KERNEL = 7,    /* vdso, vvar */
};

/* One line of a process's address space with the pages that are resident. Zero pages and pages that
 * were never touched are in none of the counts. */
struct sph_msg_mapping {
    uint32_t pid;             /* whose address space it is */
    uint64_t start, end;      /* addresses, page aligned; end is behind the last byte */
    uint32_t perms;           /* SPH_PERM_ bits */
    uint32_t class;           /* enum sph_mapping_class */
    struct sph_slice path;    /* as the app sees it; empty without one */
    uint64_t anonymous_pages; /* resident and the process's own, copies of file pages too: User */
    uint64_t shared_pages;    /* resident and of shared memory: User, counted in each process */
    uint64_t file_pages;      /* resident and still as in the file: not User */
};

/* The device's log is a ring of bytes; a cursor counts bytes since the device's start and stays
 * valid across reads, so that several readers do not disturb one another. */
struct sph_msg_log {
    uint64_t cursor;    /* 0 = the oldest that is kept */
    uint32_t wait_ms;   /* how long to wait for something new at most, 0 = answer at once */
    uint32_t max_bytes; /* 0 = SPH_FRAME_CHUNK */
    uint64_t
        reader; /* a number that this reader chose for itself: apps wait with their output rather
                   than that it loses some, as long as it goes on asking; 0 = it may lose some */
};

/* Empty data: there was nothing new in time. */
struct sph_msg_log_reply {
    uint64_t cursor;       /* for the next read */
    uint64_t lost_bytes;   /* overwritten between the cursor asked for and the first byte given */
    struct sph_slice data; /* the apps' output as it came; may begin or end within a line */
};

extern const struct sph_codec sph_msg_empty_codec;
extern const struct sph_codec sph_msg_error_codec;
extern const struct sph_codec sph_msg_hello_codec;
extern const struct sph_codec sph_msg_hello_reply_codec;
extern const struct sph_codec sph_msg_status_reply_codec;
extern const struct sph_codec sph_msg_memory_reply_codec;
extern const struct sph_codec sph_msg_app_memory_codec;
extern const struct sph_codec sph_msg_pages_codec;
extern const struct sph_codec sph_msg_pages_reply_codec;
extern const struct sph_codec sph_msg_mapping_codec;
extern const struct sph_codec sph_msg_log_codec;
extern const struct sph_codec sph_msg_log_reply_codec;

#endif
