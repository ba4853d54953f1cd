/* cgroup: one tree of directories per device.
 *
 * Membership is always on cgroup2, where the kernel program can ask for it. The memory controller
 * may be there too (v2), in a hierarchy of its own (v1: the same names are made there, below the
 * group the caller is in), or nowhere. Directories are held by descriptor; after the tree is open
 * no path is walked again, so that a child in another mount namespace or root can still use it.
 *
 * The tree's top directory is locked (flock) by its holder: a second agent for the same device is
 * refused, and a tree that nobody holds is a leftover and may be cleared away. */
#include "meter/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

enum {
    TREE_MODE = 0755,
    PROC_TEXT_MAX = 1 << 20, /* mountinfo of a host with thousands of mounts */
    EMPTY_WAIT_MS = 5000, /* for killed processes to be gone; exit of a big one takes that long */
    LOCK_WAIT_MS = 2000,  /* for the children of an agent that died to let go of its lock */
    ORPHAN_AGE_S = 60,    /* far beyond the moment between making a directory and locking it */
    POLL_MS = 2,
    PIDS_AT_ONCE = 256,
};
#define NAME_PREFIX "spherule-"

struct sph_cgroup {
    char name[SPH_CGROUP_NAME_MAX];
    enum sph_memctl memctl;
    const char *reason;
    int unified_parent; /* where NAME is made */
    int memory_parent;  /* -1 unless v1 */
    int unified;        /* NAME; holds the lock */
    int memory;         /* NAME in the v1 memory hierarchy, or -1 */
    int unified_apps;   /* NAME/apps */
    int memory_apps;
    int unified_home; /* cgroup.procs of the groups the opener was in */
    int memory_home;
};

struct sph_cgroup_app {
    struct sph_cgroup *tree;
    char name[SPH_CGROUP_NAME_MAX];
    uint64_t id;
    int unified;
    int memory;
    int unified_procs; /* cgroup.procs, open for writing: usable after a change of root */
    int memory_procs;
};

/* Waits are short and rare (clearing away, removing): not worth an event loop. */
static void pause_ms(long ms) {
    struct timespec wait = {.tv_nsec = ms * 1000000L};
    (void)nanosleep(&wait, NULL);
}

/* Takes the -1 of a step that was not reached. */
static void close_fd(int fd) {
    if (fd >= 0)
        (void)close(fd);
}

/* One path component that is not hidden: it can then be used with any directory descriptor. */
static bool is_name(const char *name) {
    size_t len = strnlen(name, SPH_CGROUP_NAME_MAX);
    return len > 0 && len < SPH_CGROUP_NAME_MAX && name[0] != '.' && !strchr(name, '/');
}

/* Never through a link: nobody but the kernel has a say in what these directories are. */
static int open_dir(int dirfd, const char *name) {
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

/* cgroup.procs is not sorted and may repeat; both are harmless to the callers here. A process
 * outside of the reader's pid namespace comes as 0. */
static int read_pids(int dir, pid_t *ret_pids, size_t max) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(PROC_TEXT_MAX);
    int error = sph_file_read(dir, "cgroup.procs", &text, NULL);
    if (error)
        return error;
    int count = 0;
    char *end = text.data;
    for (const char *at = text.data; at && *at; at = *end == '\n' ? end + 1 : end) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            return -EBADMSG;
        if ((size_t)count < max)
            ret_pids[count] = (pid_t)pid;
        count++;
    }
    return count;
}

/* cgroup.kill is there since 5.14 and on cgroup2 only; elsewhere the pids are signalled one by one.
 * A pid of 0 is a process outside of the reader's pid namespace: not one of ours to signal. */
static int kill_group(int dir) {
    if (sph_file_poke(dir, "cgroup.kill", "1", NULL) == 0)
        return 0;
    pid_t pids[PIDS_AT_ONCE];
    int count = read_pids(dir, pids, PIDS_AT_ONCE);
    for (int i = 0; i < count && i < PIDS_AT_ONCE; i++)
        if (pids[i] > 0)
            (void)kill(pids[i], SIGKILL);
    return count < 0 ? count : 0;
}

