/* Apps under a real gdbserver, with a real gdb at its other end. */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/app/debug.h"
#include "agent/app/debug_server.h"
#include "agent/device/logring.h"
#include "agent/tests/gdb.h"
#include "agent/tests/rig.h"
#include "base/attr.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

#define PAGE ((uint64_t)4096)
#define RATION ((uint64_t)262144)

#ifdef __aarch64__
static const char loader[] = "/lib/ld-musl-aarch64.so.1";
#else
static const char loader[] = "/lib/ld-musl-x86_64.so.1";
#endif
static const char program[] = SPH_TEST_APP;
static const char gdbserver[] = "/usr/bin/gdbserver";
static const struct sph_guid debugger = {.bytes = {0xdb, 1}};

static int setup_without(void **state) {
    *state = rig_new(program, "\"MutableStorage\":{\"SizeKB\":8}");
    return 0;
}

static int setup(void **state) {
    (void)setup_without(state);
    rig_install_debugger(*state, &debugger, gdbserver);
    return 0;
}

/* ---- a session ---- */

static void debug(struct rig *rig, const char *const *arguments) {
    struct sph_err err = SPH_ERR_NULL;
    rig->output_len = 0;
    if (rig_start(rig, arguments, SPH_START_DEBUG, &err) < 0)
        fail_msg("start: %s", err.text);
    assert_int_equal(sph_lifecycle_debug_port(rig->device.lifecycle, &rig->component), 2345);
}

/* What every end of a session has in common: nothing runs, and nothing will. */
static const struct sph_msg_report *ended(struct rig *rig, unsigned n_ends_before) {
    uint64_t end = sph_clock_monotonic_ms() + 3000;
    while (rig->n_ends == n_ends_before && sph_clock_monotonic_ms() < end)
        (void)sph_loop_step(rig->device.loop, 5);
    assert_int_equal(rig->n_ends, n_ends_before + 1);
    const struct sph_app_end *how = &rig->ends[n_ends_before % RIG_ENDS];
    assert_false(how->restarts);
    assert_int_equal(sph_lifecycle_running(rig->device.lifecycle), 0);
    assert_int_equal(sph_lifecycle_debug_port(rig->device.lifecycle, &rig->component), 0);
    const struct sph_msg_report *report = rig_report(rig, how->report_number);
    assert_true(
        sph_slice_is(report->pages_how, "not looked at: the debugger held the application"));
    assert_false(report->will_restart);
    assert_int_equal(rig_page_sum(report), 0);
    return report;
}

/* One session from start to end with a gdb that does this. */
static const struct sph_msg_report *session(struct rig *rig, const char *const *arguments,
                                            const char *const *commands, struct gdb *gdb) {
    unsigned before = rig->n_ends;
    debug(rig, arguments);
    unsigned uid = (unsigned)rig_read_status(
        sph_lifecycle_pid(rig->device.lifecycle, &rig->component), "Uid:");
    assert_true(uid >= 0x70000000);
    assert_int_equal(rig_count_processes(uid), 2); /* the app and the server */
    gdb_start(gdb, program, false, commands);
    gdb_end(rig, gdb);
    const struct sph_msg_report *report = ended(rig, before);
    assert_int_equal(rig_count_processes(uid), 0);
    return report;
}

/* Line by line in the device's log, as the debugger's. */
static bool has_note(struct rig *rig, const struct sph_guid *component, const char *text) {
    struct sph_log_line line;
    for (uint64_t cursor = 0; sph_logring_next(rig->device.log, &cursor, &line);)
        if (line.source == SPH_LOG_DEVICE && sph_guid_equal(&line.component, component) &&
            memmem(line.text, line.len, text, strlen(text)))
            return true;
    return false;
}

/* ---- what gdb can do ---- */

