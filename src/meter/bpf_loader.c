/* bpf_loader: bpf(2) without a library: the meter needs two programs, four maps and no type data.
 * libbpf was rejected: it brings libelf and zlib into a static agent, to do at run time what
 * bpf_embed does when building. */
#include "meter/bpf_loader.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "meter/meter_abi.h"

/* The program's calls are numbers: the numbers must be the kernel's. */
_Static_assert(BPF_FUNC_map_lookup_elem == (int)SPH_ABI_CALL_MAP_LOOKUP, "call number");
_Static_assert(BPF_FUNC_map_update_elem == (int)SPH_ABI_CALL_MAP_UPDATE, "call number");
_Static_assert(BPF_FUNC_map_delete_elem == (int)SPH_ABI_CALL_MAP_DELETE, "call number");
_Static_assert(BPF_FUNC_ktime_get_ns == (int)SPH_ABI_CALL_KTIME, "call number");
_Static_assert(BPF_FUNC_get_current_pid_tgid == (int)SPH_ABI_CALL_PID_TGID, "call number");
_Static_assert(BPF_FUNC_get_stack == (int)SPH_ABI_CALL_GET_STACK, "call number");
_Static_assert(BPF_FUNC_get_current_cgroup_id == (int)SPH_ABI_CALL_CGROUP_ID, "call number");
_Static_assert(BPF_FUNC_send_signal == (int)SPH_ABI_CALL_SEND_SIGNAL, "call number");
_Static_assert(BPF_FUNC_ringbuf_reserve == (int)SPH_ABI_CALL_RING_RESERVE, "call number");
_Static_assert(BPF_FUNC_ringbuf_submit == (int)SPH_ABI_CALL_RING_SUBMIT, "call number");
_Static_assert(BPF_FUNC_ringbuf_query == (int)SPH_ABI_CALL_RING_QUERY, "call number");

enum {
    INSN_MAX = 4096, /* instructions; the program has some hundreds */
    LOG_BYTES =
        1 << 20,     /* the verifier's account of a refused program; held only after a refusal */
    LOG_SHOWN = 160, /* of the sentence's 320 bytes */
};

/* The C library has no wrapper for this call. */
static int bpf(int command, union bpf_attr *attr, size_t size) {
    long result = syscall(SYS_bpf, command, attr, size);
    return result < 0 ? -errno : (int)result;
}

/* The kernel takes pointers as 64-bit numbers on every machine. */
static uint64_t address(const void *pointer) {
    return (uint64_t)(uintptr_t)pointer;
}

/* Names are for people who list the kernel's maps; a long one is cut. */
static void copy_name(char *ret_name, const char *name) {
    (void)memcpy(ret_name, name, strnlen(name, BPF_OBJ_NAME_LEN - 1));
}

int sph_bpf_map_create(const struct sph_bpf_map *map, struct sph_err *err) {
    union bpf_attr attr = {
        .map_type = map->type,
        .key_size = map->key_bytes,
        .value_size = map->value_bytes,
        .max_entries = map->entries,
        .map_flags = map->flags,
    };
    copy_name(attr.map_name, map->name);
    int fd = bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
    if (fd < 0)
        return SPH_FAIL_ERRNO(err, fd, "cannot make the meter's kernel map %s", map->name);
    return fd;
}

/* Instruction with the map's address: two words, source register 1 = "the value is a descriptor".
 */
static int relocate(const struct sph_bpf_program *program, const int *map_fds, size_t n_maps,
                    uint64_t *insns) {
    for (size_t i = 0; i < program->n_relocs; i++) {
        const struct sph_bpf_reloc *reloc = &program->relocs[i];
        if (reloc->insn >= program->n_insns || reloc->map >= n_maps)
            return -EINVAL;
        uint64_t low = insns[reloc->insn] & 0x0fffu;
        insns[reloc->insn] =
            low | (uint64_t)BPF_PSEUDO_MAP_FD << 12 | (uint64_t)(uint32_t)map_fds[reloc->map] << 32;
    }
    return 0;
}

/* Where the last line of the log starts. */
static size_t last_line(const char *log, size_t len) {
    while (len > 0 && log[len - 1] != '\n')
        len--;
    return len;
}

/* The log's length without what ends it. */
static size_t without_newlines(const char *log, size_t len) {
    while (len > 0 && (log[len - 1] == '\n' || log[len - 1] == '\0'))
        len--;
    return len;
}

void sph_bpf_log_tail(const char *log, size_t len, char *ret_tail, size_t size) {
    static const char statistics[] = "processed ";
    len = without_newlines(log, len);
    size_t start = last_line(log, len);
    if (start > 0 && len - start >= strlen(statistics) &&
        memcmp(log + start, statistics, strlen(statistics)) == 0) {
        len = without_newlines(log, start);
        start = last_line(log, len);
    }
    while (start > 0 && len - last_line(log, start - 1) + 2 < size)
        start = last_line(log, start - 1);
    size_t used = 0;
    for (size_t i = start; i < len && used + 2 < size; i++) {
        if (log[i] == '\n')
            ret_tail[used++] = ';';
        ret_tail[used++] = log[i] == '\n' ? ' ' : log[i];
    }
    ret_tail[used] = '\0';
}

