/* spheruled: takes its place beside a device, becomes the owner's, serves. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/unix_socket.h"
#include "gateway/options.h"
#include "gateway/server.h"

enum { EXIT_USAGE = 2, EXIT_FAILED = 1 };

/* The device's folder, by its descriptor from here on. It is opened before root is given up, since
 * the folders above it may be closed to the owner (a home of mode 0700, started by plain root); it
 * has to be the owner's own, so root opens nothing here that the owner could not be given. */
static int open_device(const struct sph_options *options, struct sph_err *err) {
    if (geteuid() == 0 && (!options->has_owner || options->owner == 0))
        return SPH_FAIL(err, -EPERM,
                        "the gateway does not run as root: --owner must name another user");
    sph_autoclose int fd = sph_dir_open(AT_FDCWD, options->device, err);
    if (fd < 0)
        return fd;
    struct stat info;
    if (fstat(fd, &info) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot look at the folder %s", options->device);
    if (geteuid() == 0 && info.st_uid != options->owner)
        return SPH_FAIL(err, -EPERM, "the folder %s is not that of user %u", options->device,
                        options->owner);
    return SPH_STEAL_FD(fd);
}

/* Gives up root for good, before anything in the owner's folder is opened. */
static int become_owner(const struct sph_options *options, struct sph_err *err) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot give up new privileges");
    if (geteuid() != 0)
        return 0;
    const struct passwd *user = getpwuid(options->owner);
    gid_t group = user ? user->pw_gid : (gid_t)options->owner;
    if (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 ||
        setresuid(options->owner, options->owner, options->owner) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot become user %u", options->owner);
    return 0;
}

/* The lock, not the file, says that a gateway is there; it goes with the process. */
static int take_pid_file(int dir_fd, int *ret_fd, struct sph_err *err) {
    sph_autoclose int fd =
        openat(dir_fd, "gateway.pid", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open gateway.pid in the device's folder");
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return SPH_FAIL(err, -EBUSY, "a gateway of this device is running already");
    char text[24];
    int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || sph_fd_write_full(fd, text, (size_t)len) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot write gateway.pid");
    *ret_fd = SPH_STEAL_FD(fd);
    return 0;
}

/* "ok", or the sentence, to whoever started us; then that descriptor is closed. */
static void tell_starter(int ready_fd, const char *text) {
    if (ready_fd < 0)
        return;
    (void)sph_fd_write_full(ready_fd, text, strlen(text));
    (void)sph_fd_write_full(ready_fd, "\n", 1);
    (void)close(ready_fd);
}

static void on_signal(void *context, int signal_number) {
    sph_log(SPH_LOG_NOTICE, "ending signal=%d", signal_number);
    sph_loop_stop(context, 0);
}

static int watch_signals(struct sph_loop *loop, struct sph_err *err) {
    struct sph_watch *watch; /* they live as long as the loop */
    (void)signal(SIGPIPE, SIG_IGN);
    int rc = sph_loop_add_signal(loop, SIGTERM, on_signal, loop, &watch, err);
    return rc < 0 ? rc : sph_loop_add_signal(loop, SIGINT, on_signal, loop, &watch, err);
}

/* What is held while serving; given back in reverse order. */
struct gateway {
    int dir_fd, pid_fd;
    struct sph_loop *loop;
    struct sph_backend backend;
    struct sph_server *server;
};

static int set_up(struct gateway *gateway, const struct sph_options *options, struct sph_err *err) {
    gateway->dir_fd = open_device(options, err);
    if (gateway->dir_fd < 0)
        return gateway->dir_fd;
    int rc = become_owner(options, err);
    if (rc < 0)
        return rc;
    rc = take_pid_file(gateway->dir_fd, &gateway->pid_fd, err);
    if (rc == 0)
        rc = sph_loop_new(&gateway->loop, err);
    if (rc == 0)
        rc = watch_signals(gateway->loop, err);
    if (rc == 0)
        rc = sph_backend_native(gateway->dir_fd, options->agent, &gateway->backend, err);
    if (rc < 0)
        return rc;
    int listen_fd = sph_unix_listen(gateway->dir_fd, "rest.sock", SOCK_STREAM, 0600, err);
    if (listen_fd < 0)
        return listen_fd;
    return sph_server_new(gateway->loop, listen_fd, &gateway->backend, &gateway->server, err);
}

static void tear_down(struct gateway *gateway) {
    if (gateway->server) /* the name goes first: a client then finds nobody instead of the end */
        (void)unlinkat(gateway->dir_fd, "rest.sock", 0);
    (void)sph_server_free(gateway->server);
    sph_backend_done(&gateway->backend);
    (void)sph_loop_free(gateway->loop);
    if (gateway->pid_fd >=
        0) /* the file stays: one that is locked now must be the one found later */
        (void)close(gateway->pid_fd);
    if (gateway->dir_fd >= 0)
        (void)close(gateway->dir_fd);
}

static int serve(const struct sph_options *options, struct sph_err *err) {
    struct gateway gateway = {.dir_fd = -1, .pid_fd = -1};
    int rc = set_up(&gateway, options, err);
    if (rc == 0) {
        tell_starter(options->ready_fd, "ok");
        rc = sph_loop_run(gateway.loop, err);
    } else {
        tell_starter(options->ready_fd, err->text);
    }
    tear_down(&gateway);
    return rc;
}

int main(int argc, char **argv) {
    struct sph_options options;
    struct sph_err err = SPH_ERR_NULL;
    sph_log_open("spheruled");
    if (sph_options_parse(argc, argv, &options, &err) < 0) {
        (void)fprintf(stderr, "spheruled: %s\n", err.text);
        return EXIT_USAGE;
    }
    if (options.wants_help || options.wants_version) {
        (void)fputs(options.wants_help ? sph_options_help : "spheruled " SPH_VERSION "\n", stdout);
        return 0;
    }
    if (serve(&options, &err) < 0) {
        sph_log(SPH_LOG_ERROR, "%s", err.text);
        return EXIT_FAILED;
    }
    return 0;
}
