/* The body: identity with the real ones, the outside tools' opinion, random trees there and back,
 * and a table of damages. The checksum is put right after each damage, so that the check behind it
 * is what speaks. */
#include "package/fs.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/crc32.h"
#include "package/fs_layout.h"
#include "package/package_testing.h"
#include "package/unpack.h"

static void build(const struct sph_fs_item *items, size_t count, struct sph_buf *ret_body) {
    struct sph_err err = SPH_ERR_NULL;
    ret_body->limit = (size_t)64 << 20;
    int r = sph_fs_build(items, count, ret_body, &err);
    if (r < 0)
        fail_msg("%s", err.text);
}

static void check(const struct sph_buf *body, struct sph_fs *ret_fs) {
    struct sph_err err = SPH_ERR_NULL;
    int r = sph_fs_check(body->data, body->len, ret_fs, &err);
    if (r < 0)
        fail_msg("%s", err.text);
}

/* Builds the body again from what a walk over it gives. */
static void rebuild(const struct sph_fs *fs, struct sph_buf *ret_body) {
    static char paths[SPH_FS_FILES_MAX][SPH_FS_PATH_SIZE];
    static struct sph_fs_item items[SPH_FS_FILES_MAX];
    size_t count = 0;
    struct sph_fs_iter iter;
    struct sph_fs_entry entry;
    sph_fs_iter_init(&iter, fs);
    while (sph_fs_next(&iter, &entry)) {
        if (S_ISDIR(entry.mode))
            continue;
        (void)strcpy(paths[count], entry.path);
        items[count] = (struct sph_fs_item){
            .path = paths[count],
            .executable = entry.mode & 0111,
            .data = entry.data,
            .size_bytes = entry.size_bytes,
        };
        count++;
    }
    build(items, count, ret_body);
}

static void real_bodies_are_rewritten_to_the_byte(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(sph_fixture_names); i++) {
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
        sph_autobuf struct sph_buf body = SPH_BUF_NULL;
        sph_fixture_read(sph_fixture_names[i], &bytes);
        struct sph_image image;
        struct sph_fs fs;
        assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, NULL), 0);
        assert_int_equal(sph_fs_check(image.body, image.body_bytes, &fs, NULL), 0);
        assert_int_equal(fs.file_count, 4);
        rebuild(&fs, &body);
        assert_int_equal(body.len, image.body_bytes);
        assert_memory_equal(body.data, image.body, body.len);
        struct sph_fs_entry entry;
        assert_int_equal(sph_fs_find(&fs, "/bin/app", &entry), 0);
        assert_int_equal(entry.mode, 0101755);
        assert_memory_equal(entry.data, "\177ELF", 4);
        assert_int_equal(sph_fs_find(&fs, "app_manifest.json", &entry), 0);
        assert_int_equal(entry.mode, 0101644);
        assert_int_equal(sph_fs_find(&fs, "bin", &entry), 0);
        assert_true(S_ISDIR(entry.mode) && !entry.data);
        assert_int_equal(sph_fs_find(&fs, "bin/", &entry), -ENOENT);
        assert_int_equal(sph_fs_find(&fs, "", &entry), -ENOENT);
    }
}

/* The tree whose offsets are known from a published package with folders before and behind its
 * files. */
static void layout_is_the_known_one(void **state) {
    (void)state;
    static const char page[5000];
    static const struct sph_fs_item items[] = {
        {"bin/app", true, page, 5000},      {"app_manifest.json", false, page, 10},
        {"Disks/b.dsk", false, page, 5000}, {"AppSamples/x", false, page, 1},
        {"Disks/a.dsk", false, page, 4096}, {"/AppSamples/deep/y", false, page, 2},
    };
    static const struct {
        const char *path;
        uint32_t data_page; /* 0: a folder */
    } wants[] = {
        {"AppSamples", 0},
        {"AppSamples/deep", 0},
        {"AppSamples/deep/y", 1},
        {"AppSamples/x", 2},
        {"Disks", 0},
        {"Disks/a.dsk", 3},
        {"Disks/b.dsk", 4},
        {"app_manifest.json", 6},
        {"bin", 0},
        {"bin/app", 7},
    };
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    build(items, SPH_ARRAY_SIZE(items), &body);
    struct sph_fs fs;
    check(&body, &fs);
    struct sph_fs_iter iter;
    struct sph_fs_entry entry;
    sph_fs_iter_init(&iter, &fs);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(wants); i++) {
        assert_true(sph_fs_next(&iter, &entry));
        assert_string_equal(entry.path, wants[i].path);
        size_t offset = entry.data ? (size_t)(entry.data - fs.body) : 0;
        assert_int_equal(offset, wants[i].data_page * SPH_FS_PAGE_BYTES);
    }
    assert_false(sph_fs_next(&iter, &entry));
    assert_int_equal(body.len, 9 * SPH_FS_PAGE_BYTES);
    assert_int_equal(fs.file_count, 11);
}

