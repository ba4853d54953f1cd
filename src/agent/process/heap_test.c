/* Heap ledgers in real processes: nothing of the app is other than without them, and what they say
 * is exact for each process, however it came about and whatever happened to it meanwhile. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/app/lifecycle_private.h"
#include "agent/process/heap.h"
#include "agent/process/remote.h"
#include "agent/tests/rig.h"
#include "base/cleanup.h"

#define PAGE 4096ull

static int setup(void **state) {
    *state = rig_new(SPH_TEST_HEAP_APP, "");
    return 0;
}

static int setup_static(void **state) {
    *state = rig_new(SPH_TEST_HEAP_APP "-static", "");
    return 0;
}

static int setup_host(void **state) {
    bool is_there = access(SPH_TEST_HEAP_APP "-host", X_OK) == 0; /* a device has musl alone */
    struct rig *rig = rig_new(is_there ? SPH_TEST_HEAP_APP "-host" : SPH_TEST_HEAP_APP, "");
    rig->device.host_libraries = is_there;
    *state = rig;
    return 0;
}

static void start(struct rig *rig, const char *const *arguments, unsigned flags) {
    rig_forget_output(rig);
    rig_must_start(rig, arguments, SPH_START_ONCE | flags);
}

static struct sph_heap *heap_of(const struct rig *rig) {
    const struct sph_session *session = sph_lifecycle_find(rig->device.lifecycle, &rig->component);
    assert_non_null(session);
    assert_non_null(session->heap);
    return session->heap;
}

static pid_t pid_of(const struct rig *rig) {
    return sph_lifecycle_pid(rig->device.lifecycle, &rig->component);
}

static void stop(struct rig *rig) {
    (void)kill(pid_of(rig), SIGKILL);
    (void)rig_await_end(rig, 5000);
}

/* The only child of a process. (Not every kernel has /proc/PID/task/TID/children.) */
static pid_t child_of(pid_t pid) {
    sph_autoclosedir DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (const struct dirent *entry; (entry = readdir(proc));) {
        pid_t other = (pid_t)strtol(entry->d_name, NULL, 10);
        if (other > 0 && (pid_t)rig_read_status(other, "PPid:") == pid)
            return other;
    }
    fail_msg("process %d has no child", (int)pid);
    return -1;
}

