/* A line of numbers, replaced as a whole; a device that was never told follows device.json, which
 * the user may still change then. */
#include "agent/install/capabilities.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

enum { FILE_MAX = 64 }; /* bytes; the longest line has 9 */

/* By place in this list: a set of bits then has no order and nothing twice. */
static const uint32_t known[] = {SPH_DEVCAP_APP_DEVELOPMENT, SPH_DEVCAP_RF_TEST_MODE,
                                 SPH_DEVCAP_FIELD_SERVICING};
_Static_assert(SPH_ARRAY_SIZE(known) <= SPH_DEVCAPS_MAX, "all of them fit an answer");

struct sph_capabilities {
    int fd; /* state/, our own descriptor */
    unsigned set;
};

/* 0 for a number that is none. */
static unsigned bit_of(uint64_t id) {
    for (size_t i = 0; i < SPH_ARRAY_SIZE(known); i++)
        if (known[i] == id)
            return 1u << i;
    return 0;
}

/* "11 13\n", or "\n" for none. */
static int parse(char *text, unsigned *ret_set) {
    char *end = strchr(text, '\n'), *rest = text;
    unsigned set = 0;
    if (!end || end[1] != '\0')
        return -EBADMSG;
    *end = '\0';
    if (*text == '\0')
        rest = NULL;
    while (rest) {
        uint64_t id;
        if (sph_text_to_u64(strsep(&rest, " "), UINT32_MAX, &id) < 0 || bit_of(id) == 0)
            return -EBADMSG;
        set |= bit_of(id);
    }
    *ret_set = set;
    return 0;
}

static int load(struct sph_capabilities *capabilities, int state_fd, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(FILE_MAX);
    capabilities->fd = sph_dir_open(state_fd, ".", err);
    if (capabilities->fd < 0)
        return capabilities->fd;
    int code = sph_file_read(state_fd, "capabilities", &text, err);
    if (code < 0)
        return code == -ENOENT ? 0 : code;
    if (text.len == 0 || strlen(text.data) != text.len || parse(text.data, &capabilities->set) < 0)
        return SPH_FAIL(err, -EBADMSG,
                        "state/capabilities is damaged: remove it, and the device begins with what "
                        "device.json says");
    return 0;
}

int sph_capabilities_new(int state_fd, bool first, struct sph_capabilities **ret_capabilities,
                         struct sph_err *err) {
    SPH_CLEANUP(sph_capabilities_freep)
    struct sph_capabilities *capabilities = calloc(1, sizeof(*capabilities));
    if (!capabilities)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the capabilities");
    capabilities->fd = -1;
    capabilities->set = first ? bit_of(SPH_DEVCAP_APP_DEVELOPMENT) : 0;
    int code = load(capabilities, state_fd, err);
    if (code == 0)
        *ret_capabilities = SPH_STEAL_PTR(capabilities);
    return code;
}

struct sph_capabilities *sph_capabilities_free(struct sph_capabilities *capabilities) {
    if (capabilities) {
        if (capabilities->fd >= 0)
            (void)close(capabilities->fd);
        free(capabilities);
    }
    return NULL;
}

size_t sph_capabilities_get(const struct sph_capabilities *capabilities,
                            uint32_t ret_ids[SPH_DEVCAPS_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(known); i++)
        if (capabilities->set & 1u << i)
            ret_ids[count++] = known[i];
    return count;
}

bool sph_capabilities_has(const struct sph_capabilities *capabilities, uint32_t id) {
    return capabilities->set & bit_of(id);
}

/* On disk first: a device that was locked stays so after a power cut. */
static int save(struct sph_capabilities *capabilities, unsigned set, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(FILE_MAX);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(known); i++)
        if (set & 1u << i)
            sph_buf_printf(&text, "%s%" PRIu32, text.len ? " " : "", known[i]);
    sph_buf_puts(&text, "\n");
    if (text.error)
        return SPH_FAIL(err, text.error, "out of memory for the capabilities");
    int code = sph_file_replace(capabilities->fd, "capabilities", text.data, text.len, 0600, err);
    if (code == 0)
        capabilities->set = set;
    return code;
}

int sph_capabilities_set(struct sph_capabilities *capabilities, const uint32_t *ids, size_t count,
                         struct sph_err *err) {
    unsigned set = 0;
    for (size_t i = 0; i < count; i++) {
        if (bit_of(ids[i]) == 0)
            return SPH_FAIL(err, -EINVAL,
                            "there is no device capability %" PRIu32
                            ": 11 is app development, 12 RF test mode, 13 field servicing",
                            ids[i]);
        set |= bit_of(ids[i]);
    }
    return save(capabilities, set, err);
}
