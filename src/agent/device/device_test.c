/* device.json and the command line: each wrong value has its sentence. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/device/device.h"
#include "agent/machine/options.h"
#include "base/attr.h"

#define DEVICE(name, backend, profile, rest)                                                       \
    "{\"name\":" name ",\"backend\":" backend ",\"profile\":" profile rest "}"
#define PROFILE(name, ram, flash, storage, page)                                                   \
    "{\"name\":" name ",\"ramBytes\":" ram ",\"flashBytes\":" flash ",\"storageBytes\":" storage   \
    ",\"pageBytes\":" page "}"
#define MT3620 PROFILE("\"mt3620\"", "262144", "1048576", "65536", "4096")
#define IN_PROFILE(ram, flash, storage, page)                                                      \
    DEVICE("\"d\"", "\"native\"", PROFILE("\"p\"", ram, flash, storage, page), "")
#define NOT_A_NAME                                                                                 \
    " is not a name of 1 to 32 letters, digits, '.', '_' or '-' that starts with a letter, digit " \
    "or '_'"

static void test_good(void **state) {
    (void)state;
    struct sph_device device = {.name = ""};
    struct sph_err err = SPH_ERR_NULL;
    static const char text[] =
        DEVICE("\"dev-1\"", "\"native\"", MT3620, ",\"hostLibraries\":true,\"other\":[1,2]");
    if (sph_device_parse(text, strlen(text), &device, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(device.name, "dev-1");
    assert_string_equal(device.profile.name, "mt3620");
    assert_string_equal(device.profile.core, "");
    assert_int_equal(device.profile.ram_bytes, 262144);
    assert_int_equal(device.profile.flash_bytes, 1048576);
    assert_int_equal(device.profile.storage_bytes, 65536);
    assert_int_equal(device.profile.page_bytes, 4096);
    assert_true(device.host_libraries);
    assert_false(device.is_virtual);
    static const char virtual[] = DEVICE("\"v\"", "\"virtual\"", MT3620, ",\"network\":true");
    assert_int_equal(sph_device_parse(virtual, strlen(virtual), &device, &err), 0);
    assert_true(device.is_virtual && !device.host_libraries);
}

static void test_wrong_values(void **state) {
    (void)state;
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"[]", "device.json is not a JSON object"},
        {"{}", "device.json: name is missing"},
        {DEVICE("7", "\"native\"", MT3620, ""), "device.json: name is not a string"},
        {DEVICE("\"a/b\"", "\"native\"", MT3620, ""), "device.json: name" NOT_A_NAME},
        {DEVICE("\"\"", "\"native\"", MT3620, ""), "device.json: name" NOT_A_NAME},
        {DEVICE("\"a2345678901234567890123456789012x\"", "\"native\"", MT3620, ""),
         "device.json: name" NOT_A_NAME},
        {"{\"name\":\"d\"}", "device.json: backend is missing"},
        {DEVICE("\"d\"", "true", MT3620, ""), "device.json: backend is not a string"},
        {DEVICE("\"d\"", "\"qemu\"", MT3620, ""),
         "device.json: backend is neither \"native\" nor \"virtual\""},
        {"{\"name\":\"d\",\"backend\":\"native\"}", "device.json: profile is missing"},
        {DEVICE("\"d\"", "\"native\"", "3", ""), "device.json: profile is not an object"},
        {DEVICE("\"d\"", "\"native\"", "{}", ""), "device.json: profile.name is missing"},
        {DEVICE("\"d\"", "\"native\"", "{\"name\":\"p\"}", ""),
         "device.json: profile.pageBytes is missing"},
        {DEVICE("\"d\"", "\"native\"", MT3620, ",\"hostLibraries\":1"),
         "device.json: hostLibraries is not true or false"},
        {IN_PROFILE("0", "1048576", "0", "4096"),
         "device.json: profile.ramBytes is not a whole number from 4096 to 1099511627776"},
        {IN_PROFILE("262144.5", "1048576", "0", "4096"),
         "device.json: profile.ramBytes is not a whole number from 4096 to 1099511627776"},
        {IN_PROFILE("-262144", "1048576", "0", "4096"),
         "device.json: profile.ramBytes is not a whole number from 4096 to 1099511627776"},
        {IN_PROFILE("\"262144\"", "1048576", "0", "4096"),
         "device.json: profile.ramBytes is not a number"},
        {IN_PROFILE("262145", "1048576", "0", "4096"),
         "device.json: profile.ramBytes is not a multiple of pageBytes"},
        {IN_PROFILE("262144", "4095", "0", "4096"),
         "device.json: profile.flashBytes is not a whole number from 4096 to 1073741824"},
        {IN_PROFILE("262144", "1048576", "99999999999999999999999", "4096"),
         "device.json: profile.storageBytes is not a whole number from 0 to 1073741824"},
        {IN_PROFILE("262144", "1048576", "0", "2048"),
         "device.json: profile.pageBytes is not a whole number from 4096 to 65536"},
        {IN_PROFILE("262144", "1048576", "0", "5000"),
         "device.json: profile.pageBytes is not a power of two"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_device device = {.name = "kept"};
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_device_parse(rows[i].text, strlen(rows[i].text), &device, &err),
                         -EBADMSG);
        assert_err(&err, -EBADMSG, rows[i].sentence);
        assert_string_equal(device.name, "kept");
    }
}

/* Cut at every byte: a sentence, never a device. */
static void test_cut(void **state) {
    (void)state;
    static const char text[] = DEVICE("\"d\"", "\"native\"", MT3620, "");
    for (size_t len = 0; len < strlen(text); len++) {
        struct sph_device device;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_device_parse(text, len, &device, &err), -EBADMSG);
        assert_memory_equal(err.text, "device.json: line 1, column ", 28);
    }
}

