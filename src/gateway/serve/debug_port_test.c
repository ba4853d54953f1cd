/* The port to a debug server: laid, answered, taken away, with a QEMU that this test plays. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "gateway/serve/debug_port.h"

static const struct sph_guid app = {{1}}, other = {{2}};

struct bench {
    struct sph_loop *loop;
    struct sph_backend backend;
    struct sph_debug_port port;
    int qemu_fd;       /* our end of the command under way; -1 = none */
    bool refuses;      /* control fails */
    char asked[4096];  /* all commands, one a line */
    const char *says;  /* to a command; NULL: nothing yet */
    unsigned refusals; /* so many commands are answered by a sentence first */
    unsigned calls;
    int rc;
    uint16_t host_port;
    char text[300];
};

static int control(void *context, struct sph_err *err) {
    struct bench *bench = context;
    int fds[2];
    if (bench->refuses)
        return SPH_FAIL(err, -ECONNREFUSED, "nobody is there");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    if (bench->qemu_fd >= 0)
        (void)close(bench->qemu_fd);
    bench->qemu_fd = fds[1];
    return fds[0];
}

static int set_up(void **state) {
    struct bench *bench = calloc(1, sizeof(*bench));
    assert_non_null(bench);
    bench->qemu_fd = -1;
    bench->says = "";
    bench->backend = (struct sph_backend){.name = "bench", .control = control, .context = bench};
    assert_int_equal(sph_loop_new(&bench->loop, NULL), 0);
    sph_debug_port_init(&bench->port, bench->loop, &bench->backend);
    *state = bench;
    return 0;
}

static int tear_down(void **state) {
    struct bench *bench = *state;
    sph_debug_port_done(&bench->port);
    (void)sph_loop_free(bench->loop);
    if (bench->qemu_fd >= 0)
        (void)close(bench->qemu_fd);
    free(bench);
    return 0;
}

static void on_port(void *context, int rc, uint16_t host_port, const char *text) {
    struct bench *bench = context;
    bench->calls++;
    bench->rc = rc;
    bench->host_port = host_port;
    (void)snprintf(bench->text, sizeof(bench->text), "%s", text);
}

static void open_for(struct bench *bench, const struct sph_guid *component) {
    sph_debug_port_open(&bench->port, component, 2345, on_port, bench);
}

/* The command in a line of the protocol, kept for the test. */
static void keep(struct bench *bench, const char *line) {
    const char *begin = strstr(line, "\"command-line\":\"");
    assert_non_null(begin);
    begin += strlen("\"command-line\":\"");
    size_t len = strlen(bench->asked);
    (void)snprintf(bench->asked + len, sizeof(bench->asked) - len, "%.*s\n",
                   (int)strcspn(begin, "\""), begin);
}

static void say(const struct bench *bench, const char *text) {
    char line[200];
    int len = snprintf(line, sizeof(line), "{\"return\":\"%s\"}\r\n", text);
    assert_int_equal(write(bench->qemu_fd, line, (size_t)len), len);
}

/* A good while for both sides. */
static void run(struct bench *bench) {
    for (unsigned i = 0; i < 60; i++) {
        char heard[1024];
        (void)sph_loop_step(bench->loop, 1);
        ssize_t got = bench->qemu_fd < 0 ? -1 : read(bench->qemu_fd, heard, sizeof(heard) - 1);
        if (got <= 0)
            continue;
        heard[got] = '\0';
        if (strstr(heard, "qmp_capabilities")) {
            assert_true(write(bench->qemu_fd, "{\"return\":{}}\r\n", 15) == 15);
            continue;
        }
        keep(bench, heard);
        if (bench->refusals > 0) {
            bench->refusals--;
            say(bench, "Could not set up\\r\\n");
        } else if (bench->says) {
            say(bench, bench->says);
        }
    }
}

static void expect_asked(struct bench *bench, const char *verbs) {
    char seen[512] = "";
    for (const char *at = bench->asked; *at; at = strchr(at, '\n') + 1)
        (void)strncat(seen, strncmp(at, "hostfwd_add", 11) == 0 ? "+" : "-", 2);
    assert_string_equal(seen, verbs);
}

static void laid_and_taken_away(void **state) {
    struct bench *bench = *state;
    char wanted[200];
    open_for(bench, &app);
    assert_int_equal(bench->calls, 0);
    assert_int_equal(sph_debug_port_get(&bench->port, &app), 0); /* not yet */
    run(bench);
    assert_int_equal(bench->calls, 1);
    assert_int_equal(bench->rc, 0);
    assert_true(bench->host_port >= 1024);
    assert_int_equal(sph_debug_port_get(&bench->port, &app), bench->host_port);
    assert_int_equal(sph_debug_port_get(&bench->port, &other), 0);
    sph_debug_port_close(&bench->port, &other);
    run(bench);
    expect_asked(bench, "+");
    sph_debug_port_close(&bench->port, &app);
    assert_int_equal(sph_debug_port_get(&bench->port, &app), 0);
    run(bench);
    (void)snprintf(wanted, sizeof(wanted),
                   "hostfwd_add net tcp:127.0.0.1:%u-:2345\nhostfwd_remove net tcp:127.0.0.1:%u\n",
                   bench->host_port, bench->host_port);
    assert_string_equal(bench->asked, wanted);
    assert_int_equal(bench->calls, 1);
}

