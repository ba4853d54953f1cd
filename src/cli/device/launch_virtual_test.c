/* Starting and ending a virtual device: its gateway starts the machine, and both are stand-ins. No
 * right is needed for any of it. */
#include "cli/device/fake_programs_test.h"

#include <sys/stat.h>

#include "cli/device/interrupt.h"
#include "cli/device_make.h"
#include "cli/run_device.h"

/* The device "d", made a virtual one. */
static int set_up(void **state) {
    struct sph_device_config config;
    int r = fake_programs_set_up(state);
    struct fake_gateway *fake = *state;
    sph_device_config_default("d", &config);
    sph_device_config_make_virtual(&config);
    return r + sph_device_config_write(fake->device_fd, &config, NULL);
}

static void kill_machine(const struct fake_gateway *fake) {
    kill_if_held(fake->device_fd, SPH_MACHINE_PIDFILE, SPH_MACHINE_PROGRAM);
}

static void kill_gateway(const struct fake_gateway *fake) {
    kill_if_held(fake->device_fd, SPH_GATEWAY_PIDFILE, SPH_GATEWAY_PROGRAM);
}

static void expect_state(const struct fake_gateway *fake, enum sph_device_state state) {
    assert_int_equal(sph_launch_state(fake->device_fd), state);
}

static void test_start_and_stop(void **state) {
    struct fake_gateway *fake = *state;
    struct sph_err err = SPH_ERR_NULL;
    bool started = false;
    expect_state(fake, SPH_DEVICE_STOPPED);
    assert_int_equal(sph_launch_start(fake->device_fd, "d", &started, &err), 0);
    assert_true(started);
    expect_state(fake, SPH_DEVICE_RUNNING);
    /* no agent of this machine's has any part in it */
    assert_false(sph_pidfile_is_held(fake->device_fd, SPH_AGENT_PIDFILE, SPH_AGENT_PROGRAM));
    assert_int_equal(sph_launch_start(fake->device_fd, "d", &started, &err), 0);
    assert_false(started);
    assert_int_equal(sph_launch_stop(fake->device_fd, "d", &err), 0);
    expect_state(fake, SPH_DEVICE_STOPPED);
    assert_int_equal(sph_launch_stop(fake->device_fd, "d", &err), 0);
    assert_string_equal(err.text, "");
}

/* A machine without its gateway gets a new one, and stays the same machine. */
static void test_a_gateway_that_is_gone(void **state) {
    struct fake_gateway *fake = *state;
    struct sph_err err = SPH_ERR_NULL;
    bool started = false;
    assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, &err), 0);
    kill_gateway(fake);
    expect_state(fake, SPH_DEVICE_AGENT_ONLY);
    sph_autoclose int machine =
        sph_pidfile_open_process(fake->device_fd, SPH_MACHINE_PIDFILE, SPH_MACHINE_PROGRAM, NULL);
    assert_int_equal(sph_launch_start(fake->device_fd, "d", &started, &err), 0);
    assert_true(started);
    expect_state(fake, SPH_DEVICE_RUNNING);
    struct pollfd end = {.fd = machine, .events = POLLIN};
    assert_int_equal(poll(&end, 1, 0), 0);
}

/* The gateway is asked for a machine that is gone; what it answers is the answer. */
static void test_a_machine_that_is_gone(void **state) {
    static const struct {
        struct fake_route routes[2];
        int code;
        bool started;
        const char *sentence;
    } rows[] = {
        {{{.request = "POST /spherule/v1/start", .body = "{\"started\":true}"}}, 0, true, ""},
        {{{.request = "POST /spherule/v1/start", .body = "{\"started\":false}"}}, 0, false, ""},
        {{{.request = "POST /spherule/v1/start", .body = "well"}}, 0, false, ""},
        {{{.request = "POST /spherule/v1/start",
           .status = 500,
           .body = "{\"error\":5,\"message\":\"No QEMU.\"}"}},
         -EREMOTEIO,
         false,
         "No QEMU. (error 5)"},
        {{{.request = "POST /spherule/v1/start", .status = 500, .body = ""}},
         -EREMOTEIO,
         false,
         "device 'd' answered with HTTP status 500"},
    };
    struct fake_gateway *fake = *state;
    assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, NULL), 0);
    kill_machine(fake);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_err err = SPH_ERR_NULL;
        bool started = false;
        expect_state(fake, SPH_DEVICE_GATEWAY_ONLY);
        fake_start(fake, rows[i].routes);
        int r = sph_launch_start(fake->device_fd, "d", &started, &err);
        fake_stop(fake);
        assert_string_equal(fake->seen, "POST /spherule/v1/start {}\n");
        assert_string_equal(err.text, rows[i].sentence);
        assert_int_equal(r, rows[i].code);
        assert_int_equal(started, rows[i].started);
    }
    expect_state(fake, SPH_DEVICE_GATEWAY_ONLY); /* which ran before each of them */
}

