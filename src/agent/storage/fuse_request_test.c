/* Requests as the kernel's header has them, whole and cut at every byte. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agent/storage/fuse_request.h"
#include "base/attr.h"

enum { ROOM = 512 };

/* One request of these parts; its length. */
static size_t make(uint8_t *bytes, uint32_t op, const void *arg, size_t arg_len, const void *data,
                   size_t data_len) {
    struct fuse_in_header head = {.opcode = op, .unique = 7, .nodeid = 2};
    head.len = (uint32_t)(sizeof(head) + arg_len + data_len);
    memcpy(bytes, &head, sizeof(head));
    if (arg_len)
        memcpy(bytes + sizeof(head), arg, arg_len);
    if (data_len)
        memcpy(bytes + sizeof(head) + arg_len, data, data_len);
    return head.len;
}

static void test_each(void **state) {
    (void)state;
    static const struct fuse_init_in init = {.major = 7, .minor = 38};
    static const struct fuse_setattr_in setattr = {.valid = FATTR_SIZE, .size = 100};
    static const struct fuse_read_in read = {.offset = 5, .size = 10};
    static const struct fuse_write_in write = {.offset = 5, .size = 3};
    static const struct fuse_fallocate_in fallocate = {.offset = 5, .length = 10};
    static const struct {
        uint32_t op;
        const void *arg;
        size_t arg_len;
        const char *data;
        size_t data_len;
        size_t least; /* of the argument and data: all shorter ones are refused */
    } cases[] = {
        {FUSE_INIT, &init, sizeof(init), "", 0, 16},
        {FUSE_SETATTR, &setattr, sizeof(setattr), "", 0, sizeof(setattr)},
        {FUSE_READ, &read, sizeof(read), "", 0, sizeof(read)},
        {FUSE_WRITE, &write, sizeof(write), "abc", 3, sizeof(write) + 3},
        {FUSE_FALLOCATE, &fallocate, sizeof(fallocate), "", 0, sizeof(fallocate)},
        {FUSE_LOOKUP, "", 0, "name", 5, 5},
        {FUSE_GETATTR, "", 0, "", 0, 0},
        {FUSE_RELEASE, "", 0, "", 0, 0},
        {9999, "", 0, "anything", 8, 0},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        uint8_t bytes[ROOM];
        struct sph_fuse_request request;
        size_t len = make(bytes, cases[i].op, cases[i].arg, cases[i].arg_len, cases[i].data,
                          cases[i].data_len);
        assert_int_equal(sph_fuse_request_parse(bytes, len, &request), 0);
        assert_int_equal(request.op, cases[i].op);
        assert_int_equal(request.unique, 7);
        assert_int_equal(request.node, 2);
        for (size_t cut = sizeof(struct fuse_in_header); cut < len; cut++) {
            uint32_t said = (uint32_t)cut;
            assert_int_equal(sph_fuse_request_parse(bytes, cut, &request), -EBADMSG);
            memcpy(bytes, &said, sizeof(said)); /* a head that agrees */
            int wanted = cut - sizeof(struct fuse_in_header) < cases[i].least ? -EBADMSG : 0;
            assert_int_equal(sph_fuse_request_parse(bytes, cut, &request), wanted);
            assert_int_equal(request.unique, 7);
        }
    }
}

static void test_a_write(void **state) {
    (void)state;
    uint8_t bytes[ROOM];
    struct sph_fuse_request request;
    struct fuse_write_in in = {.offset = 4096, .size = 3};
    size_t len = make(bytes, FUSE_WRITE, &in, sizeof(in), "abc", 3);
    assert_int_equal(sph_fuse_request_parse(bytes, len, &request), 0);
    assert_int_equal(request.arg.write.offset, 4096);
    assert_memory_equal(request.data, "abc", 3);
    static const uint32_t wrong[] = {0, 2, 4, UINT32_MAX};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(wrong); i++) {
        in.size = wrong[i];
        len = make(bytes, FUSE_WRITE, &in, sizeof(in), "abc", 3);
        assert_int_equal(sph_fuse_request_parse(bytes, len, &request), -EBADMSG);
    }
}

static void test_no_head(void **state) {
    (void)state;
    uint8_t bytes[sizeof(struct fuse_in_header)] = {0};
    struct sph_fuse_request request;
    for (size_t len = 0; len < sizeof(bytes); len++)
        assert_int_equal(sph_fuse_request_parse(bytes, len, &request), -EBADMSG);
    assert_int_equal(request.unique, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each),
        cmocka_unit_test(test_a_write),
        cmocka_unit_test(test_no_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