/* Kills and removes one directory, which has no directories below it. 0 also when it is not there.
 */
static int remove_group(int parent, const char *name) {
    uint64_t deadline = sph_clock_monotonic_ms() + EMPTY_WAIT_MS;
    for (;;) {
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if (errno != EBUSY || sph_clock_monotonic_ms() >= deadline)
            return -errno;
        sph_autoclose int dir = open_dir(parent, name);
        if (dir >= 0)
            (void)kill_group(dir);
        pause_ms(POLL_MS);
    }
}

static int remove_empty_group(int parent, const char *name) {
    return unlinkat(parent, name, AT_REMOVEDIR) == 0 ? 0 : -errno;
}

/* NAME/apps/APP: the only shape that is ever made, so the only one that is ever removed. */
typedef int remove_fn(int parent, const char *name);
static void remove_apps(int apps, remove_fn *remove_one) {
    sph_autoclosedir DIR *list = NULL;
    int copy = open_dir(apps, ".");
    if (copy < 0)
        return;
    list = fdopendir(copy);
    if (!list) {
        (void)close(copy);
        return;
    }
    for (struct dirent *entry = readdir(list); entry; entry = readdir(list))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            (void)remove_one(apps, entry->d_name);
}

/* From the leaves up. Each level is opened by its descriptor, so that only what is below this
 * one name can go. */
static int remove_tree(int parent, const char *name, remove_fn *remove_one) {
    sph_autoclose int top = open_dir(parent, name);
    if (top == -ENOENT)
        return 0;
    if (top < 0)
        return top;
    sph_autoclose int apps = open_dir(top, "apps");
    if (apps >= 0)
        remove_apps(apps, remove_one);
    int error = remove_one(top, "apps");
    return error && error != -ENOENT ? error : remove_one(parent, name);
}

/* The lock's descriptor, -ENOENT when the directory is not there, -EBUSY when another has it. */
static int lock_top(int parent, const char *name) {
    sph_autoclose int top = open_dir(parent, name);
    if (top < 0)
        return top;
    uint64_t deadline = sph_clock_monotonic_ms() + LOCK_WAIT_MS;
    while (flock(top, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || sph_clock_monotonic_ms() >= deadline)
            return errno == EWOULDBLOCK ? -EBUSY : -errno;
        pause_ms(POLL_MS);
    }
    return SPH_STEAL_FD(top);
}

/* Under the lock, which is let go of with the directory that it was on. */
static int clear_leftover(struct sph_cgroup *tree, struct sph_err *err) {
    sph_autoclose int lock = lock_top(tree->unified_parent, tree->name);
    if (lock == -EBUSY)
        return SPH_FAIL(err, -EBUSY, "the control groups of %s are held by a running agent",
                        tree->name);
    int error = remove_tree(tree->unified_parent, tree->name, remove_group);
    if (error == 0 && tree->memory_parent >= 0)
        error = remove_tree(tree->memory_parent, tree->name, remove_group);
    if (error)
        return SPH_FAIL_ERRNO(err, error, "cannot clear the old control groups of %s", tree->name);
    return 0;
}

/* Of an agent that was killed and whose device never started again: old, held by nobody. Younger
 * ones may be between the making of the directory and its lock. */
static bool is_orphan(const struct sph_cgroup *tree, const char *name) {
    struct stat info;
    if (strncmp(name, NAME_PREFIX, strlen(NAME_PREFIX)) != 0 || strcmp(name, tree->name) == 0)
        return false;
    sph_autoclose int top = open_dir(tree->unified_parent, name);
    return top >= 0 && fstat(top, &info) == 0 && time(NULL) - info.st_mtime > ORPHAN_AGE_S &&
           flock(top, LOCK_EX | LOCK_NB) == 0;
}

