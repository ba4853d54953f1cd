/* Sizes, profiles and device.json: bounds, sentences, and that what is written reads back the same.
 */
#include "cli/device/device_config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/cleanup.h"
#include "base/file.h"

static const struct {
    const char *text, *sentence; /* NULL: good */
    uint64_t bytes;
} sizes[] = {
    {"16384", NULL, 16384},
    {"16K", NULL, 16384},
    {"256KiB", NULL, 262144},
    {"1M", NULL, 1048576},
    {"1024M", NULL, 1073741824},
    {"", "'' is no size for --ram: write bytes, or 256K, or 1M", 0},
    {"K", "'K' is no size for --ram: write bytes, or 256K, or 1M", 0},
    {"-4096", "'-4096' is no size for --ram: write bytes, or 256K, or 1M", 0},
    {"16k ", "'16k ' is no size for --ram: write bytes, or 256K, or 1M", 0},
    {"0", "--ram must be from 16 KiB to 1048576 KiB, not 0 bytes", 0},
    {"16383", "--ram must be from 16 KiB to 1048576 KiB, not 16383 bytes", 0},
    {"1025M", "--ram must be from 16 KiB to 1048576 KiB, not 1074790400 bytes", 0},
    {"16385", "--ram must be a whole number of pages of 4096 bytes, not 16385 bytes", 0},
};

static void test_sizes(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(sizes); i++) {
        struct sph_err err = SPH_ERR_NULL;
        uint64_t bytes = 7;
        int r = sph_device_config_parse_size("--ram", sizes[i].text, SPH_DEVICE_RAM_MIN,
                                             SPH_DEVICE_RAM_MAX, 4096, &bytes, &err);
        assert_string_equal(err.text, sizes[i].sentence ? sizes[i].sentence : "");
        assert_int_equal(r, sizes[i].sentence ? -EINVAL : 0);
        assert_int_equal(bytes, sizes[i].sentence ? 7 : sizes[i].bytes);
    }
}

static const struct {
    const char *text, *sentence;
} bad_profiles[] = {
    {"[]", "line 1, column 1: a profile is a JSON object"},
    {"\n 7", "line 2, column 2: a profile is a JSON object"},
    {"{\"ramBytes\":\"1\"}", "line 1, column 13: ramBytes: not a whole number"},
    {"{\"ramBytes\":-1}", "line 1, column 13: ramBytes: not a whole number"},
    {"{\"ramBytes\":20000}", "line 1, column 13: ramBytes must be a whole number of pages of 4096 "
                             "bytes, not 20000 bytes"},
    {"{\"flashBytes\":1}", "line 1, column 15: flashBytes must be from 16 KiB to 1048576 KiB, not "
                           "1 bytes"},
    {"{\"storageBytes\":1000}",
     "line 1, column 17: storageBytes must be a whole number of pages of "
     "1024 bytes, not 1000 bytes"},
    {"{\"pageBytes\":16384}", "line 1, column 14: pageBytes must be from 4 KiB to 4 KiB, not 16384 "
                              "bytes"},
    {"{\"name\":\"01234567890123456789012345678901\"}",
     "line 1, column 9: name: not a text of at most 31 bytes"},
    {"{\"core\":[]}", "line 1, column 9: core: not a text of at most 63 bytes"},
    {"{\"RamBytes\":1}", "line 1, column 13: 'RamBytes' is not a key of a profile"},
};

static void test_bad_profiles_change_nothing(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(bad_profiles); i++) {
        struct sph_err err = SPH_ERR_NULL;
        struct sph_device_config config, before;
        memset(&config, 0, sizeof(config));
        sph_device_config_default("x", &config);
        before = config;
        int r = sph_device_config_parse_profile(bad_profiles[i].text, strlen(bad_profiles[i].text),
                                                &config, &err);
        assert_string_equal(err.text, bad_profiles[i].sentence);
        assert_int_equal(r, -EBADMSG);
        assert_int_equal(err.code, -EBADMSG);
        assert_int_equal(config.ram_bytes, before.ram_bytes);
        assert_string_equal(config.profile, before.profile);
    }
}

