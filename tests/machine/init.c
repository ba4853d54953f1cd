/* Process 1 of a virtual device's kernel that runs tests instead of an agent: each word of its
 * command line is a program in /tests. What they say goes to the console, then one line for each,
 * then one at the end; the machine powers off. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/machine/machine_private.h"
#include "base/file.h"

static int run(const char *name) {
    char path[128];
    int status = 0;
    (void)snprintf(path, sizeof(path), "/tests/%s", name);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execl(path, path, (char *)NULL);
        _exit(126);
    }
    while (waitpid(-1, &status, 0) != pid) /* orphans are ours too */
        status = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv) {
    struct sph_err err = SPH_ERR_NULL;
    if (getpid() != 1)
        return 2;
    /* Beside the agent's own: only here is the kernel one whose version is not asked for. */
    if (sph_machine_mount_all(&err) < 0 || sph_dir_make(AT_FDCWD, "/tmp", 01777, &err) < 0 ||
        setenv("SPHERULE_TEST_PINNED_KERNEL", "1", 1) != 0)
        (void)printf("machine: cannot begin: %s\n", err.text);
    for (int i = 1; i < argc && err.code == 0; i++)
        (void)printf("\nmachine: %s ended with %d\n", argv[i], run(argv[i]));
    (void)printf("machine: done\n");
    (void)fflush(stdout);
    sync();
    (void)reboot(RB_POWER_OFF);
    return 1;
}
