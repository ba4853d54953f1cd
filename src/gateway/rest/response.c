/* Errors look as on the device where its clients look: {"error":N} and nothing else. The sentence
 * goes into a header there, so that a person gets it without a client of the original having to
 * know.
 *
 * Statuses are for clients that look at nothing else. A number of its own comes first, then its
 * category: "4xx" is what another request or another state of the device could mend, 500 the rest.
 */
#include "gateway/rest/response.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/json_out.h"
#include "wire/device_error.h"

void sph_response_done(struct sph_response *response) {
    if (response)
        sph_buf_done(&response->body);
}

/* Of the agent's calls; what is not listed (EIO, ENOMEM, …) is the device's own trouble. */
static unsigned status_of_errno(uint32_t number) {
    switch (number) {
    case EPERM:
    case EACCES:
        return 403;
    case ENOENT:
    case ENODEV:
    case ESRCH:
        return 404;
    case EBUSY:
    case EEXIST:
        return 409;
    case EINVAL:
    case ERANGE:
    case ENOSPC:
    case EFBIG:
    case ENOTSUP:
    case EBADMSG:
        return 400;
    default:
        return 500;
    }
}

unsigned sph_refusal_status(uint32_t device_error) {
    switch (device_error) {
    case SPH_DEVERR_IMAGE_PERMISSION_DENIED:
    case SPH_DEVERR_COMMAND_AUTHORIZATION_FAILED:
    case SPH_DEVERR_DEVICE_NOT_DEV_UNLOCKED:
        return 403;
    case SPH_DEVERR_APP_NOT_PRESENT:
    case SPH_DEVERR_NO_APP_WITH_MATCHING_ID:
    case SPH_DEVERR_NO_IMAGE_WITH_MATCHING_COMPONENT:
        return 404;
    case SPH_DEVERR_APP_BUSY:
    case SPH_DEVERR_CANNOT_START_DEBUG:
    case SPH_DEVERR_INTERFACE_BUSY:
    case SPH_DEVERR_OTA_UPDATE_IN_PROGRESS:
    case SPH_DEVERR_REQUESTED_GPIO_IN_USE:
    case SPH_DEVERR_GPIO_BLOCK_CONFLICT:
        return 409;
    case SPH_DEVERR_REQUEST_TOO_LARGE:
        return 413;
    default:
        break;
    }
    switch (device_error >> 20) {
    case SPH_CATEGORY_LINUX:
        return status_of_errno(device_error);
    case SPH_CATEGORY_APP_MANAGER:
    case SPH_CATEGORY_LIFETIME_MANAGER:
        return 409;
    case SPH_CATEGORY_APP_MANIFEST:
    case SPH_CATEGORY_MOUNTER:
    case SPH_CATEGORY_IMAGE_UPDATE:
    case SPH_CATEGORY_REST:
    case SPH_CATEGORY_REST_APP:
    case SPH_CATEGORY_REST_UPDATE:
    case SPH_CATEGORY_NET_CONFIG:
    case SPH_CATEGORY_CERT_STORAGE:
    case SPH_CATEGORY_IMAGE_METADATA:
        return 400;
    default:
        return 500;
    }
}

/* A header must not carry line ends (they would begin headers of the device's choice), and HTTP
 * says ASCII. Each other byte is one '?', so a letter of two bytes is two. */
static void copy_for_header(char ret_text[SPH_SENTENCE], const char *text, size_t len) {
    size_t used = 0;
    for (size_t i = 0; i < len && used + 1 < SPH_SENTENCE; i++) {
        unsigned char byte = (unsigned char)text[i];
        ret_text[used++] = byte >= ' ' && byte <= '~' ? (char)byte : '?';
    }
    ret_text[used] = '\0';
}

unsigned sph_response_refuse_text(struct sph_response *response, bool is_own, unsigned status,
                                  uint32_t device_error, struct sph_slice sentence) {
    sph_buf_done(
        &response->body); /* also its error: the refusal has room where the answer had none */
    response->status = status;
    response->content_type = "application/json";
    copy_for_header(response->sentence, sentence.data, sentence.len);
    struct sph_json_out out;
    sph_json_begin(&out, &response->body);
    sph_json_object(&out);
    sph_json_key_u64(&out, "error", device_error);
    if (is_own) {
        sph_json_key_string(&out, "name", sph_device_error_name(device_error));
        sph_json_key(&out, "message");
        sph_json_string_n(&out, sentence.len ? sentence.data : "", sentence.len);
    }
    sph_json_object_end(&out);
    return status;
}

/* One sentence for both places, cut alike if it is long. */
unsigned sph_response_refuse(struct sph_response *response, bool is_own, unsigned status,
                             uint32_t device_error, const char *fmt, ...) {
    char text[SPH_SENTENCE];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return sph_response_refuse_text(response, is_own, status, device_error, sph_slice_text(text));
}