static void test_a_profile_over_the_default(void **state) {
    static const char text[] = "{\"name\":\"tiny\",\"ramBytes\":16384,\"storageBytes\":0,"
                               "\"pageBytes\":4096,\"core\":\"cortex-m\"}";
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_device_config config;
    sph_device_config_default("x", &config);
    assert_int_equal(sph_device_config_parse_profile(text, strlen(text), &config, &err), 0);
    assert_string_equal(config.name, "x");
    assert_string_equal(config.profile, "tiny");
    assert_string_equal(config.core, "cortex-m");
    assert_int_equal(config.ram_bytes, 16384);
    assert_int_equal(config.flash_bytes, 1048576);
    assert_int_equal(config.storage_bytes, 0);
}

static int scratch(char path[64]) {
    (void)snprintf(path, 64, "%s", "/tmp/spherule-config-XXXXXX");
    assert_non_null(mkdtemp(path));
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void test_written_and_read_back(void **state) {
    (void)state;
    char path[64];
    struct sph_err err = SPH_ERR_NULL;
    struct sph_device_config config, back;
    sph_autoclose int fd = scratch(path);
    sph_device_config_default("dev-1", &config);
    config.ram_bytes = 65536;
    config.host_libraries = true;
    assert_int_equal(sph_device_config_write(fd, &config, &err), 0);
    assert_int_equal(sph_device_config_read(fd, &back, &err), 0);
    assert_string_equal(back.name, "dev-1");
    assert_string_equal(back.backend, "native");
    assert_string_equal(back.profile, "mt3620");
    assert_string_equal(back.core, config.core);
    assert_int_equal(back.ram_bytes, 65536);
    assert_int_equal(back.flash_bytes, config.flash_bytes);
    assert_int_equal(back.storage_bytes, config.storage_bytes);
    assert_int_equal(back.page_bytes, 4096);
    assert_true(back.host_libraries);
    assert_int_equal(sph_tree_remove(AT_FDCWD, path, &err), 0);
}

static void test_the_file_as_others_read_it(void **state) {
    static const char expected[] =
        "{\"name\":\"d\",\"backend\":\"native\",\"profile\":{\"name\":\"mt3620\",\"ramBytes\":"
        "262144,"
        "\"flashBytes\":1048576,\"storageBytes\":65536,\"pageBytes\":4096,\"core\":\"c\"},"
        "\"hostLibraries\":false}\n";
    (void)state;
    char path[64];
    struct sph_err err = SPH_ERR_NULL;
    struct sph_device_config config;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_autoclose int fd = scratch(path);
    sph_device_config_default("d", &config);
    (void)strcpy(config.core, "c");
    assert_int_equal(sph_device_config_write(fd, &config, &err), 0);
    assert_int_equal(sph_file_read(fd, "device.json", &buf, &err), 0);
    assert_string_equal(buf.data, expected);
    assert_int_equal(sph_tree_remove(AT_FDCWD, path, &err), 0);
}

static void test_a_virtual_device_read_back(void **state) {
    (void)state;
    char path[64];
    struct sph_err err = SPH_ERR_NULL;
    struct sph_device_config config, back;
    sph_autoclose int fd = scratch(path);
    sph_device_config_default("v", &config);
    assert_false(sph_device_config_is_virtual(&config));
    sph_device_config_make_virtual(&config);
    config.network = true;
    assert_int_equal(sph_forwards_add(&config.forwards, "8080:80", &err), 0);
    assert_int_equal(sph_forwards_add(&config.forwards, "2222:22", &err), 0);
    assert_int_equal(sph_device_config_write(fd, &config, &err), 0);
    assert_int_equal(sph_device_config_read(fd, &back, &err), 0);
    assert_true(sph_device_config_is_virtual(&back));
    assert_string_equal(back.backend, "virtual");
    assert_string_equal(back.core, "cortex-a7");
    assert_true(back.network);
    assert_int_equal(back.forwards.count, 2);
    assert_int_equal(back.forwards.rows[1].host_port, 2222);
    assert_int_equal(back.forwards.rows[1].device_port, 22);
    assert_int_equal(sph_tree_remove(AT_FDCWD, path, &err), 0);
}

static void test_a_missing_file(void **state) {
    (void)state;
    char path[64];
    struct sph_err err = SPH_ERR_NULL;
    struct sph_device_config config;
    sph_autoclose int fd = scratch(path);
    assert_int_equal(sph_device_config_read(fd, &config, &err), -ENOENT);
    assert_int_equal(sph_tree_remove(AT_FDCWD, path, &err), 0);
}

/* What is in the file, and what is read; the sentence where it is refused. */
static const struct {
    const char *json;
    const char *sentence; /* NULL: good */
    uint64_t ram_bytes;
    const char *name, *backend;
    bool host_libraries;
} files[] = {
    {"{}", NULL, 262144, "", "native", false},
    {" {\n} \n", NULL, 262144, "", "native", false},
    {"{\"name\":\"a\",\"backend\":\"virtual\"}", NULL, 262144, "a", "virtual", false},
    {"{\"hostLibraries\":true}", NULL, 262144, "", "native", true},
    {"{\"hostLibraries\":1,\"name\":7,\"backend\":[]}", NULL, 262144, "", "native", false},
    {"{\"profile\":{}}", NULL, 262144, "", "native", false},
    {"{\"profile\":{\"ramBytes\":16384}}", NULL, 16384, "", "native", false},
    {"{\"profile\":{\"ramBytes\":1073741824}}", NULL, 1073741824, "", "native", false},
    {"{\"profile\":{\"ramBytes\":16384},\"profile\":{\"ramBytes\":20480}}", NULL, 20480, "",
     "native", false},
    {"{\"later\":{\"version\":[1,2]},\"name\":\"x\"}", NULL, 262144, "x", "native", false},
    {"", "device.json: line 1, column 1: expected a value, but found the end of the text", 0, NULL,
     NULL, false},
    {"[]", "device.json: line 1, column 1: a device is a JSON object", 0, NULL, NULL, false},
    {"\n\n  null", "device.json: line 3, column 3: a device is a JSON object", 0, NULL, NULL,
     false},
    {"{\"profile\":null}", "device.json: line 1, column 12: a profile is a JSON object", 0, NULL,
     NULL, false},
    {"{\"profile\":{\n\"ramBytes\":0}}",
     "device.json: line 2, column 12: ramBytes must be from 16 KiB to 1048576 KiB, not 0 bytes", 0,
     NULL, NULL, false},
    {"{\"profile\":{\"ramBytes\":1073745920}}",
     "device.json: line 1, column 24: ramBytes must be from 16 KiB to 1048576 KiB, not 1073745920 "
     "bytes",
     0, NULL, NULL, false},
    {"{\"profile\":{\"ramBytes\":18446744073709551616}}",
     "device.json: line 1, column 24: ramBytes: not a whole number", 0, NULL, NULL, false},
    {"{\"profile\":{\"ramBytes\":1e6}}",
     "device.json: line 1, column 24: ramBytes: not a whole number", 0, NULL, NULL, false},
    {"{\"profile\":{\"storageBytes\":16778240}}",
     "device.json: line 1, column 28: storageBytes must be from 0 KiB to 16384 KiB, not 16778240 "
     "bytes",
     0, NULL, NULL, false},
    {"{\"backend\":\"virtual\",\"network\":true,\"forwards\":[]}", NULL, 262144, "", "virtual",
     false},
    {"{\"backend\":\"virtual\",\"profile\":{\"ramBytes\":33554432}}", NULL, 33554432, "", "virtual",
     false},
    {"{\"backend\":\"virtual\",\"profile\":{\"ramBytes\":33558528}}",
     "device.json: line 1, column 32: ramBytes of a virtual device must be from 16 KiB to 32768 "
     "KiB, not 33558528 bytes",
     0, NULL, NULL, false},
    {"{\"forwards\":\"80:80\"}",
     "device.json: line 1, column 13: forwards: not a list of texts such as \"8080:80\"", 0, NULL,
     NULL, false},
    {"{\"forwards\":[8080]}",
     "device.json: line 1, column 14: forwards: not a text such as \"8080:80\"", 0, NULL, NULL,
     false},
    {"{\"forwards\":[\"1:2\",\"0:2\"]}",
     "device.json: line 1, column 20: '0:2' is no forward: write this machine's port and the "
     "device's, each from 1 to 65535, as in 8080:80",
     0, NULL, NULL, false},
    {"{\"forwards\":[\"1:2\",\n\"1:3\"]}",
     "device.json: line 2, column 1: port 1 of this machine is forwarded twice", 0, NULL, NULL,
     false},
    {"{\"profile\":{\"\\u001b[2J\":1}}",
     "device.json: line 1, column 25: '\\u001b[2J' is not a key of a profile", 0, NULL, NULL,
     false},
};

static void test_files(void **state) {
    char path[64];
    sph_autoclose int fd = scratch(path);
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(files); i++) {
        struct sph_err err = SPH_ERR_NULL;
        struct sph_device_config config;
        memset(&config, 0x5a, sizeof(config));
        assert_int_equal(
            sph_file_replace(fd, "device.json", files[i].json, strlen(files[i].json), 0644, NULL),
            0);
        int r = sph_device_config_read(fd, &config, &err);
        assert_string_equal(err.text, files[i].sentence ? files[i].sentence : "");
        assert_int_equal(r, files[i].sentence ? -EBADMSG : 0);
        if (r < 0) { /* nothing was written to what the caller has */
            assert_int_equal(config.name[0], 0x5a);
            continue;
        }
        assert_true(config.ram_bytes == files[i].ram_bytes);
        assert_string_equal(config.name, files[i].name);
        assert_string_equal(config.backend, files[i].backend);
        assert_int_equal(config.host_libraries, files[i].host_libraries);
    }
    assert_int_equal(sph_tree_remove(AT_FDCWD, path, NULL), 0);
}

