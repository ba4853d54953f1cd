/* The root is a fresh tmpfs that holds folders and mount points only; everything in it is a
 * read-only bind mount of one thing, so that a new file on the host never shows up in an app by
 * accident. Built with the descriptor-based mount calls: nothing is looked up by a path that
 * someone else could change. Rejected: a chroot over the host's tree (leaks what is not hidden), a
 * user namespace (the app's uid is already its own, and nested ones widen what a kernel bug can
 * reach). */
#include "agent/app/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
    BACKLOG = 16, /* connections that wait; an app makes one per call */
    FLAGS_CLOSED = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
};

/* Flags are set on the copy before it is attached: at no moment is it in place and writable. */
static int set_flags(int mount_fd, uint64_t flags, bool all) {
    struct mount_attr attr = {.attr_set = flags, .propagation = MS_PRIVATE};
    unsigned how = AT_EMPTY_PATH | (all ? AT_RECURSIVE : 0);
    return mount_setattr(mount_fd, "", how, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

/* Makes the parts of `path` (relative, below the new root) as folders. */
static int make_folders(int root, const char *path, struct sph_err *err) {
    char part[128];
    for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
        const char *end = strchr(slash == path ? path : slash + 1, '/');
        size_t len = end ? (size_t)(end - path) : strlen(path);
        if (len >= sizeof(part))
            return SPH_FAIL(err, -ENAMETOOLONG, "The app's folder name %s is too long.", path);
        memcpy(part, path, len);
        part[len] = '\0';
        if (mkdirat(root, part, 0755) < 0 && errno != EEXIST)
            return SPH_FAIL_ERRNO(err, -errno, "Cannot make /%s in the app's view", part);
        if (!end)
            break;
    }
    return 0;
}

/* What a file is mounted on must be a file. */
static int make_file(int root, const char *path, struct sph_err *err) {
    sph_autoclose int fd = openat(root, path, O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0444);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot make /%s in the app's view", path);
    return 0;
}

/* A detached copy of what `path` below dirfd shows, with all that is mounted below it when `all`.
 */
static int copy(int dirfd, const char *path, bool all) {
    unsigned how = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
    int tree = open_tree(dirfd, path, how | (all ? AT_RECURSIVE : 0));
    return tree < 0 ? -errno : tree;
}

static int put(int tree, int root, const char *target, uint64_t flags, bool all,
               struct sph_err *err) {
    int rc = set_flags(tree, flags, all);
    if (rc < 0)
        return SPH_FAIL_ERRNO(err, rc, "Cannot make /%s read-only for the app", target);
    if (move_mount(tree, "", root, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot put /%s into the app's view", target);
    return 0;
}

/* A path of the host, still reachable as the old root is below the new one. */
static int show(const char *host_path, int root, const char *target, uint64_t flags, bool all,
                struct sph_err *err) {
    sph_autoclose int tree = copy(AT_FDCWD, host_path, all);
    if (tree < 0)
        return SPH_FAIL_ERRNO(err, tree, "Cannot show %s to the app", host_path);
    return put(tree, root, target, flags, all, err);
}

static int show_file(const char *host_path, int root, const char *target, uint64_t flags,
                     struct sph_err *err) {
    int rc = make_file(root, target, err);
    return rc < 0 ? rc : show(host_path, root, target, flags, false, err);
}

/* A new file system, not yet attached anywhere. */
static int new_mount(const char *type, const char *const (*options)[2], uint64_t flags,
                     struct sph_err *err) {
    sph_autoclose int config = fsopen(type, FSOPEN_CLOEXEC);
    if (config < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot make a %s for the app", type);
    for (; (*options)[0]; options++)
        if (fsconfig(config, FSCONFIG_SET_STRING, (*options)[0], (*options)[1], 0) < 0)
            return SPH_FAIL_ERRNO(err, -errno, "The kernel's %s does not know %s=%s", type,
                                  (*options)[0], (*options)[1]);
    if (fsconfig(config, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot make a %s for the app", type);
    int fd = fsmount(config, FSMOUNT_CLOEXEC, (unsigned)flags);
    return fd < 0 ? SPH_FAIL_ERRNO(err, -errno, "Cannot make a %s for the app", type) : fd;
}

/* Only the app's own processes are there, and nothing about the host. */
static int mount_proc(int root, struct sph_err *err) {
    static const char *const options[][2] = {
        {"hidepid", "invisible"}, {"subset", "pid"}, {NULL, NULL}};
    int rc = make_folders(root, "proc", err);
    if (rc < 0)
        return rc;
    uint64_t flags = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    sph_autoclose int proc = new_mount("proc", options, flags, err);
    if (proc < 0)
        return proc;
    if (move_mount(proc, "", root, "proc", MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot put /proc into the app's view");
    return 0;
}

/* The host's own nodes: making new ones needs a privilege that a container may not have. */
static int show_devices(int root, struct sph_err *err) {
    static const char *const names[] = {"null", "zero", "full", "random", "urandom"};
    int rc = make_folders(root, "dev", err);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(names) && rc == 0; i++) {
        char host[32], target[32];
        (void)snprintf(host, sizeof(host), "/dev/%s", names[i]);
        (void)snprintf(target, sizeof(target), "dev/%s", names[i]);
        /* These are devices, so nodev is left out here; read-only does not stop writing to a
         * device. */
        rc = show_file(host, root, target,
                       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, err);
    }
    return rc;
}

/* What the plan gives by descriptor. A mount can be copied only by a process in its own namespace,
 * so these copies are made before the helper leaves the agent's. */
static const char *const libraries[] = {"libapplibs.so.0", "libgcc_s.so.1"};
struct copies {
    int package;
    int libraries[SPH_ARRAY_SIZE(libraries)]; /* -1: the loader tells the app what it misses */
};

static int copy_all(const struct sph_sandbox_plan *plan, struct copies *ret_copies,
                    struct sph_err *err) {
    ret_copies->package = copy(plan->package_fd, "", false);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(libraries); i++)
        ret_copies->libraries[i] =
            plan->library_fd < 0 ? -1 : copy(plan->library_fd, libraries[i], false);
    if (ret_copies->package < 0)
        return SPH_FAIL_ERRNO(err, ret_copies->package, "Cannot show its package to the app");
    return 0;
}

static void copies_done(struct copies *copies) {
    if (copies->package >= 0)
        (void)close(copies->package);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(libraries); i++)
        if (copies->libraries[i] >= 0)
            (void)close(copies->libraries[i]);
}

/* A file of the heap's folder, which is in place already, in another file's place. */
static int show_of_heap(const struct sph_heap *heap, const char *name, int root, const char *target,
                        struct sph_err *err) {
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/%s", SPH_HEAP_FOLDER, name);
    int rc = sph_heap_has(heap, name) ? make_file(root, target, err) : 1;
    if (rc != 0)
        return rc < 0 ? rc : 0;
    sph_autoclose int tree = copy(root, path, false);
    if (tree < 0)
        return SPH_FAIL_ERRNO(err, tree, "Cannot show /%s to the app", target);
    return put(tree, root, target, FLAGS_CLOSED, false, err);
}

/* What tracks its heap. Before the libraries: one of them is in here. */
static int show_heap(const struct sph_heap *heap, int root, struct sph_err *err) {
    int rc = make_folders(root, SPH_HEAP_FOLDER, err);
    if (rc == 0 &&
        move_mount(sph_heap_mount(heap), "", root, SPH_HEAP_FOLDER, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        rc = SPH_FAIL_ERRNO(err, -errno, "Cannot put /%s into the app's view", SPH_HEAP_FOLDER);
    if (rc == 0)
        rc = make_folders(root, "etc", err);
    return rc == 0 ? show_of_heap(heap, SPH_HEAP_PRELOAD_NAME, root, "etc/ld.so.preload", err) : rc;
}

/* musl's loader is its libc too: programs that name libc.so or libc.so.1 get the same file. */
static int show_target_libraries(const struct sph_sandbox_plan *plan, const struct copies *copies,
                                 int root, struct sph_err *err) {
    char target[64];
    int rc = make_folders(root, "lib", err);
    if (rc == 0 && plan->loader) {
        (void)snprintf(target, sizeof(target), "lib/%s", plan->loader_name);
        rc = plan->heap ? show_of_heap(plan->heap, SPH_HEAP_LOADER_NAME, root, target, err)
                        : show_file(plan->loader, root, target, FLAGS_CLOSED, err);
        if (rc == 0 && (symlinkat(plan->loader_name, root, "lib/libc.so") < 0 ||
                        symlinkat(plan->loader_name, root, "lib/libc.so.1") < 0))
            rc = SPH_FAIL_ERRNO(err, -errno, "Cannot make /lib/libc.so in the app's view");
    }
    for (size_t i = 0; i < SPH_ARRAY_SIZE(libraries) && rc == 0; i++) {
        if (copies->libraries[i] < 0)
            continue;
        (void)snprintf(target, sizeof(target), "lib/%s", libraries[i]);
        rc = make_file(root, target, err);
        if (rc == 0)
            rc = put(copies->libraries[i], root, target, FLAGS_CLOSED, false, err);
    }
    return rc;
}

/* For programs of the host itself. Where /lib is a link into /usr, so it is here. */
static int show_host_libraries(int root, struct sph_err *err) {
    static const char *const folders[] = {"usr", "lib", "lib64"};
    int rc = 0;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(folders) && rc == 0; i++) {
        char host[16], link[128];
        (void)snprintf(host, sizeof(host), "/%s", folders[i]);
        ssize_t len = readlink(host, link, sizeof(link) - 1);
        if (len > 0) {
            link[len] = '\0';
            if (symlinkat(link, root, folders[i]) < 0)
                rc = SPH_FAIL_ERRNO(err, -errno, "Cannot make /%s in the app's view", folders[i]);
        } else if (access(host, F_OK) == 0) {
            rc = make_folders(root, folders[i], err);
            if (rc == 0)
                rc = show(host, root, folders[i], FLAGS_CLOSED, true, err);
        }
    }
    return rc;
}

/* The path that documents and tools of the original device show. */
static int show_package(const struct sph_sandbox_plan *plan, const struct copies *copies, int root,
                        struct sph_err *err) {
    char target[32 + SPH_GUID_TEXT], guid[SPH_GUID_TEXT];
    (void)snprintf(target, sizeof(target), "mnt/apps/%s", sph_guid_format(&plan->component, guid));
    int rc = make_folders(root, target, err);
    return rc < 0 ? rc : put(copies->package, root, target, FLAGS_CLOSED, false, err);
}

/* The agent's end of the app's channel; the file goes with the app's mount namespace. */
static int listen_inside(struct sph_err *err) {
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/run/spherule/agent"};
    sph_autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot make the app's channel");
    if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 || chmod(name.sun_path, 0666) < 0 ||
        listen(fd, BACKLOG) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot make the app's channel");
    return SPH_STEAL_FD(fd);
}

/* The old root is put on top of the new one and taken off again: no folder is needed for it. */
static int pivot(int root, struct sph_err *err) {
    if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
        chdir("/") < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot make the app's root its own");
    return 0;
}

/* In any order: everything has its own place. */
static int fill(const struct sph_sandbox_plan *plan, const struct copies *copies, int root,
                struct sph_err *err) {
    int rc = show_package(plan, copies, root, err);
    if (rc == 0 && plan->heap)
        rc = show_heap(plan->heap, root, err);
    if (rc == 0)
        rc = plan->host_libraries ? show_host_libraries(root, err)
                                  : show_target_libraries(plan, copies, root, err);
    if (rc == 0)
        rc = show_devices(root, err);
    if (rc == 0)
        rc = mount_proc(root, err);
    if (rc == 0 && plan->resolver)
        rc = make_folders(root, "etc", err);
    if (rc == 0 && plan->resolver)
        rc = show_file(plan->resolver, root, "etc/resolv.conf", FLAGS_CLOSED, err);
    return rc == 0 ? make_folders(root, "run/spherule", err) : rc;
}

/* A root of its own, not yet filled, on top of the old one. */
static int new_root(struct sph_err *err) {
    static const char *const options[][2] = {
        {"mode", "0755"}, {"size", "64k"}, {"nr_inodes", "64"}, {NULL, NULL}};
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        if (errno == EINVAL)
            return SPH_FAIL(
                err, -EINVAL,
                "The agent runs in a chroot whose top is no mount point; bind-mount that "
                "folder onto itself first");
        return SPH_FAIL_ERRNO(err, -errno, "Cannot part the app's mounts from the host's");
    }
    sph_autoclose int root = new_mount("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, err);
    if (root < 0)
        return root;
    if (move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot attach the app's root");
    return SPH_STEAL_FD(root);
}

int sph_sandbox_enter(const struct sph_sandbox_plan *plan, int *ret_socket, struct sph_err *err) {
    struct copies copies SPH_CLEANUP(copies_done) = {.package = -1, .libraries = {-1, -1}};
    (void)umask(022);
    if (sethostname(plan->host_name, strlen(plan->host_name)) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot set the app's host name");
    int rc = copy_all(plan, &copies, err);
    if (rc < 0)
        return rc;
    sph_autoclose int root = new_root(err);
    if (root < 0)
        return root;
    rc = fill(plan, &copies, root, err);
    if (rc == 0)
        rc = pivot(root, err);
    if (rc < 0)
        return rc;
    sph_autoclose int listener = listen_inside(err);
    if (listener < 0)
        return listener;
    rc = set_flags(root, FLAGS_CLOSED | MOUNT_ATTR_NOEXEC, false);
    if (rc < 0)
        return SPH_FAIL_ERRNO(err, rc, "Cannot make the app's root read-only");
    *ret_socket = SPH_STEAL_FD(listener);
    return 0;
}

/* Hard and soft are the same: there is nothing to be raised later. */
static int set_limit(__rlimit_resource_t resource, uint64_t value, struct sph_err *err) {
    struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
    if (setrlimit(resource, &limit) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot set the app's limit %d", (int)resource);
    return 0;
}

static int set_limits(const struct sph_sandbox_identity *identity, struct sph_err *err) {
    int rc = set_limit(RLIMIT_CORE, 0, err);
    if (rc == 0)
        rc = set_limit(RLIMIT_FSIZE, identity->file_bytes, err);
    if (rc == 0)
        rc = set_limit(RLIMIT_NPROC, identity->process_count, err);
    if (rc == 0)
        rc = set_limit(RLIMIT_NOFILE, identity->file_count, err);
    /* Nothing may be kept from reclaim by the app, nor run before others. */
    if (rc == 0)
        rc = set_limit(RLIMIT_RTPRIO, 0, err);
    return rc == 0 ? set_limit(RLIMIT_NICE, 0, err) : rc;
}

/* Handlers are gone by execve; what is ignored stays ignored, so all are put back, by the bare
 * system call: glibc refuses its own signals 32 and 33, and whoever started the agent may have
 * ignored them. A write beyond the quota then fails with EFBIG: SIGXFSZ would kill an app that only
 * looks at write()'s result. */
static void reset_signals(void) {
    /* The kernel's struct sigaction of any architecture, all zero: SIG_DFL. */
    const uint64_t standard[8] = {0};
    for (int number = 1; number < _NSIG; number++)
        (void)syscall(SYS_rt_sigaction, number, standard, NULL, _NSIG / 8);
    (void)signal(SIGXFSZ, SIG_IGN);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The change of user has emptied the effective set already; the inheritable one it leaves alone. */
static int drop_capabilities(struct sph_err *err) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}, {0}};
    if (syscall(SYS_capset, &head, none) < 0 ||
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot drop the app's privileges");
    return 0;
}

static int set_ids(const struct sph_sandbox_identity *identity, struct sph_err *err) {
    /* -1 would mean "as it is" to the kernel: root. */
    if (identity->uid == 0 || identity->uid == (uid_t)-1)
        return SPH_FAIL(err, -EINVAL, "An app cannot run as user %u.", identity->uid);
    /* The bounding set first: taking from it needs a capability that the new ids do not have. */
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return SPH_FAIL_ERRNO(err, -errno, "Cannot drop capability %d", cap);
    gid_t gid = identity->uid;
    if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
        setresuid(identity->uid, identity->uid, identity->uid) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot become the app's user %u", identity->uid);
    return 0;
}

/* The order matters: limits and the bounding set need root, no_new_privs is last so that what
 * stands before it cannot be hindered by it. */
int sph_sandbox_drop(const struct sph_sandbox_identity *identity, struct sph_err *err) {
    if (setsid() < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot give the app a session of its own");
    /* A kernel without keys has nothing to hide. */
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot give the app a keyring of its own");
    /* Where mappings start within a page decides how many pages a stack takes: with random
     * addresses the same app holds one page more in one run than in the next, and figures could not
     * be compared. */
    if (personality(ADDR_NO_RANDOMIZE) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot give the app fixed addresses");
    /* The device has no huge pages: with them one byte takes the whole ration, and the kernel fills
     * holes by itself. It stays with the address space through execve and fork (3.15). */
    if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot keep the app from huge pages");
    reset_signals();
    int rc = set_limits(identity, err);
    if (rc == 0)
        rc = set_ids(identity, err);
    return rc == 0 ? drop_capabilities(err) : rc;
}
