/* A file of its own with one number: there is no other setting of the command line yet, and a file
 * for all of them would need a format. */
#include "cli/deployment_timeout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/device/home.h"

#define FILE_NAME "deployment-timeout"

int sph_deployment_timeout_read(uint64_t *ret_seconds, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(64);
    sph_autoclose int home_fd = sph_home_open(false, err);
    int r = home_fd < 0 ? home_fd : sph_file_read(home_fd, FILE_NAME, &text, err);
    uint64_t seconds = SPH_DEPLOYMENT_TIMEOUT_S;
    if (r < 0 && r != -ENOENT && r != -EFBIG)
        return r;
    if (r == 0 && text.len > 0 && text.data[text.len - 1] == '\n')
        text.data[text.len - 1] = '\0';
    if (r == -EFBIG ||
        (r == 0 &&
         (!text.data || sph_text_to_u64(text.data, SPH_DEPLOYMENT_TIMEOUT_MAX_S, &seconds) < 0 ||
          seconds == 0)))
        return SPH_FAIL(err, -EBADMSG,
                        "the file " FILE_NAME
                        " of Spherule's folder holds no number of seconds; set "
                        "it with 'spherule device sideload set-deployment-timeout'");
    *ret_seconds = seconds;
    return 0;
}

int sph_deployment_timeout_write(uint64_t seconds, struct sph_err *err) {
    char text[32];
    sph_autoclose int home_fd = sph_home_open(true, err);
    if (home_fd < 0)
        return home_fd;
    int len = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)seconds);
    return sph_file_replace(home_fd, FILE_NAME, text, (size_t)len, 0644, err);
}
