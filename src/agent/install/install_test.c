/* Packages staged, installed, updated and deleted, with the disk failing at every single call:
 * whatever happens, after the next start the old or the new version is there, whole. */
#include "agent/device/device_fixture_test.h"

#include <errno.h>
#include <sys/stat.h>

#include "agent/install/capabilities.h"
#include "agent/install/verify.h"
#include "agent/store/disk_faults_test.h"
#include "agent/store/mapped_file.h"

struct fixture {
    struct sph_scratch *scratch;
    struct sph_device device;
};

static int make(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    disk_faults_set(0, false);
    assert_non_null(fixture);
    sph_scratch_make((void **)&fixture->scratch);
    fixture_open(fixture->scratch, &fixture->device);
    *state = fixture;
    return 0;
}

static int clean(void **state) {
    struct fixture *fixture = *state;
    disk_faults_set(0, false);
    fixture_unload(&fixture->device);
    int result = sph_scratch_remove((void **)&fixture->scratch);
    free(fixture);
    return result;
}

static void reload(struct sph_device *device) {
    fixture_unload(device);
    fixture_load(device);
}

static void install(struct sph_device *device, const struct fixture_package *package) {
    struct sph_refusal refusal = SPH_REFUSAL_NULL;
    struct sph_guid component = fixture_component(package->component);
    if (fixture_stage(device, package, &refusal) < 0 ||
        sph_install_commit(device, &component, false, &refusal) < 0)
        fail_msg("%s", refusal.err.text);
}

/* Version of the app by its record, its unpacked file and its package file, which must agree; 0
 * when it is not there at all. */
static unsigned installed_version(const struct sph_device *device, unsigned number) {
    struct sph_guid component = fixture_component(number);
    const struct sph_installed_app *app = sph_registry_find(device->registry, &component);
    sph_automapped struct sph_mapped_file file = SPH_MAPPED_FILE_NULL;
    struct sph_package package;
    char path[SPH_REGISTRY_PATH + 64], guid[SPH_GUID_TEXT];
    uint8_t version[3];
    (void)snprintf(path, sizeof(path), "packages/%s", sph_guid_format(&component, guid));
    if (!app) {
        assert_int_equal(faccessat(device->state_fd, path, F_OK, 0), -1);
        return 0;
    }
    sph_autoclose int root = sph_registry_open_root(device->registry, app, NULL);
    sph_autoclose int fd = openat(root, "data/version", O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, version, sizeof(version)), sizeof(version));
    (void)snprintf(path, sizeof(path), "packages/%s/" SPH_PACKAGE_FILE, guid);
    assert_int_equal(sph_mapped_file_open(device->state_fd, path, &file, NULL), 0);
    assert_int_equal(sph_package_parse(file.data, file.size, NULL, &package, NULL, NULL), 0);
    assert_int_equal(package.image.image_id.bytes[0], version[0]);
    assert_int_equal(app->image.bytes[0], version[0]);
    assert_int_equal(app->package_bytes, file.size);
    return version[0];
}

/* Nothing but packages in packages/, nothing but whole staged packages in staged/. */
static void assert_no_leftovers(const struct sph_device *device) {
    static const char *const folders[] = {"packages", "staged", "."};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(folders); i++) {
        int fd = openat(device->state_fd, folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        sph_autoclosedir DIR *dir = fdopendir(fd);
        assert_non_null(dir);
        for (struct dirent *item; (item = readdir(dir)) != NULL;)
            if (item->d_name[0] == '.' && strspn(item->d_name, ".") < strlen(item->d_name))
                fail_msg("%s/%s is left over", folders[i], item->d_name);
    }
}