static void test_breakpoint_and_exit(void **state) {
    static struct gdb gdb;
    struct rig *rig = *state;
    const struct sph_msg_report *report = session(
        rig, RIG_ARGS("exit", "42"),
        RIG_ARGS("info program", "break do_exit", "continue", "backtrace", "continue"), &gdb);
    gdb_has(&gdb, "Breakpoint 1, ");
    gdb_has(&gdb, "#0  0x");
    gdb_has(&gdb, " in do_exit (");
    gdb_has(&gdb, " in main (");
    gdb_has(&gdb, "exited with code 052]");
    assert_int_equal(report->why, SPH_END_EXIT);
    assert_int_equal(report->exit_code, 42);
    assert_int_equal(report->signal, 0);
    assert_true(has_note(rig, &debugger, "debugger: Attached; pid = "));
    assert_true(has_note(rig, &debugger, "debugger: Listening on port 2345"));
    assert_string_equal(rig->output, "");
}

/* Where execve leaves it: the loader's entry point. */
static uint64_t first_instruction(pid_t pid) {
    char path[64], line[512];
    unsigned long long base = 0;
    Elf64_Ehdr head;
    (void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    sph_autofclose FILE *maps = fopen(path, "r");
    assert_non_null(maps);
    while (!base && fgets(line, sizeof(line), maps))
        if (strstr(line, loader))
            base = strtoull(line, NULL, 16);
    assert_true(base > 0);
    sph_autofclose FILE *file = fopen(loader, "r");
    assert_non_null(file);
    assert_int_equal(fread(&head, sizeof(head), 1, file), 1);
    return base + head.e_entry;
}

/* Not one instruction of it has run, nor of its loader: gdb finds it where the kernel has put it.
 */
static void test_first_instruction(void **state) {
    static struct gdb gdb;
    struct rig *rig = *state;
    unsigned before = rig->n_ends;
    struct sph_memory_figures figures;
    char wanted[64];
    debug(rig, RIG_ARGS("hello"));
    rig_run(rig, 100);
    assert_int_equal(sph_lifecycle_memory(rig->device.lifecycle, &rig->component, &figures, NULL),
                     0);
    /* What execve leaves: stack, and the pages of loader and program that it has filled up. */
    assert_true(figures.user > 0 && figures.user <= 4 * PAGE);
    assert_true(figures.user_exact);
    uint64_t first = first_instruction(sph_lifecycle_pid(rig->device.lifecycle, &rig->component));
    (void)snprintf(wanted, sizeof(wanted), "pc is 0x%llx.", (unsigned long long)first);
    gdb_start(&gdb, program, false, RIG_ARGS("printf \"pc is %#lx.\\n\", $pc", "kill"));
    gdb_end(rig, &gdb);
    gdb_has(&gdb, wanted);
    (void)ended(rig, before);
    assert_string_equal(rig->output, "");
}

static void test_crash(void **state) {
    static struct gdb gdb;
    const struct sph_msg_report *report =
        session(*state, RIG_ARGS("segv"), RIG_ARGS("continue", "backtrace", "continue"), &gdb);
    gdb_has(&gdb, "Program received signal SIGSEGV");
    gdb_has(&gdb, " in fault_here (");
    gdb_has(&gdb, "Program terminated with signal SIGSEGV");
    assert_int_equal(report->why, SPH_END_CRASH);
    assert_int_equal(report->signal, SIGSEGV);
}

/* ---- the ration ---- */

/* Its 64 pages and not one less, though the server holds many more in the same group. */
static void test_ration_holds(void **state) {
    static const char *const deeds[] = {"grow", "child-grows", "thread-grows"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(deeds); i++) {
        static struct gdb gdb;
        const struct sph_msg_report *report =
            session(*state, RIG_ARGS(deeds[i]), RIG_ARGS("continue"), &gdb);
        if (i < 2) /* of threads gdbserver 13.1 may lose sight of */
            gdb_has(&gdb, "Program terminated with signal SIGKILL");
        assert_int_equal(report->why, SPH_END_RATION);
        assert_int_equal(report->signal, SIGKILL);
        assert_int_equal(report->user_bytes, RATION);
        assert_true(report->has_crossing);
        /* Threads on several CPUs can cross together: a page more for each. */
        assert_true(report->crossing_user_bytes > RATION &&
                    report->crossing_user_bytes <= RATION + (i < 2 ? 1 : 3) * PAGE);
        assert_int_equal(report->limit_bytes, RATION);
        assert_true(report->user_exact);
    }
}

static void test_figures(void **state) {
    static struct gdb gdb;
    struct rig *rig = *state;
    unsigned before = rig->n_ends;
    struct sph_memory_figures group, app;
    debug(rig, RIG_ARGS("grow-and-wait", "20"));
    gdb_start(&gdb, program, true, RIG_ARGS("continue"));
    rig_await_output(rig, "ready", 5000);
    rig_run(rig, 50);
    assert_int_equal(sph_lifecycle_memory(rig->device.lifecycle, &rig->component, &app, NULL), 0);
    assert_int_equal(sph_lifecycle_memory(rig->device.lifecycle, NULL, &group, NULL), 0);
    assert_true(app.user >= 20 * PAGE && app.user <= 60 * PAGE);
    assert_true(group.user > app.user + RATION); /* gdbserver alone is more than a ration */
    assert_true(group.user_exact);
    assert_true(group.kernel >= app.kernel);
    (void)printf("[ figures  ] app %llu, with the debugger %llu bytes of User\n",
                 (unsigned long long)app.user, (unsigned long long)group.user);
    assert_int_equal(sph_lifecycle_stop(rig->device.lifecycle, &rig->component, NULL, NULL, NULL),
                     0);
    (void)ended(rig, before);
    gdb_end(rig, &gdb);
    assert_int_equal(sph_lifecycle_memory(rig->device.lifecycle, NULL, &group, NULL), 0);
    assert_int_equal(group.user, 0);
}

/* ---- the end of a session ---- */

/* gdb lets go of it in each way there is: the app goes with it. */
static void test_gdb_leaves(void **state) {
    static const char *const ways[] = {"kill", "detach", "disconnect", "quit", "monitor exit"};
    struct rig *rig = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(ways); i++) {
        static struct gdb gdb;
        const struct sph_msg_report *report =
            session(rig, RIG_ARGS("wait"), RIG_ARGS("break do_wait", "continue", ways[i]), &gdb);
        gdb_has(&gdb, "Breakpoint 1, ");
        assert_int_equal(report->why, SPH_END_KILLED);
        assert_int_equal(report->signal, SIGKILL);
    }
    assert_true(has_note(rig, &rig->component, "Probe is ended with its debugging session"));
}