static struct sph_ledger_summary *sum(const struct rig *rig, pid_t pid) {
    static struct sph_ledger_summary summary;
    struct sph_heap_view view SPH_CLEANUP(sph_heap_view_done) = SPH_HEAP_VIEW_NULL;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_heap_state_of(heap_of(rig), pid), SPH_HEAP_TRACKED);
    assert_int_equal(sph_heap_view_open(heap_of(rig), pid, &view), 0);
    if (sph_ledger_sum(&view.view, NULL, NULL, &summary, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(summary.losses.blocks, 0);
    assert_int_equal(summary.losses.damaged, 0);
    assert_int_equal(summary.damage_found, 0);
    assert_true(summary.is_complete);
    assert_int_equal(summary.losses.replaced, 0);
    return &summary;
}

static void check_live(const struct rig *rig, pid_t pid, uint64_t bytes, uint64_t blocks) {
    const struct sph_ledger_summary *summary = sum(rig, pid);
    assert_int_equal(summary->live_bytes, bytes);
    assert_int_equal(summary->live_blocks, blocks);
    assert_int_equal(summary->callers[SPH_LEDGER_OWNER_APP].live_bytes, bytes);
}

/* ---- nothing is other than without ---- */

/* Without the lines of what tracks: they are mapped beside the app's own. */
static char *output_of(struct rig *rig, unsigned flags) {
    char *kept = calloc(1, RIG_OUTPUT + 1);
    assert_non_null(kept);
    start(rig, RIG_ARGS("same"), flags);
    (void)rig_await_end(rig, 10000);
    size_t len = 0;
    for (const char *line = rig->output; *line;) {
        size_t n = strcspn(line, "\n") + 1;
        const char *found = strstr(line, "/" SPH_HEAP_FOLDER "/");
        if (!found || found > line + n) {
            memcpy(kept + len, line, n);
            len += n;
        }
        line += n;
    }
    return kept;
}

static void test_nothing_is_added(void **state) {
    struct rig *rig = *state;
    char *plain = output_of(rig, 0);
    char *tracked = output_of(rig, SPH_START_HEAP);
    assert_non_null(strstr(rig->output, "/" SPH_HEAP_FOLDER "/"));
    assert_non_null(strstr(plain, "end: user "));
    assert_null(strstr(plain, "user 0 "));
    assert_string_equal(tracked, plain);
    free(plain);
    free(tracked);
}

/* Of glibc: what the linker keeps of a library more may need a page. */
static void test_glibc_adds_one_page_at_most(void **state) {
    struct rig *rig = *state;
    unsigned long long user[2][6];
    if (!rig->device.host_libraries)
        skip();
    for (int i = 0; i < 2; i++) {
        static const char *const points[] = {"start", "malloc", "others", "stdio", "thread", "end"};
        char *output = output_of(rig, i ? SPH_START_HEAP : 0);
        for (int k = 0; k < 6; k++) {
            char text[32];
            (void)snprintf(text, sizeof(text), "%s: user ", points[k]);
            const char *at = strstr(output, text);
            if (!at)
                fail_msg("no %s in %s", text, output);
            user[i][k] = strtoull(at + strlen(text), NULL, 10);
        }
        free(output);
    }
    for (int k = 0; k < 6; k++)
        assert_in_range(user[1][k], user[0][k], user[0][k] + PAGE);
}

static void test_glibc_is_tracked(void **state) {
    struct rig *rig = *state;
    if (!rig->device.host_libraries)
        skip();
    start(rig, RIG_ARGS("hold", "3000"), SPH_START_HEAP);
    rig_await_output(rig, "holding", 5000);
    check_live(rig, pid_of(rig), 3000, 1);
    stop(rig);
}

/* ---- processes ---- */

static void test_killed_app_can_be_read(void **state) {
    struct rig *rig = *state;
    start(rig, RIG_ARGS("hold", "12345"), SPH_START_HEAP);
    rig_await_output(rig, "holding", 5000);
    pid_t pid = pid_of(rig);
    check_live(rig, pid, 12345, 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    check_live(rig, pid, 12345, 1);
    (void)rig_await_end(rig, 5000);
}

static void check_fork(struct rig *rig, const char *deed, bool may_fail) {
    start(rig, RIG_ARGS(deed), SPH_START_HEAP);
    rig_await_output(rig, "child ready", 5000);
    rig_await_output(rig, "parent ready", 5000);
    pid_t pid = pid_of(rig), child = child_of(pid);
    check_live(rig, pid, 5100, 3);
    if (!may_fail || sph_heap_state_of(heap_of(rig), child) != SPH_HEAP_FAILED)
        check_live(rig, child, 2100, 2);
    assert_int_equal(kill(child, SIGKILL), 0);
    rig_run(rig, 100);
    assert_false(sph_heap_knows(heap_of(rig), child));
    stop(rig);
}

static void test_fork(void **state) {
    check_fork(*state, "fork", false);
}

static void test_fork_under_lock(void **state) {
    struct rig *rig = *state;
    start(rig, RIG_ARGS("locked"), SPH_START_HEAP);
    rig_await_output(rig, "parent ready", 5000);
    rig_await_output(rig, "child is free", 5000);
    stop(rig);
}

/* Only an agent that may raise limits can give the child its own; without, it runs untracked. */
static void test_fork_without_descriptors(void **state) {
    check_fork(*state, "full", true);
}

static void test_children_that_execute(void **state) {
    static const struct {
        const char *deed;
        uint64_t parent_bytes, parent_blocks;
    } cases[] = {{"exec", 100, 1}, {"spawn", 150, 2}};
    struct rig *rig = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        start(rig, RIG_ARGS(cases[i].deed, "3000"), SPH_START_HEAP);
        rig_await_output(rig, "parent ready", 5000);
        rig_await_output(rig, "holding", 5000);
        check_live(rig, pid_of(rig), cases[i].parent_bytes, cases[i].parent_blocks);
        check_live(rig, child_of(pid_of(rig)), 3000, 1);
        stop(rig);
    }
}

static void test_threads(void **state) {
    struct rig *rig = *state;
    start(rig, RIG_ARGS("threads"), SPH_START_HEAP);
    rig_await_output(rig, "ready", 5000);
    const struct sph_ledger_summary *summary = sum(rig, pid_of(rig));
    assert_int_equal(summary->live_bytes, 1000);
    assert_int_equal(summary->live_blocks, 4);
    assert_int_equal(summary->frees, 4);
    assert_true(summary->counts_exact);
    stop(rig);
}

static void test_the_c_library_asks_for_its_callers(void **state) {
    struct rig *rig = *state;
    start(rig, RIG_ARGS("behalf"), SPH_START_HEAP);
    rig_await_output(rig, "ready", 5000);
    const struct sph_ledger_summary *summary = sum(rig, pid_of(rig));
    assert_true(summary->live_blocks > 12);
    assert_int_equal(summary->callers[SPH_LEDGER_OWNER_LIBC].live_bytes, 0);
    assert_int_equal(summary->callers[SPH_LEDGER_OWNER_APP].live_bytes, summary->live_bytes);
    stop(rig);
}

/* A stack leads through the C library, which may have no tables, to who asked it and further out.
 */
static void check_stack_of_a_caller(struct rig *rig) {
    struct sph_heap_view view SPH_CLEANUP(sph_heap_view_done) = SPH_HEAP_VIEW_NULL;
    uint64_t frames[SPH_LEDGER_STACK_DEPTH], functions[3];
    start(rig, RIG_ARGS("stack", "fourteen bytes"), SPH_START_HEAP | SPH_START_STACKS);
    rig_await_output(rig, "ready", 5000);
    char *at = strstr(rig->output, "at 0x");
    assert_non_null(at);
    at += strlen("at ");
    for (size_t i = 0; i < SPH_ARRAY_SIZE(functions); i++)
        functions[i] = strtoull(at, &at, 16);
    const struct sph_ledger_summary *summary = sum(rig, pid_of(rig));
    unsigned site = 1;
    while (site < SPH_LEDGER_SITES - 1 && summary->places[site].live_bytes != 15)
        site++;
    assert_int_equal(summary->places[site].live_bytes, 15);
    assert_int_equal(sph_heap_view_open(heap_of(rig), pid_of(rig), &view), 0);
    assert_in_range(sph_ledger_stack_read(&view.view, summary->places[site].stack, frames), 3,
                    SPH_LEDGER_STACK_DEPTH);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(functions); i++)
        assert_in_range(frames[i], functions[i], functions[i] + 256);
    stop(rig);
}