static void test_install(void **state) {
    struct fixture *fixture = *state;
    struct sph_device *device = &fixture->device;
    struct sph_guid component = fixture_component(1);
    struct stat info;
    install(device, &(struct fixture_package){.component = 1, .version = 1, .storage_kib = 8});
    assert_int_equal(installed_version(device, 1), 1);
    const struct sph_installed_app *app = sph_registry_find(device->registry, &component);
    assert_string_equal(app->name, "App 1");
    assert_int_equal(app->storage_kib, 8);
    assert_int_equal(app->uid, 0x70000000 | 0x123400);
    assert_false(app->manual);
    assert_int_equal(sph_stage_count(device->stage), 0);
    sph_autoclose int root = sph_registry_open_root(device->registry, app, NULL);
    assert_int_equal(fstatat(root, "bin/app", &info, 0), 0);
    assert_int_equal(info.st_mode & 07777, 0755);
    sph_autobuf struct sph_buf manifest = SPH_BUF_NULL;
    assert_int_equal(sph_registry_read_manifest(device->registry, app, &manifest, NULL), 0);
    assert_non_null(strstr(manifest.data, "\"SizeKB\":8"));
    reload(device);
    assert_int_equal(installed_version(device, 1), 1);
    assert_string_equal(sph_registry_problems(device->registry), "");
    assert_ptr_equal(sph_registry_find_uid(device->registry, 0x70123400),
                     sph_registry_find(device->registry, &component));
    assert_null(sph_registry_find_uid(device->registry, 1));
}

static void test_update_keeps_id_and_storage(void **state) {
    struct fixture *fixture = *state;
    struct sph_device *device = &fixture->device;
    struct sph_guid component = fixture_component(2);
    uint64_t bytes;
    install(device, &(struct fixture_package){.component = 1, .version = 1});
    install(device, &(struct fixture_package){.component = 2, .version = 1, .storage_kib = 8});
    const struct sph_installed_app *app = sph_registry_find(device->registry, &component);
    uid_t uid = app->uid;
    sph_autoclose int fd = sph_storage_open(device->storage, &component, geteuid(), NULL);
    assert_int_equal(write(fd, "data", 4), 4);
    install(device, &(struct fixture_package){.component = 2, .version = 2, .storage_kib = 8});
    assert_ptr_equal(sph_registry_find(device->registry, &component), app);
    assert_int_equal(app->uid, uid);
    assert_int_equal(installed_version(device, 2), 2);
    assert_int_equal(installed_version(device, 1), 1);
    assert_int_equal(sph_storage_usage(device->storage, &component, &bytes, NULL), 0);
    assert_int_equal(bytes, 4);
    struct sph_refusal refusal = SPH_REFUSAL_NULL;
    assert_int_equal(sph_install_delete(device, &component, &refusal), 0);
    assert_int_equal(sph_storage_usage(device->storage, &component, &bytes, NULL), 0);
    assert_int_equal(bytes, 0);
    assert_int_equal(sph_install_delete(device, &component, &refusal), 0); /* as on the device */
    assert_int_equal(installed_version(device, 2), 0);
    reload(device);
    assert_int_equal(sph_registry_count(device->registry), 1);
    assert_no_leftovers(device);
}

static void test_manual(void **state) {
    struct fixture *fixture = *state;
    struct sph_device *device = &fixture->device;
    struct sph_guid component = fixture_component(1);
    struct sph_refusal refusal = SPH_REFUSAL_NULL;
    static const bool modes[] = {true, true, false, false, true};
    assert_int_equal(fixture_stage(device, &(struct fixture_package){.component = 1}, &refusal), 0);
    assert_int_equal(sph_install_commit(device, &component, true, &refusal), 0);
    assert_true(sph_registry_find(device->registry, &component)->manual);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(modes); i++) {
        assert_int_equal(sph_registry_set_manual(device->registry, &component, modes[i], NULL), 0);
        reload(device);
        assert_int_equal(sph_registry_find(device->registry, &component)->manual, modes[i]);
    }
    install(device, &(struct fixture_package){.component = 1, .version = 2});
    assert_false(sph_registry_find(device->registry, &component)->manual);
    struct sph_guid unknown = fixture_component(9);
    assert_int_equal(sph_registry_set_manual(device->registry, &unknown, true, &refusal.err),
                     -ENOENT);
    assert_err(&refusal.err, -ENOENT, "00000000-1111-2222-3333-000000000009 is not installed");
}