static void test_file(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_device device = {.dir_fd = scratch->fd, .name = "x"};
    struct sph_err err = SPH_ERR_NULL;
    static char large[20000];
    assert_int_equal(sph_device_read(scratch->fd, &device, &err), -ENOENT);
    assert_err(&err, -ENOENT, "cannot open device.json: No such file or directory");
    assert_int_equal(mkfifoat(scratch->fd, "device.json", 0600), 0); /* must not hang */
    assert_int_equal(sph_device_read(scratch->fd, &device, &err), -EINVAL);
    assert_err(&err, -EINVAL, "device.json is not a regular file");
    assert_int_equal(unlinkat(scratch->fd, "device.json", 0), 0);
    assert_int_equal(symlinkat("/etc/hostname", scratch->fd, "device.json"), 0);
    assert_int_equal(sph_device_read(scratch->fd, &device, &err), -ELOOP);
    memset(large, ' ', sizeof(large));
    assert_int_equal(sph_file_replace(scratch->fd, "device.json", large, sizeof(large), 0600, NULL),
                     0);
    assert_int_equal(sph_device_read(scratch->fd, &device, &err), -EFBIG);
    assert_err(&err, -EFBIG, "device.json is larger than 16384 bytes");
    static const char good[] = DEVICE("\"d\"", "\"native\"", MT3620, "");
    assert_int_equal(sph_file_replace(scratch->fd, "device.json", good, strlen(good), 0600, NULL),
                     0);
    assert_int_equal(sph_device_read(scratch->fd, &device, &err), 0);
    assert_int_equal(sph_device_identify(&device, &err), 0);
    char expected[SPH_DEVICE_GROUP];
    (void)snprintf(expected, sizeof(expected), "spherule-d-%08x", device.hash);
    assert_string_equal(device.group, expected);
}

static void test_options(void **state) {
    (void)state;
    static const struct {
        const char *argv[6];
        int code;
        const char *sentence;
    } rows[] = {
        {{"a", "--device", "/d"}, 0, ""},
        {{"a", "--device=/d", "--owner", "12"}, 0, ""},
        {{"a", "--sweep", "--device", "/d"}, 0, ""},
        {{"a", "--help"}, SPH_OPTIONS_E_HELP, ""},
        {{"a", "--version", "--nonsense"}, SPH_OPTIONS_E_VERSION, ""},
        {{"a"}, -EINVAL, "--device DIR is missing: see --help"},
        {{"a", "--device="}, -EINVAL, "--device DIR is missing: see --help"},
        {{"a", "--device"}, -EINVAL, "--device needs a value"},
        {{"a", "--device", "/d", "--owner"}, -EINVAL, "--owner needs a value"},
        {{"a", "--owner", "me"}, -EINVAL, "--owner: \"me\" is not a number up to 4294967294"},
        {{"a", "--owner", "4294967295"},
         -EINVAL,
         "--owner: \"4294967295\" is not a number up to 4294967294"},
        {{"a", "--ready-fd", "-1"}, -EINVAL, "--ready-fd: \"-1\" is not a number up to 2147483647"},
        {{"a", "--devices", "x"}, -EINVAL, "there is no option \"--devices\": see --help"},
        {{"a", "x"}, -EINVAL, "there is no option \"x\": see --help"},
        {{"a", "--machine", "--device", "/d"}, -EINVAL, "--machine is given alone: see --help"},
        {{"a", "--machine-again", "--sweep"}, -EINVAL, "--machine is given alone: see --help"},
        {{"a", "--machines"}, -EINVAL, "there is no option \"--machines\": see --help"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_options options;
        struct sph_err err = SPH_ERR_NULL;
        char *argv[7] = {NULL};
        int argc = 0;
        for (; argc < 6 && rows[i].argv[argc]; argc++)
            argv[argc] = (char *)(uintptr_t)rows[i].argv[argc];
        assert_int_equal(sph_options_parse(argc, argv, &options, &err), rows[i].code);
        assert_string_equal(err.text, rows[i].sentence);
        if (rows[i].code == 0)
            assert_string_equal(options.device_dir, "/d");
    }
}

static void test_machine_options(void **state) {
    (void)state;
    struct sph_options options;
    assert_int_equal(sph_options_parse(2, (char *[]){"a", "--machine"}, &options, NULL), 0);
    assert_true(options.machine && !options.again);
    assert_string_equal(options.device_dir, "/device");
    assert_int_equal(sph_options_parse(2, (char *[]){"a", "--machine-again"}, &options, NULL), 0);
    assert_true(options.machine && options.again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_cut),
        cmocka_unit_test_setup_teardown(test_file, sph_scratch_make, sph_scratch_remove),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_machine_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
