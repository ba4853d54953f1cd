/* The order is one of need: the registry asks for user ids, the stage for the registry. Recovery
 * comes first, since everything after it trusts the folders. Agent and
 * tests share it, so that a test starts with what an agent would start with. */
#include "agent/install/device_state.h"

#include "agent/device/device.h"
#include "agent/device/events.h"
#include "agent/device/logring.h"
#include "agent/install/capabilities.h"
#include "agent/install/install.h"
#include "agent/install/stage.h"
#include "agent/storage/medium.h"
#include "agent/storage/storage.h"
#include "agent/store/kill_store.h"
#include "agent/store/registry.h"
#include "agent/store/settings.h"
#include "agent/store/trust_store.h"
#include "agent/store/uidmap.h"

int sph_device_load_state(struct sph_device *device, const struct sph_device_rings *rings,
                          struct sph_err *err) {
    int fd = device->state_fd;
    int code = sph_install_recover(fd, err);
    if (code == 0)
        code = sph_logring_new(rings->log_bytes, &device->log, err);
    if (code == 0)
        code = sph_events_new(rings->event_bytes, &device->events, err);
    if (code == 0)
        code = sph_kill_store_new(fd, &device->kills, err);
    if (code == 0)
        code = sph_uidmap_new(fd, device->hash, &device->uids, err);
    if (code == 0)
        code = sph_storage_new(fd, &device->storage, err);
    if (code == 0)
        code = sph_medium_new(device, &device->medium, err);
    if (code == 0)
        code = sph_trust_store_new(fd, &device->trust, err);
    if (code == 0)
        code = sph_settings_new(fd, &device->settings, err);
    if (code == 0)
        code = sph_capabilities_new(fd, !device->no_development, &device->capabilities, err);
    if (code == 0)
        code = sph_registry_new(fd, device->uids, &device->registry, err);
    if (code == 0)
        code = sph_stage_new(device, &device->stage, err);
    return code;
}

void sph_device_unload_state(struct sph_device *device) {
    device->stage = sph_stage_free(device->stage);
    device->registry = sph_registry_free(device->registry);
    device->capabilities = sph_capabilities_free(device->capabilities);
    device->settings = sph_settings_free(device->settings);
    device->trust = sph_trust_store_free(device->trust);
    device->medium = sph_medium_free(device->medium);
    device->storage = sph_storage_free(device->storage);
    device->uids = sph_uidmap_free(device->uids);
    device->kills = sph_kill_store_free(device->kills);
    device->events = sph_events_free(device->events);
    device->log = sph_logring_free(device->log);
}
