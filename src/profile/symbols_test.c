/* Small programs compiled here, for this machine and for 32-bit ARM; where their calls stand, `nm`
 * says. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/cleanup.h"
#include "profile/places.h"
#include "profile/symbols.h"

/* A label behind each call stands at its return address. */
static const char source[] = "void hook(void) {}\n"
                             "static inline __attribute__((always_inline)) void inner(void) {\n"
                             "    hook();\n"
                             "    __asm__ volatile(\".globl in_inner\\nin_inner:\");\n"
                             "}\n"
                             "void outer(void) {\n"
                             "    inner();\n"
                             "}\n"
                             "void plain(void) {\n"
                             "    hook();\n"
                             "    __asm__ volatile(\".globl in_plain\\nin_plain:\");\n"
                             "}\n"
                             "int main(void) { outer(); plain(); return 0; }\n";

static const char *const prefixes[] = {"", "arm-linux-gnueabihf-"};

static int shell(const struct sph_scratch *scratch, const char *prefix, const char *command) {
    char line[512];
    (void)snprintf(line, sizeof(line), "cd %s && %s%s", scratch->path, prefix, command);
    return system(line); /* NOLINT(cert-env33-c): the test's own words */
}

/* Whether there is such a compiler; the test's sources are there then. */
static bool has_compiler(const struct sph_scratch *scratch, const char *prefix) {
    assert_int_equal(sph_file_replace(scratch->fd, "a.c", source, strlen(source), 0644, NULL), 0);
    return shell(scratch, prefix, "gcc --version >/dev/null 2>&1") == 0;
}

static uint64_t address_of(const struct sph_scratch *scratch, const char *prefix, const char *file,
                           const char *label) {
    char line[512];
    char text[32] = "";
    struct sph_object object;
    (void)snprintf(line, sizeof(line), "%snm %s/%s | grep ' %s$'", prefix, scratch->path, file,
                   label);
    FILE *pipe = popen(line, "re"); /* NOLINT(cert-env33-c) */
    assert_non_null(pipe);
    assert_non_null(fgets(text, sizeof(text), pipe));
    (void)pclose(pipe);
    assert_int_equal(sph_object_read(scratch->fd, file, &object), 0);
    return strtoull(text, NULL, 16) - object.first_address;
}

static struct sph_symbol ask(const struct sph_scratch *scratch, const char *file,
                             uint64_t address) {
    char path[128];
    char *paths[] = {path};
    const struct sph_symbols_object object = {.paths = paths, .count = 1};
    struct sph_symbol symbol = {.address = address};
    (void)snprintf(path, sizeof(path), "%s/%s", scratch->path, file);
    assert_true(sph_symbols_find(&object, 1, &symbol, 1));
    assert_int_equal(symbol.address, address);
    return symbol;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void check_lines(const struct sph_scratch *scratch, const char *prefix, uint64_t thumb) {
    struct sph_symbol symbol =
        ask(scratch, "lines", address_of(scratch, prefix, "lines", "in_plain") | thumb);
    assert_string_equal(symbol.function, "plain");
    assert_string_equal(symbol.inlined_into, "");
    assert_string_equal(base_name(symbol.file), "a.c");
    assert_int_equal(symbol.line, 10);
    symbol = ask(scratch, "lines", address_of(scratch, prefix, "lines", "in_inner") | thumb);
    assert_string_equal(symbol.function, "inner");
    assert_string_equal(symbol.inlined_into, "outer");
    assert_int_equal(symbol.line, 3);
}

static void test_functions_and_lines(void **state) {
    const struct sph_scratch *scratch = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(prefixes); i++) {
        if (!has_compiler(scratch, prefixes[i]))
            continue;
        assert_int_equal(shell(scratch, prefixes[i], "gcc -g -O0 -o lines a.c"), 0);
        check_lines(scratch, prefixes[i], 0);
        if (*prefixes[i]) /* return addresses of Thumb code are odd */
            check_lines(scratch, prefixes[i], 1);
        assert_int_equal(shell(scratch, prefixes[i], "gcc -g -O0 -static -o lines a.c"), 0);
        check_lines(scratch, prefixes[i], 0); /* not loaded from address 0 on */
    }
}

static void test_less_and_less(void **state) {
    const struct sph_scratch *scratch = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(prefixes); i++) {
        if (!has_compiler(scratch, prefixes[i]))
            continue;
        assert_int_equal(shell(scratch, prefixes[i], "gcc -O0 -o names a.c"), 0);
        uint64_t address = address_of(scratch, prefixes[i], "names", "in_plain");
        uint64_t start = address_of(scratch, prefixes[i], "names", "plain");
        struct sph_symbol symbol = ask(scratch, "names", address);
        assert_string_equal(symbol.function, "plain");
        assert_int_equal(symbol.offset, address - 1 - start);
        assert_int_equal(symbol.line, 0);
        assert_int_equal(shell(scratch, prefixes[i], "strip names"), 0);
        symbol = ask(scratch, "names", address);
        assert_string_equal(symbol.function, "");
        assert_int_equal(symbol.line, 0);
    }
}

