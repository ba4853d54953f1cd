/* target: the device that a command works on, found by name and opened. */
#ifndef SPH_CLI_DEVICE_TARGET_H
#define SPH_CLI_DEVICE_TARGET_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/guid.h"
#include "base/json_in.h"
#include "cli/device/home.h"
#include "cli/device/rest_client.h"
#include "cli/frame/cli.h"

/* Owns all three. Closed by sph_target_done(), also when half made. */
struct sph_target {
    int home_fd;
    int device_fd;
    char name[SPH_DEVICE_NAME_MAX];
    struct sph_rest *rest;
};

#define SPH_TARGET_NULL                                                                            \
    { .home_fd = -1, .device_fd = -1, .rest = NULL }

/* The device given by --device or `name` (may be NULL; the name that wins when both are there). */
int sph_target_open(const struct sph_cli *cli, const char *name, struct sph_target *ret_target,
                    struct sph_err *err);
void sph_target_done(struct sph_target *target);

/* One request with the default limits; `body` is JSON text or NULL. Errors as of sph_rest_call().
 */
int sph_target_call(struct sph_target *target, const char *method, const char *path,
                    const char *body, struct sph_err *err);
/* The same with the answer's JSON, checked, an object for sure. `ret_text` (empty before, the
 * caller's to give back) is what *ret_top points into. -EPROTO with a sentence for an answer that
 * is no JSON object. */
int sph_target_ask(struct sph_target *target, const char *method, const char *path,
                   const char *body, struct sph_buf *ret_text, struct sph_json_value *ret_top,
                   struct sph_err *err);
/* The same of a request with limits of its own; it has no sink. */
int sph_target_request(struct sph_target *target, const struct sph_rest_request *request,
                       struct sph_buf *ret_text, struct sph_json_value *ret_top,
                       struct sph_err *err);

/* Members of a device's answer; 0, false and "" stand for one that is absent, of another type or
 * out of range. Never fail: a newer or older device must not break what can be shown. */
uint64_t sph_answer_u64(const struct sph_json_value *object, const char *key);
bool sph_answer_bool(const struct sph_json_value *object, const char *key);
/* False, and nothing to list, when it is absent or no array. */
bool sph_answer_array(const struct sph_json_value *object, const char *key,
                      struct sph_json_iter *ret_iter);
/* Printable text; returns ret_text. */
char *sph_answer_text(const struct sph_json_value *object, const char *key, char *ret_text,
                      size_t size);

/* Reads --component-id. 1 and the id in lower case, 0 when it was not given, -EINVAL. */
int sph_target_component(const struct sph_cli *cli, char ret_id[SPH_GUID_TEXT],
                         struct sph_err *err);

#define sph_autotarget SPH_CLEANUP(sph_target_done)

#endif
