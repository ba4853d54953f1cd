/* Packages made on the fly: that they are packages, and that only CmdArgs differ. */
#include "cli/image/wrap.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "cli/image/pack_tree.h"

/* Any scalar below the group's order signs; this test is not about keys. */
static struct sph_signer some_signer(void) {
    struct sph_signer signer;
    memset(&signer, 0, sizeof(signer));
    signer.scalar[31] = 7;
    memset(signer.identity.thumbprint, 0xab, sizeof(signer.identity.thumbprint));
    return signer;
}

static const struct {
    const char *manifest, *expected;
} manifests[] = {
    {"{}", "{\"CmdArgs\":[\"a\",\"b \\\"c\\\"\"]}"},
    {"{\"Name\":\"x\\u0041\",\"CmdArgs\":[\"old\",\"er\"],\"Capabilities\":{\"Gpio\":[1,2]}}",
     "{\"Name\":\"x\\u0041\",\"Capabilities\":{\"Gpio\":[1,2]},\"CmdArgs\":[\"a\",\"b "
     "\\\"c\\\"\"]}"},
    {"{\"SchemaVersion\":1,\"TargetApplicationRuntimeVersion\":16}",
     "{\"SchemaVersion\":1,\"CmdArgs\":[\"a\",\"b \\\"c\\\"\"]}"},
    {"{\"Odd \":null,\"Flag\":true,\"Empty\":\"\"}",
     "{\"Odd \":null,\"Flag\":true,\"Empty\":\"\",\"CmdArgs\":[\"a\",\"b \\\"c\\\"\"]}"},
};

static void test_only_cmd_args_change(void **state) {
    char a[] = "a", b[] = "b \"c\"";
    char *const args[] = {a, b};
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(manifests); i++) {
        sph_autobuf struct sph_buf text = SPH_BUF_NULL;
        struct sph_json_value top;
        assert_int_equal(
            sph_json_check(manifests[i].manifest, strlen(manifests[i].manifest), &top, NULL), 0);
        sph_wrap_manifest(&top, args, 2, &text);
        assert_string_equal(text.data, manifests[i].expected);
    }
}

static void parse_whole(const struct sph_buf *bytes, struct sph_package *ret_package) {
    struct sph_err err = SPH_ERR_NULL;
    struct sph_manifest_notes notes = {.device_error = 0};
    if (sph_package_parse(bytes->data, bytes->len, NULL, ret_package, &notes, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(notes.warning_count, 0);
}

static void expect_args(const struct sph_manifest *manifest, char *const args[], unsigned count) {
    struct sph_json_iter iter;
    struct sph_json_value arg;
    assert_int_equal(manifest->cmd_args.count, count);
    sph_json_iter_init(&iter, &manifest->cmd_args.array);
    for (unsigned i = 0; i < count; i++) {
        assert_true(sph_json_next(&iter, NULL, &arg));
        assert_true(sph_json_is(&arg, args[i]));
    }
}

static void test_an_executable_becomes_a_package(void **state) {
    char x[] = "x", empty[] = "", quoted[] = "\"\\\n";
    char *const args[] = {x, empty, quoted};
    (void)state;
    struct sph_signer signer = some_signer();
    struct sph_err err = SPH_ERR_NULL;
    struct sph_guid id;
    struct sph_package package;
    struct sph_fs_entry entry;
    sph_autobuf struct sph_buf program = SPH_BUF_NULL;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    sph_buf_puts(&program, "\177ELF and more");
    assert_int_equal(sph_wrap_executable("prog", &program, args, 3, &signer, &id, &bytes, &err), 0);
    parse_whole(&bytes, &package);
    assert_true(sph_guid_equal(&package.image.component_id, &id));
    assert_int_equal(package.manifest.granted, 0);
    assert_int_equal(package.manifest.mutable_storage_kib, 0);
    assert_true(sph_json_is(&package.manifest.name, "prog"));
    assert_int_equal(package.image.application_runtime, SPH_DEFAULT_API_SET);
    expect_args(&package.manifest, args, 3);
    assert_int_equal(sph_fs_find(&package.fs, "bin/app", &entry), 0);
    assert_int_equal(entry.size_bytes, program.len);
    assert_memory_equal(entry.data, program.data, program.len);
    assert_int_equal(entry.mode & 0777, 0755);
}

/* Found by its type and its file's name (the agent's debug.c). */
static void test_a_gdbserver_becomes_a_debugger(void **state) {
    (void)state;
    struct sph_signer signer = some_signer();
    struct sph_err err = SPH_ERR_NULL;
    struct sph_package package;
    struct sph_fs_entry entry;
    sph_autobuf struct sph_buf program = SPH_BUF_NULL;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    sph_buf_puts(&program, "\177ELF and more");
    assert_int_equal(sph_wrap_debugger(&program, &signer, &bytes, &err), 0);
    parse_whole(&bytes, &package);
    assert_int_equal(package.manifest.type, SPH_APP_DEBUGGER);
    assert_int_equal(package.manifest.granted, 0);
    assert_int_equal(sph_fs_find(&package.fs, "bin/gdbserver", &entry), 0);
    assert_memory_equal(entry.data, program.data, program.len);
    assert_int_equal(entry.mode & 0777, 0755);
}

static void test_a_package_with_other_args(void **state) {
    char one[] = "1", two[] = "2";
    char *const old_args[] = {one};
    char *const new_args[] = {two, one};
    (void)state;
    struct sph_signer signer = some_signer();
    struct sph_err err = SPH_ERR_NULL;
    struct sph_guid id;
    struct sph_package before, after;
    struct sph_fs_entry entry;
    sph_autobuf struct sph_buf program = SPH_BUF_NULL;
    sph_autobuf struct sph_buf first = SPH_BUF_NULL;
    sph_autobuf struct sph_buf second = SPH_BUF_NULL;
    sph_buf_puts(&program, "\177ELF");
    assert_int_equal(sph_wrap_executable("p", &program, old_args, 1, &signer, &id, &first, &err),
                     0);
    parse_whole(&first, &before);
    assert_int_equal(sph_wrap_with_args(&before, new_args, 2, &signer, &second, &err), 0);
    parse_whole(&second, &after);
    expect_args(&after.manifest, new_args, 2);
    assert_true(sph_guid_equal(&after.image.component_id, &id));
    assert_int_equal(after.fs.file_count, before.fs.file_count);
    assert_int_equal(sph_fs_find(&after.fs, "bin/app", &entry), 0);
    assert_memory_equal(entry.data, program.data, program.len);
}

static const struct {
    const char *list, *path;
    bool has;
} lists[] = {
    {NULL, "a", false},        {"", "a", false},    {"a", "a", true},   {"a,b", "b", true},
    {"a,b", "a,b", false},     {"ab", "a", false},  {"a", "ab", false}, {"/bin/x", "bin/x", true},
    {"bin/x", "/bin/x", true}, {",,a,", "a", true}, {"/", "a", false},
};

static void test_lists_of_paths(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(lists); i++)
        assert_int_equal(sph_pack_list_has(lists[i].list, lists[i].path), lists[i].has);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_cmd_args_change),
        cmocka_unit_test(test_an_executable_becomes_a_package),
        cmocka_unit_test(test_a_gdbserver_becomes_a_debugger),
        cmocka_unit_test(test_a_package_with_other_args),
        cmocka_unit_test(test_lists_of_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