/* Asked again for the same server: the same port, without a word to QEMU. */
static void the_same_port_again(void **state) {
    struct bench *bench = *state;
    open_for(bench, &app);
    run(bench);
    uint16_t first = bench->host_port;
    open_for(bench, &other);
    assert_int_equal(bench->calls, 2);
    assert_int_equal(bench->host_port, first);
    assert_int_equal(sph_debug_port_get(&bench->port, &app), 0);
    assert_int_equal(sph_debug_port_get(&bench->port, &other), first);
    run(bench);
    expect_asked(bench, "+");
}

static void ends_while_it_is_laid(void **state) {
    struct bench *bench = *state;
    bench->says = NULL;
    open_for(bench, &app);
    run(bench);
    sph_debug_port_close(&bench->port, &app);
    assert_int_equal(bench->calls, 1);
    assert_int_equal(bench->rc, -ECANCELED);
    assert_string_equal(bench->text, "the application has ended");
    say(bench, "");
    bench->says = "";
    run(bench);
    expect_asked(bench, "+-");
}

static void begins_while_it_is_taken_away(void **state) {
    struct bench *bench = *state;
    open_for(bench, &app);
    run(bench);
    bench->says = NULL;
    sph_debug_port_close(&bench->port, NULL);
    run(bench);
    open_for(bench, &app);
    run(bench);
    assert_int_equal(bench->calls, 1);
    bench->says = "";
    say(bench, "");
    run(bench);
    expect_asked(bench, "+-+");
    assert_int_equal(bench->calls, 2);
    assert_int_equal(bench->rc, 0);
}

static void another_port_when_one_is_taken(void **state) {
    struct bench *bench = *state;
    bench->refusals = 7;
    open_for(bench, &app);
    run(bench);
    expect_asked(bench, "++++++++");
    assert_int_equal(bench->rc, 0);
    assert_int_equal(bench->calls, 1);
}

static void no_port_to_be_had(void **state) {
    struct bench *bench = *state;
    bench->refusals = 8;
    open_for(bench, &app);
    run(bench);
    expect_asked(bench, "++++++++");
    assert_int_equal(bench->rc, -EADDRINUSE);
    assert_string_equal(bench->text, "the virtual machine forwards no port: Could not set up");
    assert_int_equal(sph_debug_port_get(&bench->port, &app), 0);
    open_for(bench, &app); /* anew */
    run(bench);
    assert_int_equal(bench->rc, 0);
}

static void nobody_to_be_asked(void **state) {
    struct bench *bench = *state;
    bench->refuses = true;
    open_for(bench, &app);
    assert_int_equal(bench->calls, 1);
    assert_int_equal(bench->rc, -ECONNREFUSED);
    assert_string_equal(bench->text, "nobody is there");
    bench->refuses = false;
    open_for(bench, &app);
    run(bench);
    assert_int_equal(bench->rc, 0);
    bench->refuses = true; /* what cannot be taken away is gone with who had it */
    sph_debug_port_close(&bench->port, &app);
    bench->refuses = false;
    open_for(bench, &app);
    run(bench);
    expect_asked(bench, "++");
}

static void one_waits_at_a_time(void **state) {
    struct bench *bench = *state;
    open_for(bench, &app);
    open_for(bench, &other);
    assert_int_equal(bench->calls, 1);
    assert_int_equal(bench->rc, -EBUSY);
    assert_string_equal(bench->text, "another debugger is just being given its port");
    run(bench);
    assert_int_equal(bench->calls, 2);
    assert_int_equal(bench->rc, 0);
    assert_true(sph_debug_port_get(&bench->port, &app) > 0);
}

static void who_has_gone_is_not_called(void **state) {
    struct bench *bench = *state;
    open_for(bench, &app);
    sph_debug_port_forget(&bench->port, state);
    sph_debug_port_forget(&bench->port, bench);
    run(bench);
    assert_int_equal(bench->calls, 0);
    assert_true(sph_debug_port_get(&bench->port, &app) > 0);
}

static void a_machine_that_ends(void **state) {
    struct bench *bench = *state;
    bench->says = NULL;
    open_for(bench, &app);
    run(bench);
    sph_debug_port_reset(&bench->port);
    assert_int_equal(bench->calls, 1);
    assert_int_equal(bench->rc, -ECANCELED);
    assert_string_equal(bench->text, "the virtual machine has ended");
    bench->says = "";
    open_for(bench, &app);
    run(bench);
    assert_int_equal(bench->rc, 0);
    sph_debug_port_reset(&bench->port);
    assert_int_equal(bench->calls, 2);
    assert_int_equal(sph_debug_port_get(&bench->port, &app), 0);
    run(bench);
    expect_asked(bench, "++");
}

/* The server's own port: there is nothing between. */
static void native(void **state) {
    struct bench *bench = *state;
    bench->backend.control = NULL;
    open_for(bench, &app);
    assert_int_equal(bench->calls, 1);
    assert_int_equal(bench->host_port, 2345);
    assert_int_equal(sph_debug_port_get(&bench->port, &app), 2345);
    sph_debug_port_close(&bench->port, &app);
    assert_int_equal(sph_debug_port_get(&bench->port, &app), 0);
    open_for(bench, &other);
    assert_int_equal(sph_debug_port_get(&bench->port, &other), 2345);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(laid_and_taken_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_port_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_while_it_is_laid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(begins_while_it_is_taken_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_port_when_one_is_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_port_to_be_had, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_to_be_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_waits_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_has_gone_is_not_called, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_machine_that_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(native, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
