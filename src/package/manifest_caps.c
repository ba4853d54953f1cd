/* The Capabilities of the manifest, one table row each. Unknown capabilities are kept with a
 * warning, as the original packer keeps them (a real manifest has the key "DeviceAuthentication "
 * with a blank at its end). */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "package/manifest_reader.h"

#define PLACE(member) offsetof(struct sph_manifest, member)

/* Category 2 of the device's error numbers, where a capability has more than one. */
enum {
    ID_STORAGE_SIZE_MISSING = 32,
    ID_STORAGE_SIZE = 33,
    ID_STORAGE_TOO_LARGE = 34,
    ID_POWER_EMPTY = 49,
};

/* Only after the whole value was found good: what is granted can be used. */
static void grant(struct sph_manifest_reader *reader, const struct sph_manifest_key *key) {
    reader->manifest->granted |= (uint64_t)1 << key->capability;
}

/* Few lists have a number of their own for a wrong entry. */
static unsigned entry_id(const struct sph_manifest_key *key) {
    return key->entry_id != 0 ? key->entry_id : key->error_id;
}

/* The developer's own text, in which names need not be resolved yet. */
static bool is_source(const struct sph_manifest_reader *reader) {
    return reader->options->form == SPH_MANIFEST_SOURCE;
}

/* "$NAME", which packing replaces. */
static bool is_reference(const struct sph_json_value *value) {
    return value->type == SPH_JSON_STRING && value->len > 0 && value->text[0] == '$';
}

/* "false" is the same as absent: `granted` says what the app may do, not what its manifest
 * mentions. */
static int read_flag(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                     const char *field, const struct sph_json_value *value) {
    bool flag;
    if (sph_json_to_bool(value, &flag) < 0)
        return sph_manifest_fail(reader, value, field, key->error_id, "this must be true or false");
    if (flag)
        grant(reader, key);
    return 0;
}

/* An array of a capability: what it names is granted, also when it names nothing. */
static int read_list(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                     const char *field, const struct sph_json_value *value) {
    int r = sph_manifest_read_list(reader, key, field, value);
    if (r == 0)
        grant(reader, key);
    return r;
}

/* A package must hold values: the device has no hardware definition to look names up in. */
static int check_reference(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                           const char *field, const struct sph_json_value *entry) {
    if (is_source(reader))
        return 0;
    char shown[41];
    sph_text_printable(entry->text, entry->len, shown, sizeof(shown));
    return sph_manifest_fail(reader, entry, field, entry_id(key),
                             "'%s' must be replaced by its value when the package is made", shown);
}

/* Any 16-bit number is taken: which pins exist is the device's to say, when the app opens one. */
static int check_pin(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                     const char *field, const struct sph_json_value *entry) {
    uint64_t pin;
    if (is_reference(entry))
        return check_reference(reader, key, field, entry);
    if (sph_json_to_u64(entry, UINT16_MAX, &pin) < 0)
        return sph_manifest_fail(reader, entry, field, entry_id(key),
                                 is_source(reader) ? "this must be a pin number or \"$NAME\""
                                                   : "this must be a pin number");
    struct sph_manifest *manifest = reader->manifest;
    manifest->gpio[manifest->gpio_count++] = (uint16_t)pin;
    return 0;
}

/* Which names a board has is the hardware definition's to know, and the device's. */
static int check_peripheral(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                            const char *field, const struct sph_json_value *entry) {
    if (is_reference(entry))
        return check_reference(reader, key, field, entry);
    if (!sph_manifest_is_text(entry) || entry->len == 0)
        return sph_manifest_fail(reader, entry, field, entry_id(key),
                                 is_source(reader) ? "this must be a peripheral's name or \"$NAME\""
                                                   : "this must be a peripheral's name");
    return 0;
}

/* Host names and addresses of any form: looking closer would be resolving them, which reading a
 * manifest should not do. */
static int check_host(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                      const char *field, const struct sph_json_value *entry) {
    if (!sph_manifest_is_text(entry) || entry->len == 0)
        return sph_manifest_fail(reader, entry, field, entry_id(key),
                                 "this must be a host name or an address");
    return 0;
}

static int check_component(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                           const char *field, const struct sph_json_value *entry) {
    struct sph_guid guid;
    if (sph_manifest_read_guid(entry, &guid) < 0)
        return sph_manifest_fail(reader, entry, field, entry_id(key),
                                 "this must be a component id (a GUID)");
    return 0;
}

