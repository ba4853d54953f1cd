/* Reports to the character: a kill with everything, ends of every kind, and what is not known. */
#include "cli/report/report.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "cli/run_app.h"

static const char kill_json[] =
    "{\"id\":3,\"componentId\":\"2f074b0f-d99d-4692-82d9-ef93a7d6463c\",\"name\":\"leak\","
    "\"timeMs\":1700000000123,\"runMs\":61005,\"why\":\"ration\",\"exitCode\":0,\"signal\":9,"
    "\"signalName\":\"SIGKILL\",\"limitBytes\":262144,\"userBytes\":262144,\"peakUserBytes\":"
    "262144,"
    "\"totalBytes\":294912,\"kernelBytes\":32768,\"userExact\":true,\"userHow\":\"kmem:rss_stat\","
    "\"kernelExact\":true,\"kernelHow\":\"x\",\"own\":{\"userBytes\":253952,\"totalBytes\":286720},"
    "\"crossing\":{\"userBytes\":266240},"
    "\"stack\":[\"0x1010\",\"0x2004\",\"0x99999\"],\"stackHow\":\"frame pointers\","
    "\"growth\":{\"userBytes\":262144,\"uptimeMs\":5,\"stack\":[\"0x1020\"]},"
    "\"mappings\":["
    "{\"pid\":1,\"start\":\"0x1000\",\"end\":\"0x2000\",\"perms\":\"r-xp\",\"class\":\"package\","
    "\"path\":\"/bin/app\",\"anonymousPages\":0,\"sharedPages\":0,\"filePages\":9},"
    "{\"pid\":1,\"start\":\"0x2000\",\"end\":\"0x3000\",\"perms\":\"rw-p\",\"class\":\"package\","
    "\"path\":\"/bin/app\",\"anonymousPages\":2,\"sharedPages\":0,\"filePages\":1},"
    "{\"pid\":1,\"start\":\"0x5000\",\"end\":\"0x6000\",\"perms\":\"rw-p\",\"class\":\"heap\","
    "\"path\":\"[heap]\",\"anonymousPages\":60,\"sharedPages\":0,\"filePages\":0},"
    "{\"pid\":1,\"start\":\"0x7000\",\"end\":\"0x8000\",\"perms\":\"rw-s\",\"class\":\"shared\","
    "\"path\":\"\",\"anonymousPages\":0,\"sharedPages\":3,\"filePages\":0},"
    "{\"pid\":1,\"start\":\"0x9000\",\"end\":\"0xa000\",\"perms\":\"r--p\",\"class\":\"library\","
    "\"path\":\"/lib/empty\",\"anonymousPages\":0,\"sharedPages\":0,\"filePages\":0}],"
    "\"mappingsDropped\":4,\"pagesHow\":\"PAGEMAP_SCAN\",\"log\":\"one\\ntwo\\u0007\\n\"}";

static const char kill_text[] =
    "leak (2f074b0f-d99d-4692-82d9-ef93a7d6463c) ended at 2023-11-14T22:13:20.123Z after 61.005 s: "
    "it went over its ration of 262144 bytes (the next page would have made 266240).\n"
    " -------------------------- -------------\n"
    " Name                       Usage (bytes)\n"
    " ========================================\n"
    " Total (Kernel + User Mode) 294912\n"
    " -------------------------- -------------\n"
    " User Mode                  262144\n"
    " -------------------------- -------------\n"
    " Peak User Mode             262144\n"
    " -------------------------- -------------\n"
    " RAM Limit (User Mode)      262144\n"
    " -------------------------- -------------\n"
    "Of User Mode this application held 253952 bytes, the rest is others'.\n"
    "\n"
    "Pages by mapping (user pages count against the ration; with the one that crossed it):\n"
    "User pages  File pages  Kind     Mapping\n"
    "60          0           heap     [heap]\n"
    "3           0           shared   (no file)\n"
    "2           10          package  /bin/app\n"
    "(4 further mappings are not listed)\n"
    "\n"
    "Stack, innermost first:\n"
    "  #0  0x1010  /bin/app+0x10\n"
    "  #1  0x2004  /bin/app+0x1004\n"
    "  #2  0x99999\n"
    "\n"
    "Stack of the last growth before, innermost first:\n"
    "  #0  0x1020  /bin/app+0x20\n"
    "\n"
    "Its last lines:\n"
    "  one\n"
    "  two?\n";

