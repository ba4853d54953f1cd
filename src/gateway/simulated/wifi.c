/* The air is a table: tests of what an app does without its network need one that is never there,
 * one with a wrong passphrase and one that works, and the same each time. What carries no packets
 * has no reason to come and go by itself.
 *
 * Passphrases are kept by the device as they came and never given out again. */
#include "gateway/simulated/wifi.h"

#include <string.h>

#include "gateway/simulated/certificates.h"
#include "wire/device_error.h"

enum security { OPEN, PSK, EAP_TLS };
static const char *const security_words[] = {"open", "psk", "eaptls", NULL};
static const char *const config_words[] = {"disabled", "enabled", NULL};
static const char *const connection_words[] = {"disconnected", "connected", NULL};

/* ---- the air ---- */

struct access_point {
    const char *ssid;
    enum security security;
    const char *psk, *bssid, *key_management;
    uint32_t frequency; /* MHz */
    int signal;         /* dBm */
    bool hides;         /* answers only those who ask for it by name: a targeted scan */
};

static const struct access_point air[] = {
    {"spherule-open", OPEN, "", "02:53:50:48:01:01", "NONE", 2412, -48, false},
    {"spherule-psk", PSK, "spherule-psk", "02:53:50:48:01:02", "WPA2-PSK", 2437, -56, false},
    {"spherule-eap", EAP_TLS, "", "02:53:50:48:01:03", "WPA2-EAP", 5180, -63, false},
    {"spherule-hidden", PSK, "spherule-psk", "02:53:50:48:01:04", "WPA2-PSK", 2462, -70, true},
};

/* ---- the known networks ---- */

/* Numbers of our own: those of the original are not public. */
enum failure { NO_FAILURE, NOT_IN_REACH, OTHER_SECURITY, WRONG_PASSPHRASE, NO_CREDENTIALS };

struct network {
    uint32_t id;
    char ssid[33];
    uint32_t security, config_state;
    char psk[65], config_name[17];
    bool targeted_scan;
    char identity[255], client_certificate[SPH_CERTIFICATE_ID], root_ca[SPH_CERTIFICATE_ID];
    /* found out anew for each call */
    uint32_t connection_state;
    enum failure failure;
    const struct access_point *access_point; /* when connected */
};

#define NETWORK_TEXT(name, fewest, most, member, sort, words_wanted)                               \
    {                                                                                              \
        .key = (name), .type = SPH_MEMBER_TEXT, .kind = (sort), .min = (fewest), .max = (most),    \
        .offset = offsetof(struct network, member), .wanted = (words_wanted)                       \
    }
#define NETWORK_WORD(name, list, member, sort, words_wanted)                                       \
    {                                                                                              \
        .key = (name), .type = SPH_MEMBER_WORD, .kind = (sort), .words = (list),                   \
        .offset = offsetof(struct network, member), .wanted = (words_wanted)                       \
    }
#define CERTIFICATE_WANTED "the identifier of a certificate, of at most 16 characters"

