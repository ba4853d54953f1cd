/* The pure half of the machine, and the search through folders like those of sysfs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/machine/machine_parse.h"
#include "agent/machine/machine_private.h"
#include "base/attr.h"
#include "base/testing.h"

static void test_time_on_the_command_line(void **state) {
    (void)state;
    static const struct {
        const char *line;
        int code;
        uint64_t time_ms;
    } rows[] = {
        {"console=ttyAMA0 quiet spherule.time_ms=1795889957923 -- --machine\n", 0, 1795889957923},
        {"spherule.time_ms=0", 0, 0},
        {"a spherule.time_ms=7258118400000\n", 0, 7258118400000},
        {"a spherule.time_ms=7258118400001\n", -EINVAL, 0},
        {"spherule.time_ms=\n", -EINVAL, 0},
        {"spherule.time_ms=-1", -EINVAL, 0},
        {"spherule.time_ms=12x", -EINVAL, 0},
        {"spherule.time_ms=000000000000000000000000000000000001", -EINVAL, 0},
        {"xspherule.time_ms=1 spherule.time_m=2 spherule.time_ms", -ENOENT, 0},
        {"", -ENOENT, 0},
        {"\n", -ENOENT, 0},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        uint64_t time_ms = 0;
        assert_int_equal(sph_machine_parse_time(rows[i].line, strlen(rows[i].line), &time_ms),
                         rows[i].code);
        assert_int_equal(time_ms, rows[i].time_ms);
    }
}

static void test_clock(void **state) {
    (void)state;
    struct timespec at = {.tv_sec = -1};
    assert_int_equal(sph_machine_time_at(1795889957923, 1080, &at), 0);
    assert_int_equal(at.tv_sec, 1795889959);
    assert_int_equal(at.tv_nsec, 3000000);
    assert_int_equal(sph_machine_time_at(5000000000999, 0, &at), 0); /* beyond 32 bits of seconds */
    assert_int_equal(at.tv_sec, 5000000000);
    assert_int_equal(at.tv_nsec, 999000000);
    assert_int_equal(sph_machine_time_at(UINT64_MAX, 1, &at), -ERANGE);
    assert_int_equal(sph_machine_time_at(7258118401000, 0, &at), -ERANGE);
    assert_int_equal(at.tv_sec, 5000000000);
    assert_true(sph_machine_clock_is_off(0, 1795889957923));
    assert_true(sph_machine_clock_is_off(999, 1000));
    assert_false(sph_machine_clock_is_off(1000, 1000));
    assert_false(sph_machine_clock_is_off(11000, 1000)); /* a hello that waited */
    assert_true(sph_machine_clock_is_off(11001, 1000));  /* the host's clock was set back */
}

static void test_lines(void **state) {
    (void)state;
    assert_true(sph_machine_line_is("spherule.agent\n", 15, "spherule.agent"));
    assert_true(sph_machine_line_is("spherule-state", 14, "spherule-state"));
    assert_false(sph_machine_line_is("spherule-states", 15, "spherule-state"));
    assert_false(sph_machine_line_is("spherule-stat", 13, "spherule-state"));
    assert_false(sph_machine_line_is("", 0, "x"));
    assert_true(sph_machine_line_is("\n", 1, ""));
    assert_int_equal(sph_machine_unpadded("{}\n\0\0\0", 6), 3);
    assert_int_equal(sph_machine_unpadded("a\0b\0", 4), 3);
    assert_int_equal(sph_machine_unpadded("\0\0", 2), 0);
    assert_int_equal(sph_machine_unpadded(NULL, 0), 0);
}

static void put(const struct sph_scratch *scratch, const char *folder, const char *file,
                const char *text) {
    char path[64];
    assert_int_equal(sph_dir_make(scratch->fd, folder, 0700, NULL), 0);
    (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
    assert_int_equal(sph_file_replace(scratch->fd, path, text, strlen(text), 0600, NULL), 0);
}

static void test_find(void **state) {
    const struct sph_scratch *scratch = *state;
    char folder[64], node[SPH_MACHINE_NODE] = "";
    (void)snprintf(folder, sizeof(folder), "/proc/self/fd/%d", scratch->fd);
    put(scratch, "vda", "serial", "spherule-state");
    put(scratch, "vdb", "serial", "spherule-config\n");
    put(scratch, "vdc", "other", "spherule-else");
    put(scratch, ".vdd", "serial", "spherule-hidden");
    put(scratch, "an-entry-whose-name-is-longer-than-any-that-the-kernel-gives-to-a-disk", "serial",
        "spherule-long");
    assert_int_equal(sph_machine_find(folder, "serial", "spherule-config", node), 0);
    assert_string_equal(node, "/dev/vdb");
    assert_int_equal(sph_machine_find(folder, "serial", "spherule-state", node), 0);
    assert_string_equal(node, "/dev/vda");
    static const char *const missing[] = {"spherule", "spherule-else", "spherule-hidden",
                                          "spherule-long"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(missing); i++)
        assert_int_equal(sph_machine_find(folder, "serial", missing[i], node), -ENOENT);
    assert_int_equal(sph_machine_find("/no/such/folder", "serial", "x", node), -ENOENT);
    assert_string_equal(node, "/dev/vda");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_on_the_command_line),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_lines),
        cmocka_unit_test_setup_teardown(test_find, sph_scratch_make, sph_scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