/* What is written, cut at every byte: refused, or (from the last brace on) the whole. */
static void test_a_file_cut_anywhere(void **state) {
    char path[64];
    struct sph_device_config config;
    sph_autobuf struct sph_buf whole = SPH_BUF_NULL;
    sph_autoclose int fd = scratch(path);
    (void)state;
    sph_device_config_default("d", &config);
    assert_int_equal(sph_device_config_write(fd, &config, NULL), 0);
    assert_int_equal(sph_file_read(fd, "device.json", &whole, NULL), 0);
    for (size_t len = 0; len <= whole.len; len++) {
        struct sph_err err = SPH_ERR_NULL;
        struct sph_device_config back;
        assert_int_equal(sph_file_replace(fd, "device.json", whole.data, len, 0644, NULL), 0);
        int r = sph_device_config_read(fd, &back, &err);
        assert_int_equal(r, len < whole.len - 1 ? -EBADMSG : 0); /* the last byte is a line feed */
        assert_int_equal(strncmp(err.text, "device.json: line 1, column ", 28) == 0, r < 0);
    }
    assert_int_equal(sph_tree_remove(AT_FDCWD, path, NULL), 0);
}

/* Each figure at its bounds, and one step beyond each. */
static void test_bounds_of_each_figure(void **state) {
    static const struct {
        const char *key;
        uint64_t min, max, step;
    } rows[] = {
        {"ramBytes", 16384, 1073741824, 4096},
        {"flashBytes", 16384, 1073741824, 4096},
        {"storageBytes", 0, 16777216, 1024},
        {"pageBytes", 4096, 4096, 4096},
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        const struct {
            uint64_t value;
            bool is_good;
        } values[] = {
            {rows[i].min, true},
            {rows[i].max, true},
            {rows[i].min - rows[i].step, false}, /* of 0: far above */
            {rows[i].max + rows[i].step, false},
            {rows[i].max - 1, false},
            {rows[i].min + 1, false},
        };
        for (size_t k = 0; k < SPH_ARRAY_SIZE(values); k++) {
            char text[80];
            struct sph_device_config config;
            sph_device_config_default("d", &config);
            (void)snprintf(text, sizeof(text), "{\"%s\":%llu}", rows[i].key,
                           (unsigned long long)values[k].value);
            int r = sph_device_config_parse_profile(text, strlen(text), &config, NULL);
            assert_int_equal(r, values[k].is_good ? 0 : -EBADMSG);
        }
    }
}

/* A name as long as its field is kept whole; the next one is cut and still ends. */
static void test_long_names(void **state) {
    char name[100];
    struct sph_device_config config;
    (void)state;
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    sph_device_config_default(name, &config);
    assert_int_equal(strlen(config.name), sizeof(config.name) - 1);
    assert_true(strlen(config.core) > 0);
    assert_null(strchr(config.core, '_'));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_bad_profiles_change_nothing),
        cmocka_unit_test(test_a_profile_over_the_default),
        cmocka_unit_test(test_written_and_read_back),
        cmocka_unit_test(test_the_file_as_others_read_it),
        cmocka_unit_test(test_a_virtual_device_read_back),
        cmocka_unit_test(test_a_missing_file),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_a_file_cut_anywhere),
        cmocka_unit_test(test_bounds_of_each_figure),
        cmocka_unit_test(test_long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