/* Clients set all but the first. */
static const struct sph_member rows[] = {
    {.key = "id",
     .type = SPH_MEMBER_NUMBER,
     .max = INT32_MAX,
     .offset = offsetof(struct network, id)},
    NETWORK_TEXT("ssid", 1, 32, ssid, SPH_MEMBER_PLAIN, "a string of 1 to 32 bytes"),
    NETWORK_WORD("securityState", security_words, security, SPH_MEMBER_PLAIN,
                 "\"open\", \"psk\" or \"eaptls\""),
    NETWORK_TEXT("psk", 8, 64, psk, SPH_MEMBER_SECRET, "a passphrase of 8 to 64 bytes"),
    NETWORK_WORD("configState", config_words, config_state, SPH_MEMBER_PLAIN,
                 "\"enabled\" or \"disabled\""),
    {.key = "targetedScan",
     .type = SPH_MEMBER_FLAG,
     .offset = offsetof(struct network, targeted_scan),
     .wanted = "true or false"},
    NETWORK_TEXT("configName", 0, 16, config_name, SPH_MEMBER_SPARE,
                 "a string of at most 16 bytes"),
    NETWORK_TEXT("clientIdentity", 0, 254, identity, SPH_MEMBER_SPARE,
                 "a string of at most 254 bytes"),
    NETWORK_TEXT("clientCertStoreIdentifier", 0, 16, client_certificate, SPH_MEMBER_SPARE,
                 CERTIFICATE_WANTED),
    NETWORK_TEXT("rootCACertStoreIdentifier", 0, 16, root_ca, SPH_MEMBER_SPARE, CERTIFICATE_WANTED),
    NETWORK_WORD("connectionState", connection_words, connection_state, SPH_MEMBER_SHOWN, NULL),
};
static const struct sph_members network_members = {rows, SPH_ARRAY_SIZE(rows)};
/* For a client's: without the first, so that bit 0 stands for ssid. */
static const struct sph_members input_members = {rows + 1, SPH_ARRAY_SIZE(rows) - 1};
enum { HAS_SSID = 1, HAS_SECURITY = 2, HAS_PSK = 4 };

struct known {
    struct network networks[SPH_WIFI_NETWORKS];
    size_t count;
};

static const struct network fresh = {.config_state = 1};

static unsigned read_known(const struct sph_setting_request *request, struct known *ret_known,
                           struct sph_response *response) {
    struct sph_json_value object, list, item;
    struct sph_json_iter iter;
    unsigned status = sph_setting_object(request, SPH_SETTING_WIFI, &object, response);
    ret_known->count = 0;
    if (status || !sph_json_get(&object, "networks", &list))
        return status;
    if (list.type != SPH_JSON_ARRAY)
        return sph_setting_refuse(request, SPH_SETTING_WIFI, response);
    sph_json_iter_init(&iter, &list);
    while (sph_json_next(&iter, NULL, &item)) {
        const struct sph_member *wrong;
        uint32_t present;
        struct network network = fresh;
        if (ret_known->count == SPH_WIFI_NETWORKS || item.type != SPH_JSON_OBJECT ||
            sph_members_read(&item, &network_members, &network, &present, &wrong) < 0 ||
            network.ssid[0] == '\0')
            return sph_setting_refuse(request, SPH_SETTING_WIFI, response);
        ret_known->networks[ret_known->count++] = network;
    }
    return 0;
}

static void write_known(const struct known *known, struct sph_buf *ret_value) {
    struct sph_json_out out;
    sph_json_begin(&out, ret_value);
    sph_json_object(&out);
    sph_json_key(&out, "networks");
    sph_json_array(&out);
    for (size_t i = 0; i < known->count; i++) {
        sph_json_object(&out);
        sph_members_write(&out, &network_members, &known->networks[i], false);
        sph_json_object_end(&out);
    }
    sph_json_array_end(&out);
    sph_json_object_end(&out);
}

/* ---- connecting ---- */

static const struct access_point *find_access_point(const struct network *network) {
    for (size_t i = 0; i < SPH_ARRAY_SIZE(air); i++) {
        if (strcmp(air[i].ssid, network->ssid) == 0 && (!air[i].hides || network->targeted_scan))
            return &air[i];
    }
    return NULL;
}

/* Enterprise networks want both certificates in the device's store, and a name. */
static unsigned check_credentials(const struct sph_setting_request *request,
                                  struct network *network, struct sph_response *response) {
    bool has_client = false, has_root = false;
    unsigned status =
        sph_certificates_has(request, network->client_certificate, true, &has_client, response);
    if (!status)
        status = sph_certificates_has(request, network->root_ca, false, &has_root, response);
    if (!status && (!has_client || !has_root || !network->identity[0]))
        network->failure = NO_CREDENTIALS;
    return status;
}

