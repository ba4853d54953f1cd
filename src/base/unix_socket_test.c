/* Names, modes, stale sockets and passed descriptors, in a scratch folder. */
#include "base/unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/testing.h"

static unsigned count_fds(void) {
    sph_autoclosedir DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    unsigned count = 0;
    while (readdir(dir))
        count++;
    return count;
}

static void long_paths(void **state) {
    struct sph_scratch *scratch = *state;
    char path[300] = "";
    for (int i = 0; i < 10; i++)
        strcat(path, "twenty-bytes-of-path/");
    assert_int_equal(sph_dir_make(scratch->fd, path, 0700, NULL), 0);
    sph_autoclose int folder = sph_dir_open(scratch->fd, path, NULL);
    sph_autoclose int server = sph_unix_listen(folder, "agent.sock", SOCK_STREAM, 0600, NULL);
    sph_autoclose int client = sph_unix_connect(folder, "agent.sock", SOCK_STREAM, NULL);
    assert_true(server >= 0 && client >= 0);
}

static void names(void **state) {
    struct sph_scratch *scratch = *state;
    struct sph_err err = SPH_ERR_NULL;
    char name[108];
    memset(name, 'n', 107);
    name[107] = '\0';
    assert_int_equal(sph_unix_listen(scratch->fd, name, SOCK_STREAM, 0600, &err), -ENAMETOOLONG);
    char sentence[200];
    (void)snprintf(sentence, sizeof(sentence), "cannot listen on the socket %s: File name too long",
                   name);
    assert_err(&err, -ENAMETOOLONG, sentence);
    assert_int_equal(sph_unix_listen(scratch->fd, "", SOCK_STREAM, 0600, &err), -EINVAL);
    assert_int_equal(sph_unix_listen(-1, "s", SOCK_STREAM, 0600, &err), -EBADF);
    assert_err(&err, -EBADF, "cannot open the folder of the socket s: Bad file descriptor");
    assert_int_equal(sph_unix_connect(-1, "s", SOCK_STREAM, &err), -EBADF);
    assert_err(&err, -EBADF, "cannot open the folder of the socket s: Bad file descriptor");
    assert_int_equal(sph_unix_connect(scratch->fd, "s", SOCK_STREAM, &err), -ENOENT);
    assert_err(&err, -ENOENT, "cannot connect to the socket s: No such file or directory");
    assert_int_equal(sph_unix_listen(scratch->fd, "no/s", SOCK_STREAM, 0600, &err), -ENOENT);
    assert_err(&err, -ENOENT, "cannot listen on the socket no/s: No such file or directory");
}

static void mode_is_exact(void **state) {
    struct sph_scratch *scratch = *state;
    static const mode_t masks[] = {0, 022, 077}, modes[] = {0600, 0660, 0666};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(masks); i++) {
        for (size_t k = 0; k < SPH_ARRAY_SIZE(modes); k++) {
            mode_t before = umask(masks[i]);
            sph_autoclose int fd = sph_unix_listen(scratch->fd, "s", SOCK_STREAM, modes[k], NULL);
            (void)umask(before);
            struct stat info;
            assert_true(fd >= 0);
            assert_int_equal(fstatat(scratch->fd, "s", &info, AT_SYMLINK_NOFOLLOW), 0);
            assert_int_equal(info.st_mode & 07777, modes[k]);
        }
    }
}

static void flags_and_peer(void **state) {
    struct sph_scratch *scratch = *state;
    struct sph_unix_peer peer = {0};
    sph_autoclose int server = sph_unix_listen(scratch->fd, "s", SOCK_STREAM, 0600, NULL);
    assert_int_equal(sph_unix_accept(server, &peer), -EAGAIN);
    sph_autoclose int client = sph_unix_connect(scratch->fd, "s", SOCK_STREAM, NULL);
    sph_autoclose int accepted = sph_unix_accept(server, &peer);
    assert_true(accepted >= 0);
    assert_int_equal(peer.pid, getpid());
    assert_int_equal(peer.uid, geteuid());
    assert_int_equal(peer.gid, getegid());
    int fds[] = {server, client, accepted};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(fds); i++) {
        assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
        assert_int_equal(!!(fcntl(fds[i], F_GETFL) & O_NONBLOCK), fds[i] != client);
    }
    assert_int_equal(sph_unix_accept(client, NULL), -EINVAL);
}

