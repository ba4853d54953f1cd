/* The kernel's questions about files that are open: each is answered before the next is read. Only
 * what changes a file, and where it is read, is answered by hand; ENOSYS makes the kernel do a
 * thing its own way, and mostly never ask again.
 *
 * Answers may come too late for a process that has died meanwhile: then the kernel refuses them,
 * ignoring. */
#include "agent/storage/medium_private.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/storage/fuse_request.h"
#include "base/attr.h"

enum { SECTOR = 512, STATFS_UNIT = 1024, COMPARE = 4096 };

/* Length of the answer's body, or negative errno. */
typedef int serve_fn(struct sph_medium_books *books, const struct sph_fuse_request *request);

/* An answer's body is made in the buffer, where nothing is needed of the request any more. */
static int body(struct sph_medium_books *books, const void *data, size_t len) {
    memcpy(books->buffer, data, len);
    return (int)len;
}

static struct sph_medium_file *find(const struct sph_medium_books *books, uint64_t node) {
    struct sph_medium_file *at = books->files;
    while (at && at->node != node)
        at = at->next;
    return at;
}

/* Only the times are the disk's. */
static struct fuse_attr attributes(const struct sph_medium_file *file) {
    struct stat info = {.st_size = 0};
    (void)fstat(file->fd, &info); /* of an open descriptor; times of 1970 harm nobody */
    return (struct fuse_attr){.ino = file->node,
                              .size = file->bytes,
                              .blocks = (file->bytes + SECTOR - 1) / SECTOR,
                              .atime = (uint64_t)info.st_atim.tv_sec,
                              .mtime = (uint64_t)info.st_mtim.tv_sec,
                              .ctime = (uint64_t)info.st_ctim.tv_sec,
                              .atimensec = (uint32_t)info.st_atim.tv_nsec,
                              .mtimensec = (uint32_t)info.st_mtim.tv_nsec,
                              .ctimensec = (uint32_t)info.st_ctim.tv_nsec,
                              .mode = S_IFREG | 0600,
                              .nlink = !file->is_deleted,
                              .uid = file->uid,
                              .gid = file->uid,
                              .blksize = SPH_WEAR_BLOCK};
}

/* No time of validity: the kernel asks again, and a file that was deleted is not found any more. */
static int answer_attributes(struct sph_medium_books *books, const struct sph_medium_file *file) {
    const struct fuse_attr_out out = {.attr = attributes(file)};
    return body(books, &out, sizeof(out));
}

/* ---- the file system ---- */

static int serve_init(struct sph_medium_books *books, const struct sph_fuse_request *request) {
    const struct fuse_init_in *in = &request->arg.init;
    struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
                                .minor = FUSE_KERNEL_MINOR_VERSION,
                                .max_readahead = in->max_readahead,
                                .max_write = SPH_MEDIUM_WRITE_MAX,
                                .time_gran = 1};
    if (in->major != FUSE_KERNEL_VERSION)
        return -EPROTO;
    if (in->minor < out.minor)
        out.minor = in->minor;
    return body(books, &out, sizeof(out));
}

static int serve_lookup(struct sph_medium_books *books, const struct sph_fuse_request *request) {
    struct sph_guid component;
    if (request->node != FUSE_ROOT_ID ||
        sph_guid_parse(request->name, strlen(request->name), &component) < 0)
        return -ENOENT;
    const struct sph_medium_file *file = sph_medium_current(books, &component);
    if (!file)
        return -ENOENT;
    const struct fuse_entry_out out = {.nodeid = file->node, .attr = attributes(file)};
    return body(books, &out, sizeof(out));
}

static int serve_getattr(struct sph_medium_books *books, const struct sph_fuse_request *request) {
    const struct sph_medium_file *file = find(books, request->node);
    if (file)
        return answer_attributes(books, file);
    if (request->node != FUSE_ROOT_ID)
        return -ESTALE;
    const struct fuse_attr_out root = {
        .attr = {.ino = FUSE_ROOT_ID, .mode = S_IFDIR | 0700, .nlink = 2}};
    return body(books, &root, sizeof(root));
}

/* What is free is what the app may still write. */
static int serve_statfs(struct sph_medium_books *books, const struct sph_fuse_request *request) {
    const struct sph_medium_file *file = find(books, request->node);
    struct fuse_statfs_out out = {
        .st = {.bsize = STATFS_UNIT, .frsize = STATFS_UNIT, .namelen = SPH_GUID_TEXT - 1}};
    if (file) {
        struct sph_quota quota = sph_medium_quota(books, file);
        uint64_t used = quota.other_bytes + quota.file_bytes;
        out.st.blocks = quota.limit_bytes / STATFS_UNIT;
        out.st.bfree = used < quota.limit_bytes ? (quota.limit_bytes - used) / STATFS_UNIT : 0;
        out.st.bavail = out.st.bfree;
    }
    return body(books, &out, sizeof(out));
}

