/* The sandbox from inside: each line says what was tried, "no" and its errno or "YES". */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "agent/tests/app_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

static void tell(const char *what, int result) {
    if (result < 0)
        printf("%s: no %d\n", what, errno);
    else
        printf("%s: YES\n", what);
}

static void try_open(const char *path, int flags) {
    tell(path, open(path, flags, 0600));
}

static void show_status(const char *field) {
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, field, strlen(field)) == 0)
            printf("%s", line);
    if (file)
        fclose(file);
}

static void try_host_pid(const char *text) {
    tell("kill of the agent", kill((pid_t)strtol(text, NULL, 10), 0));
}

int do_inspect(char **args) {
    static const char *const hidden[] = {"/etc/passwd", "/usr",  "/home",       "/tmp",
                                         "/var",        "/root", "/sys",        "/bin",
                                         "/proc/1",     "/boot", "/dev/mem",    "/proc/kcore",
                                         "/dev/shm",    "/opt",  "/proc/mounts"};
    static const char *const fields[] = {"CapPrm", "CapEff", "CapBnd", "CapAmb",
                                         "CapInh", "Uid",    "Gid",    "NoNewPrivs",
                                         "Groups", "SigIgn", "SigBlk"};
    struct utsname names;
    char cwd[128];
    for (unsigned i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        try_open(hidden[i], O_RDONLY);
    try_open("app_manifest.json", O_RDONLY);
    try_open("app_manifest.json", O_RDWR);
    try_open("new", O_CREAT | O_WRONLY);
    try_open("/new", O_CREAT | O_WRONLY);
    try_open("/run/spherule/new", O_CREAT | O_WRONLY);
    try_open("/dev/null", O_RDWR);
    try_open("/dev/urandom", O_RDONLY);
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        show_status(fields[i]);
    printf("pid %d parent %d\n", getpid(), getppid());
    tell("mount", unshare(CLONE_NEWNS));
    tell("chroot", chroot("/lib"));
    tell("setuid", setuid(0));
    tell("raw socket", socket(AF_INET, SOCK_RAW, 1));
    struct sockaddr_in6_like {
        sa_family_t family;
        uint16_t port;
        uint32_t address;
        char rest[8];
    } out = {AF_INET, 0x5000, 0x0100007f, {0}};
    tell("connect", connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&out, sizeof(out)));
    tell("ptrace of the helper", (int)ptrace(PTRACE_SEIZE, 1, NULL, NULL));
    tell("signal to the helper", kill(1, 0));
    if (args[0])
        try_host_pid(args[0]);
    uname(&names);
    printf("host %s cwd %s\n", names.nodename, getcwd(cwd, sizeof(cwd)));
    return 0;
}

int do_descriptors(char **args) {
    (void)args;
    for (int fd = 0; fd < 256; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("fd %d\n", fd);
    return 0;
}

static void show_limit(const char *name, int resource) {
    struct rlimit limit;
    getrlimit(resource, &limit);
    printf("%s %llu\n", name, (unsigned long long)limit.rlim_cur);
}

int do_limits(char **args) {
    (void)args;
    show_limit("core", RLIMIT_CORE);
    show_limit("fsize", RLIMIT_FSIZE);
    show_limit("nproc", RLIMIT_NPROC);
    show_limit("nofile", RLIMIT_NOFILE);
    return 0;
}

/* Any other socket or folder, given as path from outside. */
int do_reach(char **args) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    for (; *args; args++) {
        strncpy(name.sun_path, *args, sizeof(name.sun_path) - 1);
        tell(*args, connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&name, sizeof(name)));
        try_open(*args, O_RDONLY);
    }
    return 0;
}

/* Asks for huge pages as firmly as one can, touches one byte, and counts what came into memory. */
int do_huge(char **args) {
    enum { HUGE = 2 << 20, PAGE = 4096, PAGES = HUGE / PAGE };
    static unsigned char there[PAGES];
    (void)args;
    char *at =
        mmap(NULL, (size_t)2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *huge = (char *)(((uintptr_t)at + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
    (void)madvise(huge, HUGE, MADV_HUGEPAGE);
    huge[0] = 1;
    int pages = 0;
    if (mincore(huge, HUGE, there) == 0)
        for (int i = 0; i < PAGES; i++)
            pages += there[i] & 1;
    printf("pages %d\n", pages);
    return 0;
}
