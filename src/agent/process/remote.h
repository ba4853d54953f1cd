/* remote: system calls made by a stopped process on the agent's behalf, before it goes on. */
#ifndef SPH_AGENT_PROCESS_REMOTE_H
#define SPH_AGENT_PROCESS_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum {
    SPH_REMOTE_TEXT = 64,       /* bytes that can be lent at a time: a path */
    SPH_REMOTE_REGISTERS = 512, /* room for a thread's; 216 on x86-64, 72 on ARM */
};

/* Of one thread that the caller traces and that is stopped. Embedded; opened, used, closed. */
struct sph_remote {
    pid_t tid;
    uint64_t instruction; /* a system call's, in the process's own code */
    uint64_t text;        /* where lent bytes lie: at its stack pointer, over what is there */
    uint8_t registers[SPH_REMOTE_REGISTERS];
    size_t registers_len;
    uint64_t mask;    /* of blocked signals */
    bool was_stopped; /* a SIGSTOP came meanwhile: no mask holds it back, so it is sent again */
    uint8_t kept[SPH_REMOTE_TEXT];
};

/* What the kernel says of a process: addresses from its auxiliary vector. */
struct sph_remote_image {
    uint64_t base;      /* AT_BASE: of the interpreter; 0: a static program */
    uint64_t headers;   /* AT_PHDR */
    uint64_t n_headers; /* AT_PHNUM */
};
int sph_remote_image_read(pid_t pid, struct sph_remote_image *ret_image);

/* From a stop of execve (PTRACE_EVENT_EXEC) it first lets the call come to its end. `code` is where
 * an ELF image with code begins in the process (its interpreter). -ESRCH when the process dies: its
 * reports are left to the tracer's loop. Signals are held back until the close. */
int sph_remote_open(struct sph_remote *remote, pid_t tid, uint64_t code, bool is_exec,
                    struct sph_err *err);
/* The call's result as the kernel gives it: negative errno, or what it returns in *ret_value. */
int sph_remote_call(struct sph_remote *remote, long number, const uint64_t arguments[6],
                    uint64_t *ret_value);
/* Bytes for calls to come, at remote->text. */
int sph_remote_lend(struct sph_remote *remote, const char *text);
/* Everything as it was: registers, stack, signal mask. The thread stands still as before. */
int sph_remote_close(struct sph_remote *remote);

/* Of another process; whole or -errno. */
int sph_remote_read(pid_t pid, uint64_t address, void *ret_bytes, size_t len);

/* Into memory that it maps, whatever its protection: pages of its own come of it. */
int sph_remote_put(pid_t pid, uint64_t address, const void *bytes, size_t len);

#endif
