/* Real processes: every way in which an app runs and ends, as the device tells it. */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/device/gpio.h"
#include "agent/device/logring.h"
#include "agent/install/capabilities.h"
#include "agent/store/kill_store.h"
#include "agent/store/registry.h"
#include "agent/tests/rig.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/file.h"
#include "wire/msg_device.h"

#define PAGE ((uint64_t)4096)

static const char program[] = SPH_TEST_APP;

static int setup(void **state) {
    *state = rig_new(program, "\"Gpio\":[12,8,9],\"MutableStorage\":{\"SizeKB\":8}");
    return 0;
}

/* ---- output and exit ---- */

static void test_output_passes_through(void **state) {
    struct rig *rig = *state;
    const struct sph_msg_report *report = rig_run_app(rig, RIG_ARGS("hello"));
    assert_int_equal(report->why, SPH_END_EXIT);
    assert_int_equal(report->exit_code, 0);
    assert_non_null(strstr(rig->output, "hello out\n"));
    assert_non_null(strstr(rig->output, "no newline"));
    assert_non_null(strstr(rig->output, "hello err\n"));
    char log[256];
    (void)sph_slice_copy(report->log, log, sizeof(log));
    assert_non_null(strstr(log, "hello out\n"));
    assert_non_null(strstr(log, "no newline\n"));
}

static void test_arguments(void **state) {
    struct rig *rig = *state;
    char wanted[64];
    (void)snprintf(wanted, sizeof(wanted), "[%s][%s][]\n", "one", "two words");
    (void)rig_run_app(rig, RIG_ARGS("args", "one", "two words", ""));
    assert_string_equal(rig->output, wanted);
}

static void test_exit_codes(void **state) {
    static const unsigned codes[] = {1, 42, 255};
    struct rig *rig = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(codes); i++) {
        char text[8];
        (void)snprintf(text, sizeof(text), "%u", codes[i]);
        const struct sph_msg_report *report = rig_run_app(rig, RIG_ARGS("exit", text));
        assert_int_equal(report->why, SPH_END_EXIT);
        assert_int_equal(report->exit_code, codes[i]);
        assert_int_equal(report->signal, 0);
        assert_false(report->will_restart);
        assert_true(report->user_exact);
        assert_true(report->user_bytes > 0 && report->peak_user_bytes >= report->user_bytes);
        assert_int_equal(rig_page_sum(report) * PAGE, report->user_bytes);
    }
}

/* The last thread to leave is looked at when the leader has left before it. */
static void test_leader_leaves_first(void **state) {
    const struct sph_msg_report *report = rig_run_app(*state, RIG_ARGS("leader-leaves"));
    assert_int_equal(report->why, SPH_END_EXIT);
    assert_int_equal(report->exit_code, 5);
    assert_true(report->user_bytes > 0);
    assert_int_equal(rig_page_sum(report) * PAGE, report->user_bytes);
}

/* ---- crashes ---- */

static void test_signals_of_its_own(void **state) {
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,  SIGTRAP, SIGSYS,
                                  SIGQUIT, SIGPIPE, SIGALRM, SIGUSR1, SIGTERM, SIGHUP,  SIGINT};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(signals); i++) {
        char number[8];
        (void)snprintf(number, sizeof(number), "%d", signals[i]);
        const struct sph_msg_report *report = rig_run_app(*state, RIG_ARGS("signal", number));
        assert_int_equal(report->why, SPH_END_CRASH);
        assert_int_equal(report->signal, signals[i]);
        assert_false(report->has_fault_address);
    }
}

static void test_fault_is_named(void **state) {
    const struct sph_msg_report *report = rig_run_app(*state, RIG_ARGS("segv"));
    assert_int_equal(report->why, SPH_END_CRASH);
    assert_int_equal(report->signal, SIGSEGV);
    assert_true(report->has_fault_address);
    assert_int_equal(report->fault_address, 0x123000);
    assert_true(report->has_pc);
    assert_true(sph_slice_is(report->stack_how, "registers at the signal"));
    assert_int_equal(sph_slice_u64(report->stack, 0), report->pc);
    /* The instruction lies in the package's program. */
    struct sph_msg_mapping row;
    bool found = false;
    struct sph_list_iter iter = sph_list_iter(&report->mappings);
    while (sph_list_next(&iter, &row))
        found |= row.start <= report->pc && report->pc < row.end &&
                 row.class == SPH_MAPPING_PACKAGE && (row.perms & SPH_PERM_EXEC);
    assert_true(found);
}

