/* Addresses are of blocks that are set aside for documents (RFC 5737), except that of azspheresvc,
 * which clients of the original know. */
#include "gateway/simulated/interfaces.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "gateway/simulated/wifi.h"
#include "wire/device_error.h"

#define ETHERNET_HARDWARE "02:53:50:48:00:20"

/* ---- what is kept ---- */

static const struct sph_member kept_rows[] = {
    {.key = "wlan0Up",
     .type = SPH_MEMBER_FLAG,
     .offset = offsetof(struct sph_interfaces, is_wifi_up)},
    {.key = "eth0Up",
     .type = SPH_MEMBER_FLAG,
     .offset = offsetof(struct sph_interfaces, is_ethernet_up)},
    {.key = "eth0HardwareAddress",
     .type = SPH_MEMBER_TEXT,
     .min = 17,
     .max = 17,
     .offset = offsetof(struct sph_interfaces, ethernet_address)},
};
static const struct sph_members kept = {kept_rows, SPH_ARRAY_SIZE(kept_rows)};

unsigned sph_interfaces_read(const struct sph_setting_request *request,
                             struct sph_interfaces *ret_interfaces, struct sph_response *response) {
    struct sph_json_value object;
    const struct sph_member *wrong;
    uint32_t present;
    struct sph_interfaces read = {.is_wifi_up = true, .ethernet_address = ETHERNET_HARDWARE};
    unsigned status = sph_setting_object(request, SPH_SETTING_INTERFACES, &object, response);
    if (status)
        return status;
    if (sph_members_read(&object, &kept, &read, &present, &wrong) < 0)
        return sph_setting_refuse(request, SPH_SETTING_INTERFACES, response);
    *ret_interfaces = read;
    return 0;
}

static void write_kept(const struct sph_interfaces *interfaces, struct sph_buf *ret_value) {
    struct sph_json_out out;
    sph_json_begin(&out, ret_value);
    sph_json_object(&out);
    sph_members_write(&out, &kept, interfaces, false);
    sph_json_object_end(&out);
}

/* ---- showing ---- */

/* Of one interface. Whatever is connected has its address and reaches what it needs at once. */
struct interface {
    const char *name, *address;
    const char *hardware; /* NULL: it has none, being no network card */
    bool is_up, is_connected;
};

enum { SERVICE, WIFI, ETHERNET, INTERFACES };

static unsigned read_all(const struct sph_setting_request *request,
                         struct sph_interfaces *ret_interfaces,
                         struct interface ret_list[INTERFACES], struct sph_response *response) {
    bool is_connected = false;
    unsigned status = sph_interfaces_read(request, ret_interfaces, response);
    if (!status)
        status = sph_wifi_is_connected(request, &is_connected, response);
    if (status)
        return status;
    ret_list[SERVICE] = (struct interface){
        .name = "azspheresvc", .address = "192.168.35.2", .is_up = true, .is_connected = false};
    ret_list[WIFI] = (struct interface){.name = "wlan0",
                                        .address = SPH_WIFI_ADDRESS,
                                        .hardware = SPH_WIFI_HARDWARE,
                                        .is_up = ret_interfaces->is_wifi_up,
                                        .is_connected = is_connected};
    ret_list[ETHERNET] = (struct interface){.name = "eth0",
                                            .address = "198.51.100.10",
                                            .hardware = ret_interfaces->ethernet_address,
                                            .is_up = ret_interfaces->is_ethernet_up,
                                            .is_connected = ret_interfaces->is_ethernet_up};
    return 0;
}

/* azspheresvc has its address without being connected: as on devices, to the byte. */
static void json_interface(struct sph_json_out *out, const struct interface *interface) {
    bool is_service = !interface->hardware;
    sph_json_object(out);
    sph_json_key_string(out, "interfaceName", interface->name);
    sph_json_key_bool(out, "interfaceUp", interface->is_up);
    sph_json_key_bool(out, "connectedToNetwork", interface->is_connected);
    sph_json_key_bool(out, "ipAcquired", interface->is_connected);
    sph_json_key_bool(out, "connectedToInternet", interface->is_connected);
    sph_json_key(out, "ipAddresses");
    sph_json_array(out);
    if (interface->is_connected || is_service)
        sph_json_string(out, interface->address);
    sph_json_array_end(out);
    if (!is_service)
        sph_json_key_string(out, "hardwareAddress", interface->hardware);
    sph_json_object_end(out);
}

unsigned sph_interfaces_list(const struct sph_setting_request *request, struct sph_buf *ret_value,
                             struct sph_response *response) {
    (void)ret_value;
    struct sph_interfaces interfaces;
    struct interface list[INTERFACES];
    struct sph_json_out out;
    unsigned status = read_all(request, &interfaces, list, response);
    if (status)
        return status;
    sph_json_begin(&out, &response->body);
    sph_json_object(&out);
    sph_json_key(&out, "interfaces");
    sph_json_array(&out);
    for (size_t i = 0; i < INTERFACES; i++)
        json_interface(&out, &list[i]);
    sph_json_array_end(&out);
    sph_json_object_end(&out);
    return 0;
}

