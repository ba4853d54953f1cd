/* Building: real packages rebuilt to the byte up to their signature, builds that read back as they
 * went in, every allocation failing, and the warning about half a heap tracking. */
#include "package/build.h"

#include <errno.h>
#include <sys/stat.h>

#include "package/alloc_testing.h"
#include "package/package_testing.h"

static void real_packages_are_rebuilt_to_the_byte(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(sph_fixture_names); i++) {
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL, again = SPH_BUF_NULL;
        sph_fixture_read(sph_fixture_names[i], &bytes);
        struct sph_package package;
        struct sph_fs_entry app, manifest;
        assert_int_equal(sph_package_parse(bytes.data, bytes.len, NULL, &package, NULL, NULL), 0);
        assert_int_equal(sph_fs_find(&package.fs, "bin/app", &app), 0);
        assert_int_equal(sph_fs_find(&package.fs, SPH_MANIFEST_PATH, &manifest), 0);
        /* As its developer had it: without the key that packing wrote, and with white space. */
        sph_autobuf struct sph_buf source = SPH_BUF_NULL;
        static const char tail[] = ",\"TargetApplicationRuntimeVersion\":12}";
        sph_buf_append(&source, manifest.data, manifest.size_bytes - strlen(tail));
        sph_buf_puts(&source, "\n}\n");
        struct sph_fs_item item = {"bin/app", true, app.data, app.size_bytes};
        struct sph_build build = {
            .manifest_text = source.data,
            .manifest_bytes = source.len,
            .items = &item,
            .item_count = 1,
            .image_id = package.image.image_id,
            .build_time_s = package.image.build_time_s,
            .application_runtime = 12,
            .temporary = package.image.temporary,
            .scalar = sph_test_scalar,
            .thumbprint = package.image.thumbprint,
        };
        struct sph_err err = SPH_ERR_NULL;
        if (sph_build_package(&build, &again, NULL, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(again.len, bytes.len);
        assert_memory_equal(again.data, bytes.data, bytes.len - SPH_IMAGE_SIGNATURE_BYTES);
    }
}

static void a_build_reads_back(void **state) {
    (void)state;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL, again = SPH_BUF_NULL;
    sph_test_package(&bytes);
    sph_test_package(&again);
    assert_int_equal(again.len, bytes.len);
    assert_memory_equal(again.data, bytes.data, bytes.len); /* the nonce is no lottery */
    struct sph_package package;
    assert_int_equal(sph_package_parse(bytes.data, bytes.len, NULL, &package, NULL, NULL), 0);
    const struct sph_image *image = &package.image;
    char guid[SPH_GUID_TEXT];
    assert_string_equal(sph_guid_format(&image->component_id, guid), SPH_TEST_COMPONENT);
    assert_int_equal(image->image_id.bytes[0], 42);
    assert_int_equal(image->build_time_s, 1700000000);
    assert_string_equal(image->name, "Test");
    assert_int_equal(image->application_runtime, 16);
    assert_int_equal(image->metadata_bytes, 148);
    assert_int_equal(image->temporary, SPH_IMAGE_UNDER_DEVELOPMENT);
    assert_int_equal(package.manifest.application_runtime, 16);
    assert_int_equal(package.manifest.cmd_args.count, 2);
    uint8_t point[SPH_SIGN_POINT_BYTES];
    assert_int_equal(sph_sign_public(sph_test_scalar, point), 0);
    assert_int_equal(sph_signature_verify(image, point), 0);
}

/* One item of a drawn package. Its path ends in its number, so that no two collide. */
static void draw_item(struct sph_draw *draw, unsigned index, char path[64], const char *data,
                      uint32_t data_bytes, struct sph_fs_item *ret_item) {
    static const char *const folders[] = {"", "bin/", "res/", "res/a.b/", "res/a/", "\xc3\xa4/"};
    (void)snprintf(path, 64, "%s%s%u", folders[sph_draw_below(draw, SPH_ARRAY_SIZE(folders))],
                   sph_draw_below(draw, 2) ? "x" : "lib.so.", index);
    *ret_item = (struct sph_fs_item){
        .path = path,
        .executable = sph_draw_below(draw, 2),
        .data = data,
        .size_bytes = sph_draw_below(draw, 4) ? sph_draw_below(draw, data_bytes) : 0,
    };
}

/* The walk over what was built gives each item once, and nothing else but the manifest. */
static void expect_items(const struct sph_fs *fs, const struct sph_fs_item *items, unsigned count) {
    struct sph_fs_iter iter;
    struct sph_fs_entry entry;
    unsigned files = 0;
    sph_fs_iter_init(&iter, fs);
    while (sph_fs_next(&iter, &entry))
        files += S_ISREG(entry.mode);
    assert_int_equal(files, count + 1);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(sph_fs_find(fs, items[i].path, &entry), 0);
        assert_int_equal(entry.mode, items[i].executable ? 0101755 : 0101644);
        assert_int_equal(entry.size_bytes, items[i].size_bytes);
        assert_memory_equal(entry.data, items[i].data, entry.size_bytes);
    }
}

