/* The half of json_in_oracle_test.py in C: reads records "<4-byte little-endian length><text>" and
 * answers each with a record of the text written again, or with length 0xffffffff when it is
 * refused. */
#include <endian.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_copy_test.h"

enum { TEXT_MAX = 1 << 20 /* bytes; the longest row has 200 KB */ };

static int answer(const char *text, size_t len) {
    sph_autobuf struct sph_buf copy = SPH_BUF_LIMIT(8 * (size_t)TEXT_MAX);
    struct sph_json_value top;
    struct sph_json_out out;
    uint32_t size = htole32(UINT32_MAX);
    if (sph_json_check(text, len, &top, NULL) == 0) {
        sph_json_begin(&out, &copy);
        json_copy(text, len, &top, &out);
        size = htole32((uint32_t)copy.len);
    }
    if (copy.error || sph_fd_write_full(STDOUT_FILENO, &size, sizeof(size)) < 0)
        return -1;
    return sph_fd_write_full(STDOUT_FILENO, copy.data, copy.len);
}

int main(void) {
    static char text[TEXT_MAX];
    uint32_t size;
    while (sph_fd_read_full(STDIN_FILENO, &size, sizeof(size)) == sizeof(size)) {
        size_t len = le32toh(size);
        if (len > TEXT_MAX || sph_fd_read_full(STDIN_FILENO, text, len) != (ssize_t)len)
            return EXIT_FAILURE;
        if (answer(text, len) < 0)
            return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