static void bad_items_are_refused(void **state) {
    (void)state;
    static const char long_name[255] = {[0 ... 253] = 'n'};
    static const char deep[] = "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/f";
    static char long_path[600];
    memset(long_path, 'p', sizeof(long_path) - 1);
    static const struct {
        const char *paths[2];
        size_t size_bytes;
        int code;
        const char *sentence;
    } rows[] = {
        {{""}, 0, -EINVAL, "'' cannot be packed: a name in its path is empty"},
        {{"/"}, 0, -EINVAL, "'' cannot be packed: a name in its path is empty"},
        {{"//a"}, 0, -EINVAL, "'/a' cannot be packed: a name in its path is empty"},
        {{"a/"}, 0, -EINVAL, "'a/' cannot be packed: a name in its path is empty"},
        {{"a//b"}, 0, -EINVAL, "'a//b' cannot be packed: a name in its path is empty"},
        {{"../etc"}, 0, -EINVAL, "'../etc' cannot be packed: a name in its path is '.' or '..'"},
        {{"a/./b"}, 0, -EINVAL, "'a/./b' cannot be packed: a name in its path is '.' or '..'"},
        {{"a\nb"},
         0,
         -EINVAL,
         "'a?b' cannot be packed: a name in its path holds a control character"},
        {{"a\xff"}, 0, -EINVAL, "'a?' cannot be packed: a name in its path is not UTF-8"},
        {{deep},
         0,
         -EINVAL,
         "'1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/f' is nested deeper than "
         "16 folders"},
        {{"a"}, 0x1000000, -EFBIG, "'a' has 16777216 bytes, a file of a package at most 16777215"},
        {{"a", "a"}, 0, -EINVAL, "'a' is to be packed twice"},
        {{"a", "/a"}, 0, -EINVAL, "'a' is to be packed twice"},
        {{"a/b", "a"}, 0, -EINVAL, "'a' is to be packed twice"},
        {{"d/a", "d/a/b"}, 0, -EINVAL, "'d/a' is to be packed twice"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_fs_item items[2] = {{0}};
        size_t count = rows[i].paths[1] ? 2 : 1;
        for (size_t j = 0; j < count; j++)
            items[j] =
                (struct sph_fs_item){.path = rows[i].paths[j], .size_bytes = rows[i].size_bytes};
        sph_autobuf struct sph_buf body = SPH_BUF_NULL;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_fs_build(items, count, &body, &err), rows[i].code);
        assert_err(&err, rows[i].code, rows[i].sentence);
    }
    struct sph_fs_item item = {.path = long_name};
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_fs_build(&item, 1, &body, &err), -EINVAL);
    assert_non_null(strstr(err.text, "is longer than 252 bytes"));
    item.path = long_path;
    assert_int_equal(sph_fs_build(&item, 1, &body, &err), -EINVAL);
    assert_non_null(strstr(err.text, "is longer than 511 bytes"));
    assert_int_equal(sph_fs_build(&item, SPH_FS_FILES_MAX, &body, &err), -EFBIG);
    assert_err(&err, -EFBIG, "a package holds at most 4095 files and folders");
}