/* One row per reason to refuse. */
static void test_refusals(void **state) {
    struct fixture *fixture = *state;
    struct sph_device *device = &fixture->device;
    static const struct {
        struct fixture_package package;
        size_t cut;     /* bytes off the end */
        size_t flipped; /* this byte is changed; 0 = none */
        uint32_t number;
        const char *sentence; /* beginning */
    } rows[] = {
        {{.component = 2, .storage_kib = 64}, 0, 0, 0, ""},
        {{.component = 2, .runtime = 17},
         0,
         0,
         3145750,
         "the package needs application runtime 17: this device has 16"},
        {{.component = 2, .padding = 1100000},
         0,
         0,
         14680082,
         "the package takes more than the 1048576 bytes of flash that the device has"},
        {{.component = 2, .padding = 540000},
         0,
         0,
         14680082,
         "the package takes 557268 bytes, but"},
        {{.component = 1, .padding = 540000}, 0, 0, 0, ""},
        {{.component = 2}, 1, 0, 7340050, ""},
        {{.component = 2}, 8000, 0, 7340050, ""},
        {{.component = 2}, 0, 5000, 7340050, ""},
    };
    install(device, &(struct fixture_package){.component = 1, .padding = 500000});
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
        struct sph_refusal refusal = SPH_REFUSAL_NULL;
        fixture_build(&rows[i].package, &bytes);
        if (rows[i].flipped)
            bytes.data[rows[i].flipped] ^= 1;
        int code = fixture_stage_bytes(device, bytes.data, bytes.len - rows[i].cut, &refusal);
        assert_int_equal(refusal.device_error, rows[i].number);
        assert_int_equal(code < 0, rows[i].number != 0);
        if (strncmp(refusal.err.text, rows[i].sentence, strlen(rows[i].sentence)) != 0)
            fail_msg("row %zu: %s", i, refusal.err.text);
        struct sph_guid component = fixture_component(rows[i].package.component);
        assert_int_equal(sph_stage_drop(device->stage, &component, NULL), 0);
    }
}

static void test_not_trusted(void **state) {
    struct fixture *fixture = *state;
    struct sph_device *device = &fixture->device;
    struct sph_guid component = fixture_component(1);
    struct sph_refusal refusal = SPH_REFUSAL_NULL;
    struct fixture_package package = {.component = 1};
    assert_int_equal(fixture_stage(device, &package, &refusal), 0);
    assert_int_equal(sph_trust_store_remove(device->trust, sph_test_thumbprint, NULL), 0);
    assert_true(sph_install_commit(device, &component, false, &refusal) < 0);
    assert_int_equal(refusal.device_error, 14680081);
    assert_true(fixture_stage(device, &package, &refusal) < 0);
    assert_int_equal(refusal.device_error, 7340047);
    assert_int_equal(installed_version(device, 1), 0);
}

static void make_production(struct sph_device *device) {
    struct sph_trust_record record =
        *sph_trust_find(sph_trust_store_get(device->trust), sph_test_thumbprint);
    if (record.is_production)
        return;
    record.is_production = true;
    assert_int_equal(sph_trust_store_add(device->trust, &record, NULL), 0);
}

/* The debugger takes its part of the flash, in either mode, as long as it is there. */
static void test_flash_with_the_debugger(void **state) {
    struct fixture *fixture = *state;
    struct sph_device *device = &fixture->device;
    struct sph_refusal refusal = SPH_REFUSAL_NULL;
    const struct fixture_package debugger = {
        .component = 9, .padding = 558536, .is_debugger = true};
    const struct fixture_package app = {.component = 1, .padding = 500000};
    struct sph_guid component = fixture_component(9);
    static const uint32_t none[1];
    char sentence[200];
    assert_int_equal(fixture_stage(device, &debugger, &refusal), 0);
    assert_int_equal(sph_install_commit(device, &component, false, &refusal), 0);
    uint64_t taken = sph_verify_flash_use(device).used_bytes;
    assert_in_range(taken, 558536, 558536 + 32768);
    for (int mode = 0; mode < 2; mode++) {
        assert_int_equal(fixture_stage(device, &app, &refusal), -ENOSPC);
        assert_int_equal(refusal.device_error, 14680082);
        const char *const places[] = {"package takes ", "packages take ", ": "};
        unsigned long long numbers[3];
        for (unsigned i = 0; i < 3; i++) {
            const char *at = strstr(refusal.err.text, places[i]);
            assert_non_null(at);
            numbers[i] = strtoull(at + strlen(places[i]), NULL, 10);
        }
        unsigned long long size = numbers[0], others = numbers[1], over = numbers[2];
        (void)snprintf(sentence, sizeof(sentence),
                       "the package takes %llu bytes, but of the 1048576 bytes of flash other "
                       "packages take %llu: %llu bytes too many",
                       size, others, over);
        assert_string_equal(refusal.err.text, sentence);
        assert_in_range(size, 500000, 500000 + 32768);
        assert_int_equal(others, taken);
        assert_int_equal(over, size + taken - 1048576);
        make_production(device);
        assert_int_equal(sph_capabilities_set(device->capabilities, none, 0, NULL), 0);
    }
    assert_int_equal(sph_install_delete(device, &component, &refusal), 0);
    assert_int_equal(sph_verify_flash_use(device).used_bytes, 0);
    assert_int_equal(fixture_stage(device, &app, &refusal), 0);
}