static struct sph_json_value check(const char *json) {
    struct sph_json_value top;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_json_check(json, strlen(json), &top, &err) < 0)
        fail_msg("%s", err.text);
    return top;
}

static void test_a_kill_whole(void **state) {
    (void)state;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    struct sph_json_value report = check(kill_json);
    sph_report_write(&report, &buf);
    assert_string_equal(buf.data, kill_text);
}

/* why and its members, the sentence, whether it is a failure, and what `spherule run` ends with */
static const struct {
    const char *json, *reason;
    bool is_failure;
    int status;
} ends[] = {
    {"{\"why\":\"exit\",\"exitCode\":0}", "it exited with status 0", false, 0},
    {"{\"why\":\"exit\",\"exitCode\":99}", "it exited with status 99", true, 99},
    {"{\"why\":\"exit\",\"exitCode\":100}", "it exited with status 100", true, 99},
    {"{\"why\":\"exit\",\"exitCode\":255}", "it exited with status 255", true, 99},
    {"{\"why\":\"stopped\",\"exitCode\":0}", "it was asked to stop, and did, with status 0", false,
     0},
    {"{\"why\":\"stopped\",\"exitCode\":3}", "it was asked to stop, and did, with status 3", true,
     3},
    {"{\"why\":\"ration\",\"limitBytes\":16384}", "it went over its ration of 16384 bytes", true,
     120},
    {"{\"why\":\"crash\",\"signalName\":\"SIGABRT\"}", "it crashed by SIGABRT", true, 121},
    {"{\"why\":\"crash\",\"signalName\":\"SIGSEGV\",\"faultAddress\":\"0x8\"}",
     "it crashed by SIGSEGV at address 0x8", true, 121},
    {"{\"why\":\"killed\",\"signalName\":\"SIGTERM\"}", "it was killed by SIGTERM from elsewhere",
     true, 122},
    {"{\"why\":\"sigtermIgnored\"}",
     "it was asked to stop, did not, and was killed after the grace time", true, 122},
    {"{\"why\":\"startFailed\"}", "it could not be started", true, 125},
    {"{\"why\":\"unknown\"}", "for a reason that the device does not know", true, 122},
    {"{\"why\":\"somethingNew\",\"exitCode\":0}", "for a reason that the device does not know",
     true, 122},
    {"{\"why\":7}", "for a reason that the device does not know", true, 122},
    {"{}", "for a reason that the device does not know", true, 122},
};

static void test_reasons_and_statuses(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(ends); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        struct sph_json_value report = check(ends[i].json);
        char note[160];
        sph_report_write_reason(&report, &buf);
        assert_string_equal(buf.data, ends[i].reason);
        assert_int_equal(sph_report_is_failure(&report), ends[i].is_failure);
        assert_int_equal(sph_run_status(&report, note, sizeof(note)), ends[i].status);
    }
}

static void test_a_status_that_does_not_fit_is_told(void **state) {
    (void)state;
    char note[160];
    struct sph_json_value report = check("{\"why\":\"exit\",\"exitCode\":120}");
    assert_int_equal(sph_run_status(&report, note, sizeof(note)), 99);
    assert_string_equal(note, "its exit status was 120; statuses above 99 end as 99");
    report = check("{\"why\":\"exit\",\"exitCode\":99}");
    assert_int_equal(sph_run_status(&report, note, sizeof(note)), 99);
    assert_string_equal(note, "");
}

/* No figure stands as exact that is not. */
static void test_inexact_figures_are_told(void **state) {
    (void)state;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    struct sph_json_value report =
        check("{\"why\":\"exit\",\"userExact\":false,\"userHow\":\"\",\"kernelExact\":false,"
              "\"kernelHow\":\"slab counters\",\"totalBytes\":4096}");
    sph_report_write(&report, &buf);
    assert_non_null(strstr(buf.data, "\nTotal (Kernel + User Mode) is not exact: taken from slab "
                                     "counters.\n"));
    assert_non_null(strstr(buf.data, "\nUser Mode is not known.\n"));
    assert_non_null(strstr(buf.data, "\nPeak User Mode is not known.\n"));
}

