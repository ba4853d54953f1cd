/* A pin's level is a byte in a file and its holder is whoever has the file locked: the lock goes
 * with the last copy of the app's descriptor, however the app ends, so nothing has to be cleaned up
 * after it. The kernel tells of writes through inotify; an app that toggles fast makes one event of
 * several. */
#include "agent/device/gpio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/device/device.h"
#include "agent/device/events.h"
#include "base/cleanup.h"
#include "base/file.h"

enum { MODES = 3 }; /* push-pull, open drain, open source */

struct holder {
    enum sph_gpio_use use; /* of the last one that opened the pin; true while the lock is held */
    unsigned mode;
    struct sph_guid component;
    unsigned shown; /* level that listeners know */
};

struct sph_gpio {
    struct sph_device *device;
    int folder; /* state/gpio */
    int notify;
    struct sph_watch *watch;
    struct holder holders[SPH_GPIO_PINS];
};

static int check_pin(unsigned pin, struct sph_err *err) {
    if (pin < SPH_GPIO_PINS)
        return 0;
    return SPH_FAIL(err, -ENODEV, "There is no GPIO %u: this device has 0 to %d.", pin,
                    SPH_GPIO_PINS - 1);
}

static int check_level(unsigned level, struct sph_err *err) {
    return level <= 1 ? 0 : SPH_FAIL(err, -EINVAL, "A GPIO is set to 0 or 1, not to %u.", level);
}

/* Made when first used: 76 files that nobody touches are not made. O_NOFOLLOW though only root can
 * write in the folder: state/ may have been restored from elsewhere. */
