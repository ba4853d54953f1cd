/* Starting, watching and ending the two programs of a native device, with stand-ins for them. What
 * needs the agent needs root, as the launcher would ask sudo otherwise. */
#include "cli/device/fake_programs_test.h"

#include <sys/stat.h>

#include "cli/device_make.h"
#include "cli/run_device.h"

static void need_root(void) {
    if (geteuid() == 0)
        return;
    print_message("the agent is started with root's rights\n");
    skip();
}

static void test_start_and_stop(void **state) {
    struct fake_gateway *fake = *state;
    struct sph_err err = SPH_ERR_NULL;
    bool started = false;
    need_root();
    assert_int_equal(sph_launch_start(fake->device_fd, "d", &started, &err), 0);
    assert_true(started);
    assert_int_equal(sph_launch_state(fake->device_fd), SPH_DEVICE_RUNNING);
    /* again: nothing is missing */
    assert_int_equal(sph_launch_start(fake->device_fd, "d", &started, &err), 0);
    assert_false(started);
    assert_int_equal(sph_launch_stop(fake->device_fd, "d", &err), 0);
    assert_int_equal(sph_launch_state(fake->device_fd), SPH_DEVICE_STOPPED);
    assert_int_equal(sph_launch_stop(fake->device_fd, "d", &err), 0);
    assert_string_equal(err.text, "");
}

/* Whichever of the two is gone is started again, and only that one. */
static void test_what_is_missing_is_started(void **state) {
    static const struct {
        const char *file, *program;
        enum sph_device_state left;
    } rows[] = {{SPH_AGENT_PIDFILE, SPH_AGENT_PROGRAM, SPH_DEVICE_GATEWAY_ONLY},
                {SPH_GATEWAY_PIDFILE, SPH_GATEWAY_PROGRAM, SPH_DEVICE_AGENT_ONLY}};
    struct fake_gateway *fake = *state;
    struct sph_err err = SPH_ERR_NULL;
    bool started = false;
    need_root();
    assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, &err), 0);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        kill_if_held(fake->device_fd, rows[i].file, rows[i].program);
        assert_int_equal(sph_launch_state(fake->device_fd), rows[i].left);
        assert_int_equal(sph_launch_start(fake->device_fd, "d", &started, &err), 0);
        assert_true(started);
        assert_int_equal(sph_launch_state(fake->device_fd), SPH_DEVICE_RUNNING);
    }
}

static const struct {
    const char *agent, *gateway;
    int code;
    const char *sentence;
} starts[] = {
    {"without newline", "ok", 0, ""},
    {"ok", "without newline", 0, ""},
    {"the ration is gone\n", "ok", -EREMOTEIO, "the ration is gone"},
    {"half a sentence", "ok", -EREMOTEIO, "half a sentence"},
    {"one\ntwo\n", "ok", -EREMOTEIO, "one"},
    {"cannot meter", "ok", -EPERM,
     "this kernel has no counters; a virtual device needs neither root nor a new kernel: make one "
     "with 'spherule device create NAME --virtual'"},
    {"silent", "ok", -EREMOTEIO,
     "spherule-agent ended before it was ready; see agent.log in its folder"},
    {"\n", "ok", -EREMOTEIO, ""},
    {"ok", "no socket for you\n", -EREMOTEIO, "no socket for you"},
    {"ok", "silent", -EREMOTEIO,
     "spheruled ended before it was ready; see gateway.log in its folder"},
};

/* Each way to begin, or not to. A start that fails leaves neither of the two behind. */
static void test_ways_to_begin(void **state) {
    struct fake_gateway *fake = *state;
    need_root();
    for (size_t i = 0; i < SPH_ARRAY_SIZE(starts); i++) {
        struct sph_err err = SPH_ERR_NULL;
        (void)setenv("SPH_TEST_AGENT", starts[i].agent, 1);
        (void)setenv("SPH_TEST_GATEWAY", starts[i].gateway, 1);
        int r = sph_launch_start(fake->device_fd, "d", NULL, &err);
        assert_string_equal(err.text, starts[i].sentence);
        assert_int_equal(r, starts[i].code);
        assert_int_equal(sph_launch_state(fake->device_fd),
                         r == 0 ? SPH_DEVICE_RUNNING : SPH_DEVICE_STOPPED);
        assert_int_equal(sph_launch_stop(fake->device_fd, "d", &err), 0);
    }
}

