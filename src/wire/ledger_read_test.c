/* Regions are made by hand, with words that a writer leaves and words that only damage leaves. */
#include "wire/ledger_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/testing.h"
#include "wire/ledger_testing.h"

enum { PAGES = sizeof(struct sph_ledger) / SPH_LEDGER_PAGE_BYTES };

/* 70 MiB of which the kernel gives what is touched. */
struct region {
    struct sph_ledger *ledger;
    unsigned char *written;
    struct sph_ledger_summary *sum;
    struct sph_ledger_view view;
};

#define entry sph_ledger_testing_entry
#define slot sph_ledger_testing_slot

static void put_block(struct region *region, unsigned leaf, unsigned granule, uint64_t word) {
    sph_ledger_testing_put(region->ledger, leaf, granule, word);
}

static void put_owner(struct region *region, unsigned n, const char *name, uint64_t lo) {
    struct sph_ledger_owner *owner = &region->ledger->owners[n];
    *owner = (struct sph_ledger_owner){
        .lo = lo, .hi = lo + 0x10000, .state = 2, .name_len = (uint32_t)strlen(name)};
    memcpy(owner->name, name, strlen(name) < SPH_LEDGER_NAME ? strlen(name) : SPH_LEDGER_NAME);
}

/* The app with two sites, a library with one; a leaf at 5 MiB and one at 9 MiB. */
static int set_up(void **state) {
    struct region *region = calloc(1, sizeof(*region));
    assert_non_null(region);
    region->ledger = mmap(NULL, sizeof(struct sph_ledger), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    region->written = malloc(PAGES);
    region->sum = malloc(sizeof(*region->sum));
    assert_true(region->ledger != MAP_FAILED && region->written && region->sum);
    memset(region->written, 1, PAGES);
    struct sph_ledger *ledger = region->ledger;
    ledger->config = (struct sph_ledger_config){
        .magic = SPH_LEDGER_MAGIC, .version = SPH_LEDGER_VERSION, .state = SPH_LEDGER_ON};
    ledger->directory[7] = slot(5, 1);
    ledger->directory[200] = slot(9, 2);
    put_owner(region, 1, "/mnt/apps/x/bin/app", 0x10000);
    put_owner(region, 3, "/lib/libcurl.so.4", 0x70000);
    ledger->owners[3].build_id_len = 2;
    ledger->owners[3].build_id[0] = 0xab;
    ledger->owners[3].peak_bytes = 5000;
    ledger->sites[1] = (struct sph_ledger_site){.address = 0x10100, .owner = 1, .allocations = 9};
    ledger->sites[2] =
        (struct sph_ledger_site){.address = 0x10200, .owner = 1, .freed = 1, .allocations = 3};
    ledger->sites[3] = (struct sph_ledger_site){.address = 0x70300, .owner = 3, .allocations = 1};
    ledger->threads[0].counts[1].allocations = 13;
    ledger->threads[0].counts[1].frees = 10;
    ledger->threads[4].counts[3].allocations = 1;
    ledger->threads[0].recent[5].tag = 1u << SPH_LEDGER_SITE_SHIFT;
    ledger->threads[0].recent[5].pending = 2;
    ledger->losses.threads_seen = 1;
    put_block(region, 1, 0, entry(1, 1, 100));
    put_block(region, 1, 65535, entry(1, 1, 50));
    put_block(region, 2, 16, entry(1, 2, 0));
    put_block(region, 2, 4096, entry(3, 3, 4000));
    region->view = (struct sph_ledger_view){
        .bytes = (uint8_t *)ledger, .len = sizeof(*ledger), .written = region->written};
    *state = region;
    return 0;
}

static int tear_down(void **state) {
    struct region *region = *state;
    (void)munmap(region->ledger, sizeof(struct sph_ledger));
    free(region->written);
    free(region->sum);
    free(region);
    return 0;
}

static void test_sums(void **state) {
    struct region *region = *state;
    assert_int_equal(sph_ledger_sum(&region->view, NULL, NULL, region->sum, NULL), 0);
    const struct sph_ledger_caller *app = &region->sum->callers[1],
                                   *curl = &region->sum->callers[3];
    assert_int_equal(region->sum->live_bytes, 4150);
    assert_int_equal(region->sum->live_blocks, 4);
    assert_int_equal(region->sum->allocations, 14);
    assert_int_equal(app->live_bytes, 150);
    assert_int_equal(app->live_blocks, 3);
    assert_int_equal(app->largest_bytes, 100);
    assert_int_equal(app->allocations, 13);
    assert_int_equal(app->frees, 10);
    assert_int_equal(app->peak_bytes, 150); /* not below what is live */
    assert_string_equal(curl->name, "/lib/libcurl.so.4");
    assert_int_equal(curl->peak_bytes, 5000);
    assert_int_equal(curl->build_id_len, 2);
    assert_false(region->sum->callers[2].is_used);
    assert_int_equal(region->sum->places[1].allocations, 11); /* two are pending */
    assert_true(region->sum->places[1].only_grew);
    assert_false(region->sum->places[2].only_grew); /* one was given back */
    assert_false(region->sum->places[3].only_grew); /* one block is no growth */
    assert_true(region->sum->peaks_exact && region->sum->counts_exact && region->sum->is_complete);
    assert_int_equal(region->sum->damage_found, 0);
}

static int count_blocks(void *context, const struct sph_ledger_block *block) {
    uint64_t *last = context;
    assert_true(block->address > *last);
    *last = block->address;
    return block->bytes == 4000 ? 77 : 0;
}

static void test_walk_and_find(void **state) {
    struct region *region = *state;
    struct sph_ledger_block block;
    uint64_t last = 0;
    assert_int_equal(sph_ledger_walk(&region->view, count_blocks, &last), 77);
    static const struct {
        uint64_t address;
        bool found;
        uint64_t block, bytes;
    } rows[] = {{0x500000, true, 0x500000, 100},  {0x500063, true, 0x500000, 100},
                {0x500064, false, 0, 0},          {0x5ffff0, true, 0x5ffff0, 50},
                {0x600000, true, 0x5ffff0, 50},   {0x4fffff, false, 0, 0},
                {0x900100, true, 0x900100, 0},    {0x900101, false, 0, 0},
                {0x910f9f, true, 0x910000, 4000}, {0, false, 0, 0}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        bool found = sph_ledger_find(&region->view, rows[i].address, &block);
        if (found != rows[i].found)
            fail_msg("0x%llx", (unsigned long long)rows[i].address);
        if (found)
            assert_true(block.address == rows[i].block && block.bytes == rows[i].bytes);
    }
}

static uint64_t half(void *context, uint64_t address, uint64_t bytes) {
    (void)address;
    ++*(unsigned *)context;
    return bytes / 2;
}

static void test_resident_bytes(void **state) {
    struct region *region = *state;
    unsigned calls = 0;
    assert_int_equal(sph_ledger_sum(&region->view, half, &calls, region->sum, NULL), 0);
    assert_int_equal(calls, 3); /* not for the block of no bytes */
    assert_int_equal(region->sum->resident_bytes, 2075);
    assert_int_equal(region->sum->callers[3].resident_bytes, 2000);
    assert_int_equal(region->sum->places[1].resident_bytes, 75);
}

struct asked {
    uint64_t bytes, answer;
};

static uint64_t note(void *context, uint64_t address, uint64_t bytes) {
    struct asked *asked = context;
    assert_true(bytes <= UINT64_MAX - address);
    asked->bytes += bytes;
    return asked->answer;
}

/* However long blocks say they are, whoever looks for their pages comes to an end. */
static void test_resident_bytes_are_bounded(void **state) {
    struct region *region = *state;
    struct asked asked = {.answer = UINT64_MAX};
    assert_int_equal(sph_ledger_sum(&region->view, note, &asked, region->sum, NULL), 0);
    assert_int_equal(region->sum->resident_bytes, 4150);      /* no more than there is */
    region->ledger->directory[7] = slot(UINT64_MAX >> 20, 1); /* the last MiB of all addresses */
    put_block(region, 1, 65535, entry(1, 1, 17));             /* past the end */
    asked = (struct asked){.answer = 0};
    assert_int_equal(sph_ledger_sum(&region->view, note, &asked, region->sum, NULL), 0);
    assert_int_equal(asked.bytes, 4100);
    for (unsigned i = 0; i < 100; i++)
        put_block(region, 2, 64 * i, entry(1, 1, (UINT64_C(1) << 40) - 1));
    asked = (struct asked){.answer = 0};
    assert_int_equal(sph_ledger_sum(&region->view, note, &asked, region->sum, NULL), 0);
    assert_true(asked.bytes == SPH_LEDGER_RESIDENT_MAX_BYTES);
}

/* What is told of a place leads to a caller that is told of, whatever owners and sites say. */
static void test_each_place_has_its_caller(void **state) {
    struct region *region = *state;
    put_block(region, 1, 20, entry(5, 77, 10)); /* neither says anything of itself */
    region->ledger->sites[1].owner = 7;         /* its blocks say 1 */
    region->ledger->owners[3].peak_bytes = (uint64_t)-5;
    assert_int_equal(sph_ledger_sum(&region->view, NULL, NULL, region->sum, NULL), 0);
    assert_true(region->sum->callers[5].is_used);
    assert_true(region->sum->callers[7].is_used);
    assert_int_equal(region->sum->callers[3].peak_bytes, 4000);
    for (unsigned i = 1; i < SPH_LEDGER_SITES; i++) {
        const struct sph_ledger_place *place = &region->sum->places[i];
        assert_true(place->live_blocks == 0 ||
                    (place->owner != 0 && region->sum->callers[place->owner].is_used));
    }
    region->written[offsetof(struct sph_ledger, sites[1]) / SPH_LEDGER_PAGE_BYTES] = 0;
    assert_int_equal(sph_ledger_sum(&region->view, NULL, NULL, region->sum, NULL), 0);
    assert_int_equal(region->sum->places[77].owner, 5);
    assert_int_equal(region->sum->places[1].owner, 1);
}

/* What is not marked as written is not read: here it would be found. */
static void test_holes_stay_unread(void **state) {
    struct region *region = *state;
    size_t page = offsetof(struct sph_ledger, large[2][256]) / SPH_LEDGER_PAGE_BYTES;
    region->written[page] = 0;
    assert_int_equal(sph_ledger_sum(&region->view, NULL, NULL, region->sum, NULL), 0);
    assert_int_equal(region->sum->live_bytes, 150);
    region->written[offsetof(struct sph_ledger, leaves[1][65535]) / SPH_LEDGER_PAGE_BYTES] = 0;
    assert_int_equal(sph_ledger_sum(&region->view, NULL, NULL, region->sum, NULL), 0);
    assert_int_equal(region->sum->live_bytes, 100);
    region->written[offsetof(struct sph_ledger, owners) / SPH_LEDGER_PAGE_BYTES] = 0;
    region->written[offsetof(struct sph_ledger, directory) / SPH_LEDGER_PAGE_BYTES] = 0;
    assert_int_equal(sph_ledger_sum(&region->view, NULL, NULL, region->sum, NULL), 0);
    assert_int_equal(region->sum->live_blocks, 0);
    assert_string_equal(region->sum->callers[1].name, "");
    memset(region->written, 0, PAGES);
    assert_int_equal(sph_ledger_sum(&region->view, NULL, NULL, region->sum, NULL), -EBADMSG);
}

/* Of the thread that is alone its record has the peaks, as long as it is. */
static void test_peaks_of_one_thread(void **state) {
    struct region *region = *state;
    region->ledger->threads[0].counts[1].handed_over = 7000;
    region->ledger->threads[0].counts[3].handed_over = 4500; /* the owner knows of more */
    region->ledger->threads[4].counts[3].handed_over = 9999; /* handed over, and so no peak */
    assert_int_equal(sph_ledger_sum(&region->view, NULL, NULL, region->sum, NULL), 0);
    assert_int_equal(region->sum->callers[1].peak_bytes, 150);
    region->ledger->is_alone = 1;
    assert_int_equal(sph_ledger_sum(&region->view, NULL, NULL, region->sum, NULL), 0);
    assert_int_equal(region->sum->callers[1].peak_bytes, 7000);
    assert_int_equal(region->sum->callers[3].peak_bytes, 5000);
}

/* Whether the site was known to give blocks back is between the writer and itself. */
static void test_flag_of_an_entry(void **state) {
    struct region *region = *state;
    put_block(region, 2, 4096, SPH_LEDGER_ENTRY_FREES | entry(3, 3, 4000));
    assert_int_equal(sph_ledger_sum(&region->view, NULL, NULL, region->sum, NULL), 0);
    assert_int_equal(region->sum->callers[3].live_bytes, 4000);
    assert_int_equal(region->sum->places[3].live_bytes, 4000);
}

static void test_what_it_is_not(void **state) {
    struct region *region = *state;
    struct sph_err err = SPH_ERR_NULL;
    region->ledger->config.version = 1;
    assert_int_equal(sph_ledger_check(&region->view, &err), -EBADMSG);
    assert_string_equal(err.text, "The heap ledger is of another version: 1, not 4.");
    region->ledger->config.magic++;
    err = (struct sph_err)SPH_ERR_NULL;
    assert_int_equal(sph_ledger_sum(&region->view, NULL, NULL, region->sum, &err), -EBADMSG);
    assert_string_equal(err.text, "This is no heap ledger.");
    region->ledger->config.magic--;
    region->view.len--;
    assert_int_equal(sph_ledger_check(&region->view, NULL), -EBADMSG);
}

static void test_damage(void **state) {
    struct region *region = *state;
    struct sph_ledger *ledger = region->ledger;
    put_block(region, 1, 9, entry(0, 8191, 7)); /* no such owner, no such site */
    ledger->directory[8] = slot(77, 1);         /* a leaf that is taken */
    ledger->directory[9] = slot(78, SPH_LEDGER_LEAVES);
    ledger->directory[10] = (struct sph_ledger_slot){.bias = UINT64_MAX, .mib = UINT64_MAX};
    ledger->directory[11] = slot(79, 0); /* nobody's */
    ledger->directory[12] = slot(80, 3);
    ledger->directory[12].mib--;
    ledger->directory[13] = slot(81, 4);
    ledger->directory[13].bias += 8;
    for (unsigned leaf = 3; leaf < 6; leaf++)
        put_block(region, leaf, 5, entry(1, 1, 1000));
    put_block(region, 0, 5, entry(1, 1, 1000));
    ledger->is_alone = 0xffffffff;
    ledger->owners[3].name_len = 0xffffffff;
    ledger->owners[3].name[0] = '\033';
    ledger->owners[3].build_id_len = 255;
    ledger->sites[1].owner = 255;
    ledger->threads[0].recent[6].tag = 0xffffffff;
    assert_int_equal(sph_ledger_sum(&region->view, NULL, NULL, region->sum, NULL), 0);
    assert_int_equal(region->sum->live_bytes, 4157);
    assert_int_equal(region->sum->callers[SPH_LEDGER_OWNER_OTHERS].live_bytes, 7);
    assert_int_equal(region->sum->places[SPH_LEDGER_SITES - 1].live_bytes, 7);
    assert_int_equal(region->sum->places[1].owner, SPH_LEDGER_OWNER_OTHERS);
    assert_int_equal(strlen(region->sum->callers[3].name), SPH_LEDGER_NAME);
    assert_int_equal(region->sum->callers[3].name[0], '?');
    assert_int_equal(region->sum->callers[3].build_id_len, SPH_LEDGER_BUILD_ID);
    /* an entry; slots 8 to 11 and 13, and 200, whose leaf 12 has taken; is_alone; an owner; a
     * site; what a thread has at hand */
    assert_int_equal(region->sum->damage_found, 11);
    assert_false(region->sum->is_complete);
}

static void spoil_owner(struct sph_ledger *ledger) {
    ledger->leaves[1][9] = entry(5, 1, 7); /* owner 5 is free */
}

static void spoil_owner_number(struct sph_ledger *ledger) {
    ledger->leaves[1][9] = entry(0, 1, 7);
}

static void spoil_site(struct sph_ledger *ledger) {
    ledger->leaves[1][9] = entry(1, 9, 7);
}

static void spoil_site_number(struct sph_ledger *ledger) {
    ledger->leaves[1][9] = entry(1, SPH_LEDGER_SITES, 7);
}

static void spoil_no_site(struct sph_ledger *ledger) {
    ledger->leaves[1][9] = entry(1, 0, 7);
}

static void spoil_small(struct sph_ledger *ledger) {
    ledger->leaves[1][9] = entry(1, 1, SPH_LEDGER_LARGE_BYTES);
}

static void spoil_place(struct sph_ledger *ledger) {
    ledger->leaves[1][9] = entry(1, 1, 7) | 1u << SPH_LEDGER_PLACE_SHIFT;
}

static void spoil_large(struct sph_ledger *ledger) {
    ledger->large[1][9] = entry(1, 1, SPH_LEDGER_LARGE_BYTES - 1);
}

static void spoil_leaf(struct sph_ledger *ledger) {
    ledger->directory[8] = slot(77, 1); /* claimed twice */
}

static void spoil_leaf_number(struct sph_ledger *ledger) {
    ledger->directory[8] = slot(77, SPH_LEDGER_LEAVES);
}

static void spoil_alias(struct sph_ledger *ledger) {
    ledger->sites[1].alias = SPH_LEDGER_SITES;
}

static void spoil_bounds(struct sph_ledger *ledger) {
    ledger->owners[3].hi = ledger->owners[3].lo - 1;
}

static void spoil_state(struct sph_ledger *ledger) {
    ledger->owners[9].state = 4;
}

static void spoil_lock(struct sph_ledger *ledger) {
    ledger->lock = 2;
}

static void spoil_number(struct sph_ledger *ledger) {
    ledger->n_sites = SPH_LEDGER_SITES;
}

static void spoil_depth(struct sph_ledger *ledger) {
    ledger->threads[4].behalf_depth = SPH_LEDGER_BEHALF + 1;
}

static void spoil_no_stack(struct sph_ledger *ledger) {
    ledger->config.flags = SPH_LEDGER_FLAG_STACKS;
    for (unsigned n = 1; n <= 3; n++)
        ledger->stacks[n] = (struct sph_ledger_stack){.hash = n, .site = n};
    ledger->stacks[3].site = SPH_LEDGER_SITES;
}

static void spoil_stack_number(struct sph_ledger *ledger) {
    spoil_no_stack(ledger);
    ledger->stacks[3].site = 3;
    ledger->leaves[1][9] = entry(1, SPH_LEDGER_STACKS, 7);
}

/* Each is one. */
static void test_damage_is_counted(void **state) {
    static void (*const rows[])(struct sph_ledger *) = {
        spoil_owner, spoil_owner_number, spoil_site,        spoil_site_number, spoil_no_site,
        spoil_small, spoil_place,        spoil_large,       spoil_leaf,        spoil_leaf_number,
        spoil_alias, spoil_bounds,       spoil_state,       spoil_lock,        spoil_number,
        spoil_depth, spoil_no_stack,     spoil_stack_number};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(set_up(state), 0);
        struct region *region = *state;
        rows[i](region->ledger);
        assert_int_equal(sph_ledger_sum(&region->view, NULL, NULL, region->sum, NULL), 0);
        if (region->sum->damage_found != 1)
            fail_msg("row %zu: %llu", i, (unsigned long long)region->sum->damage_found);
    }
}

