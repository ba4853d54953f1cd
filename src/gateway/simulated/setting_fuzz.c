/* The first line is a method and a path, the next ones are kept values in the order of enum
 * sph_setting, the rest is the body. Whatever is answered is JSON; whatever is put can be read
 * again, and a value that could not be read is never replaced. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_in.h"
#include "gateway/simulated/setting.h"
#include "wire/device_error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 128 * 1024 };

/* The bytes up to the next line end, which are taken off with it. */
static struct sph_slice take_line(const uint8_t **data, size_t *size) {
    const uint8_t *end = *size ? memchr(*data, '\n', *size) : NULL;
    size_t len = end ? (size_t)(end - *data) : *size;
    struct sph_slice line = sph_slice(*data, len);
    *data += end ? len + 1 : len;
    *size -= end ? len + 1 : len;
    return line;
}

static void check(const struct sph_response *response, unsigned status) {
    struct sph_json_value top;
    if (response->status < 200 || response->status > 599 || (status && status != response->status))
        abort();
    if (sph_json_check(response->body.data, response->body.len, &top, NULL) < 0)
        abort();
}

/* Every call that looks at the new value, as a client's next one would, on a device that has
 * nothing else. */
static void read_again(const struct sph_setting_request *request) {
    for (size_t i = 0; i < sph_route_count; i++) {
        const struct sph_route *route = &sph_routes[i];
        enum sph_setting written = request->call->route->writes;
        if (route->action != SPH_ROUTE_SETTING || strcmp(route->method, "GET") != 0 ||
            !(route->reads & SPH_SETTING_BIT(written)))
            continue;
        struct sph_call call = {.route = route, .name = "a"};
        struct sph_setting_request again = {.call = &call};
        struct sph_response response = SPH_RESPONSE_NULL;
        sph_autobuf struct sph_buf value = SPH_BUF_LIMIT(SPH_SETTING_VALUE_MAX);
        again.values[written] = request->values[written];
        unsigned status = sph_setting_run(&again, &value, &response);
        check(&response, status);
        if (status == 500 || (value.len > 0 && route->writes == written))
            abort();
        sph_response_done(&response);
    }
}

static void run(struct sph_setting_request *request) {
    struct sph_response response = SPH_RESPONSE_NULL;
    sph_autobuf struct sph_buf value = SPH_BUF_LIMIT(SPH_SETTING_VALUE_MAX);
    unsigned status = sph_setting_run(request, &value, &response);
    check(&response, status);
    sph_response_done(&response);
    if (status || value.len == 0)
        return;
    request->values[request->call->route->writes] = sph_slice(value.data, value.len);
    read_again(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char line[256] = "";
    if (size > INPUT_MAX)
        return 0;
    struct sph_slice first = take_line(&data, &size);
    (void)sph_slice_copy(first, line, sizeof(line));
    char *path = strchr(line, ' ');
    if (!path)
        return 0;
    *path++ = '\0';
    struct sph_route_request route_request = {.method = line, .path = path, .has_body = true};
    struct sph_response response = SPH_RESPONSE_NULL;
    struct sph_call call = {0};
    struct sph_setting_request request = {.call = &call};
    unsigned status = sph_route_resolve(&route_request, &call, &response);
    sph_response_done(&response);
    if (status || call.route->action != SPH_ROUTE_SETTING)
        return 0;
    for (size_t i = 0; i < SPH_SETTINGS; i++) {
        struct sph_slice value = take_line(&data, &size);
        if (call.route->reads & SPH_SETTING_BIT(i))
            request.values[i] = value;
    }
    request.body = size ? (const char *)data : NULL;
    request.len = size;
    run(&request);
    return 0;
}
