/* The agent's end of an app's channel against an app that keeps to nothing. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/app/channel.h"
#include "agent/app/channel_request.h"
#include "agent/device/device.h"
#include "agent/device/gpio.h"
#include "agent/storage/medium.h"
#include "agent/storage/storage.h"
#include "base/attr.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/unix_socket.h"

struct fixture {
    struct sph_device device;
    char folder[32];
    int dir_fd, listen_fd;
    struct sph_channel *channel;
    struct sph_channel_rights rights;
};

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct sph_device *device = &fixture->device;
    (void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/spherule-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    fixture->dir_fd = device->state_fd = open(fixture->folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(sph_loop_new(&device->loop, NULL), 0);
    assert_int_equal(sph_gpio_new(device, &device->gpio, NULL), 0);
    assert_int_equal(sph_storage_new(device->state_fd, &device->storage, NULL), 0);
    assert_int_equal(sph_medium_new(device, &device->medium, NULL), 0);
    fixture->listen_fd = sph_unix_listen(fixture->dir_fd, "agent", SOCK_SEQPACKET, 0600, NULL);
    assert_true(fixture->listen_fd >= 0);
    fixture->rights = (struct sph_channel_rights){
        .component = {.bytes = {1}}, .uid = getuid(), .pins = {0x06}}; /* pins 1 and 2 */
    *state = fixture;
    return 0;
}

static void open_channel(struct fixture *fixture) {
    assert_int_equal(sph_channel_new(&fixture->device, fixture->listen_fd, &fixture->rights,
                                     &fixture->channel, NULL),
                     0);
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    (void)sph_channel_free(fixture->channel);
    (void)sph_medium_free(fixture->device.medium);
    (void)sph_storage_free(fixture->device.storage);
    (void)sph_gpio_free(fixture->device.gpio);
    (void)sph_loop_free(fixture->device.loop);
    (void)close(fixture->listen_fd);
    (void)close(fixture->dir_fd);
    assert_int_equal(sph_tree_remove(AT_FDCWD, fixture->folder, NULL), 0);
    free(fixture);
    return 0;
}

static void step(struct fixture *fixture) {
    while (sph_loop_step(fixture->device.loop, 5) > 0)
        ;
}

static int connect_app(struct fixture *fixture) {
    int fd = sph_unix_connect(fixture->dir_fd, "agent", SOCK_SEQPACKET, NULL);
    assert_true(fd >= 0);
    return fd;
}

/* Sends any bytes; the reply's length, 0 when the agent hung up. */
static ssize_t exchange(struct fixture *fixture, const void *packet, size_t len,
                        struct sph_app_reply *ret_reply, int *ret_fd) {
    sph_autoclose int fd = connect_app(fixture);
    assert_int_equal(send(fd, packet, len, MSG_NOSIGNAL), (ssize_t)len);
    step(fixture);
    return sph_unix_recv(fd, ret_reply, sizeof(*ret_reply), ret_fd);
}

static int ask(struct fixture *fixture, uint32_t op, uint32_t a, uint32_t b, uint32_t c) {
    const struct sph_app_request request = {SPH_APP_CHANNEL_VERSION, op, {a, b, c, 0}};
    struct sph_app_reply reply;
    int fd = -1;
    assert_int_equal(exchange(fixture, &request, sizeof(request), &reply, &fd), sizeof(reply));
    assert_int_equal(reply.version, SPH_APP_CHANNEL_VERSION);
    assert_int_equal(fd >= 0, reply.error == 0 && op >= SPH_APP_GPIO_OPEN_INPUT &&
                                  op <= SPH_APP_STORAGE_OPEN_MUTABLE);
    if (fd >= 0)
        (void)close(fd);
    return reply.error;
}

static void test_what_is_refused(void **state) {
    struct fixture *fixture = *state;
    open_channel(fixture);
    const struct {
        uint32_t op, args[3];
        int error;
    } rows[] = {
        {0, {0, 0, 0}, ENOSYS},
        {9, {0, 0, 0}, ENOSYS},
        {SPH_APP_MEMORY_WATCH, {80, 0, 0}, ENOSYS}, /* without the app's list of watches */
        {UINT32_MAX, {0, 0, 0}, ENOSYS},
        {SPH_APP_GPIO_OPEN_INPUT, {0, 0, 0}, EACCES},
        {SPH_APP_GPIO_OPEN_INPUT, {75, 0, 0}, EACCES},
        {SPH_APP_GPIO_OPEN_INPUT, {76, 0, 0}, ENODEV},
        {SPH_APP_GPIO_OPEN_INPUT, {UINT32_MAX, 0, 0}, ENODEV},
        {SPH_APP_GPIO_OPEN_INPUT, {1, 0, 0}, 0},
        {SPH_APP_GPIO_OPEN_OUTPUT, {3, 0, 0}, EACCES},
        {SPH_APP_GPIO_OPEN_OUTPUT, {2, 3, 0}, EINVAL},
        {SPH_APP_GPIO_OPEN_OUTPUT, {2, 0, 2}, EINVAL},
        {SPH_APP_GPIO_OPEN_OUTPUT, {2, 2, 1}, 0},
        {SPH_APP_STORAGE_OPEN_MUTABLE, {0, 0, 0}, EACCES},
        {SPH_APP_STORAGE_DELETE_MUTABLE, {0, 0, 0}, EACCES},
        {SPH_APP_OS_VERSION, {0, 0, 0}, 0},
        {SPH_APP_PACKAGE_PATH, {0, 0, 0}, 0},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        int error = ask(fixture, rows[i].op, rows[i].args[0], rows[i].args[1], rows[i].args[2]);
        if (error != rows[i].error)
            fail_msg("row %zu: %d", i, error);
    }
}

