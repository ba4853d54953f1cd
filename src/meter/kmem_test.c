/* The texts of both memory controllers, cut at every byte. */
#include "meter/kmem.h"

#include "base/testing.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* memory.stat as kernel 6.1 writes it (6.18 has more rows, in between). */
static const char stat_6_1[] = "anon 49152\n"
                               "file 0\n"
                               "kernel 45056\n"
                               "kernel_stack 16384\n"
                               "pagetables 20480\n"
                               "sec_pagetables 0\n"
                               "percpu 504\n"
                               "sock 8192\n"
                               "vmalloc 0\n"
                               "shmem 0\n"
                               "zswap 0\n"
                               "file_mapped 0\n"
                               "inactive_anon 45056\n"
                               "slab_reclaimable 1432\n"
                               "slab_unreclaimable 5024\n"
                               "slab 6456\n"
                               "pgfault 1202\n";

/* Before 5.18 there is no sum. */
static const char stat_5_10[] = "anon 49152\n"
                                "kernel_stack 16384\n"
                                "percpu 504\n"
                                "sock 4096\n"
                                "slab 6456\n";

static void v2_figures(void **state) {
    struct sph_kmem_figures figures;
    (void)state;
    assert_int_equal(sph_kmem_parse_v2(stat_6_1, strlen(stat_6_1), &figures), 0);
    assert_int_equal(figures.kernel, 45056);
    assert_int_equal(figures.sock, 8192);
    assert_int_equal(figures.total, 45056 + 8192);
    assert_int_equal(figures.kernel_stack, 16384);
    assert_int_equal(figures.pagetables, 20480);
    assert_int_equal(figures.slab, 6456);
    assert_true(figures.has_parts);
    assert_int_equal(sph_kmem_parse_v2(stat_5_10, strlen(stat_5_10), &figures), 0);
    assert_int_equal(figures.kernel, 16384 + 504 + 6456);
    assert_int_equal(figures.total, 16384 + 504 + 6456 + 4096);
}

static void v2_cut(void **state) {
    (void)state;
    size_t enough = (size_t)(strstr(stat_6_1, "pgfault") - stat_6_1);
    for (size_t len = 0; len <= strlen(stat_6_1); len++) {
        struct sph_kmem_figures figures = {.total = 7};
        char *copy = malloc(len + 1);
        assert_non_null(copy);
        (void)memcpy(copy, stat_6_1, len);
        bool whole = len >= enough && stat_6_1[len - 1] == '\n';
        assert_int_equal(sph_kmem_parse_v2(copy, len, &figures), whole ? 0 : -EBADMSG);
        assert_int_equal(figures.total, whole ? 53248 : 7);
        free(copy);
    }
}

static void v2_bad(void **state) {
    static const char *const bad[] = {
        "",
        "kernel_stack 1\nsock 1\n",
        "kernel_stack 1\nsock 1\nslab x\n",
        "kernel_stack 1\nsock 1\nslab \n",
        "kernel_stack 1\nsock 1\nslab 99999999999999999999\n",
        "kernel_stack 1\nsock\nslab 1\n",
        "kernel_stack 1\nsock -1\nslab 1\n",
    };
    struct sph_kmem_figures figures;
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(bad); i++)
        assert_int_equal(sph_kmem_parse_v2(bad[i], strlen(bad[i]), &figures), -EBADMSG);
}

static void v1_numbers(void **state) {
    static const char text[] = "4333568\n";
    uint64_t bytes = 0;
    (void)state;
    for (size_t len = 0; len < strlen(text); len++)
        assert_int_equal(sph_kmem_parse_v1(text, len, &bytes), -EBADMSG);
    assert_int_equal(sph_kmem_parse_v1(text, strlen(text), &bytes), 0);
    assert_int_equal(bytes, 4333568);
    assert_int_equal(sph_kmem_parse_v1("\n", 1, &bytes), -EBADMSG);
    assert_int_equal(sph_kmem_parse_v1("-1\n", 3, &bytes), -EBADMSG);
    assert_int_equal(sph_kmem_parse_v1("1 2\n", 4, &bytes), -EBADMSG);
}

static void write_text(int dir, const char *name, const char *text) {
    assert_int_equal(sph_file_replace(dir, name, text, strlen(text), 0600, NULL), 0);
}

/* Folders that look like the two controllers'. */
static void reads_both_kinds(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_kmem *kmem = NULL;
    struct sph_kmem_figures figures;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_kmem_open(SPH_MEMCTL_V1, scratch->fd, &kmem, &err), -ENOENT);
    write_text(scratch->fd, "memory.kmem.usage_in_bytes", "36864\n");
    assert_int_equal(sph_kmem_open(SPH_MEMCTL_V1, scratch->fd, &kmem, &err), 0);
    assert_int_equal(sph_kmem_read(kmem, &figures, &err), 0);
    assert_int_equal(figures.total, 36864); /* no TCP accounting */
    write_text(scratch->fd, "memory.kmem.tcp.usage_in_bytes", "4096\n");
    assert_int_equal(sph_kmem_read(kmem, &figures, &err), 0);
    assert_int_equal(figures.total, 40960);
    assert_int_equal(figures.sock, 4096);
    assert_false(figures.has_parts);
    write_text(scratch->fd, "memory.kmem.usage_in_bytes", "36864");
    assert_int_equal(sph_kmem_read(kmem, &figures, &err), -EBADMSG);
    assert_err(&err, -EBADMSG, "the kernel's memory.kmem.usage_in_bytes is unreadable");
    assert_null(sph_kmem_close(kmem));

    write_text(scratch->fd, "memory.stat", "nonsense\n");
    assert_int_equal(sph_kmem_open(SPH_MEMCTL_V2, scratch->fd, &kmem, &err), -EBADMSG);
    assert_err(&err, -EBADMSG, "the kernel's memory.stat is unreadable");
    write_text(scratch->fd, "memory.stat", stat_6_1);
    assert_int_equal(sph_kmem_open(SPH_MEMCTL_V2, scratch->fd, &kmem, &err), 0);
    assert_int_equal(sph_kmem_read(kmem, &figures, &err), 0);
    assert_int_equal(figures.total, 53248);
    assert_null(sph_kmem_close(kmem));
    assert_null(sph_kmem_close(NULL));
}

static void no_controller(void **state) {
    struct sph_kmem *kmem = NULL;
    struct sph_err err = SPH_ERR_NULL;
    (void)state;
    assert_int_equal(sph_kmem_open(SPH_MEMCTL_NONE, -1, &kmem, &err), -EOPNOTSUPP);
    assert_err(&err, -EOPNOTSUPP, "kernel memory cannot be told: there is no memory controller");
    assert_int_equal(sph_kmem_open(SPH_MEMCTL_V1, -1, &kmem, &err), -EBADF);
    assert_err(&err, -EBADF, "cannot read kernel memory: Bad file descriptor");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v2_figures),
        cmocka_unit_test(v2_cut),
        cmocka_unit_test(v2_bad),
        cmocka_unit_test(v1_numbers),
        cmocka_unit_test_setup_teardown(reads_both_kinds, sph_scratch_make, sph_scratch_remove),
        cmocka_unit_test(no_controller),
    };
    return cmocka_run_group_tests_name("kmem", tests, NULL, NULL);
}
