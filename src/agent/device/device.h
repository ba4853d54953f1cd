/* device: the parts of one running device, in one record that the agent's modules are given. */
#ifndef SPH_AGENT_DEVICE_DEVICE_H
#define SPH_AGENT_DEVICE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/device/flow.h"
#include "agent/device/log_readers.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/guid.h"
#include "base/loop.h"

struct sph_capabilities;
struct sph_events;
struct sph_footprint;
struct sph_gpio;
struct sph_kill_store;
struct sph_lifecycle;
struct sph_log_wait;
struct sph_logring;
struct sph_medium;
struct sph_registry;
struct sph_server;
struct sph_settings;
struct sph_stage;
struct sph_storage;
struct sph_trust_store;
struct sph_uidmap;

enum {
    SPH_DEVICE_NAME = 33,  /* bytes with the NUL, as sph_name_is_valid() allows */
    SPH_DEVICE_GROUP = 64, /* "spherule-<name>-<8 hex>" and a NUL */
    SPH_CORE_NAME = 33,
};

/* What the device claims to be: the release of the original system whose interfaces it has. */
#define SPH_DEVICE_OS_VERSION "23.05"
enum {
    SPH_DEVICE_APPLICATION_RUNTIME = 16, /* the newest one that an app may ask for (ARV) */
    SPH_DEVICE_OS_RUNTIME = 16,
    SPH_DEVICE_SECURE_WORLD_RUNTIME = 5,
};

/* What the device has; from device.json, never changed while the agent runs. */
struct sph_profile {
    char name[SPH_DEVICE_NAME];
    char core[SPH_CORE_NAME];
    uint64_t ram_bytes;     /* User of the whole group */
    uint64_t flash_bytes;   /* all package files together */
    uint64_t storage_bytes; /* the most that one app's MutableStorage may ask for */
    uint64_t page_bytes;
};

/* Filled by main before any app starts; each pointer is owned by main and outlives the lifecycle.
 * Modules keep `struct sph_device *` and use what they need. */
struct sph_device {
    char name[SPH_DEVICE_NAME];
    char group[SPH_DEVICE_GROUP]; /* name of the cgroup: spherule-<device>-<8 hex of hash> */
    uint32_t hash;                /* of the folder's real path: tells devices of one host apart */
    int dir_fd;                   /* the device's folder, the owner's */
    int state_fd;                 /* state/ below it, root only */
    uid_t owner;                  /* may speak to the agent, as root may */
    struct sph_profile profile;
    bool is_virtual;     /* backend: in a machine of its own, whose init we are */
    bool no_development; /* what a new device begins with: see capabilities */
    bool host_libraries; /* /lib, /lib64 and /usr of the host are shown to apps, read-only */
    uint64_t started_ms; /* monotonic; uptime counts from here */
    struct sph_loop *loop;
    struct sph_events *events;
    struct sph_flow flow; /* of the apps' output to those who must not lose it */
    struct sph_logring *log;
    struct sph_log_readers log_readers; /* that must not lose lines */
    struct sph_kill_store *kills;
    struct sph_uidmap *uids;
    struct sph_storage *storage;
    struct sph_medium *medium;
    struct sph_trust_store *trust;
    struct sph_settings *settings;
    struct sph_capabilities *capabilities;
    struct sph_registry *registry;
    struct sph_stage *stage;
    struct sph_gpio *gpio;           /* made by sph_gpio_new(device, …) after all of the above */
    struct sph_lifecycle *lifecycle; /* made last, by sph_lifecycle_new(device, …): it makes the
                                        cgroups, the meter and removes what a killed agent left */
    struct sph_server *server;
    struct sph_footprint *footprint; /* may be NULL */
    struct sph_log_wait *log_waits;  /* log reads that wait, see handle_log.c */
    struct sph_guid boot_id;         /* new at each start */
    /* Set by main. `end`: all apps stop, then the agent ends, or starts anew. `noted`: a line of
     * sph_device_note(), for standard error. `end_log_waits`: the log reads that wait are answered.
     * Each may be NULL. */
    void (*end)(struct sph_device *device, bool restart);
    void (*noted)(const char *text);
    void (*end_log_waits)(struct sph_device *device);
};

/* A line about the device (or, with a component, about one app) in the device's log. */
void sph_device_note(struct sph_device *device, const struct sph_guid *component, const char *fmt,
                     ...) SPH_PRINTF(3, 4);

/* Reads device.json of `dir_fd` into name, backend, profile and host_libraries; each wrong value
 * has its sentence. */
int sph_device_read(int dir_fd, struct sph_device *ret_device, struct sph_err *err);
/* The same from text; no I/O. */
int sph_device_parse(const char *text, size_t len, struct sph_device *ret_device,
                     struct sph_err *err);
/* FNV-1a of the folder's real path, and the group name made of it. */
int sph_device_identify(struct sph_device *device, struct sph_err *err);

#endif