/* A sentence longer than its place is cut, not run over. */
static void test_a_long_sentence(void **state) {
    char words[2000];
    struct fake_gateway *fake = *state;
    struct sph_err err = SPH_ERR_NULL;
    need_root();
    memset(words, 'x', sizeof(words));
    words[sizeof(words) - 1] = '\0';
    (void)setenv("SPH_TEST_AGENT", words, 1);
    assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, &err), -EREMOTEIO);
    assert_int_equal(strspn(err.text, "x"), strlen(err.text));
    assert_in_range(strlen(err.text), 100, 319);
}

static void test_programs_that_are_not_there(void **state) {
    char expected[200];
    struct fake_gateway *fake = *state;
    struct sph_err err = SPH_ERR_NULL;
    need_root();
    (void)setenv("SPHERULE_LIBEXEC", fake->home, 1);
    assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, &err), -EIO);
    (void)snprintf(expected, sizeof(expected),
                   "cannot find spherule-agent in %s; set SPHERULE_LIBEXEC to the folder that has "
                   "it",
                   fake->home);
    assert_string_equal(err.text, expected);
    /* a file that cannot be executed is not there either */
    assert_int_equal(sph_file_replace(fake->home_fd, SPH_AGENT_PROGRAM, "x", 1, 0644, NULL), 0);
    assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, &err), -EIO);
    assert_string_equal(err.text, expected);
}

static off_t log_bytes(const struct fake_gateway *fake) {
    struct stat st;
    return fstatat(fake->device_fd, "agent.log", &st, 0) == 0 ? st.st_size : -1;
}

/* Appended to, so that the start that failed can be read after the one that followed; begun anew
 * when it has grown over 1 MiB. Never written through a link. */
static void test_the_log(void **state) {
    struct fake_gateway *fake = *state;
    struct sph_err err = SPH_ERR_NULL;
    need_root();
    (void)setenv("SPH_TEST_AGENT", "silent", 1);
    (void)sph_launch_start(fake->device_fd, "d", NULL, &err);
    off_t once = log_bytes(fake);
    assert_true(once > 0);
    (void)sph_launch_start(fake->device_fd, "d", NULL, &err);
    assert_int_equal(log_bytes(fake), 2 * once);
    sph_autoclose int fd = openat(fake->device_fd, "agent.log", O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
    (void)sph_launch_start(fake->device_fd, "d", NULL, &err);
    assert_int_equal(log_bytes(fake), once);
    assert_int_equal(unlinkat(fake->device_fd, "agent.log", 0), 0);
    assert_int_equal(symlinkat("device.json", fake->device_fd, "agent.log"), 0);
    assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, &err), -ELOOP);
    assert_string_equal(err.text, "cannot open agent.log: Too many levels of symbolic links");
}

/* A gateway that does not obey SIGTERM is killed after its 5 s. */
static void test_a_deaf_gateway(void **state) {
    struct fake_gateway *fake = *state;
    struct sph_err err = SPH_ERR_NULL;
    need_root();
    (void)setenv("SPH_TEST_GATEWAY", "deaf", 1);
    assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, &err), 0);
    assert_int_equal(sph_launch_stop(fake->device_fd, "d", &err), 0);
    assert_int_equal(sph_launch_state(fake->device_fd), SPH_DEVICE_STOPPED);
}

/* Asked through the gateway first; a request that comes to nothing costs a second, then the signal.
 */
static void test_stopping_asks_first(void **state) {
    static const struct fake_route routes[] = {{.request = "", .body = "{\"stopping\":true}"}};
    struct fake_gateway *fake = *state;
    struct sph_err err = SPH_ERR_NULL;
    need_root();
    assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, &err), 0);
    fake_start(fake, routes);
    assert_int_equal(sph_launch_stop(fake->device_fd, "d", &err), 0);
    fake_stop(fake);
    assert_string_equal(fake->seen, "POST /spherule/v1/stop {}\n");
    assert_int_equal(sph_launch_state(fake->device_fd), SPH_DEVICE_STOPPED);
}

static void test_sweeping(void **state) {
    struct fake_gateway *fake = *state;
    struct sph_err err = SPH_ERR_NULL;
    need_root();
    assert_int_equal(sph_launch_sweep(fake->device_fd, &err), 0);
    assert_int_equal(faccessat(fake->device_fd, "swept", F_OK, 0), 0);
}

