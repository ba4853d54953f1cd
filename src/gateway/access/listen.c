/* One form for both, so that one parser has to stand everything. */
#include "gateway/access/listen.h"

#include <errno.h>
#include <string.h>

#include "base/json_in.h"
#include "base/json_out.h"

static int get_flag(const struct sph_json_value *object, const char *key, bool *ret_flag,
                    struct sph_err *err) {
    struct sph_json_value value;
    if (sph_json_get(object, key, &value) && sph_json_to_bool(&value, ret_flag) < 0)
        return SPH_FAIL(err, -EINVAL, "the member \"%s\" must be true or false", key);
    return 0;
}

static int get_address(const struct sph_json_value *object, struct sph_address *ret_address,
                       struct sph_err *err) {
    struct sph_json_value value;
    char text[SPH_ADDRESS_TEXT];
    if (!sph_json_get(object, "address", &value) ||
        sph_json_to_text(&value, text, sizeof(text)) < 0)
        return SPH_FAIL(err, -EINVAL,
                        "the member \"address\" must be a string such as \"127.0.0.1:8443\"");
    return sph_address_parse(text, ret_address, err);
}

static int get_token(const struct sph_json_value *object, char ret_token[SPH_TOKEN_TEXT],
                     struct sph_err *err) {
    struct sph_json_value value;
    char text[SPH_TOKEN_TEXT];
    if (!sph_json_get(object, "token", &value))
        return 0;
    if (sph_json_to_text(&value, text, sizeof(text)) < 0 || !sph_token_is_valid(text))
        return SPH_FAIL(err, -EINVAL, "the member \"token\" must be %d hexadecimal digits",
                        SPH_TOKEN_TEXT - 1);
    memcpy(ret_token, text, sizeof(text));
    return 0;
}

int sph_listen_parse(const char *text, size_t len, struct sph_listen *ret_listen,
                     struct sph_err *err) {
    struct sph_listen listen = {.access = {.is_trusted = false}};
    struct sph_json_value top;
    int rc = sph_json_check(text, len, &top, err);
    if (rc < 0)
        return rc;
    if (top.type != SPH_JSON_OBJECT)
        return SPH_FAIL(err, -EINVAL, "a JSON object was expected");
    rc = get_address(&top, &listen.address, err);
    if (rc == 0)
        rc = get_flag(&top, "trusted", &listen.access.is_trusted, err);
    if (rc == 0)
        rc = get_flag(&top, "newToken", &listen.wants_new_token, err);
    if (rc == 0)
        rc = get_token(&top, listen.access.token, err);
    if (rc == 0)
        *ret_listen = listen;
    return rc;
}

void sph_listen_format(const struct sph_listen *listen, struct sph_buf *text) {
    char address[SPH_ADDRESS_TEXT];
    struct sph_json_out out;
    sph_json_begin(&out, text);
    sph_json_object(&out);
    sph_json_key_string(&out, "address", sph_address_format(&listen->address, address));
    sph_json_key_bool(&out, "trusted", listen->access.is_trusted);
    if (listen->access.token[0])
        sph_json_key_string(&out, "token", listen->access.token);
    sph_json_object_end(&out);
    sph_buf_append(text, "\n", 1);
}
