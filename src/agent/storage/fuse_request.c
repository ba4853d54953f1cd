/* Copied out field by field, not cast: the bytes have no alignment that C would trust. */
#include "agent/storage/fuse_request.h"

#include <errno.h>
#include <string.h>

#include "base/attr.h"

/* Bytes of the argument's fixed part; what is not listed has none that is used. A kernel with a
 * newer interface may send more. */
static const size_t fixed_part[] = {
    [FUSE_INIT] = offsetof(struct fuse_init_in, flags) + sizeof(uint32_t),
    [FUSE_SETATTR] = sizeof(struct fuse_setattr_in),
    [FUSE_READ] = sizeof(struct fuse_read_in),
    [FUSE_WRITE] = sizeof(struct fuse_write_in),
    [FUSE_FALLOCATE] = sizeof(struct fuse_fallocate_in),
};

static int parse_write(const uint8_t *arg, size_t len, struct sph_fuse_request *request) {
    size_t head = sizeof(request->arg.write);
    if (request->arg.write.size == 0 || request->arg.write.size != len - head)
        return -EBADMSG;
    request->data = arg + head;
    return 0;
}

int sph_fuse_request_parse(const uint8_t *bytes, size_t len, struct sph_fuse_request *ret_request) {
    struct fuse_in_header head;
    memset(ret_request, 0, sizeof(*ret_request));
    if (len < sizeof(head))
        return -EBADMSG;
    memcpy(&head, bytes, sizeof(head));
    ret_request->op = head.opcode;
    ret_request->unique = head.unique;
    ret_request->node = head.nodeid;
    if (head.len != len)
        return -EBADMSG;
    const uint8_t *arg = bytes + sizeof(head);
    len -= sizeof(head);
    size_t fixed = head.opcode < SPH_ARRAY_SIZE(fixed_part) ? fixed_part[head.opcode] : 0;
    if (len < fixed)
        return -EBADMSG;
    memcpy(&ret_request->arg, arg, fixed);
    if (head.opcode == FUSE_WRITE)
        return parse_write(arg, len, ret_request);
    if (head.opcode == FUSE_LOOKUP) {
        if (len == 0 || memchr(arg, '\0', len) == NULL)
            return -EBADMSG;
        ret_request->name = (const char *)arg;
    }
    return 0;
}