static void a_tree_that_is_too_big_is_refused(void **state) {
    (void)state;
    static struct sph_fs_item items[SPH_FS_FILES_MAX];
    static char paths[SPH_FS_FILES_MAX][16];
    static const char byte = 0;
    for (unsigned i = 0; i < SPH_FS_FILES_MAX; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%u/%u", i / 4, i);
        items[i] = (struct sph_fs_item){.path = paths[i], .data = &byte, .size_bytes = 1};
    }
    sph_autobuf struct sph_buf body = SPH_BUF_LIMIT((size_t)64 << 20);
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_fs_build(items, SPH_FS_FILES_MAX - 1, &body, &err), -EFBIG);
    assert_err(&err, -EFBIG, "a package holds at most 4095 files and folders");
    items[0].size_bytes = items[1].size_bytes = items[2].size_bytes = items[3].size_bytes =
        items[4].size_bytes = SPH_FS_FILE_BYTES_MAX;
    assert_int_equal(sph_fs_build(items, 5, &body, &err), -EFBIG);
    assert_err(&err, -EFBIG, "the files need 83890176 bytes, a package holds at most 64 MiB");
    body.limit = 4096;
    items[0].size_bytes = 1;
    assert_int_equal(sph_fs_build(items, 1, &body, &err), -EFBIG);
    assert_err(&err, -EFBIG, "no room for a body of 8192 bytes: File too large");
}

static struct sph_draw random_state;
static uint32_t draw(uint32_t below) {
    return sph_draw_below(&random_state, below);
}

enum { RANDOM_ITEMS = 40 };
static char random_paths[RANDOM_ITEMS][SPH_FS_PATH_SIZE];
static char random_data[12000];

/* Few letters, so that names share beginnings; '.' and '-' sort below '/'. */
static void random_path(char *ret_path, unsigned index) {
    static const char letters[] = "ab.-Z\xc3\xa4";
    size_t len = 0;
    for (unsigned depth = draw(4); depth > 0; depth--) {
        ret_path[len++] = "abc.-"[draw(3)];
        ret_path[len++] = '/';
    }
    for (unsigned n = draw(5); n > 0; n--) {
        unsigned letter = draw(6);
        ret_path[len++] = letters[letter];
        if (letter == 5)
            ret_path[len++] = letters[6];
    }
    (void)snprintf(ret_path + len, 8, "_%u", index);
}

static void random_trees_come_back(void **state) {
    (void)state;
    random_state = sph_draw_begin(20261122);
    for (size_t i = 0; i < sizeof(random_data); i++)
        random_data[i] = (char)draw(256);
    for (unsigned round = 0; round < 300; round++) {
        struct sph_fs_item items[RANDOM_ITEMS];
        unsigned count = draw(RANDOM_ITEMS + 1);
        for (unsigned i = 0; i < count; i++) {
            random_path(random_paths[i], i);
            uint32_t size = draw(3) ? draw(sizeof(random_data)) : 4096 * draw(3);
            items[i] = (struct sph_fs_item){.path = random_paths[i],
                                            .executable = draw(2),
                                            .data = random_data,
                                            .size_bytes = size};
        }
        sph_autobuf struct sph_buf body = SPH_BUF_NULL, again = SPH_BUF_NULL;
        build(items, count, &body);
        struct sph_fs fs;
        check(&body, &fs);
        for (unsigned i = 0; i < count; i++) {
            struct sph_fs_entry entry;
            assert_int_equal(sph_fs_find(&fs, items[i].path, &entry), 0);
            assert_int_equal(entry.size_bytes, items[i].size_bytes);
            assert_int_equal(entry.mode, items[i].executable ? 0101755 : 0101644);
            assert_memory_equal(entry.data, random_data, entry.size_bytes);
        }
        rebuild(&fs, &again);
        assert_int_equal(again.len, body.len);
        assert_memory_equal(again.data, body.data, body.len);
    }
}

/* "bin/app" and "a": superblock, root table at 76 (a: 16 bytes, bin: 16), bin's table at 108. */
enum { AT_A = 76, AT_BIN = 92, AT_APP = 108 };

