/* Files and folders in a scratch folder, and every system call of a replacement failing in turn.
 * The calls are wrapped by the linker; real limits (a full file system, RLIMIT_FSIZE) are tried
 * beside the wraps. */
#include "base/file.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/testing.h"

ssize_t __real_read(int fd, void *data, size_t len);
ssize_t __wrap_read(int fd, void *data, size_t len);
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __real_renameat(int from, const char *name, int to, const char *renamed);
int __wrap_renameat(int from, const char *name, int to, const char *renamed);

/* One seam for all of them: the n-th wrapped call fails; transfers can be cut short or interrupted.
 */
static struct {
    unsigned fail_nth; /* 0: never */
    int error;
    size_t at_most;          /* bytes per transfer, 0: no bound */
    unsigned interrupt_each; /* every n-th transfer is EINTR first */
    unsigned transfers;
} seam;

static bool fails_now(void) {
    if (seam.fail_nth == 0 || --seam.fail_nth > 0)
        return false;
    errno = seam.error;
    return true;
}

static bool interrupts_now(void) {
    if (seam.interrupt_each == 0 || ++seam.transfers % seam.interrupt_each != 0)
        return false;
    errno = EINTR;
    return true;
}

static size_t cut(size_t len) {
    return seam.at_most > 0 && len > seam.at_most ? seam.at_most : len;
}

ssize_t __wrap_read(int fd, void *data, size_t len) {
    return fails_now() || interrupts_now() ? -1 : __real_read(fd, data, cut(len));
}

ssize_t __wrap_write(int fd, const void *data, size_t len) {
    return fails_now() || interrupts_now() ? -1 : __real_write(fd, data, cut(len));
}

int __wrap_fsync(int fd) {
    return fails_now() ? -1 : __real_fsync(fd);
}

int __wrap_fchmod(int fd, mode_t mode) {
    return fails_now() ? -1 : __real_fchmod(fd, mode);
}

int __wrap_renameat(int from, const char *name, int to, const char *renamed) {
    return fails_now() ? -1 : __real_renameat(from, name, to, renamed);
}

static int make(void **state) {
    memset(&seam, 0, sizeof(seam));
    return sph_scratch_make(state);
}

static int clean(void **state) {
    memset(&seam, 0, sizeof(seam));
    return sph_scratch_remove(state);
}

static void put(int dirfd, const char *name, const char *text) {
    sph_autoclose int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(__real_write(fd, text, strlen(text)), strlen(text));
}

static void assert_content(int dirfd, const char *name, const char *expected) {
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    assert_int_equal(sph_file_read(dirfd, name, &buf, NULL), 0);
    assert_string_equal(buf.data, expected);
}

static unsigned count_entries(int dirfd) {
    sph_autoclosedir DIR *dir = fdopendir(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    assert_non_null(dir);
    unsigned count = 0;
    while (readdir(dir))
        count++;
    return count - 2; /* "." and ".." */
}

static void full_transfers(void **state) {
    (void)state;
    static const size_t chunks[] = {0, 1, 2, 7};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(chunks); i++) {
        int ends[2];
        char data[100], back[120];
        memset(data, (int)i + 1, sizeof(data));
        seam.at_most = chunks[i];
        seam.interrupt_each = 3;
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        assert_int_equal(sph_fd_write_full(ends[1], data, sizeof(data)), 0);
        assert_int_equal(sph_fd_read_full(ends[0], back, 60), 60);
        (void)close(ends[1]);
        assert_int_equal(sph_fd_read_full(ends[0], back + 60, 60), 40); /* end of file */
        assert_memory_equal(data, back, sizeof(data));
        (void)close(ends[0]);
    }
}