static unsigned try_network(const struct sph_setting_request *request, struct network *network,
                            struct sph_response *response) {
    const struct access_point *access_point = find_access_point(network);
    unsigned status = 0;
    network->failure = NO_FAILURE;
    if (!access_point)
        network->failure = NOT_IN_REACH;
    else if (access_point->security != (enum security)network->security)
        network->failure = OTHER_SECURITY;
    else if (access_point->security == PSK && strcmp(access_point->psk, network->psk) != 0)
        network->failure = WRONG_PASSPHRASE;
    else if (access_point->security == EAP_TLS)
        status = check_credentials(request, network, response);
    network->access_point = network->failure ? NULL : access_point;
    return status;
}

/* The known networks with what has become of each. */
static unsigned read_live(const struct sph_setting_request *request, struct known *ret_known,
                          const struct network **ret_connected, struct sph_response *response) {
    struct sph_interfaces interfaces;
    unsigned status = sph_interfaces_read(request, &interfaces, response);
    if (!status)
        status = read_known(request, ret_known, response);
    *ret_connected = NULL;
    for (size_t i = 0; !status && interfaces.is_wifi_up && i < ret_known->count; i++) {
        struct network *network = &ret_known->networks[i];
        if (!network->config_state)
            continue;
        status = try_network(request, network, response);
        if (status || network->failure || *ret_connected)
            continue;
        network->connection_state = 1;
        *ret_connected = network;
    }
    return status;
}

unsigned sph_wifi_is_connected(const struct sph_setting_request *request, bool *ret_connected,
                               struct sph_response *response) {
    struct known known;
    const struct network *connected;
    unsigned status = read_live(request, &known, &connected, response);
    if (!status)
        *ret_connected = connected != NULL;
    return status;
}

/* ---- showing ---- */

static void json_network(struct sph_json_out *out, const struct network *network) {
    sph_json_object(out);
    sph_members_write(out, &network_members, network, true);
    sph_json_object_end(out);
}

static void json_failure(struct sph_json_out *out, const struct network *network) {
    static const char *const reasons[] = {
        [NO_FAILURE] = "",
        [NOT_IN_REACH] = "no network of that name is in reach",
        [OTHER_SECURITY] = "the network of that name has another kind of security",
        [WRONG_PASSPHRASE] = "the passphrase is not that of the network",
        [NO_CREDENTIALS] = "its identity, client or root certificate is not there",
    };
    sph_json_object(out);
    sph_members_write(out, &network_members, network, true);
    sph_json_key_u64(out, "error", network->failure);
    sph_json_key_string(out, "reason", reasons[network->failure]);
    sph_json_object_end(out);
}

typedef void json_fn(struct sph_json_out *out, const struct network *network);

static unsigned list(const struct sph_setting_request *request, bool only_failed,
                     struct sph_response *response) {
    struct known known;
    const struct network *connected;
    struct sph_json_out out;
    unsigned status = read_live(request, &known, &connected, response);
    if (status)
        return status;
    sph_json_begin(&out, &response->body);
    sph_json_object(&out);
    sph_json_key(&out, "values");
    sph_json_array(&out);
    for (size_t i = 0; i < known.count; i++) {
        if (!only_failed)
            json_network(&out, &known.networks[i]);
        else if (known.networks[i].failure)
            json_failure(&out, &known.networks[i]);
    }
    sph_json_array_end(&out);
    sph_json_object_end(&out);
    return 0;
}

static unsigned find(const struct sph_setting_request *request, const struct known *known,
                     size_t *ret_place, struct sph_response *response) {
    for (size_t i = 0; i < known->count; i++) {
        if (known->networks[i].id == request->call->number) {
            *ret_place = i;
            return 0;
        }
    }
    return sph_response_refuse(response, request->call->is_own, 404, SPH_DEVERR_INVALID_REQUEST_URI,
                               "the device knows no Wi-Fi network with id %llu",
                               (unsigned long long)request->call->number);
}

static unsigned show(const struct sph_setting_request *request, json_fn *json,
                     struct sph_response *response) {
    struct known known;
    const struct network *connected;
    struct sph_json_out out;
    size_t place;
    unsigned status = read_live(request, &known, &connected, response);
    if (!status)
        status = find(request, &known, &place, response);
    if (status)
        return status;
    sph_json_begin(&out, &response->body);
    json(&out, &known.networks[place]);
    return 0;
}

