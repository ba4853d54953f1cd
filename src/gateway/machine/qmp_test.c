/* QEMU's control protocol: its lines, and a conversation with one that is good, bad, slow or gone.
 */
#include "base/testing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "gateway/machine/qmp.h"

static void lines(void **state) {
    (void)state;
    static const struct {
        const char *line;
        int code;
        const char *text;
    } cases[] = {
        {"{\"QMP\":{\"version\":{}}}", 0, NULL},
        {"{\"event\":\"RESUME\"}", 0, NULL},
        {"{\"return\":{}}", 1, ""},
        {"{\"return\":\"\"}", 1, ""},
        {"{\"return\":\"could not\\r\\n\"}", 1, "could not\r\n"},
        {"{\"return\":\"a\\u0000b\"}", -EPROTO, NULL},
        {"{\"error\":{\"class\":\"GenericError\"}}", -EPROTO, NULL},
        {"", -EPROTO, NULL},
        {"x", -EPROTO, NULL},
        {"{\"return\":", -EPROTO, NULL},
        {"[]", -EPROTO, NULL},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        char text[SPH_QMP_TEXT] = "?";
        assert_int_equal(sph_qmp_parse(cases[i].line, strlen(cases[i].line), text), cases[i].code);
        assert_string_equal(text, cases[i].text ? cases[i].text : "?");
    }
}

static void a_long_text_is_cut(void **state) {
    (void)state;
    char line[1024], text[SPH_QMP_TEXT];
    int len = snprintf(line, sizeof(line), "{\"return\":\"%0900d\"}", 1);
    assert_int_equal(sph_qmp_parse(line, (size_t)len, text), 1);
    assert_int_equal(strlen(text), SPH_QMP_TEXT - 1);
}

struct outcome {
    unsigned calls;
    int rc;
    char text[400];
};

static void on_answer(void *context, int rc, const char *text) {
    struct outcome *outcome = context;
    outcome->calls++;
    outcome->rc = rc;
    (void)snprintf(outcome->text, sizeof(outcome->text), "%s", text);
}

#define GREETING "{\"QMP\":{\"version\":{}}}\r\n"
#define DONE "{\"return\":{}}\r\n"
#define REFUSES "the virtual machine does not take commands: "

/* Asks, and plays a QEMU that says these things: one after each line that it hears, the first
 * unasked; at the end it hangs up, or says nothing any more. */
