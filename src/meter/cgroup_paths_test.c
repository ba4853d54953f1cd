/* Hierarchies of three kinds of host, found in /proc's texts; cut at every byte they are found
 * later or not at all, but never wrong. */
#include "meter/cgroup.h"

#include "base/testing.h"

#include <errno.h>
#include <string.h>

static const char hybrid[] =
    "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:7 - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
static const char unified[] =
    "24 29 0:22 / /sys rw,nosuid - sysfs sysfs rw\n"
    "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    "99 24 0:26 / /second rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
static const char odd[] =
    "35 31 0:32 /group\\040one /mnt/a\\040b\\134 rw - cgroup cgroup rw,cpu,memory\n"
    "36 31 0:33 / /mnt/memory rw - cgroup cgroup rw,memoryx\n";

static int parse(const char *text, size_t len, struct sph_cgroup_mounts *mounts) {
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    (void)memcpy(copy, text, len);
    int result = sph_cgroup_parse_mounts(copy, len, mounts);
    free(copy);
    return result;
}

static void finds_mounts(void **state) {
    struct sph_cgroup_mounts mounts;
    (void)state;
    assert_int_equal(parse(hybrid, strlen(hybrid), &mounts), 0);
    assert_string_equal(mounts.unified, "/sys/fs/cgroup/unified");
    assert_string_equal(mounts.memory, "/sys/fs/cgroup/memory");
    assert_string_equal(mounts.memory_root, "/");
    assert_int_equal(parse(unified, strlen(unified), &mounts), 0);
    assert_string_equal(mounts.unified, "/sys/fs/cgroup");
    assert_string_equal(mounts.memory, "");
    assert_int_equal(parse(odd, strlen(odd), &mounts), 0);
    assert_string_equal(mounts.unified, "");
    assert_string_equal(mounts.memory, "/mnt/a b\\");
    assert_string_equal(mounts.memory_root, "/group one");
}

static void cut_mounts(void **state) {
    (void)state;
    for (size_t len = 0; len <= strlen(hybrid); len++) {
        struct sph_cgroup_mounts mounts;
        assert_int_equal(parse(hybrid, len, &mounts), 0);
        assert_true(mounts.unified[0] == '\0' || len == strlen(hybrid));
        assert_true(mounts.memory[0] == '\0' ||
                    strcmp(mounts.memory, "/sys/fs/cgroup/memory") == 0);
    }
}

static void long_mounts(void **state) {
    char text[700] = "30 24 0:26 / /";
    struct sph_cgroup_mounts mounts;
    (void)state;
    size_t used = strlen(text);
    (void)memset(text + used, 'x', 400);
    (void)snprintf(text + used + 400, 64, " rw - cgroup2 cgroup2 rw\n");
    assert_int_equal(parse(text, strlen(text), &mounts), -ENAMETOOLONG);
}

static void finds_paths(void **state) {
    static const char text[] = "9:name=systemd:/a\n"
                               "4:cpu,memory:/process_api/0f2f:x\n"
                               "0::/user.slice/session-3.scope\n";
    char path[64];
    char small[8];
    (void)state;
    assert_int_equal(sph_cgroup_parse_path(text, strlen(text), "memory", path, sizeof(path)), 0);
    assert_string_equal(path, "/process_api/0f2f:x");
    assert_int_equal(sph_cgroup_parse_path(text, strlen(text), "", path, sizeof(path)), 0);
    assert_string_equal(path, "/user.slice/session-3.scope");
    assert_int_equal(sph_cgroup_parse_path(text, strlen(text), "pids", path, sizeof(path)),
                     -ENOENT);
    assert_int_equal(sph_cgroup_parse_path(text, strlen(text), "memory", small, sizeof(small)),
                     -ENAMETOOLONG);
    for (size_t len = 0; len < strlen(text); len++) {
        int result = sph_cgroup_parse_path(text, len, "", path, sizeof(path));
        assert_int_equal(result, -ENOENT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_mounts),
        cmocka_unit_test(cut_mounts),
        cmocka_unit_test(long_mounts),
        cmocka_unit_test(finds_paths),
    };
    return cmocka_run_group_tests_name("cgroup_paths", tests, NULL, NULL);
}
