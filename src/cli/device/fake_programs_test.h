/* fake_programs: stand-ins for the programs of a device, and a device "d" to start with them.
 *
 * The stand-ins are the test itself: $SPHERULE_LIBEXEC is a folder with links to it under the
 * programs' names, and main() plays the part that argv[0] names (fake_act), in the way that the
 * environment says. So everything between the launcher and its children is real: fork, exec,
 * readiness, pid files, locks, signals. */
#ifndef SPH_CLI_DEVICE_FAKE_PROGRAMS_TEST_H
#define SPH_CLI_DEVICE_FAKE_PROGRAMS_TEST_H

#include "cli/device/fake_gateway_test.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cli/device/device_config.h"
#include "cli/device/launch.h"
#include "cli/device/pidfile.h"

static inline const char *fake_option(char **argv, const char *name) {
    for (int i = 1; argv[i]; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1] ? argv[i + 1] : "";
    return NULL;
}

static inline void fake_say_ready(int fd, const char *text) {
    (void)sph_fd_write_full(fd, text, strlen(text));
    (void)close(fd);
}

/* Holds the pid file as the real ones do, and waits for a signal. */
static inline int fake_live(int device_fd, const char *pid_file, int ready_fd, const char *word) {
    char text[24];
    int fd = openat(device_fd, pid_file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return 3;
    (void)snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0)
        _exit(1);
    (void)sph_fd_write_full(fd, text, strlen(text));
    fake_say_ready(ready_fd, word);
    (void)alarm(60); /* a test that dies leaves nobody behind for long */
    for (;;)
        (void)pause();
}

/* The machine, as a gateway starts it: its pid file is locked through a descriptor that it
 * inherits, and it has its name before the gateway goes on. One that runs already is left alone. */
static inline void fake_start_machine(int device_fd, const char *how) {
    char path[256], text[24], program[] = SPH_MACHINE_PROGRAM;
    char *argv[] = {program, NULL};
    int fd = openat(device_fd, SPH_MACHINE_PIDFILE, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    int named[2];
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || pipe2(named, O_CLOEXEC) < 0)
        return;
    (void)snprintf(path, sizeof(path), "%s/" SPH_MACHINE_PROGRAM, getenv("SPHERULE_LIBEXEC"));
    if (fork() == 0) {
        (void)snprintf(text, sizeof(text), "%d\n", (int)getpid());
        if (ftruncate(fd, 0) < 0 || fcntl(fd, F_SETFD, 0) < 0)
            _exit(1);
        (void)sph_fd_write_full(fd, text, strlen(text));
        (void)signal(SIGTERM, strcmp(how, "deaf") == 0 ? SIG_IGN : SIG_DFL); /* kept by exec */
        (void)execv(path, argv);
        _exit(127);
    }
    (void)close(fd);
    (void)close(named[1]);
    struct pollfd exec = {.fd = named[0], .events = POLLIN}; /* hung up by it */
    (void)poll(&exec, 1, 5000);
    (void)close(named[0]);
}

static inline int fake_act_machine(void) {
    (void)alarm(60);
    while (pause() < 0)
        ;
    return 0;
}

/* Whether device.json asks for a machine. */
static inline bool fake_is_virtual(int device_fd) {
    struct sph_device_config config;
    return sph_device_config_read(device_fd, &config, NULL) == 0 &&
           sph_device_config_is_virtual(&config);
}