unsigned sph_wifi_networks(const struct sph_setting_request *request, struct sph_buf *ret_value,
                           struct sph_response *response) {
    (void)ret_value;
    return list(request, false, response);
}

unsigned sph_wifi_network(const struct sph_setting_request *request, struct sph_buf *ret_value,
                          struct sph_response *response) {
    (void)ret_value;
    return show(request, json_network, response);
}

unsigned sph_wifi_failures(const struct sph_setting_request *request, struct sph_buf *ret_value,
                           struct sph_response *response) {
    (void)ret_value;
    return list(request, true, response);
}

unsigned sph_wifi_failure(const struct sph_setting_request *request, struct sph_buf *ret_value,
                          struct sph_response *response) {
    (void)ret_value;
    return show(request, json_failure, response);
}

static void json_connection(struct sph_json_out *out, const struct network *network) {
    sph_json_key_u64(out, "id", network->id);
    sph_json_key_string(out, "ssid", network->ssid);
    sph_json_key_string(out, "bssid", network->access_point->bssid);
    sph_json_key_u64(out, "frequency", network->access_point->frequency);
    sph_json_key_string(out, "securityState", security_words[network->security]);
    sph_json_key_string(out, "mode", "station");
    sph_json_key_string(out, "keyManagement", network->access_point->key_management);
    sph_json_key_string(out, "ipAddress", SPH_WIFI_ADDRESS);
}

unsigned sph_wifi_interface(const struct sph_setting_request *request, struct sph_buf *ret_value,
                            struct sph_response *response) {
    (void)ret_value;
    struct known known;
    struct sph_interfaces interfaces;
    const struct network *connected;
    struct sph_json_out out;
    unsigned status = sph_interfaces_read(request, &interfaces, response);
    if (!status)
        status = read_live(request, &known, &connected, response);
    if (status)
        return status;
    const char *idle = interfaces.is_wifi_up ? "DISCONNECTED" : "INTERFACE_DISABLED";
    sph_json_begin(&out, &response->body);
    sph_json_object(&out);
    sph_json_key_string(&out, "interfaceState", config_words[interfaces.is_wifi_up]);
    sph_json_key_string(&out, "connectionState", connection_words[connected != NULL]);
    sph_json_key_string(&out, "wpaState", connected ? "COMPLETED" : idle);
    sph_json_key_string(&out, "macAddress", SPH_WIFI_HARDWARE);
    if (connected)
        json_connection(&out, connected);
    sph_json_object_end(&out);
    return 0;
}

/* Nothing is heard while the interface is down. */
unsigned sph_wifi_scan(const struct sph_setting_request *request, struct sph_buf *ret_value,
                       struct sph_response *response) {
    (void)ret_value;
    struct sph_interfaces interfaces;
    struct sph_json_out out;
    unsigned status = sph_interfaces_read(request, &interfaces, response);
    if (status)
        return status;
    sph_json_begin(&out, &response->body);
    sph_json_object(&out);
    sph_json_key(&out, "values");
    sph_json_array(&out);
    for (size_t i = 0; interfaces.is_wifi_up && i < SPH_ARRAY_SIZE(air); i++) {
        if (air[i].hides)
            continue;
        sph_json_object(&out);
        sph_json_key_string(&out, "ssid", air[i].ssid);
        sph_json_key_string(&out, "securityState", security_words[air[i].security]);
        sph_json_key_string(&out, "bssid", air[i].bssid);
        sph_json_key(&out, "signal_level");
        sph_json_i64(&out, air[i].signal);
        sph_json_key_u64(&out, "freq", air[i].frequency);
        sph_json_object_end(&out);
    }
    sph_json_array_end(&out);
    sph_json_object_end(&out);
    return 0;
}

/* ---- changing ---- */