static void test_a_good_end_is_short(void **state) {
    (void)state;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    struct sph_json_value report =
        check("{\"why\":\"exit\",\"exitCode\":0,\"log\":\"x\\n\",\"stack\":[\"0x1\"],"
              "\"userExact\":true,\"kernelExact\":true}");
    sph_report_write(&report, &buf);
    assert_null(strstr(buf.data, "Stack"));
    assert_null(strstr(buf.data, "last lines"));
}

/* Many names: the last row takes the rest, and no page is lost. */
static void test_many_mappings(void **state) {
    (void)state;
    sph_autobuf struct sph_buf json = SPH_BUF_NULL;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_buf_puts(&json, "{\"why\":\"crash\",\"mappings\":[");
    for (unsigned i = 0; i < 100; i++)
        sph_buf_printf(&json, "%s{\"path\":\"/lib/%u\",\"class\":\"library\",\"anonymousPages\":1}",
                       i ? "," : "", i);
    sph_buf_puts(&json, "]}");
    struct sph_json_value report = check(json.data);
    sph_report_write(&report, &buf);
    assert_non_null(strstr(buf.data, "\n77          0           library  (others)\n"));
}

/* Members of wrong types, or none at all: still a report, never a crash. */
static void test_odd_answers(void **state) {
    static const char *const odd[] = {
        "{}",
        "{\"mappings\":7,\"stack\":{},\"log\":[],\"crossing\":1,\"growth\":[],\"why\":1}",
        "{\"mappings\":[7,{}],\"stack\":[1,{}],\"log\":\"\",\"why\":\"crash\"}",
        "{\"userBytes\":\"x\",\"timeMs\":18446744073709551615,\"runMs\":-1,\"why\":\"ration\"}",
        "{\"log\":\"\\u0000\\ud83d\\ude00\",\"stack\":[\"zz\",\"0xfffffffffffffffff\"]}",
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(odd); i++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        struct sph_json_value report = check(odd[i]);
        char note[160];
        sph_report_write(&report, &buf);
        assert_int_equal(buf.error, 0);
        assert_non_null(strstr(buf.data, " ended at "));
        (void)sph_run_status(&report, note, sizeof(note));
    }
}

/* More names than rows, of two kinds: the row that takes the rest says so. */
static void test_others_of_several_kinds(void **state) {
    (void)state;
    sph_autobuf struct sph_buf json = SPH_BUF_NULL;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_buf_puts(&json, "{\"why\":\"crash\",\"mappings\":[");
    for (unsigned i = 0; i < 40; i++)
        sph_buf_printf(&json, "%s{\"path\":\"/x/%u\",\"class\":\"%s\",\"anonymousPages\":1}",
                       i ? "," : "", i, i % 2 ? "heap" : "library");
    sph_buf_puts(&json, "]}");
    struct sph_json_value report = check(json.data);
    sph_report_write(&report, &buf);
    assert_non_null(strstr(buf.data, "\n17          0           mixed    (others)\n"));
}

/* Where an address lies, at each border of two mappings of one file and one of another. */
static void test_places(void **state) {
    static const struct {
        const char *address, *line;
    } rows[] = {
        {"0x0", "  #0  0x0\n"},
        {"0xfff", "  #0  0xfff\n"},
        {"0x1000", "  #0  0x1000  /a+0x0\n"},
        {"0x1fff", "  #0  0x1fff  /a+0xfff\n"},
        {"0x2000", "  #0  0x2000\n"},
        {"0x3000", "  #0  0x3000  /a+0x2000\n"},
        {"0x3fff", "  #0  0x3fff  /a+0x2fff\n"},
        {"0x4000", "  #0  0x4000\n"}, /* a mapping without a file has no offset in one */
        {"0x5000", "  #0  0x5000  /b+0x0\n"},
        {"0xffffffffffffffff", "  #0  0xffffffffffffffff\n"},
        {"0xffffffffffffffffff", "  #0  0xffffffffffffffffff\n"},
        {"-1", "  #0  -1\n"},
        {"main", "  #0  main\n"},
        {"", "  #0  \n"},
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf json = SPH_BUF_NULL;
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        sph_buf_printf(&json,
                       "{\"why\":\"crash\",\"stack\":[\"%s\"],\"mappings\":["
                       "{\"start\":\"0x3000\",\"end\":\"0x4000\",\"path\":\"/a\"},"
                       "{\"start\":\"0x1000\",\"end\":\"0x2000\",\"path\":\"/a\"},"
                       "{\"start\":\"0x4000\",\"end\":\"0x5000\",\"path\":\"[heap]\"},"
                       "{\"start\":\"0x5000\",\"end\":\"0x6000\",\"path\":\"/b\"}]}",
                       rows[i].address);
        struct sph_json_value report = check(json.data);
        sph_report_write(&report, &buf);
        const char *begin = strstr(buf.data, "  #0 ");
        assert_non_null(begin);
        assert_string_equal(begin, rows[i].line);
    }
}

