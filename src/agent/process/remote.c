/* A stopped thread is sent through a system call instruction of its own program, with registers of
 * ours, and stopped again at the call's entry and exit. Nothing of its memory is changed but bytes
 * at its stack pointer, which are put back; its code is not (a page of it would become its own, and
 * count). Single steps are not used: 32-bit ARM has none.
 *
 * A process can be killed at any of these moments. Each wait looks before it takes: what is no stop
 * of ours is left for the tracer's loop, which judges ends. */
#include "agent/process/remote.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/process/remote_cpu.h"
#include "base/cleanup.h"
#include "base/file.h"

enum {
    AUXV_ENTRIES = 64,
    SCAN_BYTES = 1024 * 1024, /* of code, in which every C library has a system call */
    SIGNALS_SEEN = 32,        /* pending, at a time: standard ones are there once each */
    CALL_ENTERED = 1,         /* PTRACE_EVENTMSG_SYSCALL_ENTRY and _EXIT */
    CALL_LEFT = 2,
    STOPS_MAX = 64, /* that may come between: a storm of SIGSTOPs */
};

int sph_remote_image_read(pid_t pid, struct sph_remote_image *ret_image) {
    char path[32];
    ElfW(auxv_t) entries[AUXV_ENTRIES];
    (void)snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
    sph_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t len = sph_fd_read_full(fd, entries, sizeof(entries));
    if (len < 0)
        return (int)len;
    struct sph_remote_image image = {.base = 0};
    for (size_t i = 0; i < (size_t)len / sizeof(entries[0]); i++) {
        if (entries[i].a_type == AT_BASE)
            image.base = entries[i].a_un.a_val;
        else if (entries[i].a_type == AT_PHDR)
            image.headers = entries[i].a_un.a_val;
        else if (entries[i].a_type == AT_PHNUM)
            image.n_headers = entries[i].a_un.a_val;
    }
    *ret_image = image;
    return 0;
}

int sph_remote_read(pid_t pid, uint64_t address, void *ret_bytes, size_t len) {
    struct iovec here = {.iov_base = ret_bytes, .iov_len = len};
    struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = len};
    ssize_t n = process_vm_readv(pid, &here, 1, &there, 1, 0);
    if (n < 0)
        return -errno;
    return (size_t)n == len ? 0 : -EFAULT;
}

int sph_remote_put(pid_t pid, uint64_t address, const void *bytes, size_t len) {
    char path[32];
    (void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    sph_autoclose int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = pwrite(fd, bytes, len, (off_t)address);
    if (n < 0)
        return -errno;
    return (size_t)n == len ? 0 : -EFAULT;
}

/* The executable segment of the image whose ELF header is at `code`. */
static int find_code(pid_t pid, uint64_t code, uint64_t *ret_start, uint64_t *ret_bytes) {
    ElfW(Ehdr) header;
    ElfW(Phdr) segment;
    int rc = sph_remote_read(pid, code, &header, sizeof(header));
    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        rc = sph_remote_read(pid, code + header.e_phoff + i * sizeof(segment), &segment,
                             sizeof(segment));
        if (rc < 0)
            return rc;
        if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X))
            continue;
        *ret_start = code + segment.p_vaddr;
        *ret_bytes = segment.p_filesz;
        return 0;
    }
    return -ENOEXEC;
}

/* Its bytes are a system call wherever they stand, inside of another instruction too. */
static int find_instruction(struct sph_remote *remote, uint64_t code) {
    uint8_t bytes[4096];
    uint64_t start, left;
    int rc = find_code(remote->tid, code, &start, &left);
    if (rc < 0)
        return rc;
    if (left > SCAN_BYTES)
        left = SCAN_BYTES;
    for (; left >= 2; start += sizeof(bytes) - 2, left -= sizeof(bytes) - 2) {
        size_t len = left < sizeof(bytes) ? (size_t)left : sizeof(bytes);
        rc = sph_remote_read(remote->tid, start, bytes, len);
        if (rc < 0)
            return rc;
        for (size_t i = 0; i + 2 <= len; i += SPH_CPU_CALL_ALIGN)
            if (memcmp(bytes + i, SPH_CPU_CALL, 2) == 0) {
                remote->instruction = start + i;
                return 0;
            }
        if (len < sizeof(bytes))
            break;
    }
    return -ENOEXEC;
}

/* Until the next stop at a system call, which is taken: CALL_ENTERED or CALL_LEFT. Anything that
 * ends the process is not taken. */
static int await_call(struct sph_remote *remote) {
    pid_t tid = remote->tid;
    for (int i = 0; i < STOPS_MAX; i++) {
        siginfo_t info = {.si_pid = 0};
        unsigned long message = 0;
        int status;
        if (ptrace(PTRACE_SYSCALL, tid, NULL, NULL) < 0)
            return -errno;
        while (waitid(P_PID, (id_t)tid, &info, WEXITED | WSTOPPED | WNOWAIT | __WALL) < 0)
            if (errno != EINTR)
                return -errno;
        if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED)
            return -ESRCH;
        if (info.si_status >> 8 == PTRACE_EVENT_EXIT)
            return -ESRCH;
        if (waitpid(tid, &status, __WALL) != tid)
            return -ESRCH;
        if (WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80))
            return ptrace(PTRACE_GETEVENTMSG, tid, NULL, &message) < 0 ? -errno : (int)message;
        if (status >> 16 == 0 && WSTOPSIG(status) == SIGSTOP)
            remote->was_stopped = true;
    }
    return -EBUSY;
}

