/* The lines for people: their prefixes, who is silent when, and statuses of failures; and the flag
 * that a signal sets. */
#include "cli/device/fake_gateway_test.h"

#include <signal.h>
#include <time.h>

#include "cli/device/interrupt.h"
#include "cli/device/rest_client.h"

static const struct {
    enum sph_output output;
    bool verbose;
    const char *said;
} voices[] = {
    {SPH_OUTPUT_TABLE, false, "error: e 1\nwarn: w 2\ns 4\n"},
    {SPH_OUTPUT_TABLE, true, "error: e 1\nwarn: w 2\nverbose: v 3\ns 4\n"},
    {SPH_OUTPUT_JSON, false, "error: e 1\nwarn: w 2\ns 4\n"},
    {SPH_OUTPUT_TSV, true, "error: e 1\nwarn: w 2\nverbose: v 3\ns 4\n"},
    {SPH_OUTPUT_NONE, false, "error: e 1\nwarn: w 2\n"},
    {SPH_OUTPUT_NONE, true, "error: e 1\nwarn: w 2\nverbose: v 3\n"},
};

static void test_voices(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(voices); i++) {
        const struct sph_cli cli = {.output = voices[i].output, .verbose = voices[i].verbose};
        char text[256];
        int saved;
        int file = capture_begin(STDERR_FILENO, &saved);
        sph_say_error("e %d", 1);
        sph_say_warn("w %d", 2);
        sph_say_verbose(&cli, "v %d", 3);
        sph_say(&cli, "s %d", 4);
        capture_end(STDERR_FILENO, saved, file, text, sizeof(text));
        assert_string_equal(text, voices[i].said);
    }
}

/* A percent sign in a device's sentence is text, and no order to printf. */
static void test_failures(void **state) {
    static const struct {
        int code, as; /* as 0: by the code */
        int status;
    } rows[] = {
        {-ENOENT, 0, SPH_EXIT_NOT_FOUND},       {-EIO, 0, SPH_EXIT_IO},
        {-EREMOTEIO, 0, SPH_EXIT_FAILED},       {-ENOENT, SPH_EXIT_INPUT, SPH_EXIT_INPUT},
        {-EIO, SPH_RUN_FAILED, SPH_RUN_FAILED},
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        char text[128];
        int saved;
        struct sph_err err = SPH_ERR_NULL;
        SPH_FAIL(&err, rows[i].code, "100%% %%s%%n");
        int file = capture_begin(STDERR_FILENO, &saved);
        int status = rows[i].as ? sph_say_failure_as(rows[i].as, &err) : sph_say_failure(&err);
        capture_end(STDERR_FILENO, saved, file, text, sizeof(text));
        assert_string_equal(text, "error: 100% %s%n\n");
        assert_int_equal(status, rows[i].status);
    }
}

/* Longer than any sentence: cut, and still one line. */
static void test_a_long_line(void **state) {
    static char words[9000], text[9000];
    int saved;
    (void)state;
    memset(words, 'w', sizeof(words));
    words[sizeof(words) - 1] = '\0';
    int file = capture_begin(STDERR_FILENO, &saved);
    int status = sph_say_usage("%s", words);
    capture_end(STDERR_FILENO, saved, file, text, sizeof(text));
    assert_int_equal(status, SPH_EXIT_USAGE);
    assert_memory_equal(text, "error: www", 10);
    assert_int_equal(strlen(text), 7 + 4095 + 1);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

/* Both signals, again and again; a wait is cut short, since a flag that nobody looks at is no stop.
 */
static void test_interrupts(void **state) {
    static const int signals[] = {SIGINT, SIGTERM, SIGINT};
    struct sigaction old_int, old_term;
    (void)state;
    (void)sigaction(SIGINT, NULL, &old_int);
    (void)sigaction(SIGTERM, NULL, &old_term);
    sph_interrupt_catch();
    for (size_t i = 0; i < SPH_ARRAY_SIZE(signals); i++) {
        sph_interrupt_clear();
        assert_int_equal(sph_interrupt_signal(), 0);
        assert_int_equal(*sph_interrupt_flag(), 0);
        (void)raise(signals[i]);
        (void)raise(signals[i]);
        assert_int_equal(sph_interrupt_signal(), signals[i]);
        assert_int_equal(*sph_interrupt_flag(), signals[i]);
    }
    sph_interrupt_clear();
    struct itimerspec soon = {.it_value = {.tv_nsec = 50000000L}};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGTERM};
    timer_t timer;
    assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    assert_int_equal(timer_settime(timer, 0, &soon, NULL), 0);
    assert_int_equal(poll(NULL, 0, 5000), -1);
    assert_int_equal(errno, EINTR);
    assert_int_equal(sph_interrupt_signal(), SIGTERM);
    (void)timer_delete(timer);
    sph_interrupt_clear();
    (void)sigaction(SIGINT, &old_int, NULL);
    (void)sigaction(SIGTERM, &old_term, NULL);
}

/* A request that was interrupted before it began is not made, and its sentence says why. */
static void test_an_interrupt_before_a_request(void **state) {
    static const struct fake_route routes[] = {{.request = "", .body = "never"}};
    static const struct sph_rest_request request = {
        .method = "GET", .path = "/x", .timeout_ms = -1};
    struct fake_gateway *fake = *state;
    struct sph_rest_request cancelled = request;
    struct sph_err err = SPH_ERR_NULL;
    sph_autorest struct sph_rest *rest = NULL;
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    int flag = SIGINT;
    cancelled.cancel = &flag;
    fake_start(fake, routes);
    assert_int_equal(sph_rest_open(fake->device_fd, "d", &rest, &err), 0);
    assert_int_equal(sph_rest_call(rest, &cancelled, &body, &err), -ECANCELED);
    assert_err(&err, -ECANCELED, "interrupted");
    assert_int_equal(body.len, 0);
    flag = 0;
    assert_int_equal(sph_rest_call(rest, &cancelled, &body, &err), 0); /* cleared: as if nothing */
    assert_string_equal(body.data, "never");
    fake_stop(fake);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_voices),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_a_long_line),
        cmocka_unit_test(test_interrupts),
        WITH_DEVICE(test_an_interrupt_before_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
