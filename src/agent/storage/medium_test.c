/* Mutable storage as an app finds it: the test app tries every way to write and prints what came of
 * it; the figures are counted by hand. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/device/events.h"
#include "agent/device/logring.h"
#include "agent/storage/medium.h"
#include "agent/storage/storage.h"
#include "agent/tests/rig.h"
#include "base/attr.h"
#include "base/cleanup.h"
#include "base/file.h"

static const char program[] = SPH_TEST_APP;

enum { KIB = 1024, QUOTA = 8 * KIB };

static int setup(void **state) {
    *state = rig_new(program, "\"MutableStorage\":{\"SizeKB\":8}");
    return 0;
}

static struct sph_medium_figures figures_of(struct rig *rig) {
    struct sph_medium_figures figures;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_medium_read(rig->device.medium, &rig->component, &figures, &err) < 0)
        fail_msg("%s", err.text);
    return figures;
}

static void expect_figures(struct rig *rig, uint64_t used, const struct sph_wear *wear) {
    struct sph_medium_figures figures = figures_of(rig);
    assert_int_equal(figures.used_bytes, used);
    assert_int_equal(figures.wear.bytes_written, wear->bytes_written);
    assert_int_equal(figures.wear.blocks_erased, wear->blocks_erased);
    assert_int_equal(figures.wear.writes, wear->writes);
    assert_int_equal(figures.wear.idle_writes, wear->idle_writes);
}

static void run(struct rig *rig, const char *const *arguments) {
    rig_forget_output(rig);
    const struct sph_msg_report *report = rig_run_app(rig, arguments);
    assert_int_equal(report->why, SPH_END_EXIT);
    assert_int_equal(report->exit_code, 0);
}

/* What fits is written, what does not is EDQUOT, wherever it would be. */
static void test_fill(void **state) {
    struct rig *rig = *state;
    run(rig, RIG_ARGS("fill"));
    assert_string_equal(rig->output, "too much: 8192\none more: -122\nover what is there: 8192\n"
                                     "far away: -122\ncut: 0\nroom again: 4096\nsize: 8192\n"
                                     "read: 8192\nzero: 1\nsync: 0\n");
    /* 8192 in 2 blocks; the same again in 2; cut to 100: 1 block; a hole of 3996 and 4096 bytes:
     * the first block has begun at 100, so one new one. */
    expect_figures(rig, QUOTA,
                   &(struct sph_wear){.bytes_written = 8192 + 8192 + 100 + 3996 + 4096,
                                      .blocks_erased = 2 + 2 + 1 + 1,
                                      .writes = 4,
                                      .idle_writes = 1});
    struct stat info;
    char path[128], guid[SPH_GUID_TEXT];
    (void)snprintf(path, sizeof(path), "storage/%s/mutable",
                   sph_guid_format(&rig->component, guid));
    assert_int_equal(fstatat(rig->device.state_fd, path, &info, 0), 0);
    assert_int_equal(info.st_size, QUOTA); /* where the bytes are kept */
}

/* No path leads to it, while it is served. */
static void test_mounted_nowhere(void **state) {
    struct rig *rig = *state;
    sph_autobuf struct sph_buf mounts = SPH_BUF_LIMIT(1 << 20);
    run(rig, RIG_ARGS("rewrite", "1"));
    assert_int_equal(figures_of(rig).wear.writes, 1);
    assert_int_equal(sph_file_read(AT_FDCWD, "/proc/self/mountinfo", &mounts, NULL), 0);
    assert_null(strstr(mounts.data, "spherule-storage"));
}

static void test_every_way(void **state) {
    struct rig *rig = *state;
    run(rig, RIG_ARGS("write-ways"));
    assert_string_equal(rig->output,
                        "full: 8192\ncopy: -122\nchild: 122\nsecond open: -122\n"
                        "by its name: -122\nappend: -122\nwritev: -122\npwritev: -122\n"
                        "splice: -122\nsendfile: -122\ncopy_file_range: -122\nftruncate: -122\n"
                        "posix_fallocate: -122\nfallocate keep size: -95\nfree: 0\n"
                        "open to cut: 0\nfits now: 1\n");
    expect_figures(rig, 1, &(struct sph_wear){8193, 3, 3, 0});
}

static void test_deleted(void **state) {
    struct rig *rig = *state;
    run(rig, RIG_ARGS("deleted"));
    assert_string_equal(rig->output, "first: 6144\ndelete: 0\nlinks: 0\nsecond: 2048\n"
                                     "no more: -122\nnor here: -122\nread: 6144\nclose: 0\n"
                                     "room again: 6144\n");
    expect_figures(rig, QUOTA, &(struct sph_wear){6144 + 2048 + 6144, 2 + 1 + 1, 3, 0});
}

static void test_hoarding(void **state) {
    struct rig *rig = *state;
    run(rig, RIG_ARGS("hoard-deleted"));
    assert_string_equal(rig->output, "open: 64\none more: 1\n");
    expect_figures(rig, 1, &(struct sph_wear){1, 1, 1, 0});
}