/* By the app's id and by the debugger's; with no gdb, at a breakpoint, and while it runs. */
static void test_stop(void **state) {
    struct rig *rig = *state;
    for (int i = 0; i < 6; i++) {
        static struct gdb gdb;
        const struct sph_guid *component = i % 2 ? &debugger : &rig->component;
        unsigned before = rig->n_ends;
        debug(rig, RIG_ARGS("wait"));
        if (i >= 2) {
            gdb_start(&gdb, program, true,
                      i >= 4 ? RIG_ARGS("continue") : RIG_ARGS("break do_wait", "continue"));
            gdb_await(rig, &gdb, i >= 4 ? "Continuing." : "Breakpoint 1, ");
        }
        uint64_t asked_ms = sph_clock_monotonic_ms();
        assert_int_equal(
            sph_lifecycle_stop(rig->device.lifecycle, component, rig_stopped, rig, NULL), 0);
        rig_await_stopped(rig, 1500);
        uint64_t took_ms = sph_clock_monotonic_ms() - asked_ms;
        assert_true(took_ms < UINT64_C(2) * SPH_DEBUG_FAREWELL_MS);
        const struct sph_msg_report *report = ended(rig, before);
        assert_int_equal(report->why, SPH_END_STOPPED);
        if (i >= 2)
            gdb_end(rig, &gdb);
        if (i >= 4)
            gdb_has(&gdb, "Program terminated with signal SIGKILL");
    }
}

