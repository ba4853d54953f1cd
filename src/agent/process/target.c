/* musl has one loader per processor, which is its libc too; its place is fixed by the programs that
 * name it. */
#include "agent/process/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#if defined(__x86_64__)
#define LOADER_NAME "ld-musl-x86_64.so.1"
#elif defined(__aarch64__)
#define LOADER_NAME "ld-musl-aarch64.so.1"
#else
#define LOADER_NAME "ld-musl-armhf.so.1"
#endif

static const char loader_path[] = "/lib/" LOADER_NAME;

/* The build tree and an installation lay the same things out alike: bin beside lib. Without the
 * library the folder is not the one. */
static int open_beside(const char *folder) {
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path));
    char *slash = len > 0 && (size_t)len < sizeof(path) ? memrchr(path, '/', (size_t)len) : NULL;
    if (!slash)
        return -1;
    size_t room = sizeof(path) - (size_t)(slash - path);
    if (snprintf(slash, room, "/%s", folder) >= (int)room)
        return -1;
    sph_autoclose int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || faccessat(fd, "libapplibs.so.0", F_OK, 0) < 0)
        return -1;
    return SPH_STEAL_FD(fd);
}

/* That the loader is missing is no failure here: a device can be filled with packages without it,
 * and static programs need none. Who needs it is told when it is started. */
void sph_target_open(struct sph_target *ret_target) {
    struct sph_target target = {.library_fd = open_beside("../lib"), .loader_name = LOADER_NAME};
    if (target.library_fd < 0)
        target.library_fd = open_beside("../lib/spherule");
    if (access(loader_path, R_OK) == 0)
        target.loader = loader_path;
    *ret_target = target;
}

void sph_target_close(struct sph_target *target) {
    if (target->library_fd >= 0)
        (void)close(target->library_fd);
    target->library_fd = -1;
}

/* What execve would say is "No such file or directory", of the program: true, and of no use to
 * anybody. */
int sph_target_check(const struct sph_target *target, const struct sph_program *program,
                     bool host_libraries, struct sph_err *err) {
    const char *wanted = program->interpreter;
    /* A static program brings everything, with the host's libraries or without. */
    if (*wanted == '\0')
        return 0;
    if (host_libraries) {
        if (access(wanted, X_OK) == 0)
            return 0;
        return SPH_FAIL(err, -ENOEXEC,
                        "The application wants the loader %s, which this computer does not have.",
                        wanted);
    }
    if (strcmp(wanted, loader_path) != 0)
        return SPH_FAIL(err, -ENOEXEC,
                        "The application wants the loader %s, which this device does not have: "
                        "build it with spherule-cc (musl), or try it with `spherule run`.",
                        wanted);
    if (!target->loader)
        return SPH_FAIL(err, -ENOEXEC,
                        "The application wants the loader %s, which is not installed on this "
                        "computer: install musl.",
                        wanted);
    return 0;
}
