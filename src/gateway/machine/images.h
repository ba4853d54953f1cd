/* images: the kernel and the initramfs of virtual devices, found beside the programs and checked.
 */
#ifndef SPH_GATEWAY_MACHINE_IMAGES_H
#define SPH_GATEWAY_MACHINE_IMAGES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The folder of the images: $SPHERULE_DEVICE_IMAGES, or ../lib/spherule/device beside this program.
 * A descriptor or negative errno with a sentence. */
int sph_images_open_folder(struct sph_err *err);

/* Both files, open for reading and whole: their sizes and check sums are those of the listing. */
struct sph_images {
    int kernel_fd, initramfs_fd;
};
#define SPH_IMAGES_NULL                                                                            \
    { .kernel_fd = -1, .initramfs_fd = -1 }
int sph_images_open(int folder_fd, struct sph_images *ret_images, struct sph_err *err);
void sph_images_close(struct sph_images *images);

/* Pure: a line "1a2b3c4d 12345 name" of the listing. 0, -ENOENT without such a line, -EBADMSG for
 * one that cannot be read. */
int sph_images_parse(const char *text, size_t len, const char *name, uint32_t *ret_crc,
                     uint64_t *ret_bytes);

#endif