static pid_t server_pid(struct rig *rig) {
    char path[64];
    pid_t app = sph_lifecycle_pid(rig->device.lifecycle, &rig->component);
    pid_t tracer = (pid_t)rig_read_status(app, "TracerPid:");
    assert_true(tracer > 0);
    (void)snprintf(path, sizeof(path), "/proc/%d", (int)tracer);
    assert_int_equal(access(path, F_OK), 0);
    return tracer;
}

static unsigned open_files(void) {
    unsigned count = 0;
    sph_autoclosedir DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    return count;
}

/* Session after session, and a plain run between them: nothing is left of any. */
static void test_again_and_again(void **state) {
    struct rig *rig = *state;
    unsigned files = 0;
    for (int i = 0; i < 10; i++) {
        static struct gdb gdb;
        const struct sph_msg_report *report =
            session(rig, RIG_ARGS("exit", "7"), RIG_ARGS("continue"), &gdb);
        assert_int_equal(report->exit_code, 7);
        (void)rig_run_app(rig, RIG_ARGS("hello"));
        if (i == 0)
            files = open_files();
    }
    assert_int_equal(open_files(), files);
}

/* A gdb that makes the server talk fills no log. */
static void test_chatter_is_bounded(void **state) {
    static struct gdb gdb;
    struct rig *rig = *state;
    struct sph_log_line line;
    unsigned lines = 0;
    (void)session(rig, RIG_ARGS("exit", "7"),
                  RIG_ARGS("monitor set debug 1", "monitor set remote-debug 1", "break do_exit",
                           "continue", "stepi 300", "continue"),
                  &gdb);
    gdb_has(&gdb, "exited with code 07]");
    assert_true(has_note(rig, &debugger, "debugger: (what else it says is not kept)"));
    for (uint64_t cursor = 0; sph_logring_next(rig->device.log, &cursor, &line);)
        lines += sph_guid_equal(&line.component, &debugger);
    assert_true(lines <= SPH_DEBUG_LINES_MAX + 1);
}

/* With the loop, as for SIGTERM and a restart, and without it. */
static void test_device_ends(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct rig *rig = rig_new(program, "");
        rig_install_debugger(rig, &debugger, gdbserver);
        debug(rig, RIG_ARGS("wait"));
        pid_t app = sph_lifecycle_pid(rig->device.lifecycle, &rig->component);
        unsigned uid = (unsigned)rig_read_status(app, "Uid:");
        if (i == 0) {
            assert_int_equal(sph_lifecycle_stop_all(rig->device.lifecycle, rig_stopped, rig, NULL),
                             0);
            rig_await_stopped(rig, 1500);
            assert_int_equal(rig_count_processes(uid), 0);
        }
        uint64_t before_ms = sph_clock_monotonic_ms();
        rig_free(rig);
        assert_true(sph_clock_monotonic_ms() - before_ms < 1000);
        assert_int_equal(rig_count_processes(uid), 0);
    }
}

static void test_server_is_killed(void **state) {
    static struct gdb gdb;
    struct rig *rig = *state;
    unsigned before = rig->n_ends;
    debug(rig, RIG_ARGS("wait"));
    gdb_start(&gdb, program, true, RIG_ARGS("break do_wait", "continue"));
    gdb_await(rig, &gdb, "Breakpoint 1, ");
    assert_int_equal(kill(server_pid(rig), SIGKILL), 0);
    assert_int_equal(ended(rig, before)->why, SPH_END_KILLED);
    gdb_end(rig, &gdb);
}

/* One that hangs cannot hold up the end of its app. */
static void test_server_hangs(void **state) {
    struct rig *rig = *state;
    unsigned before = rig->n_ends;
    debug(rig, RIG_ARGS("wait"));
    assert_int_equal(kill(server_pid(rig), SIGSTOP), 0);
    assert_int_equal(sph_lifecycle_stop(rig->device.lifecycle, &rig->component, NULL, NULL, NULL),
                     0);
    assert_int_equal(ended(rig, before)->why, SPH_END_STOPPED);
}

