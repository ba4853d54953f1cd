/* object: what an ELF file's headers say of it: whose it is, and where its first byte is loaded. */
#ifndef SPH_PROFILE_OBJECT_H
#define SPH_PROFILE_OBJECT_H

#include <stddef.h>
#include <stdint.h>

enum { SPH_BUILD_ID_MAX = 32 }; /* bytes; SHA-1 makes 20 */

/* A plain record. */
struct sph_object {
    uint8_t build_id[SPH_BUILD_ID_MAX];
    size_t build_id_len;    /* 0: it was linked without one */
    uint64_t first_address; /* of the file, in whole pages: what stands at the lowest mapping */
    uint16_t machine;       /* EM_ARM and so on */
};

/* Pure: `len` bytes of any content, of which those at the beginning of a file are enough. Little
 * endian, 32 or 64 bits. -ENOEXEC when it is no ELF file with anything to load. */
int sph_object_parse(const void *data, size_t len, struct sph_object *ret_object);
/* The same of a regular file; other files, pipes for one, are not opened for reading: -ENOEXEC. */
int sph_object_read(int dirfd, const char *path, struct sph_object *ret_object);

#endif