/* What a writer may be at while it is read, and what was written since the look began. */
static void test_no_damage(void **state) {
    struct region *region = *state;
    struct sph_ledger *ledger = region->ledger;
    ledger->directory[8] = (struct sph_ledger_slot){.bias = SPH_LEDGER_BIAS_NONE, .mib = 78};
    ledger->directory[300] = (struct sph_ledger_slot){.bias = 0, .mib = 301};
    ledger->owners[4].state = 1;
    ledger->lock = ledger->is_alone = 1;
    put_block(region, 1, 9, entry(40, 1, 7)); /* its owner's page, and its site's, were holes */
    put_block(region, 1, 10, entry(1, 3000, 7));
    put_block(region, 1, 11, entry(SPH_LEDGER_OWNER_OTHERS, SPH_LEDGER_SITES - 1, 7));
    region->written[((uint8_t *)&ledger->owners[40] - region->view.bytes) / SPH_LEDGER_PAGE_BYTES] =
        0;
    region
        ->written[((uint8_t *)&ledger->sites[3000] - region->view.bytes) / SPH_LEDGER_PAGE_BYTES] =
        0;
    assert_int_equal(sph_ledger_sum(&region->view, NULL, NULL, region->sum, NULL), 0);
    assert_int_equal(region->sum->damage_found, 0);
}