/* ---- a file ---- */

/* Past the page cache: each write comes here as it is made, and its failure goes to who made it. So
 * there are no shared mappings (ENODEV): what is stored through one would come at a time of the
 * kernel's choice. */
static int serve_open(struct sph_medium_books *books, const struct sph_fuse_request *request) {
    struct sph_medium_file *file = find(books, request->node);
    if (!file)
        return -ESTALE;
    file->opens++;
    file->is_expected = false;
    const struct fuse_open_out out = {.open_flags = FOPEN_DIRECT_IO | FOPEN_NOFLUSH};
    return body(books, &out, sizeof(out));
}

static int serve_release(struct sph_medium_books *books, const struct sph_fuse_request *request) {
    struct sph_medium_file *file = find(books, request->node);
    if (file && file->opens > 0) {
        file->opens--;
        sph_medium_let_go(books, file);
    }
    return 0;
}

static int serve_read(struct sph_medium_books *books, const struct sph_fuse_request *request) {
    const struct fuse_read_in in = request->arg.read;
    const struct sph_medium_file *file = find(books, request->node);
    if (!file)
        return -ESTALE;
    if (in.offset > INT64_MAX)
        return -EINVAL;
    size_t size = in.size < SPH_MEDIUM_WRITE_MAX ? in.size : SPH_MEDIUM_WRITE_MAX;
    ssize_t len = pread(file->fd, books->buffer, size, (off_t)in.offset);
    return len < 0 ? -errno : (int)len;
}

/* Whether the file holds these bytes there already. What cannot be read is told to be different. */
static bool holds(int fd, const uint8_t *data, size_t len, uint64_t offset) {
    uint8_t old[COMPARE];
    for (size_t done = 0; done < len;) {
        size_t part = len - done < sizeof(old) ? len - done : sizeof(old);
        if (pread(fd, old, part, (off_t)(offset + done)) != (ssize_t)part ||
            memcmp(old, data + done, part) != 0)
            return false;
        done += part;
    }
    return true;
}

/* A write that changes nothing is made all the same: the device's flash would feel it. */
static int serve_write(struct sph_medium_books *books, const struct sph_fuse_request *request) {
    const struct fuse_write_in *in = &request->arg.write;
    struct sph_medium_file *file = find(books, request->node);
    uint32_t admitted;
    if (!file)
        return -ESTALE;
    struct sph_quota quota = sph_medium_quota(books, file);
    int code = sph_quota_admit(&quota, in->offset, in->size, &admitted);
    if (code < 0)
        return code;
    struct sph_wear_change change = {.file_bytes = file->bytes, .start = in->offset};
    change.is_idle = in->offset + admitted <= file->bytes &&
                     holds(file->fd, request->data, admitted, in->offset);
    ssize_t len = pwrite(file->fd, request->data, admitted, (off_t)in->offset);
    if (len <= 0)
        return len < 0 ? -errno : -EIO;
    change.end = in->offset + (uint64_t)len;
    if (change.end > file->bytes)
        file->bytes = change.end;
    struct sph_wear wear = file->account->wear;
    sph_wear_add(&wear, &change);
    sph_medium_note_wear(books, file->account, &wear);
    const struct fuse_write_out out = {.size = (uint32_t)len};
    return body(books, &out, sizeof(out));
}

/* A file that grows gets zeros, which are written like any other bytes. */
static int resize(struct sph_medium_books *books, struct sph_medium_file *file, uint64_t bytes) {
    struct sph_quota quota = sph_medium_quota(books, file);
    int code = sph_quota_resize(&quota, bytes);
    if (code == 0 && ftruncate(file->fd, (off_t)bytes) < 0)
        code = -errno;
    if (code < 0)
        return code;
    struct sph_wear wear = file->account->wear;
    if (bytes > file->bytes)
        sph_wear_add(&wear, &(struct sph_wear_change){
                                .file_bytes = file->bytes, .start = file->bytes, .end = bytes});
    else
        sph_wear_add_cut(&wear, file->bytes, bytes);
    file->bytes = bytes;
    sph_medium_note_wear(books, file->account, &wear);
    return 0;
}

