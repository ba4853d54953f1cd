/* A damaged image would show as a machine that does not answer. Reading both before each start
 * costs some 40 ms, and what was read is in the page cache when QEMU reads it again. */
#include "gateway/machine/images.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/crc32.h"
#include "base/file.h"
#include "base/text.h"

#define REMEDY "run 'make device' to build the virtual device's images"

enum {
    LISTING_MAX = 4096,
    CHUNK = 64 * 1024,
    CRC_DIGITS = 8,
    PATH_BYTES = 4096,
};

int sph_images_open_folder(struct sph_err *err) {
    char path[PATH_BYTES];
    const char *set = getenv("SPHERULE_DEVICE_IMAGES");
    if (set && *set) {
        (void)snprintf(path, sizeof(path), "%s", set);
    } else {
        ssize_t len =
            readlink("/proc/self/exe", path, sizeof(path) - sizeof("/../lib/spherule/device"));
        char *slash = len > 0 ? memrchr(path, '/', (size_t)len) : NULL;
        if (!slash)
            return SPH_FAIL(err, -EIO, "cannot find the folder of this program");
        memcpy(slash, "/../lib/spherule/device", sizeof("/../lib/spherule/device"));
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "there are no images in %.200s (" REMEDY ")", path);
    return fd;
}

/* Eight digits, a blank, digits, a blank, and the name to the end of the line. */
static int parse_line(const char *line, size_t len, const char *name, uint32_t *ret_crc,
                      uint64_t *ret_bytes) {
    char copy[96];
    uint8_t crc[CRC_DIGITS / 2];
    if (len >= sizeof(copy))
        return -ENOENT;
    memcpy(copy, line, len);
    copy[len] = '\0';
    char *last = strrchr(copy, ' ');
    if (!last || strcmp(last + 1, name) != 0)
        return -ENOENT;
    *last = '\0';
    if (len <= CRC_DIGITS || copy[CRC_DIGITS] != ' ' ||
        sph_hex_to_bytes(copy, sizeof(crc), crc) < 0 ||
        sph_text_to_u64(copy + CRC_DIGITS + 1, UINT32_MAX, ret_bytes) < 0)
        return -EBADMSG;
    *ret_crc = (uint32_t)crc[0] << 24 | (uint32_t)crc[1] << 16 | (uint32_t)crc[2] << 8 | crc[3];
    return 0;
}

int sph_images_parse(const char *text, size_t len, const char *name, uint32_t *ret_crc,
                     uint64_t *ret_bytes) {
    const char *end = text + len;
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t line = stop ? (size_t)(stop - text) : (size_t)(end - text);
        int rc = parse_line(text, line, name, ret_crc, ret_bytes);
        if (rc != -ENOENT)
            return rc;
        text += line + 1;
    }
    return -ENOENT;
}

static int check_content(int fd, const char *name, uint32_t crc, uint64_t bytes,
                         struct sph_err *err) {
    sph_autofree char *chunk = malloc(CHUNK);
    uint32_t seen = 0;
    uint64_t total = 0;
    if (!chunk)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the check of the images");
    for (ssize_t got = 1; got > 0 && total <= bytes; total += (uint64_t)got) {
        got = sph_fd_read_full(fd, chunk, CHUNK);
        if (got < 0)
            return SPH_FAIL_ERRNO(err, (int)got, "cannot read the image '%s'", name);
        seen = sph_crc32(seen, chunk, (size_t)got);
    }
    if (total == bytes && seen == crc)
        return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
    return SPH_FAIL(err, -EBADMSG, "the image '%s' is damaged: " REMEDY, name);
}

/* Descriptors are reopened through /proc by QEMU: they need no name that it can reach. */
static int open_image(int folder_fd, const struct sph_buf *listing, const char *name,
                      struct sph_err *err) {
    uint32_t crc;
    uint64_t bytes;
    if (!listing->data || sph_images_parse(listing->data, listing->len, name, &crc, &bytes) < 0)
        return SPH_FAIL(err, -EBADMSG, "the listing of the images does not have '%s': " REMEDY,
                        name);
    sph_autoclose int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open the image '%s' (" REMEDY ")", name);
    int rc = check_content(fd, name, crc, bytes, err);
    return rc < 0 ? rc : SPH_STEAL_FD(fd);
}

int sph_images_open(int folder_fd, struct sph_images *ret_images, struct sph_err *err) {
    sph_autobuf struct sph_buf listing = SPH_BUF_LIMIT(LISTING_MAX);
    if (sph_file_read(folder_fd, "images", &listing, err) < 0) {
        int code = err ? err->code : -EIO;
        sph_err_prefix(err, REMEDY);
        return code < 0 ? code : -EIO;
    }
    sph_autoclose int kernel_fd = open_image(folder_fd, &listing, "kernel", err);
    if (kernel_fd < 0)
        return kernel_fd;
    int initramfs_fd = open_image(folder_fd, &listing, "initramfs", err);
    if (initramfs_fd < 0)
        return initramfs_fd;
    *ret_images =
        (struct sph_images){.kernel_fd = SPH_STEAL_FD(kernel_fd), .initramfs_fd = initramfs_fd};
    return 0;
}

void sph_images_close(struct sph_images *images) {
    sph_closep_(&images->kernel_fd);
    sph_closep_(&images->initramfs_fd);
    *images = (struct sph_images)SPH_IMAGES_NULL;
}
