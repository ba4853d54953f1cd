/* fuse_request: what the kernel asks of the one who serves a file system, taken apart. */
#ifndef SPH_AGENT_STORAGE_FUSE_REQUEST_H
#define SPH_AGENT_STORAGE_FUSE_REQUEST_H

#include <linux/fuse.h>
#include <stddef.h>
#include <stdint.h>

/* One read of /dev/fuse gives one of these. The argument is whole for the operations that are
 * served here; of others it is not looked at. */
struct sph_fuse_request {
    uint32_t op; /* enum fuse_opcode */
    uint64_t unique;
    uint64_t node;
    union {
        struct fuse_init_in init;
        struct fuse_setattr_in setattr;
        struct fuse_read_in read;
        struct fuse_write_in write;
        struct fuse_fallocate_in fallocate;
    } arg;
    const char *name;    /* of a look-up: NUL-terminated, in the bytes that were parsed */
    const uint8_t *data; /* of a write: arg.write.size bytes in there */
};

/* 0, or -EBADMSG with ret_request->unique where the head could be read, else 0. */
int sph_fuse_request_parse(const uint8_t *bytes, size_t len, struct sph_fuse_request *ret_request);

#endif