static int open_pin(const struct sph_gpio *gpio, unsigned pin, int flags, struct sph_err *err) {
    char name[8];
    int rc = check_pin(pin, err);
    if (rc < 0)
        return rc;
    (void)snprintf(name, sizeof(name), "%u", pin);
    int fd = openat(gpio->folder, name, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? SPH_FAIL_ERRNO(err, -errno, "Cannot open GPIO %u", pin) : fd;
}

static int read_level(int fd) {
    char byte = 0;
    ssize_t len = pread(fd, &byte, 1, 0);
    return len != 1 || byte != 0; /* a pin never set: pulled up, as the boards' inputs are */
}

/* Cut to its one byte as well: an app can write more than that through its descriptor. Afterwards,
 * since cutting makes a 0 of an empty file, and a reader in that moment would see a press. */
static int write_level(int fd, unsigned pin, unsigned level, struct sph_err *err) {
    char byte = (char)level;
    if (pwrite(fd, &byte, 1, 0) != 1 || ftruncate(fd, 1) < 0)
        return SPH_FAIL_ERRNO(err, errno ? -errno : -EIO, "Cannot set GPIO %u", pin);
    return 0;
}

/* True when another descriptor holds the pin. A lock that is had by asking is given back. */
static bool is_held(int fd) {
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return true;
    (void)flock(fd, LOCK_UN);
    return false;
}

/* The lock goes with the open file that the descriptor stands for, which the app gets: it is not
 * released by the agent closing its own copy. */
static int take(struct sph_gpio *gpio, const struct sph_guid *component, unsigned pin,
                const struct holder *as, int flags, struct sph_err *err) {
    sph_autoclose int fd = open_pin(gpio, pin, flags, err);
    if (fd < 0)
        return fd;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return SPH_FAIL(err, -EBUSY, "GPIO %u is open already.", pin);
    unsigned shown = gpio->holders[pin].shown;
    gpio->holders[pin] = *as;
    gpio->holders[pin].component = *component;
    gpio->holders[pin].shown = shown;
    return SPH_STEAL_FD(fd);
}

/* Read-only: an app that holds an input cannot press its own button. */
int sph_gpio_open_input(struct sph_gpio *gpio, const struct sph_guid *component, unsigned pin,
                        struct sph_err *err) {
    const struct holder as = {.use = SPH_GPIO_INPUT};
    return take(gpio, component, pin, &as, O_RDONLY, err);
}

int sph_gpio_open_output(struct sph_gpio *gpio, const struct sph_guid *component, unsigned pin,
                         unsigned mode, unsigned level, struct sph_err *err) {
    /* Everything is checked before the pin is taken: a refused open must not end another's hold. */
    const struct holder as = {.use = SPH_GPIO_OUTPUT, .mode = mode};
    int rc = check_level(level, err);
    if (rc < 0)
        return rc;
    if (mode >= MODES)
        return SPH_FAIL(err, -EINVAL, "GPIO output mode %u does not exist.", mode);
    sph_autoclose int fd = take(gpio, component, pin, &as, O_RDWR, err);
    if (fd < 0)
        return fd;
    rc = write_level(fd, pin, level, err);
    return rc < 0 ? rc : SPH_STEAL_FD(fd);
}

/* The lock is asked for each time, not remembered: the holder may have died since. */
int sph_gpio_get(struct sph_gpio *gpio, unsigned pin, struct sph_gpio_pin *ret_pin,
                 struct sph_err *err) {
    sph_autoclose int fd = open_pin(gpio, pin, O_RDONLY, err);
    if (fd < 0)
        return fd;
    *ret_pin = (struct sph_gpio_pin){.number = pin, .level = (unsigned)read_level(fd)};
    if (is_held(fd)) {
        ret_pin->use = gpio->holders[pin].use;
        ret_pin->mode = gpio->holders[pin].mode;
        ret_pin->holder = gpio->holders[pin].component;
    }
    return 0;
}

int sph_gpio_set(struct sph_gpio *gpio, unsigned pin, unsigned level, struct sph_err *err) {
    char guid[SPH_GUID_TEXT];
    int rc = check_level(level, err);
    if (rc < 0)
        return rc;
    sph_autoclose int fd = open_pin(gpio, pin, O_RDWR, err);
    if (fd < 0)
        return fd;
    const struct holder *holder = &gpio->holders[pin];
    if (holder->use == SPH_GPIO_OUTPUT && is_held(fd))
        return SPH_FAIL(err, -EBUSY,
                        "GPIO %u is an output of application %s, which alone can set it: stop the "
                        "application first.",
                        pin, sph_guid_format(&holder->component, guid));
    return write_level(fd, pin, level, err);
}

/* ---- changes ---- */

/* The level is read, not taken from the event: several writes may have been one event. */
static void show_change(struct sph_gpio *gpio, const char *name) {
    char *end;
    unsigned long pin = strtoul(name, &end, 10);
    if (*name == '\0' || *end != '\0' || pin >= SPH_GPIO_PINS)
        return;
    sph_autoclose int fd = open_pin(gpio, (unsigned)pin, O_RDONLY, NULL);
    if (fd < 0)
        return;
    unsigned level = (unsigned)read_level(fd);
    if (level == gpio->holders[pin].shown)
        return;
    gpio->holders[pin].shown = level;
    struct sph_msg_event event = {.kind = SPH_EVENT_GPIO, .pin = (uint32_t)pin, .value = level};
    if (is_held(fd))
        event.component = gpio->holders[pin].component;
    sph_events_publish(gpio->device->events, &event);
}

/* The kernel merges events that are alike and stand next to each other, so a fast pin cannot fill
 * the queue; should others fill it, levels are still right when they are read. */
static void on_change(void *context, int fd, uint32_t epoll_events) {
    (void)epoll_events;
    struct sph_gpio *gpio = context;
    _Alignas(struct inotify_event) char data[1024];
    ssize_t len = read(fd, data, sizeof(data));
    for (ssize_t at = 0; at < len;) {
        const struct inotify_event *event = (const struct inotify_event *)(void *)(data + at);
        if (event->len > 0)
            show_change(gpio, event->name);
        at += (ssize_t)(sizeof(*event) + event->len);
    }
}

/* What listeners have been told, or take for granted: else a pin that was low at the start could
 * rise unnoticed. A pin without a file is high. */
static void read_levels(struct sph_gpio *gpio) {
    for (unsigned pin = 0; pin < SPH_GPIO_PINS; pin++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "%u", pin);
        sph_autoclose int fd = openat(gpio->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        gpio->holders[pin].shown = fd < 0 || read_level(fd);
    }
}

static int watch_folder(struct sph_gpio *gpio, struct sph_err *err) {
    char path[32];
    gpio->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", gpio->folder);
    if (gpio->notify < 0 || inotify_add_watch(gpio->notify, path, IN_MODIFY) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot watch the pins");
    return sph_loop_add_fd(gpio->device->loop, gpio->notify, EPOLLIN, on_change, gpio, &gpio->watch,
                           err);
}

int sph_gpio_new(struct sph_device *device, struct sph_gpio **ret_gpio, struct sph_err *err) {
    struct sph_gpio *gpio SPH_CLEANUP(sph_gpio_freep) = calloc(1, sizeof(*gpio));
    if (!gpio)
        return SPH_FAIL(err, -ENOMEM, "No memory for the pins.");
    gpio->device = device;
    gpio->folder = gpio->notify = -1;
    int rc = sph_dir_make(device->state_fd, "gpio", 0700, err);
    if (rc == 0)
        rc = gpio->folder = sph_dir_open(device->state_fd, "gpio", err);
    if (rc >= 0)
        rc = watch_folder(gpio, err);
    if (rc < 0)
        return rc;
    read_levels(gpio);
    *ret_gpio = SPH_STEAL_PTR(gpio);
    return 0;
}

/* Pins that apps hold stay theirs: the locks are on descriptors that the apps have. */
struct sph_gpio *sph_gpio_free(struct sph_gpio *gpio) {
    if (!gpio)
        return NULL;
    (void)sph_loop_remove(gpio->watch);
    if (gpio->notify >= 0)
        (void)close(gpio->notify);
    if (gpio->folder >= 0)
        (void)close(gpio->folder);
    free(gpio);
    return NULL;
}
