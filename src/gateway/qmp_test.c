/* QEMU's control protocol: its lines, and a conversation with one that is good, bad, or gone. */
#include "base/testing.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/unix_socket.h"
#include "gateway/qmp.h"

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
        {"{\"return\":\"longer than there is room\"}", -EPROTO, NULL},
        {"{\"error\":{\"class\":\"GenericError\"}}", -EPROTO, NULL},
        {"", -EPROTO, NULL},
        {"x", -EPROTO, NULL},
        {"{\"return\":", -EPROTO, NULL},
        {"[]", 0, NULL},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        char text[16] = "?";
        assert_int_equal(sph_qmp_parse(cases[i].line, strlen(cases[i].line), text, sizeof(text)),
                         cases[i].code);
        if (cases[i].text)
            assert_string_equal(text, cases[i].text);
    }
}

#define GREETING "{\"QMP\":{\"version\":{}}}\r\n"
#define DONE "{\"return\":{}}\r\n"

/* A QEMU that says these things, one after each line that it hears, the first unasked. */
static pid_t play(const struct sph_scratch *scratch, const char *const *says) {
    int listen_fd = sph_unix_listen(scratch->fd, "machine.sock", SOCK_STREAM, 0600, NULL);
    assert_true(listen_fd >= 0);
    pid_t pid = fork();
    if (pid == 0) {
        char heard[1024];
        (void)fcntl(listen_fd, F_SETFL, 0);
        int fd = accept(listen_fd, NULL, NULL);
        for (; fd >= 0 && *says; says++) {
            (void)!write(fd, *says, strlen(*says));
            if (says[1] && read(fd, heard, sizeof(heard)) <= 0)
                break;
        }
        _exit(0);
    }
    (void)close(listen_fd);
    return pid;
}

static void conversations(void **state) {
    const struct sph_scratch *scratch = *state;
    static const struct {
        const char *says[5];
        int code;
        const char *sentence;
    } cases[] = {
        {{GREETING, DONE, "{\"return\":\"\"}\r\n", NULL}, 0, ""},
        {{GREETING, "{\"event\":\"X\"}\r\n" DONE, "{\"event\":\"Y\"}\r\n{\"return\":\"\"}\r\n",
          NULL},
         0,
         ""},
        {{GREETING, DONE, "{\"return\":\"Could not set it up\\r\\n\"}\r\n", NULL},
         -EADDRINUSE,
         "port 4000 of 127.0.0.1 cannot be forwarded: Could not set it up"},
        {{GREETING, DONE, "{\"error\":{}}\r\n", NULL},
         -EPROTO,
         "the virtual machine does not take a forward: Protocol error"},
        {{GREETING, "noise\r\n", NULL},
         -EPROTO,
         "the virtual machine does not take a forward: Protocol error"},
        {{GREETING, NULL},
         -ECONNRESET,
         "the virtual machine does not take a forward: Connection reset by peer"},
    };
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_err err = SPH_ERR_NULL;
        pid_t pid = play(scratch, cases[i].says);
        assert_int_equal(sph_qmp_forward(scratch->fd, 4000, 2345, &err), cases[i].code);
        if (cases[i].code)
            assert_err(&err, cases[i].code, cases[i].sentence);
        (void)waitpid(pid, NULL, 0);
    }
}

static void nobody_there(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_qmp_forward(scratch->fd, 1, 2, &err), -ENOENT);
    assert_err(&err, -ENOENT,
               "cannot connect to the socket machine.sock: No such file or directory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test_setup_teardown(conversations, sph_scratch_make, sph_scratch_remove),
        cmocka_unit_test_setup_teardown(nobody_there, sph_scratch_make, sph_scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
