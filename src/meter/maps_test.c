/* Lines of /proc/PID/maps as kernels write them, and what is not one. */
#include "meter/maps.h"

#include "base/testing.h"

#include <errno.h>
#include <string.h>

struct line {
    const char *text;
    struct sph_maps_entry entry;
};

static const struct line good[] = {
    {"56097d133000-56097d135000 r--p 00000000 fe:00 247134                     /usr/bin/cat",
     {.start = 0x56097d133000,
      .end = 0x56097d135000,
      .inode = 247134,
      .dev_major = 0xfe,
      .read = true,
      .name = "/usr/bin/cat"}},
    {"7f351e609000-7f351e62b000 rw-p 00000000 00:00 0 ",
     {.start = 0x7f351e609000, .end = 0x7f351e62b000, .read = true, .write = true}},
    {"7f351e609000-7f351e62b000 rwxs 000d3000 00:01 7",
     {.start = 0x7f351e609000,
      .end = 0x7f351e62b000,
      .offset = 0xd3000,
      .inode = 7,
      .dev_minor = 1,
      .read = true,
      .write = true,
      .exec = true,
      .shared = true}},
    {"00010000-00021000 ---p 00000000 1f:03 1          /mnt/a b \\012c (deleted)",
     {.start = 0x10000,
      .end = 0x21000,
      .inode = 1,
      .dev_major = 0x1f,
      .dev_minor = 3,
      .name = "/mnt/a b \\012c (deleted)"}},
    {"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]",
     {.start = 0xffffffffff600000, .end = 0xffffffffff601000, .exec = true, .name = "[vsyscall]"}},
};

static void expect_entry(const struct sph_maps_entry *got, const struct sph_maps_entry *want) {
    assert_int_equal(got->start, want->start);
    assert_int_equal(got->end, want->end);
    assert_int_equal(got->offset, want->offset);
    assert_int_equal(got->inode, want->inode);
    assert_int_equal(got->dev_major, want->dev_major);
    assert_int_equal(got->dev_minor, want->dev_minor);
    assert_int_equal(got->read, want->read);
    assert_int_equal(got->write, want->write);
    assert_int_equal(got->exec, want->exec);
    assert_int_equal(got->shared, want->shared);
    assert_string_equal(got->name, want->name);
}

static void good_lines(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(good); i++) {
        struct sph_maps_entry entry;
        assert_int_equal(sph_maps_parse_line(good[i].text, strlen(good[i].text), &entry), 0);
        expect_entry(&entry, &good[i].entry);
    }
}

/* A cut line is refused until its inode is there; after that only the name is shorter. */
static void cut_lines(void **state) {
    (void)state;
    const char *text = good[0].text;
    size_t complete = (size_t)(strstr(text, "2471") - text) + 1;
    for (size_t len = 0; len <= strlen(text); len++) {
        struct sph_maps_entry entry;
        char *copy = malloc(len + 1); /* of exactly this size, for the sanitizer to watch */
        assert_non_null(copy);
        (void)memcpy(copy, text, len);
        assert_int_equal(sph_maps_parse_line(copy, len, &entry), len < complete ? -EBADMSG : 0);
        free(copy);
    }
}

static void bad_lines(void **state) {
    static const char *const bad[] = {
        "",
        "Rss:                1744 kB",
        "56097d135000-56097d133000 r--p 00000000 fe:00 1 /x",
        "56097d133000-56097d133000 r--p 00000000 fe:00 1 /x",
        "56097d133000 56097d135000 r--p 00000000 fe:00 1 /x",
        "56097d133000-56097d135000 r--q 00000000 fe:00 1 /x",
        "56097d133000-56097d135000 w--p 00000000 fe:00 1 /x",
        "56097d133000-56097d135000 r--p00000000 fe:00 1 /x",
        "56097d133000-56097d135000 r--p 0000000g fe:00 1 /x",
        "56097D133000-56097d135000 r--p 00000000 fe:00 1 /x",
        "156097d1330000000-256097d1350000000 r--p 00000000 fe:00 1 /x",
        "1000-2000 r--p 00000000 1fe000000:00 1 /x",
        "1000-2000 r--p 00000000 fe:00 99999999999999999999 /x",
        "1000-2000 r--p 00000000 fe:00 1/x",
        "1000-2000 r--p 00000000 fe:00 ",
    };
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(bad); i++) {
        struct sph_maps_entry entry;
        if (sph_maps_parse_line(bad[i], strlen(bad[i]), &entry) != -EBADMSG)
            fail_msg("taken: %s", bad[i]);
    }
}

