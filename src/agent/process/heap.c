/* All files lie on a ramfs of this run alone: its pages are file pages to the kernel, and not
 * shared memory like those of tmpfs, so no ration holds them. It is mounted nowhere but in the
 * app's own view, and gone with it. A region's file is unlinked as soon as it is mapped: the app
 * has no name by which it could write more into it than the mapping holds.
 *
 * Rejected: a memfd (its pages are User), a BPF array (all of it would be there from the start),
 * descriptors handed over by execve (a child that executes another program has none to hand). */
#include "agent/process/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/process/processes.h"
#include "agent/process/remote.h"
#include "agent/process/tracked_loader.h"
#include "base/cleanup.h"
#include "base/file.h"

enum {
    LIBRARY_BYTES = 4 << 20, /* of a loader: musl's has 650 KiB */
    REGION_PAGES = sizeof(struct sph_ledger) / SPH_LEDGER_PAGE_BYTES,
};
#define CODE_NAME "code"
#define HOST_LIBRARY_NAME "libmalloc.so.0"

/* One address space. */
struct book {
    pid_t tgid; /* 0: free */
    enum sph_heap_state state;
    int failure; /* negative errno, where the state is failed */
    int fd;      /* of its region; -1: it has none */
    struct sph_remote_image image;
};

struct sph_heap {
    int folder; /* the mount, as a descriptor */
    uid_t uid;
    bool is_musl, with_stacks;
    struct sph_tracked_loader loader; /* of musl */
    unsigned serial;                  /* of region files: names are used once */
    pid_t first;
    struct book books[SPH_PROCESSES_MAX];
};

/* ---- the folder ---- */