static void test_killed_from_elsewhere(void **state) {
    static const int signals[] = {SIGKILL, SIGTERM, SIGSEGV};
    struct rig *rig = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(signals); i++) {
        rig_must_start(rig, RIG_ARGS("wait"), SPH_START_ONCE);
        pid_t pid = sph_lifecycle_pid(rig->device.lifecycle, &rig->component);
        assert_true(pid > 0);
        rig_run(rig, 30);
        assert_int_equal(kill(pid, signals[i]), 0);
        const struct sph_app_end *end = rig_await_end(rig, 3000);
        const struct sph_msg_report *report = rig_report(rig, end->report_number);
        assert_int_equal(report->why, SPH_END_KILLED);
        assert_int_equal(report->signal, signals[i]);
        assert_int_equal(rig_page_sum(report) * PAGE, report->user_bytes);
    }
}

/* The helper is the app's life line: without it the kernel ends the app. */
static void test_helper_is_killed(void **state) {
    struct rig *rig = *state;
    rig_must_start(rig, RIG_ARGS("daemon"), SPH_START_ONCE);
    rig_await_output(rig, "ready", 2000);
    pid_t app = sph_lifecycle_pid(rig->device.lifecycle, &rig->component);
    unsigned uid = (unsigned)rig_read_status(app, "Uid:");
    assert_int_equal(kill((pid_t)rig_read_status(app, "PPid:"), SIGKILL), 0);
    const struct sph_app_end *end = rig_await_end(rig, 3000);
    assert_int_equal(end->why, SPH_END_KILLED);
    assert_int_equal(end->signal, SIGKILL);
    assert_int_equal(rig_count_processes(uid), 0);
}

/* ---- stop ---- */

static void stop_begin(struct rig *rig) {
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(
        sph_lifecycle_stop(rig->device.lifecycle, &rig->component, rig_stopped, rig, &err), 0);
}

static void stop(struct rig *rig, unsigned ms) {
    stop_begin(rig);
    rig_await_stopped(rig, ms);
    assert_int_equal(sph_lifecycle_state(rig->device.lifecycle, &rig->component), SPH_SESSION_NONE);
}

static void test_stop_obeyed(void **state) {
    struct rig *rig = *state;
    rig_must_start(rig, RIG_ARGS("wait"), 0);
    rig_await_output(rig, "ready", 2000);
    uint64_t begin = sph_clock_monotonic_ms();
    stop(rig, 1000);
    assert_true(sph_clock_monotonic_ms() - begin < 500);
    assert_int_equal(rig->n_ends, 1);
    assert_int_equal(rig->ends[0].why, SPH_END_STOPPED);
    assert_int_equal(rig->ends[0].signal, SIGTERM);
    assert_false(rig->ends[0].restarts);
}

static void test_stop_handled(void **state) {
    struct rig *rig = *state;
    rig_must_start(rig, RIG_ARGS("handle-term", "7"), 0);
    rig_await_output(rig, "ready", 2000);
    stop(rig, 1000);
    assert_int_equal(rig->ends[0].why, SPH_END_STOPPED);
    assert_int_equal(rig->ends[0].exit_code, 7);
    assert_non_null(strstr(rig->output, "goodbye"));
}

static void test_stop_ignored(void **state) {
    struct rig *rig = *state;
    rig_must_start(rig, RIG_ARGS("ignore-term"), 0);
    rig_await_output(rig, "ready", 2000);
    uint64_t begin = sph_clock_monotonic_ms();
    stop(rig, 4000);
    assert_in_range(sph_clock_monotonic_ms() - begin, SPH_STOP_GRACE_MS, SPH_STOP_GRACE_MS + 500);
    const struct sph_msg_report *report = rig_report(rig, rig->ends[0].report_number);
    assert_int_equal(report->why, SPH_END_SIGTERM_IGNORED);
    assert_int_equal(report->signal, SIGKILL);
    assert_int_equal(rig_page_sum(report) * PAGE, report->user_bytes);
}

