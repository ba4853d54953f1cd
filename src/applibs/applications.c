/* The agent keeps the figures and gives bytes; the documented interface has KiB. The documented
 * functions are inline in the header and call the two z__ functions here, whose names and arguments
 * are what packages that were built with the original's SDK have in their import tables. */
#include <applibs/applications.h>

#include <errno.h>
#include <string.h>

#include "channel.h"

/* Both functions promise EAGAIN when there is no answer, and an untouched buffer in every failure.
 */
static int ask(const struct sph_app_request *request, struct sph_app_reply *ret_reply) {
    return sph_channel_result(sph_channel_ask(request, ret_reply), EAGAIN);
}

int z__Applications_GetMemoryInfo(uint32_t attribute, void *buffer, size_t capacity) {
    if (buffer == NULL) {
        errno = EFAULT;
        return -1;
    }
    if (attribute > SPH_APP_MEMORY_PEAK_USER || capacity != sizeof(size_t)) {
        errno = EINVAL;
        return -1;
    }
    const struct sph_app_request request = {
        .version = SPH_APP_CHANNEL_VERSION, .op = SPH_APP_MEMORY_INFO, .args = {attribute}};
    struct sph_app_reply reply;
    if (ask(&request, &reply) < 0)
        return -1;

    /* Rounded up, so that what is there never reads as the 0 that means failure. */
    size_t kib = (size_t)(reply.number / 1024 + (reply.number % 1024 != 0));
    memcpy(buffer, &kib, sizeof(kib));
    return 0;
}

/* The buffer is a struct of 16 bytes in the header; a later one may be larger. */
int z__Applications_GetOsVersion(void *outVersion, size_t capacity) {
    if (outVersion == NULL) {
        errno = EFAULT;
        return -1;
    }
    const struct sph_app_request request = {.version = SPH_APP_CHANNEL_VERSION,
                                            .op = SPH_APP_OS_VERSION};
    struct sph_app_reply reply;
    if (ask(&request, &reply) < 0)
        return -1;

    size_t length = strlen(reply.text) + 1;
    if (length > capacity) {
        errno = EINVAL;
        return -1;
    }
    /* No byte behind the string is left as it was: callers print or compare the whole array. */
    memset(outVersion, 0, capacity);
    memcpy(outVersion, reply.text, length);
    return 0;
}