static void transfers_fail(void **state) {
    (void)state;
    char byte = 0;
    sph_autoclose int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    assert_int_equal(sph_fd_write_full(full, "abc", 3), -ENOSPC);
    assert_int_equal(sph_fd_write_full(full, "abc", 0), 0);
    assert_int_equal(sph_fd_write_full(-1, "abc", 3), -EBADF);
    assert_int_equal(sph_fd_read_full(full, &byte, 1), -EBADF); /* open for writing only */

    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(sph_fd_read_full(ends[0], &byte, 1), -EAGAIN);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void read_bounds(void **state) {
    struct sph_scratch *scratch = *state;
    static const struct {
        size_t size, limit;
        int result;
    } rows[] = {
        {0, 0, 0},         {0, 10, 0},        {1, 0, -EFBIG},    {10, 10, 0},
        {11, 10, -EFBIG},  {16384, 16384, 0}, {16385, 20000, 0}, {40000, 39999, -EFBIG},
        {40000, 40000, 0},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autofree char *text = calloc(1, rows[i].size + 1);
        memset(text, 'x', rows[i].size);
        put(scratch->fd, "f", text);
        for (seam.at_most = 0; seam.at_most < 10000; seam.at_most += 4999) {
            struct sph_err err = SPH_ERR_NULL;
            sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(rows[i].limit);
            assert_int_equal(sph_file_read(scratch->fd, "f", &buf, &err), rows[i].result);
            assert_int_equal(buf.len, rows[i].result ? 0 : rows[i].size);
            assert_int_equal(buf.error, rows[i].result);
            char sentence[64];
            (void)snprintf(sentence, sizeof(sentence), "f is larger than %zu bytes", rows[i].limit);
            assert_err(&err, rows[i].result, rows[i].result ? sentence : "");
        }
    }
}

static void read_appends(void **state) {
    struct sph_scratch *scratch = *state;
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(5);
    put(scratch->fd, "f", "ab");
    assert_int_equal(sph_file_read(scratch->fd, "f", &buf, &err), 0);
    assert_int_equal(sph_file_read(scratch->fd, "f", &buf, &err), 0);
    assert_string_equal(buf.data, "abab");
    assert_int_equal(sph_file_read(scratch->fd, "f", &buf, &err), -EFBIG);
    assert_err(&err, -EFBIG, "f is larger than 1 bytes");
    assert_string_equal(buf.data, "abab"); /* nothing of the failed read stays */
}

static void read_fails(void **state) {
    struct sph_scratch *scratch = *state;
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    assert_int_equal(sph_file_read(scratch->fd, "none", &buf, &err), -ENOENT);
    assert_err(&err, -ENOENT, "cannot open none: No such file or directory");
    assert_int_equal(sph_file_read(scratch->fd, ".", &buf, &err), -EISDIR);
    assert_err(&err, -EISDIR, "cannot read .: Is a directory");
    assert_int_equal(sph_fd_read_to_end(-1, &buf, &err), -EBADF);
    assert_err(&err, -EBADF, "cannot read the input: Bad file descriptor");
    assert_int_equal(buf.len, 0);
}

static void replace_sets_content_and_mode(void **state) {
    struct sph_scratch *scratch = *state;
    static const struct {
        const char *text;
        mode_t mode;
    } rows[] = {{"first", 0600}, {"", 0644}, {"third", 0666}, {"fourth", 0400}, {"fifth", 0640}};
    assert_int_equal(sph_dir_make(scratch->fd, "sub", 0700, NULL), 0);
    mode_t mask = umask(077);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct stat info;
        seam.at_most = i; /* short writes too */
        assert_int_equal(sph_file_replace(scratch->fd, "sub/f", rows[i].text, strlen(rows[i].text),
                                          rows[i].mode, NULL),
                         0);
        assert_content(scratch->fd, "sub/f", rows[i].text);
        assert_int_equal(fstatat(scratch->fd, "sub/f", &info, 0), 0);
        assert_int_equal(info.st_mode & 07777, rows[i].mode);
    }
    (void)umask(mask);
    assert_int_equal(count_entries(scratch->fd), 1); /* nothing but "sub" */
}

static void replace_needs_no_name_room(void **state) {
    struct sph_scratch *scratch = *state;
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    assert_int_equal(sph_file_replace(scratch->fd, name, "x", 1, 0600, NULL), 0);
    assert_content(scratch->fd, name, "x");
}