/* 0 is taken, too: as for bind(), it leaves the choice to the system. */
static int check_port(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                      const char *field, const struct sph_json_value *entry) {
    uint64_t port;
    if (sph_json_to_u64(entry, UINT16_MAX, &port) < 0)
        return sph_manifest_fail(reader, entry, field, entry_id(key),
                                 "this must be a port number from 0 to 65535");
    return 0;
}

/* The original's list has three numbers for this key (24, 28, 29) without saying which is which. */
static int read_authentication(struct sph_manifest_reader *reader,
                               const struct sph_manifest_key *key, const char *field,
                               const struct sph_json_value *value) {
    if (sph_manifest_read_guid(value, &reader->manifest->device_authentication) < 0)
        return sph_manifest_fail(reader, value, field, key->error_id,
                                 "this must be the GUID of a tenant or catalog");
    grant(reader, key);
    return 0;
}

/* The bound is the device's, so a packer passes a large one and the device its own. */
static int read_storage_size(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                             const char *field, const struct sph_json_value *value) {
    uint32_t max_kib = reader->options->storage_max_kib;
    if (max_kib == 0)
        max_kib = SPH_MANIFEST_STORAGE_KIB;
    uint64_t kib;
    if (sph_json_to_u64(value, UINT64_MAX, &kib) < 0)
        return sph_manifest_fail(reader, value, field, key->error_id,
                                 "this must be a whole number of KiB");
    if (kib > max_kib)
        return sph_manifest_fail(reader, value, field, ID_STORAGE_TOO_LARGE,
                                 "%llu KiB is more than the %u KiB that the device has",
                                 (unsigned long long)kib, max_kib);
    reader->manifest->mutable_storage_kib = (uint32_t)kib;
    return 0;
}

/* {"SizeKB": n} with further keys allowed: an object of its own level, and so a table of its own.
 */
static int read_storage(struct sph_manifest_reader *reader, const struct sph_manifest_key *key,
                        const char *field, const struct sph_json_value *value) {
    static const struct sph_manifest_key keys[] = {
        {.name = "SizeKB",
         .read = read_storage_size,
         .error_id = ID_STORAGE_SIZE,
         .required = true,
         .missing_id = ID_STORAGE_SIZE_MISSING},
    };
    if (value->type != SPH_JSON_OBJECT)
        return sph_manifest_fail(reader, value, field, key->error_id,
                                 "this must be an object like {\"SizeKB\": 8}");
    int r = sph_manifest_read_object(reader, value, "Capabilities.MutableStorage.", keys,
                                     SPH_ARRAY_SIZE(keys));
    if (r == 0)
        grant(reader, key);
    return r;
}

static int check_power_control(struct sph_manifest_reader *reader,
                               const struct sph_manifest_key *key, const char *field,
                               const struct sph_json_value *entry) {
    static const struct {
        const char *name;
        enum sph_power_control bit;
    } controls[] = {
        {"ForcePowerDown", SPH_POWER_FORCE_POWER_DOWN},
        {"ForceReboot", SPH_POWER_FORCE_REBOOT},
        {"SetPowerProfile", SPH_POWER_SET_PROFILE},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(controls); i++) {
        if (sph_json_is(entry, controls[i].name)) {
            reader->manifest->power_controls |= controls[i].bit;
            return 0;
        }
    }
    return sph_manifest_fail(reader, entry, field, entry_id(key),
                             "this must be \"ForcePowerDown\", \"ForceReboot\" or "
                             "\"SetPowerProfile\"");
}

/* The one list that may not be empty: the original has a number for that. */
static int read_power_controls(struct sph_manifest_reader *reader,
                               const struct sph_manifest_key *key, const char *field,
                               const struct sph_json_value *value) {
    int r = read_list(reader, key, field, value);
    if (r == 0 && reader->manifest->power_control_entries.count == 0)
        return sph_manifest_fail(reader, value, field, ID_POWER_EMPTY,
                                 "this must name at least one control");
    return r;
}

/* Rows of the table: FLAG is true or false, LIST an array, PORTS an array whose wrong entries have
 * a number of their own. */
#define FLAG(key_name, bit, id)                                                                    \
    { .name = (key_name), .read = read_flag, .error_id = (id), .capability = (bit) }
#define LIST(key_name, bit, id, check_fn, member)                                                  \
    {                                                                                              \
        .name = (key_name), .read = read_list, .check = (check_fn), .error_id = (id),              \
        .capability = (bit), .place = PLACE(member)                                                \
    }