#define DAMAGED "the package's file system is damaged: "
static const struct damage {
    size_t at;
    uint32_t word;
    const char *sentence;
} damages[] = {
    {SPH_FS_AT_MAGIC, 0, "the package holds no file system of the known kind"},
    {SPH_FS_AT_SIGNATURE, 0, "the package holds no file system of the known kind"},
    {SPH_FS_AT_SIZE, 4096, DAMAGED "it says 4096 bytes and has 12288"},
    {SPH_FS_AT_FLAGS, 0x803,
     "the package's file system uses features that are not supported (flags 0x803)"},
    {SPH_FS_AT_FUTURE, 1,
     "the package's file system uses features that are not supported (flags 0x3)"},
    {SPH_FS_AT_FILES, 5, DAMAGED "it says 5 files and has 4"},
    {SPH_FS_AT_ROOT, 0101755, DAMAGED "its root is no plain folder"},
    {SPH_FS_AT_ROOT, 041755, DAMAGED "its root is no plain folder"},
    {SPH_FS_AT_ROOT + 4, 12288, DAMAGED "its root's table is out of bounds"},
    {SPH_FS_AT_ROOT + 8, 588 / 4 << 6, DAMAGED "its root's table is out of bounds"},
    {SPH_FS_AT_ROOT + 4, 24, DAMAGED "the table of folder '/' ends early"},
    {SPH_FS_AT_ROOT + 4, 30, DAMAGED "the table of folder '/' ends early"},
    {AT_A, 0100644,
     DAMAGED "file 'a' has mode 0100644, without the mark of data that is stored in place"},
    {AT_A, 0105644,
     DAMAGED "file 'a' has mode 0105644, without the mark of data that is stored in place"},
    {AT_A, 0120777, DAMAGED "'a' is neither a file nor a folder"},
    {AT_A, 0, DAMAGED "'a' is neither a file nor a folder"},
    {AT_A, 0101644 | 7 << 16, DAMAGED "'a' belongs to user 7, group 0"},
    {AT_A + 4, 3 | 9 << 24, DAMAGED "'a' belongs to user 0, group 9"},
    {AT_A + 4, 12289 - 4096, DAMAGED "the data of file 'a' are out of place"},
    {AT_A + 4, 0, DAMAGED "the empty file 'a' has data"},
    {AT_A + 4, 2, DAMAGED "there are stray bytes before file 'app'"},
    {AT_A + 8, 1 | 0x1004 / 4 << 6, DAMAGED "file 'a' does not begin at a page"},
    {AT_A + 8, 1 | 0, DAMAGED "the data of file 'a' are out of place"},
    {AT_A + 8, 1 | 0x3fffc00u << 6, DAMAGED "the data of file 'a' are out of place"},
    {AT_A + 8, 1 | 0x2000 / 4 << 6, DAMAGED "the data of file 'app' are out of place"},
    {AT_A + 8, 0 | 0x1000 / 4 << 6, DAMAGED "the name '' in folder '/' is empty"},
    {AT_A + 8, 63 | 0x1000 / 4 << 6, DAMAGED "the table of folder '/' ends early"},
    {AT_A + 12, '.', DAMAGED "the name '.' in folder '/' is '.' or '..'"},
    {AT_A + 12, '.' | '.' << 8, DAMAGED "the name '..' in folder '/' is '.' or '..'"},
    {AT_A + 12, 'a' | '/' << 8, DAMAGED "the name 'a/' in folder '/' holds a '/'"},
    {AT_A + 12, 'a' | 7 << 8, DAMAGED "the name 'a?' in folder '/' holds a control character"},
    {AT_A + 12, 0xe4, DAMAGED "the name '?' in folder '/' is not UTF-8"},
    {AT_A + 12, 0, DAMAGED "the name '' in folder '/' is empty"},
    {AT_A + 12, 'a' | 'b' << 16, DAMAGED "the name 'a' is padded wrongly"},
    {AT_A + 12, 'c', DAMAGED "'bin' is out of order or there twice"},
    {AT_BIN + 12, 'a', DAMAGED "'a' is out of order or there twice"},
    {AT_BIN, 041755, DAMAGED "folder 'bin' has mode 041755"},
    {AT_BIN + 4, 0, DAMAGED "the empty folder 'bin' has a table"},
    {AT_BIN + 4, 12288, DAMAGED "the table of folder 'bin' is out of place"},
    {AT_BIN + 4, 20, DAMAGED "the table of folder '/bin' ends early"},
    {AT_BIN + 8, 1 | 76 / 4 << 6, DAMAGED "the table of folder 'bin' is out of place"},
    {AT_BIN + 8, 1 | 92 / 4 << 6, DAMAGED "the table of folder 'bin' is out of place"},
    {AT_BIN + 8, 1 | 112 / 4 << 6, DAMAGED "there are stray bytes before folder 'bin'"},
    {AT_APP, 040755, DAMAGED "there are stray bytes before folder 'app'"},
    {AT_APP + 8, 1 | 0x1000 / 4 << 6, DAMAGED "the data of file 'app' are out of place"},
    {AT_APP + 8, 1 | 0x3000 / 4 << 6, DAMAGED "the data of file 'app' are out of place"},
    {200, 1, DAMAGED "there are stray bytes between its files"},
    {0x1100, 1, DAMAGED "there are stray bytes before file 'app'"},
    {0x2ffc, 1, DAMAGED "there are stray bytes between its files"},
};