/* Names are for finding a network again, so no two have the same. */
static unsigned check_network(const struct sph_setting_request *request, const struct known *known,
                              const struct network *network, struct sph_response *response) {
    if (network->security == PSK && !network->psk[0])
        return sph_setting_refuse_member(request, "psk", "a passphrase of 8 to 64 bytes", response);
    if (network->security != PSK && network->psk[0])
        return sph_setting_refuse_member(request, "psk",
                                         "left out unless \"securityState\" is \"psk\"", response);
    for (size_t i = 0; network->config_name[0] && i < known->count; i++) {
        if (known->networks[i].id != network->id &&
            strcmp(known->networks[i].config_name, network->config_name) == 0)
            return sph_setting_refuse_member(request, "configName",
                                             "a name that no other network has", response);
    }
    return 0;
}

/* A number is not used twice, as long as a later one is known. */
static uint32_t next_id(const struct known *known) {
    uint32_t next = 0;
    for (size_t i = 0; i < known->count; i++) {
        if (known->networks[i].id >= next)
            next = known->networks[i].id + 1;
    }
    return next;
}

/* Answers with the network as it is now, connected or not. */
static unsigned keep(const struct sph_setting_request *request, struct known *known, size_t place,
                     struct sph_buf *ret_value, struct sph_response *response) {
    const struct network *connected;
    struct sph_json_out out;
    write_known(known, ret_value);
    if (ret_value->error)
        return 0; /* the caller's to refuse */
    struct sph_setting_request later = *request;
    later.values[SPH_SETTING_WIFI] = sph_slice(ret_value->data, ret_value->len);
    unsigned status = read_live(&later, known, &connected, response);
    if (status)
        return status;
    sph_json_begin(&out, &response->body);
    json_network(&out, &known->networks[place]);
    return 0;
}

unsigned sph_wifi_add(const struct sph_setting_request *request, struct sph_buf *ret_value,
                      struct sph_response *response) {
    struct known known;
    struct network network = fresh;
    const struct sph_setting_input input = {
        .members = &input_members, .required = HAS_SSID | HAS_SECURITY, .record = &network};
    uint32_t present;
    unsigned status = read_known(request, &known, response);
    if (!status)
        status = sph_setting_input(request, &input, &present, response);
    if (status)
        return status;
    network.id = next_id(&known);
    status = check_network(request, &known, &network, response);
    if (status)
        return status;
    if (known.count == SPH_WIFI_NETWORKS || network.id > INT32_MAX)
        return sph_response_refuse(response, request->call->is_own, 400,
                                   SPH_DEVERR_NOT_ENOUGH_FREE_SPACE,
                                   "the device knows %d networks, which is the most; forget one "
                                   "first",
                                   (int)known.count);
    known.networks[known.count++] = network;
    response->status = 201;
    return keep(request, &known, known.count - 1, ret_value, response);
}

unsigned sph_wifi_change(const struct sph_setting_request *request, struct sph_buf *ret_value,
                         struct sph_response *response) {
    struct known known;
    size_t place;
    uint32_t present;
    unsigned status = read_known(request, &known, response);
    if (!status)
        status = find(request, &known, &place, response);
    if (status)
        return status;
    struct network *network = &known.networks[place];
    const struct sph_setting_input input = {.members = &input_members, .record = network};
    status = sph_setting_input(request, &input, &present, response);
    if (!status && !present)
        status = sph_setting_refuse_member(request, "configState", "\"enabled\" or \"disabled\"",
                                           response);
    if (!status)
        status = check_network(request, &known, network, response);
    return status ? status : keep(request, &known, place, ret_value, response);
}

unsigned sph_wifi_forget(const struct sph_setting_request *request, struct sph_buf *ret_value,
                         struct sph_response *response) {
    struct known known;
    size_t place;
    unsigned status = read_known(request, &known, response);
    if (!status)
        status = find(request, &known, &place, response);
    if (status)
        return status;
    memmove(&known.networks[place], &known.networks[place + 1],
            (known.count - place - 1) * sizeof(known.networks[0]));
    known.count--;
    write_known(&known, ret_value);
    sph_buf_puts(&response->body, "{}");
    return 0;
}