/* What has cut itself loose from the app's process tree is gone with it. */
static void test_daemon_is_gone_after_stop(void **state) {
    struct rig *rig = *state;
    rig_must_start(rig, RIG_ARGS("daemon"), 0);
    rig_await_output(rig, "ready", 2000);
    rig_run(rig, 20);
    pid_t pid = sph_lifecycle_pid(rig->device.lifecycle, &rig->component);
    unsigned uid = (unsigned)rig_read_status(pid, "Uid:");
    assert_true(uid >= 0x70000000);
    assert_int_equal(rig_count_processes(uid), 2);
    struct sph_memory_figures figures;
    assert_int_equal(sph_lifecycle_memory(rig->device.lifecycle, NULL, &figures, NULL), 0);
    assert_true(figures.user_exact);
    stop(rig, 1000);
    assert_int_equal(rig_count_processes(uid), 0);
}

/* ---- start and restart ---- */

static void test_start_is_refused(void **state) {
    struct rig *rig = *state;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_start_request request = {.component = rig->component};
    rig_must_start(rig, RIG_ARGS("wait"), 0);
    assert_int_equal(sph_lifecycle_start(rig->device.lifecycle, &request, &err), -EALREADY);
    assert_string_equal(err.text, "The application runs already.");
    request.flags = SPH_START_DEBUG;
    assert_int_equal(sph_lifecycle_start(rig->device.lifecycle, &request, &err), -ENOTSUP);
    assert_string_equal(
        err.text, "No debugger is installed on this device: deploy one first, an image package of "
                  "ApplicationType \"Debugger\" with gdbserver as bin/gdbserver.");
    request = (struct sph_start_request){.component = {.bytes = {1}}};
    assert_int_equal(sph_lifecycle_start(rig->device.lifecycle, &request, &err), -ENOENT);
    assert_string_equal(err.text, "The application is not installed on this device.");
    assert_int_equal(sph_lifecycle_memory(rig->device.lifecycle, &request.component,
                                          &(struct sph_memory_figures){.user = 0}, &err),
                     -ENOENT);
    assert_string_equal(err.text, "The application does not run.");
}

static void refuse(struct rig *rig, const struct sph_guid *component, int code,
                   const char *sentence) {
    struct sph_err err = SPH_ERR_NULL;
    const struct sph_start_request request = {.component = *component};
    assert_int_equal(sph_lifecycle_start(rig->device.lifecycle, &request, &err), code);
    assert_string_equal(err.text, sentence);
    assert_int_equal(sph_lifecycle_state(rig->device.lifecycle, component), SPH_SESSION_NONE);
}

/* Switched off between two runs: neither by hand nor by itself does it come back. */
static void test_development_signer_is_not_started(void **state) {
    struct rig *rig = *state;
    static const uint32_t none[1];
    static const char sentence[] =
        "development is off, and the package's signer is not trusted any more: 'spherule trust "
        "add CERT.pem --production'";
    rig_must_start(rig, RIG_ARGS("exit", "3"), 0);
    (void)rig_await_end(rig, 2000);
    assert_int_equal(sph_capabilities_set(rig->device.capabilities, none, 0, NULL), 0);
    const struct sph_app_end *end = rig_await_end(rig, 2000);
    assert_int_equal(end->why, SPH_END_START_FAILED);
    assert_true(sph_slice_is(rig_report(rig, end->report_number)->log, sentence));
    stop(rig, 10);
    refuse(rig, &rig->component, -EKEYREJECTED, sentence);
}

static void install_bytes(struct rig *rig, struct sph_guid *component, const void *bytes,
                          size_t len) {
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/program", rig->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    (void)fclose(file);
    assert_int_equal(sph_guid_random(component), 0);
    rig_install(rig, component, path, "");
}

static void test_what_cannot_run_is_said(void **state) {
    struct rig *rig = *state;
    static const char script[] =
        "#!/bin/sh\nexit 0\n# a script and no program, long enough to be read\n";
    struct sph_guid component;
    Elf32_Ehdr arm = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1},
                      .e_type = ET_DYN,
                      .e_machine = EM_ARM};
    install_bytes(rig, &component, &arm, sizeof(arm));
    refuse(rig, &component, -ENOEXEC,
           "The application is built for 32-bit ARM and this device runs x86-64 programs: run it "
           "on a virtual device, or build it for this computer.");
    install_bytes(rig, &component, script, sizeof(script));
    refuse(rig, &component, -ENOEXEC, "The application's entry point is not an ELF program.");
    assert_int_equal(sph_guid_random(&component), 0);
    rig_install(rig, &component, "/bin/true", "");
    refuse(rig, &component, -ENOEXEC,
           "The application wants the loader /lib64/ld-linux-x86-64.so.2, which this device does "
           "not have: build it with spherule-cc (musl), or try it with `spherule run`.");
    /* Refused by the kernel itself: the header is good, what it points to is not. */
    Elf64_Ehdr empty = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
                        .e_type = ET_EXEC,
                        .e_machine = EM_X86_64};
    install_bytes(rig, &component, &empty, sizeof(empty));
    char sentence[160], guid[SPH_GUID_TEXT];
    (void)snprintf(sentence, sizeof(sentence), "Cannot run /mnt/apps/%s/bin/app: Exec format error",
                   sph_guid_format(&component, guid));
    refuse(rig, &component, -ENOEXEC, sentence);
    rig_run(rig, 20);
    assert_int_equal(rig->n_ends, 0);
}