static void test_storage(void **state) {
    struct fixture *fixture = *state;
    fixture->rights.storage_kib = 8;
    open_channel(fixture);
    assert_int_equal(ask(fixture, SPH_APP_STORAGE_DELETE_MUTABLE, 0, 0, 0), ENOENT);
    assert_int_equal(ask(fixture, SPH_APP_STORAGE_OPEN_MUTABLE, 0, 0, 0), 0);
    assert_int_equal(ask(fixture, SPH_APP_STORAGE_DELETE_MUTABLE, 0, 0, 0), 0);
    /* The disk's own trouble is EIO to the app, whatever it was. */
    assert_int_equal(sph_tree_remove(fixture->dir_fd, "storage", NULL), 0);
    assert_int_equal(ask(fixture, SPH_APP_STORAGE_OPEN_MUTABLE, 0, 0, 0), EIO);
}

static void test_broken_packets(void **state) {
    static const char junk[2 * sizeof(struct sph_app_request)];
    struct fixture *fixture = *state;
    struct sph_app_request request = {SPH_APP_CHANNEL_VERSION + 1, SPH_APP_OS_VERSION, {0}};
    struct sph_app_reply reply;
    int fd = -1;
    open_channel(fixture);
    for (size_t len = 1; len <= sizeof(junk); len++)
        if (len != sizeof(request))
            assert_int_equal(exchange(fixture, junk, len, &reply, &fd), 0);
    assert_int_equal(exchange(fixture, &request, sizeof(request), &reply, &fd), sizeof(reply));
    assert_int_equal(reply.error, EPROTONOSUPPORT);
    assert_int_equal(fd, -1);
    assert_int_equal(ask(fixture, SPH_APP_OS_VERSION, 0, 0, 0), 0);
}

/* A descriptor that an app sends along is closed, not kept. */
static void test_stray_descriptors(void **state) {
    struct fixture *fixture = *state;
    const struct sph_app_request request = {SPH_APP_CHANNEL_VERSION, SPH_APP_OS_VERSION, {0}};
    open_channel(fixture);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int fd = connect_app(fixture);
    assert_int_equal(sph_unix_send(fd, &request, sizeof(request), ends[1]), 0);
    (void)close(ends[1]);
    step(fixture);
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 0); /* the last writer is gone */
    (void)close(ends[0]);
    (void)close(fd);
}

static void test_another_user(void **state) {
    struct fixture *fixture = *state;
    struct sph_app_reply reply;
    fixture->rights.uid = getuid() + 1;
    open_channel(fixture);
    int fd = connect_app(fixture);
    step(fixture);
    assert_int_equal(recv(fd, &reply, sizeof(reply), MSG_DONTWAIT), 0);
    (void)close(fd);
}

/* More connections than places: the rest waits, and gets its turn when one hangs up. */
static void test_places(void **state) {
    struct fixture *fixture = *state;
    int silent[SPH_CHANNEL_CONNECTIONS];
    const struct sph_app_request request = {SPH_APP_CHANNEL_VERSION, SPH_APP_OS_VERSION, {0}};
    struct sph_app_reply reply;
    open_channel(fixture);
    for (int i = 0; i < SPH_CHANNEL_CONNECTIONS; i++)
        silent[i] = connect_app(fixture);
    step(fixture);
    int late = connect_app(fixture);
    assert_int_equal(send(late, &request, sizeof(request), MSG_NOSIGNAL), sizeof(request));
    step(fixture);
    assert_int_equal(recv(late, &reply, sizeof(reply), MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    (void)close(silent[3]);
    step(fixture);
    assert_int_equal(recv(late, &reply, sizeof(reply), MSG_DONTWAIT), sizeof(reply));
    assert_string_equal(reply.text, SPH_DEVICE_OS_VERSION);
    (void)close(late);
    for (int i = 0; i < SPH_CHANNEL_CONNECTIONS; i++)
        if (i != 3)
            (void)close(silent[i]);
}

/* Freed while connections are open, and while its app has hung up in the middle. */
static void test_free_with_connections(void **state) {
    struct fixture *fixture = *state;
    open_channel(fixture);
    int fd = connect_app(fixture);
    step(fixture);
    fixture->channel = sph_channel_free(fixture->channel);
    char byte;
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
    (void)close(fd);
    assert_null(sph_channel_free(NULL));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_refused),       TEST(test_storage),      TEST(test_broken_packets),
        TEST(test_stray_descriptors),     TEST(test_another_user), TEST(test_places),
        TEST(test_free_with_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