static void damaged_bodies_get_a_sentence(void **state) {
    (void)state;
    static const struct sph_fs_item items[] = {
        {"a", false, "abc", 3},
        {"bin/app", true, "xyz", 3},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(damages); i++) {
        sph_autobuf struct sph_buf body = SPH_BUF_NULL;
        build(items, 2, &body);
        uint8_t *bytes = (uint8_t *)body.data;
        sph_le32_put(bytes + damages[i].at, damages[i].word);
        sph_le32_put(bytes + SPH_FS_AT_CRC, sph_fs_crc(bytes, body.len));
        struct sph_fs fs;
        struct sph_err err = SPH_ERR_NULL;
        int r = sph_fs_check(bytes, body.len, &fs, &err);
        if (r != -EBADMSG)
            fail_msg("row %zu was accepted", i);
        assert_err(&err, -EBADMSG, damages[i].sentence);
    }
}

/* Any word of the superblock or of a table set to anything, the checksum put right: what is still
 * taken must be a tree that a walk reads within the body, with as many inodes as were counted. */
static void accepted_damage_is_harmless(void **state) {
    (void)state;
    static const struct sph_fs_item items[] = {
        {"a", false, "abc", 3},        {"bin/app", true, "xyz", 3}, {"bin/b", false, "", 0},
        {"res/deep/x", false, "x", 1}, {"res/y", false, "y", 1},
    };
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    build(items, SPH_ARRAY_SIZE(items), &body);
    uint8_t *bytes = (uint8_t *)body.data;
    random_state = sph_draw_begin(20261124);
    unsigned taken = 0, refused = 0;
    for (unsigned round = 0; round < 4000; round++) {
        size_t at = (size_t)4 * draw(64); /* tables end before byte 256 */
        uint32_t kept = sph_le32_get(bytes + at), word = draw(UINT32_MAX);
        /* A small change gets further than a wild one. */
        sph_le32_put(bytes + at, draw(2) ? word : kept + (draw(33) - 16) * (1u << draw(24)));
        sph_le32_put(bytes + SPH_FS_AT_CRC, sph_fs_crc(bytes, body.len));
        struct sph_fs fs;
        struct sph_err err = SPH_ERR_NULL;
        if (sph_fs_check(bytes, body.len, &fs, &err) == 0) {
            struct sph_fs_iter iter;
            struct sph_fs_entry entry;
            uint32_t inodes = 1;
            sph_fs_iter_init(&iter, &fs);
            for (; sph_fs_next(&iter, &entry); inodes++) {
                assert_true(strlen(entry.path) < SPH_FS_PATH_SIZE);
                if (S_ISREG(entry.mode) && entry.size_bytes > 0)
                    assert_true(entry.data > bytes &&
                                entry.data + entry.size_bytes <= bytes + body.len);
            }
            assert_int_equal(inodes, fs.file_count);
            taken++;
        } else {
            assert_int_equal(err.code, -EBADMSG);
            refused++;
        }
        sph_le32_put(bytes + at, kept);
    }
    assert_true(taken > 50 && refused > 2000);
}

static void sizes_and_checksums_are_checked(void **state) {
    (void)state;
    static const struct sph_fs_item item = {"a", false, "abc", 3};
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    build(&item, 1, &body);
    struct sph_fs fs;
    struct sph_err err = SPH_ERR_NULL;
    static const size_t lengths[] = {0, 1, 75, 76, 4095, 4097, 8191};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(lengths); i++) {
        char sentence[120];
        (void)snprintf(sentence, sizeof(sentence), DAMAGED "%zu bytes are no whole number of pages",
                       lengths[i]);
        assert_int_equal(sph_fs_check(body.data, lengths[i], &fs, &err), -EBADMSG);
        assert_err(&err, -EBADMSG, sentence);
    }
    sph_le32_put((uint8_t *)body.data + SPH_FS_AT_CRC, 0x12345678);
    char sentence[120];
    (void)snprintf(sentence, sizeof(sentence),
                   DAMAGED "its checksum is %08x, its header says 12345678",
                   sph_fs_crc((const uint8_t *)body.data, body.len));
    assert_int_equal(sph_fs_check(body.data, body.len, &fs, &err), -EBADMSG);
    assert_err(&err, -EBADMSG, sentence);
}

