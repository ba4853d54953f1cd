/* The page map of a child whose memory is known page by page, by both of the kernel's ways. */
#include "meter/pagemap.h"

#include "base/testing.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "meter/pagemap_source.h"
#include "meter/smaps.h"

#define PAGE ((size_t)4096)
enum { AREA = 64 };

static char bss[40 * PAGE];
static char data[8 * PAGE] = {1};
static char *area;
static char *shared;
static char *zeroes;
static pid_t child;

static void run_child(int ready) {
    /* Pages 3-6, 10 and 20-39 of the area; 5 shared ones; reads alone make no page. */
    (void)memset(area + 3 * PAGE, 1, 4 * PAGE);
    area[10 * PAGE] = 1;
    (void)memset(area + 20 * PAGE, 1, 20 * PAGE);
    (void)memset(shared + PAGE, 1, 5 * PAGE);
    for (int i = 0; i < AREA; i++)
        (void)*(volatile char *)(zeroes + i * PAGE);
    (void)memset(bss + PAGE, 1, 17 * PAGE);
    (void)memset(data + PAGE, 1, 3 * PAGE);
    if (write(ready, "r", 1) != 1)
        _exit(1);
    for (;;)
        (void)pause();
}

static int start_child(void **state) {
    int ready[2];
    char byte = 0;
    (void)state;
    /* Between two unusable pages, or the kernel may put it behind a library's .bss and merge them.
     */
    area = mmap(NULL, (AREA + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    area += PAGE;
    assert_int_equal(mprotect(area, AREA * PAGE, PROT_READ | PROT_WRITE), 0);
    zeroes = mmap(NULL, AREA * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    shared = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0)
        run_child(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    return 0;
}

static int end_child(void **state) {
    (void)state;
    (void)kill(child, SIGKILL);
    return waitpid(child, NULL, 0) == child ? 0 : -1;
}

static const struct sph_pagemap_mapping *find(const struct sph_pagemap *map, const void *at) {
    for (size_t i = 0; i < map->n_mappings; i++)
        if (map->mappings[i].entry.start <= (uintptr_t)at &&
            map->mappings[i].entry.end > (uintptr_t)at)
            return &map->mappings[i];
    fail_msg("no mapping at %p", at);
    return NULL;
}

static unsigned pages_in(const struct sph_pagemap *map, const struct sph_pagemap_mapping *mapping,
                         const char *from, size_t count, enum sph_page_kind kind) {
    unsigned pages = 0;
    for (size_t i = 0; i < mapping->n_runs; i++) {
        const struct sph_page_run *run = &map->runs[mapping->first_run + i];
        for (unsigned p = 0; p < run->pages; p++) {
            uint64_t at = run->start + (uint64_t)p * PAGE;
            pages +=
                run->kind == kind && at >= (uintptr_t)from && at < (uintptr_t)from + count * PAGE;
        }
    }
    return pages;
}

static void expect_map(const struct sph_pagemap *map) {
    const struct sph_pagemap_mapping *mapping = find(map, area);
    assert_int_equal(pages_in(map, mapping, area, AREA, SPH_PAGE_ANON), 25);
    assert_int_equal(pages_in(map, mapping, area + 3 * PAGE, 4, SPH_PAGE_ANON), 4);
    assert_int_equal(pages_in(map, mapping, area + 10 * PAGE, 1, SPH_PAGE_ANON), 1);
    assert_int_equal(pages_in(map, mapping, area + 20 * PAGE, 20, SPH_PAGE_ANON), 20);
    assert_string_equal(sph_maps_class_name(mapping->class), "anon");
    mapping = find(map, shared);
    assert_int_equal(mapping->class, SPH_MAPS_SHARED);
    assert_int_equal(mapping->shared_pages, 5);
    assert_int_equal(mapping->anon_pages, 0);
    assert_int_equal(pages_in(map, mapping, shared + PAGE, 5, SPH_PAGE_SHARED), 5);
    mapping = find(map, zeroes);
    assert_int_equal(pages_in(map, mapping, zeroes, AREA, SPH_PAGE_ANON), 0);
    mapping = find(map, bss + 20 * PAGE);
    assert_int_equal(mapping->class, SPH_MAPS_BSS);
    assert_true(pages_in(map, mapping, bss + PAGE, 17, SPH_PAGE_ANON) >= 17);
    mapping = find(map, data + 3 * PAGE);
    assert_int_equal(mapping->class, SPH_MAPS_DATA);
    assert_true(pages_in(map, mapping, data + PAGE, 3, SPH_PAGE_ANON) >= 3);
    uint64_t local = 0;
    assert_int_equal(find(map, &local)->class, SPH_MAPS_STACK);
    assert_true(find(map, &local)->anon_pages > 0);
    assert_false(map->cut);
}

static void expect_sums(const struct sph_pagemap *map) {
    struct sph_smaps sums;
    assert_int_equal(sph_smaps_read(child, &sums, NULL), 0);
    assert_int_equal(map->anon_bytes, sums.anonymous);
    assert_int_equal(map->shared_bytes, sums.shmem);
    uint64_t pages = 0;
    for (size_t i = 0; i < map->n_runs; i++)
        if (map->runs[i].kind != SPH_PAGE_FILE)
            pages += map->runs[i].pages;
    assert_int_equal(pages * PAGE, sums.anonymous + sums.shmem);
}

static void by_scan(void **state) {
    struct sph_pagemap map = SPH_PAGEMAP_NULL;
    (void)state;
    int result = sph_pagemap_read_by(child, SPH_PAGEMAP_BY_SCAN, &map, NULL);
    if (result == -ENOTTY)
        skip(); /* before 6.7 */
    assert_int_equal(result, 0);
    expect_map(&map);
    expect_sums(&map);
    sph_pagemap_done(&map);
}

/* Needs root: frames are hidden from others, and with them which page is the one of zeroes. */
static void by_words(void **state) {
    struct sph_pagemap map = SPH_PAGEMAP_NULL;
    (void)state;
#if defined(__SANITIZE_ADDRESS__) /* its terabytes of address space take a word per page */
    skip();
#endif
    if (geteuid() != 0)
        skip();
    assert_int_equal(sph_pagemap_read_by(child, SPH_PAGEMAP_BY_WORDS, &map, NULL), 0);
    expect_map(&map);
    expect_sums(&map);
    sph_pagemap_done(&map);
}

static void relro_is_told(void **state) {
    struct sph_pagemap map = SPH_PAGEMAP_NULL;
    unsigned relro = 0;
    (void)state;
    assert_int_equal(sph_pagemap_read(child, &map, NULL), 0);
    for (size_t i = 0; i < map.n_mappings; i++) {
        assert_true(map.mappings[i].class != SPH_MAPS_RODATA || map.mappings[i].anon_pages == 0);
        relro += map.mappings[i].class == SPH_MAPS_RELRO;
    }
    assert_true(relro > 0);
    sph_pagemap_done(&map);
}

static void gone(void **state) {
    struct sph_pagemap map = SPH_PAGEMAP_NULL;
    struct sph_err err = SPH_ERR_NULL;
    char sentence[64];
    (void)state;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    (void)snprintf(sentence, sizeof(sentence), "process %d is gone", (int)pid);
    assert_int_equal(sph_pagemap_read(pid, &map, &err), -ESRCH);
    assert_err(&err, -ESRCH, sentence);
    assert_null(map.mappings);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_scan),
        cmocka_unit_test(by_words),
        cmocka_unit_test(relro_is_told),
        cmocka_unit_test(gone),
    };
    return cmocka_run_group_tests_name("pagemap", tests, start_child, end_child);
}