/* Of a long path the end is kept: the file's own name. */
static void long_names(void **state) {
    char line[600] = "1000-2000 r-xp 00000000 fe:00 1 /";
    struct sph_maps_entry entry;
    (void)state;
    size_t used = strlen(line);
    (void)memset(line + used, 'd', 400);
    (void)snprintf(line + used + 400, 32, "/bin/app");
    assert_int_equal(sph_maps_parse_line(line, strlen(line), &entry), 0);
    assert_int_equal(strlen(entry.name), SPH_MAPS_NAME_MAX - 1);
    assert_string_equal(entry.name + SPH_MAPS_NAME_MAX - 1 - 8, "/bin/app");
}

struct kind {
    const char *before; /* the line before it, or NULL */
    const char *line;
    bool is_shmem;
    enum sph_maps_class class;
    const char *name;
};

#define APP_DATA "2000-3000 rw-p 00001000 fe:00 9 /mnt/apps/x/bin/app"

static const struct kind kinds[] = {
    {NULL, "1000-2000 r-xp 00000000 fe:00 9 /bin/app", false, SPH_MAPS_TEXT, "text"},
    {NULL, "1000-2000 r--p 00000000 fe:00 9 /bin/app", false, SPH_MAPS_RODATA, "rodata"},
    {NULL, APP_DATA, false, SPH_MAPS_DATA, "data"},
    {APP_DATA, "3000-5000 rw-p 00000000 00:00 0 ", false, SPH_MAPS_BSS, "bss"},
    {APP_DATA, "3000-5000 rwxp 00000000 00:00 0 ", false, SPH_MAPS_BSS, "bss"},
    {APP_DATA, "4000-5000 rw-p 00000000 00:00 0 ", false, SPH_MAPS_ANON, "anon"},
    {APP_DATA, "3000-5000 ---p 00000000 00:00 0 ", false, SPH_MAPS_ANON, "anon"},
    {APP_DATA, "3000-5000 rw-p 00000000 00:00 0 [anon:x]", false, SPH_MAPS_ANON, "anon"},
    {APP_DATA, "3000-5000 rw-p 00000000 00:00 0 [heap]", false, SPH_MAPS_HEAP, "heap"},
    {NULL, "3000-5000 rw-p 00000000 00:00 0 ", false, SPH_MAPS_ANON, "anon"},
    {NULL, "3000-5000 rw-p 00000000 00:00 0 [stack]", false, SPH_MAPS_STACK, "stack"},
    {NULL, "3000-5000 rw-s 00000000 00:01 7 /dev/zero (deleted)", true, SPH_MAPS_SHARED, "shared"},
    {NULL, "3000-5000 rw-s 00000000 00:01 0 /SYSV00000000 (deleted)", true, SPH_MAPS_SHARED,
     "shared"},
    {NULL, "3000-5000 rw-p 00000000 00:01 7 /memfd:x (deleted)", true, SPH_MAPS_DATA, "data"},
    {NULL, "3000-5000 r--s 00000000 fe:00 7 /etc/passwd", false, SPH_MAPS_FILE, "file"},
    {NULL, "3000-5000 r-xp 00000000 00:00 0 [vdso]", false, SPH_MAPS_KERNEL, "kernel"},
    {NULL, "3000-5000 r--p 00000000 00:00 0 [vvar_vclock]", false, SPH_MAPS_KERNEL, "kernel"},
};

static void classes(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(kinds); i++) {
        struct sph_maps_entry before;
        struct sph_maps_entry entry;
        const struct kind *kind = &kinds[i];
        if (kind->before)
            assert_int_equal(sph_maps_parse_line(kind->before, strlen(kind->before), &before), 0);
        assert_int_equal(sph_maps_parse_line(kind->line, strlen(kind->line), &entry), 0);
        enum sph_maps_class class =
            sph_maps_classify(&entry, kind->before ? &before : NULL, kind->is_shmem);
        assert_string_equal(sph_maps_class_name(class), kind->name);
        assert_int_equal(class, kind->class);
    }
    assert_string_equal(sph_maps_class_name(SPH_MAPS_RELRO), "relro");
    assert_string_equal(sph_maps_class_name((enum sph_maps_class)99), "unknown");
}

static void shmem_names(void **state) {
    (void)state;
    assert_true(sph_maps_is_shmem_name("/dev/zero (deleted)"));
    assert_true(sph_maps_is_shmem_name("/memfd:a (deleted)"));
    assert_true(sph_maps_is_shmem_name("/SYSV00000000 (deleted)"));
    assert_true(sph_maps_is_shmem_name("[anon_shmem:a]"));
    assert_false(sph_maps_is_shmem_name("/dev/zero"));
    assert_false(sph_maps_is_shmem_name("[anon:a]"));
    assert_false(sph_maps_is_shmem_name(""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lines), cmocka_unit_test(cut_lines), cmocka_unit_test(bad_lines),
        cmocka_unit_test(long_names), cmocka_unit_test(classes),   cmocka_unit_test(shmem_names),
    };
    return cmocka_run_group_tests_name("maps", tests, NULL, NULL);
}
