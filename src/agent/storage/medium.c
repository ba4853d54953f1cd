/* The agent's side. The file system is mounted by descriptor and attached nowhere: no path leads to
 * it, in no mount namespace, and it ends with its last descriptor.
 *
 * Its server is a child, because the agent comes to wait for it: it opens files, and it looks at
 * apps' memory, where a page may be one of a mutable file that is still to be read. Served by the
 * agent's own loop, each of these would be the last thing that the agent did. The child asks the
 * agent nothing, so that waiting for it always ends.
 *
 * Why FUSE, and what was measured and rejected: docs/adr/0010. */
#include "agent/storage/medium.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/device/device.h"
#include "agent/device/events.h"
#include "agent/storage/medium_private.h"
#include "agent/storage/storage.h"
#include "agent/store/registry.h"
#include "base/cleanup.h"

struct sph_medium {
    struct sph_device *device;
    struct sph_medium_books books; /* as long as there is no server: of nothing but the disk */
    pid_t server;                  /* -1: none */
    int question_fd, notice_fd, mount_fd;
    struct sph_watch *watch; /* of the notices */
};

int sph_medium_new(struct sph_device *device, struct sph_medium **ret_medium, struct sph_err *err) {
    struct sph_medium *medium = malloc(sizeof(*medium));
    if (!medium)
        return SPH_FAIL(err, -ENOMEM, "No memory for the mutable storage.");
    *medium = (struct sph_medium){
        .device = device,
        .books = {.storage = device->storage, .last_node = 1, .fuse_fd = -1, .notice_fd = -1},
        .server = -1,
        .question_fd = -1,
        .notice_fd = -1,
        .mount_fd = -1};
    *ret_medium = medium;
    return 0;
}

static void close_fd(int *fd) {
    if (*fd >= 0)
        (void)close(SPH_STEAL_FD(*fd));
}

