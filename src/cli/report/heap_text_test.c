/* Places of every kind, in every width; what stands in a report beside the tables. */
#include "base/testing.h"

#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/report/heap_text.h"
#include "cli/report/report.h"

static const struct {
    const char *text;
    size_t width;
    const char *shown;
} shortened[] = {
    {"main.c:48", 9, "main.c:48"},
    {"/a/very/long/path.c:1", 10, "/a/…th.c:1"},
    {"/a/very/long/path.c:1", 20, "/a/ver…long/path.c:1"},
    {"", 4, ""},
    {"abcdef", 3, "abcdef"},    /* too narrow to say anything */
    {"ééééééééé", 10, "é…ééé"}, /* no half characters */
};

static void test_shortening(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(shortened); i++) {
        char text[64];
        sph_heap_shorten(shortened[i].text, shortened[i].width, text, sizeof(text));
        assert_string_equal(text, shortened[i].shown);
    }
}

static const struct {
    struct sph_symbol at;
    const char *shown; /* in 42 columns */
} places[] = {
    {{.address = 0x10, .function = "f", .file = "main.c", .line = 48}, "f main.c:48"},
    {{.address = 0x10, .function = "f", .inlined_into = "g", .file = "main.c", .line = 4},
     "f (in g) main.c:4"},
    {{.address = 0x10, .function = "f", .offset = 0x1c}, "f+0x1c app"},
    {{.address = 0x10}, "app+0x10"},
    {{.address = 0x10, .file = "main.c", .line = 48}, "main.c:48"},
    {{.address = 0}, "(places that were not kept)"},
    {{.address = 1, .object = 1}, "libx.so+0x1"},
};

/* The length in columns. */
static size_t columns(const char *text) {
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void test_places(void **state) {
    (void)state;
    sph_autofree struct sph_heap *heap = calloc(1, sizeof(*heap));
    assert_non_null(heap);
    heap->n_callers = 2;
    (void)strcpy(heap->callers[0].name, "App + Static Libraries");
    (void)strcpy(heap->callers[0].path, "/mnt/apps/1/bin/app");
    (void)strcpy(heap->callers[1].name, "libx.so");
    for (size_t i = 0; i < SPH_ARRAY_SIZE(places); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        sph_heap_write_place(heap, &places[i].at, 42, &buf);
        assert_string_equal(buf.data, places[i].shown);
    }
    sph_autobuf struct sph_buf nameless = SPH_BUF_NULL;
    heap->callers[0].path[0] = '\0';
    sph_heap_write_place(heap, &(struct sph_symbol){.address = 0x10}, 42, &nameless);
    assert_string_equal(nameless.data, "app+0x10");
}

/* Long names and paths of every length stay in their column. */
static void test_places_keep_their_width(void **state) {
    (void)state;
    sph_autofree struct sph_heap *heap = calloc(1, sizeof(*heap));
    assert_non_null(heap);
    heap->n_callers = 1;
    memset(heap->callers[0].path, 'p', sizeof(heap->callers[0].path) - 1);
    for (size_t function = 0; function < 96; function += 5)
        for (size_t file = 0; file < 250; file += 7) {
            sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
            struct sph_symbol at = {.address = UINT64_MAX, .line = file ? 123456 : 0};
            memset(at.function, 'f', function);
            memset(at.inlined_into, 'g', function / 2);
            memset(at.file, '/', file);
            sph_heap_write_place(heap, &at, 42, &buf);
            assert_true(columns(buf.data) <= 42);
        }
}

static void expect_report(const char *json, const char *text) {
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    struct sph_json_value value;
    assert_int_equal(sph_json_check(json, strlen(json), &value, NULL), 0);
    sph_report_write(&value, &buf);
    assert_non_null(buf.data);
    if (!strstr(buf.data, text))
        fail_msg("%s\nlacks: %s", buf.data, text);
}

#define GOOD "{\"why\":\"exit\",\"exitCode\":0,"

static void test_reports(void **state) {
    (void)state;
    expect_report(GOOD "\"heap\":{\"allocations\":12}}",
                  "\nHeap: every block was given back (12 allocations).\n");
    expect_report(GOOD "\"heap\":{\"liveBlocks\":1,\"liveBytes\":20}}",
                  "\nHeap by caller, in bytes asked for (not given back at its end: 20 in 1 "
                  "block):\n");
    expect_report(GOOD "\"heapState\":\"oldApi\"}",
                  "\nIts heap is not tracked: the package targets an API set "
                  "below 10; build it for a newer one.\n");
    expect_report(GOOD "\"heap\":{\"liveBlocks\":1,\"blocksLost\":3,\"peaksExact\":false,"
                       "\"countsExact\":false}}",
                  "Peaks are not exact: several threads ask for memory.\n"
                  "Allocations are not exact: some were not counted.\n"
                  "The figures are too low: 3 blocks found no place in the ledger.\n");
    expect_report(GOOD "\"heap\":{\"liveBlocks\":1,\"complete\":false,\"damaged\":3,"
                       "\"damageFound\":4}}",
                  "Caller  Live  Resident  Peak  Blocks  Allocs\n"
                  "The figures may be wrong: the application has written over its ledger (7 times "
                  "something\nin it could not be right); look for a stray write.\n");
    expect_report(GOOD "\"heap\":{\"liveBlocks\":1,\"complete\":false,\"damaged\":"
                       "18446744073709551615,\"damageFound\":4}}",
                  " (18446744073709551615 times something");
    expect_report("{\"why\":\"ration\",\"heap\":{\"callers\":[{\"path\":\"/bin/app\"}],"
                  "\"crossingBlock\":{\"caller\":0,\"bytes\":20000,\"offset\":16384,"
                  "\"site\":\"0x48\"}}}",
                  "\nIt crossed at the page at +16384 of a block of 20000 bytes made by "
                  "app+0x48.\n");
}

/* A frame in no known object is left out; the first is the call site itself. */
static void test_stacks(void **state) {
    (void)state;
    expect_report(GOOD
                  "\"heap\":{\"liveBlocks\":1,\"liveBytes\":20,\"callers\":[{\"path\":\"/bin/app\","
                  "\"base\":\"0x1000\",\"spanBytes\":4096}],\"sites\":[{\"caller\":0,"
                  "\"address\":\"0x10\",\"liveBytes\":20,\"liveBlocks\":1,\"allocations\":1,"
                  "\"stack\":[\"0x1010\",\"0x1020\",\"0x2000\",7,\"0xfff\",\"0x1fff\"]}]}}",
                  "20    0         1       1         app+0x10\n"
                  "                                    < app+0x20\n"
                  "                                    < app+0xfff\n");
    expect_report(
        GOOD "\"heap\":{\"liveBlocks\":1,\"liveBytes\":20,\"callers\":[{\"path\":"
             "\"/bin/app\",\"buildId\":\"00\"}],\"sites\":[{\"caller\":0,"
             "\"address\":\"0x10\",\"liveBytes\":20,\"stack\":[\"0x10\"]}]}}",
        "app+0x10\n(stacks end at the call sites: compile with -funwind-tables to see who "
        "called)\n");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shortening),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_places_keep_their_width),
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_stacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
