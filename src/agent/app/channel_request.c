/* Each operation is the agent's version of one documented call; its errno values are the documented
 * ones. */
#include "agent/app/channel_request.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "agent/app/early_warning.h"
#include "agent/app/lifecycle.h"
#include "agent/device/device.h"
#include "agent/device/gpio.h"
#include "agent/storage/medium.h"
#include "agent/storage/storage.h"

struct call {
    struct sph_device *device;
    const struct sph_channel_rights *rights;
    const uint32_t *args;
    struct sph_app_reply *reply;
    int *ret_fd;
};

/* 0 or negative errno. */
typedef int answer_fn(const struct call *call);

/* Of the whole group, as documented: "the applications". Checked against the page tables like every
 * reading. */
static int answer_memory(const struct call *call) {
    struct sph_memory_figures figures;
    /* The documented error for a figure that is not to be had at the moment. */
    if (sph_lifecycle_memory(call->device->lifecycle, NULL, &figures, NULL) < 0)
        return -EAGAIN;
    switch (call->args[0]) {
    case SPH_APP_MEMORY_TOTAL:
        call->reply->number = figures.total;
        return 0;
    case SPH_APP_MEMORY_USER:
        call->reply->number = figures.user;
        return 0;
    case SPH_APP_MEMORY_PEAK_USER:
        call->reply->number = figures.peak;
        return 0;
    default:
        return -EINVAL;
    }
}

static int answer_os_version(const struct call *call) {
    _Static_assert(sizeof(SPH_DEVICE_OS_VERSION) <= 16, "Applications_OsVersion holds 15 bytes");
    (void)snprintf(call->reply->text, sizeof(call->reply->text), "%s", SPH_DEVICE_OS_VERSION);
    return 0;
}

/* ENODEV before EACCES: a pin that does not exist cannot be asked for in a manifest. */
static int check_pin(const struct call *call) {
    uint32_t pin = call->args[0];
    if (pin >= SPH_GPIO_PINS)
        return -ENODEV;
    return call->rights->pins[pin / 8] >> pin % 8 & 1 ? 0 : -EACCES;
}

/* The agent's copy is closed after the reply: from then on the app alone keeps the descriptor open.
 */
static int pass_on(const struct call *call, int fd) {
    if (fd < 0)
        return fd;
    *call->ret_fd = fd;
    return 0;
}

static int answer_open_input(const struct call *call) {
    int rc = check_pin(call);
    if (rc < 0)
        return rc;
    return pass_on(call, sph_gpio_open_input(call->device->gpio, &call->rights->component,
                                             call->args[0], NULL));
}

static int answer_open_output(const struct call *call) {
    int rc = check_pin(call);
    if (rc < 0)
        return rc;
    return pass_on(call, sph_gpio_open_output(call->device->gpio, &call->rights->component,
                                              call->args[0], call->args[1], call->args[2], NULL));
}

/* The API knows of storage that is not allowed, not there (delete only), or in trouble. */
static int storage_errno(int rc, bool may_be_missing) {
    bool is_known = rc == -EACCES || (rc == -ENOENT && may_be_missing);
    return rc >= 0 || is_known ? rc : -EIO;
}

/* The limit is told with it, but kept by the medium: the library has no say in it. Without FUSE the
 * app gets its file itself, and its start has set RLIMIT_FSIZE. */
static int answer_open_storage(const struct call *call) {
    const struct sph_channel_rights *rights = call->rights;
    struct sph_device *device = call->device;
    if (rights->storage_kib == 0)
        return -EACCES;
    call->reply->number = UINT64_C(1024) * rights->storage_kib;
    int fd =
        sph_medium_open(device->medium, &rights->component, rights->uid, call->reply->number, NULL);
    if (fd == -ENOTSUP)
        fd = sph_storage_open(device->storage, &rights->component, rights->uid, NULL);
    return pass_on(call, storage_errno(fd, false));
}

static int answer_delete_storage(const struct call *call) {
    if (call->rights->storage_kib == 0)
        return -EACCES;
    return storage_errno(sph_medium_delete(call->device->medium, &call->rights->component, NULL),
                         true);
}

static int answer_package_path(const struct call *call) {
    char guid[SPH_GUID_TEXT];
    (void)snprintf(call->reply->text, sizeof(call->reply->text), "/mnt/apps/%s",
                   sph_guid_format(&call->rights->component, guid));
    return 0;
}

static int answer_watch_memory(const struct call *call) {
    if (!call->rights->warnings)
        return -ENOSYS;
    return pass_on(call, sph_early_warning_open(call->rights->warnings, call->args[0]));
}

void sph_channel_answer(struct sph_device *device, const struct sph_channel_rights *rights,
                        const struct sph_app_request *request, struct sph_app_reply *reply,
                        int *ret_fd) {
    static answer_fn *const answers[] = {
        [SPH_APP_MEMORY_INFO] = answer_memory,
        [SPH_APP_OS_VERSION] = answer_os_version,
        [SPH_APP_GPIO_OPEN_INPUT] = answer_open_input,
        [SPH_APP_GPIO_OPEN_OUTPUT] = answer_open_output,
        [SPH_APP_STORAGE_OPEN_MUTABLE] = answer_open_storage,
        [SPH_APP_STORAGE_DELETE_MUTABLE] = answer_delete_storage,
        [SPH_APP_PACKAGE_PATH] = answer_package_path,
        [SPH_APP_MEMORY_WATCH] = answer_watch_memory,
    };
    struct call call = {device, rights, request->args, reply, ret_fd};
    *ret_fd = -1;
    int rc = -ENOSYS;
    if (request->version != SPH_APP_CHANNEL_VERSION)
        rc = -EPROTONOSUPPORT;
    else if (request->op < SPH_ARRAY_SIZE(answers) && answers[request->op])
        rc = answers[request->op](&call);
    reply->error = -rc;
}