static void test_losses_are_told(void **state) {
    struct region *region = *state;
    region->ledger->losses =
        (struct sph_ledger_losses){.blocks = 1, .threads = 2, .threads_seen = 3, .damaged = 4};
    assert_int_equal(sph_ledger_sum(&region->view, NULL, NULL, region->sum, NULL), 0);
    assert_false(region->sum->is_complete || region->sum->counts_exact || region->sum->peaks_exact);
    assert_int_equal(region->sum->losses.damaged, 4);
}

static void test_stacks_lead_to_sites(void **state) {
    struct region *region = *state;
    region->ledger->config.flags = SPH_LEDGER_FLAG_STACKS;
    region->ledger->stacks[1] = (struct sph_ledger_stack){.hash = 5, .site = 3};
    region->ledger->stacks[2] = (struct sph_ledger_stack){.hash = 6, .site = 70000};
    put_block(region, 2, 4096, entry(3, 8191, 4000)); /* no such stack */
    assert_int_equal(sph_ledger_sum(&region->view, NULL, NULL, region->sum, NULL), 0);
    assert_int_equal(region->sum->places[3].live_bytes, 150);
    assert_int_equal(region->sum->places[SPH_LEDGER_SITES - 1].live_bytes, 4000);
    assert_int_equal(region->sum->places[3].stack, 1);
    assert_int_equal(region->sum->places[SPH_LEDGER_SITES - 1].stack, 2);
    uint64_t frames[SPH_LEDGER_STACK_DEPTH];
    region->ledger->stacks[1].frames[0] = 0x70300;
    region->ledger->stacks[1].frames[1] = 0x10200;
    assert_int_equal(sph_ledger_stack_read(&region->view, 1, frames), 2);
    assert_int_equal(frames[1], 0x10200);
    for (unsigned i = 0; i < SPH_LEDGER_STACK_DEPTH; i++)
        region->ledger->stacks[2].frames[i] = 7;
    assert_int_equal(sph_ledger_stack_read(&region->view, 2, frames), SPH_LEDGER_STACK_DEPTH);
    assert_int_equal(sph_ledger_stack_read(&region->view, 0, frames), 0);
    assert_int_equal(sph_ledger_stack_read(&region->view, SPH_LEDGER_STACKS, frames), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(test_sums),
                                       TEST(test_walk_and_find),
                                       TEST(test_resident_bytes),
                                       TEST(test_resident_bytes_are_bounded),
                                       TEST(test_each_place_has_its_caller),
                                       TEST(test_holes_stay_unread),
                                       TEST(test_peaks_of_one_thread),
                                       TEST(test_flag_of_an_entry),
                                       TEST(test_what_it_is_not),
                                       TEST(test_damage),
                                       TEST(test_damage_is_counted),
                                       TEST(test_no_damage),
                                       TEST(test_losses_are_told),
                                       TEST(test_stacks_lead_to_sites)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
