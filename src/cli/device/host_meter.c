/* A guess before anything is made, so that `spherule run` can choose; the agent's own refusal stays
 * the last word. Asking the agent instead was rejected: it would have to load its meter to know,
 * and a command that only chooses would need the device that it is choosing. */
#include "cli/device/host_meter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
    SUDO_TIMEOUT_MS =
        3000, /* it asks nobody with -n; longer means a directory service that hangs */
    SUDO_STEP_MS = 10,
    CAPABILITY_SYS_ADMIN = 21, /* linux/capability.h; mounts, namespaces and BPF need it */
};

bool sph_host_kernel_is_exact(const char *release) {
    char *rest = NULL;
    unsigned long major = strtoul(release, &rest, 10);
    unsigned long minor = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
    return major > 6 || (major == 6 && minor >= 2);
}

/* The kernel first: no right helps where it is too old. */
enum sph_host_meter sph_host_meter_decide(const struct sph_host_facts *facts) {
    if (!sph_host_kernel_is_exact(facts->release))
        return SPH_HOST_OLD_KERNEL;
    return facts->is_root || facts->has_sudo ? SPH_HOST_METERS : SPH_HOST_NO_RIGHTS;
}

const char *sph_host_meter_reason(enum sph_host_meter meter) {
    static const char *const reasons[] = {"", "its kernel is older than Linux 6.2",
                                          "that needs root, or a sudo without a password"};
    return reasons[meter];
}

/* By /proc, as the header for capget() is not part of every system. */
static bool has_root(void) {
    char text[4096];
    sph_autoclose int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t len = geteuid() != 0 || fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    text[len > 0 ? len : 0] = '\0';
    const char *line = strstr(text, "\nCapEff:");
    return line && (strtoull(line + strlen("\nCapEff:"), NULL, 16) >> CAPABILITY_SYS_ADMIN & 1);
}

/* Without a terminal's input and in silence; a sudo that is not there ends with 127. */
static void become_sudo(void) {
    int null = open("/dev/null", O_RDWR);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    (void)dup2(null, STDERR_FILENO);
    (void)execlp("sudo", "sudo", "-n", "true", (char *)NULL);
    _exit(127);
}

/* One that hangs is left alone, as it is root's; it counts as none. */
static bool has_sudo(void) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        become_sudo();
    for (int waited_ms = 0; pid > 0 && waited_ms < SUDO_TIMEOUT_MS; waited_ms += SUDO_STEP_MS) {
        pid_t r = waitpid(pid, &status, WNOHANG);
        if (r == pid)
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (r < 0 && errno != EINTR)
            return false;
        (void)usleep(SUDO_STEP_MS * 1000);
    }
    return false;
}

void sph_host_facts_read(struct sph_host_facts *ret_facts) {
    struct utsname name;
    (void)uname(&name);
    *ret_facts = (struct sph_host_facts){.is_root = has_root()};
    (void)snprintf(ret_facts->release, sizeof(ret_facts->release), "%s", name.release);
    ret_facts->has_sudo =
        geteuid() != 0 && sph_host_kernel_is_exact(ret_facts->release) && has_sudo();
}
