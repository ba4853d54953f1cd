/* Folders as developers have them: nested, linked, looped, with what cannot be packed. */
#include "cli/image/pack_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/testing.h"

static const struct sph_scratch *scratch;

static int set_up(void **state) {
    int result = sph_scratch_make(state);
    scratch = *state;
    return result;
}

static void put(const char *path, const char *text) {
    char parent[64];
    const char *slash = strrchr(path, '/');
    if (slash) {
        (void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
        assert_int_equal(sph_dir_make(scratch->fd, parent, 0755, NULL), 0);
    }
    sph_autoclose int fd = openat(scratch->fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(sph_fd_write_full(fd, text, strlen(text)), 0);
}

static const struct sph_fs_item *find(const struct sph_pack_tree *tree, const char *path) {
    for (size_t i = 0; i < tree->count; i++)
        if (strcmp(tree->items[i].path, path) == 0)
            return &tree->items[i];
    return NULL;
}

static void test_a_folder(void **state) {
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    sph_autopacktree struct sph_pack_tree tree = SPH_PACK_TREE_NULL;
    put("app_manifest.json", "{}");
    put("bin/app", "\177ELF...");
    put("data/a/b.txt", "text");
    put("data/app_manifest.json", "kept: only the root's is the manifest");
    put("empty", "");
    put("run.sh", "#!/bin/sh");
    assert_int_equal(sph_pack_tree_read(scratch->path, "run.sh,none", &tree, &err), 0);
    assert_int_equal(tree.count, 5);
    assert_null(find(&tree, "app_manifest.json"));
    assert_non_null(find(&tree, "data/app_manifest.json"));
    assert_true(find(&tree, "bin/app")->executable);
    assert_true(find(&tree, "run.sh")->executable);
    assert_false(find(&tree, "data/a/b.txt")->executable);
    assert_int_equal(find(&tree, "data/a/b.txt")->size_bytes, 4);
    assert_memory_equal(find(&tree, "data/a/b.txt")->data, "text", 4);
    assert_int_equal(find(&tree, "empty")->size_bytes, 0);
    assert_false(tree.has_libmalloc);
}

static void test_a_path_with_slashes_behind(void **state) {
    char path[80];
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    sph_autopacktree struct sph_pack_tree tree = SPH_PACK_TREE_NULL;
    put("bin/app", "x");
    (void)snprintf(path, sizeof(path), "%s//", scratch->path);
    assert_int_equal(sph_pack_tree_read(path, NULL, &tree, &err), 0);
    assert_int_equal(tree.count, 1);
    assert_string_equal(tree.items[0].path, "bin/app");
}

static void test_libmalloc_is_seen_only_at_the_root(void **state) {
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    sph_autopacktree struct sph_pack_tree deep = SPH_PACK_TREE_NULL;
    sph_autopacktree struct sph_pack_tree root = SPH_PACK_TREE_NULL;
    put("lib/libmalloc.so.0", "x");
    assert_int_equal(sph_pack_tree_read(scratch->path, NULL, &deep, &err), 0);
    assert_false(deep.has_libmalloc);
    put("libmalloc.so.0", "x");
    assert_int_equal(sph_pack_tree_read(scratch->path, NULL, &root, &err), 0);
    assert_true(root.has_libmalloc);
}

static void test_links_are_followed(void **state) {
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    sph_autopacktree struct sph_pack_tree tree = SPH_PACK_TREE_NULL;
    put("real", "content");
    assert_int_equal(symlinkat("real", scratch->fd, "link"), 0);
    assert_int_equal(sph_pack_tree_read(scratch->path, NULL, &tree, &err), 0);
    assert_int_equal(tree.count, 2);
    assert_memory_equal(find(&tree, "link")->data, "content", 7);
}

static void expect_failure(int code, const char *format) {
    char sentence[200];
    struct sph_err err = SPH_ERR_NULL;
    struct sph_pack_tree tree = SPH_PACK_TREE_NULL;
    (void)snprintf(sentence, sizeof(sentence), "%s%s%s",
                   strncmp(format, "the", 3) == 0 ? "the folder '" : "'", scratch->path,
                   strchr(format, '/'));
    assert_int_equal(sph_pack_tree_read(scratch->path, NULL, &tree, &err), code);
    assert_string_equal(err.text, sentence);
    assert_null(tree.items);
}

static void test_a_loop(void **state) {
    (void)state;
    put("a/file", "x");
    assert_int_equal(symlinkat("..", scratch->fd, "a/up"), 0);
    expect_failure(-EBADMSG, "the folder /a/up' contains itself by a link");
}

static void test_a_pipe(void **state) {
    (void)state;
    assert_int_equal(mkfifoat(scratch->fd, "pipe", 0600), 0);
    expect_failure(-EBADMSG, "'/pipe' is neither a file nor a folder");
}

static void test_a_link_to_nothing(void **state) {
    (void)state;
    assert_int_equal(symlinkat("nothing", scratch->fd, "link"), 0);
    expect_failure(-EBADMSG, "'/link' is a link to nothing");
}

static void test_what_is_no_folder(void **state) {
    char path[80];
    char sentence[160];
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_pack_tree tree = SPH_PACK_TREE_NULL;
    put("file", "x");
    (void)snprintf(path, sizeof(path), "%s/file", scratch->path);
    (void)snprintf(sentence, sizeof(sentence), "the package directory '%s' is not a directory",
                   path);
    assert_int_equal(sph_pack_tree_read(path, NULL, &tree, &err), -EBADMSG);
    assert_string_equal(err.text, sentence);
    assert_int_equal(sph_pack_tree_read("/nowhere", NULL, &tree, &err), -ENOENT);
    assert_string_equal(err.text, "cannot open the package directory '/nowhere': No such file or "
                                  "directory");
    assert_int_equal(sph_pack_tree_read("", NULL, &tree, &err), -ENOENT);
}

static void test_an_empty_folder(void **state) {
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    sph_autopacktree struct sph_pack_tree tree = SPH_PACK_TREE_NULL;
    assert_int_equal(sph_pack_tree_read(scratch->path, NULL, &tree, &err), 0);
    assert_int_equal(tree.count, 0);
}

/* Names as they may be: blanks, dots, bytes over 127, the longest that a folder takes. */
static void test_odd_names(void **state) {
    static const char *const names[] = {
        "a b", "...", ".hidden", "-rf", "caf\xc3\xa9", "bytes\xff\xfe", "new\nline", "'\"$`\\",
    };
    char longest[256];
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    sph_autopacktree struct sph_pack_tree tree = SPH_PACK_TREE_NULL;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(names); i++)
        put(names[i], names[i]);
    memset(longest, 'l', sizeof(longest));
    longest[255] = '\0';
    put(longest, "long");
    assert_int_equal(sph_pack_tree_read(scratch->path, NULL, &tree, &err), 0);
    assert_int_equal(tree.count, SPH_ARRAY_SIZE(names) + 1);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(names); i++) {
        const struct sph_fs_item *item = find(&tree, names[i]);
        assert_non_null(item);
        assert_int_equal(item->size_bytes, strlen(names[i]));
    }
    assert_non_null(find(&tree, longest));
}