/* Whatever text a device sends, no byte of it gives an order to a terminal. */
static void test_no_control_characters(void **state) {
    static const char *const members[] = {
        "name", "componentId", "why", "signalName", "faultAddress", "userHow", "kernelHow", "log",
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(members); i++) {
        for (unsigned c = 1; c < 32; c++) {
            sph_autobuf struct sph_buf json = SPH_BUF_NULL;
            sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
            sph_buf_printf(&json,
                           "{\"why\":\"crash\",\"signalName\":\"S\",\"stack\":[\"\\u%04x\"],"
                           "\"mappings\":[{\"path\":\"\\u%04x\",\"class\":\"\\u%04x\","
                           "\"filePages\":1}],\"%s\":\"a\\u%04xb\"}",
                           c, c, c, members[i], c);
            struct sph_json_value report = check(json.data);
            sph_report_write(&report, &buf);
            for (size_t at = 0; at < buf.len; at++)
                assert_true((unsigned char)buf.data[at] >= 32 || buf.data[at] == '\n');
        }
    }
}

/* A report cut anywhere is no JSON and never gets here; one whose members are gone, one after the
 * other, does. */
static void test_each_member_missing(void **state) {
    struct sph_json_value report = check(kill_json);
    struct sph_json_iter iter;
    struct sph_json_value key, value;
    unsigned count = 0;
    (void)state;
    sph_json_iter_init(&iter, &report);
    for (; sph_json_next(&iter, &key, &value); count++) {
        sph_autobuf struct sph_buf json = SPH_BUF_NULL;
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        size_t begin = (size_t)(key.text - kill_json);
        sph_buf_append(&json, kill_json, begin);
        sph_buf_puts(&json, "_"); /* the same member under another name */
        sph_buf_puts(&json, kill_json + begin);
        struct sph_json_value less = check(json.data);
        sph_report_write(&less, &buf);
        assert_int_equal(buf.error, 0);
        assert_non_null(strstr(buf.data, " ended at "));
        assert_non_null(strstr(buf.data, "RAM Limit (User Mode)"));
        assert_string_not_equal(
            buf.data, sph_json_is(&key, "id") || sph_json_is(&key, "exitCode") ||
                              sph_json_is(&key, "signal") || sph_json_is(&key, "signalName") ||
                              sph_json_is(&key, "kernelBytes") || sph_json_is(&key, "stackHow") ||
                              sph_json_is(&key, "pagesHow") || sph_json_is(&key, "userHow") ||
                              sph_json_is(&key, "kernelHow")
                          ? "" /* members that the text does not show */
                          : kill_text);
    }
    assert_in_range(count, 20, 40);
}

/* Over its limit the text is lost with an error, at every limit. */
static void test_every_limit(void **state) {
    struct sph_json_value report = check(kill_json);
    (void)state;
    for (size_t limit = 1; limit < strlen(kill_text); limit += 13) {
        sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(limit);
        sph_report_write(&report, &buf);
        assert_int_equal(buf.error, -EFBIG);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_kill_whole),
        cmocka_unit_test(test_reasons_and_statuses),
        cmocka_unit_test(test_a_status_that_does_not_fit_is_told),
        cmocka_unit_test(test_inexact_figures_are_told),
        cmocka_unit_test(test_a_good_end_is_short),
        cmocka_unit_test(test_many_mappings),
        cmocka_unit_test(test_odd_answers),
        cmocka_unit_test(test_others_of_several_kinds),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_no_control_characters),
        cmocka_unit_test(test_each_member_missing),
        cmocka_unit_test(test_every_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