/* Mode, owner and times are not the app's to set: they mean nothing on the medium. */
static int serve_setattr(struct sph_medium_books *books, const struct sph_fuse_request *request) {
    const struct fuse_setattr_in *in = &request->arg.setattr;
    struct sph_medium_file *file = find(books, request->node);
    if (!file)
        return -ESTALE;
    int code = in->valid & FATTR_SIZE ? resize(books, file, in->size) : -EPERM;
    return code < 0 ? code : answer_attributes(books, file);
}

/* The plain mode alone, as posix_fallocate() asks for it. */
static int serve_fallocate(struct sph_medium_books *books, const struct sph_fuse_request *request) {
    const struct fuse_fallocate_in *in = &request->arg.fallocate;
    struct sph_medium_file *file = find(books, request->node);
    if (!file)
        return -ESTALE;
    if (in->mode != 0)
        return -EOPNOTSUPP;
    if (in->length > INT64_MAX || in->offset > INT64_MAX - in->length)
        return -EFBIG;
    uint64_t end = in->offset + in->length;
    return end > file->bytes ? resize(books, file, end) : 0;
}

/* The file first, then what is told of it. */
static int serve_fsync(struct sph_medium_books *books, const struct sph_fuse_request *request) {
    const struct sph_medium_file *file = find(books, request->node);
    if (!file)
        return -ESTALE;
    return fsync(file->fd) < 0 || fdatasync(file->account->record_fd) < 0 ? -errno : 0;
}

static serve_fn *const served[] = {
    [FUSE_INIT] = serve_init,           [FUSE_LOOKUP] = serve_lookup,
    [FUSE_GETATTR] = serve_getattr,     [FUSE_SETATTR] = serve_setattr,
    [FUSE_STATFS] = serve_statfs,       [FUSE_OPEN] = serve_open,
    [FUSE_RELEASE] = serve_release,     [FUSE_READ] = serve_read,
    [FUSE_WRITE] = serve_write,         [FUSE_FSYNC] = serve_fsync,
    [FUSE_FALLOCATE] = serve_fallocate,
};

/* These have no answer. Files are let go of when they are closed, not when the kernel forgets their
 * numbers. */
static bool is_notice(uint32_t op) {
    return op == FUSE_FORGET || op == FUSE_BATCH_FORGET || op == FUSE_INTERRUPT;
}

int sph_medium_serve(struct sph_medium_books *books) {
    struct sph_fuse_request request;
    ssize_t len = read(books->fuse_fd, books->buffer, SPH_MEDIUM_BUFFER);
    if (len < 0) /* ENOENT: who asked has been killed before we could read it */
        return errno == ENOENT || errno == EINTR ? 0 : -errno;
    int code = sph_fuse_request_parse(books->buffer, (size_t)len, &request);
    if (is_notice(request.op))
        return 0;
    if (code == 0) {
        serve_fn *serve = request.op < SPH_ARRAY_SIZE(served) ? served[request.op] : NULL;
        code = serve ? serve(books, &request) : -ENOSYS;
    }
    struct fuse_out_header head = {.unique = request.unique};
    size_t body_len = code > 0 ? (size_t)code : 0;
    head.error = code < 0 ? (code == -EBADMSG ? -EIO : code) : 0;
    head.len = (uint32_t)(sizeof(head) + body_len);
    const struct iovec parts[] = {{&head, sizeof(head)}, {books->buffer, body_len}};
    (void)!writev(books->fuse_fd, parts, SPH_ARRAY_SIZE(parts));
    return 0;
}

static void answer_agent(struct sph_medium_books *books, int question_fd) {
    struct sph_medium_question question;
    struct sph_medium_answer answer;
    ssize_t len = recv(question_fd, &question, sizeof(question), 0);
    if (len != (ssize_t)sizeof(question)) {
        if (len < 0 && errno == EINTR)
            return;
        _exit(0); /* the agent is gone */
    }
    sph_medium_answer(books, &question, &answer);
    (void)send(question_fd, &answer, sizeof(answer), MSG_NOSIGNAL);
}

/* It waits for the disk and for nothing else: whoever waits for it, the agent too, can do so. */
void sph_medium_run(struct sph_medium_books *books, int question_fd) {
    struct pollfd wait[] = {{.fd = question_fd, .events = POLLIN},
                            {.fd = books->fuse_fd, .events = POLLIN}};
    for (;;) {
        if (poll(wait, SPH_ARRAY_SIZE(wait), -1) < 0)
            continue; /* EINTR */
        if (wait[1].revents) {
            int code = sph_medium_serve(books);
            if (code < 0 && code != -EAGAIN)
                wait[1].fd = -1; /* the mount is gone: what is left to answer is the agent */
        }
        if (wait[0].revents)
            answer_agent(books, question_fd);
    }
}
