/* The event's description on 64-bit and 32-bit kernels, cut at every byte, and changed. */
#include "meter/tracefs.h"

#include "base/testing.h"

#include <errno.h>
#include <string.h>

#define COMMON                                                                                     \
    "name: rss_stat\nID: 646\nformat:\n"                                                           \
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"                         \
    "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"                         \
    "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"                 \
    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
#define HEAD                                                                                       \
    COMMON "\tfield:unsigned int mm_id;\toffset:8;\tsize:4;\tsigned:0;\n"                          \
           "\tfield:unsigned int curr;\toffset:12;\tsize:4;\tsigned:0;\n"                          \
           "\tfield:int member;\toffset:16;\tsize:4;\tsigned:1;\n"
#define TAIL "\nprint fmt: \"mm_id=%u curr=%d type=%s size=%ldB\", REC->mm_id, REC->curr\n"

static const char wide[] = HEAD "\tfield:long size;\toffset:24;\tsize:8;\tsigned:1;\n" TAIL;
static const char narrow[] = HEAD "\tfield:long size;\toffset:20;\tsize:4;\tsigned:1;\n" TAIL;

static void known_layouts(void **state) {
    struct sph_tracefs_rss_stat layout;
    struct sph_err err = SPH_ERR_NULL;
    (void)state;
    assert_int_equal(sph_tracefs_parse_rss_stat(wide, strlen(wide), &layout), 0);
    assert_int_equal(layout.id, 646);
    assert_int_equal(layout.size.offset, 24);
    assert_int_equal(sph_tracefs_check_rss_stat(&layout, &err), 64);
    assert_int_equal(sph_tracefs_parse_rss_stat(narrow, strlen(narrow), &layout), 0);
    assert_int_equal(sph_tracefs_check_rss_stat(&layout, &err), 32);
    assert_int_equal(err.code, 0);
}

static void cut_texts(void **state) {
    (void)state;
    size_t enough = (size_t)(strstr(wide, "size:8;") - wide) + strlen("size:8;");
    for (size_t len = 0; len <= strlen(wide); len++) {
        struct sph_tracefs_rss_stat layout;
        char *copy = malloc(len + 1);
        assert_non_null(copy);
        (void)memcpy(copy, wide, len);
        assert_int_equal(sph_tracefs_parse_rss_stat(copy, len, &layout),
                         len < enough ? -EBADMSG : 0);
        free(copy);
    }
}

struct change {
    struct sph_tracefs_rss_stat layout;
    const char *sentence;
};
#define REFUSED(field, at, bytes, right, size)                                                     \
    "this kernel's event kmem:rss_stat has " field " at byte " #at " (" #bytes                     \
    " bytes) and not at " #right " (" #size "): cannot meter natively here, use a virtual device"

static const struct change changes[] = {
    {{.mm_id = {16, 4}, .curr = {12, 4}, .member = {16, 4}, .size = {24, 8}},
     REFUSED("mm_id", 16, 4, 8, 4)},
    {{.mm_id = {8, 4}, .curr = {12, 1}, .member = {16, 4}, .size = {24, 8}},
     REFUSED("curr", 12, 1, 12, 4)},
    {{.mm_id = {8, 4}, .curr = {12, 4}, .member = {20, 4}, .size = {24, 8}},
     REFUSED("member", 20, 4, 16, 4)},
    {{.mm_id = {8, 4}, .curr = {12, 4}, .member = {16, 4}, .size = {32, 8}},
     REFUSED("size", 32, 8, 24, 8)},
    {{.mm_id = {8, 4}, .curr = {12, 4}, .member = {16, 4}, .size = {24, 4}},
     REFUSED("size", 24, 4, 20, 4)},
    {{.mm_id = {8, 4}, .curr = {12, 4}, .member = {16, 4}, .size = {24, 2}},
     REFUSED("size", 24, 2, 24, 8)},
};

static void changed_layouts(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(changes); i++) {
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_tracefs_check_rss_stat(&changes[i].layout, &err), -EPROTO);
        assert_err(&err, -EPROTO, changes[i].sentence);
    }
}

static void bad_texts(void **state) {
    static const char *const bad[] = {
        "",
        HEAD "\tfield:long size;\toffset:;\tsize:8;\tsigned:1;\n",
        HEAD "\tfield:long size;\toffset:24;\tsize:99999999;\tsigned:1;\n",
        HEAD "\tfield:long resize;\toffset:24;\tsize:8;\tsigned:1;\n",
        HEAD "\tlong size;\toffset:24;\tsize:8;\tsigned:1;\n",
    };
    struct sph_tracefs_rss_stat layout;
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(bad); i++)
        assert_int_equal(sph_tracefs_parse_rss_stat(bad[i], strlen(bad[i]), &layout), -EBADMSG);
}

/* Reads this kernel's own, where that is allowed, without leaving a mount behind. */
static void own_kernel(void **state) {
    struct sph_tracefs_rss_stat layout;
    struct sph_buf before = SPH_BUF_NULL;
    struct sph_buf after = SPH_BUF_NULL;
    struct sph_err err = SPH_ERR_NULL;
    (void)state;
    assert_int_equal(sph_file_read(AT_FDCWD, "/proc/self/mountinfo", &before, NULL), 0);
    int result = sph_tracefs_read_rss_stat(&layout, &err);
    if (result == -EPERM)
        skip();
    assert_int_equal(result, 0);
    assert_true(layout.id > 0);
    assert_int_equal(sph_tracefs_check_rss_stat(&layout, &err), sizeof(long) * 8);
    assert_int_equal(sph_file_read(AT_FDCWD, "/proc/self/mountinfo", &after, NULL), 0);
    assert_string_equal(before.data, after.data);
    sph_buf_done(&before);
    sph_buf_done(&after);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_layouts),   cmocka_unit_test(cut_texts),
        cmocka_unit_test(changed_layouts), cmocka_unit_test(bad_texts),
        cmocka_unit_test(own_kernel),
    };
    return cmocka_run_group_tests_name("tracefs", tests, NULL, NULL);
}
