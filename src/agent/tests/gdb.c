#include "agent/tests/gdb.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

enum { GDB_MS = 20000, GDB_ARGUMENTS = 64 };

static _Noreturn void be_gdb(const char *program, bool stays, const char *const *commands, int in,
                             int out) {
    /* The target's files are its own: nothing is fetched through the server. */
    const char *argv[GDB_ARGUMENTS] = {"gdb",
                                       "-nx",
                                       "-q",
                                       "-iex",
                                       "set sysroot /nonexistent",
                                       "-iex",
                                       "set debuginfod enabled off",
                                       "-iex",
                                       "set confirm off",
                                       "-iex",
                                       "set style enabled off"};
    size_t n = 11;
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (!stays)
        argv[n++] = "-batch";
    argv[n++] = "-ex";
    argv[n++] = "target remote 127.0.0.1:2345";
    for (; *commands && n + 4 < GDB_ARGUMENTS; commands++) {
        argv[n++] = "-ex";
        argv[n++] = *commands;
    }
    argv[n++] = program;
    argv[n] = NULL;
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(126);
    (void)setenv("HOME", "/nonexistent", 1);
    (void)execvp("gdb", (char **)(uintptr_t)argv);
    _exit(127);
}

void gdb_start(struct gdb *gdb, const char *program, bool stays, const char *const *commands) {
    int in[2], out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(fcntl(out[0], F_SETFL, O_NONBLOCK), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        be_gdb(program, stays, commands, in[0], out[1]);
    (void)close(in[0]);
    (void)close(out[1]);
    *gdb = (struct gdb){.in = in[1], .out = out[0]};
}

static void gdb_read(struct gdb *gdb) {
    size_t room = sizeof(gdb->text) - 1 - gdb->len;
    ssize_t len = gdb->out < 0 ? -1 : read(gdb->out, gdb->text + gdb->len, room);
    if (len > 0)
        gdb->len += (size_t)len;
    if (len == 0) {
        (void)close(gdb->out);
        gdb->out = -1;
    }
    gdb->text[gdb->len] = '\0';
}

void gdb_await(struct rig *rig, struct gdb *gdb, const char *text) {
    uint64_t end = sph_clock_monotonic_ms() + GDB_MS;
    for (;;) {
        gdb_read(gdb);
        if (text ? strstr(gdb->text, text) != NULL : gdb->out < 0)
            return;
        if (gdb->out < 0 || sph_clock_monotonic_ms() > end)
            fail_msg("no \"%s\" from gdb, but: %s", text ? text : "end", gdb->text);
        (void)sph_loop_step(rig->device.loop, 5);
    }
}

void gdb_end(struct rig *rig, struct gdb *gdb) {
    (void)close(gdb->in);
    gdb_await(rig, gdb, NULL);
}

void gdb_has(const struct gdb *gdb, const char *text) {
    if (!strstr(gdb->text, text))
        fail_msg("no \"%s\" from gdb, but: %s", text, gdb->text);
}