static void stale_and_busy(void **state) {
    struct sph_scratch *scratch = *state;
    struct sph_err err = SPH_ERR_NULL;
    static const char busy[] = "the socket s is in use by a running program";
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(types); i++) {
        int server = sph_unix_listen(scratch->fd, "s", types[i], 0600, &err);
        assert_true(server >= 0);
        for (size_t k = 0; k < SPH_ARRAY_SIZE(types); k++) { /* whatever type the second one has */
            assert_int_equal(sph_unix_listen(scratch->fd, "s", types[k], 0600, &err), -EADDRINUSE);
            assert_err(&err, -EADDRINUSE, busy);
        }
        (void)close(server); /* the name stays behind, and the next round takes it over */
        assert_int_equal(sph_unix_connect(scratch->fd, "s", types[i], &err), -ECONNREFUSED);
        assert_err(&err, -ECONNREFUSED, "cannot connect to the socket s: Connection refused");
    }
}

/* A server whose queue is full is alive, though nobody gets through. */
static void full_queue_is_not_stale(void **state) {
    struct sph_scratch *scratch = *state;
    sph_autoclose int server = sph_unix_listen(scratch->fd, "s", SOCK_STREAM, 0600, NULL);
    assert_int_equal(listen(server, 0), 0);
    sph_autoclose int waiting = sph_unix_connect(scratch->fd, "s", SOCK_STREAM, NULL);
    assert_true(waiting >= 0);
    assert_int_equal(sph_unix_listen(scratch->fd, "s", SOCK_STREAM, 0600, NULL), -EADDRINUSE);
}

static void other_files_are_kept(void **state) {
    struct sph_scratch *scratch = *state;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_file_replace(scratch->fd, "s", "mine", 4, 0600, NULL), 0);
    assert_int_equal(sph_unix_listen(scratch->fd, "s", SOCK_STREAM, 0600, &err), -EADDRINUSE);
    assert_err(&err, -EADDRINUSE, "s stands where a socket should be; move it away");
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    assert_int_equal(sph_file_read(scratch->fd, "s", &buf, NULL), 0);
    assert_string_equal(buf.data, "mine");
}

/* Eight start at once over a stale name: one listens, seven are told so. */
static void one_of_many_wins(void **state) {
    struct sph_scratch *scratch = *state;
    enum { STARTERS = 8, ROUNDS = 20 };
    for (int round = 0; round < ROUNDS; round++) {
        int go[2], hold[2], winners = 0;
        pid_t pids[STARTERS];
        assert_int_equal(pipe2(go, O_CLOEXEC) | pipe2(hold, O_CLOEXEC), 0);
        for (int i = 0; i < STARTERS; i++) {
            pids[i] = fork();
            assert_true(pids[i] >= 0);
            if (pids[i] > 0)
                continue;
            char byte;
            int folder = sph_dir_open(AT_FDCWD, scratch->path, NULL);
            (void)close(go[1]);
            (void)close(hold[1]);
            (void)!read(go[0], &byte, 1);
            int fd = sph_unix_listen(folder, "s", SOCK_STREAM, 0600, NULL);
            if (fd >= 0 && listen(fd, 16) < 0)
                _exit(3);
            if (fd >= 0)
                (void)!read(hold[0], &byte, 1); /* until the last has tried */
            _exit(fd >= 0 ? 1 : fd == -EADDRINUSE ? 0 : 2);
        }
        (void)close(go[0]);
        (void)close(go[1]);
        (void)close(hold[0]);
        for (int left = STARTERS - 1; left > 0; left--) {
            int status;
            assert_true(wait(&status) > 0); /* a loser: the winner is held */
            assert_int_equal(WEXITSTATUS(status), 0);
        }
        (void)close(hold[1]);
        int status;
        assert_true(wait(&status) > 0);
        winners += WEXITSTATUS(status) == 1;
        assert_int_equal(winners, 1);
    }
}

struct pair {
    int a, b;
};

static struct pair make_pair(int type) {
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    return (struct pair){.a = fds[0], .b = fds[1]};
}

static void close_pair(struct pair pair) {
    (void)close(pair.a);
    (void)close(pair.b);
}