/* Orphans without a process in them go; nothing is killed for it, and a failure hurts nobody. */
static void sweep_orphans(const struct sph_cgroup *tree) {
    int copy = open_dir(tree->unified_parent, ".");
    sph_autoclosedir DIR *list = copy < 0 ? NULL : fdopendir(copy);
    if (!list)
        return close_fd(copy);
    for (struct dirent *entry = readdir(list); entry; entry = readdir(list)) {
        if (!is_orphan(tree, entry->d_name))
            continue;
        (void)remove_tree(tree->unified_parent, entry->d_name, remove_empty_group);
        if (tree->memory_parent >= 0)
            (void)remove_tree(tree->memory_parent, entry->d_name, remove_empty_group);
    }
}

/* A directory is only ever made, never taken over: what exists after clearing is somebody else's.
 */
static int make_group(int parent, const char *name, int *ret_dir, struct sph_err *err) {
    if (mkdirat(parent, name, TREE_MODE) != 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot make the control group %s", name);
    int dir = open_dir(parent, name);
    if (dir < 0)
        return SPH_FAIL_ERRNO(err, dir, "cannot open the control group %s", name);
    *ret_dir = dir;
    return 0;
}

/* The controllers' files are words between blanks; "memory" must not be found in "memory_x". */
static bool has_word(int dir, const char *file, const char *word) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(4096);
    if (sph_file_read(dir, file, &text, NULL) != 0 || !text.data)
        return false;
    char *rest = text.data;
    for (char *item = strsep(&rest, " \n"); item; item = strsep(&rest, " \n"))
        if (strcmp(item, word) == 0)
            return true;
    return false;
}

/* Where the controller is on cgroup2: every level must pass it on. A failure leaves "none". */
static void find_v2_memory(struct sph_cgroup *tree) {
    if (!has_word(tree->unified_parent, "cgroup.controllers", "memory")) {
        tree->reason = "the kernel has no memory controller here";
        return;
    }
    if (!has_word(tree->unified, "cgroup.controllers", "memory")) {
        tree->reason = "the memory controller is not passed on to new control groups here "
                       "(cgroup.subtree_control of the root)";
        return;
    }
    if (sph_file_poke(tree->unified, "cgroup.subtree_control", "+memory", NULL) != 0 ||
        sph_file_poke(tree->unified_apps, "cgroup.subtree_control", "+memory", NULL) != 0) {
        tree->reason = "the memory controller cannot be passed on to the apps' control groups";
        return;
    }
    tree->memctl = SPH_MEMCTL_V2;
    tree->reason = "";
}

/* Anonymous pages that are swapped out leave the count: keep them in where the kernel lets us. */
static void switch_off_swap(const struct sph_cgroup *tree) {
    if (tree->memctl == SPH_MEMCTL_V2)
        (void)sph_file_poke(tree->unified, "memory.swap.max", "0", NULL);
    if (tree->memctl == SPH_MEMCTL_V1)
        (void)sph_file_poke(tree->memory, "memory.swappiness", "0", NULL);
}

/* The lock is taken on the new directory before anything is put into it. */
static int make_tree(struct sph_cgroup *tree, struct sph_err *err) {
    int error = make_group(tree->unified_parent, tree->name, &tree->unified, err);
    if (error)
        return error;
    if (flock(tree->unified, LOCK_EX | LOCK_NB) != 0)
        return SPH_FAIL(err, -EBUSY, "the control groups of %s are held by a running agent",
                        tree->name);
    error = make_group(tree->unified, "apps", &tree->unified_apps, err);
    if (!error && tree->memory_parent >= 0) {
        error = make_group(tree->memory_parent, tree->name, &tree->memory, err);
        if (!error)
            switch_off_swap(tree); /* children take swappiness over when they are made */
        if (!error)
            error = make_group(tree->memory, "apps", &tree->memory_apps, err);
    }
    if (error)
        return error;
    if (tree->memctl != SPH_MEMCTL_V1)
        find_v2_memory(tree);
    switch_off_swap(tree);
    return 0;
}