static int make_mount(void) {
    sph_autoclose int config = fsopen("ramfs", FSOPEN_CLOEXEC);
    if (config < 0 || fsconfig(config, FSCONFIG_SET_STRING, "mode", "0711", 0) < 0 ||
        fsconfig(config, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -errno;
    int fd = fsmount(config, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    return fd < 0 ? -errno : fd;
}

static int put_file(const struct sph_heap *heap, const char *name, const void *data, size_t len,
                    mode_t mode, struct sph_err *err) {
    sph_autoclose int fd =
        openat(heap->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    int rc = fd < 0 ? -errno : sph_fd_write_full(fd, data, len);
    if (rc == 0 && fchmod(fd, mode) < 0)
        rc = -errno;
    return rc < 0 ? SPH_FAIL_ERRNO(err, rc, "Cannot keep %s for heap tracking", name) : 0;
}

static int read_library(const struct sph_target *target, const char *name, struct sph_buf *bytes,
                        struct sph_err *err) {
    if (target->library_fd < 0)
        return SPH_FAIL(err, -ENOENT,
                        "Heap tracking needs libmalloc.so.0, which is not beside this agent: "
                        "install Spherule whole.");
    return sph_file_read(target->library_fd, name, bytes, err);
}

static int fill_for_musl(struct sph_heap *heap, const struct sph_target *target,
                         struct sph_err *err) {
    sph_autobuf struct sph_buf loader = SPH_BUF_LIMIT(LIBRARY_BYTES);
    sph_autobuf struct sph_buf code = SPH_BUF_LIMIT(LIBRARY_BYTES);
    if (!target->loader)
        return SPH_FAIL(err, -ENOENT, "Heap tracking needs musl, which is not installed here.");
    int rc = sph_file_read(AT_FDCWD, target->loader, &loader, err);
    if (rc == 0)
        rc = read_library(target, "libmalloc.so.0", &code, err);
    if (rc == 0)
        rc = sph_tracked_loader_make((uint8_t *)loader.data, loader.len, (uint8_t *)code.data,
                                     code.len, &heap->loader, err);
    if (rc == 0)
        rc = put_file(heap, SPH_HEAP_LOADER_NAME, loader.data, loader.len, 0755, err);
    return rc < 0 ? rc : put_file(heap, CODE_NAME, code.data, code.len, 0555, err);
}

/* A build tree has it further down than an installation. */
static int fill_for_host(struct sph_heap *heap, const struct sph_target *target,
                         struct sph_err *err) {
    static const char preload[] = "/" SPH_HEAP_FOLDER "/" HOST_LIBRARY_NAME "\n";
    sph_autobuf struct sph_buf library = SPH_BUF_LIMIT(LIBRARY_BYTES);
    int rc = read_library(target, "spherule/host/libmalloc.so.0", &library, NULL);
    if (rc < 0)
        rc = read_library(target, "host/libmalloc.so.0", &library, err);
    if (rc == 0)
        rc = put_file(heap, HOST_LIBRARY_NAME, library.data, library.len, 0555, err);
    return rc < 0 ? rc
                  : put_file(heap, SPH_HEAP_PRELOAD_NAME, preload, sizeof(preload) - 1, 0444, err);
}

int sph_heap_new(const struct sph_target *target, uid_t uid, bool host_libraries, bool with_stacks,
                 struct sph_heap **ret_heap, struct sph_err *err) {
    struct sph_heap *heap SPH_CLEANUP(sph_heap_freep) = calloc(1, sizeof(*heap));
    if (!heap)
        return SPH_FAIL(err, -ENOMEM, "No memory for heap tracking.");
    heap->uid = uid;
    heap->is_musl = !host_libraries;
    heap->with_stacks = with_stacks;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(heap->books); i++)
        heap->books[i].fd = -1;
    heap->folder = make_mount();
    if (heap->folder < 0)
        return SPH_FAIL_ERRNO(err, heap->folder, "Cannot make a ramfs for heap tracking");
    int rc = heap->is_musl ? fill_for_musl(heap, target, err) : fill_for_host(heap, target, err);
    if (rc == 0)
        *ret_heap = SPH_STEAL_PTR(heap);
    return rc;
}

static void close_book(struct book *book) {
    if (book->fd >= 0)
        (void)close(book->fd);
    *book = (struct book){.fd = -1};
}

struct sph_heap *sph_heap_free(struct sph_heap *heap) {
    if (!heap)
        return NULL;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(heap->books); i++)
        close_book(&heap->books[i]);
    if (heap->folder >= 0)
        (void)close(heap->folder);
    free(heap);
    return NULL;
}

int sph_heap_mount(const struct sph_heap *heap) {
    return heap->folder;
}

bool sph_heap_has(const struct sph_heap *heap, const char *name) {
    return faccessat(heap->folder, name, F_OK, 0) == 0;
}

/* ---- the table of processes ---- */

static struct book *find_book(const struct sph_heap *heap, pid_t tgid) {
    for (size_t i = 0; tgid > 0 && i < SPH_ARRAY_SIZE(heap->books); i++)
        if (heap->books[i].tgid == tgid)
            return (struct book *)(uintptr_t)&heap->books[i];
    return NULL;
}

/* As many as there may be processes. Of one that has changed its program, the old book goes. */
static struct book *new_book(struct sph_heap *heap, pid_t tgid) {
    struct book *book = find_book(heap, tgid);
    for (size_t i = 0; !book && i < SPH_ARRAY_SIZE(heap->books); i++)
        if (heap->books[i].tgid == 0)
            book = &heap->books[i];
    if (!book)
        return NULL;
    close_book(book);
    book->tgid = tgid;
    if (heap->first == 0)
        heap->first = tgid;
    return book;
}

bool sph_heap_knows(const struct sph_heap *heap, pid_t tgid) {
    return heap && find_book(heap, tgid) != NULL;
}

enum sph_heap_state sph_heap_state_of(const struct sph_heap *heap, pid_t tgid) {
    const struct book *book = heap ? find_book(heap, tgid) : NULL;
    return book ? book->state : SPH_HEAP_NOT_ASKED;
}

int sph_heap_failure_of(const struct sph_heap *heap, pid_t tgid) {
    const struct book *book = heap ? find_book(heap, tgid) : NULL;
    return book && book->state == SPH_HEAP_FAILED ? book->failure : 0;
}

/* The first one's is kept for the report of the app's end. */
void sph_heap_gone(struct sph_heap *heap, pid_t tgid) {
    struct book *book = heap && tgid != heap->first ? find_book(heap, tgid) : NULL;
    if (book)
        close_book(book);
}

/* ---- a region ---- */

/* Open for the app until it is unlinked; the name is the caller's to give back. */
static int make_region(struct sph_heap *heap, char name[16]) {
    (void)snprintf(name, 16, SPH_HEAP_REGION_PREFIX "%u", heap->serial++);
    sph_autoclose int fd = openat(heap->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, sizeof(struct sph_ledger)) < 0 ||
        fchownat(heap->folder, name, heap->uid, heap->uid, 0) < 0) {
        int rc = -errno;
        (void)unlinkat(heap->folder, name, 0);
        return rc;
    }
    return SPH_STEAL_FD(fd);
}

static struct sph_ledger_config make_config(const struct sph_heap *heap,
                                            const struct sph_remote_image *image,
                                            enum sph_ledger_state state) {
    uint64_t base = image->base;
    struct sph_ledger_config config = {.magic = SPH_LEDGER_MAGIC,
                                       .version = SPH_LEDGER_VERSION,
                                       .state = state,
                                       .flags = heap->with_stacks ? SPH_LEDGER_FLAG_STACKS : 0,
                                       .page_bytes = SPH_LEDGER_PAGE_BYTES,
                                       .region_bytes = sizeof(struct sph_ledger),
                                       .base = base,
                                       .app_headers = image->headers,
                                       .n_app_headers = image->n_headers};
    if (heap->is_musl) {
        config.libc_lo = base;
        config.libc_hi = base + heap->loader.span_bytes;
        config.debug_slot = base + heap->loader.debug_slot;
        for (unsigned i = 0; i < SPH_REAL_COUNT; i++)
            config.reals[i] = heap->loader.reals[i] ? base + heap->loader.reals[i] : 0;
    }
    return config;
}

/* mmap2 counts in units of 4 KiB where there is one. */
#if defined(__arm__)
enum { MAP_CALL = 192, MAP_UNIT = 4096 };
#else
enum { MAP_CALL = SYS_mmap, MAP_UNIT = 1 };
#endif

struct part {
    uint64_t address, bytes, offset;
    int protection, flags;
};

static int map_part(struct sph_remote *remote, uint64_t fd, const struct part *part) {
    uint64_t at;
    const uint64_t arguments[6] = {part->address,         part->bytes, (uint64_t)part->protection,
                                   (uint64_t)part->flags, fd,          part->offset / MAP_UNIT};
    int rc = sph_remote_call(remote, MAP_CALL, arguments, &at);
    return rc < 0 ? rc : at == part->address ? 0 : -EEXIST;
}

/* A process may have used up its descriptors, and a child of it has as many: while one of ours is
 * opened the limit is one higher. An agent without that privilege sees the open fail. */
static int open_there(struct sph_remote *remote, int how, uint64_t *ret_fd) {
    struct rlimit limit, higher;
    const uint64_t arguments[6] = {(uint64_t)AT_FDCWD, remote->text, (uint64_t)how};
    bool is_raised = prlimit(remote->tid, RLIMIT_NOFILE, NULL, &limit) == 0;
    if (is_raised) {
        higher = (struct rlimit){.rlim_cur = limit.rlim_cur + 1, .rlim_max = limit.rlim_max + 1};
        is_raised = prlimit(remote->tid, RLIMIT_NOFILE, &higher, NULL) == 0;
    }
    int rc = sph_remote_call(remote, SYS_openat, arguments, ret_fd);
    if (is_raised)
        (void)prlimit(remote->tid, RLIMIT_NOFILE, &limit, NULL);
    return rc;
}

/* Opens a file of the folder as the process, maps parts of it and closes it. */
static int map_file(struct sph_remote *remote, const char *name, int how, const struct part *parts,
                    size_t count) {
    char path[SPH_REMOTE_TEXT];
    uint64_t fd, nothing;
    (void)snprintf(path, sizeof(path), "/" SPH_HEAP_FOLDER "/%s", name);
    int rc = sph_remote_lend(remote, path);
    if (rc == 0)
        rc = open_there(remote, how, &fd);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = map_part(remote, fd, &parts[i]);
    int closed = sph_remote_call(remote, SYS_close, (const uint64_t[6]){fd}, &nothing);
    return rc < 0 ? rc : closed;
}

/* `fixed` is what keeps it from what lies there: MAP_FIXED over a parent's, else nothing may. */
static int map_region(struct sph_remote *remote, uint64_t base, const char *name, int fixed) {
    const uint64_t start = base + SPH_LEDGER_REGION_DISTANCE;
    const struct part parts[] = {
        {start, SPH_LEDGER_FIXED_BYTES, 0, PROT_READ, MAP_SHARED | fixed},
        {start + SPH_LEDGER_FIXED_BYTES, sizeof(struct sph_ledger) - SPH_LEDGER_FIXED_BYTES,
         SPH_LEDGER_FIXED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | fixed}};
    return map_file(remote, name, O_RDWR | O_CLOEXEC, parts, 2);
}

/* Where no file can be opened in the process: memory of its own, which counts, with `data` at its
 * start. */
static int map_copy(struct sph_remote *remote, const struct part *part, const void *data,
                    size_t len) {
    int rc = map_part(remote, ~UINT64_C(0), part);
    return rc < 0 ? rc : sph_remote_put(remote->tid, part->address, data, len);
}

static int copy_code(const struct sph_heap *heap, struct sph_remote *remote,
                     const struct part *file) {
    sph_autobuf struct sph_buf code = SPH_BUF_LIMIT((size_t)SPH_LEDGER_CODE_MAX_BYTES * 2);
    struct part part = *file;
    part.flags |= MAP_ANONYMOUS;
    int rc = sph_file_read(heap->folder, CODE_NAME, &code, NULL);
    if (rc < 0)
        return rc;
    size_t room = (size_t)part.bytes;
    return map_copy(remote, &part, code.data, code.len < room ? code.len : room);
}

static int map_code(const struct sph_heap *heap, struct sph_remote *remote, uint64_t base) {
    const struct part part = {base + SPH_LEDGER_CODE_DISTANCE, SPH_LEDGER_CODE_MAX_BYTES, 0,
                              PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED_NOREPLACE};
    if (!heap->is_musl)
        return 0;
    int rc = map_file(remote, CODE_NAME, O_RDONLY | O_CLOEXEC, &part, 1);
    return rc == 0 || rc == -ESRCH ? rc : copy_code(heap, remote, &part);
}

/* A first page that says so. */
static int switch_off(const struct sph_heap *heap, struct sph_remote *remote,
                      const struct sph_remote_image *image, int fixed) {
    struct sph_ledger_config config = make_config(heap, image, SPH_LEDGER_OFF);
    const struct part part = {image->base + SPH_LEDGER_REGION_DISTANCE, SPH_LEDGER_PAGE_BYTES, 0,
                              PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | fixed};
    return map_copy(remote, &part, &config, sizeof(config));
}

/* The library for glibc looks once, so what it took for a ledger stays one, that nobody reads. */
static int hide_region(const struct sph_heap *heap, struct sph_remote *remote,
                       const struct sph_remote_image *image) {
    struct sph_ledger_config config = make_config(heap, image, SPH_LEDGER_ON);
    const struct part part = {image->base + SPH_LEDGER_REGION_DISTANCE, sizeof(struct sph_ledger),
                              0, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED};
    return map_copy(remote, &part, &config, sizeof(config));
}

/* ---- at execve ---- */

/* An interpreter that is not ours may be anything; what it loads would not come by libmalloc. */
static bool is_our_loader(const struct sph_heap *heap, pid_t pid, uint64_t base) {
    uint64_t mark = 0;
    return !heap->is_musl || (sph_remote_read(pid, base + heap->loader.mark_offset, &mark,
                                              heap->loader.mark_bytes) == 0 &&
                              mark == heap->loader.mark);
}

/* What was mapped of a region that did not fit whole: its first page says that it is one. */
static void unmap_region(struct sph_remote *remote, uint64_t base) {
    const uint64_t arguments[6] = {base + SPH_LEDGER_REGION_DISTANCE, sizeof(struct sph_ledger)};
    uint64_t nothing;
    (void)sph_remote_call(remote, SYS_munmap, arguments, &nothing);
}

static int put_region(struct sph_heap *heap, struct sph_remote *remote, struct book *book) {
    struct sph_ledger_config config = make_config(heap, &book->image, SPH_LEDGER_ON);
    char name[16];
    sph_autoclose int fd = make_region(heap, name);
    if (fd < 0)
        return fd;
    ssize_t n = pwrite(fd, &config, sizeof(config), 0);
    int rc = n == sizeof(config) ? 0 : n < 0 ? -errno : -EIO;
    if (rc == 0)
        rc = map_region(remote, book->image.base, name, MAP_FIXED_NOREPLACE);
    if (rc < 0 && rc != -ESRCH && rc != -EEXIST) /* what lies there is not ours */
        unmap_region(remote, book->image.base);
    (void)unlinkat(heap->folder, name, 0);
    if (rc == 0)
        book->fd = SPH_STEAL_FD(fd);
    return rc;
}

/* musl's loader leads to libmalloc whatever becomes of the region: the code must be there, and a
 * first page that says "off". */
static int put_all(struct sph_heap *heap, struct sph_remote *remote, struct book *book) {
    int rc = map_code(heap, remote, book->image.base);
    if (rc < 0)
        return rc;
    rc = put_region(heap, remote, book);
    book->state = rc == 0 ? SPH_HEAP_TRACKED : SPH_HEAP_FAILED;
    book->failure = rc;
    if (rc == 0 || rc == -ESRCH || !heap->is_musl)
        return rc == -ESRCH ? rc : 0;
    return switch_off(heap, remote, &book->image, MAP_FIXED);
}

int sph_heap_exec(struct sph_heap *heap, pid_t tgid, struct sph_err *err) {
    struct sph_remote remote;
    struct book *book = new_book(heap, tgid);
    struct book lost = {.fd = -1}; /* more processes than there may be: still it must run */
    if (!book)
        book = &lost;
    int rc = sph_remote_image_read(tgid, &book->image);
    if (rc < 0)
        return SPH_FAIL_ERRNO(err, rc, "Cannot look into the application before it starts");
    book->state = book->image.base == 0 ? SPH_HEAP_STATIC : SPH_HEAP_LOADER;
    if (book->image.base == 0 || !is_our_loader(heap, tgid, book->image.base))
        return 0;
    rc = sph_remote_open(&remote, tgid, book->image.base, true, err);
    if (rc == 0) {
        rc = put_all(heap, &remote, book);
        int closed = rc == -ESRCH ? rc : sph_remote_close(&remote);
        rc = rc < 0 ? rc : closed;
        if (rc < 0)
            (void)SPH_FAIL_ERRNO(err, rc, "Cannot put heap tracking into the application");
    }
    close_book(&lost);
    if (rc < 0 && rc != -ESRCH)
        (void)kill(tgid, SIGKILL);
    return rc;
}

/* ---- at fork ---- */

static bool shares_memory(pid_t parent, pid_t child) {
    return syscall(SYS_kcmp, parent, child, KCMP_VM, 0, 0) == 0;
}

/* Only what was ever written: the rest is a hole in both. */
static int copy_written(const struct sph_heap_view *from, int to) {
    for (size_t i = 0; i < REGION_PAGES; i++) {
        size_t at = i * SPH_LEDGER_PAGE_BYTES;
        if ((from->written[i] & 1) && pwrite(to, from->view.bytes + at, SPH_LEDGER_PAGE_BYTES,
                                             (off_t)at) != SPH_LEDGER_PAGE_BYTES)
            return -EIO;
    }
    return 0;
}

static int copy_region(struct sph_heap *heap, pid_t parent, int to) {
    struct sph_heap_view view SPH_CLEANUP(sph_heap_view_done) = SPH_HEAP_VIEW_NULL;
    static const uint32_t unlocked = 0; /* a thread that held it is not in the child */
    int rc = sph_heap_view_open(heap, parent, &view);
    if (rc == 0)
        rc = copy_written(&view, to);
    if (rc == 0 && pwrite(to, &unlocked, sizeof(unlocked), offsetof(struct sph_ledger, lock)) !=
                       sizeof(unlocked))
        rc = -EIO;
    return rc;
}

/* The file of the child's region, with what its parent's has. */
static int make_copy(struct sph_heap *heap, pid_t parent, char name[16]) {
    sph_autoclose int fd = make_region(heap, name);
    int rc = fd < 0 ? fd : copy_region(heap, parent, fd);
    if (rc == 0)
        return SPH_STEAL_FD(fd);
    if (fd >= 0)
        (void)unlinkat(heap->folder, name, 0);
    return rc;
}

/* Over its parent's region, which it holds until then; it has not run yet. */
static int replace_region(struct sph_heap *heap, struct book *book, struct sph_remote *remote,
                          pid_t parent) {
    char name[16];
    sph_autoclose int fd = make_copy(heap, parent, name);
    if (fd < 0)
        return fd;
    int rc = map_region(remote, book->image.base, name, MAP_FIXED);
    (void)unlinkat(heap->folder, name, 0);
    if (rc == 0)
        book->fd = SPH_STEAL_FD(fd);
    return rc;
}

static int give_copy(struct sph_heap *heap, pid_t parent, struct book *book, bool is_lost) {
    struct sph_remote remote;
    int rc = sph_remote_open(&remote, book->tgid, book->image.base, false, NULL);
    if (rc < 0)
        return rc;
    rc = is_lost ? -ENOSPC : replace_region(heap, book, &remote, parent);
    if (rc < 0 && rc != -ESRCH) {
        book->state = SPH_HEAP_FAILED;
        book->failure = rc;
        rc = heap->is_musl ? switch_off(heap, &remote, &book->image, MAP_FIXED)
                           : hide_region(heap, &remote, &book->image);
    }
    int closed = rc == -ESRCH ? rc : sph_remote_close(&remote);
    return rc < 0 ? rc : closed;
}

/* A child that cannot be given its own runs without. One that cannot even be kept from its parent's
 * would make both wrong, and is killed: that takes a machine without memory for a page. */
void sph_heap_fork(struct sph_heap *heap, pid_t parent, pid_t child) {
    const struct book *from = find_book(heap, parent);
    struct book lost = {.tgid = child, .fd = -1};
    if (!from)
        return;
    struct book *book = new_book(heap, child);
    bool is_lost = !book; /* more processes than there may be */
    if (is_lost)
        book = &lost;
    book->state = from->state;
    book->failure = from->failure;
    book->image = from->image;
    if (from->fd >= 0 && !shares_memory(parent, child) &&
        give_copy(heap, parent, book, is_lost) < 0)
        (void)kill(child, SIGKILL);
}

/* ---- a look ---- */

int sph_heap_view_open(struct sph_heap *heap, pid_t tgid, struct sph_heap_view *ret_view) {
    const struct book *book = heap ? find_book(heap, tgid) : NULL;
    if (!book || book->fd < 0)
        return -ENOENT;
    struct sph_heap_view view = {.written = malloc(REGION_PAGES)};
    void *mapping = mmap(NULL, sizeof(struct sph_ledger), PROT_READ, MAP_SHARED, book->fd, 0);
    view.mapping = mapping == MAP_FAILED ? NULL : mapping;
    if (!view.mapping || !view.written ||
        mincore(view.mapping, sizeof(struct sph_ledger), view.written) < 0) {
        int rc = errno > 0 ? -errno : -ENOMEM;
        sph_heap_view_done(&view);
        return rc;
    }
    view.view = (struct sph_ledger_view){
        .bytes = view.mapping, .len = sizeof(struct sph_ledger), .written = view.written};
    *ret_view = view;
    return 0;
}

void sph_heap_view_done(struct sph_heap_view *view) {
    if (view->mapping)
        (void)munmap(view->mapping, sizeof(struct sph_ledger));
    free(view->written);
    *view = (struct sph_heap_view)SPH_HEAP_VIEW_NULL;
}