/* It is not root's: gdb can do through it what the app's user may, and no more. */
static void test_server_has_no_rights(void **state) {
    struct rig *rig = *state;
    unsigned before = rig->n_ends;
    char path[64], line[256];
    unsigned seen = 0;
    debug(rig, RIG_ARGS("wait"));
    pid_t app = sph_lifecycle_pid(rig->device.lifecycle, &rig->component);
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)server_pid(rig));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        static const char *const none[] = {"CapPrm:", "CapEff:", "CapInh:", "CapBnd:", "CapAmb:"};
        for (size_t i = 0; i < SPH_ARRAY_SIZE(none); i++)
            if (strncmp(line, none[i], strlen(none[i])) == 0) {
                assert_string_equal(line + strlen(none[i]), "\t0000000000000000\n");
                seen++;
            }
    }
    (void)fclose(file);
    assert_int_equal(seen, 5);
    assert_int_equal(rig_read_status(server_pid(rig), "Uid:"), rig_read_status(app, "Uid:"));
    assert_int_equal(rig_read_status(server_pid(rig), "Gid:"), rig_read_status(app, "Gid:"));
    assert_int_equal(sph_lifecycle_stop(rig->device.lifecycle, &rig->component, NULL, NULL, NULL),
                     0);
    (void)ended(rig, before);
}

/* ---- starts ---- */

static int try_debug(struct rig *rig, const struct sph_guid *component, struct sph_err *err) {
    const struct sph_start_request request = {
        .component = *component, .flags = SPH_START_DEBUG, .arguments = RIG_ARGS("wait")};
    return sph_lifecycle_start(rig->device.lifecycle, &request, err);
}

static void test_refusals(void **state) {
    struct rig *rig = *state;
    struct sph_err err = SPH_ERR_NULL;
    const struct sph_guid other = {.bytes = {7}};
    unsigned before = rig->n_ends;
    rig_install(rig, &other, program, "");
    debug(rig, RIG_ARGS("wait"));
    assert_int_equal(try_debug(rig, &rig->component, &err), -EALREADY);
    assert_string_equal(err.text, "The application runs already.");
    assert_int_equal(try_debug(rig, &other, &err), -EBUSY);
    assert_string_equal(err.text, "Probe is being debugged, and the device has one debugger: stop "
                                  "that application first.");
    assert_int_equal(try_debug(rig, &debugger, &err), -ENOTSUP);
    assert_string_equal(err.text, "The debugger itself cannot be debugged.");
    assert_int_equal(sph_lifecycle_stop(rig->device.lifecycle, &rig->component, NULL, NULL, NULL),
                     0);
    (void)ended(rig, before);
}

static void test_no_debugger(void **state) {
    struct rig *rig = *state;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(try_debug(rig, &rig->component, &err), -ENOTSUP);
    assert_string_equal(
        err.text, "No debugger is installed on this device: deploy one first, an image package of "
                  "ApplicationType \"Debugger\" with gdbserver as bin/gdbserver.");
}