/* What was installed before it was switched off is not deleted, and may not start. */
static void test_modes(void **state) {
    struct fixture *fixture = *state;
    struct sph_device *device = &fixture->device;
    struct sph_refusal refusal = SPH_REFUSAL_NULL;
    struct sph_err err = SPH_ERR_NULL;
    const struct fixture_package package = {.component = 1};
    struct sph_guid component = fixture_component(1);
    static const uint32_t none[1];
    assert_int_equal(fixture_stage(device, &package, &refusal), 0);
    assert_int_equal(sph_install_commit(device, &component, false, &refusal), 0);
    assert_int_equal(sph_capabilities_set(device->capabilities, none, 0, NULL), 0);
    fixture_unload(device); /* as by the next start */
    fixture_load(device);
    const struct sph_installed_app *app = sph_registry_find(device->registry, &component);
    assert_non_null(app);
    assert_int_equal(sph_verify_start(device, app, &err), -EKEYREJECTED);
    assert_err(&err, -EKEYREJECTED,
               "development is off, and 'CN=Test' is trusted for development only: enable it, or "
               "'spherule trust add CERT.pem --production'");
    assert_int_equal(sph_verify_hindrance(device, app), SPH_HINDRANCE_DEVELOPMENT_SIGNER);
    make_production(device);
    assert_int_equal(sph_verify_start(device, app, &err), 0);
    assert_int_equal(sph_verify_hindrance(device, app), SPH_HINDRANCE_NONE);
    assert_int_equal(sph_trust_store_remove(device->trust, sph_test_thumbprint, NULL), 0);
    assert_int_equal(sph_verify_start(device, app, &err), -EKEYREJECTED);
    assert_err(&err, -EKEYREJECTED,
               "development is off, and the package's signer is not trusted any more: 'spherule "
               "trust add CERT.pem --production'");
    assert_int_equal(sph_verify_hindrance(device, app), SPH_HINDRANCE_UNKNOWN_SIGNER);
    static const uint32_t development[] = {SPH_DEVCAP_APP_DEVELOPMENT};
    assert_int_equal(sph_capabilities_set(device->capabilities, development, 1, NULL), 0);
    assert_int_equal(sph_verify_start(device, app, &err), 0);
}