/* Loads once more, now with a log: a log slows every load down, and is wanted only here. Should
 * the second try succeed, its program is as good as the first one's would have been. */
static int explain_refusal(const struct sph_bpf_program *program, union bpf_attr *attr, int code,
                           struct sph_err *err) {
    sph_autofree char *log = calloc(1, LOG_BYTES);
    char tail[LOG_SHOWN] = "";
    if (log) {
        attr->log_buf = address(log);
        attr->log_size = LOG_BYTES;
        attr->log_level = 1;
        int fd = bpf(BPF_PROG_LOAD, attr, sizeof(*attr));
        if (fd >= 0)
            return fd;
        sph_bpf_log_tail(log, strnlen(log, LOG_BYTES), tail, sizeof(tail));
    }
    return SPH_FAIL_ERRNO(err, code, "the kernel refused the meter's program %s (%s)",
                          program->name, tail[0] ? tail : "it gives no reason");
}

int sph_bpf_program_load(const struct sph_bpf_program *program, const int *map_fds, size_t n_maps,
                         struct sph_err *err) {
    if (program->n_insns > INSN_MAX)
        return SPH_FAIL(err, -E2BIG, "the meter's program %s is too long", program->name);
    sph_autofree uint64_t *insns = malloc(program->n_insns * sizeof(*insns));
    if (!insns)
        return SPH_FAIL_ERRNO(err, -ENOMEM, "cannot load the meter's program");
    (void)memcpy(insns, program->insns, program->n_insns * sizeof(*insns));
    int error = relocate(program, map_fds, n_maps, insns);
    if (error)
        return SPH_FAIL_ERRNO(err, error, "the meter's program %s is damaged", program->name);
    union bpf_attr attr = {
        .prog_type = program->type,
        .insn_cnt = (uint32_t)program->n_insns,
        .insns = address(insns),
        /* bpf_get_stack is given to GPL-compatible programs only. */
        .license = address("Dual MIT/GPL"),
    };
    copy_name(attr.prog_name, program->name);
    int fd = bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
    return fd >= 0 ? fd : explain_refusal(program, &attr, fd, err);
}

/* BPF_PROG_TEST_RUN of a raw tracepoint program: runs it in this process, at once, with `arg`
 * for its context. */
int sph_bpf_program_run(int fd, const void *arg, size_t len) {
    union bpf_attr attr = {
        .test = {.prog_fd = (uint32_t)fd, .ctx_in = address(arg), .ctx_size_in = (uint32_t)len}};
    int error = bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr));
    return error < 0 ? error : (int)attr.test.retval;
}

/* recursion_misses counts for tracepoints since 6.7; earlier kernels leave it at zero. */
uint64_t sph_bpf_program_missed(int fd) {
    struct bpf_prog_info info = {.type = 0};
    union bpf_attr attr = {
        .info = {.bpf_fd = (uint32_t)fd, .info_len = sizeof(info), .info = address(&info)}};
    return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) == 0 ? info.recursion_misses : 0;
}

/* All four commands on elements fill the same part of the request. */
static int map_command(int command, int fd, const void *key, const void *value, uint64_t flags) {
    union bpf_attr attr = {.map_fd = (uint32_t)fd, .key = address(key)};
    attr.value = address(value);
    attr.flags = flags;
    return bpf(command, &attr, sizeof(attr));
}

int sph_bpf_map_update(int fd, const void *key, const void *value, uint64_t flags) {
    return map_command(BPF_MAP_UPDATE_ELEM, fd, key, value, flags);
}

int sph_bpf_map_lookup(int fd, const void *key, void *ret_value) {
    return map_command(BPF_MAP_LOOKUP_ELEM, fd, key, ret_value, 0);
}

int sph_bpf_map_delete(int fd, const void *key) {
    return map_command(BPF_MAP_DELETE_ELEM, fd, key, NULL, 0);
}

int sph_bpf_map_next_key(int fd, const void *key, void *ret_key) {
    return map_command(BPF_MAP_GET_NEXT_KEY, fd, key, ret_key, 0);
}

/* One perf event is enough: the program runs on every CPU as soon as the event has it. */
int sph_bpf_attach_tracepoint(int program_fd, uint64_t id, struct sph_err *err) {
    struct perf_event_attr attr = {
        .type = PERF_TYPE_TRACEPOINT,
        .size = sizeof(attr),
        .config = id,
        .sample_period = 1,
        .wakeup_events = 1,
    };
    long opened = -1;
    for (long cpu = 0; cpu < 64 && opened < 0; cpu++) { /* CPU 0 may be offline */
        opened = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
        if (opened < 0 && errno != ENODEV)
            break;
    }
    if (opened < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot open the kernel event kmem:rss_stat");
    sph_autoclose int fd = (int)opened;
    if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, program_fd) != 0 ||
        ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) != 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot attach to the kernel event kmem:rss_stat");
    return SPH_STEAL_FD(fd);
}