static int get_registers(pid_t tid, void *registers, size_t *ret_len) {
    struct iovec part = {.iov_base = registers, .iov_len = SPH_REMOTE_REGISTERS};
    if (ptrace(PTRACE_GETREGSET, tid, (void *)(uintptr_t)NT_PRSTATUS, &part) < 0)
        return -errno;
    *ret_len = part.iov_len;
    return 0;
}

static int set_registers(pid_t tid, void *registers, size_t len) {
    struct iovec part = {.iov_base = registers, .iov_len = len};
    return ptrace(PTRACE_SETREGSET, tid, (void *)(uintptr_t)NT_PRSTATUS, &part) < 0 ? -errno : 0;
}

static int hold_signals(struct sph_remote *remote) {
    uint64_t all = ~UINT64_C(0);
    if (ptrace(PTRACE_GETSIGMASK, remote->tid, (void *)sizeof(remote->mask), &remote->mask) < 0 ||
        ptrace(PTRACE_SETSIGMASK, remote->tid, (void *)sizeof(all), &all) < 0)
        return -errno;
    return 0;
}

/* Through the instruction with these registers, which the call's result comes back in. A call that
 * the thread stands in comes to its end first, where the kernel tells of that. */
static int pass_through(struct sph_remote *remote, void *registers) {
    size_t len = remote->registers_len;
    int rc = set_registers(remote->tid, registers, len);
    if (rc == 0)
        rc = await_call(remote);
    if (rc == CALL_LEFT) {
        rc = set_registers(remote->tid, registers, len);
        if (rc == 0)
            rc = await_call(remote);
    }
    if (rc == CALL_ENTERED)
        rc = await_call(remote);
    if (rc != CALL_LEFT)
        return rc < 0 ? rc : -EPROTO;
    return get_registers(remote->tid, registers, &len);
}

int sph_remote_call(struct sph_remote *remote, long number, const uint64_t arguments[6],
                    uint64_t *ret_value) {
    _Alignas(16) uint8_t registers[SPH_REMOTE_REGISTERS];
    memcpy(registers, remote->registers, sizeof(registers));
    sph_cpu_prepare(registers, remote->instruction, number, arguments);
    int rc = pass_through(remote, registers);
    if (rc < 0)
        return rc;
    int64_t value = sph_cpu_result(registers);
    if (value < 0 && value > -4096)
        return (int)value;
    *ret_value = (uintptr_t)value; /* an address of 32 bits is no negative number */
    return 0;
}

/* execve's own result is yet to be written into a register, 32-bit ARM's first argument: a call
 * without any comes first. */
static int leave_exec(struct sph_remote *remote) {
    const uint64_t none[6] = {0};
    uint64_t pid;
    return sph_remote_call(remote, SYS_getpid, none, &pid);
}

int sph_remote_open(struct sph_remote *remote, pid_t tid, uint64_t code, bool is_exec,
                    struct sph_err *err) {
    *remote = (struct sph_remote){.tid = tid};
    int rc = find_instruction(remote, code);
    if (rc == 0)
        rc = hold_signals(remote);
    if (rc == 0)
        rc = get_registers(tid, remote->registers, &remote->registers_len);
    if (rc == 0 && is_exec)
        rc = leave_exec(remote);
    if (rc == 0) {
        remote->text = sph_cpu_sp(remote->registers);
        rc = sph_remote_read(tid, remote->text, remote->kept, sizeof(remote->kept));
    }
    return rc < 0 ? SPH_FAIL_ERRNO(err, rc, "Cannot look into the application before it starts")
                  : 0;
}

int sph_remote_lend(struct sph_remote *remote, const char *text) {
    size_t len = strlen(text) + 1;
    return len > sizeof(remote->kept) ? -ENAMETOOLONG
                                      : sph_remote_put(remote->tid, remote->text, text, len);
}

/* A SIGCONT that came after the stop took it back. It is held back itself, so it can be seen. */
static bool is_continued(pid_t tid) {
    siginfo_t found[SIGNALS_SEEN];
    for (unsigned shared = 0; shared < 2; shared++) {
        struct __ptrace_peeksiginfo_args which = {.flags = shared ? PTRACE_PEEKSIGINFO_SHARED : 0,
                                                  .nr = SIGNALS_SEEN};
        long count = ptrace(PTRACE_PEEKSIGINFO, tid, &which, found);
        for (long i = 0; i < count; i++)
            if (found[i].si_signo == SIGCONT)
                return true;
    }
    return false;
}

int sph_remote_close(struct sph_remote *remote) {
    bool stop = remote->was_stopped && !is_continued(remote->tid);
    int rc = sph_remote_put(remote->tid, remote->text, remote->kept, sizeof(remote->kept));
    if (rc == 0)
        rc = set_registers(remote->tid, remote->registers, remote->registers_len);
    if (rc == 0 &&
        ptrace(PTRACE_SETSIGMASK, remote->tid, (void *)sizeof(remote->mask), &remote->mask) < 0)
        rc = -errno;
    if (rc == 0 && stop)
        (void)kill(remote->tid, SIGSTOP); /* taken by the loop, as any other */
    return rc;
}