#define PORTS(key_name, bit, id, wrong_port_id, member)                                            \
    {                                                                                              \
        .name = (key_name), .read = read_list, .check = check_port, .error_id = (id),              \
        .entry_id = (wrong_port_id), .capability = (bit), .place = PLACE(member)                   \
    }

/* In the order of enum sph_capability, as sph_capability_name() uses it. The numbers are the
 * original's of category 2, docs/spec/package.md, section 5. */
static const struct sph_manifest_key capability_keys[] = {
    LIST("Gpio", SPH_CAP_GPIO, 10, check_pin, gpio_entries),
    LIST("I2cMaster", SPH_CAP_I2C_MASTER, 13, check_peripheral, i2c_master),
    LIST("SpiMaster", SPH_CAP_SPI_MASTER, 13, check_peripheral, spi_master),
    LIST("Uart", SPH_CAP_UART, 13, check_peripheral, uart),
    LIST("Adc", SPH_CAP_ADC, 13, check_peripheral, adc),
    LIST("Pwm", SPH_CAP_PWM, 13, check_peripheral, pwm),
    LIST("AllowedConnections", SPH_CAP_ALLOWED_CONNECTIONS, 9, check_host, allowed_connections),
    LIST("AllowedApplicationConnections", SPH_CAP_ALLOWED_APPLICATION_CONNECTIONS, 43,
         check_component, allowed_application_connections),
    PORTS("AllowedTcpServerPorts", SPH_CAP_ALLOWED_TCP_SERVER_PORTS, 36, 38,
          allowed_tcp_server_ports),
    PORTS("AllowedUdpServerPorts", SPH_CAP_ALLOWED_UDP_SERVER_PORTS, 37, 39,
          allowed_udp_server_ports),
    {.name = "DeviceAuthentication",
     .read = read_authentication,
     .error_id = 24,
     .capability = SPH_CAP_DEVICE_AUTHENTICATION},
    {.name = "MutableStorage",
     .read = read_storage,
     .error_id = 31,
     .capability = SPH_CAP_MUTABLE_STORAGE},
    {.name = "PowerControls",
     .read = read_power_controls,
     .check = check_power_control,
     .error_id = 48,
     .entry_id = 50,
     .capability = SPH_CAP_POWER_CONTROLS,
     .place = PLACE(power_control_entries)},
    FLAG("NetworkConfig", SPH_CAP_NETWORK_CONFIG, 11),
    FLAG("WifiConfig", SPH_CAP_WIFI_CONFIG, 15),
    FLAG("EnterpriseWifiConfig", SPH_CAP_ENTERPRISE_WIFI_CONFIG, 45),
    FLAG("CertStore", SPH_CAP_CERT_STORE, 44),
    FLAG("SystemEventNotifications", SPH_CAP_SYSTEM_EVENT_NOTIFICATIONS, 46),
    FLAG("SoftwareUpdateDeferral", SPH_CAP_SOFTWARE_UPDATE_DEFERRAL, 47),
    FLAG("SystemTime", SPH_CAP_SYSTEM_TIME, 30),
    FLAG("TimeSyncConfig", SPH_CAP_TIME_SYNC_CONFIG, 40),
    FLAG("ReadNetworkProxyConfig", SPH_CAP_READ_NETWORK_PROXY_CONFIG, 56),
    FLAG("DhcpService", SPH_CAP_DHCP_SERVICE, 41),
    FLAG("SntpService", SPH_CAP_SNTP_SERVICE, 42),
    FLAG("HardwareAddressConfig", SPH_CAP_HARDWARE_ADDRESS_CONFIG, 51),
    FLAG("HeapMemStats", SPH_CAP_HEAP_MEM_STATS, 58),
    FLAG("ResetMemoryWatermarks", SPH_CAP_RESET_MEMORY_WATERMARKS, 57),
};
_Static_assert(SPH_ARRAY_SIZE(capability_keys) == SPH_CAP_COUNT, "one row per capability");

int sph_manifest_read_capabilities(struct sph_manifest_reader *reader,
                                   const struct sph_manifest_key *key, const char *field,
                                   const struct sph_json_value *value) {
    if (value->type != SPH_JSON_OBJECT)
        return sph_manifest_fail(reader, value, field, key->error_id, "this must be an object");
    return sph_manifest_read_object(reader, value, "Capabilities.", capability_keys,
                                    SPH_ARRAY_SIZE(capability_keys));
}

const char *sph_capability_name(enum sph_capability cap) {
    return capability_keys[cap].name;
}
