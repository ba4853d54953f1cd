/* Paths into the package, and the mutable file. */
#include <applibs/storage.h>

#include <sys/stat.h>

#include "fake_agent.h"

static const char *const BAD_PATHS[] = {
    "", "/", "/etc/passwd", ".", "./a", ".hidden", "..", "../a", "a/..", "a/../b", "a..b",
};

static void test_bad_paths(void) {
    for (size_t i = 0; i < sizeof(BAD_PATHS) / sizeof(BAD_PATHS[0]); i++) {
        CHECK_FAILS(Storage_GetAbsolutePathInImagePackage(BAD_PATHS[i]), NULL, EINVAL);
        CHECK_FAILS(Storage_OpenFileInImagePackage(BAD_PATHS[i]), -1, EINVAL);
    }
    CHECK_FAILS(Storage_GetAbsolutePathInImagePackage(NULL), NULL, EFAULT);
    CHECK_FAILS(Storage_OpenFileInImagePackage(NULL), -1, EFAULT);
}

static void test_absolute_path(void) {
    static const char *const rows[][2] = {
        {"a", "/mnt/apps/x/a"},
        {"dir/sub/file.txt", "/mnt/apps/x/dir/sub/file.txt"},
        {"no such file", "/mnt/apps/x/no such file"},
        {"a/.hidden", "/mnt/apps/x/a/.hidden"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fake_agent agent = FAKE_AGENT_OK;
        strcpy(agent.reply.text, "/mnt/apps/x");
        fake_agent_start(&agent);
        char *path = Storage_GetAbsolutePathInImagePackage(rows[i][0]);
        CHECK(fake_agent_finish(&agent).op == SPH_APP_PACKAGE_PATH);
        CHECK(path != NULL && strcmp(path, rows[i][1]) == 0);
        free(path);
    }
    CHECK_FAILS(Storage_GetAbsolutePathInImagePackage("a"), NULL, EIO);
}

/* One call with the scratch folder as the package. */
static int open_in(const char *root, const char *name) {
    struct fake_agent agent = FAKE_AGENT_OK;
    strcpy(agent.reply.text, root);
    fake_agent_start(&agent);
    errno = 0;
    int fd = Storage_OpenFileInImagePackage(name);
    int error = errno;
    (void)fake_agent_finish(&agent);
    errno = error;
    return fd;
}

static void test_open_in_package(const char *root) {
    char text[4];
    CHECK(mkdir("dir", 0700) == 0);
    int fd = open("dir/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(write(fd, "text", 4) == 4 && close(fd) == 0);

    int before = check_open_fds();
    fd = open_in(root, "dir/file");
    CHECK(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
    CHECK(read(fd, text, 4) == 4 && memcmp(text, "text", 4) == 0);
    CHECK(close(fd) == 0);
    CHECK_FAILS(open_in(root, "dir"), -1, EINVAL);
    CHECK_FAILS(open_in(root, "absent"), -1, ENOENT);
    CHECK_FAILS(open_in("/no such root", "dir/file"), -1, ENOENT);
    CHECK_FAILS(Storage_OpenFileInImagePackage("dir/file"), -1, EIO);
    CHECK(check_open_fds() == before);
    CHECK(unlink("dir/file") == 0 && rmdir("dir") == 0);
}

static void test_mutable_file(void) {
    struct fake_agent agent = FAKE_AGENT_OK;
    char text[4];
    agent.file = "mutable";
    fake_agent_start(&agent);
    int fd = Storage_OpenMutableFile();
    CHECK(fake_agent_finish(&agent).op == SPH_APP_STORAGE_OPEN_MUTABLE);
    CHECK(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(pwrite(fd, "kept", 4, 0) == 4 && pread(fd, text, 4, 0) == 4);
    CHECK(close(fd) == 0 && unlink("mutable") == 0);

    agent.file = NULL;
    fake_agent_start(&agent);
    CHECK(Storage_DeleteMutableFile() == 0);
    CHECK(fake_agent_finish(&agent).op == SPH_APP_STORAGE_DELETE_MUTABLE);
}

static void test_refusals(void) {
    static const struct {
        int error;
        int (*call)(void);
    } rows[] = {
        {EACCES, Storage_OpenMutableFile},   {EIO, Storage_OpenMutableFile},
        {EACCES, Storage_DeleteMutableFile}, {ENOENT, Storage_DeleteMutableFile},
        {EIO, Storage_DeleteMutableFile},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fake_agent agent = FAKE_AGENT_OK;
        agent.reply.error = rows[i].error;
        fake_agent_start(&agent);
        CHECK_FAILS(rows[i].call(), -1, rows[i].error);
        (void)fake_agent_finish(&agent);
    }
    CHECK_FAILS(Storage_OpenMutableFile(), -1, EIO);
    CHECK_FAILS(Storage_DeleteMutableFile(), -1, EIO);
}

int main(void) {
    char scratch[32];
    check_enter_scratch(scratch);
    test_bad_paths();
    test_absolute_path();
    test_open_in_package(scratch);
    test_mutable_file();
    test_refusals();
    CHECK(rmdir(scratch) == 0);
    return check_done();
}