/* What the gateway says is the sentence; a machine that it started before that is ended. */
static void test_ways_to_begin(void **state) {
    static const struct {
        const char *gateway, *machine;
        int code;
        const char *sentence;
    } rows[] = {
        {"without newline", "ok", 0, ""},
        {"qemu-system-arm is not installed\n", NULL, -EREMOTEIO,
         "qemu-system-arm is not installed"},
        {"no socket for you\n", "ok", -EREMOTEIO, "no socket for you"},
        {"silent", "ok", -EREMOTEIO,
         "spheruled ended before it was ready; see gateway.log in its folder"},
    };
    struct fake_gateway *fake = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_err err = SPH_ERR_NULL;
        (void)setenv("SPH_TEST_GATEWAY", rows[i].gateway, 1);
        if (rows[i].machine)
            (void)setenv("SPH_TEST_MACHINE", rows[i].machine, 1);
        else
            (void)unsetenv("SPH_TEST_MACHINE");
        int r = sph_launch_start(fake->device_fd, "d", NULL, &err);
        assert_string_equal(err.text, rows[i].sentence);
        assert_int_equal(r, rows[i].code);
        expect_state(fake, r == 0 ? SPH_DEVICE_RUNNING : SPH_DEVICE_STOPPED);
        assert_int_equal(sph_launch_stop(fake->device_fd, "d", &err), 0);
        expect_state(fake, SPH_DEVICE_STOPPED);
    }
}

/* A gateway that cannot be started beside a machine that ran already leaves that one alone. */
static void test_what_ran_before_goes_on(void **state) {
    struct fake_gateway *fake = *state;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, &err), 0);
    kill_gateway(fake);
    (void)setenv("SPH_TEST_GATEWAY", "no room\n", 1);
    assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, &err), -EREMOTEIO);
    assert_string_equal(err.text, "no room");
    expect_state(fake, SPH_DEVICE_AGENT_ONLY);
}

/* A machine that takes no SIGTERM is killed; its gateway is gone, so nobody can be asked. */
static void test_a_deaf_machine(void **state) {
    struct fake_gateway *fake = *state;
    struct sph_err err = SPH_ERR_NULL;
    (void)setenv("SPH_TEST_MACHINE", "deaf", 1);
    assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, &err), 0);
    kill_gateway(fake);
    assert_int_equal(sph_launch_stop(fake->device_fd, "d", &err), 0);
    expect_state(fake, SPH_DEVICE_STOPPED);
}

/* A request that was heard is given the apps' grace time: SIGTERM would cut the machine's power. */
static void *end_machine_soon(void *context) {
    (void)usleep(1500 * 1000);
    kill_machine(context);
    return NULL;
}

static void test_a_machine_is_given_time(void **state) {
    static const struct fake_route routes[] = {{.request = "", .body = "{\"stopping\":true}"}};
    struct fake_gateway *fake = *state;
    struct sph_err err = SPH_ERR_NULL;
    pthread_t thread;
    (void)setenv("SPH_TEST_MACHINE", "deaf", 1); /* SIGTERM would cost 3 s more */
    assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, &err), 0);
    fake_start(fake, routes);
    assert_int_equal(pthread_create(&thread, NULL, end_machine_soon, fake), 0);
    assert_int_equal(sph_launch_stop(fake->device_fd, "d", &err), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    fake_stop(fake);
    assert_string_equal(fake->seen, "POST /spherule/v1/stop {}\n");
    expect_state(fake, SPH_DEVICE_STOPPED);
}

/* There are no groups of it in this machine, and no root to ask for. */
static void test_nothing_to_sweep(void **state) {
    struct fake_gateway *fake = *state;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_launch_sweep(fake->device_fd, &err), 0);
    assert_int_equal(faccessat(fake->device_fd, "swept", F_OK, 0), -1);
}

static void put_backend(const struct fake_gateway *fake, const char *backend) {
    char text[64];
    (void)snprintf(text, sizeof(text), "{\"backend\":\"%s\"}", backend);
    assert_int_equal(
        sph_file_replace(fake->device_fd, "device.json", text, strlen(text), 0644, NULL), 0);
}

/* device.json changed by hand: what runs is still seen and stopped, and nothing started beside it.
 */
static void test_a_backend_that_changed(void **state) {
    struct fake_gateway *fake = *state;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, &err), 0);
    put_backend(fake, "native");
    expect_state(fake, SPH_DEVICE_RUNNING);
    assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, &err), -EBUSY);
    assert_string_equal(err.text, "the machine of this device runs, though its device.json has the "
                                  "backend 'native': stop it first");
    assert_int_equal(sph_launch_stop(fake->device_fd, "d", &err), 0);
    expect_state(fake, SPH_DEVICE_STOPPED);
    put_backend(fake, "board");
    assert_int_equal(sph_launch_start(fake->device_fd, "d", NULL, &err), -EBADMSG);
    assert_string_equal(err.text, "device.json: there is no backend 'board'; use \"native\" or "
                                  "\"virtual\"");
}

