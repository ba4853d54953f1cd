/* The way to an agent of this machine: by folder and name, never waiting, whoever listens there. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/unix_socket.h"
#include "gateway/link/backend.h"

enum { TRIES = 200 /* more than any queue of a listener here holds */ };

static void open_backend(const struct sph_scratch *scratch, const char *name,
                         struct sph_backend *ret_backend) {
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_backend_native(scratch->fd, name, ret_backend, &err), 0);
    assert_int_equal(err.code, 0);
    assert_string_equal(ret_backend->name, "native");
}

static int connect_once(const struct sph_backend *backend, struct sph_err *err) {
    return backend->connect(backend->context, err);
}

static void a_connection_does_not_block(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_backend backend;
    char byte = 0;
    open_backend(scratch, "agent.sock", &backend);
    int listen_fd = sph_unix_listen(scratch->fd, "agent.sock", SOCK_STREAM, 0600, NULL);
    assert_true(listen_fd >= 0);
    int fd = connect_once(&backend, NULL);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(read(fd, &byte, 1), -1);
    assert_int_equal(errno, EAGAIN);
    int peer = sph_unix_accept(listen_fd, NULL); /* it is the listener's */
    assert_true(peer >= 0);
    assert_int_equal(write(peer, "x", 1), 1);
    assert_int_equal(read(fd, &byte, 1), 1);
    (void)close(peer);
    (void)close(fd);
    (void)close(listen_fd);
    sph_backend_done(&backend);
}

/* An agent that was stopped accepts nobody, and every connection that is given up keeps its place
 * in the queue. The try that finds it full fails at once instead of waiting for ever. */
static void a_full_queue_is_a_failure(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_backend backend;
    struct sph_err err = SPH_ERR_NULL;
    int fd = 0, tries = 0;
    open_backend(scratch, "agent.sock", &backend);
    int listen_fd = sph_unix_listen(scratch->fd, "agent.sock", SOCK_STREAM, 0600, NULL);
    (void)alarm(20); /* were it to block after all, the test would end here */
    while (fd >= 0 && tries++ < TRIES) {
        fd = connect_once(&backend, &err);
        if (fd >= 0)
            (void)close(fd);
    }
    (void)alarm(0);
    assert_int_equal(fd, -EAGAIN);
    assert_err(&err, -EAGAIN,
               "cannot connect to the socket agent.sock: Resource temporarily unavailable");
    int peer = sph_unix_accept(listen_fd, NULL);
    assert_true(peer >= 0);
    fd = connect_once(&backend, NULL); /* one place is free again */
    assert_true(fd >= 0);
    (void)close(peer);
    (void)close(fd);
    (void)close(listen_fd);
    sph_backend_done(&backend);
}

/* The folder is a descriptor: the same back end finds every agent that comes there, and the
 * sentence says what stands in the way. */
static void agents_come_and_go(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_backend backend;
    struct sph_err err = SPH_ERR_NULL;
    open_backend(scratch, "agent.sock", &backend);
    assert_int_equal(connect_once(&backend, &err), -ENOENT);
    assert_err(&err, -ENOENT, "cannot connect to the socket agent.sock: No such file or directory");
    for (unsigned round = 0; round < 3; round++) {
        int listen_fd = sph_unix_listen(scratch->fd, "agent.sock", SOCK_STREAM, 0600, NULL);
        assert_true(listen_fd >= 0);
        int fd = connect_once(&backend, NULL);
        assert_true(fd >= 0);
        (void)close(fd);
        (void)close(listen_fd); /* its name stays, as after a crash */
        assert_int_equal(connect_once(&backend, &err), -ECONNREFUSED);
        assert_err(&err, -ECONNREFUSED,
                   "cannot connect to the socket agent.sock: Connection refused");
    }
    sph_backend_done(&backend);
}

static void other_things_of_that_name(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_backend backend;
    struct sph_err err = SPH_ERR_NULL;
    (void)close(openat(scratch->fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    int packets = sph_unix_listen(scratch->fd, "packets", SOCK_SEQPACKET, 0600, NULL);
    assert_true(packets >= 0);
    open_backend(scratch, "file", &backend);
    assert_int_equal(connect_once(&backend, &err), -ECONNREFUSED);
    sph_backend_done(&backend);
    open_backend(scratch, "packets", &backend);
    assert_int_equal(connect_once(&backend, &err), -EPROTOTYPE);
    assert_err(&err, -EPROTOTYPE,
               "cannot connect to the socket packets: Protocol wrong type for socket");
    sph_backend_done(&backend);
    (void)close(packets);
}

static void names_have_a_limit(void **state) {
    const struct sph_scratch *scratch = *state;
    char name[65] = "";
    struct sph_backend backend = {.name = "untouched"};
    struct sph_err err = SPH_ERR_NULL;
    memset(name, 'n', 64);
    assert_int_equal(sph_backend_native(scratch->fd, name, &backend, &err), -ENAMETOOLONG);
    assert_err(&err, -ENAMETOOLONG, "the agent's socket has too long a name");
    assert_string_equal(backend.name, "untouched");
    name[63] = '\0';
    open_backend(scratch, name, &backend);
    assert_int_equal(connect_once(&backend, &err), -ENOENT);
    sph_backend_done(&backend);
    sph_backend_done(&backend); /* twice, and of nothing */
    sph_backend_done(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connection_does_not_block, sph_scratch_make,
                                        sph_scratch_remove),
        cmocka_unit_test_setup_teardown(a_full_queue_is_a_failure, sph_scratch_make,
                                        sph_scratch_remove),
        cmocka_unit_test_setup_teardown(agents_come_and_go, sph_scratch_make, sph_scratch_remove),
        cmocka_unit_test_setup_teardown(other_things_of_that_name, sph_scratch_make,
                                        sph_scratch_remove),
        cmocka_unit_test_setup_teardown(names_have_a_limit, sph_scratch_make, sph_scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
