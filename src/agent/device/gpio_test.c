#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/device/device.h"
#include "agent/device/events.h"
#include "agent/device/gpio.h"
#include "base/attr.h"
#include "base/file.h"

struct fixture {
    struct sph_device device;
    struct sph_event_listener *listener;
    char folder[32];
    unsigned n_events;
    struct sph_msg_event last; /* its slices are not kept */
};

static const struct sph_guid app = {.bytes = {0x0f, 0x4b, 0x07, 0x2f, 0x9d, 0xd9, 0x92, 0x46, 0x82,
                                              0xd9, 0xef, 0x93, 0xa7, 0xd6, 0x46, 0x3c}};

static void on_event(void *context, uint64_t seq, const void *payload, size_t len) {
    (void)seq;
    struct fixture *fixture = context;
    assert_int_equal(sph_codec_decode(&sph_msg_event_codec, payload, len, &fixture->last, NULL), 0);
    fixture->n_events++;
}

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct sph_device *device = &fixture->device;
    (void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/spherule-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    device->state_fd = open(fixture->folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(sph_loop_new(&device->loop, NULL), 0);
    assert_int_equal(sph_events_new(4096, &device->events, NULL), 0);
    assert_int_equal(sph_events_listen(device->events, on_event, fixture, &fixture->listener, NULL),
                     0);
    assert_int_equal(sph_gpio_new(device, &device->gpio, NULL), 0);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    (void)sph_gpio_free(fixture->device.gpio);
    (void)sph_events_unlisten(fixture->listener);
    (void)sph_events_free(fixture->device.events);
    (void)sph_loop_free(fixture->device.loop);
    (void)close(fixture->device.state_fd);
    assert_int_equal(sph_tree_remove(AT_FDCWD, fixture->folder, NULL), 0);
    free(fixture);
    return 0;
}

static struct sph_gpio_pin get(struct fixture *fixture, unsigned number) {
    struct sph_gpio_pin pin;
    assert_int_equal(sph_gpio_get(fixture->device.gpio, number, &pin, NULL), 0);
    return pin;
}

/* High until somebody sets it: the boards' inputs are pulled up, and a button is not pressed. */
static void test_user_sets(void **state) {
    struct fixture *fixture = *state;
    struct sph_err err = SPH_ERR_NULL;
    for (unsigned pin = 0; pin < SPH_GPIO_PINS; pin += 25) {
        assert_int_equal(get(fixture, pin).level, 1);
        assert_int_equal(sph_gpio_set(fixture->device.gpio, pin, 0, &err), 0);
        assert_int_equal(get(fixture, pin).level, 0);
        assert_int_equal(get(fixture, pin).use, SPH_GPIO_FREE);
    }
}

static void test_refusals(void **state) {
    struct sph_gpio *gpio = ((struct fixture *)*state)->device.gpio;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_gpio_pin pin;
    static const char no_pin[] = "There is no GPIO 76: this device has 0 to 75.";
    assert_int_equal(sph_gpio_get(gpio, 76, &pin, &err), -ENODEV);
    assert_string_equal(err.text, no_pin);
    assert_int_equal(sph_gpio_set(gpio, 76, 1, &err), -ENODEV);
    assert_string_equal(err.text, no_pin);
    assert_int_equal(sph_gpio_open_input(gpio, &app, 76, &err), -ENODEV);
    assert_int_equal(sph_gpio_open_output(gpio, &app, 76, 0, 0, &err), -ENODEV);
    assert_int_equal(sph_gpio_set(gpio, 1, 2, &err), -EINVAL);
    assert_string_equal(err.text, "A GPIO is set to 0 or 1, not to 2.");
    assert_int_equal(sph_gpio_open_output(gpio, &app, 1, 0, 9, &err), -EINVAL);
    assert_string_equal(err.text, "A GPIO is set to 0 or 1, not to 9.");
    assert_int_equal(sph_gpio_open_output(gpio, &app, 1, 3, 0, &err), -EINVAL);
    assert_string_equal(err.text, "GPIO output mode 3 does not exist.");
}

static void test_output_is_the_apps(void **state) {
    struct fixture *fixture = *state;
    struct sph_gpio *gpio = fixture->device.gpio;
    struct sph_err err = SPH_ERR_NULL;
    int fd = sph_gpio_open_output(gpio, &app, 8, 2, 1, &err);
    assert_true(fd >= 0);
    struct sph_gpio_pin pin = get(fixture, 8);
    assert_int_equal(pin.level, 1);
    assert_int_equal(pin.use, SPH_GPIO_OUTPUT);
    assert_int_equal(pin.mode, 2);
    assert_true(sph_guid_equal(&pin.holder, &app));
    assert_int_equal(sph_gpio_set(gpio, 8, 0, &err), -EBUSY);
    assert_string_equal(err.text,
                        "GPIO 8 is an output of application 2f074b0f-d99d-4692-82d9-ef93a7d6463c, "
                        "which alone can set it: stop the application first.");
    assert_int_equal(sph_gpio_open_input(gpio, &app, 8, &err), -EBUSY);
    assert_string_equal(err.text, "GPIO 8 is open already.");
    /* A copy of the descriptor holds the pin as well. */
    int copy = dup(fd);
    (void)close(fd);
    assert_int_equal(get(fixture, 8).use, SPH_GPIO_OUTPUT);
    (void)close(copy);
    assert_int_equal(get(fixture, 8).use, SPH_GPIO_FREE);
    assert_int_equal(get(fixture, 8).level, 1);
    assert_int_equal(sph_gpio_set(gpio, 8, 0, &err), 0);
}

static void test_input_is_the_users(void **state) {
    struct fixture *fixture = *state;
    char byte = 9;
    int fd = sph_gpio_open_input(fixture->device.gpio, &app, 12, NULL);
    assert_true(fd >= 0);
    assert_int_equal(get(fixture, 12).use, SPH_GPIO_INPUT);
    assert_int_equal(pwrite(fd, &byte, 1, 0), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(pread(fd, &byte, 1, 0), 0); /* never set, so there is no byte */
    for (unsigned level = 0; level < 2; level++) {
        assert_int_equal(sph_gpio_set(fixture->device.gpio, 12, level, NULL), 0);
        assert_int_equal(pread(fd, &byte, 1, 0), 1);
        assert_int_equal(byte, level);
    }
    (void)close(fd);
}

static void step(struct fixture *fixture) {
    while (sph_loop_step(fixture->device.loop, 20) > 0)
        ;
}

static void test_changes_are_events(void **state) {
    struct fixture *fixture = *state;
    int fd = sph_gpio_open_output(fixture->device.gpio, &app, 8, 0, 1, NULL);
    step(fixture);
    assert_int_equal(fixture->n_events, 0); /* it was high before */
    assert_int_equal(pwrite(fd, "\0", 1, 0), 1);
    step(fixture);
    assert_int_equal(pwrite(fd, "\1", 1, 0), 1);
    step(fixture);
    assert_int_equal(fixture->n_events, 2);
    assert_int_equal(fixture->last.kind, SPH_EVENT_GPIO);
    assert_int_equal(fixture->last.pin, 8);
    assert_int_equal(fixture->last.value, 1);
    assert_true(sph_guid_equal(&fixture->last.component, &app));
    assert_int_equal(pwrite(fd, "\1", 1, 0), 1); /* no change, no event */
    step(fixture);
    assert_int_equal(fixture->n_events, 2);
    assert_int_equal(pwrite(fd, "\0", 1, 0), 1);
    step(fixture);
    assert_int_equal(fixture->n_events, 3);
    assert_int_equal(fixture->last.value, 0);
    (void)close(fd);
    assert_int_equal(sph_gpio_set(fixture->device.gpio, 70, 0, NULL), 0);
    step(fixture);
    assert_int_equal(fixture->n_events, 4);
    assert_int_equal(fixture->last.pin, 70);
    assert_true(sph_guid_is_zero(&fixture->last.component));
}

/* An app may write what it likes into its pin's file: any byte but 0 is high, and the file does not
 * stay long. */
static void test_hostile_file(void **state) {
    struct fixture *fixture = *state;
    char junk[5000];
    struct stat stat;
    memset(junk, 'x', sizeof(junk));
    int fd = sph_gpio_open_output(fixture->device.gpio, &app, 8, 0, 0, NULL);
    step(fixture);
    assert_int_equal(fixture->last.value, 0);
    assert_int_equal(write(fd, junk, sizeof(junk)), (ssize_t)sizeof(junk));
    assert_int_equal(get(fixture, 8).level, 1);
    step(fixture);
    assert_int_equal(fixture->last.value, 1);
    (void)close(fd);
    fd = sph_gpio_open_output(fixture->device.gpio, &app, 8, 0, 0, NULL);
    assert_int_equal(fstat(fd, &stat), 0);
    assert_int_equal(stat.st_size, 1);
    (void)close(fd);
}

static void test_levels_are_kept(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(sph_gpio_set(fixture->device.gpio, 3, 0, NULL), 0);
    (void)sph_gpio_free(fixture->device.gpio);
    assert_int_equal(sph_gpio_new(&fixture->device, &fixture->device.gpio, NULL), 0);
    assert_int_equal(get(fixture, 3).level, 0);
    assert_int_equal(sph_gpio_set(fixture->device.gpio, 3, 1, NULL), 0);
    step(fixture); /* listeners hear of it, whoever set it low before them */
    assert_int_equal(fixture->n_events, 1);
    assert_int_equal(fixture->last.value, 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_user_sets),          TEST(test_refusals),           TEST(test_output_is_the_apps),
        TEST(test_input_is_the_users), TEST(test_changes_are_events), TEST(test_hostile_file),
        TEST(test_levels_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