/* Why a device cannot be reached is told by what runs of it. */
static void test_sentences_for_what_is_missing(void **state) {
    static const struct {
        const char *running, *file, *sentence;
    } rows[] = {
        {SPH_GATEWAY_PROGRAM, SPH_GATEWAY_PIDFILE,
         "the gateway of device 'd' is not running; 'spherule device start d' brings it back"},
        {SPH_AGENT_PROGRAM, SPH_AGENT_PIDFILE,
         "the gateway of device 'd' runs but cannot be connected to: rest.sock is not open to you"},
    };
    static const struct sph_rest_request request = {.method = "GET", .path = "/x"};
    struct fake_gateway *fake = *state;
    need_root();
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_err err = SPH_ERR_NULL;
        sph_autorest struct sph_rest *rest = NULL;
        assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, &err), 0);
        kill_if_held(fake->device_fd, rows[i].file, rows[i].running);
        assert_int_equal(sph_rest_open(fake->device_fd, "d", &rest, &err), 0);
        assert_int_equal(sph_rest_call(rest, &request, NULL, &err), -ENOTCONN);
        assert_string_equal(err.text, rows[i].sentence);
    }
}

/* ---- devices ---- */

static const struct fake_route connected[] = {
    {.request = "GET /spherule/v1/gateway", .body = "{\"connected\":true}"},
    {.request = "POST /spherule/v1/trust", .body = "{}"},
    {.request = "POST /spherule/v1/stop", .body = "{}"},
    {.request = NULL},
};

static unsigned count_of(const char *text, const char *word) {
    unsigned count = 0;
    for (; (text = strstr(text, word)); text += strlen(word))
        count++;
    return count;
}

/* The key is given once: a person who has taken the trust back does not find it there again. */
static void test_the_key_is_given_once(void **state) {
    static const struct talk talks[] = {
        {"device start", connected, 0, "", "Device 'd' started.\n"},
        {"device start", connected, 0, "", "Device 'd' is running already.\n"},
        {"device delete d", connected, 1, "",
         "error: device 'd' is running; stop it first, or use --force\n"},
        {"device stop", connected, 0, "", "Device 'd' stopped.\n"},
        {"device stop", connected, 0, "", "Device 'd' is not running.\n"},
    };
    struct fake_gateway *fake = *state;
    unsigned given = 0;
    need_root();
    for (size_t i = 0; i < SPH_ARRAY_SIZE(talks); i++) {
        check_talk(fake, &talks[i]);
        given += count_of(fake->seen, "POST /spherule/v1/trust");
    }
    assert_int_equal(given, 1);
    assert_int_equal(faccessat(fake->device_fd, "development-trusted", F_OK, 0), 0);
}

/* A device that does not take the key is told of it, and is given it with the next start. */
static void test_a_key_that_is_refused(void **state) {
    static const struct fake_route refusing[] = {
        {.request = "GET /spherule/v1/gateway", .body = "{\"connected\":true}"},
        {.request = "", .status = 400, .body = "{\"error\":10485761}"},
    };
    static const struct talk talks[] = {
        {"device start", refusing, 1, "", "error: The request is not valid\n"},
        {"device start", connected, 0, "", "Device 'd' is running already.\n"},
    };
    struct fake_gateway *fake = *state;
    need_root();
    check_talk(fake, &talks[0]);
    assert_int_equal(faccessat(fake->device_fd, "development-trusted", F_OK, 0), -1);
    check_talk(fake, &talks[1]);
    assert_int_equal(faccessat(fake->device_fd, "development-trusted", F_OK, 0), 0);
}

static void test_delete_by_force(void **state) {
    static const struct talk talks[] = {
        {"device start -o none", connected, 0, "", ""},
        {"device delete d --force", connected, 0, "", "Device 'd' deleted.\n"},
    };
    struct fake_gateway *fake = *state;
    need_root();
    check_talks(state, talks, SPH_ARRAY_SIZE(talks));
    assert_int_equal(faccessat(fake->home_fd, "devices/d", F_OK, 0), -1);
}

/* An agent that was killed left its socket: its control groups are swept before the folder goes. */
static void test_deleting_sweeps_after_a_killed_agent(void **state) {
    struct fake_gateway *fake = *state;
    need_root();
    struct sph_target target = {.home_fd = dup(fake->home_fd), .device_fd = dup(fake->device_fd)};
    struct sph_err err = SPH_ERR_NULL;
    (void)snprintf(target.name, sizeof(target.name), "d");
    assert_int_equal(sph_file_replace(fake->device_fd, "agent.sock", "", 0, 0600, NULL), 0);
    assert_int_equal(sph_device_remove(&target, &err), 0);
    off_t swept = log_bytes(fake); /* the folder is gone, and its files with it */
    assert_int_equal(swept, -1);
    sph_target_done(&target);
}

/* ---- throw-away devices ---- */

static const struct sph_cli quiet = {.program = "spherule", .output = SPH_OUTPUT_NONE};

static unsigned count_devices(const struct fake_gateway *fake) {
    char **names;
    unsigned count = 0;
    assert_int_equal(sph_home_list_devices(fake->home_fd, &names, &count, NULL), 0);
    sph_home_free_names(names, count);
    return count;
}

