/* What the loader says of a refused program, and the meter of a machine that it cannot work on. */
#include "meter/bpf_loader.h"

#include "base/testing.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/wait.h>

#include "meter/meter_private.h"

struct tail {
    const char *log;
    size_t size;
    const char *tail;
};
static const struct tail tails[] = {
    {"", 40, ""},
    {"one\n", 40, "one"},
    {"one\ntwo\n", 40, "one; two"},
    {"0: (b7) r0 = 0\n1: (95) exit\nR0 !read_ok\nprocessed 2 insns (limit 1000000)\n", 40,
     "1: (95) exit; R0 !read_ok"},
    {"a line that is longer than what there is room for\n", 20, "a line that is lon"},
    {"processed 2 insns\n", 40, "processed 2 insns"},
    {"\n\n\n", 40, ""},
};

static void log_tails(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(tails); i++) {
        char tail[64];
        sph_bpf_log_tail(tails[i].log, strlen(tails[i].log), tail, tails[i].size);
        assert_string_equal(tail, tails[i].tail);
    }
}

static void releases(void **state) {
    (void)state;
    assert_int_equal(sph_meter_check_release("6.2.0"), 0);
    assert_int_equal(sph_meter_check_release("6.18.44-fc-v669"), 0);
    assert_int_equal(sph_meter_check_release("7.0"), 0);
    assert_int_equal(sph_meter_check_release("6.1.0-18-amd64"), -ENOSYS);
    assert_int_equal(sph_meter_check_release("5.15.0"), -ENOSYS);
    assert_int_equal(sph_meter_check_release(""), -EINVAL);
    assert_int_equal(sph_meter_check_release("6"), -EINVAL);
    assert_int_equal(sph_meter_check_release("6.x"), -EINVAL);
    assert_int_equal(sph_meter_check_release("x.2"), -EINVAL);
}

/* Runs in a child: its privilege or its kernel's name is taken away first. */
static void expect_refusal(void (*prepare)(void), bool pinned, int code, const char *start,
                           const char *end) {
    const struct sph_meter_options options = {.pinned_kernel = pinned};
    pid_t pid = fork();
    if (pid == 0) {
        struct sph_meter *meter = NULL;
        struct sph_err err = SPH_ERR_NULL;
        prepare();
        int error = sph_meter_open(262144, &options, &meter, &err);
        size_t len = strlen(err.text);
        if (error != code || strncmp(err.text, start, strlen(start)) != 0 || len < strlen(end) ||
            strcmp(err.text + len - strlen(end), end) != 0) {
            (void)fprintf(stderr, "%d: %s\n", error, err.text);
            _exit(1);
        }
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void drop_privilege(void) {
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        _exit(2);
}

/* UNAME26: the kernel calls itself 2.6.x to this process. */
static void age_kernel(void) {
    if (personality(0x0020000) < 0)
        _exit(2);
}

static void refusals_name_the_virtual_device(void **state) {
    (void)state;
    expect_refusal(
        drop_privilege, true, -EPERM,
        "metering natively needs root (or the capabilities BPF, PERFMON and SYS_ADMIN): ",
        "run as root, or use a virtual device");
    expect_refusal(age_kernel, false, -ENOSYS, "this kernel (2.6.",
                   ") counts pages exactly only from 6.2 on: cannot meter natively here, use a "
                   "virtual device");
}

/* A program that the kernel must refuse: it ends without an answer. */
static void refused_program(void **state) {
    static const uint64_t code[] = {0x95};        /* exit */
    static const uint64_t sound[] = {0xb7, 0x95}; /* r0 = 0; exit */
    static const struct sph_bpf_reloc sound_relocs[] = {{0, 0}};
    struct sph_bpf_program probe = SPH_BPF_PROGRAM("sound", BPF_PROG_TYPE_RAW_TRACEPOINT, sound);
    static const struct sph_bpf_reloc code_relocs[] = {{9, 0}};
    struct sph_bpf_program program = SPH_BPF_PROGRAM("bad", BPF_PROG_TYPE_RAW_TRACEPOINT, code);
    const int maps[1] = {-1};
    struct sph_err err = SPH_ERR_NULL;
    (void)state;
    assert_int_equal(sph_bpf_program_load(&program, maps, 1, &err), -EINVAL);
    assert_err(&err, -EINVAL, "the meter's program bad is damaged: Invalid argument");
    probe.n_relocs = program.n_relocs = 0;
    int fd = sph_bpf_program_load(&probe, maps, 1, NULL);
    if (fd < 0)
        skip(); /* no privilege, or a kernel without such programs */
    (void)close(fd);
    assert_int_equal(sph_bpf_program_load(&program, maps, 1, &err), -EACCES);
    assert_non_null(strstr(err.text, "the kernel refused the meter's program bad ("));
    assert_non_null(strstr(err.text, "R0 !read_ok"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_tails),
        cmocka_unit_test(releases),
        cmocka_unit_test(refusals_name_the_virtual_device),
        cmocka_unit_test(refused_program),
    };
    return cmocka_run_group_tests_name("bpf_loader", tests, NULL, NULL);
}
