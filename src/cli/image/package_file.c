/* Missing and broken input files end with a status of their own: scripts must be able to tell
 * them from a device that says no. So the errno of an open() decides the sentence here, but not
 * the status: ENOENT of an input file is 4, while ENOENT of a device is 6. */
#include "cli/image/package_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json_in.h"
#include "cli/frame/cli.h"

/* A pipe is as good as a file; a folder or a device is a mistake. */
int sph_input_read(const char *what, const char *path, struct sph_buf *buf, struct sph_err *err) {
    struct stat st;
    sph_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open the %s '%s'", what, path);
    if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
        return SPH_FAIL(err, -EBADMSG, "the %s '%s' is not a file", what, path);
    if (sph_fd_read_to_end(fd, buf, NULL) < 0 || buf->error) {
        int code = buf->error ? buf->error : -EIO;
        if (code == -EFBIG)
            return SPH_FAIL(err, -EBADMSG, "the %s '%s' is larger than %zu bytes", what, path,
                            buf->limit);
        return SPH_FAIL_ERRNO(err, code, "cannot read the %s '%s'", what, path);
    }
    return 0;
}

int sph_input_fail_at(const char *text, size_t offset, struct sph_err *err) {
    unsigned line, column;
    sph_json_position(text, offset, &line, &column);
    sph_err_prefix(err, "line %u, column %u", line, column);
    if (err)
        err->code = -EBADMSG;
    return -EBADMSG;
}

/* What a person can mend by giving another file is input; what only the machine's owner can, is
 * not. */
int sph_say_input_failure(const struct sph_err *err) {
    bool is_io = err->code == -EIO || err->code == -ENOMEM || err->code == -EMFILE;
    return sph_say_failure_as(is_io ? SPH_EXIT_IO : SPH_EXIT_INPUT, err);
}

/* The notes (warnings, the device's number) are for other callers: here a package is good or it is
 * not. */
int sph_package_file_read(const char *path, struct sph_buf *buf, struct sph_package *ret_package,
                          struct sph_err *err) {
    struct sph_manifest_notes notes = {.device_error = 0};
    int r = sph_input_read("image package", path, buf, err);
    if (r < 0)
        return r;
    r = sph_package_parse(buf->data ? buf->data : "", buf->len, NULL, ret_package, &notes, err);
    if (r < 0)
        sph_err_prefix(err, "%s", path);
    return r;
}