/* Any files, any metadata: build -> parse gives them back, the signature holds, and building from
 * what was parsed gives the same bytes. */
static void random_packages_come_back(void **state) {
    (void)state;
    enum { ITEMS = 12 };
    static char data[9000], paths[ITEMS][64];
    struct sph_draw draw = sph_draw_begin(20261122);
    uint8_t point[SPH_SIGN_POINT_BYTES];
    assert_int_equal(sph_sign_public(sph_test_scalar, point), 0);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)sph_draw_below(&draw, 256);
    for (unsigned round = 0; round < 60; round++) {
        struct sph_fs_item items[ITEMS + 1] = {sph_test_items[0]};
        unsigned count = 1 + sph_draw_below(&draw, ITEMS);
        for (unsigned i = 1; i < count; i++)
            draw_item(&draw, i, paths[i], data, sizeof(data), &items[i]);
        struct sph_build build = sph_test_build();
        build.items = items;
        build.item_count = count;
        build.image_id.bytes[5] = (uint8_t)sph_draw_below(&draw, 256);
        build.build_time_s = (uint64_t)sph_draw_below(&draw, UINT32_MAX)
                             << sph_draw_below(&draw, 9);
        build.application_runtime = sph_draw_below(&draw, 100);
        build.temporary = sph_draw_below(&draw, 4);
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL, again = SPH_BUF_NULL;
        struct sph_package package;
        struct sph_err err = SPH_ERR_NULL;
        if (sph_build_package(&build, &bytes, NULL, &err) < 0 ||
            sph_package_parse(bytes.data, bytes.len, NULL, &package, NULL, &err) < 0)
            fail_msg("round %u: %s", round, err.text);
        expect_items(&package.fs, items, count);
        assert_true(sph_guid_equal(&package.image.image_id, &build.image_id));
        assert_true(package.image.build_time_s == build.build_time_s);
        assert_int_equal(package.image.application_runtime, build.application_runtime);
        assert_int_equal(package.manifest.application_runtime, build.application_runtime);
        assert_int_equal(package.image.temporary, build.temporary);
        assert_memory_equal(package.image.thumbprint, sph_test_thumbprint, 20);
        assert_int_equal(sph_signature_verify(&package.image, point), 0);

        /* The packed manifest is a source, too: packing it again changes nothing. */
        build.manifest_text = package.manifest.text;
        build.manifest_bytes = package.manifest.text_bytes;
        assert_int_equal(sph_build_package(&build, &again, NULL, NULL), 0);
        assert_int_equal(again.len, bytes.len);
        assert_memory_equal(again.data, bytes.data, bytes.len);
    }
}

static void image_ids_are_random_unless_given(void **state) {
    (void)state;
    struct sph_build build = sph_test_build();
    struct sph_guid seen[2];
    memset(&build.image_id, 0, sizeof(build.image_id));
    for (unsigned i = 0; i < 2; i++) {
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
        struct sph_image image;
        assert_int_equal(sph_build_package(&build, &bytes, NULL, NULL), 0);
        assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, NULL), 0);
        seen[i] = image.image_id;
        assert_false(sph_guid_is_zero(&seen[i]));
    }
    assert_false(sph_guid_equal(&seen[0], &seen[1]));
}