/* Descriptors that apps still have fail from then on (ENOTCONN). */
static void end_server(struct sph_medium *medium) {
    medium->watch = sph_loop_remove(medium->watch);
    if (medium->server > 0) {
        (void)kill(medium->server, SIGKILL);
        while (waitpid(medium->server, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    medium->server = -1;
    close_fd(&medium->question_fd);
    close_fd(&medium->notice_fd);
    close_fd(&medium->mount_fd);
}

struct sph_medium *sph_medium_free(struct sph_medium *medium) {
    if (medium)
        end_server(medium);
    free(medium);
    return NULL;
}

/* ---- what the server tells ---- */

static void publish(struct sph_medium *medium, const struct sph_medium_notice *notice) {
    const struct sph_registry *registry = medium->device->registry;
    const struct sph_installed_app *app =
        registry ? sph_registry_find(registry, &notice->component) : NULL;
    const struct sph_msg_event event = {.kind = SPH_EVENT_STORAGE_WEAR,
                                        .component = notice->component,
                                        .name = sph_slice_text(app ? app->name : ""),
                                        .text = sph_slice_text(notice->text),
                                        .writes = notice->wear.writes,
                                        .idle_writes = notice->wear.idle_writes,
                                        .bytes_written = notice->wear.bytes_written,
                                        .blocks_erased = notice->wear.blocks_erased};
    sph_events_publish(medium->device->events, &event);
}

static void on_notice(void *context, int fd, uint32_t epoll_events) {
    struct sph_medium *medium = context;
    struct sph_medium_notice notice;
    (void)epoll_events;
    ssize_t len = recv(fd, &notice, sizeof(notice), MSG_DONTWAIT);
    if (len == 0) { /* the server is gone; who asks it next will be told, and a new one be made */
        medium->watch = sph_loop_remove(medium->watch);
        return;
    }
    if (len != (ssize_t)sizeof(notice))
        return;
    if (notice.text[0])
        sph_device_note(medium->device, &notice.component, "%s", notice.text);
    if (notice.news != SPH_WEAR_SILENT)
        publish(medium, &notice);
}

/* ---- the server ---- */

/* Whatever is missing, it cannot be served here. */
static int mount_at(int fuse_fd, struct sph_err *err) {
    char number[16];
    (void)snprintf(number, sizeof(number), "%d", fuse_fd);
    const char *const options[][2] = {{"source", "spherule-storage"},
                                      {"fd", number},
                                      {"rootmode", "40000"}, /* a folder, in octal */
                                      {"user_id", "0"},
                                      {"group_id", "0"}};
    sph_autoclose int config = fsopen("fuse", FSOPEN_CLOEXEC);
    bool is_set = config >= 0;
    for (size_t i = 0; is_set && i < SPH_ARRAY_SIZE(options); i++)
        is_set = fsconfig(config, FSCONFIG_SET_STRING, options[i][0], options[i][1], 0) == 0;
    /* Others than root: the apps. */
    is_set = is_set && fsconfig(config, FSCONFIG_SET_FLAG, "allow_other", NULL, 0) == 0 &&
             fsconfig(config, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0;
    int fd = is_set ? fsmount(config, FSMOUNT_CLOEXEC,
                              MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
                    : -1;
    if (fd < 0)
        return SPH_FAIL(err, -ENOTSUP, "this kernel's FUSE cannot be mounted (modprobe fuse): %s",
                        strerror(errno));
    return fd;
}

/* In the server. What it does not need of the agent's it must not keep: clients and apps would not
 * see it closed. 0 to 2 are the agent's and harmless. */
static void keep_only(const int *fds, size_t count) {
    unsigned from = 3;
    for (;;) {
        unsigned next = ~0u;
        for (size_t i = 0; i < count; i++)
            if ((unsigned)fds[i] >= from && (unsigned)fds[i] < next)
                next = (unsigned)fds[i];
        if (from < next)
            (void)close_range(from, next == ~0u ? ~0u : next - 1, 0);
        if (next == ~0u)
            return;
        from = next + 1;
    }
}

/* The signals of the agent's loop stay blocked: a Ctrl+C is the agent's, whose end is this one's.
 */
static void SPH_NORETURN become_server(struct sph_medium *medium, int fuse_fd, int question_fd,
                                       int notice_fd, pid_t agent) {
    struct sph_medium_books *books = &medium->books;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NAME, "spherule-medium");
    if (getppid() != agent)
        _exit(0);
    books->fuse_fd = fuse_fd;
    books->notice_fd = notice_fd;
    books->buffer = malloc(SPH_MEDIUM_BUFFER);
    if (!books->buffer)
        _exit(1);
    const int kept[] = {fuse_fd, question_fd, notice_fd, sph_storage_fd(books->storage)};
    keep_only(kept, SPH_ARRAY_SIZE(kept));
    sph_medium_run(books, question_fd);
}

static int start_server(struct sph_medium *medium, int fuse_fd, struct sph_err *err) {
    int questions[2], notices[2];
    pid_t agent = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, questions) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot make a socket to the mutable storage");
    medium->question_fd = questions[0];
    sph_autoclose int question_fd = questions[1];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, notices) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot make a socket to the mutable storage");
    medium->notice_fd = notices[0];
    sph_autoclose int notice_fd = notices[1];
    medium->server = fork();
    if (medium->server < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot start the mutable storage");
    if (medium->server == 0)
        become_server(medium, fuse_fd, question_fd, notice_fd, agent);
    return sph_loop_add_fd(medium->device->loop, medium->notice_fd, EPOLLIN, on_notice, medium,
                           &medium->watch, err);
}

int sph_medium_prepare(struct sph_medium *medium, struct sph_err *err) {
    if (medium->server > 0)
        return 0;
    sph_autoclose int fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fuse_fd < 0)
        return SPH_FAIL(err, -ENOTSUP, "there is no /dev/fuse here: %s", strerror(errno));
    medium->mount_fd = mount_at(fuse_fd, err);
    int code = medium->mount_fd < 0 ? medium->mount_fd : start_server(medium, fuse_fd, err);
    if (code < 0)
        end_server(medium);
    return code;
}

/* Without a server there is nothing but the disk, which the agent reads itself. */
static int ask(struct sph_medium *medium, const struct sph_medium_question *question,
               struct sph_medium_figures *ret_figures, struct sph_err *err) {
    struct sph_medium_answer answer = {.err = SPH_ERR_NULL};
    if (medium->server < 0) {
        sph_medium_answer(&medium->books, question, &answer);
    } else {
        ssize_t len = send(medium->question_fd, question, sizeof(*question), MSG_NOSIGNAL);
        if (len >= 0)
            do
                len = recv(medium->question_fd, &answer, sizeof(answer), 0);
            while (len < 0 && errno == EINTR);
        if (len != (ssize_t)sizeof(answer)) {
            end_server(medium);
            return SPH_FAIL(err, -EIO, "The server of the mutable storage has ended.");
        }
        answer.err.where = __func__;
    }
    if (answer.err.code < 0 && err)
        *err = answer.err;
    if (answer.err.code == 0 && ret_figures)
        *ret_figures = answer.figures;
    return answer.err.code;
}

int sph_medium_open(struct sph_medium *medium, const struct sph_guid *component, uid_t uid,
                    uint64_t limit_bytes, struct sph_err *err) {
    const struct sph_medium_question question = {
        .op = SPH_MEDIUM_OPEN, .component = *component, .uid = uid, .limit_bytes = limit_bytes};
    char name[SPH_GUID_TEXT];
    int code = sph_medium_prepare(medium, err);
    if (code == 0)
        code = ask(medium, &question, NULL, err);
    if (code < 0)
        return code;
    int fd = openat(medium->mount_fd, sph_guid_format(component, name),
                    O_RDWR | O_CLOEXEC | O_LARGEFILE);
    return fd < 0 ? SPH_FAIL_ERRNO(err, -errno, "Cannot open the mutable file of %s", name) : fd;
}

int sph_medium_delete(struct sph_medium *medium, const struct sph_guid *component,
                      struct sph_err *err) {
    return ask(medium,
               &(struct sph_medium_question){.op = SPH_MEDIUM_DELETE, .component = *component},
               NULL, err);
}

int sph_medium_read(struct sph_medium *medium, const struct sph_guid *component,
                    struct sph_medium_figures *ret_figures, struct sph_err *err) {
    return ask(medium,
               &(struct sph_medium_question){.op = SPH_MEDIUM_READ, .component = *component},
               ret_figures, err);
}

void sph_medium_forget(struct sph_medium *medium, const struct sph_guid *component) {
    (void)ask(medium,
              &(struct sph_medium_question){.op = SPH_MEDIUM_FORGET, .component = *component}, NULL,
              NULL);
}
