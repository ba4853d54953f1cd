/* What nearly every device command begins with: which device, its folder, its gateway. The
 * connection is not tried here; the first request does, and has the better sentence for what is
 * missing. */
#include "cli/device/target.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

/* Each step has its own sentence: no home, no such device, no memory. */
int sph_target_open(const struct sph_cli *cli, const char *name, struct sph_target *ret_target,
                    struct sph_err *err) {
    struct sph_target target = SPH_TARGET_NULL;
    target.home_fd = sph_home_open(false, err);
    if (target.home_fd < 0)
        return target.home_fd;
    int r = sph_home_pick_device(target.home_fd, name ? name : sph_args_value(&cli->args, "device"),
                                 target.name, err);
    if (r == 0) {
        target.device_fd = sph_home_open_device(target.home_fd, target.name, err);
        r = target.device_fd < 0 ? target.device_fd
                                 : sph_rest_open(target.device_fd, target.name, &target.rest, err);
    }
    if (r < 0)
        sph_target_done(&target);
    else
        *ret_target = target;
    return r;
}

/* Leaves an empty target behind, so that it may be called again by the scope's end. */
void sph_target_done(struct sph_target *target) {
    target->rest = sph_rest_close(target->rest);
    sph_closep_(&target->device_fd);
    sph_closep_(&target->home_fd);
    target->device_fd = target->home_fd = -1;
}

/* All of these requests are small; what is large or has no end makes its own (sideload, log,
 * events). */
static struct sph_rest_request small_request(const char *method, const char *path,
                                             const char *body) {
    return (struct sph_rest_request){
        .method = method, .path = path, .body = body, .body_len = body ? strlen(body) : 0};
}

int sph_target_call(struct sph_target *target, const char *method, const char *path,
                    const char *body, struct sph_err *err) {
    const struct sph_rest_request request = small_request(method, path, body);
    return sph_rest_call(target->rest, &request, NULL, err);
}

int sph_target_request(struct sph_target *target, const struct sph_rest_request *request,
                       struct sph_buf *ret_text, struct sph_json_value *ret_top,
                       struct sph_err *err) {
    struct sph_err json = SPH_ERR_NULL;
    int r = sph_rest_call(target->rest, request, ret_text, err);
    if (r < 0)
        return r;
    if (sph_json_check(ret_text->data ? ret_text->data : "", ret_text->len, ret_top, &json) < 0)
        return SPH_FAIL(err, -EPROTO, "device '%s' gave an answer that is not JSON: %s",
                        target->name, json.text);
    if (ret_top->type != SPH_JSON_OBJECT)
        return SPH_FAIL(err, -EPROTO, "device '%s' gave an answer that is no JSON object",
                        target->name);
    return 0;
}

int sph_target_ask(struct sph_target *target, const char *method, const char *path,
                   const char *body, struct sph_buf *ret_text, struct sph_json_value *ret_top,
                   struct sph_err *err) {
    const struct sph_rest_request request = small_request(method, path, body);
    return sph_target_request(target, &request, ret_text, ret_top, err);
}

/* A failed conversion leaves what stands for nothing; casts to (void) below are that decision. */
uint64_t sph_answer_u64(const struct sph_json_value *object, const char *key) {
    struct sph_json_value value;
    uint64_t number = 0;
    if (sph_json_get(object, key, &value))
        (void)sph_json_to_u64(&value, UINT64_MAX, &number);
    return number;
}

bool sph_answer_bool(const struct sph_json_value *object, const char *key) {
    struct sph_json_value value;
    bool flag = false;
    if (sph_json_get(object, key, &value))
        (void)sph_json_to_bool(&value, &flag);
    return flag;
}

bool sph_answer_array(const struct sph_json_value *object, const char *key,
                      struct sph_json_iter *ret_iter) {
    struct sph_json_value array;
    if (!sph_json_get(object, key, &array) || array.type != SPH_JSON_ARRAY)
        return false;
    sph_json_iter_init(ret_iter, &array);
    return true;
}

char *sph_answer_text(const struct sph_json_value *object, const char *key, char *ret_text,
                      size_t size) {
    struct sph_json_value value;
    sph_autobuf struct sph_buf raw = SPH_BUF_NULL;
    ret_text[0] = '\0';
    if (sph_json_get(object, key, &value) && sph_json_to_buf(&value, &raw) == 0 && raw.data)
        sph_text_printable(raw.data, raw.len, ret_text, size);
    return ret_text;
}

/* The braces and capitals that Windows tools write are taken; what goes to the device is one form.
 */
int sph_target_component(const struct sph_cli *cli, char ret_id[SPH_GUID_TEXT],
                         struct sph_err *err) {
    const char *text = sph_args_value(&cli->args, "component-id");
    struct sph_guid guid;
    if (!text)
        return 0;
    if (sph_guid_parse(text, strlen(text), &guid) < 0)
        return SPH_FAIL(err, -EINVAL,
                        "'%s' is no component id: it looks like "
                        "2f074b0f-d99d-4692-82d9-ef93a7d6463c",
                        text);
    sph_guid_format(&guid, ret_id);
    return 1;
}