/* Folders in folders, each with a table of one entry: one more than may be is refused, not walked.
 */
static void deep_bodies_are_refused(void **state) {
    (void)state;
    for (unsigned depth = SPH_FS_DEPTH_MAX; depth <= SPH_FS_DEPTH_MAX + 1; depth++) {
        static const struct sph_fs_item item = {"a", false, "abc", 3};
        sph_autobuf struct sph_buf body = SPH_BUF_NULL;
        build(&item, 1, &body);
        uint8_t *bytes = (uint8_t *)body.data;
        memset(bytes + SPH_FS_PAGE_BYTES, 0, SPH_FS_PAGE_BYTES);
        for (unsigned i = 0; i < depth; i++) {
            struct sph_fs_inode inode = {
                .mode = S_IFDIR | 0755,
                .size = i + 1 < depth ? 16 : 0,
                .name_bytes = 4,
                .offset = i + 1 < depth ? SPH_FS_AT_TABLES + 16 * (i + 1) : 0,
            };
            sph_fs_inode_put(bytes + SPH_FS_AT_TABLES + 16 * (size_t)i, &inode);
            bytes[SPH_FS_AT_TABLES + 16 * (size_t)i + 12] = 'd';
        }
        sph_le32_put(bytes + SPH_FS_AT_FILES, depth + 1);
        sph_le32_put(bytes + SPH_FS_AT_CRC, sph_fs_crc(bytes, body.len));
        struct sph_fs fs;
        struct sph_err err = SPH_ERR_NULL;
        int r = sph_fs_check(bytes, body.len, &fs, &err);
        if (depth == SPH_FS_DEPTH_MAX) {
            assert_int_equal(r, 0);
            continue;
        }
        assert_int_equal(r, -EBADMSG);
        assert_err(&err, -EBADMSG, DAMAGED "'d' is nested deeper than 16 folders");
    }
}

