/* device_fixture_test: a device of the default profile in a scratch folder, and packages for it. */
#ifndef SPH_AGENT_DEVICE_DEVICE_FIXTURE_TEST_H
#define SPH_AGENT_DEVICE_DEVICE_FIXTURE_TEST_H

#include "package/package_testing.h"

#include "agent/device/device.h"
#include "agent/device/events.h"
#include "agent/device/logring.h"
#include "agent/install/device_state.h"
#include "agent/install/install.h"
#include "agent/install/stage.h"
#include "agent/storage/storage.h"
#include "agent/store/kill_store.h"
#include "agent/store/registry.h"
#include "agent/store/trust_store.h"
#include "agent/store/uidmap.h"

/* Reads state/ as the agent does at its start. Fails the test when it cannot. */
static inline void fixture_load(struct sph_device *device) {
    static const struct sph_device_rings rings = {.log_bytes = 16384, .event_bytes = 8192};
    struct sph_err err = SPH_ERR_NULL;
    if (sph_device_load_state(device, &rings, &err) < 0)
        fail_msg("%s", err.text);
}

static inline void fixture_unload(struct sph_device *device) {
    sph_device_unload_state(device);
}

/* The scratch folder is both the device's folder and its state folder. */
static inline void fixture_open(const struct sph_scratch *scratch, struct sph_device *ret_device) {
    *ret_device = (struct sph_device){
        .name = "test",
        .hash = 0xabcd1234,
        .dir_fd = scratch->fd,
        .state_fd = scratch->fd,
        .owner = getuid(),
        .profile = {.name = "mt3620",
                    .ram_bytes = 262144,
                    .flash_bytes = 1048576,
                    .storage_bytes = 65536,
                    .page_bytes = 4096},
    };
    fixture_load(ret_device);
    struct sph_trust_record record = {.name = "CN=Test"};
    memcpy(record.thumbprint, sph_test_thumbprint, sizeof(record.thumbprint));
    assert_int_equal(sph_sign_public(sph_test_scalar, record.point), 0);
    struct sph_err err = SPH_ERR_NULL;
    int added = sph_trust_store_add(ret_device->trust, &record, &err);
    if (added != 0 && added != SPH_TRUST_E_EXISTS)
        fail_msg("%s", err.text);
}

/* What tells one test package from another. */
struct fixture_package {
    unsigned component; /* last part of its id */
    unsigned version;   /* first byte of the image id and of the file data/version */
    unsigned storage_kib;
    unsigned runtime;      /* 0: 16 */
    size_t padding;        /* bytes of one more file */
    const char *program;   /* file to take as bin/app; NULL: something that is no program */
    const char *arguments; /* of CmdArgs, as JSON; NULL: none */
    bool is_debugger;
};

static inline struct sph_guid fixture_component(unsigned number) {
    char text[SPH_GUID_TEXT];
    struct sph_guid guid;
    (void)snprintf(text, sizeof(text), "00000000-1111-2222-3333-%012u", number);
    assert_int_equal(sph_guid_parse(text, strlen(text), &guid), 0);
    return guid;
}

static inline void fixture_build(const struct fixture_package *wanted, struct sph_buf *ret_bytes) {
    char manifest[512], storage[64] = "", guid[SPH_GUID_TEXT];
    struct sph_guid component = fixture_component(wanted->component);
    if (wanted->storage_kib)
        (void)snprintf(storage, sizeof(storage), "\"MutableStorage\": {\"SizeKB\": %u}",
                       wanted->storage_kib);
    (void)snprintf(manifest, sizeof(manifest),
                   "{\"SchemaVersion\": 1, \"Name\": \"App %u\", \"ComponentId\": \"%s\", "
                   "\"EntryPoint\": \"/bin/app\", \"CmdArgs\": [%s], \"Capabilities\": {%s}, "
                   "\"ApplicationType\": \"%s\"}",
                   wanted->component, sph_guid_format(&component, guid),
                   wanted->arguments ? wanted->arguments : "", storage,
                   wanted->is_debugger ? "Debugger" : "Default");
    uint8_t version[3] = {(uint8_t)wanted->version, 'v', '\n'};
    sph_autofree char *padding = calloc(1, wanted->padding + 1);
    assert_non_null(padding);
    struct sph_fs_item items[] = {
        {"bin/app", true, SPH_TEST_APP, sizeof(SPH_TEST_APP)},
        {"data/version", false, version, sizeof(version)},
        {"data/padding", false, padding, wanted->padding},
    };
    struct sph_build build = sph_test_build();
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf program = SPH_BUF_NULL;
    if (wanted->program) {
        assert_int_equal(sph_file_read(AT_FDCWD, wanted->program, &program, NULL), 0);
        items[0].data = program.data;
        items[0].size_bytes = program.len;
    }
    build.manifest_text = manifest;
    build.manifest_bytes = strlen(manifest);
    build.items = items;
    build.item_count = wanted->padding ? 3 : 2;
    build.image_id.bytes[0] = (uint8_t)wanted->version;
    build.image_id.bytes[1] = (uint8_t)wanted->component;
    build.application_runtime = wanted->runtime ? wanted->runtime : 16;
    ret_bytes->limit = (size_t)4 << 20;
    if (sph_build_package(&build, ret_bytes, NULL, &err) < 0)
        fail_msg("%s", err.text);
}

/* Staging from beginning to end. 0 or the failure with its refusal. */
static inline int fixture_stage_bytes(struct sph_device *device, const void *bytes, size_t len,
                                      struct sph_refusal *refusal) {
    const struct sph_staged_package *staged;
    enum { PIECE = 16384 };
    int code = sph_stage_begin(device->stage, device, 0, refusal);
    for (size_t at = 0; code == 0 && at < len; at += PIECE)
        code = sph_stage_data(device->stage, device, (const char *)bytes + at,
                              len - at < PIECE ? len - at : PIECE, refusal);
    return code == 0 ? sph_stage_end(device->stage, device, &staged, refusal) : code;
}

static inline int fixture_stage(struct sph_device *device, const struct fixture_package *wanted,
                                struct sph_refusal *refusal) {
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    fixture_build(wanted, &bytes);
    return fixture_stage_bytes(device, bytes.data, bytes.len, refusal);
}

#endif