/* What `spherule run` does with a program of this computer. */
static void test_host_libraries(void **state) {
    struct rig *rig = *state;
    struct sph_guid component;
    struct sph_err err = SPH_ERR_NULL;
    rig->device.host_libraries = true;
    assert_int_equal(sph_guid_random(&component), 0);
    rig_install(rig, &component, "/bin/echo", "");
    const struct sph_start_request request = {.component = component,
                                              .flags = SPH_START_ONCE,
                                              .arguments = RIG_ARGS("and from the start")};
    if (sph_lifecycle_start(rig->device.lifecycle, &request, &err) < 0)
        fail_msg("%s", err.text);
    const struct sph_app_end *end = rig_await_end(rig, 3000);
    assert_int_equal(end->why, SPH_END_EXIT);
    assert_int_equal(end->exit_code, 0);
    assert_string_equal(rig->output, "from manifest and from the start\n");
}

/* The end is told all the same, and the device's log says what is missing. */
static void test_report_cannot_be_kept(void **state) {
    struct rig *rig = *state;
    struct sph_log_line line;
    uint64_t cursor = 0;
    bool said = false;
    assert_int_equal(sph_tree_remove(rig->device.state_fd, "kills", NULL), 0);
    rig_must_start(rig, RIG_ARGS("exit", "3"), SPH_START_ONCE);
    const struct sph_app_end *end = rig_await_end(rig, 2000);
    assert_int_equal(end->why, SPH_END_EXIT);
    assert_int_equal(end->exit_code, 3);
    assert_int_equal(end->report_number, 0);
    while (sph_logring_next(rig->device.log, &cursor, &line))
        said |= line.len > 40 && memcmp(line.text, "The report of Probe's end is lost: ", 35) == 0;
    assert_true(said);
}

/* Deleted while it waits to start again: that is a start that failed, said in a report. */
static void test_restart_fails(void **state) {
    struct rig *rig = *state;
    rig_must_start(rig, RIG_ARGS("exit", "3"), 0);
    (void)rig_await_end(rig, 2000);
    sph_registry_drop(rig->device.registry, &rig->component);
    const struct sph_app_end *end = rig_await_end(rig, 2000);
    assert_int_equal(end->why, SPH_END_START_FAILED);
    const struct sph_msg_report *report = rig_report(rig, end->report_number);
    assert_int_equal(report->why, SPH_END_START_FAILED);
    assert_true(sph_slice_is(report->log, "The application is not installed on this device."));
    assert_int_equal(report->user_bytes, 0);
    assert_int_equal(report->mappings.count, 0);
}

static void test_restarts_with_back_off(void **state) {
    struct rig *rig = *state;
    rig_must_start(rig, RIG_ARGS("exit", "3"), 0);
    assert_true(rig_await_end(rig, 2000)->restarts);
    uint64_t begin = sph_clock_monotonic_ms();
    assert_true(rig_await_end(rig, 2000)->restarts); /* the second came at once */
    assert_true(sph_clock_monotonic_ms() - begin < 500);
    assert_int_equal(sph_lifecycle_state(rig->device.lifecycle, &rig->component),
                     SPH_SESSION_WAITING);
    begin = sph_clock_monotonic_ms();
    (void)rig_await_end(rig, 3000);
    assert_in_range(sph_clock_monotonic_ms() - begin, 900, 1600);
    assert_int_equal(sph_lifecycle_restarts(rig->device.lifecycle, &rig->component), 2);
    stop(rig, 10); /* of a waiting one: at once */
    rig_run(rig, 50);
    assert_int_equal(rig->n_ends, 3);
}

