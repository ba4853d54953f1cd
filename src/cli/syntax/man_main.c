/* spherule-man DIR: writes every manual page into a folder that is there; what the build runs. */
#include <fcntl.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cli/syntax/man.h"

static int write_page(int fd, const char *name, const struct sph_buf *text, struct sph_err *err) {
    char file[SPH_MAN_NAME_SIZE + 4];
    (void)snprintf(file, sizeof(file), "%s.1", name);
    if (text->error)
        return SPH_FAIL_ERRNO(err, text->error, "cannot make %s", file);
    return sph_file_replace(fd, file, text->data, text->len, 0644, err);
}

static int write_pages(int fd, struct sph_err *err) {
    int r = 0;
    for (unsigned i = 0; r == 0 && sph_commands[i]; i++) {
        sph_autobuf struct sph_buf page = SPH_BUF_NULL;
        char name[SPH_MAN_NAME_SIZE];
        sph_man_name(sph_commands[i], name);
        sph_man_write(sph_commands[i], &page);
        r = write_page(fd, name, &page, err);
    }
    if (r < 0)
        return r;
    sph_autobuf struct sph_buf link = SPH_BUF_NULL;
    sph_buf_puts(&link, ".so man1/spherule.1\n");
    return write_page(fd, "azsphere", &link, err);
}

int main(int argc, char **argv) {
    struct sph_err err = SPH_ERR_NULL;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: spherule-man DIR\n");
        return 2;
    }
    sph_autoclose int fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        perror(argv[1]);
        return 1;
    }
    if (write_pages(fd, &err) < 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return 0;
}