/* Killed with a deleted file open: it is gone with the app, and nothing of it counts any more. */
static void test_deleted_and_killed(void **state) {
    struct rig *rig = *state;
    rig_must_start(rig, RIG_ARGS("keep-open"), SPH_START_ONCE);
    rig_await_output(rig, "ready", 5000);
    assert_int_equal(figures_of(rig).used_bytes, QUOTA);
    assert_int_equal(
        sph_lifecycle_stop(rig->device.lifecycle, &rig->component, rig_stopped, rig, NULL), 0);
    rig_await_stopped(rig, 5000);
    rig_run(rig, 20);
    assert_int_equal(figures_of(rig).used_bytes, 0);
}

static void test_mappings(void **state) {
    struct rig *rig = *state;
    run(rig, RIG_ARGS("mappings"));
    assert_string_equal(rig->output, "write: 6\nshared: -19\nprivate: 0\nread: 6\nunchanged: 0\n");
}

/* ---- what is told ---- */

struct heard {
    unsigned count;
    struct sph_msg_event last;
    char text[256];
};

static void on_event(void *context, uint64_t seq, const void *payload, size_t len) {
    struct heard *heard = context;
    struct sph_msg_event event;
    (void)seq;
    assert_int_equal(sph_codec_decode(&sph_msg_event_codec, payload, len, &event, NULL), 0);
    if (event.kind != SPH_EVENT_STORAGE_WEAR)
        return;
    heard->count++;
    heard->last = event;
    (void)snprintf(heard->text, sizeof(heard->text), "%.*s", (int)event.text.len,
                   (const char *)event.text.data);
}

static unsigned count_in_log(struct rig *rig, const char *text) {
    struct sph_log_line line;
    uint64_t cursor = 0;
    unsigned count = 0;
    while (sph_logring_next(rig->device.log, &cursor, &line))
        count += line.source == SPH_LOG_DEVICE &&
                 memmem(line.text, line.len, text, strlen(text)) != NULL;
    return count;
}

static void test_warning(void **state) {
    struct rig *rig = *state;
    struct heard heard = {0};
    struct sph_event_listener *listener;
    assert_int_equal(sph_events_listen(rig->device.events, on_event, &heard, &listener, NULL), 0);
    run(rig, RIG_ARGS("rewrite", "4")); /* three of them changed nothing */
    assert_int_equal(heard.count, 0);
    run(rig, RIG_ARGS("rewrite", "14")); /* all: four and eight and sixteen of them */
    assert_int_equal(heard.count, 3);
    assert_true(sph_guid_equal(&heard.last.component, &rig->component));
    assert_int_equal(heard.last.writes, 17);
    assert_int_equal(heard.last.idle_writes, 16);
    assert_int_equal(heard.last.bytes_written, 119);
    assert_int_equal(heard.last.blocks_erased, 17);
    assert_string_equal(heard.text, "16 of 17 writes to its storage changed nothing: compare "
                                    "before writing, flash wears out");
    assert_int_equal(count_in_log(rig, heard.text), 1);
    expect_figures(rig, 7, &(struct sph_wear){126, 18, 18, 17});
    (void)sph_events_unlisten(listener);
}

/* ---- what is kept ---- */

/* As after the agent's end: all that is known comes from the disk. */
static void begin_anew(struct rig *rig) {
    (void)sph_medium_free(rig->device.medium);
    assert_int_equal(sph_medium_new(&rig->device, &rig->device.medium, NULL), 0);
}

static void test_kept(void **state) {
    struct rig *rig = *state;
    char path[128], guid[SPH_GUID_TEXT];
    run(rig, RIG_ARGS("rewrite", "3"));
    const struct sph_wear wear = {21, 3, 3, 2}, twice = {42, 6, 6, 5};
    expect_figures(rig, 7, &wear);
    begin_anew(rig);
    expect_figures(rig, 7, &wear); /* also before the app runs */
    (void)snprintf(path, sizeof(path), "packages/%s", sph_guid_format(&rig->component, guid));
    assert_int_equal(sph_tree_remove(rig->device.state_fd, path, NULL), 0);
    rig_install(rig, &rig->component, program, "\"MutableStorage\":{\"SizeKB\":4}"); /* an update */
    run(rig, RIG_ARGS("rewrite", "3"));
    expect_figures(rig, 7, &twice);
    /* A deleted app takes it along. */
    sph_medium_forget(rig->device.medium, &rig->component);
    assert_int_equal(sph_storage_forget(rig->device.storage, &rig->component, NULL), 0);
    expect_figures(rig, 0, &(struct sph_wear){0});
    run(rig, RIG_ARGS("rewrite", "3"));
    expect_figures(rig, 7, &wear);
}

static void test_damaged_record(void **state) {
    struct rig *rig = *state;
    char path[128], guid[SPH_GUID_TEXT];
    run(rig, RIG_ARGS("rewrite", "3"));
    (void)snprintf(path, sizeof(path), "storage/%s/wear", sph_guid_format(&rig->component, guid));
    assert_int_equal(sph_file_replace(rig->device.state_fd, path, "nothing", 7, 0600, NULL), 0);
    begin_anew(rig);
    expect_figures(rig, 7, &(struct sph_wear){0});
    run(rig, RIG_ARGS("rewrite", "3"));
    expect_figures(rig, 7, &(struct sph_wear){21, 3, 3, 3});
    assert_int_equal(count_in_log(rig, "The record of its storage's wear is damaged. Counting "
                                       "begins anew."),
                     1);
}