/* ---- the command ---- */

static const struct fake_route connected[] = {
    {.request = "GET /spherule/v1/gateway", .body = "{\"connected\":true,\"machineRuns\":true}"},
    {.request = "", .body = "{}"},
};
static const struct fake_route dead[] = {
    {.request = "",
     .body = "{\"connected\":false,\"machineRuns\":false,"
             "\"message\":\"the machine ended: no disk\"}"},
};
static const struct fake_route dead_in_silence[] = {
    {.request = "", .body = "{\"connected\":false,\"machineRuns\":false}"},
};
static const struct fake_route waiting[] = {
    {.request = "", .body = "{\"connected\":false,\"machineRuns\":true}"},
};
static const struct fake_route nonsense[] = {{.request = "", .body = "<html>"}};

static const struct talk starts[] = {
    {"device start", dead, 3, "", "error: the machine ended: no disk\n"},
    {"device start", dead_in_silence, 3, "",
     "error: the machine of device 'd' ended while it started; see console.log and machine.log in "
     "its folder\n"},
    {"device start", nonsense, 1, "",
     "error: the gateway of device 'd' gave an answer that is not JSON\n"},
};

/* Told at once, and nothing is left of the start. */
static void test_a_machine_that_dies(void **state) {
    for (size_t i = 0; i < SPH_ARRAY_SIZE(starts); i++) {
        check_talk(*state, &starts[i]);
        expect_state(*state, SPH_DEVICE_STOPPED);
    }
}

static void test_the_command(void **state) {
    static const struct talk talks[] = {
        {"device start", connected, 0, "", "Device 'd' started.\n"},
        {"device start", connected, 0, "", "Device 'd' is running already.\n"},
        {"device list -o tsv", connected, 0, "d\trunning\tvirtual\tmt3620\t262144\t1048576\n", ""},
        {"device delete d", connected, 1, "",
         "error: device 'd' is running; stop it first, or use --force\n"},
    };
    struct fake_gateway *fake = *state;
    struct sph_err err = SPH_ERR_NULL;
    check_talks(state, talks, SPH_ARRAY_SIZE(talks));
    assert_int_equal(sph_launch_stop(fake->device_fd, "d", &err), 0);
    static const struct talk gone = {"device delete d", NULL, 0, "", "Device 'd' deleted.\n"};
    assert_int_equal(sph_file_replace(fake->device_fd, "agent.sock", "", 0, 0600, NULL), 0);
    assert_int_equal(sph_file_replace(fake->device_fd, "state.img", "x", 1, 0600, NULL), 0);
    (void)setenv("SPH_TEST_AGENT", "silent", 1);
    check_talk(fake, &gone);
    assert_int_equal(faccessat(fake->home_fd, "devices/d", F_OK, 0), -1);
}

/* SIGINT once the file is there: a start that has got that far. */
static void *interrupt_soon(void *context) {
    const struct fake_gateway *fake = context;
    for (int i = 0; i < 500; i++) {
        if (sph_launch_state(fake->device_fd) == SPH_DEVICE_RUNNING)
            break;
        (void)usleep(10 * 1000);
    }
    (void)usleep(50 * 1000);
    (void)kill(getpid(), SIGINT);
    return NULL;
}

/* Ctrl+C while the program starts, and while the machine does: both ends are taken back, in
 * silence.
 */
static void test_an_interrupt_takes_back(void **state) {
    static const char *const gateways[] = {"stuck", "ok"};
    static struct spoken spoken;
    struct fake_gateway *fake = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(gateways); i++) {
        pthread_t thread;
        (void)setenv("SPH_TEST_GATEWAY", gateways[i], 1);
        fake_start(fake, waiting);
        assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, fake), 0);
        speak("device start", &spoken);
        assert_int_equal(pthread_join(thread, NULL), 0);
        fake_stop(fake);
        sph_interrupt_clear();
        assert_int_equal(spoken.status, 128 + SIGINT);
        assert_string_equal(spoken.err, "");
        expect_state(fake, SPH_DEVICE_STOPPED);
    }
}

#define VIRTUAL(test) cmocka_unit_test_setup_teardown(test, set_up, fake_programs_tear_down)

int main(int argc, char **argv) {
    int part = fake_act(argc, argv);
    if (part >= 0)
        return part;
    const struct CMUnitTest tests[] = {
        VIRTUAL(test_start_and_stop),
        VIRTUAL(test_a_gateway_that_is_gone),
        VIRTUAL(test_a_machine_that_is_gone),
        VIRTUAL(test_ways_to_begin),
        VIRTUAL(test_what_ran_before_goes_on),
        VIRTUAL(test_a_deaf_machine),
        VIRTUAL(test_a_machine_is_given_time),
        VIRTUAL(test_nothing_to_sweep),
        VIRTUAL(test_a_backend_that_changed),
        VIRTUAL(test_a_machine_that_dies),
        VIRTUAL(test_the_command),
        VIRTUAL(test_an_interrupt_takes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