#define REST "\",\"ComponentId\":\"" SPH_TEST_COMPONENT "\",\"EntryPoint\":\"/bin/app\","

static void names_are_cut_at_a_border(void **state) {
    (void)state;
    static const struct {
        const char *name, *stored;
    } rows[] = {
        {"", ""},
        {"0123456789012345678901234567890", "0123456789012345678901234567890"},
        {"01234567890123456789012345678901", "0123456789012345678901234567890"},
        {"012345678901234567890123456789\\u00e4", "012345678901234567890123456789"},
        {"tab\\there", "tab?here"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf text = SPH_BUF_NULL, bytes = SPH_BUF_NULL;
        sph_buf_printf(&text, "{\"SchemaVersion\":1,\"Name\":\"%s" REST "\"Capabilities\":{}}",
                       rows[i].name);
        struct sph_build build = sph_test_build();
        build.manifest_text = text.data;
        build.manifest_bytes = text.len;
        struct sph_image image;
        assert_int_equal(sph_build_package(&build, &bytes, NULL, NULL), 0);
        assert_int_equal(sph_image_parse(bytes.data, bytes.len, &image, NULL), 0);
        assert_string_equal(image.name, rows[i].stored);
    }
}

static void real_time_packages_depend_on_nothing(void **state) {
    (void)state;
    static const char text[] = "{ \"SchemaVersion\":1,\"Name\":\"rt" REST
                               "\"Capabilities\":{}, \"ApplicationType\":\"RealTimeCapable\" }";
    struct sph_build build = sph_test_build();
    build.manifest_text = text;
    build.manifest_bytes = strlen(text);
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    struct sph_package package;
    assert_int_equal(sph_build_package(&build, &bytes, NULL, NULL), 0);
    assert_int_equal(sph_package_parse(bytes.data, bytes.len, NULL, &package, NULL, NULL), 0);
    assert_int_equal(package.image.metadata_bytes, 140);
    assert_int_equal(package.image.depend_count, 0);
    assert_int_equal(package.manifest.text_bytes, strlen(text));
    assert_memory_equal(package.manifest.text, text, strlen(text));
}

static void bad_builds_get_a_sentence(void **state) {
    (void)state;
    static const struct sph_fs_item no_app[] = {{"bin/other", true, "x", 1}};
    static const struct sph_fs_item twice[] = {{"bin/app", true, "x", 1},
                                               {"app_manifest.json", false, "{}", 2}};
    static const uint8_t no_key[SPH_SIGN_SCALAR_BYTES];
    static const struct {
        const struct sph_fs_item *items;
        size_t item_count;
        const char *manifest;
        const uint8_t *scalar;
        int code;
        const char *sentence;
    } rows[] = {
        {no_app, 1, SPH_TEST_MANIFEST, sph_test_scalar, -ENOENT,
         "app_manifest.json: EntryPoint: the package has no file '/bin/app'"},
        {twice, 2, SPH_TEST_MANIFEST, sph_test_scalar, -EINVAL,
         "'app_manifest.json' is to be packed twice"},
        {sph_test_items, 1, SPH_TEST_MANIFEST, no_key, -EINVAL,
         "the signing key is not a private key of the curve P-256"},
        {sph_test_items, 1, "{}", sph_test_scalar, -EBADMSG,
         "app_manifest.json: line 1, column 1: SchemaVersion: this key is missing"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_build build = sph_test_build();
        build.items = rows[i].items;
        build.item_count = rows[i].item_count;
        build.manifest_text = rows[i].manifest;
        build.manifest_bytes = strlen(rows[i].manifest);
        build.scalar = rows[i].scalar;
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_build_package(&build, &bytes, NULL, &err), rows[i].code);
        assert_err(&err, rows[i].code, rows[i].sentence);
    }
    struct sph_build build = sph_test_build();
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(3 * SPH_FS_PAGE_BYTES + 100);
    assert_int_equal(sph_build_package(&build, &bytes, NULL, &err), -EFBIG);
    assert_err(&err, -EFBIG, "no room for the package: File too large");
}

/* A buffer whose limit lies anywhere: around each border of the file's parts, and in steps between.
 * Either all of the package or a sentence. */
static void the_buffer_may_end_anywhere(void **state) {
    (void)state;
    sph_autobuf struct sph_buf whole = SPH_BUF_NULL;
    sph_test_package(&whole);
    struct sph_image image;
    assert_int_equal(sph_image_parse(whole.data, whole.len, &image, NULL), 0);
    struct sph_build build = sph_test_build();
    for (size_t limit = 0; limit <= whole.len; limit += limit + 1 < image.body_bytes ? 509 : 1) {
        sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(limit);
        struct sph_err err = SPH_ERR_NULL;
        int r = sph_build_package(&build, &bytes, NULL, &err);
        if (limit == whole.len) {
            assert_int_equal(r, 0);
            assert_memory_equal(bytes.data, whole.data, whole.len);
            continue;
        }
        char sentence[100] = "no room for the package: File too large";
        if (limit < image.body_bytes)
            (void)snprintf(sentence, sizeof(sentence),
                           "no room for a body of %zu bytes: File too large", image.body_bytes);
        assert_int_equal(r, -EFBIG);
        assert_err(&err, -EFBIG, sentence);
    }
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    struct sph_build build = sph_test_build();
    unsigned failures = 0;
    for (unsigned nth = 1;; nth++) {
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
        struct sph_err err = SPH_ERR_NULL;
        alloc_count = 0;
        alloc_fail = nth;
        int r = sph_build_package(&build, &bytes, NULL, &err);
        alloc_fail = 0;
        if (r == 0)
            break;
        assert_int_equal(r, -ENOMEM);
        assert_int_equal(err.code, -ENOMEM);
        assert_non_null(strstr(err.text, ": Cannot allocate memory"));
        failures++;
    }
    assert_true(failures >= 5);
}

static void half_a_heap_tracking_gets_a_warning(void **state) {
    (void)state;
    struct sph_manifest with = {.granted = (uint64_t)1 << SPH_CAP_HEAP_MEM_STATS}, without = {0};
    assert_null(sph_build_heap_warning(&with, true));
    assert_null(sph_build_heap_warning(&without, false));
    assert_string_equal(sph_build_heap_warning(&with, false),
                        "heap tracking is only half set up: app_manifest.json has HeapMemStats, "
                        "but the package has no libmalloc.so.0; add DEBUG_LIB \"libmalloc\" to "
                        "azsphere_target_add_image_package in CMakeLists.txt");
    assert_string_equal(sph_build_heap_warning(&without, true),
                        "heap tracking is only half set up: the package has libmalloc.so.0 "
                        "(DEBUG_LIB in CMakeLists.txt), but HeapMemStats is missing; add "
                        "\"HeapMemStats\": true to Capabilities in app_manifest.json");
}

static void programs_are_told_from_data(void **state) {
    (void)state;
    assert_true(sph_build_is_elf("\177ELF", 4));
    assert_false(sph_build_is_elf("\177EL", 3));
    assert_false(sph_build_is_elf("#!/bin/sh", 9));
    assert_false(sph_build_is_elf(NULL, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_packages_are_rebuilt_to_the_byte),
        cmocka_unit_test(a_build_reads_back),
        cmocka_unit_test(random_packages_come_back),
        cmocka_unit_test(image_ids_are_random_unless_given),
        cmocka_unit_test(names_are_cut_at_a_border),
        cmocka_unit_test(real_time_packages_depend_on_nothing),
        cmocka_unit_test(bad_builds_get_a_sentence),
        cmocka_unit_test(the_buffer_may_end_anywhere),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(half_a_heap_tracking_gets_a_warning),
        cmocka_unit_test(programs_are_told_from_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