static void test_stack_of_a_caller(void **state) {
    check_stack_of_a_caller(*state);
}

static void test_static_program(void **state) {
    struct rig *rig = *state;
    start(rig, RIG_ARGS("hold", "100"), SPH_START_HEAP);
    rig_await_output(rig, "holding", 5000);
    struct sph_heap_view view;
    assert_int_equal(sph_heap_state_of(heap_of(rig), pid_of(rig)), SPH_HEAP_STATIC);
    assert_int_equal(sph_heap_view_open(heap_of(rig), pid_of(rig), &view), -ENOENT);
    stop(rig);
}

static void test_two_apps(void **state) {
    struct rig *rig = *state;
    struct sph_guid first = rig->component, second;
    assert_int_equal(sph_guid_random(&second), 0);
    rig_install(rig, &second, SPH_TEST_HEAP_APP, "");
    start(rig, RIG_ARGS("hold", "1000"), SPH_START_HEAP);
    rig_await_output(rig, "holding", 5000);
    rig->component = second;
    start(rig, RIG_ARGS("hold", "2000"), SPH_START_HEAP);
    rig_await_output(rig, "holding", 5000);
    check_live(rig, pid_of(rig), 2000, 1);
    stop(rig);
    rig->component = first;
    check_live(rig, pid_of(rig), 1000, 1);
    stop(rig);
}