/* A tail call leaves the function's own address and one. */
static void test_an_entry_stands_for_its_function(void **state) {
    const struct sph_scratch *scratch = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(prefixes); i++) {
        if (!has_compiler(scratch, prefixes[i]))
            continue;
        assert_int_equal(shell(scratch, prefixes[i], "gcc -g -O0 -o lines a.c"), 0);
        uint64_t entry = address_of(scratch, prefixes[i], "lines", "plain");
        assert_string_equal(ask(scratch, "lines", entry + 1).function, "plain");
    }
}

/* Files that are broken everywhere: the questions come back as they were asked. */
static void test_broken_files(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_draw draw = sph_draw_begin(7);
    sph_autobuf struct sph_buf good = SPH_BUF_LIMIT(1 << 20);
    assert_true(has_compiler(scratch, ""));
    assert_int_equal(shell(scratch, "", "gcc -g -O0 -o lines a.c"), 0);
    assert_int_equal(sph_file_read(scratch->fd, "lines", &good, NULL), 0);
    for (unsigned round = 0; round < 40; round++) {
        sph_autobuf struct sph_buf bad = SPH_BUF_LIMIT(1 << 20);
        sph_buf_append(&bad, good.data, round % 4 == 0 ? good.len / 40 * round : good.len);
        for (unsigned i = 0; bad.len > 64 && i < 200; i++)
            bad.data[64 + sph_draw_below(&draw, (uint32_t)(bad.len - 64))] =
                (char)sph_draw_below(&draw, 256);
        assert_int_equal(
            sph_file_replace(scratch->fd, "bad", bad.data ? bad.data : "", bad.len, 0644, NULL), 0);
        struct sph_symbol symbol = ask(scratch, "bad", 0x1140 + round);
        assert_true(strlen(symbol.function) < sizeof(symbol.function));
        assert_null(strchr(symbol.file, '\n'));
    }
}

/* Where the file of a build id is found, and where not. */
static void test_places(void **state) {
    const struct sph_scratch *scratch = *state;
    sph_autoplaces struct sph_places places = SPH_PLACES_NULL;
    struct sph_object object;
    char *found[SPH_PLACES_FOUND_MAX];
    assert_true(has_compiler(scratch, ""));
    assert_int_equal(shell(scratch, "",
                           "gcc -g -Wl,--build-id=sha1 -o app a.c && mkdir -p d/e .hidden && "
                           "cp app d/e/twin && cp app .hidden/app && strip -o d/stripped app && "
                           "gcc -Wl,--build-id=none -o d/none a.c && ln -s .. d/e/up && "
                           "echo text >d/text && mkfifo d/pipe"),
                     0);
    assert_int_equal(sph_places_add(&places, scratch->path), 0);
    assert_int_equal(places.count, 4);
    assert_int_equal(sph_places_add(&places, "/nowhere"), -ENOENT);
    assert_int_equal(sph_object_read(scratch->fd, "app", &object), 0);
    struct sph_places_wanted wanted = {
        .build_id = object.build_id, .build_id_len = object.build_id_len, .path = "/bin/app"};
    unsigned count = sph_places_find(&places, &wanted, found);
    assert_int_equal(count, 3);
    for (unsigned i = 0; i < count; i++)
        free(found[i]);
    object.build_id[0] ^= 1;
    assert_int_equal(sph_places_find(&places, &wanted, found), 0);
    wanted.build_id_len = 0;
    assert_int_equal(sph_places_find(&places, &wanted, found), 0);
    wanted.path = "/bin/none";
    wanted.program = "prog";
    assert_int_equal(sph_places_find(&places, &wanted, found), 2);
    assert_string_equal(found[0], "prog");
    assert_string_equal(base_name(found[1]), "none");
    free(found[0]);
    free(found[1]);
}

#define WITH_SCRATCH(test)                                                                         \
    cmocka_unit_test_setup_teardown(test, sph_scratch_make, sph_scratch_remove)

int main(void) {
    static const struct CMUnitTest tests[] = {
        WITH_SCRATCH(test_functions_and_lines),
        WITH_SCRATCH(test_less_and_less),
        WITH_SCRATCH(test_an_entry_stands_for_its_function),
        WITH_SCRATCH(test_broken_files),
        WITH_SCRATCH(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