static void test_upload_manners(void **state) {
    struct fixture *fixture = *state;
    struct sph_device *device = &fixture->device;
    struct sph_refusal refusal = SPH_REFUSAL_NULL;
    const struct sph_staged_package *staged;
    char one = 0, two = 0; /* their addresses are owners */
    assert_int_equal(sph_stage_data(device->stage, &one, "x", 1, &refusal), -EINVAL);
    assert_int_equal(refusal.device_error, 1048577);
    assert_string_equal(refusal.err.text, "no package is being staged on this connection");
    assert_int_equal(sph_stage_begin(device->stage, &one, 2000000, &refusal), -ENOSPC);
    assert_int_equal(refusal.device_error, 14680082);
    assert_string_equal(refusal.err.text,
                        "the package takes 2000000 bytes, but of the 1048576 bytes of flash other "
                        "packages take 0: 951424 bytes too many");
    assert_int_equal(sph_stage_begin(device->stage, &one, 0, &refusal), 0);
    assert_int_equal(sph_stage_begin(device->stage, &two, 0, &refusal), -EBUSY);
    assert_int_equal(refusal.device_error, 10485765);
    sph_stage_abort(device->stage, &two);                                   /* not its upload */
    assert_int_equal(sph_stage_begin(device->stage, &one, 0, &refusal), 0); /* starts over */
    assert_int_equal(sph_stage_end(device->stage, &one, &staged, &refusal), -EBADMSG);
    assert_int_equal(refusal.device_error, 7340050);
    assert_int_equal(sph_stage_begin(device->stage, &two, 0, &refusal), 0);
    sph_stage_abort(device->stage, &two);
    assert_no_leftovers(device);
    static char chunk[100000];
    int code = sph_stage_begin(device->stage, &one, 0, &refusal);
    unsigned chunks = 0;
    for (; code == 0; chunks++)
        code = sph_stage_data(device->stage, &one, chunk, sizeof(chunk), &refusal);
    assert_int_equal(chunks, 11); /* the one that passes the flash is refused */
    assert_int_equal(refusal.device_error, 14680082);
    assert_no_leftovers(device);
}

static void test_many_staged(void **state) {
    struct fixture *fixture = *state;
    struct sph_device *device = &fixture->device;
    struct sph_refusal refusal = SPH_REFUSAL_NULL;
    for (unsigned i = 0; i < SPH_STAGE_MAX; i++)
        assert_int_equal(fixture_stage(device, &(struct fixture_package){.component = i}, &refusal),
                         0);
    assert_true(fixture_stage(device, &(struct fixture_package){.component = 99}, &refusal) < 0);
    assert_int_equal(refusal.device_error, 7340050);
    assert_string_equal(refusal.err.text, "16 packages are staged already: install them first");
    assert_int_equal(/* one of the same component takes its place */
                     fixture_stage(device, &(struct fixture_package){.component = 3, .version = 2},
                                   &refusal),
                     0);
    reload(device);
    assert_int_equal(sph_stage_count(device->stage), SPH_STAGE_MAX);
    struct sph_guid third = fixture_component(3);
    assert_int_equal(sph_stage_find(device->stage, &third)->image.bytes[0], 2);
}

/* Stages and installs `package` with the given fault; true when all went well. */
static bool try_install(struct sph_device *device, const struct fixture_package *package,
                        unsigned nth, bool dead) {
    struct sph_refusal refusal = SPH_REFUSAL_NULL;
    struct sph_guid component = fixture_component(package->component);
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    fixture_build(package, &bytes);
    disk_faults_set(nth, dead);
    bool done = fixture_stage_bytes(device, bytes.data, bytes.len, &refusal) == 0 &&
                sph_install_commit(device, &component, false, &refusal) == 0;
    disk_faults_set(0, false);
    if (!done) {
        assert_true(refusal.device_error != 0);
        assert_true(refusal.err.text[0] != '\0');
    }
    return done;
}

/* A first install and an update, each disk call failing in turn, in both ways. */
static void test_faults_install(void **state) {
    struct fixture *fixture = *state;
    struct sph_device *device = &fixture->device;
    unsigned tried = 0;
    for (unsigned old = 0; old < 2; old++) {
        for (int dead = 0; dead < 2; dead++) {
            bool done = false;
            for (unsigned nth = 1; !done; nth++, tried++) {
                struct sph_guid component = fixture_component(1);
                struct sph_refusal refusal = SPH_REFUSAL_NULL;
                assert_int_equal(sph_install_delete(device, &component, &refusal), 0);
                assert_int_equal(sph_stage_drop(device->stage, &component, NULL), 0);
                if (old)
                    install(device, &(struct fixture_package){.component = 1, .version = 1});
                struct fixture_package package = {.component = 1, .version = 2};
                done = try_install(device, &package, nth, dead);
                if (!dead) { /* the agent goes on: memory and disk agree */
                    unsigned version = installed_version(device, 1);
                    assert_true(version == old || version == 2);
                }
                reload(device);
                unsigned version = installed_version(device, 1);
                assert_true(version == old || version == 2);
                assert_true(!done || version == 2);
                assert_no_leftovers(device);
                assert_string_equal(sph_registry_problems(device->registry), "");
            }
        }
    }
    print_message("%u installs, each with another disk call failing\n", tried);
}