static void replace_does_not_follow_links(void **state) {
    struct sph_scratch *scratch = *state;
    put(scratch->fd, "victim", "old");
    assert_int_equal(symlinkat("victim", scratch->fd, "link"), 0);
    assert_int_equal(sph_file_replace(scratch->fd, "link", "new", 3, 0600, NULL), 0);
    assert_content(scratch->fd, "victim", "old");
    assert_content(scratch->fd, "link", "new");
}

/* write, fchmod, fsync, rename: whichever fails, the old file stands and no temporary is left. The
 * fifth call syncs the folder; the new file stands already, and the failure is told all the same.
 */
static void every_step_of_replace_may_fail(void **state) {
    struct sph_scratch *scratch = *state;
    static const char *const sentences[] = {
        "cannot write f: Input/output error",
        "cannot write f: Input/output error",
        "cannot write f: Input/output error",
        "cannot write f: Input/output error",
        "cannot make the new f durable: Input/output error",
    };
    for (unsigned nth = 1; nth <= SPH_ARRAY_SIZE(sentences); nth++) {
        struct sph_err err = SPH_ERR_NULL;
        put(scratch->fd, "f", "old");
        seam.error = EIO;
        seam.fail_nth = nth;
        assert_int_equal(sph_file_replace(scratch->fd, "f", "newer", 5, 0600, &err), -EIO);
        assert_int_equal(seam.fail_nth, 0);
        assert_err(&err, -EIO, sentences[nth - 1]);
        assert_content(scratch->fd, "f", nth == 5 ? "newer" : "old");
        assert_int_equal(count_entries(scratch->fd), 1);
    }
    seam.fail_nth = SPH_ARRAY_SIZE(sentences) + 1;
    assert_int_equal(sph_file_replace(scratch->fd, "f", "newer", 5, 0600, NULL), 0);
    assert_int_equal(seam.fail_nth, 1); /* no sixth call */
}

static void replace_without_folder_sync(void **state) {
    struct sph_scratch *scratch = *state;
    seam.error = EINVAL;
    seam.fail_nth = 5;
    assert_int_equal(sph_file_replace(scratch->fd, "f", "newer", 5, 0600, NULL), 0);
    assert_content(scratch->fd, "f", "newer");
}

static void replace_refuses_bad_places(void **state) {
    struct sph_scratch *scratch = *state;
    static const struct {
        const char *name;
        int code;
        const char *sentence;
    } rows[] = {
        {"none/f", -ENOENT, "cannot open the folder of none/f: No such file or directory"},
        {"dir/", -EINVAL, "cannot open the folder of dir/: Invalid argument"},
        {"", -EINVAL, "cannot open the folder of : Invalid argument"},
        {"dir", -EISDIR, "cannot write dir: Is a directory"},
        {"file/f", -ENOTDIR, "cannot open the folder of file/f: Not a directory"},
    };
    assert_int_equal(sph_dir_make(scratch->fd, "dir", 0700, NULL), 0);
    put(scratch->fd, "file", "");
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_file_replace(scratch->fd, rows[i].name, "x", 1, 0600, &err),
                         rows[i].code);
        assert_err(&err, rows[i].code, rows[i].sentence);
    }
    assert_int_equal(count_entries(scratch->fd), 2);
}

