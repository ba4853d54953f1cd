#include "agent/tests/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/device/events.h"
#include "agent/device/gpio.h"
#include "agent/device/logring.h"
#include "agent/install/capabilities.h"
#include "agent/storage/medium.h"
#include "agent/storage/storage.h"
#include "agent/store/kill_store.h"
#include "agent/store/registry.h"
#include "agent/store/trust_store.h"
#include "agent/store/uidmap.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "meter/meter.h"
#include "package/build.h"
#include "package/package.h"
#include "package/unpack.h"
#include "wire/msg_device.h"

static const uint8_t scalar[SPH_SIGN_SCALAR_BYTES] = {[31] = 7};
static const uint8_t thumbprint[SPH_IMAGE_THUMBPRINT_BYTES] = {1};
static struct sph_buf report_bytes = SPH_BUF_NULL;
static struct sph_msg_report report;

#define MUST(call)                                                                                 \
    do {                                                                                           \
        struct sph_err err_ = SPH_ERR_NULL;                                                        \
        struct sph_err *err = &err_;                                                               \
        int rc_ = (call);                                                                          \
        if (rc_ < 0)                                                                               \
            fail_msg("%s: %d %s", #call, rc_, err->text);                                          \
    } while (0)

/* On the virtual device's own kernel, where tests/machine/init.c runs them. */
static bool is_on_device(void) {
    return getenv("SPHERULE_TEST_PINNED_KERNEL") != NULL;
}

void rig_require(void) {
    const struct sph_meter_options options = {.pinned_kernel = is_on_device()};
    struct sph_err err = SPH_ERR_NULL;
    struct sph_meter *meter = NULL;
    const char *reason = NULL;
    if (geteuid() != 0)
        reason = "needs root";
    else if (access("/lib/ld-musl-x86_64.so.1", R_OK) < 0 &&
             access("/lib/ld-musl-aarch64.so.1", R_OK) < 0 &&
             access("/lib/ld-musl-armhf.so.1", R_OK) < 0)
        reason = "needs musl's loader in /lib";
    else if (sph_meter_open(0, &options, &meter, &err) < 0)
        reason = err.text;
    (void)sph_meter_close(meter);
    if (!reason)
        return;
    (void)printf("skipped: %s\n", reason);
    exit(77);
}

static void on_event(void *context, uint64_t seq, const void *payload, size_t len) {
    (void)seq;
    struct rig *rig = context;
    struct sph_msg_event event;
    MUST(sph_codec_decode(&sph_msg_event_codec, payload, len, &event, err));
    if (event.kind != SPH_EVENT_OUTPUT)
        return;
    rig->output_total += event.text.len;
    size_t room = RIG_OUTPUT - rig->output_len;
    size_t part = event.text.len < room ? event.text.len : room;
    memcpy(rig->output + rig->output_len, event.text.data, part);
    rig->output_len += part;
    rig->output[rig->output_len] = '\0';
}

static void on_end(void *context, const struct sph_app_end *end) {
    struct rig *rig = context;
    rig->ends[rig->n_ends++ % RIG_ENDS] = *end;
}

static void read_file(const char *path, struct sph_buf *buf) {
    MUST(sph_file_read(AT_FDCWD, path, buf, err));
}

/* What install makes on the device: packages/<guid>/{image.imagepackage, root/}. */
static void unpack(struct rig *rig, const char *guid, const struct sph_buf *bytes) {
    char path[128];
    struct sph_package package;
    const struct sph_manifest_options options = {.storage_max_kib = UINT32_MAX};
    (void)snprintf(path, sizeof(path), "packages/%s/root", guid);
    MUST(sph_dir_make(rig->device.state_fd, path, 0755, err));
    sph_autoclose int root = sph_dir_open(rig->device.state_fd, path, NULL);
    assert_true(root >= 0);
    MUST(sph_package_parse(bytes->data, bytes->len, &options, &package, NULL, err));
    MUST(sph_fs_unpack(&package.fs, root, err));
    (void)snprintf(path, sizeof(path), "packages/%s/image.imagepackage", guid);
    MUST(sph_file_replace(rig->device.state_fd, path, bytes->data, bytes->len, 0600, err));
}

/* A package of one program. `name` is its path in there. */
static void install(struct rig *rig, const struct sph_guid *component, const char *program_path,
                    const char *name, const char *capabilities, const char *type) {
    struct sph_buf program SPH_CLEANUP(sph_buf_done) = SPH_BUF_LIMIT(8 << 20);
    struct sph_buf bytes SPH_CLEANUP(sph_buf_done) = SPH_BUF_LIMIT(8 << 20);
    char guid[SPH_GUID_TEXT], manifest[1024];
    read_file(program_path, &program);
    int len = snprintf(manifest, sizeof(manifest),
                       "{\"SchemaVersion\":1,\"Name\":\"Probe\",\"ComponentId\":\"%s\","
                       "\"EntryPoint\":\"/%s\",\"CmdArgs\":[\"from manifest\"],"
                       "\"Capabilities\":{%s},\"ApplicationType\":\"%s\"}",
                       sph_guid_format(component, guid), name, capabilities, type);
    const struct sph_fs_item item = {
        .path = name, .executable = true, .data = program.data, .size_bytes = program.len};
    const struct sph_build build = {.manifest_text = manifest,
                                    .manifest_bytes = (size_t)len,
                                    .items = &item,
                                    .item_count = 1,
                                    .application_runtime = 16,
                                    .scalar = scalar,
                                    .thumbprint = thumbprint};
    MUST(sph_build_package(&build, &bytes, NULL, err));
    unpack(rig, guid, &bytes);
    MUST(sph_registry_load(rig->device.registry, component, err));
}

void rig_install(struct rig *rig, const struct sph_guid *component, const char *program_path,
                 const char *capabilities) {
    install(rig, component, program_path, "bin/app", capabilities, "Default");
}

void rig_start_other(struct rig *rig, const char *program_path, struct sph_guid *ret_component) {
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_guid_random(ret_component), 0);
    rig_install(rig, ret_component, program_path, "");
    const struct sph_start_request request = {.component = *ret_component,
                                              .arguments = RIG_ARGS("wait")};
    if (sph_lifecycle_start(rig->device.lifecycle, &request, &err) < 0)
        fail_msg("%s", err.text);
}