/* ---- what goes wrong ---- */

/* Of the server, which is forked from this process; no_fuse is the agent's. */
static struct faults {
    pid_t agent;
    int pwrite_errno; /* 0: none */
    int fsync_errno;
    bool no_fuse;
} * faults;

ssize_t __real_pwrite64(int fd, const void *data, size_t len, off64_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off64_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off64_t offset) {
    if (!faults || !faults->pwrite_errno || getpid() == faults->agent)
        return __real_pwrite64(fd, data, len, offset);
    errno = faults->pwrite_errno;
    return -1;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd) {
    if (!faults || !faults->fsync_errno || getpid() == faults->agent)
        return __real_fsync(fd);
    errno = faults->fsync_errno;
    return -1;
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (!faults || !faults->no_fuse || strcmp(path, "/dev/fuse") != 0)
        return __real_open64(path, flags, mode);
    errno = ENOENT;
    return -1;
}

/* The host's disk is full: the app hears of it, and nothing is counted that was not written. */
static void test_full_disk(void **state) {
    struct rig *rig = *state;
    run(rig, RIG_ARGS("rewrite", "3"));
    faults->pwrite_errno = ENOSPC;
    run(rig, RIG_ARGS("fill"));
    faults->pwrite_errno = 0;
    assert_non_null(strstr(rig->output, "too much: -28\none more: -28\n"));
    faults->fsync_errno = EIO;
    run(rig, RIG_ARGS("fill"));
    faults->fsync_errno = 0;
    assert_non_null(strstr(rig->output, "zero: 1\nsync: -5\n"));
    struct sph_medium_figures figures = figures_of(rig);
    assert_int_equal(figures.wear.writes, 3 + 1 + 4); /* the full disk could be cut to 100 bytes */
}

/* The kernel goes without its server: descriptors fail, and the next start has a new one. */
static void test_server_dies(void **state) {
    struct rig *rig = *state;
    struct sph_medium_figures figures;
    struct sph_err err = SPH_ERR_NULL;
    char path[64];
    rig_must_start(rig, RIG_ARGS("keep-open"), SPH_START_ONCE);
    rig_await_output(rig, "ready", 5000);
    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    FILE *children = fopen(path, "re");
    pid_t server = -1;
    char number[16];
    while (fscanf(children, "%15s", number) == 1) {
        sph_autobuf struct sph_buf name = SPH_BUF_LIMIT(64);
        (void)snprintf(path, sizeof(path), "/proc/%s/comm", number);
        if (sph_file_read(AT_FDCWD, path, &name, NULL) == 0 &&
            strcmp(name.data, "spherule-medium\n") == 0)
            server = (pid_t)strtol(number, NULL, 10);
    }
    (void)fclose(children);
    assert_true(server > 0);
    assert_int_equal(kill(server, SIGKILL), 0);
    rig_run(rig, 20);
    assert_int_equal(sph_medium_read(rig->device.medium, &rig->component, &figures, &err), -EIO);
    assert_string_equal(err.text, "The server of the mutable storage has ended.");
    assert_int_equal(
        sph_lifecycle_stop(rig->device.lifecycle, &rig->component, rig_stopped, rig, NULL), 0);
    rig_await_stopped(rig, 5000);
    expect_figures(rig, 0, &(struct sph_wear){8192, 2, 1, 0});
    run(rig, RIG_ARGS("rewrite", "3"));
    expect_figures(rig, 7, &(struct sph_wear){8192 + 21, 2 + 3, 4, 2});
}

/* Then the quota is a limit of the file's size, as the kernel keeps it. */
static void test_no_fuse(void **state) {
    struct rig *rig = *state;
    faults->no_fuse = true;
    run(rig, RIG_ARGS("fill"));
    faults->no_fuse = false;
    assert_non_null(
        strstr(rig->output, "too much: 8192\none more: -27\nover what is there: 8192\n"));
    expect_figures(rig, QUOTA, &(struct sph_wear){0});
    assert_int_equal(count_in_log(rig, "its storage is held by a limit of file sizes alone, and "
                                       "wear is not counted: there is no /dev/fuse here: No such "
                                       "file or directory"),
                     1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, rig_teardown)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        TEST(test_fill),
        TEST(test_mounted_nowhere),
        TEST(test_every_way),
        TEST(test_deleted),
        TEST(test_deleted_and_killed),
        TEST(test_mappings),
        TEST(test_warning),
        TEST(test_kept),
        TEST(test_damaged_record),
        TEST(test_hoarding),
        TEST(test_full_disk),
        TEST(test_server_dies),
        TEST(test_no_fuse),
    };
    faults = mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(faults != MAP_FAILED);
    faults->agent = getpid();
    rig_require();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