/* Opens `root`/`path`/`file`, all of them as the kernel told them. */
static int open_below(const char *root, const char *path, const char *file, int flags) {
    char name[1024];
    int len = snprintf(name, sizeof(name), "%s%s/%s", root, path, file);
    if (len < 0 || (size_t)len >= sizeof(name))
        return -ENAMETOOLONG;
    int fd = open(name, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* What a mount shows starts at its root: "/a" seen through a mount of "/a" is its top. */
static const char *below_root(const char *path, const char *root) {
    size_t len = strlen(root);
    if (strcmp(root, "/") == 0 || strncmp(path, root, len) != 0)
        return strcmp(path, "/") == 0 ? "" : path;
    return path[len] == '/' && path[len + 1] ? path + len : "";
}

/* Below the group that the caller is in, and not at the top: whoever limited the caller must
 * have limited its apps with it. */
static int find_memory_v1(struct sph_cgroup *tree, const struct sph_cgroup_mounts *mounts,
                          const struct sph_buf *groups) {
    char path[512];
    int error = sph_cgroup_parse_path(groups->data, groups->len, "memory", path, sizeof(path));
    if (error)
        return error;
    const char *below = below_root(path, mounts->memory_root);
    tree->memory_parent = open_below(mounts->memory, below, "", O_RDONLY | O_DIRECTORY);
    if (tree->memory_parent < 0)
        return tree->memory_parent;
    tree->memory_home = open_below(mounts->memory, below, "cgroup.procs", O_WRONLY);
    if (tree->memory_home < 0)
        return tree->memory_home;
    tree->memctl = SPH_MEMCTL_V1;
    tree->reason = "";
    return 0;
}

/* cgroup2 is a must, since the kernel program asks for the group there. The memory controller
 * is not: without it there is no kernel memory to show, and a reason for that. */
static int find_hierarchies(struct sph_cgroup *tree, struct sph_err *err) {
    sph_autobuf struct sph_buf mountinfo = SPH_BUF_LIMIT(PROC_TEXT_MAX);
    sph_autobuf struct sph_buf groups = SPH_BUF_LIMIT(PROC_TEXT_MAX);
    struct sph_cgroup_mounts mounts = {.unified = ""};
    int error = sph_file_read(AT_FDCWD, "/proc/self/mountinfo", &mountinfo, err);
    if (!error)
        error = sph_file_read(AT_FDCWD, "/proc/self/cgroup", &groups, err);
    if (error)
        return error;
    error = mountinfo.data ? sph_cgroup_parse_mounts(mountinfo.data, mountinfo.len, &mounts) : 0;
    if (error || !mounts.unified[0] || !groups.data)
        return SPH_FAIL(err, -ENOENT,
                        "no control groups of version 2 are mounted (cgroup2, as a rule on "
                        "/sys/fs/cgroup): cannot meter natively here, use a virtual device");
    tree->unified_parent = open_below(mounts.unified, "", "", O_RDONLY | O_DIRECTORY);
    if (tree->unified_parent < 0)
        return SPH_FAIL_ERRNO(err, tree->unified_parent, "cannot open %s", mounts.unified);
    char path[512];
    if (sph_cgroup_parse_path(groups.data, groups.len, "", path, sizeof(path)) == 0)
        tree->unified_home = open_below(mounts.unified, strcmp(path, "/") == 0 ? "" : path,
                                        "cgroup.procs", O_WRONLY);
    if (tree->unified_home < 0)
        return SPH_FAIL_ERRNO(err, tree->unified_home ? tree->unified_home : -EIO,
                              "cannot write to the control groups in %s (root is needed)",
                              mounts.unified);
    if (mounts.memory[0] && find_memory_v1(tree, &mounts, &groups) != 0)
        tree->reason = "the memory controller's hierarchy cannot be written to";
    return 0;
}

/* Descriptors only; the directories are sph_cgroup_close()'s. */
static void close_tree(struct sph_cgroup *tree) {
    int *const fds[] = {&tree->unified_parent, &tree->memory_parent, &tree->unified,
                        &tree->memory,         &tree->unified_apps,  &tree->memory_apps,
                        &tree->unified_home,   &tree->memory_home};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(fds); i++)
        close_fd(*fds[i]);
    free(tree);
}

/* Until the leftover is cleared nothing is ours, so that a failure by then removes nothing. */
int sph_cgroup_open(const char *name, struct sph_cgroup **ret_tree, struct sph_err *err) {
    if (!is_name(name) || strncmp(name, NAME_PREFIX, strlen(NAME_PREFIX)) != 0)
        return SPH_FAIL(err, -EINVAL, "%.64s is not a name for a device's control groups", name);
    struct sph_cgroup *tree = malloc(sizeof(*tree));
    if (!tree)
        return SPH_FAIL_ERRNO(err, -ENOMEM, "cannot open the control groups");
    *tree = (struct sph_cgroup){.reason = "the kernel has no memory controller here",
                                .unified_parent = -1,
                                .memory_parent = -1,
                                .unified = -1,
                                .memory = -1,
                                .unified_apps = -1,
                                .memory_apps = -1,
                                .unified_home = -1,
                                .memory_home = -1};
    (void)snprintf(tree->name, sizeof(tree->name), "%s", name);
    int error = find_hierarchies(tree, err);
    if (!error)
        error = clear_leftover(tree, err);
    if (error) {
        close_tree(tree);
        return error;
    }
    error = make_tree(tree, err);
    if (error) {
        (void)sph_cgroup_close(tree);
        return error;
    }
    sweep_orphans(tree);
    *ret_tree = tree;
    return 0;
}

/* Only what this tree made: a make_group() that failed left its descriptor at -1. */
struct sph_cgroup *sph_cgroup_close(struct sph_cgroup *tree) {
    if (!tree)
        return NULL;
    if (tree->memory >= 0)
        (void)remove_tree(tree->memory_parent, tree->name, remove_group);
    if (tree->unified >= 0)
        (void)remove_tree(tree->unified_parent, tree->name, remove_group);
    close_tree(tree);
    return NULL;
}

enum sph_memctl sph_cgroup_memctl(const struct sph_cgroup *tree) {
    return tree->memctl;
}

int sph_cgroup_memory_fd(const struct sph_cgroup *tree) {
    if (tree->memctl == SPH_MEMCTL_NONE)
        return -1;
    return tree->memctl == SPH_MEMCTL_V1 ? tree->memory : tree->unified;
}

int sph_cgroup_app_memory_fd(const struct sph_cgroup_app *app) {
    if (app->tree->memctl == SPH_MEMCTL_NONE)
        return -1;
    return app->tree->memctl == SPH_MEMCTL_V1 ? app->memory : app->unified;
}

const char *sph_cgroup_memctl_reason(const struct sph_cgroup *tree) {
    return tree->reason;
}

/* The 64-bit id is the file handle of the directory; its inode number is only the low half of it on
 * a 32-bit kernel, which so has to have file handles. */
static int read_id(int dir, uint64_t *ret_id) {
    union {
        struct file_handle handle;
        unsigned char room[sizeof(struct file_handle) + sizeof(uint64_t)];
    } space = {.room = {0}};
    int mount_id = 0;
    space.handle.handle_bytes = sizeof(uint64_t);
    if (name_to_handle_at(dir, "", &space.handle, &mount_id, AT_EMPTY_PATH) == 0 &&
        space.handle.handle_bytes == sizeof(uint64_t)) {
        (void)memcpy(ret_id, space.room + sizeof(struct file_handle), sizeof(*ret_id));
        return 0;
    }
    int error = errno;
    struct stat info;
    if (sizeof(long) < sizeof(*ret_id))
        return -error;
    if (fstat(dir, &info) != 0)
        return -errno;
    *ret_id = info.st_ino;
    return 0;
}

/* Kept open for writing: a child in another root can still be moved with it. */
static int open_procs(int dir, int *ret_fd) {
    int fd = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    *ret_fd = fd;
    return fd < 0 ? -errno : 0;
}

/* The two directories, then the id, then the files to enter by. */
static int make_app(struct sph_cgroup_app *app, struct sph_err *err) {
    struct sph_cgroup *tree = app->tree;
    int error = make_group(tree->unified_apps, app->name, &app->unified, err);
    if (!error && tree->memory_apps >= 0)
        error = make_group(tree->memory_apps, app->name, &app->memory, err);
    if (error)
        return error;
    error = read_id(app->unified, &app->id);
    if (!error)
        error = open_procs(app->unified, &app->unified_procs);
    if (!error && app->memory >= 0)
        error = open_procs(app->memory, &app->memory_procs);
    return error ? SPH_FAIL_ERRNO(err, error, "cannot use the control group %s", app->name) : 0;
}

int sph_cgroup_app_make(struct sph_cgroup *tree, const char *name, struct sph_cgroup_app **ret_app,
                        struct sph_err *err) {
    if (!is_name(name))
        return SPH_FAIL(err, -EINVAL, "not a name for an app's control group");
    struct sph_cgroup_app *app = malloc(sizeof(*app));
    if (!app)
        return SPH_FAIL_ERRNO(err, -ENOMEM, "cannot make a control group");
    *app = (struct sph_cgroup_app){
        .tree = tree, .unified = -1, .memory = -1, .unified_procs = -1, .memory_procs = -1};
    (void)snprintf(app->name, sizeof(app->name), "%s", name);
    int error = make_app(app, err);
    if (error) {
        (void)sph_cgroup_app_remove(app);
        return error;
    }
    *ret_app = app;
    return 0;
}

/* NULL and half-made ones too: a step that was not reached left -1. */
struct sph_cgroup_app *sph_cgroup_app_remove(struct sph_cgroup_app *app) {
    if (!app)
        return NULL;
    /* The pids are found on cgroup2; the memory group is empty as soon as they are gone. */
    if (app->unified >= 0)
        (void)remove_group(app->tree->unified_apps, app->name);
    if (app->memory >= 0)
        (void)remove_group(app->tree->memory_apps, app->name);
    close_fd(app->unified);
    close_fd(app->memory);
    close_fd(app->unified_procs);
    close_fd(app->memory_procs);
    free(app);
    return NULL;
}

uint64_t sph_cgroup_app_id(const struct sph_cgroup_app *app) {
    return app->id;
}

/* 0 is the writer itself, whatever its number is in the pid namespace that it is in. */
static int write_pid(int fd, pid_t pid) {
    char text[16];
    int len = snprintf(text, sizeof(text), "%d", (int)pid);
    return write(fd, text, (size_t)len) < 0 ? -errno : 0;
}

/* The memory group first: what is allocated on the way is then charged to the app. */
int sph_cgroup_app_enter(struct sph_cgroup_app *app, pid_t pid, struct sph_err *err) {
    int error = app->memory_procs >= 0 ? write_pid(app->memory_procs, pid) : 0;
    if (!error)
        error = write_pid(app->unified_procs, pid);
    return error ? SPH_FAIL_ERRNO(err, error, "cannot enter the control group %s", app->name) : 0;
}

/* The other way round than entering: memory last, so that moving is still charged to the app. */
int sph_cgroup_leave(struct sph_cgroup *tree, pid_t pid, struct sph_err *err) {
    int error = write_pid(tree->unified_home, pid);
    if (!error && tree->memory_home >= 0)
        error = write_pid(tree->memory_home, pid);
    return error ? SPH_FAIL_ERRNO(err, error, "cannot leave the control group") : 0;
}

int sph_cgroup_app_pids(struct sph_cgroup_app *app, pid_t *ret_pids, size_t max) {
    return read_pids(app->unified, ret_pids, max);
}

int sph_cgroup_app_kill(struct sph_cgroup_app *app) {
    return kill_group(app->unified);
}

/* cgroup2's own freezer (since 5.2) and not v1's: ptrace works on what it holds. */
int sph_cgroup_app_freeze(struct sph_cgroup_app *app, bool frozen) {
    return sph_file_poke(app->unified, "cgroup.freeze", frozen ? "1" : "0", NULL);
}