void rig_install_debugger(struct rig *rig, const struct sph_guid *component,
                          const char *gdbserver) {
    install(rig, component, gdbserver, "bin/gdbserver", "", "Debugger");
}

static void make_kept(struct sph_device *device) {
    MUST(sph_kill_store_new(device->state_fd, &device->kills, err));
    MUST(sph_uidmap_new(device->state_fd, device->hash, &device->uids, err));
    MUST(sph_storage_new(device->state_fd, &device->storage, err));
    MUST(sph_trust_store_new(device->state_fd, &device->trust, err));
    MUST(sph_capabilities_new(device->state_fd, true, &device->capabilities, err));
    MUST(sph_registry_new(device->state_fd, device->uids, &device->registry, err));
}

static void make_parts(struct rig *rig) {
    struct sph_device *device = &rig->device;
    MUST(sph_loop_new(&device->loop, err));
    MUST(sph_events_new((size_t)64 * 1024, &device->events, err));
    MUST(sph_events_listen(device->events, on_event, rig, &rig->listener, err));
    MUST(sph_logring_new((size_t)64 * 1024, &device->log, err));
    make_kept(device);
    MUST(sph_medium_new(device, &device->medium, err));
    MUST(sph_gpio_new(device, &device->gpio, err));
    MUST(sph_lifecycle_new(device, &device->lifecycle, err));
    sph_lifecycle_on_end(device->lifecycle, on_end, rig);
}

