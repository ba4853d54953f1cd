/* Standard error is swapped for a pipe or a file, and its bytes are compared. */
#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/testing.h"

struct capture {
    int saved, read_end;
};

static struct capture capture_start(void) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    struct capture capture = {.saved = dup(STDERR_FILENO), .read_end = ends[0]};
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    (void)close(ends[1]);
    return capture;
}

static void capture_end(const struct capture *capture, char *ret_text, size_t size) {
    assert_true(dup2(capture->saved, STDERR_FILENO) >= 0);
    (void)close(capture->saved);
    ssize_t len = sph_fd_read_full(capture->read_end, ret_text, size - 1);
    (void)close(capture->read_end);
    assert_true(len >= 0);
    ret_text[len] = '\0';
}

static void levels_are_filtered(void **state) {
    (void)state;
    static const struct {
        const char *wanted;
        const char *lines;
    } rows[] = {
        {NULL, "t: error: a\nt: warning: a\nt: notice: a\n"},
        {"nonsense", "t: error: a\nt: warning: a\nt: notice: a\n"},
        {"error", "t: error: a\n"},
        {"debug", "t: error: a\nt: warning: a\nt: notice: a\nt: info: a\nt: debug: a\n"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        char text[256];
        if (rows[i].wanted)
            assert_int_equal(setenv("SPHERULE_LOG", rows[i].wanted, 1), 0);
        else
            assert_int_equal(unsetenv("SPHERULE_LOG"), 0);
        struct capture capture = capture_start();
        sph_log_open("t");
        for (int level = SPH_LOG_ERROR; level <= SPH_LOG_DEBUG; level++)
            sph_log((enum sph_log_level)level, "a");
        capture_end(&capture, text, sizeof(text));
        assert_string_equal(text, rows[i].lines);
    }
    assert_int_equal(unsetenv("SPHERULE_LOG"), 0);
}

static void text_is_made_safe(void **state) {
    (void)state;
    char text[4096], longer[3000];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    struct capture capture = capture_start();
    sph_log_open("t");
    errno = EXDEV;
    sph_log(SPH_LOG_ERROR, "bad %s app=%d", "a\nb\x1b[2J\xff", 7);
    assert_int_equal(errno, EXDEV);
    sph_log(SPH_LOG_ERROR, "%s", longer);
    capture_end(&capture, text, sizeof(text));
    char *second = strchr(text, '\n') + 1;
    assert_memory_equal(text, "t: error: bad a?b?[2J? app=7\n", 29);
    assert_ptr_equal(second, text + 29);
    assert_true(strlen(second) <= 1024);
    assert_ptr_equal(strchr(second, '\n'), second + strlen(second) - 1);
}

static void journal_gets_priorities(void **state) {
    (void)state;
    char text[256], stream[64];
    struct capture capture = capture_start();
    struct stat info;
    assert_int_equal(fstat(STDERR_FILENO, &info), 0);
    (void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)info.st_dev,
                   (unsigned long long)info.st_ino);
    assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
    sph_log_open("t");
    sph_log(SPH_LOG_WARNING, "low on space free_kib=%d", 3);
    assert_int_equal(setenv("JOURNAL_STREAM", "1:1", 1),
                     0); /* standard error was redirected since */
    sph_log_open("t");
    sph_log(SPH_LOG_WARNING, "again");
    assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
    capture_end(&capture, text, sizeof(text));
    assert_string_equal(text, "<4>low on space free_kib=3\nt: warning: again\n");
}

static void file_gets_the_time(void **state) {
    struct sph_scratch *scratch = *state;
    char text[256] = "";
    int saved = dup(STDERR_FILENO);
    sph_autoclose int fd = openat(scratch->fd, "log", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
    sph_log_open("t");
    sph_log(SPH_LOG_ERROR, "a");
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
    assert_int_equal(text[10], 'T');
    assert_string_equal(text + 23, "Z t: error: a\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_are_filtered),
        cmocka_unit_test(text_is_made_safe),
        cmocka_unit_test(journal_gets_priorities),
        cmocka_unit_test_setup_teardown(file_gets_the_time, sph_scratch_make, sph_scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