static struct outcome talk(const char *const *says, bool hangs_up, char ret_heard[1024]) {
    struct sph_loop *loop;
    struct sph_qmp *qmp = NULL;
    struct outcome outcome = {0};
    int fds[2];
    size_t len = 0, said = 0, heard = 0;
    assert_int_equal(sph_loop_new(&loop, NULL), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(
        sph_qmp_ask(loop, fds[0], "hostfwd_add net x", on_answer, &outcome, &qmp, NULL), 0);
    assert_non_null(qmp);
    for (unsigned i = 0; i < 200 && !outcome.calls; i++) {
        for (; said <= heard && says[said]; said++)
            assert_true(write(fds[1], says[said], strlen(says[said])) > 0);
        if (!says[said] && hangs_up && fds[1] >= 0) {
            (void)close(fds[1]);
            fds[1] = -1;
        }
        (void)sph_loop_step(loop, fds[1] < 0 || hangs_up ? 20 : 2500);
        ssize_t got = fds[1] < 0 ? 0 : read(fds[1], ret_heard + len, 1023 - len);
        for (ssize_t at = 0; at < got; at++)
            heard += ret_heard[len++] == '\n';
    }
    ret_heard[len] = '\0';
    if (fds[1] >= 0)
        (void)close(fds[1]);
    (void)sph_loop_free(loop);
    return outcome;
}

static void conversations(void **state) {
    (void)state;
    static const struct {
        const char *says[5];
        bool hangs_up;
        int code;
        const char *text;
    } cases[] = {
        {{GREETING, DONE, "{\"return\":\"\"}\r\n", NULL}, true, 0, ""},
        {{"", DONE, "{\"event\":\"Y\"}\r\n{\"return\":\"\"}\r\n", NULL}, false, 0, ""},
        {{GREETING "{\"event\":\"X\"}\r\n", DONE, "{\"return\":\"Could not\\r\\n\"}\r\n", NULL},
         true,
         0,
         "Could not\r\n"},
        {{GREETING, DONE, "{\"error\":{}}\r\n", NULL}, true, -EPROTO, REFUSES "Protocol error"},
        {{GREETING, "noise\r\n", NULL}, true, -EPROTO, REFUSES "Protocol error"},
        {{GREETING, NULL}, true, -ECONNRESET, REFUSES "Connection reset by peer"},
        {{GREETING, DONE, NULL}, false, -ETIMEDOUT, REFUSES "Connection timed out"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        char heard[1024];
        const char *const *says = cases[i].says[0][0] ? cases[i].says : cases[i].says + 1;
        struct outcome outcome = talk(says, cases[i].hangs_up, heard);
        assert_int_equal(outcome.calls, 1);
        assert_int_equal(outcome.rc, cases[i].code);
        assert_string_equal(outcome.text, cases[i].text);
        if (cases[i].code == 0)
            assert_string_equal(heard, "{\"execute\":\"qmp_capabilities\"}\n"
                                       "{\"execute\":\"human-monitor-command\",\"arguments\":{"
                                       "\"command-line\":\"hostfwd_add net x\"}}\n");
    }
}

/* More than any answer has, without an end. */
static void a_line_without_an_end(void **state) {
    (void)state;
    static char noise[8193];
    char heard[1024];
    memset(noise, 'x', sizeof(noise) - 1);
    const char *const says[] = {noise, NULL};
    struct outcome outcome = talk(says, false, heard);
    assert_int_equal(outcome.rc, -EPROTO);
    assert_string_equal(outcome.text, REFUSES "Protocol error");
}

static void what_cannot_be_asked(void **state) {
    (void)state;
    struct sph_loop *loop;
    struct sph_qmp *qmp = NULL;
    struct sph_err err = SPH_ERR_NULL;
    struct outcome outcome = {0};
    char command[300];
    int fds[2];
    assert_int_equal(sph_loop_new(&loop, NULL), 0);
    (void)snprintf(command, sizeof(command), "%0299d", 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        if (i == 0)
            (void)close(fds[1]);
        int rc = sph_qmp_ask(loop, fds[0], i ? command : "x", on_answer, &outcome, &qmp, &err);
        assert_int_equal(rc, i ? -EMSGSIZE : -EPIPE);
        assert_err(&err, rc,
                   i ? "the command to the virtual machine is too long" : REFUSES "Broken pipe");
        assert_null(qmp);
        assert_int_equal(fcntl(fds[0], F_GETFD), -1); /* closed */
        if (i == 1)
            (void)close(fds[1]);
    }
    assert_int_equal(outcome.calls, 0);
    (void)sph_loop_free(loop);
}

static void a_cancelled_one_calls_nobody(void **state) {
    (void)state;
    struct sph_loop *loop;
    struct sph_qmp *qmp;
    struct outcome outcome = {0};
    int fds[2];
    assert_int_equal(sph_loop_new(&loop, NULL), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(sph_qmp_ask(loop, fds[0], "x", on_answer, &outcome, &qmp, NULL), 0);
    assert_true(write(fds[1], "noise\n", 6) == 6);
    assert_null(sph_qmp_cancel(qmp));
    assert_null(sph_qmp_cancel(NULL));
    (void)sph_loop_step(loop, 10);
    assert_int_equal(outcome.calls, 0);
    (void)close(fds[1]);
    (void)sph_loop_free(loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(a_long_text_is_cut),
        cmocka_unit_test(conversations),
        cmocka_unit_test(a_line_without_an_end),
        cmocka_unit_test(what_cannot_be_asked),
        cmocka_unit_test(a_cancelled_one_calls_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
