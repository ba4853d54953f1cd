/* pagemap_source: see Documentation/admin-guide/mm/pagemap.rst for both interfaces. */
#include "meter/pagemap_source.h"

#include <errno.h>
#include <linux/ioctl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/attr.h"

/* PAGEMAP_SCAN (6.7) as laid out in the kernel's fs.h; the C library's headers may be older. */
struct scan_region {
    uint64_t start;
    uint64_t end;
    uint64_t categories;
};
struct scan_request {
    uint64_t size;
    uint64_t flags;
    uint64_t start;
    uint64_t end;
    uint64_t walk_end;
    uint64_t vec;
    uint64_t vec_len;
    uint64_t max_pages;
    uint64_t category_inverted;
    uint64_t category_mask;
    uint64_t category_anyof_mask;
    uint64_t return_mask;
};
_Static_assert(sizeof(struct scan_request) == 96, "layout of PAGEMAP_SCAN");
#define SCAN_IOCTL _IOWR('f', 16, struct scan_request)
enum { SCAN_FILE = 1 << 2, SCAN_PRESENT = 1 << 3, SCAN_ZERO = 1 << 5 };

/* Words of /proc/PID/pagemap and bits of /proc/kpageflags. */
#define WORD_PRESENT (UINT64_C(1) << 63)
#define WORD_FILE (UINT64_C(1) << 61)
#define WORD_FRAME ((UINT64_C(1) << 55) - 1)
#define FRAME_IS_ZERO (UINT64_C(1) << 24)

enum { REGIONS_AT_ONCE = 64, WORDS_AT_ONCE = 512 };

int sph_pagemap_scan(int pagemap_fd, sph_pagemap_fn *fn, void *context) {
    struct scan_region regions[REGIONS_AT_ONCE];
    struct scan_request request = {
        .size = sizeof(request),
        /* The top of the address space; the kernel takes any end that is a page's. */
        .end = sizeof(void *) == 8 ? UINT64_C(0x7ffffffff000) : UINT64_C(0xfffff000),
        .vec = (uint64_t)(uintptr_t)regions,
        .vec_len = REGIONS_AT_ONCE,
        .category_inverted = SCAN_ZERO,
        .category_mask = SCAN_PRESENT | SCAN_ZERO,
        .return_mask = SCAN_FILE,
    };
    do {
        int found = ioctl(pagemap_fd, SCAN_IOCTL, &request);
        if (found < 0)
            return errno == EINVAL || errno == EOPNOTSUPP ? -ENOTTY : -errno;
        for (int i = 0; i < found; i++)
            fn(context, regions[i].start, regions[i].end, (regions[i].categories & SCAN_FILE) != 0);
        if (request.walk_end <= request.start)
            return 0;
        request.start = request.walk_end;
    } while (request.start < request.end);
    return 0;
}

static bool is_zero_page(int kpageflags_fd, uint64_t word) {
    uint64_t flags = 0;
    uint64_t frame = word & WORD_FRAME;
    if (kpageflags_fd < 0 || frame == 0)
        return false;
    return pread(kpageflags_fd, &flags, sizeof(flags), (off_t)(frame * sizeof(flags))) ==
               (ssize_t)sizeof(flags) &&
           (flags & FRAME_IS_ZERO) != 0;
}

int sph_pagemap_words(int pagemap_fd, int kpageflags_fd, uint64_t start, uint64_t end,
                      sph_pagemap_fn *fn, void *context) {
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t words[WORDS_AT_ONCE];
    while (start < end) {
        uint64_t wanted = (end - start) / page;
        if (wanted > WORDS_AT_ONCE)
            wanted = WORDS_AT_ONCE;
        ssize_t got = pread(pagemap_fd, words, wanted * sizeof(words[0]),
                            (off_t)(start / page * sizeof(words[0])));
        if (got < 0)
            return -errno;
        if (got == 0)
            return -ESRCH;
        for (size_t i = 0; i < (size_t)got / sizeof(words[0]); i++, start += page) {
            bool is_file = (words[i] & WORD_FILE) != 0;
            if ((words[i] & WORD_PRESENT) && (is_file || !is_zero_page(kpageflags_fd, words[i])))
                fn(context, start, start + page, is_file);
        }
    }
    return 0;
}
