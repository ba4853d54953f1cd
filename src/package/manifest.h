/* manifest: app_manifest.json read into a plain record, every key with its type and bounds checked.
 *
 * The record is a view: what has a fixed size is copied out of the text, lists and the name stay
 * slices of it. So reading allocates nothing, and the agent can read a stranger's manifest in the
 * memory of the package itself. The keys, their bounds and the device's error numbers stand in
 * docs/spec/package.md, section 5. */
#ifndef SPH_PACKAGE_MANIFEST_H
#define SPH_PACKAGE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/guid.h"
#include "base/json_in.h"

struct sph_fs;
struct sph_hardware;

enum {
    SPH_MANIFEST_BYTES_MAX = 64 << 10, /* of JSON text; the largest known is under 4 KiB */
    /* Entries of any one array: above the 76 pins that the chip has, the longest list that makes
     * sense. */
    SPH_MANIFEST_LIST_MAX = 128,
    /* Bytes of the entry point with its NUL: the depth of a body allows longer paths, but no known
     * package has its program deeper than "/bin/app". */
    SPH_MANIFEST_PATH_SIZE = 256,
    /* Warnings that are kept; an unknown key gives one, and their number is the sender's choice. */
    SPH_MANIFEST_WARNINGS_MAX = 8,
    SPH_MANIFEST_STORAGE_KIB = 64, /* default upper bound of MutableStorage.SizeKB: the chip's */
};
#define SPH_MANIFEST_PATH "app_manifest.json" /* in the package */

/* Key ApplicationType. */
enum sph_app_type {
    /* A Linux application on the high-level core; also when the key is absent. */
    SPH_APP_DEFAULT,
    /* For a real-time core: carried and listed; its manifest is packed as it is written. */
    SPH_APP_REAL_TIME_CAPABLE,
    /* The debug server: its file counts against flash only while development is enabled. */
    SPH_APP_DEBUGGER,
};

/* One bit per capability; in `granted` when a flag is true or a list or object is there. All that
 * the original's tools know are read and bounded, so that a manifest is refused here with its
 * sentence and not later by a device. */
enum sph_capability {
    /* Arrays: what the application may open, by name or number. */
    SPH_CAP_GPIO,
    SPH_CAP_I2C_MASTER,
    SPH_CAP_SPI_MASTER,
    SPH_CAP_UART,
    SPH_CAP_ADC,
    SPH_CAP_PWM,
    /* Arrays: whom it may talk to, and where it may listen. */
    SPH_CAP_ALLOWED_CONNECTIONS,
    SPH_CAP_ALLOWED_APPLICATION_CONNECTIONS,
    SPH_CAP_ALLOWED_TCP_SERVER_PORTS,
    SPH_CAP_ALLOWED_UDP_SERVER_PORTS,
    /* Values of a kind of their own: a GUID, an object, an array of words. */
    SPH_CAP_DEVICE_AUTHENTICATION,
    SPH_CAP_MUTABLE_STORAGE,
    SPH_CAP_POWER_CONTROLS,
    /* Flags, true or false. ResetMemoryWatermarks is undocumented in the original and known from
     * its error numbers only. */
    SPH_CAP_NETWORK_CONFIG,
    SPH_CAP_WIFI_CONFIG,
    SPH_CAP_ENTERPRISE_WIFI_CONFIG,
    SPH_CAP_CERT_STORE,
    SPH_CAP_SYSTEM_EVENT_NOTIFICATIONS,
    SPH_CAP_SOFTWARE_UPDATE_DEFERRAL,
    SPH_CAP_SYSTEM_TIME,
    SPH_CAP_TIME_SYNC_CONFIG,
    SPH_CAP_READ_NETWORK_PROXY_CONFIG,
    SPH_CAP_DHCP_SERVICE,
    SPH_CAP_SNTP_SERVICE,
    SPH_CAP_HARDWARE_ADDRESS_CONFIG,
    SPH_CAP_HEAP_MEM_STATS,
    SPH_CAP_RESET_MEMORY_WATERMARKS,
    SPH_CAP_COUNT,
};

/* Entries of PowerControls, as bits of `power_controls`. */
enum sph_power_control {
    SPH_POWER_FORCE_POWER_DOWN = 1,
    SPH_POWER_FORCE_REBOOT = 2,
    SPH_POWER_SET_PROFILE = 4,
};

/* A checked JSON array; iterate with sph_json_iter_init(&iter, &list.array). count 0 when absent.
 */
struct sph_manifest_list {
    struct sph_json_value array;
    unsigned count;
};

/* Slices point into the text given to sph_manifest_parse(), which must outlive the record. */
struct sph_manifest {
    /* The text without a byte order mark; offsets of slices count from here. */
    const char *text;
    size_t text_bytes;

    /* Name: a string of any length, still escaped, no U+0000. Required. */
    struct sph_json_value name;
    /* ComponentId: a GUID in either case, with or without braces. Required. Storage, updates and
     * the application's user id go by it, so it stays the same from version to version. */
    struct sph_guid component_id;
    /* EntryPoint: absolute, without empty, "." or ".." parts: "/bin/app". Required. */
    char entry_point[SPH_MANIFEST_PATH_SIZE];
    /* CmdArgs: strings without U+0000; they become argv[1] and on. */
    struct sph_manifest_list cmd_args;
    /* ApplicationType; SPH_APP_DEFAULT when absent. */
    enum sph_app_type type;
    /* MallocVersion: any 32-bit number; 0 when absent. Read for its bounds; nothing depends on it.
     */
    uint32_t malloc_version;
    /* TargetApplicationRuntimeVersion (ARV): written by packing, the version of the runtime that
     * the application was made for; 0 when absent. */
    uint32_t application_runtime;
    /* TargetBetaApis: anything, from older packers; type SPH_JSON_END when absent. */
    struct sph_json_value target_beta_apis;