static void test_faults_delete(void **state) {
    struct fixture *fixture = *state;
    struct sph_device *device = &fixture->device;
    struct sph_guid component = fixture_component(1);
    for (int dead = 0; dead < 2; dead++) {
        bool done = false;
        for (unsigned nth = 1; !done; nth++) {
            struct sph_refusal refusal = SPH_REFUSAL_NULL;
            struct fixture_package package = {.component = 1, .version = 1, .storage_kib = 8};
            install(device, &package);
            int fd = sph_storage_open(device->storage, &component, geteuid(), NULL);
            assert_true(fd >= 0);
            (void)close(fd);
            disk_faults_set(nth, dead);
            done = sph_install_delete(device, &component, &refusal) == 0;
            disk_faults_set(0, false);
            assert_int_equal(refusal.device_error, done ? 0 : EIO);
            reload(device);
            unsigned version = installed_version(device, 1); /* whole, or not there */
            assert_true(version == (done ? 0u : version) && version <= 1);
            assert_no_leftovers(device);
            assert_true(version ||
                        faccessat(device->state_fd, "storage/00000000-1111-2222-3333-000000000001",
                                  F_OK, 0) < 0);
        }
    }
}

static void test_damaged_package(void **state) {
    struct fixture *fixture = *state;
    struct sph_device *device = &fixture->device;
    install(device, &(struct fixture_package){.component = 1, .version = 1});
    install(device, &(struct fixture_package){.component = 2, .version = 1});
    static const char path[] = "packages/00000000-1111-2222-3333-000000000001/" SPH_PACKAGE_FILE;
    sph_autoclose int fd = openat(device->state_fd, path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "?", 1, 4100), 1);
    reload(device);
    assert_int_equal(sph_registry_count(device->registry), 1);
    const char *problem = sph_registry_problems(device->registry);
    assert_memory_equal(problem, path + 9, sizeof(path) - 10);
    install(device, &(struct fixture_package){.component = 1, .version = 2}); /* mends it */
    reload(device);
    assert_int_equal(installed_version(device, 1), 2);
    assert_int_equal(installed_version(device, 2), 1);
}

/* Real packages: the device takes them when it trusts their signer, and only then. */
static void test_fixtures(void **state) {
    struct fixture *fixture = *state;
    struct sph_device *device = &fixture->device;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(sph_fixture_names); i++) {
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
        struct sph_refusal refusal = SPH_REFUSAL_NULL;
        sph_fixture_read(sph_fixture_names[i], &bytes);
        assert_true(fixture_stage_bytes(device, bytes.data, bytes.len, &refusal) < 0);
        assert_int_equal(refusal.device_error, 7340047);
        assert_int_equal(sph_trust_store_add(device->trust, &sph_trust_sdk_development, NULL), 0);
        assert_int_equal(fixture_stage_bytes(device, bytes.data, bytes.len, &refusal), 0);
        struct sph_guid component = sph_stage_at(device->stage, 0)->component;
        assert_int_equal(sph_install_commit(device, &component, false, &refusal), 0);
        assert_int_equal(sph_registry_find(device->registry, &component)->package_bytes, bytes.len);
        assert_int_equal(
            sph_trust_store_remove(device->trust, sph_trust_sdk_development.thumbprint, NULL), 0);
    }
    assert_int_equal(sph_verify_flash_use(device).used_bytes, 16596 + 20692);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)
    const struct CMUnitTest tests[] = {
        TEST(test_install),       TEST(test_update_keeps_id_and_storage),
        TEST(test_manual),        TEST(test_refusals),
        TEST(test_not_trusted),   TEST(test_upload_manners),
        TEST(test_many_staged),   TEST(test_faults_install),
        TEST(test_faults_delete), TEST(test_damaged_package),
        TEST(test_fixtures),      TEST(test_flash_with_the_debugger),
        TEST(test_modes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