static void replace_over_a_file_size_limit(void **state) {
    struct sph_scratch *scratch = *state;
    struct sph_err err = SPH_ERR_NULL;
    struct rlimit saved;
    char big[8192] = "";
    put(scratch->fd, "f", "old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
    struct rlimit low = {.rlim_cur = 4096, .rlim_max = saved.rlim_max};
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    int result = sph_file_replace(scratch->fd, "f", big, sizeof(big), 0600, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
    assert_int_equal(result, -EFBIG);
    assert_err(&err, -EFBIG, "cannot write f: File too large");
    assert_content(scratch->fd, "f", "old");
    assert_int_equal(count_entries(scratch->fd), 1);
}

/* Runs fn in a child of its own; its checks end it with the line's number, 0 is success. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return __LINE__ % 200 + 1;                                                             \
    } while (0)

enum { CHILD_SKIPPED = 255 };

static int run_child(int (*fn)(const struct sph_scratch *), const struct sph_scratch *scratch) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(fn(scratch));
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* The scratch folder is opened anew: a descriptor from before sees the old name space's mounts. */
static bool mount_small(const struct sph_scratch *scratch, const char *name) {
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", scratch->path, name);
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", path, "tmpfs", 0, "size=16k") == 0 &&
           dup2(sph_dir_open(AT_FDCWD, scratch->path, NULL), scratch->fd) == scratch->fd;
}

static int replace_on_full_disk(const struct sph_scratch *scratch) {
    static const char big[64 * 1024];
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    if (!mount_small(scratch, "small"))
        return CHILD_SKIPPED;
    CHECK(sph_file_replace(scratch->fd, "small/f", "old", 3, 0600, NULL) == 0);
    CHECK(sph_file_replace(scratch->fd, "small/f", big, sizeof(big), 0600, &err) == -ENOSPC);
    CHECK(strcmp(err.text, "cannot write small/f: No space left on device") == 0);
    CHECK(sph_file_read(scratch->fd, "small/f", &buf, NULL) == 0);
    CHECK(strcmp(buf.data, "old") == 0);
    CHECK(sph_file_replace(scratch->fd, "small/f", "new", 3, 0600, NULL) == 0); /* room again */
    return 0;
}

static void full_disk_keeps_the_old_file(void **state) {
    const struct sph_scratch *scratch = *state;
    assert_int_equal(sph_dir_make(scratch->fd, "small", 0700, NULL), 0);
    int result = run_child(replace_on_full_disk, scratch);
    if (result == CHILD_SKIPPED) {
        print_message("skipped: mounting a small file system is not permitted\n");
        skip();
    }
    assert_int_equal(result, 0);
}

static void poke(void **state) {
    struct sph_scratch *scratch = *state;
    struct sph_err err = SPH_ERR_NULL;
    put(scratch->fd, "f", "abcdef");
    assert_int_equal(sph_file_poke(scratch->fd, "f", "XY", &err), 0);
    assert_content(scratch->fd, "f", "XYcdef");
    assert_int_equal(sph_file_poke(scratch->fd, "none", "1", &err), -ENOENT);
    assert_err(&err, -ENOENT, "cannot open none: No such file or directory");
    assert_int_equal(sph_file_poke(AT_FDCWD, "/dev/full", "+memory\n", &err), -ENOSPC);
    assert_err(&err, -ENOSPC, "cannot write \"+memory?\" to /dev/full: No space left on device");
    seam.at_most = 2; /* a kernel file parses each write by itself: half of one is a failure */
    assert_int_equal(sph_file_poke(scratch->fd, "f", "123", &err), -EIO);
    assert_err(&err, -EIO, "f took 2 of the 3 bytes of \"123\"");
}

static void dir_make(void **state) {
    struct sph_scratch *scratch = *state;
    static const struct {
        const char *path;
        int code;
        const char *sentence;
    } rows[] = {
        {"a", 0, ""},
        {"a", 0, ""},
        {"a/b/c", 0, ""},
        {"a/b/c/", 0, ""},
        {"d//e/./f/../g", 0, ""},
        {"/tmp", 0, ""},
        {"/", 0, ""},
        {".", 0, ""},
        {"to-a/x", 0, ""}, /* through a link to a folder */
        {"", -EINVAL, "a folder's path has 1 to 4095 bytes, not 0"},
        {"file", -ENOTDIR, "cannot make the folder file: Not a directory"},
        {"file/x", -ENOTDIR, "cannot make the folder file: Not a directory"},
        {"dangling", -EEXIST, "cannot make the folder dangling: File exists"},
    };
    put(scratch->fd, "file", "");
    assert_int_equal(symlinkat("a", scratch->fd, "to-a"), 0);
    assert_int_equal(symlinkat("nowhere", scratch->fd, "dangling"), 0);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_dir_make(scratch->fd, rows[i].path, 0700, &err), rows[i].code);
        assert_err(&err, rows[i].code, rows[i].sentence);
    }
    static const char *const made[] = {"a/b/c", "d/e/g", "a/x"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(made); i++) {
        sph_autoclose int fd = sph_dir_open(scratch->fd, made[i], NULL);
        assert_true(fd >= 0);
    }
    char longer[PATH_MAX + 1];
    struct sph_err err = SPH_ERR_NULL;
    memset(longer, 'x', PATH_MAX);
    longer[PATH_MAX] = '\0';
    assert_int_equal(sph_dir_make(scratch->fd, longer, 0700, &err), -ENAMETOOLONG);
    assert_err(&err, -ENAMETOOLONG, "a folder's path has 1 to 4095 bytes, not 4096");
}