/* The outside tools' opinion, where they are there. */
static int run(const char *command) {
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void the_system_checker_accepts_our_body(void **state) {
    struct sph_scratch *scratch = *state;
    if (run("command -v fsck.cramfs >/dev/null || test -x /usr/sbin/fsck.cramfs") != 0) {
        print_message("skipped: no fsck.cramfs\n");
        skip();
    }
    static const struct sph_fs_item items[] = {
        {"app_manifest.json", false, "{}", 2}, {"bin/app", true, SPH_TEST_APP, 10},
        {"res/deep/er/x", false, "x", 1},      {"res/a", false, "", 0},
        {"libmalloc.so.0", true, "lib", 3},
    };
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    build(items, SPH_ARRAY_SIZE(items), &body);
    assert_int_equal(sph_file_replace(scratch->fd, "body", body.data, body.len, 0644, NULL), 0);
    char command[200];
    (void)snprintf(command, sizeof(command), "PATH=$PATH:/usr/sbin fsck.cramfs %s/body >/dev/null",
                   scratch->path);
    assert_int_equal(run(command), 0);
}

/* mkfs.cramfs is the ancestor of the original's packer: the same superblock and tables, but
 * compressed data. Its inodes must be ours, but for a file's mode and place. */
static void the_ancestor_has_the_same_tables(void **state) {
    struct sph_scratch *scratch = *state;
    if (run("command -v mkfs.cramfs >/dev/null || test -x /usr/sbin/mkfs.cramfs") != 0) {
        print_message("skipped: no mkfs.cramfs\n");
        skip();
    }
    static const struct sph_fs_item items[] = {
        {"app_manifest.json", false, "{}", 2},
        {"bin/app", true, SPH_TEST_APP, 10},
        {"res/b/x", false, "x", 1},
        {"res/b/a/deep/y", false, "y", 1},
        {"res/a/z", false, "zz", 2},
        {"res/a.txt", false, "t", 1},
        {"res/a-b/t", false, "t", 1},
        {"Zoo/1", false, "1", 1},
    };
    sph_autobuf struct sph_buf ours = SPH_BUF_NULL, theirs = SPH_BUF_NULL;
    struct sph_fs fs;
    build(items, SPH_ARRAY_SIZE(items), &ours);
    check(&ours, &fs);
    assert_int_equal(sph_dir_make(scratch->fd, "tree", 0755, NULL), 0);
    sph_autoclose int tree = sph_dir_open(scratch->fd, "tree", NULL);
    struct sph_err err = SPH_ERR_NULL;
    if (sph_fs_unpack(&fs, tree, &err) < 0)
        fail_msg("%s", err.text);
    char command[200];
    (void)snprintf(command, sizeof(command),
                   "PATH=$PATH:/usr/sbin mkfs.cramfs %s/tree %s/theirs >/dev/null", scratch->path,
                   scratch->path);
    assert_int_equal(run(command), 0);
    assert_int_equal(sph_file_read(scratch->fd, "theirs", &theirs, NULL), 0);

    const uint8_t *a = (const uint8_t *)ours.data, *b = (const uint8_t *)theirs.data;
    assert_int_equal(sph_le32_get(b + SPH_FS_AT_FILES), fs.file_count);
    assert_int_equal(sph_le32_get(b + SPH_FS_AT_FLAGS), SPH_FS_FLAGS);
    unsigned inodes = 1;
    for (size_t at = SPH_FS_AT_TABLES; inodes < fs.file_count; inodes++) {
        struct sph_fs_inode our = sph_fs_inode_get(a + at), their = sph_fs_inode_get(b + at);
        assert_int_equal(our.size, their.size);
        assert_int_equal(our.name_bytes, their.name_bytes);
        assert_memory_equal(a + at + SPH_FS_INODE_BYTES, b + at + SPH_FS_INODE_BYTES,
                            our.name_bytes);
        assert_int_equal(our.mode & ~(mode_t)S_ISVTX, their.mode);
        if (S_ISDIR(our.mode))
            assert_int_equal(our.offset, their.offset);
        at += SPH_FS_INODE_BYTES + our.name_bytes;
    }
}

static void zlib_has_the_same_checksum(void **state) {
    struct sph_scratch *scratch = *state;
    assert_int_equal(sph_crc32(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(sph_crc32(sph_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
    if (run("command -v python3 >/dev/null") != 0) {
        print_message("skipped: no python3\n");
        skip();
    }
    static const struct sph_fs_item item = {"bin/app", true, random_data, sizeof(random_data)};
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    build(&item, 1, &body);
    assert_int_equal(sph_file_replace(scratch->fd, "body", body.data, body.len, 0644, NULL), 0);
    char command[400];
    (void)snprintf(command, sizeof(command),
                   "python3 -c 'import zlib,sys; b=open(\"%s/body\",\"rb\").read(); "
                   "c=int.from_bytes(b[32:36],\"little\"); "
                   "sys.exit(zlib.crc32(b[:32]+bytes(4)+b[36:])!=c)'",
                   scratch->path);
    assert_int_equal(run(command), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_bodies_are_rewritten_to_the_byte),
        cmocka_unit_test(layout_is_the_known_one),
        cmocka_unit_test(bad_items_are_refused),
        cmocka_unit_test(a_tree_that_is_too_big_is_refused),
        cmocka_unit_test(random_trees_come_back),
        cmocka_unit_test(damaged_bodies_get_a_sentence),
        cmocka_unit_test(accepted_damage_is_harmless),
        cmocka_unit_test(sizes_and_checksums_are_checked),
        cmocka_unit_test(deep_bodies_are_refused),
        cmocka_unit_test_setup_teardown(the_system_checker_accepts_our_body, sph_scratch_make,
                                        sph_scratch_remove),
        cmocka_unit_test_setup_teardown(the_ancestor_has_the_same_tables, sph_scratch_make,
                                        sph_scratch_remove),
        cmocka_unit_test_setup_teardown(zlib_has_the_same_checksum, sph_scratch_make,
                                        sph_scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