static void test_start_by_hand_ends_the_wait(void **state) {
    struct rig *rig = *state;
    rig_must_start(rig, RIG_ARGS("exit", "3"), 0);
    (void)rig_await_end(rig, 2000);
    (void)rig_await_end(rig, 2000);
    rig_must_start(rig, RIG_ARGS("wait"), 0);
    assert_int_equal(sph_lifecycle_restarts(rig->device.lifecycle, &rig->component), 0);
    rig_run(rig, 1200);
    assert_int_equal(sph_lifecycle_state(rig->device.lifecycle, &rig->component),
                     SPH_SESSION_RUNNING);
    assert_int_equal(rig->n_ends, 2);
}

/* Peak is a session's: it starts again with the next one. */
static void test_peak_starts_again(void **state) {
    struct rig *rig = *state;
    uint64_t high = rig_run_app(rig, RIG_ARGS("grow", "40"))->peak_user_bytes;
    uint64_t low = rig_run_app(rig, RIG_ARGS("exit", "0"))->peak_user_bytes;
    assert_true(high >= low + 30 * PAGE);
}

/* ---- several apps ---- */

static void test_stop_all(void **state) {
    struct rig *rig = *state;
    struct sph_guid other;
    struct sph_err err = SPH_ERR_NULL;
    rig_must_start(rig, RIG_ARGS("wait"), 0);
    rig_start_other(rig, program, &other);
    assert_int_equal(sph_lifecycle_stop_all(rig->device.lifecycle, rig_stopped, rig, &err), 0);
    const struct sph_start_request request = {.component = rig->component};
    assert_int_equal(sph_lifecycle_start(rig->device.lifecycle, &request, &err), -ESHUTDOWN);
    assert_string_equal(err.text, "The device is restarting: start the application then.");
    rig_await_stopped(rig, 3000);
    assert_int_equal(sph_lifecycle_running(rig->device.lifecycle), 0);
    assert_int_equal(rig->n_ends, 2);
    sph_lifecycle_resume(rig->device.lifecycle);
    rig_must_start(rig, RIG_ARGS("wait"), 0);
}

/* ---- a listener that must not lose output, and is slow ---- */

/* The app is gone and what it wrote waits in its pipe: no end is told until it is read. */
static void test_end_waits_for_output(void **state) {
    struct rig *rig = *state;
    struct sph_flow_listener slow = {.put = 1, .window = 1, .patience = SPH_PATIENCE(60000)};
    assert_int_equal(sph_flow_join(&rig->device.flow, rig->device.loop, &slow, NULL), 0);
    rig_must_start(rig, RIG_ARGS("hello"), 0);
    rig_run(rig, 300);
    assert_int_equal(rig->n_ends, 0);
    assert_int_equal(rig->output_total, 0);
    assert_int_equal(sph_lifecycle_pid(rig->device.lifecycle, &rig->component), 0);
    stop_begin(rig); /* it has ended by itself; what the stop does is that it stays so */
    sph_flow_take(&slow, 1);
    (void)rig_await_end(rig, 1000);
    rig_await_stopped(rig, 1000);
    assert_int_equal(rig->ends[0].why, SPH_END_EXIT);
    assert_false(rig->ends[0].restarts);
    assert_int_equal(rig->output_total, strlen("hello out\nno newlinehello err\n"));
    sph_flow_leave(&slow);
}

/* The device ends in that moment: nothing is waited for, and nobody else is hurt. */
static void test_end_of_the_device_waits_for_nobody(void **state) {
    struct rig *rig = *state;
    struct sph_flow_listener slow = {.put = 1, .window = 1, .patience = SPH_PATIENCE(60000)};
    uint64_t number = sph_kill_store_next_number(rig->device.kills);
    assert_int_equal(sph_flow_join(&rig->device.flow, rig->device.loop, &slow, NULL), 0);
    rig_must_start(rig, RIG_ARGS("hello"), 0);
    rig_run(rig, 300);
    uint64_t begin = sph_clock_monotonic_ms();
    rig->device.lifecycle = sph_lifecycle_free(rig->device.lifecycle);
    assert_true(sph_clock_monotonic_ms() - begin < 2000);
    assert_int_equal(rig_report(rig, number)->why, SPH_END_EXIT);
    sph_flow_leave(&slow);
}

/* ---- what an app may do to the agent ---- */

static void test_flood_is_bounded(void **state) {
    struct rig *rig = *state;
    (void)rig_run_app(rig, RIG_ARGS("flood", "5000000"));
    assert_int_equal(rig->output_total, 5000000 + strlen("flooded\n"));
}