/* What could not be the name of any interface is no path of the device's. */
static unsigned find(const struct sph_setting_request *request, const struct interface *list,
                     size_t *ret_place, struct sph_response *response) {
    char shown[SPH_ROUTE_NAME];
    const char *name = request->call->name;
    for (size_t i = 0; i < INTERFACES; i++) {
        if (strcmp(list[i].name, name) == 0) {
            *ret_place = i;
            return 0;
        }
    }
    bool is_name = true;
    for (const char *at = name; *at; at++)
        is_name &= isalnum((unsigned char)*at) || strchr("._-", *at) != NULL;
    return sph_response_refuse(response, request->call->is_own, 404,
                               is_name ? SPH_DEVERR_INVALID_INTERFACE
                                       : SPH_DEVERR_INVALID_REQUEST_URI,
                               "there is no network interface \"%s\", only azspheresvc, wlan0 and "
                               "eth0",
                               sph_text_shown(name, shown, sizeof(shown)));
}

unsigned sph_interfaces_get(const struct sph_setting_request *request, struct sph_buf *ret_value,
                            struct sph_response *response) {
    (void)ret_value;
    struct sph_interfaces interfaces;
    struct interface list[INTERFACES];
    struct sph_json_out out;
    size_t place;
    unsigned status = read_all(request, &interfaces, list, response);
    if (!status)
        status = find(request, list, &place, response);
    if (status)
        return status;
    sph_json_begin(&out, &response->body);
    json_interface(&out, &list[place]);
    return 0;
}

/* ---- changing ---- */

struct change {
    char hardware_address[65];
    bool is_up;
};
enum { HARDWARE_ADDRESS = 1, INTERFACE_UP = 2 }; /* bits of the rows below */

static const struct sph_member change_rows[] = {
    {.key = "hardwareAddress",
     .type = SPH_MEMBER_TEXT,
     .max = 64,
     .offset = offsetof(struct change, hardware_address),
     .wanted = "a string"},
    {.key = "interfaceUp",
     .type = SPH_MEMBER_FLAG,
     .offset = offsetof(struct change, is_up),
     .wanted = "true or false"},
};
static const struct sph_members change_members = {change_rows, SPH_ARRAY_SIZE(change_rows)};

/* Six pairs of digits with colons, in lower case afterwards; of one station, not of all. */
static bool take_address(char *text) {
    uint8_t bytes[6] = {0};
    if (strlen(text) != 17)
        return false;
    for (size_t i = 0; i < 6; i++) {
        if (sph_hex_to_bytes(text + 3 * i, 1, &bytes[i]) < 0 || (i < 5 && text[3 * i + 2] != ':'))
            return false;
    }
    for (size_t i = 0; i < 17; i++)
        text[i] = (char)tolower((unsigned char)text[i]);
    static const uint8_t none[6];
    return (bytes[0] & 1) == 0 && memcmp(bytes, none, sizeof(none)) != 0;
}

static unsigned apply(const struct sph_setting_request *request, size_t place, uint32_t present,
                      struct change *change, struct sph_interfaces *interfaces,
                      struct sph_response *response) {
    bool is_own = request->call->is_own;
    if (place == SERVICE || (place == WIFI && (present & HARDWARE_ADDRESS)))
        return sph_response_refuse(response, is_own, 400, SPH_DEVERR_INTERFACE_NOT_PERMITTED,
                                   "the %s of %s cannot be changed",
                                   present & HARDWARE_ADDRESS ? "hardware address" : "state",
                                   request->call->name);
    if ((present & HARDWARE_ADDRESS) && !take_address(change->hardware_address))
        return sph_response_refuse(response, is_own, 400, SPH_DEVERR_INVALID_MAC_ADDRESS,
                                   "the hardware address must be one station's, such as "
                                   "02:00:5e:00:53:01");
    if (present & HARDWARE_ADDRESS)
        memcpy(interfaces->ethernet_address, change->hardware_address,
               sizeof(interfaces->ethernet_address));
    if (present & INTERFACE_UP)
        *(place == WIFI ? &interfaces->is_wifi_up : &interfaces->is_ethernet_up) = change->is_up;
    return 0;
}

unsigned sph_interfaces_change(const struct sph_setting_request *request, struct sph_buf *ret_value,
                               struct sph_response *response) {
    struct sph_interfaces interfaces;
    struct interface list[INTERFACES];
    struct change change = {.is_up = false};
    const struct sph_setting_input input = {.members = &change_members, .record = &change};
    size_t place;
    uint32_t present;
    unsigned status = read_all(request, &interfaces, list, response);
    if (!status)
        status = find(request, list, &place, response);
    if (!status)
        status = sph_setting_input(request, &input, &present, response);
    if (status)
        return status;
    if (!present)
        return sph_setting_refuse_member(request, "interfaceUp", "true or false", response);
    status = apply(request, place, present, &change, &interfaces, response);
    if (status)
        return status;
    write_kept(&interfaces, ret_value);
    sph_buf_puts(&response->body, "{}");
    return 0;
}

/* The same switch as interfaceUp of wlan0. */
unsigned sph_interfaces_change_wifi(const struct sph_setting_request *request,
                                    struct sph_buf *ret_value, struct sph_response *response) {
    static const char *const words[] = {"disabled", "enabled", NULL};
    static const struct sph_member rows[] = {{.key = "interfaceState",
                                              .type = SPH_MEMBER_WORD,
                                              .words = words,
                                              .wanted = "\"enabled\" or \"disabled\""}};
    static const struct sph_members members = {rows, 1};
    struct sph_interfaces interfaces;
    uint32_t state = 0, present;
    const struct sph_setting_input input = {.members = &members, .required = 1, .record = &state};
    unsigned status = sph_interfaces_read(request, &interfaces, response);
    if (!status)
        status = sph_setting_input(request, &input, &present, response);
    if (status)
        return status;
    interfaces.is_wifi_up = state == 1;
    write_kept(&interfaces, ret_value);
    sph_buf_puts(&response->body, "{}");
    return 0;
}