/* A folder by a link, a link to a file outside, and the tree itself by a link: all are followed. */
static void test_more_links(void **state) {
    char by_link[80];
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    sph_autopacktree struct sph_pack_tree tree = SPH_PACK_TREE_NULL;
    put("inner/real/file", "x");
    assert_int_equal(symlinkat("real", scratch->fd, "inner/again"), 0);
    assert_int_equal(symlinkat("/dev/null", scratch->fd, "self"), 0);
    assert_int_equal(unlinkat(scratch->fd, "self", 0), 0);
    assert_int_equal(symlinkat("inner", scratch->fd, "self"), 0);
    (void)snprintf(by_link, sizeof(by_link), "%s/self", scratch->path);
    assert_int_equal(sph_pack_tree_read(by_link, NULL, &tree, &err), 0);
    assert_int_equal(tree.count, 2);
    assert_non_null(find(&tree, "real/file"));
    assert_non_null(find(&tree, "again/file"));
}

/* More items than the first growth, deeply nested: none is lost, and none has another's data. */
static void test_many_files(void **state) {
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    sph_autopacktree struct sph_pack_tree tree = SPH_PACK_TREE_NULL;
    for (unsigned i = 0; i < 150; i++) {
        char path[64];
        char text[16];
        (void)snprintf(path, sizeof(path), "d%u/e%u/file-%u", i % 7, i % 3, i);
        (void)snprintf(text, sizeof(text), "%u", i);
        put(path, text);
    }
    assert_int_equal(sph_pack_tree_read(scratch->path, NULL, &tree, &err), 0);
    assert_int_equal(tree.count, 150);
    for (size_t i = 0; i < tree.count; i++) {
        const char *number = strrchr(tree.items[i].path, '-') + 1;
        assert_int_equal(tree.items[i].size_bytes, strlen(number));
        assert_memory_equal(tree.items[i].data, number, strlen(number));
    }
}

/* One file over its limit, and files that are too much only together. */
static void test_too_much(void **state) {
    char sentence[200];
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_pack_tree tree = SPH_PACK_TREE_NULL;
    put("large", "");
    sph_autoclose int fd = openat(scratch->fd, "large", O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, (off_t)SPH_FS_FILE_BYTES_MAX + 1),
                     0); /* sparse: takes no room */
    (void)snprintf(sentence, sizeof(sentence), "the file '%s/large' is larger than %d bytes",
                   scratch->path, SPH_FS_FILE_BYTES_MAX);
    assert_int_equal(sph_pack_tree_read(scratch->path, NULL, &tree, &err), -EBADMSG);
    assert_string_equal(err.text, sentence);
    assert_null(tree.items);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, sph_scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_a_folder),
        IN_FOLDER(test_a_path_with_slashes_behind),
        IN_FOLDER(test_libmalloc_is_seen_only_at_the_root),
        IN_FOLDER(test_links_are_followed),
        IN_FOLDER(test_a_loop),
        IN_FOLDER(test_a_pipe),
        IN_FOLDER(test_a_link_to_nothing),
        IN_FOLDER(test_what_is_no_folder),
        IN_FOLDER(test_an_empty_folder),
        IN_FOLDER(test_odd_names),
        IN_FOLDER(test_more_links),
        IN_FOLDER(test_many_files),
        IN_FOLDER(test_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