static void messages(void **state) {
    (void)state;
    static const struct {
        size_t len, size;
        ssize_t result;
    } rows[] = {
        {1, 1, 1}, {10, 100, 10}, {100, 100, 100}, {101, 100, -EMSGSIZE}, {5, 1, -EMSGSIZE}};
    char data[128] = "some bytes", back[128];
    struct pair pair = make_pair(SOCK_SEQPACKET);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        int passed = 99;
        assert_int_equal(sph_unix_send(pair.a, data, rows[i].len, -1), 0);
        assert_int_equal(sph_unix_recv(pair.b, back, rows[i].size, &passed), rows[i].result);
        assert_int_equal(passed, -1);
        if (rows[i].result > 0)
            assert_memory_equal(data, back, rows[i].len);
    }
    assert_int_equal(sph_unix_recv(pair.b, back, sizeof(back), NULL), -EAGAIN);
    (void)close(pair.a);
    assert_int_equal(sph_unix_recv(pair.b, back, sizeof(back), NULL), 0);
    assert_int_equal(sph_unix_send(pair.b, data, 1, -1), -EPIPE); /* and no SIGPIPE */
    (void)close(pair.b);
}

static void passed_descriptors(void **state) {
    (void)state;
    char back[16];
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(types); i++) {
        unsigned before = count_fds();
        struct pair pair = make_pair(types[i]);
        int ends[2], passed;
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        assert_int_equal(sph_unix_send(pair.a, "x", 1, ends[1]), 0);
        (void)close(ends[1]);
        assert_int_equal(sph_unix_recv(pair.b, back, sizeof(back), &passed), 1);
        assert_int_equal(fcntl(passed, F_GETFD), FD_CLOEXEC);
        assert_int_equal(sph_fd_write_full(passed, "through", 7), 0);
        (void)close(passed);
        assert_int_equal(sph_fd_read_full(ends[0], back, sizeof(back)), 7);
        assert_int_equal(sph_unix_send(pair.a, "x", 1, ends[0]), 0);
        (void)close(ends[0]);
        assert_int_equal(sph_unix_recv(pair.b, back, sizeof(back), NULL),
                         1); /* not wanted: closed */
        close_pair(pair);
        assert_int_equal(count_fds(), before);
    }
    struct pair pair = make_pair(SOCK_SEQPACKET);
    assert_int_equal(sph_unix_send(pair.a, "x", 1, 1000000), -EBADF);
    close_pair(pair);
}

static void send_many(int fd, size_t count, size_t len) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(8 * sizeof(int))];
    } control = {.bytes = {0}};
    char data[64] = "x";
    int fds[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    struct iovec part = {.iov_base = data, .iov_len = len};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                               .cmsg_type = SCM_RIGHTS,
                               .cmsg_len = CMSG_LEN(count * sizeof(int))};
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    assert_int_equal(sendmsg(fd, &message, 0), len);
}

/* A hostile app sends more descriptors than asked for, or hides one behind a long message. */
static void surplus_descriptors_are_closed(void **state) {
    (void)state;
    static const struct {
        size_t count, len;
        ssize_t result;
    } rows[] = {{2, 1, -EBADMSG}, {3, 1, -EBADMSG}, {8, 1, -EBADMSG}, {1, 64, -EMSGSIZE}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct pair pair = make_pair(SOCK_SEQPACKET);
        unsigned before = count_fds();
        char back[8];
        int passed = 99;
        send_many(pair.a, rows[i].count, rows[i].len);
        assert_int_equal(sph_unix_recv(pair.b, back, sizeof(back), &passed), rows[i].result);
        assert_int_equal(passed, -1);
        assert_int_equal(count_fds(), before);
        close_pair(pair);
    }
}

static void short_stream_write_is_told(void **state) {
    (void)state;
    static char big[4 << 20];
    struct pair pair = make_pair(SOCK_STREAM);
    assert_int_equal(sph_unix_send(pair.a, big, sizeof(big), -1), -EIO);
    assert_int_equal(sph_unix_send(pair.a, big, sizeof(big), -1), -EAGAIN);
    close_pair(pair);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, sph_scratch_make, sph_scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(long_paths),
        TEST(names),
        TEST(mode_is_exact),
        TEST(flags_and_peer),
        TEST(stale_and_busy),
        TEST(full_queue_is_not_stale),
        TEST(other_files_are_kept),
        TEST(one_of_many_wins),
        cmocka_unit_test(messages),
        cmocka_unit_test(passed_descriptors),
        cmocka_unit_test(surplus_descriptors_are_closed),
        cmocka_unit_test(short_stream_write_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
