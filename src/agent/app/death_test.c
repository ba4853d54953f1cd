/* The agent dies by SIGKILL: no app may run on unmetered, nothing installed may be lost, and the
 * next agent finds no rest in its way. The agent is a forked copy of this test that holds the rig.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/tests/rig.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/file.h"

enum { DEATH_MS = 100, GUARD_MS = 10000 };

static const char program[] = SPH_TEST_APP;

/* What the dying agent leaves for the test to look at. */
struct will {
    volatile int ready;
    pid_t helper; /* parent of the app */
    pid_t app;
    unsigned uid;
    char folder[64];
    char group[SPH_DEVICE_GROUP];
    struct sph_guid component;
};

static _Noreturn void be_the_agent(struct will *will, const char *deed, const char *argument) {
    struct rig *rig = rig_new(program, "\"MutableStorage\":{\"SizeKB\":8}");
    struct sph_err err = SPH_ERR_NULL;
    if (rig_start(rig, RIG_ARGS(deed, argument), 0, &err) < 0)
        _exit(2);
    rig_await_output(rig, "ready", 3000);
    will->app = sph_lifecycle_pid(rig->device.lifecycle, &rig->component);
    will->helper = (pid_t)rig_read_status(will->app, "PPid:");
    will->uid = (unsigned)rig_read_status(will->app, "Uid:");
    memcpy(will->folder, rig->folder, sizeof(will->folder));
    memcpy(will->group, rig->device.group, sizeof(will->group));
    will->component = rig->component;
    will->ready = 1;
    for (;;)
        (void)sph_loop_step(rig->device.loop, 1000);
}

static pid_t start_agent(struct will *will, const char *deed, const char *argument) {
    memset((void *)will, 0, sizeof(*will));
    pid_t agent = fork();
    assert_true(agent >= 0);
    if (agent == 0)
        be_the_agent(will, deed, argument);
    uint64_t end = sph_clock_monotonic_ms() + GUARD_MS;
    while (!will->ready && sph_clock_monotonic_ms() < end)
        (void)usleep(1000);
    assert_true(will->ready);
    assert_true(will->uid >= 0x70000000);
    return agent;
}

static bool is_alive(pid_t pid) {
    char path[64], line[256] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    char *got = fgets(line, sizeof(line), file);
    (void)fclose(file);
    const char *state = got ? strrchr(line, ')') : NULL;
    return state && state[2] != 'Z' && state[2] != 'X';
}

static void await_death(pid_t pid, uint64_t begin, unsigned ms) {
    while (is_alive(pid) && sph_clock_monotonic_ms() - begin < ms)
        (void)usleep(200);
    assert_false(is_alive(pid));
}

/* The helper runs nothing of the app's: it may take its time to clear its namespaces away. */
static void kill_agent(const struct will *will, pid_t agent) {
    uint64_t begin = sph_clock_monotonic_ms();
    assert_int_equal(kill(agent, SIGKILL), 0);
    await_death(will->app, begin, DEATH_MS);
    while (rig_count_processes(will->uid) > 0 && sph_clock_monotonic_ms() - begin < DEATH_MS)
        (void)usleep(200);
    assert_int_equal(rig_count_processes(will->uid), 0);
    await_death(will->helper, begin, GUARD_MS);
    assert_int_equal(waitpid(agent, NULL, 0), agent);
}

static bool group_exists(const struct will *will) {
    static const char *const mounts[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
    bool found = false;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(mounts); i++) {
        char path[256];
        (void)snprintf(path, sizeof(path), "%s/%s", mounts[i], will->group);
        found |= access(path, F_OK) == 0;
    }
    return found;
}

/* The next agent of the same device. It has the group's name, so it must take what is left under
 * it. */
static void restart_agent(const struct will *will) {
    struct sph_device device = {.profile = {.ram_bytes = 262144, .page_bytes = 4096}};
    struct sph_err err = SPH_ERR_NULL;
    memcpy(device.group, will->group, sizeof(device.group));
    assert_int_equal(sph_loop_new(&device.loop, &err), 0);
    if (sph_lifecycle_new(&device, &device.lifecycle, &err) < 0)
        fail_msg("%s", err.text);
    (void)sph_lifecycle_free(device.lifecycle);
    (void)sph_loop_free(device.loop);
    assert_false(group_exists(will));
}

static void check_nothing_is_lost(const struct will *will) {
    char path[256], guid[SPH_GUID_TEXT];
    struct stat stat_buf;
    (void)snprintf(path, sizeof(path), "%s/state/packages/%s/root/bin/app", will->folder,
                   sph_guid_format(&will->component, guid));
    assert_int_equal(stat(path, &stat_buf), 0);
    assert_true(stat_buf.st_size > 0);
    assert_int_equal(sph_tree_remove(AT_FDCWD, will->folder, NULL), 0);
}

static struct will *shared_will(void) {
    struct will *will =
        mmap(NULL, sizeof(*will), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(will != MAP_FAILED);
    return will;
}

static void die_with(const char *deed, const char *argument) {
    struct will *will = shared_will();
    pid_t agent = start_agent(will, deed, argument);
    assert_true(rig_count_processes(will->uid) >= 1);
    assert_true(group_exists(will));
    kill_agent(will, agent);
    restart_agent(will);
    check_nothing_is_lost(will);
    (void)munmap(will, sizeof(*will));
}

static void test_agent_dies_under_an_app(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++)
        die_with("wait", NULL);
}

/* One that ignores every signal it can, with children in sessions of their own. */
static void test_agent_dies_under_a_daemon(void **state) {
    (void)state;
    die_with("daemon", NULL);
}

static void test_agent_dies_under_a_stubborn_app(void **state) {
    (void)state;
    die_with("ignore-term", NULL);
}

/* An orderly end leaves nothing either, whatever runs. */
static void test_free_ends_everything(void **state) {
    (void)state;
    static const char *const deeds[] = {"wait", "daemon", "ignore-term"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(deeds); i++) {
        struct will will = {.ready = 0};
        struct rig *rig = rig_new(program, "");
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(rig_start(rig, RIG_ARGS(deeds[i]), 0, &err), 0);
        rig_await_output(rig, "ready", 3000);
        pid_t app = sph_lifecycle_pid(rig->device.lifecycle, &rig->component);
        unsigned uid = (unsigned)rig_read_status(app, "Uid:");
        memcpy(will.group, rig->device.group, sizeof(will.group));
        assert_true(group_exists(&will));
        rig_free(rig);
        assert_int_equal(rig_count_processes(uid), 0);
        assert_false(group_exists(&will));
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agent_dies_under_an_app),
        cmocka_unit_test(test_agent_dies_under_a_daemon),
        cmocka_unit_test(test_agent_dies_under_a_stubborn_app),
        cmocka_unit_test(test_free_ends_everything),
    };
    rig_require();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
