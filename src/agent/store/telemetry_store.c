/* The file is read, changed and replaced as a whole: a power cut leaves the one before or the one
 * after. At 15 KiB that is one write of what the kill report beside it takes up to four times. */
#include "agent/store/telemetry_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

#define FILE_NAME "telemetry"

/* A file that is too long is damaged like one that is cut. */
static int load(int state_fd, struct sph_buf *bytes, struct sph_telemetry *ret_telemetry,
                struct sph_err *err) {
    struct sph_err cause = SPH_ERR_NULL;
    int code = sph_file_read(state_fd, FILE_NAME, bytes, &cause);
    if (code == -ENOENT) {
        uint8_t *empty = sph_buf_extend(bytes, SPH_TELEMETRY_HEADER_BYTES);
        if (!empty)
            return SPH_FAIL(err, bytes->error, "out of memory for the telemetry");
        sph_telemetry_write_empty(0, empty);
        code = 0;
    }
    if (code == 0)
        code =
            sph_telemetry_parse(bytes->data ? bytes->data : "", bytes->len, ret_telemetry, &cause);
    if (code == -EFBIG || code == -EBADMSG)
        return SPH_FAIL(err, -EBADMSG,
                        "state/telemetry is damaged (%.120s): clear it to begin anew", cause.text);
    return code < 0 ? SPH_FAIL(err, code, "%s", cause.text) : 0;
}

/* Of a damaged one what a new one has. */
static int load_or_anew(int state_fd, uint8_t ret_bytes[SPH_TELEMETRY_BYTES_MAX], size_t *ret_len,
                        struct sph_err *err) {
    struct sph_telemetry telemetry;
    sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(SPH_TELEMETRY_BYTES_MAX);
    int code = load(state_fd, &bytes, &telemetry, err);
    if (code == -EBADMSG) {
        *ret_len = SPH_TELEMETRY_HEADER_BYTES;
        sph_telemetry_write_empty(0, ret_bytes);
        return SPH_TELEMETRY_STORE_E_ANEW;
    }
    if (code < 0)
        return code;
    *ret_len = bytes.len;
    memcpy(ret_bytes, bytes.data, bytes.len);
    return 0;
}

int sph_telemetry_store_add(int state_fd, const struct sph_telemetry_record *record,
                            struct sph_err *err) {
    sph_autofree uint8_t *bytes = malloc(SPH_TELEMETRY_BYTES_MAX);
    size_t len = 0;
    if (!bytes)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the telemetry");
    int code = load_or_anew(state_fd, bytes, &len, err);
    if (code < 0)
        return code;
    sph_telemetry_append(bytes, &len, record);
    int replaced = sph_file_replace(state_fd, FILE_NAME, bytes, len, 0600, err);
    return replaced < 0 ? replaced : code;
}

int sph_telemetry_store_read(int state_fd, struct sph_buf *bytes, struct sph_err *err) {
    struct sph_telemetry telemetry;
    return load(state_fd, bytes, &telemetry, err);
}

int sph_telemetry_store_clear(int state_fd, struct sph_err *err) {
    sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(SPH_TELEMETRY_BYTES_MAX);
    struct sph_telemetry telemetry = {.count = 0};
    uint8_t empty[SPH_TELEMETRY_HEADER_BYTES];
    struct sph_err cause = SPH_ERR_NULL;
    int code = load(state_fd, &bytes, &telemetry, &cause);
    if (code < 0 && code != -EBADMSG)
        return SPH_FAIL(err, code, "%s", cause.text);
    sph_telemetry_write_empty(code < 0 ? 0 : telemetry.last_number, empty);
    return sph_file_replace(state_fd, FILE_NAME, empty, sizeof(empty), 0600, err);
}