/* The server's own words are the reason; nothing is left, and the next start works. */
static void test_port_is_taken(void **state) {
    struct rig *rig = *state;
    struct sph_err err = SPH_ERR_NULL;
    unsigned before = rig->n_ends;
    const struct sockaddr_in name = {.sin_family = AF_INET,
                                     .sin_port = htons(SPH_DEBUG_PORT),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int taker = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(taker >= 0);
    assert_int_equal(setsockopt(taker, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), 0);
    assert_int_equal(bind(taker, (const struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(listen(taker, 1), 0);
    assert_int_equal(try_debug(rig, &rig->component, &err), -EIO);
    assert_string_equal(err.text, "The debugger did not start: Can't bind address: Address already "
                                  "in use.");
    assert_int_equal(sph_lifecycle_running(rig->device.lifecycle), 0);
    assert_int_equal(rig->n_ends, before);
    (void)close(taker);
    debug(rig, RIG_ARGS("wait"));
    assert_int_equal(sph_lifecycle_stop(rig->device.lifecycle, &rig->component, NULL, NULL, NULL),
                     0);
    (void)ended(rig, before);
}

/* A package that is none, and one for another kind of computer. */
static void test_broken_debugger(void **state) {
    static const struct {
        const char *file;
        int code;
        const char *words;
    } rows[] = {
        {"/bin/true", -EIO, "The debugger did not start: it ended without a word."},
        {"/etc/passwd", -ENOEXEC,
         "The installed debugger cannot run: The application's entry point is not an ELF program."},
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_err err = SPH_ERR_NULL;
        const struct sph_guid broken = {.bytes = {0xdb, (uint8_t)(9 - i)}}; /* the first counts */
        rig_install_debugger(rig, &broken, rows[i].file);
        assert_int_equal(try_debug(rig, &rig->component, &err), rows[i].code);
        assert_string_equal(err.text, rows[i].words);
        assert_int_equal(sph_lifecycle_running(rig->device.lifecycle), 0);
        assert_int_equal(sph_lifecycle_debug_port(rig->device.lifecycle, &rig->component), 0);
        (void)rig_run_app(rig, RIG_ARGS("hello"));
    }
}

static void test_first_words(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"", ""},
        {"\n", ""},
        {"Exiting", "Exiting"},
        {"Can't bind address: Address already in use.\nExiting\n",
         "Can't bind address: Address already in use"},
        {"no newline. ", "no newline"},
        {"...\nx", ""},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "%s", rows[i][0]);
        assert_string_equal(sph_debug_server_first_words(text), rows[i][1]);
    }
}

/* ---- the agent's death ---- */

struct will {
    volatile int ready;
    pid_t server;
    unsigned uid;
    char folder[64];
};

/* A forked copy of this test is the agent. */
static void test_agent_dies(void **state) {
    (void)state;
    struct will *will =
        mmap(NULL, sizeof(*will), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(will != MAP_FAILED);
    pid_t agent = fork();
    assert_true(agent >= 0);
    if (agent == 0) {
        struct rig *rig = rig_new(program, "");
        rig_install_debugger(rig, &debugger, gdbserver);
        debug(rig, RIG_ARGS("wait"));
        will->server = server_pid(rig);
        will->uid = (unsigned)rig_read_status(will->server, "Uid:");
        memcpy(will->folder, rig->folder, sizeof(will->folder));
        will->ready = 1;
        for (;;)
            (void)sph_loop_step(rig->device.loop, 1000);
    }
    for (int i = 0; i < 10000 && !will->ready; i++)
        (void)usleep(1000);
    assert_true(will->ready);
    assert_int_equal(rig_count_processes(will->uid), 2);
    assert_int_equal(kill(agent, SIGKILL), 0);
    assert_int_equal(waitpid(agent, NULL, 0), agent);
    (void)usleep(100000);
    assert_int_equal(rig_count_processes(will->uid), 0);
    assert_int_equal(sph_tree_remove(AT_FDCWD, will->folder, NULL), 0);
    (void)munmap(will, sizeof(*will));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_words),
        TEST(test_breakpoint_and_exit),
        TEST(test_first_instruction),
        TEST(test_crash),
        TEST(test_ration_holds),
        TEST(test_figures),
        TEST(test_gdb_leaves),
        TEST(test_stop),
        TEST(test_again_and_again),
        TEST(test_chatter_is_bounded),
        cmocka_unit_test(test_device_ends),
        TEST(test_server_is_killed),
        TEST(test_server_hangs),
        TEST(test_server_has_no_rights),
        TEST(test_refusals),
        cmocka_unit_test_setup_teardown(test_no_debugger, setup_without, rig_teardown),
        TEST(test_port_is_taken),
        cmocka_unit_test_setup_teardown(test_broken_debugger, setup_without, rig_teardown),
        cmocka_unit_test(test_agent_dies),
    };
    rig_require();
    if (access(gdbserver, X_OK) < 0 || access("/usr/bin/gdb", X_OK) < 0) {
        (void)printf("skipped: needs gdb and gdbserver\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