struct rig *rig_new(const char *program_path, const char *capabilities) {
    struct rig *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    rig->output = malloc(RIG_OUTPUT + 1);
    assert_non_null(rig->output);
    rig->output[0] = '\0';
    (void)snprintf(rig->folder, sizeof(rig->folder), "/tmp/spherule-test-XXXXXX");
    assert_non_null(mkdtemp(rig->folder));
    struct sph_device *device = &rig->device;
    device->dir_fd = open(rig->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(device->dir_fd >= 0);
    MUST(sph_dir_make(device->dir_fd, "state", 0700, err));
    device->state_fd = sph_dir_open(device->dir_fd, "state", NULL);
    assert_true(device->state_fd >= 0);
    device->hash = (uint32_t)getpid();
    (void)snprintf(device->name, sizeof(device->name), "rig");
    (void)snprintf(device->group, sizeof(device->group), "spherule-rig-%08x", (unsigned)getpid());
    device->profile = (struct sph_profile){
        .ram_bytes = 262144, .flash_bytes = 1048576, .storage_bytes = 65536, .page_bytes = 4096};
    device->is_virtual = is_on_device();
    device->started_ms = sph_clock_monotonic_ms();
    make_parts(rig);
    MUST(sph_guid_random(&rig->component));
    rig_install(rig, &rig->component, program_path, capabilities);
    return rig;
}

void rig_free(struct rig *rig) {
    struct sph_device *device = &rig->device;
    (void)sph_lifecycle_free(device->lifecycle);
    (void)sph_gpio_free(device->gpio);
    (void)sph_medium_free(device->medium);
    (void)sph_registry_free(device->registry);
    (void)sph_capabilities_free(device->capabilities);
    (void)sph_trust_store_free(device->trust);
    (void)sph_storage_free(device->storage);
    (void)sph_uidmap_free(device->uids);
    (void)sph_kill_store_free(device->kills);
    (void)sph_logring_free(device->log);
    (void)sph_events_unlisten(rig->listener);
    (void)sph_events_free(device->events);
    (void)sph_loop_free(device->loop);
    (void)close(device->state_fd);
    (void)close(device->dir_fd);
    MUST(sph_tree_remove(AT_FDCWD, rig->folder, err));
    sph_buf_done(&report_bytes);
    free(rig->output);
    free(rig);
}

int rig_teardown(void **state) {
    rig_free(*state);
    return 0;
}

int rig_start(struct rig *rig, const char *const *arguments, unsigned flags, struct sph_err *err) {
    const struct sph_start_request request = {
        .component = rig->component, .flags = flags, .arguments = arguments};
    return sph_lifecycle_start(rig->device.lifecycle, &request, err);
}

void rig_must_start(struct rig *rig, const char *const *arguments, unsigned flags) {
    struct sph_err err = SPH_ERR_NULL;
    if (rig_start(rig, arguments, flags, &err) < 0)
        fail_msg("start: %s", err.text);
}

void rig_forget_output(struct rig *rig) {
    rig->output_len = 0;
    rig->output[0] = '\0';
}

void rig_run(struct rig *rig, unsigned ms) {
    uint64_t end = sph_clock_monotonic_ms() + ms;
    while (sph_clock_monotonic_ms() < end)
        (void)sph_loop_step(rig->device.loop, 5);
}

const struct sph_app_end *rig_await_end(struct rig *rig, unsigned ms) {
    unsigned before = rig->n_ends;
    uint64_t end = sph_clock_monotonic_ms() + ms;
    while (rig->n_ends == before) {
        if (sph_clock_monotonic_ms() > end)
            fail_msg("no end within %u ms; output so far: %s", ms, rig->output);
        (void)sph_loop_step(rig->device.loop, 20);
    }
    return &rig->ends[(rig->n_ends - 1) % RIG_ENDS];
}

void rig_await_output(struct rig *rig, const char *text, unsigned ms) {
    uint64_t end = sph_clock_monotonic_ms() + ms;
    while (!strstr(rig->output, text)) {
        if (sph_clock_monotonic_ms() > end)
            fail_msg("no \"%s\" within %u ms; output so far: %s", text, ms, rig->output);
        (void)sph_loop_step(rig->device.loop, 20);
    }
}

void rig_stopped(void *rig) {
    ((struct rig *)rig)->stopped = true;
}

void rig_await_stopped(struct rig *rig, unsigned ms) {
    uint64_t end = sph_clock_monotonic_ms() + ms;
    while (!rig->stopped) {
        if (sph_clock_monotonic_ms() > end)
            fail_msg("not stopped within %u ms", ms);
        (void)sph_loop_step(rig->device.loop, 20);
    }
    rig->stopped = false;
}

const struct sph_msg_report *rig_report(struct rig *rig, uint64_t number) {
    sph_buf_done(&report_bytes);
    report_bytes = (struct sph_buf)SPH_BUF_NULL;
    MUST(sph_kill_store_get(rig->device.kills, number, &report_bytes, err));
    MUST(
        sph_codec_decode(&sph_msg_report_codec, report_bytes.data, report_bytes.len, &report, err));
    assert_int_equal(report.id, number);
    return &report;
}

const struct sph_msg_report *rig_run_app(struct rig *rig, const char *const *arguments) {
    rig->output_len = 0;
    rig->output[0] = '\0';
    MUST(rig_start(rig, arguments, SPH_START_ONCE, err));
    const struct sph_app_end *end = rig_await_end(rig, 20000);
    assert_true(end->report_number > 0);
    return rig_report(rig, end->report_number);
}

uint64_t rig_page_sum(const struct sph_msg_report *of) {
    uint64_t sum = 0;
    struct sph_msg_mapping row;
    struct sph_list_iter iter = sph_list_iter(&of->mappings);
    while (sph_list_next(&iter, &row))
        sum += row.anonymous_pages + row.shared_pages;
    return sum;
}

unsigned long rig_read_status(pid_t pid, const char *field) {
    char path[64], line[256];
    unsigned long value = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    sph_autofclose FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, field, strlen(field)) == 0)
            value = strtoul(line + strlen(field), NULL, 10);
    return value;
}

unsigned rig_count_processes(unsigned uid) {
    unsigned count = 0;
    sph_autoclosedir DIR *dir = opendir("/proc");
    assert_non_null(dir);
    for (struct dirent *item; (item = readdir(dir)) != NULL;) {
        pid_t pid = (pid_t)strtol(item->d_name, NULL, 10);
        char path[64], state[256] = "";
        if (pid <= 0 || rig_read_status(pid, "Uid:") != uid)
            continue;
        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        sph_autofclose FILE *file = fopen(path, "r");
        const char *end = file && fgets(state, sizeof(state), file) ? strrchr(state, ')') : NULL;
        count += end && end[2] != 'Z' && end[2] != 'X';
    }
    return count;
}