static void dir_open(void **state) {
    struct sph_scratch *scratch = *state;
    struct sph_err err = SPH_ERR_NULL;
    put(scratch->fd, "file", "");
    assert_int_equal(symlinkat(".", scratch->fd, "link"), 0);
    assert_int_equal(sph_dir_open(scratch->fd, "none", &err), -ENOENT);
    assert_err(&err, -ENOENT, "cannot open the folder none: No such file or directory");
    assert_int_equal(sph_dir_open(scratch->fd, "file", &err), -ENOTDIR);
    assert_err(&err, -ENOTDIR, "cannot open the folder file: Not a directory");
    assert_int_equal(sph_dir_open(scratch->fd, "link", &err), -ENOTDIR); /* O_NOFOLLOW */
    sph_autoclose int fd = sph_dir_open(scratch->fd, ".", &err);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void tree_remove_simple(void **state) {
    struct sph_scratch *scratch = *state;
    put(scratch->fd, "file", "");
    put(scratch->fd, "kept", "kept");
    assert_int_equal(sph_dir_make(scratch->fd, "empty", 0700, NULL), 0);
    assert_int_equal(sph_dir_make(scratch->fd, "kept-dir", 0700, NULL), 0);
    put(scratch->fd, "kept-dir/f", "kept");
    assert_int_equal(symlinkat("kept-dir", scratch->fd, "link"), 0);
    static const char *const names[] = {"file", "empty", "none", "link"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(names); i++)
        assert_int_equal(sph_tree_remove(scratch->fd, names[i], NULL), 0);
    assert_int_equal(count_entries(scratch->fd), 2);
    assert_content(scratch->fd, "kept-dir/f", "kept"); /* only the link went */
}

static void tree_remove_mixed(void **state) {
    struct sph_scratch *scratch = *state;
    static const char *const folders[] = {"t/a/b/c/d", "t/.removed-0/x", "t/.removed-1",
                                          "t/a/b/e/f/g"};
    put(scratch->fd, "outside", "kept");
    for (size_t i = 0; i < SPH_ARRAY_SIZE(folders); i++) {
        char name[64];
        assert_int_equal(sph_dir_make(scratch->fd, folders[i], 0700, NULL), 0);
        (void)snprintf(name, sizeof(name), "%s/file", folders[i]);
        put(scratch->fd, name, "x");
        (void)snprintf(name, sizeof(name), "%s/out", folders[i]);
        assert_int_equal(symlinkat("/", scratch->fd, name), 0);
        (void)snprintf(name, sizeof(name), "%s/pipe", folders[i]);
        assert_int_equal(mkfifoat(scratch->fd, name, 0600), 0);
    }
    for (int i = 0; i < 2000; i++) { /* more than one read of the folder */
        char name[32];
        (void)snprintf(name, sizeof(name), "t/a/b/many-%d", i);
        put(scratch->fd, name, "");
    }
    assert_int_equal(sph_tree_remove(scratch->fd, "t", NULL), 0);
    assert_int_equal(count_entries(scratch->fd), 1);
    assert_content(scratch->fd, "outside", "kept");
}

/* 4000 levels with 20 descriptors and the stack of one call. */
static int remove_deep(const struct sph_scratch *scratch) {
    struct rlimit few = {.rlim_cur = 20, .rlim_max = 20};
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    int at = openat(scratch->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int depth = 0; depth < 4000; depth++) {
        CHECK(mkdirat(at, "deeper", 0700) == 0);
        int next = openat(at, "deeper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CHECK(next >= 0);
        (void)close(at);
        at = next;
    }
    (void)close(at);
    CHECK(sph_tree_remove(scratch->fd, "deeper", NULL) == 0);
    return count_entries(scratch->fd) == 0 ? 0 : __LINE__ % 200;
}

static void tree_remove_deep(void **state) {
    assert_int_equal(run_child(remove_deep, *state), 0);
}

/* As an ordinary user, whom a folder's missing write bit stops. */
static int remove_read_only(const struct sph_scratch *scratch) {
    CHECK(sph_dir_make(scratch->fd, "t/a/b/c", 0700, NULL) == 0);
    put(scratch->fd, "t/a/b/c/f", "x");
    put(scratch->fd, "t/a/f", "x");
    static const char *const folders[] = {"t/a/b/c", "t/a/b", "t/a", "t"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(folders); i++)
        CHECK(fchmodat(scratch->fd, folders[i], 0555, 0) == 0);
    CHECK(sph_tree_remove(scratch->fd, "t", NULL) == 0);
    CHECK(count_entries(scratch->fd) == 0);
    return 0;
}

static int remove_read_only_as_user(const struct sph_scratch *scratch) {
    CHECK(geteuid() != 0 ||
          (fchown(scratch->fd, 65534, 65534) == 0 && setgid(65534) == 0 && setuid(65534) == 0));
    return remove_read_only(scratch);
}

static void tree_remove_read_only(void **state) {
    assert_int_equal(run_child(remove_read_only_as_user, *state), 0);
}

/* What another file system holds is not ours to remove. */
static int remove_over_mount(const struct sph_scratch *scratch) {
    struct sph_err err = SPH_ERR_NULL;
    if (!mount_small(scratch, "t/small"))
        return CHILD_SKIPPED;
    CHECK(sph_file_replace(scratch->fd, "t/small/f", "kept", 4, 0600, NULL) == 0);
    CHECK(sph_tree_remove(scratch->fd, "t", &err) == -EBUSY);
    CHECK(strcmp(err.text, "cannot remove t: Device or resource busy") == 0);
    CHECK(sph_tree_remove(scratch->fd, "t/small", &err) == -EBUSY);
    CHECK(faccessat(scratch->fd, "t/small/f", F_OK, 0) == 0);
    return 0;
}

static void tree_remove_stops_at_mounts(void **state) {
    const struct sph_scratch *scratch = *state;
    assert_int_equal(sph_dir_make(scratch->fd, "t/small", 0700, NULL), 0);
    int result = run_child(remove_over_mount, scratch);
    if (result == CHILD_SKIPPED) {
        print_message("skipped: mounting a small file system is not permitted\n");
        skip();
    }
    assert_int_equal(result, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make, clean)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(full_transfers),
        TEST(transfers_fail),
        TEST(read_bounds),
        TEST(read_appends),
        TEST(read_fails),
        TEST(replace_sets_content_and_mode),
        TEST(replace_needs_no_name_room),
        TEST(replace_does_not_follow_links),
        TEST(every_step_of_replace_may_fail),
        TEST(replace_without_folder_sync),
        TEST(replace_refuses_bad_places),
        TEST(replace_over_a_file_size_limit),
        TEST(full_disk_keeps_the_old_file),
        TEST(poke),
        TEST(dir_make),
        TEST(dir_open),
        TEST(tree_remove_simple),
        TEST(tree_remove_mixed),
        TEST(tree_remove_deep),
        TEST(tree_remove_read_only),
        TEST(tree_remove_stops_at_mounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