/* ---- where it cannot be put ---- */

/* musl leads to libmalloc whatever comes: what it finds there says "off". */
static void check_off(pid_t pid) {
    struct sph_ledger_config config;
    struct sph_remote_image image;
    assert_int_equal(sph_remote_image_read(pid, &image), 0);
    assert_int_equal(
        sph_remote_read(pid, image.base + SPH_LEDGER_REGION_DISTANCE, &config, sizeof(config)), 0);
    assert_int_equal(config.magic, SPH_LEDGER_MAGIC);
    assert_int_equal(config.state, SPH_LEDGER_OFF);
    assert_int_not_equal(config.reals[0], 0);
}

static void check_failed(struct rig *rig, pid_t pid) {
    struct sph_heap_view view;
    assert_int_equal(sph_heap_state_of(heap_of(rig), pid), SPH_HEAP_FAILED);
    assert_int_equal(sph_heap_failure_of(heap_of(rig), pid), -ENOMEM);
    assert_int_equal(sph_heap_view_open(heap_of(rig), pid, &view), -ENOENT);
    if (!rig->device.host_libraries)
        check_off(pid);
}

static void test_no_room_for_a_region(void **state) {
    struct rig *rig = *state;
    start(rig, RIG_ARGS("squeeze", "hold", "3000"), SPH_START_HEAP);
    rig_await_output(rig, "holding", 5000);
    check_failed(rig, pid_of(rig));
    stop(rig);
    start(rig, RIG_ARGS("squeeze", "fork", "-"), SPH_START_HEAP);
    rig_await_output(rig, "child ready", 5000);
    rig_await_output(rig, "parent ready", 5000);
    check_failed(rig, pid_of(rig));
    check_failed(rig, child_of(pid_of(rig)));
    stop(rig);
}

/* As with a fork: an agent that may raise limits puts it there all the same. */
static void test_execute_without_descriptors(void **state) {
    struct rig *rig = *state;
    start(rig, RIG_ARGS("full_exec", "3000"), SPH_START_HEAP);
    rig_await_output(rig, "holding", 5000);
    if (sph_heap_state_of(heap_of(rig), pid_of(rig)) != SPH_HEAP_FAILED)
        check_live(rig, pid_of(rig), 3000, 1);
    stop(rig);
}

/* ---- while it is being put in place ---- */

static void check_rounds(struct rig *rig, const char *deed, const char *rounds) {
    char good[32];
    start(rig, RIG_ARGS(deed, rounds), SPH_START_HEAP);
    (void)snprintf(good, sizeof(good), "%s good", rounds);
    rig_await_output(rig, good, 60000);
    rig_await_output(rig, "ready", 5000);
    check_live(rig, pid_of(rig), 0, 0);
    stop(rig);
}

static void test_signals_meanwhile(void **state) {
    check_rounds(*state, "signals", "60");
}

static void test_killed_meanwhile(void **state) {
    check_rounds(*state, "killed", "200");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_added),
        TEST(test_killed_app_can_be_read),
        TEST(test_fork),
        TEST(test_fork_under_lock),
        TEST(test_fork_without_descriptors),
        TEST(test_children_that_execute),
        TEST(test_threads),
        TEST(test_the_c_library_asks_for_its_callers),
        TEST(test_stack_of_a_caller),
        TEST(test_two_apps),
        TEST(test_no_room_for_a_region),
        TEST(test_execute_without_descriptors),
        TEST(test_signals_meanwhile),
        TEST(test_killed_meanwhile),
        cmocka_unit_test_setup_teardown(test_static_program, setup_static, rig_teardown),
        cmocka_unit_test_setup_teardown(test_glibc_is_tracked, setup_host, rig_teardown),
        cmocka_unit_test_setup_teardown(test_no_room_for_a_region, setup_host, rig_teardown),
        cmocka_unit_test_setup_teardown(test_stack_of_a_caller, setup_host, rig_teardown),
        cmocka_unit_test_setup_teardown(test_glibc_adds_one_page_at_most, setup_host, rig_teardown),
    };
    rig_require();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
