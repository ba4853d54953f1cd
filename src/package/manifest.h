/* manifest: app_manifest.json read into a plain record, every key with its type and bounds checked.
 */
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
    SPH_MANIFEST_LIST_MAX = 128,       /* entries of any one array */
    SPH_MANIFEST_PATH_SIZE = 256,
    SPH_MANIFEST_WARNINGS_MAX = 8,
    SPH_MANIFEST_STORAGE_KIB = 64, /* default upper bound of MutableStorage.SizeKB */
};
#define SPH_MANIFEST_PATH "app_manifest.json" /* in the package */

enum sph_app_type {
    SPH_APP_DEFAULT,
    SPH_APP_REAL_TIME_CAPABLE,
    SPH_APP_DEBUGGER,
};

/* One bit per capability; in `granted` when a flag is true or a list or object is there. */
enum sph_capability {
    SPH_CAP_GPIO,
    SPH_CAP_I2C_MASTER,
    SPH_CAP_SPI_MASTER,
    SPH_CAP_UART,
    SPH_CAP_ADC,
    SPH_CAP_PWM,
    SPH_CAP_ALLOWED_CONNECTIONS,
    SPH_CAP_ALLOWED_APPLICATION_CONNECTIONS,
    SPH_CAP_ALLOWED_TCP_SERVER_PORTS,
    SPH_CAP_ALLOWED_UDP_SERVER_PORTS,
    SPH_CAP_DEVICE_AUTHENTICATION,
    SPH_CAP_MUTABLE_STORAGE,
    SPH_CAP_POWER_CONTROLS,
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

/* Slices point into the text given to sph_manifest_parse(). */
struct sph_manifest {
    const char *text;
    size_t text_bytes;
    struct sph_json_value name; /* string of any length, no U+0000 */
    struct sph_guid component_id;
    char entry_point[SPH_MANIFEST_PATH_SIZE]; /* absolute, "/bin/app" */
    struct sph_manifest_list cmd_args;        /* strings: argv[1..] */
    enum sph_app_type type;
    uint32_t malloc_version;                /* 0 when absent */
    uint32_t application_runtime;           /* TargetApplicationRuntimeVersion; 0 when absent */
    struct sph_json_value target_beta_apis; /* type SPH_JSON_END when absent */

    uint64_t granted; /* bits 1 << enum sph_capability */
    uint16_t gpio[SPH_MANIFEST_LIST_MAX];
    unsigned gpio_count; /* entries by number; "$NAME" entries of a source manifest are not in it */
    struct sph_manifest_list gpio_entries; /* numbers; in source form also "$NAME" */
    struct sph_manifest_list i2c_master;   /* strings: "ISU2", or "$NAME" in source form */
    struct sph_manifest_list spi_master;
    struct sph_manifest_list uart;
    struct sph_manifest_list adc;
    struct sph_manifest_list pwm;
    struct sph_manifest_list allowed_connections;             /* host names, addresses */
    struct sph_manifest_list allowed_application_connections; /* component ids */
    struct sph_manifest_list allowed_tcp_server_ports;        /* 0 … 65535 */
    struct sph_manifest_list allowed_udp_server_ports;
    struct sph_guid device_authentication;
    uint32_t mutable_storage_kib; /* MutableStorage.SizeKB; 0 when absent */
    struct sph_manifest_list power_control_entries;
    unsigned power_controls; /* bits of enum sph_power_control */
};

enum sph_manifest_form {
    SPH_MANIFEST_PACKED, /* as in a package: peripherals by value */
    SPH_MANIFEST_SOURCE, /* as a developer writes it: "$NAME" allowed for peripherals */
};

struct sph_manifest_options {
    enum sph_manifest_form form;
    uint32_t storage_max_kib; /* 0: SPH_MANIFEST_STORAGE_KIB */
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
bool sph_manifest_has_gpio(const struct sph_manifest *manifest, unsigned pin);
/* "HeapMemStats": the key in the manifest. */
const char *sph_capability_name(enum sph_capability cap);
/* "Default", … */
const char *sph_app_type_name(enum sph_app_type type);

/* The entry point must be a regular file of the body. -ENOENT or -EBADMSG, notes as above. */
int sph_manifest_check_entry_point(const struct sph_manifest *manifest, const struct sph_fs *fs,
                                   struct sph_manifest_notes *notes,
                                   struct sph_err *err) SPH_MUST_USE;

/* Re-serialises a source manifest for its package: no white space, every other byte and the key
 * order kept,
 * "$NAME" peripherals replaced through `hardware` (may be NULL when there are none), and
 * TargetApplicationRuntimeVersion as the last key. RealTimeCapable manifests are copied as they
 * are. */
int sph_manifest_pack(const struct sph_manifest *manifest, const struct sph_hardware *hardware,
                      uint32_t application_runtime, struct sph_buf *ret_text,
                      struct sph_manifest_notes *notes, struct sph_err *err) SPH_MUST_USE;

#endif