/* The agent or the gateway, in the way that the environment says. */
static inline int fake_act_program(const char *part, char **argv) {
    bool is_agent = strcmp(part, SPH_AGENT_PROGRAM) == 0;
    const char *how = getenv(is_agent ? "SPH_TEST_AGENT" : "SPH_TEST_GATEWAY");
    const char *machine = getenv("SPH_TEST_MACHINE");
    const char *device = fake_option(argv, "--device");
    const char *ready = fake_option(argv, "--ready-fd");
    if (!how || !device || !ready || !fake_option(argv, "--owner"))
        return 4;
    int fd = open(device, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int ready_fd = (int)strtol(ready, NULL, 10);
    const char *pid_file = is_agent ? SPH_AGENT_PIDFILE : SPH_GATEWAY_PIDFILE;
    (void)fprintf(stderr, "%s begins\n", part);
    if (fake_option(argv, "--sweep")) {
        (void)sph_file_replace(fd, "swept", "", 0, 0644, NULL);
        fake_say_ready(ready_fd, "ok\n");
        return 0;
    }
    (void)fcntl(ready_fd, F_SETFD, FD_CLOEXEC); /* or the machine would keep the starter waiting */
    if (!is_agent && fake_is_virtual(fd) && machine)
        fake_start_machine(fd, machine);
    if (strcmp(how, "ok") == 0)
        return fake_live(fd, pid_file, ready_fd, "ok\n");
    if (strcmp(how, "deaf") == 0) {
        (void)signal(SIGTERM, SIG_IGN);
        return fake_live(fd, pid_file, ready_fd, "ok\n");
    }
    if (strcmp(how, "without newline") == 0)
        return fake_live(fd, pid_file, ready_fd, "ok");
    if (strcmp(how, "stuck") == 0)
        return fake_live(fd, pid_file, dup(STDERR_FILENO), "stuck\n"); /* the pipe stays open */
    if (strcmp(how, "cannot meter") == 0)
        fake_say_ready(ready_fd, "this kernel has no counters\n");
    else if (strcmp(how, "silent") != 0)
        fake_say_ready(ready_fd, how); /* any other word is what it says */
    return strcmp(how, "cannot meter") == 0 ? 5 : 1;
}

/* The part of a stand-in, or -1 when this is the test itself. */
static inline int fake_act(int argc, char **argv) {
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "";
    if (strcmp(name, SPH_MACHINE_PROGRAM) == 0)
        return fake_act_machine();
    if (strcmp(name, SPH_AGENT_PROGRAM) == 0 || strcmp(name, SPH_GATEWAY_PROGRAM) == 0)
        return fake_act_program(name, argv);
    return -1;
}

static char fake_libexec[80];

static inline int fake_programs_set_up(void **state) {
    static const char *const names[] = {SPH_AGENT_PROGRAM, SPH_GATEWAY_PROGRAM,
                                        SPH_MACHINE_PROGRAM};
    char path[128], self[512];
    int r = fake_set_up(state);
    (void)snprintf(fake_libexec, sizeof(fake_libexec), "%s", "/tmp/spherule-libexec-XXXXXX");
    if (r < 0 || !mkdtemp(fake_libexec))
        return -1;
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[len > 0 ? len : 0] = '\0';
    for (size_t i = 0; i < SPH_ARRAY_SIZE(names); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", fake_libexec, names[i]);
        r += symlink(self, path);
    }
    (void)setenv("SPHERULE_LIBEXEC", fake_libexec, 1);
    (void)setenv("SPH_TEST_AGENT", "ok", 1);
    (void)setenv("SPH_TEST_GATEWAY", "ok", 1);
    (void)setenv("SPH_TEST_MACHINE", "ok", 1);
    return r;
}

/* By pidfd, so that only children of this test can be hit. */
static inline void kill_if_held(int device_fd, const char *file, const char *program) {
    sph_autoclose int process = sph_pidfile_open_process(device_fd, file, program, NULL);
    struct pollfd end = {.fd = process, .events = POLLIN};
    if (process < 0)
        return;
    (void)syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0);
    (void)poll(&end, 1, 2000);
}

static inline int fake_programs_tear_down(void **state) {
    struct fake_gateway *fake = *state;
    kill_if_held(fake->device_fd, SPH_AGENT_PIDFILE, SPH_AGENT_PROGRAM);
    kill_if_held(fake->device_fd, SPH_GATEWAY_PIDFILE, SPH_GATEWAY_PROGRAM);
    kill_if_held(fake->device_fd, SPH_MACHINE_PIDFILE, SPH_MACHINE_PROGRAM);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    (void)unsetenv("SPHERULE_LIBEXEC");
    return sph_tree_remove(AT_FDCWD, fake_libexec, NULL) + fake_tear_down(state);
}

#define LAUNCHING(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, fake_programs_set_up, fake_programs_tear_down)

#endif
