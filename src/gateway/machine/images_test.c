/* The listing, and images that are not what it says. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "base/crc32.h"
#include "gateway/machine/images.h"

#define REMEDY "run 'make device' to build the virtual device's images"

static void lines_of_the_listing(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int code;
        uint32_t crc;
        uint64_t bytes;
    } cases[] = {
        {"", -ENOENT, 0, 0},
        {"00000001 2 kernel", 0, 1, 2},
        {"00000001 2 kernel\n", 0, 1, 2},
        {"00000003 4 initramfs\nfffffffe 4294967295 kernel\n", 0, 0xfffffffe, 4294967295},
        {"00000001 2 kernel2\n", -ENOENT, 0, 0},
        {"00000001 2 other kernel\n", -EBADMSG, 0, 0}, /* no number in front of the name */
        {"kernel\n", -ENOENT, 0, 0},
        {" kernel\n", -EBADMSG, 0, 0},
        {"0000001 2 kernel\n", -EBADMSG, 0, 0},
        {"0000000g 2 kernel\n", -EBADMSG, 0, 0},
        {"00000001 4294967296 kernel\n", -EBADMSG, 0, 0},
        {"00000001 -1 kernel\n", -EBADMSG, 0, 0},
        {"00000001  kernel\n", -EBADMSG, 0, 0},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        uint32_t crc = 0;
        uint64_t bytes = 0;
        assert_int_equal(
            sph_images_parse(cases[i].text, strlen(cases[i].text), "kernel", &crc, &bytes),
            cases[i].code);
        if (cases[i].code == 0) {
            assert_int_equal(crc, cases[i].crc);
            assert_int_equal(bytes, cases[i].bytes);
        }
    }
}

static void put(const struct sph_scratch *scratch, const char *name, const void *data, size_t len) {
    assert_int_equal(sph_file_replace(scratch->fd, name, data, len, 0644, NULL), 0);
}

/* Both images of `len` bytes, and a listing that is right. */
static void lay_out(const struct sph_scratch *scratch, char *data, size_t len) {
    char listing[128];
    for (size_t i = 0; i < len; i++)
        data[i] = (char)(i * 7);
    uint32_t crc = sph_crc32(0, data, len);
    (void)snprintf(listing, sizeof(listing), "%08x %zu kernel\n%08x %zu initramfs\n", crc, len, crc,
                   len);
    put(scratch, "images", listing, strlen(listing));
    put(scratch, "kernel", data, len);
    put(scratch, "initramfs", data, len);
}

static void refused(const struct sph_scratch *scratch, int code, const char *sentence) {
    struct sph_images images = SPH_IMAGES_NULL;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_images_open(scratch->fd, &images, &err), code);
    assert_err(&err, code, sentence);
    assert_int_equal(images.kernel_fd, -1);
}

static void whole_and_damaged(void **state) {
    const struct sph_scratch *scratch = *state;
    static char data[200000];
    struct sph_images images = SPH_IMAGES_NULL;
    char byte = 0;
    lay_out(scratch, data, sizeof(data));
    assert_int_equal(sph_images_open(scratch->fd, &images, NULL), 0);
    assert_int_equal(read(images.kernel_fd, &byte, 1), 1); /* from the beginning */
    assert_int_equal(byte, data[0]);
    sph_images_close(&images);
    assert_int_equal(images.initramfs_fd, -1);

    data[123456] ^= 1; /* one bit */
    put(scratch, "initramfs", data, sizeof(data));
    refused(scratch, -EBADMSG, "the image 'initramfs' is damaged: " REMEDY);
    put(scratch, "kernel", data, sizeof(data) - 1); /* cut */
    refused(scratch, -EBADMSG, "the image 'kernel' is damaged: " REMEDY);
    put(scratch, "kernel", data, 0);
    refused(scratch, -EBADMSG, "the image 'kernel' is damaged: " REMEDY);
    assert_int_equal(unlinkat(scratch->fd, "kernel", 0), 0);
    refused(scratch, -ENOENT,
            "cannot open the image 'kernel' (" REMEDY "): No such file or directory");
    put(scratch, "images", "x\n", 2);
    refused(scratch, -EBADMSG, "the listing of the images does not have 'kernel': " REMEDY);
}

static void the_folder_is_found(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(setenv("SPHERULE_DEVICE_IMAGES", scratch->path, 1), 0);
    int fd = sph_images_open_folder(&err);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(setenv("SPHERULE_DEVICE_IMAGES", "/nowhere", 1), 0);
    assert_int_equal(sph_images_open_folder(&err), -ENOENT);
    assert_err(&err, -ENOENT,
               "there are no images in /nowhere (" REMEDY "): No such file or directory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_the_listing),
        cmocka_unit_test_setup_teardown(whole_and_damaged, sph_scratch_make, sph_scratch_remove),
        cmocka_unit_test_setup_teardown(the_folder_is_found, sph_scratch_make, sph_scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
