/* pagemap_source: see Documentation/admin-guide/mm/pagemap.rst for both interfaces. */
#include "meter/pagemap_source.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

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

/* Words of /proc/PID/pagemap: bit 63 resident, bit 61 of a file or shared memory, the low 55 bits
 * the frame (0 for all but root). */
#define WORD_PRESENT (UINT64_C(1) << 63)
#define WORD_FILE (UINT64_C(1) << 61)
#define WORD_FRAME ((UINT64_C(1) << 55) - 1)

/* 1.5 KiB and 4 KiB of stack: a call to the kernel for each is rare enough for a small process. */
enum { REGIONS_AT_ONCE = 64, WORDS_AT_ONCE = 512 };

/* The kernel fills so many regions, and says how far it got; the next call goes on there. */
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

/* One page that is read and not written has the page of zeroes behind it, on every kernel there
 * is. */
uint64_t sph_pagemap_zero_frame(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint64_t word = 0;
    volatile char *fresh = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED)
        return 0;
    (void)*fresh;
    sph_autoclose int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    off_t at = (off_t)((uintptr_t)fresh / page * sizeof(word));
    if (fd < 0 || pread(fd, &word, sizeof(word), at) != (ssize_t)sizeof(word))
        word = 0;
    (void)munmap((void *)(uintptr_t)fresh, page);
    return word & WORD_FRAME;
}

/* A mapping of gigabytes costs a word a page, resident or not: this is the slow way. */
int sph_pagemap_words(int pagemap_fd, uint64_t zero_frame, uint64_t start, uint64_t end,
                      sph_pagemap_fn *fn, void *context) {
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t words[WORDS_AT_ONCE];
    while (start < end) {
        uint64_t wanted = (end - start) / page;
        if (wanted > WORDS_AT_ONCE)
            wanted = WORDS_AT_ONCE;
        ssize_t got = pread(pagemap_fd, words, (size_t)wanted * sizeof(words[0]),
                            (off_t)(start / page * sizeof(words[0])));
        if (got < 0)
            return -errno;
        if (got == 0)
            return -ESRCH;
        for (size_t i = 0; i < (size_t)got / sizeof(words[0]); i++, start += page) {
            bool is_file = (words[i] & WORD_FILE) != 0;
            bool is_zero = zero_frame != 0 && (words[i] & WORD_FRAME) == zero_frame;
            if ((words[i] & WORD_PRESENT) && !is_zero)
                fn(context, start, start + page, is_file);
        }
    }
    return 0;
}
