/* Addresses that need no proxy are kept as the one text that apps get them as, with commas. */
#include "gateway/simulated/proxy.h"

#include <string.h>

#include "wire/device_error.h"

enum authentication { ANONYMOUS, BASIC };

enum { EXCEPTIONS_MAX = 255 /* bytes of all of them, commas and all: of the API for apps */ };

struct proxy {
    bool is_enabled;
    char address[256];
    uint32_t port;
    uint32_t authentication;
    char username[64], password[64];
    char exceptions[EXCEPTIONS_MAX + 1];
};

static const char *const authentications[] = {"anonymous", "basic", NULL};

static const struct sph_member rows[] = {
    {.key = "enabled",
     .type = SPH_MEMBER_FLAG,
     .offset = offsetof(struct proxy, is_enabled),
     .wanted = "true or false"},
    {.key = "address",
     .type = SPH_MEMBER_TEXT,
     .max = 255,
     .offset = offsetof(struct proxy, address),
     .wanted = "a host's name or address, of 1 to 255 bytes"},
    {.key = "port",
     .type = SPH_MEMBER_NUMBER,
     .max = 65535,
     .offset = offsetof(struct proxy, port),
     .wanted = "a number from 1 to 65535"},
    {.key = "authenticationType",
     .type = SPH_MEMBER_WORD,
     .words = authentications,
     .offset = offsetof(struct proxy, authentication),
     .wanted = "\"anonymous\" or \"basic\""},
    {.key = "username",
     .type = SPH_MEMBER_TEXT,
     .kind = SPH_MEMBER_SPARE,
     .max = 63,
     .offset = offsetof(struct proxy, username),
     .wanted = "a string of at most 63 bytes"},
    {.key = "password",
     .type = SPH_MEMBER_TEXT,
     .kind = SPH_MEMBER_SECRET,
     .max = 63,
     .offset = offsetof(struct proxy, password),
     .wanted = "a string of at most 63 bytes"},
};
static const struct sph_members members = {rows, SPH_ARRAY_SIZE(rows)};
enum { HAS_ENABLED = 1, HAS_ADDRESS = 2, HAS_PORT = 4 };

#define EXCEPTIONS "noProxyAddresses"

/* An array of strings, 255 bytes together. */
static bool read_exceptions(const struct sph_json_value *object, char *ret_text) {
    struct sph_json_value list, item;
    struct sph_json_iter iter;
    size_t used = 0;
    *ret_text = '\0';
    if (!sph_json_get(object, EXCEPTIONS, &list) || list.type == SPH_JSON_NULL)
        return true;
    if (list.type != SPH_JSON_ARRAY)
        return false;
    sph_json_iter_init(&iter, &list);
    while (sph_json_next(&iter, NULL, &item)) {
        char one[EXCEPTIONS_MAX + 1];
        if (sph_json_to_text(&item, one, sizeof(one)) < 0 || !one[0] || strpbrk(one, ", \t\r\n"))
            return false;
        size_t len = strlen(one);
        if (used + (used > 0) + len > EXCEPTIONS_MAX)
            return false;
        if (used > 0)
            ret_text[used++] = ',';
        memcpy(ret_text + used, one, len + 1);
        used += len;
    }
    return true;
}

static void json_exceptions(struct sph_json_out *out, const char *text) {
    sph_json_key(out, EXCEPTIONS);
    sph_json_array(out);
    while (*text) {
        size_t len = strcspn(text, ",");
        sph_json_string_n(out, text, len);
        text += len + (text[len] == ',');
    }
    sph_json_array_end(out);
}

static void json_proxy(struct sph_buf *buf, const struct proxy *proxy, bool is_shown) {
    struct sph_json_out out;
    sph_json_begin(&out, buf);
    sph_json_object(&out);
    sph_members_write(&out, &members, proxy, is_shown);
    json_exceptions(&out, proxy->exceptions);
    sph_json_object_end(&out);
}

/* Without one: disabled, and nothing else. */
static unsigned read_proxy(const struct sph_setting_request *request, struct proxy *ret_proxy,
                           struct sph_response *response) {
    struct sph_json_value object;
    const struct sph_member *wrong;
    uint32_t present;
    *ret_proxy = (struct proxy){.is_enabled = false};
    unsigned status = sph_setting_object(request, SPH_SETTING_PROXY, &object, response);
    if (status)
        return status;
    if (sph_members_read(&object, &members, ret_proxy, &present, &wrong) < 0 ||
        !read_exceptions(&object, ret_proxy->exceptions))
        return sph_setting_refuse(request, SPH_SETTING_PROXY, response);
    return 0;
}

unsigned sph_proxy_is_enabled(const struct sph_setting_request *request, bool *ret_enabled,
                              struct sph_response *response) {
    struct proxy proxy;
    unsigned status = read_proxy(request, &proxy, response);
    if (!status)
        *ret_enabled = proxy.is_enabled;
    return status;
}

unsigned sph_proxy_get(const struct sph_setting_request *request, struct sph_buf *ret_value,
                       struct sph_response *response) {
    (void)ret_value;
    struct proxy proxy;
    unsigned status = read_proxy(request, &proxy, response);
    if (!status)
        json_proxy(&response->body, &proxy, true);
    return status;
}

/* The new one takes the place of the old one as a whole: nothing of it is left over. */
static unsigned check_proxy(const struct sph_setting_request *request, const struct proxy *proxy,
                            struct sph_response *response) {
    if (!proxy->address[0] || strpbrk(proxy->address, " /@"))
        return sph_setting_refuse_member(request, "address", rows[1].wanted, response);
    if (proxy->port == 0)
        return sph_setting_refuse_member(request, "port", rows[2].wanted, response);
    if (proxy->authentication == BASIC && !proxy->username[0])
        return sph_setting_refuse_member(request, "username",
                                         "the name for authentication \"basic\"", response);
    if (proxy->authentication == BASIC && !proxy->password[0])
        return sph_setting_refuse_member(request, "password",
                                         "the password for authentication \"basic\"", response);
    return 0;
}

unsigned sph_proxy_set(const struct sph_setting_request *request, struct sph_buf *ret_value,
                       struct sph_response *response) {
    struct proxy proxy = {.is_enabled = false};
    struct sph_json_value object;
    const struct sph_setting_input input = {
        .members = &members, .required = HAS_ENABLED | HAS_ADDRESS | HAS_PORT, .record = &proxy};
    uint32_t present;
    unsigned status = sph_setting_body(request, &object, response);
    if (!status)
        status = sph_setting_input(request, &input, &present, response);
    if (!status && !read_exceptions(&object, proxy.exceptions))
        status = sph_setting_refuse_member(request, EXCEPTIONS,
                                           "an array of addresses, 255 bytes together", response);
    if (!status)
        status = check_proxy(request, &proxy, response);
    if (status)
        return status;
    json_proxy(ret_value, &proxy, false);
    json_proxy(&response->body, &proxy, true);
    return 0;
}

unsigned sph_proxy_delete(const struct sph_setting_request *request, struct sph_buf *ret_value,
                          struct sph_response *response) {
    (void)request;
    sph_buf_puts(ret_value, "{}");
    sph_buf_puts(&response->body, "{}");
    return 0;
}
