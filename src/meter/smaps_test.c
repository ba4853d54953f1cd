/* smaps_rollup of two kernels, cut at every byte; and the reader against memory that is known. */
#include "meter/smaps.h"

#include "meter/proc_file.h"

#include "base/testing.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define PAGE ((size_t)4096)

static const char rollup_6_18[] =
    "563732565000-7ffdcc625000 ---p 00000000 00:00 0                          [rollup]\n"
    "Rss:                1744 kB\n"
    "Pss:                 314 kB\n"
    "Pss_Dirty:           112 kB\n"
    "Pss_Anon:            112 kB\n"
    "Pss_File:            202 kB\n"
    "Pss_Shmem:             0 kB\n"
    "Shared_Clean:       1592 kB\n"
    "Shared_Dirty:          0 kB\n"
    "Private_Clean:        40 kB\n"
    "Private_Dirty:       112 kB\n"
    "Referenced:         1744 kB\n"
    "Anonymous:           116 kB\n"
    "KSM:                   0 kB\n"
    "LazyFree:              0 kB\n"
    "AnonHugePages:         0 kB\n"
    "ShmemPmdMapped:        0 kB\n"
    "FilePmdMapped:         0 kB\n"
    "Shared_Hugetlb:        0 kB\n"
    "Private_Hugetlb:       0 kB\n"
    "Swap:                  8 kB\n"
    "SwapPss:               4 kB\n"
    "Locked:                0 kB\n";

static const char rollup_6_1[] = "00010000-bedd1000 ---p 00000000 00:00 0          [rollup]\n"
                                 "Rss:                 520 kB\n"
                                 "Pss:                  81 kB\n"
                                 "Referenced:          520 kB\n"
                                 "Anonymous:            36 kB\n"
                                 "LazyFree:              0 kB\n"
                                 "Swap:                  0 kB\n"
                                 "SwapPss:               0 kB\n"
                                 "Locked:                0 kB\n";

static void whole_texts(void **state) {
    struct sph_smaps sums;
    (void)state;
    assert_int_equal(sph_smaps_parse_rollup(rollup_6_18, strlen(rollup_6_18), &sums), 0);
    assert_int_equal(sums.rss, 1744 * 1024);
    assert_int_equal(sums.anonymous, 116 * 1024);
    assert_int_equal(sums.swap, 8 * 1024);
    assert_int_equal(sums.shmem, 0);
    assert_int_equal(sph_smaps_parse_rollup(rollup_6_1, strlen(rollup_6_1), &sums), 0);
    assert_int_equal(sums.rss, 520 * 1024);
    assert_int_equal(sums.anonymous, 36 * 1024);
}

/* A text without all its fields, or that ends inside a line, is refused; *ret stays as it was. */
static void cut_texts(void **state) {
    (void)state;
    size_t enough = (size_t)(strstr(rollup_6_18, "SwapPss:") - rollup_6_18);
    for (size_t len = 0; len <= strlen(rollup_6_18); len++) {
        struct sph_smaps sums = {.rss = 7};
        char *copy = malloc(len + 1);
        assert_non_null(copy);
        (void)memcpy(copy, rollup_6_18, len);
        bool whole = len >= enough && rollup_6_18[len - 1] == '\n';
        assert_int_equal(sph_smaps_parse_rollup(copy, len, &sums), whole ? 0 : -EBADMSG);
        assert_int_equal(sums.rss, whole ? 1744 * 1024 : 7);
        free(copy);
    }
}

static void bad_numbers(void **state) {
    static const char *const bad[] = {
        "Rss: kB\nAnonymous: 1 kB\nSwap: 1 kB\n",
        "Rss: 1 MB\nAnonymous: 1 kB\nSwap: 1 kB\n",
        "Rss: -1 kB\nAnonymous: 1 kB\nSwap: 1 kB\n",
        "Rss: 1 kB \nAnonymous: 1 kB\nSwap: 1 kB\n",
        "Rss: 99999999999999999999 kB\nAnonymous: 1 kB\nSwap: 1 kB\n",
        "Rss: 1 kB\nAnonymous: 1 kB\n",
    };
    struct sph_smaps sums;
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(bad); i++)
        assert_int_equal(sph_smaps_parse_rollup(bad[i], strlen(bad[i]), &sums), -EBADMSG);
}

/* A child that holds still, with so many anonymous and shared pages more than before. */
static void own_memory(void **state) {
    enum { ANON = 11, SHARED = 7 };
    struct sph_smaps before;
    struct sph_smaps after;
    int ready[2];
    int go[2];
    char byte = 0;
    (void)state;
    assert_true(pipe(ready) == 0 && pipe(go) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        char *anon =
            mmap(NULL, ANON * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        char *shared = mmap(NULL, SHARED * PAGE * 2, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        bool ok = write(ready[1], "r", 1) == 1 && read(go[0], &byte, 1) == 1;
        (void)memset(anon, 1, ANON * PAGE);
        (void)memset(shared, 1, SHARED * PAGE);
        ok = ok && write(ready[1], "r", 1) == 1 && read(go[0], &byte, 1) == 1;
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(sph_smaps_read(pid, &before, NULL), 0);
    assert_true(write(go[1], "g", 1) == 1 && read(ready[0], &byte, 1) == 1);
    assert_int_equal(sph_smaps_read(pid, &after, NULL), 0);
    assert_int_equal(after.anonymous, before.anonymous + ANON * PAGE);
    assert_int_equal(after.shmem, before.shmem + SHARED * PAGE);
    struct sph_smaps rollup;
    assert_int_equal(sph_smaps_read_rollup(pid, &rollup, NULL), 0);
    assert_int_equal(rollup.anonymous, after.anonymous);
    assert_int_equal(rollup.rss, after.rss);
    assert_int_equal(write(go[1], "g", 1), 1);
    int status = -1;
    struct sph_err err = SPH_ERR_NULL;
    char sentence[64];
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    (void)snprintf(sentence, sizeof(sentence), "process %d is gone", (int)pid);
    assert_int_equal(sph_smaps_read(pid, &after, &err), -ESRCH); /* ended, not yet waited for */
    assert_err(&err, -ESRCH, sentence);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(sph_smaps_read_rollup(pid, &after, &err), -ESRCH);
    assert_err(&err, -ESRCH, sentence);
}

/* By the name alone, as for a process whose map_files cannot be looked at: there is no process -1.
 */
static void shared_memory_is_told(void **state) {
    (void)state;
    static const struct {
        struct sph_maps_entry entry;
        bool is_shmem;
    } rows[] = {
        {{.inode = 7, .name = "/memfd:a (deleted)"}, true},
        {{.inode = 7, .name = "/SYSV00000000 (deleted)"}, true},
        {{.inode = 0, .name = "/SYSV00000000 (deleted)"}, true}, /* the kernel's first segment */
        {{.inode = 0, .name = ""}, false},
        {{.inode = 0, .name = "[heap]"}, false},
        {{.inode = 7, .name = "/bin/app"}, false},
        {{.dev_major = 8, .inode = 7, .name = "/memfd:a (deleted)"}, false},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++)
        assert_int_equal(sph_proc_is_shmem(-1, &rows[i].entry), rows[i].is_shmem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_texts),           cmocka_unit_test(cut_texts),
        cmocka_unit_test(bad_numbers),           cmocka_unit_test(own_memory),
        cmocka_unit_test(shared_memory_is_told),
    };
    return cmocka_run_group_tests_name("smaps", tests, NULL, NULL);
}