static void test_fork_storm(void **state) {
    struct rig *rig = *state;
    const struct sph_msg_report *report = rig_run_app(rig, RIG_ARGS("fork-storm", "300"));
    assert_int_equal(report->why, SPH_END_EXIT);
    assert_string_equal(rig->output, "stormed\n");
}

static void test_signals_pass(void **state) {
    struct rig *rig = *state;
    assert_int_equal(rig_run_app(rig, RIG_ARGS("signals", "500"))->exit_code, 0);
    assert_string_equal(rig->output, "signalled\n");
}

static void test_job_control_works(void **state) {
    struct rig *rig = *state;
    (void)rig_run_app(rig, RIG_ARGS("stop-self"));
    assert_string_equal(rig->output, "stopped 1\nexited 3\n");
}

/* ---- the channel ---- */

static void test_channel(void **state) {
    static const char wanted[] = "memory 1\nmemory 3: 22\nos " SPH_DEVICE_OS_VERSION
                                 "\npackage 0\nop 99: 38\npin 5: 13\npin 76: 19\npin 12: 0\n"
                                 "pin 12 again: 16\npin 8: 0\nmode 7: 22\nwrite to an input: 9\n"
                                 "set: 1\nstorage: 0 8192\nwritten 8192 errno 122\ndelete: 0\n"
                                 "delete again: 2\nready\n";
    struct rig *rig = *state;
    struct sph_gpio_pin pin;
    struct sph_err err = SPH_ERR_NULL;
    rig_must_start(rig, RIG_ARGS("channel"), SPH_START_ONCE);
    rig_await_output(rig, "ready", 5000);
    assert_string_equal(rig->output, wanted);
    assert_int_equal(sph_gpio_get(rig->device.gpio, 12, &pin, &err), 0);
    assert_int_equal(pin.use, SPH_GPIO_INPUT);
    assert_true(sph_guid_equal(&pin.holder, &rig->component));
    assert_int_equal(sph_gpio_set(rig->device.gpio, 12, 1, &err), 0);
    assert_int_equal(sph_gpio_get(rig->device.gpio, 8, &pin, &err), 0);
    assert_int_equal(pin.use, SPH_GPIO_OUTPUT);
    assert_int_equal(sph_gpio_set(rig->device.gpio, 8, 1, &err), -EBUSY);
    stop(rig, 1000);
    /* With the app its hold on the pins is gone. */
    assert_int_equal(sph_gpio_get(rig->device.gpio, 8, &pin, &err), 0);
    assert_int_equal(pin.use, SPH_GPIO_FREE);
    assert_int_equal(sph_gpio_set(rig->device.gpio, 8, 1, &err), 0);
}

/* Idle connections take the places for a while, not for ever. */
static void test_channel_survives_silence(void **state) {
    struct rig *rig = *state;
    uint64_t begin = sph_clock_monotonic_ms();
    (void)rig_run_app(rig, RIG_ARGS("hang"));
    assert_string_equal(rig->output, "answered 0\n");
    assert_in_range(sph_clock_monotonic_ms() - begin, 1500, 4500);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, rig_teardown)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        TEST(test_output_passes_through),
        TEST(test_arguments),
        TEST(test_exit_codes),
        TEST(test_leader_leaves_first),
        TEST(test_signals_of_its_own),
        TEST(test_fault_is_named),
        TEST(test_killed_from_elsewhere),
        TEST(test_helper_is_killed),
        TEST(test_stop_obeyed),
        TEST(test_stop_handled),
        TEST(test_stop_ignored),
        TEST(test_daemon_is_gone_after_stop),
        TEST(test_start_is_refused),
        TEST(test_development_signer_is_not_started),
        TEST(test_what_cannot_run_is_said),
        TEST(test_host_libraries),
        TEST(test_report_cannot_be_kept),
        TEST(test_restart_fails),
        TEST(test_restarts_with_back_off),
        TEST(test_start_by_hand_ends_the_wait),
        TEST(test_peak_starts_again),
        TEST(test_stop_all),
        TEST(test_end_waits_for_output),
        TEST(test_end_of_the_device_waits_for_nobody),
        TEST(test_flood_is_bounded),
        TEST(test_fork_storm),
        TEST(test_signals_pass),
        TEST(test_job_control_works),
        TEST(test_channel),
        TEST(test_channel_survives_silence),
    };
    rig_require();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
