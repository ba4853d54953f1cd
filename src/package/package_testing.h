/* package_testing: packages for the unit tests: made ones, and the real ones where they are at
 * hand. */
#ifndef SPH_PACKAGE_PACKAGE_TESTING_H
#define SPH_PACKAGE_PACKAGE_TESTING_H

#include "base/testing.h"

#include <string.h>

#include "base/cleanup.h"

#include "base/le.h"
#include "package/build.h"
#include "package/package.h"
#include "package/trust.h"

/* Real packages are not part of the project: $SPHERULE_FIXTURES, else a folder beside the source
 * tree. */
static const char *const sph_fixture_names[] = {
    "azure_sphere_blink.imagepackage",
    "MutableStorage.imagepackage",
};

/* Skips the running test with a reason when the file is not there. */
static inline void sph_fixture_read(const char *name, struct sph_buf *ret_bytes) {
    const char *folder = getenv("SPHERULE_FIXTURES");
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", folder ? folder : SPH_TEST_FIXTURES, name);
    if (access(path, R_OK) < 0) {
        print_message("skipped: no package %s (set SPHERULE_FIXTURES)\n", path);
        skip();
    }
    assert_int_equal(sph_file_read(AT_FDCWD, path, ret_bytes, NULL), 0);
}

/* The key of RFC 6979, A.2.5, and a thumbprint of no certificate. */
static const uint8_t sph_test_scalar[SPH_SIGN_SCALAR_BYTES] = {
    0xc9, 0xaf, 0xa9, 0xd8, 0x45, 0xba, 0x75, 0x16, 0x6b, 0x5c, 0x21, 0x57, 0x67, 0xb1, 0xd6, 0x93,
    0x4e, 0x50, 0xc3, 0xdb, 0x36, 0xe8, 0x9b, 0x12, 0x7b, 0x8a, 0x62, 0x2b, 0x12, 0x0f, 0x67, 0x21};
static const uint8_t sph_test_thumbprint[SPH_IMAGE_THUMBPRINT_BYTES] = {1, 2, 3, 4, 5, 6};

#define SPH_TEST_COMPONENT "12345678-9abc-def0-1122-334455667788"
#define SPH_TEST_MANIFEST                                                                          \
    "{\n  \"SchemaVersion\": 1,\n  \"Name\": \"Test\",\n  \"ComponentId\": \"" SPH_TEST_COMPONENT  \
    "\",\n  \"EntryPoint\": \"/bin/app\",\n  \"CmdArgs\": [\"-v\", \"a b\"],\n"                    \
    "  \"Capabilities\": { \"Gpio\": [ 8, 9 ] },\n  \"ApplicationType\": \"Default\"\n}\n"
#define SPH_TEST_APP "\177ELF and what follows"

static const struct sph_fs_item sph_test_items[] = {
    {"bin/app", true, SPH_TEST_APP, sizeof(SPH_TEST_APP)},
};

static inline struct sph_build sph_test_build(void) {
    return (struct sph_build){
        .manifest_text = SPH_TEST_MANIFEST,
        .manifest_bytes = strlen(SPH_TEST_MANIFEST),
        .items = sph_test_items,
        .item_count = 1,
        .image_id = {{42}},
        .build_time_s = 1700000000,
        .application_runtime = 16,
        .temporary = SPH_IMAGE_UNDER_DEVELOPMENT,
        .scalar = sph_test_scalar,
        .thumbprint = sph_test_thumbprint,
    };
}

static inline void sph_test_package(struct sph_buf *ret_bytes) {
    struct sph_build build = sph_test_build();
    struct sph_err err = SPH_ERR_NULL;
    int r = sph_build_package(&build, ret_bytes, NULL, &err);
    if (r < 0)
        fail_msg("%s", err.text);
}

#endif