/* Nothing is left of a device that could not be started. */
static void test_a_run_device_that_fails_leaves_nothing(void **state) {
    static const struct sph_run_needs needs = {.ram_bytes = 65536};
    static const char *const agents[] = {"silent", "cannot meter", "no\n"};
    struct fake_gateway *fake = *state;
    need_root();
    for (size_t i = 0; i < SPH_ARRAY_SIZE(agents); i++) {
        struct sph_err err = SPH_ERR_NULL;
        struct sph_run_device device = SPH_RUN_DEVICE_NULL;
        (void)setenv("SPH_TEST_AGENT", agents[i], 1);
        assert_true(sph_run_device_make(&quiet, &needs, &device, &err) < 0);
        assert_true(err.text[0] != '\0');
        assert_int_equal(device.lock_fd, -1);
        assert_int_equal(count_devices(fake), 1); /* "d" */
    }
}

/* Devices of dead runs are cleared away; those of living ones, kept ones and young ones are not. */
static void test_sweeping_of_abandoned_devices(void **state) {
    static const struct {
        const char *name;
        bool has_file, is_locked, is_old, stays;
    } rows[] = {
        {"run-1-dead", true, false, true, false}, {"run-2-alive", true, true, true, true},
        {"run-3-kept", false, false, true, true}, {"run-4-young", true, false, false, true},
        {"other", true, false, true, true},
    };
    static const struct sph_run_needs needs = {.ram_bytes = 65536};
    struct fake_gateway *fake = *state;
    int locks[SPH_ARRAY_SIZE(rows)];
    need_root();
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_device_config config;
        sph_device_config_default(rows[i].name, &config);
        sph_autoclose int fd = sph_device_make(fake->home_fd, &config, NULL);
        assert_true(fd >= 0);
        locks[i] = -1;
        if (!rows[i].has_file)
            continue;
        locks[i] = openat(fd, "run.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
        if (rows[i].is_old)
            assert_int_equal(futimens(locks[i], old), 0);
        if (rows[i].is_locked)
            assert_int_equal(flock(locks[i], LOCK_EX), 0);
    }
    struct sph_run_device device = SPH_RUN_DEVICE_NULL;
    (void)setenv("SPH_TEST_AGENT", "silent", 1);
    assert_true(sph_run_device_make(&quiet, &needs, &device, NULL) < 0);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "devices/%s/device.json", rows[i].name);
        assert_int_equal(faccessat(fake->home_fd, path, F_OK, 0) == 0, rows[i].stays);
        sph_closep_(&locks[i]);
    }
}

/* Two that make the same device: one is told. What an interrupted one left is used. */
static void test_making_twice(void **state) {
    struct fake_gateway *fake = *state;
    struct sph_device_config config;
    struct sph_err err = SPH_ERR_NULL;
    sph_device_config_default("twin", &config);
    assert_int_equal(sph_dir_make(fake->home_fd, "devices/twin", 0755, NULL), 0);
    sph_autoclose int first = sph_device_make(fake->home_fd, &config, &err);
    assert_true(first >= 0);
    assert_int_equal(sph_device_make(fake->home_fd, &config, &err), -EEXIST);
    assert_err(&err, -EEXIST, "there is a device 'twin' already");
    (void)snprintf(config.name, sizeof(config.name), ".hidden");
    assert_int_equal(sph_device_make(fake->home_fd, &config, &err), -EINVAL);
}

int main(int argc, char **argv) {
    int part = fake_act(argc, argv);
    if (part >= 0)
        return part;
    const struct CMUnitTest tests[] = {
        LAUNCHING(test_start_and_stop),
        LAUNCHING(test_what_is_missing_is_started),
        LAUNCHING(test_ways_to_begin),
        LAUNCHING(test_a_long_sentence),
        LAUNCHING(test_programs_that_are_not_there),
        LAUNCHING(test_the_log),
        LAUNCHING(test_a_deaf_gateway),
        LAUNCHING(test_stopping_asks_first),
        LAUNCHING(test_sweeping),
        LAUNCHING(test_sentences_for_what_is_missing),
        LAUNCHING(test_the_key_is_given_once),
        LAUNCHING(test_a_key_that_is_refused),
        LAUNCHING(test_delete_by_force),
        LAUNCHING(test_deleting_sweeps_after_a_killed_agent),
        LAUNCHING(test_a_run_device_that_fails_leaves_nothing),
        LAUNCHING(test_sweeping_of_abandoned_devices),
        LAUNCHING(test_making_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