    /* Capabilities: what may be done, bits 1 << enum sph_capability. A flag that is false is not
     * granted, an empty list is. */
    uint64_t granted;
    /* Gpio by number, in the manifest's order; "$NAME" entries of a source manifest are left out.
     * Which pins there are is the device's to say. */
    uint16_t gpio[SPH_MANIFEST_LIST_MAX];
    unsigned gpio_count;
    /* Gpio as written: 0 … 65535; in source form also "$NAME". */
    struct sph_manifest_list gpio_entries;
    /* I2cMaster, SpiMaster, Uart, Adc, Pwm: names as "ISU2" or "ADC-CONTROLLER-0"; in source form
     * also "$NAME". */
    struct sph_manifest_list i2c_master;
    struct sph_manifest_list spi_master;
    struct sph_manifest_list uart;
    struct sph_manifest_list adc;
    struct sph_manifest_list pwm;
    /* AllowedConnections: host names and addresses, any text that is not empty. */
    struct sph_manifest_list allowed_connections;
    /* AllowedApplicationConnections: component ids of other applications. */
    struct sph_manifest_list allowed_application_connections;
    /* AllowedTcpServerPorts, AllowedUdpServerPorts: 0 … 65535. */
    struct sph_manifest_list allowed_tcp_server_ports;
    struct sph_manifest_list allowed_udp_server_ports;
    /* DeviceAuthentication: the GUID of a tenant or catalog; zero when absent. */
    struct sph_guid device_authentication;
    /* MutableStorage.SizeKB: KiB, 0 … the options' storage_max_kib; 0 when absent. */
    uint32_t mutable_storage_kib;
    /* PowerControls: at least one entry, as text and as bits of enum sph_power_control. */
    struct sph_manifest_list power_control_entries;
    unsigned power_controls;
};

enum sph_manifest_form {
    SPH_MANIFEST_PACKED, /* as in a package: peripherals by value */
    SPH_MANIFEST_SOURCE, /* as a developer writes it: "$NAME" allowed for peripherals */
};

struct sph_manifest_options {
    enum sph_manifest_form form;
    /* KiB of storage that an application may ask for; 0: SPH_MANIFEST_STORAGE_KIB. A packer passes
     * a large one, since it does not know the device. */
    uint32_t storage_max_kib;
};

/* What is to be said beside the record. Never allocates; zero-initialise it. */
struct sph_manifest_notes {
    uint32_t device_error; /* (2 << 20) | id of the failure; 0 where the original's list has none */
    char field[96];        /* of the failure: "Capabilities.Gpio[2]" */
    unsigned line;         /* 1-based; 0 when the failure has no place */
    unsigned column;
    unsigned warning_count; /* all of them; the first SPH_MANIFEST_WARNINGS_MAX are kept */
    char warnings[SPH_MANIFEST_WARNINGS_MAX][192];
};

/* Device error numbers of category 2 that are used outside the parser too. */
enum {
    SPH_MANIFEST_ERROR_JSON = (2 << 20) | 1,
    SPH_MANIFEST_ERROR_ENTRY_POINT_ABSENT = (2 << 20) | 22,
    SPH_MANIFEST_ERROR_ENTRY_POINT_NOT_FILE = (2 << 20) | 23,
};

/* Pure, allocates nothing. -EBADMSG; the sentence reads
 * "app_manifest.json: line L, column C: Capabilities.Gpio[2]: …", and `notes` (may be NULL) has the
 * parts. Unknown keys are kept and give a warning. options NULL: packed form, default bounds. */
int sph_manifest_parse(const char *text, size_t len, const struct sph_manifest_options *options,
                       struct sph_manifest *ret_manifest, struct sph_manifest_notes *notes,
                       struct sph_err *err) SPH_MUST_USE;

static inline bool sph_manifest_has(const struct sph_manifest *manifest, enum sph_capability cap) {
    return (manifest->granted >> cap) & 1;
}
/* Is the pin among the numbers of Gpio? A search in order: 128 entries at most. */
bool sph_manifest_has_gpio(const struct sph_manifest *manifest, unsigned pin);
/* "HeapMemStats": the key in the manifest. */
const char *sph_capability_name(enum sph_capability cap);
/* "Default", … */
const char *sph_app_type_name(enum sph_app_type type);

/* The entry point must be a regular file of the body. -ENOENT or -EBADMSG, notes as above. */
int sph_manifest_check_entry_point(const struct sph_manifest *manifest, const struct sph_fs *fs,
                                   struct sph_manifest_notes *notes,
                                   struct sph_err *err) SPH_MUST_USE;

/* Appends the source manifest as its package holds it: no white space, every other byte and the key
 * order kept, "$NAME" peripherals replaced through `hardware` (may be NULL when there are none),
 * and TargetApplicationRuntimeVersion as the last key. RealTimeCapable manifests are copied as they
 * are. -EBADMSG with the place in the source for a name that leads nowhere or another runtime
 * version; the buffer's error otherwise. What a failure leaves in ret_text is no manifest. */
int sph_manifest_pack(const struct sph_manifest *manifest, const struct sph_hardware *hardware,
                      uint32_t application_runtime, struct sph_buf *ret_text,
                      struct sph_manifest_notes *notes, struct sph_err *err) SPH_MUST_USE;

#endif
