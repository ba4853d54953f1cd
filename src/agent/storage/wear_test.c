/* Wear is counted by a table, and against a flash that is made of bytes; records are read from
 * files that are cut, changed and half written. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agent/storage/wear.h"
#include "base/attr.h"

enum { FILE_BYTES = SPH_WEAR_FILE, BLOCKS = 5 * SPH_WEAR_BLOCK, SPAN = 3 * SPH_WEAR_BLOCK };

static void test_writes(void **state) {
    (void)state;
    static const struct {
        struct sph_wear_change change; /* file, start, end, idle */
        uint64_t bytes, blocks;
    } cases[] = {
        {{0, 0, 1, false}, 1, 1},          /* the first block is taken */
        {{1, 1, 4096, false}, 4095, 0},    /* appended: it is erased already */
        {{4096, 4096, 4097, false}, 1, 1}, /* the next one */
        {{1, 1, 4097, false}, 4096, 1},     {{4096, 0, 1, false}, 1, 1}, /* changed: erased */
        {{8192, 4095, 4097, false}, 2, 2},                               /* both */
        {{8192, 0, 8192, true}, 8192, 2},   /* changed nothing: felt all the same */
        {{4000, 3999, 4097, false}, 98, 2}, /* the last byte, and a new block */
        {{100, 50, 200, false}, 150, 1},    {{0, 8192, 8193, false}, 8193, 3}, /* a hole is zeros */
        {{10, 5000, 5001, false}, 4991, 1}, {{0, 0, 65536, false}, 65536, 16},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_wear wear = {1000, 100, 10, 1};
        sph_wear_add(&wear, &cases[i].change);
        if (wear.bytes_written != 1000 + cases[i].bytes ||
            wear.blocks_erased != 100 + cases[i].blocks || wear.writes != 11 ||
            wear.idle_writes != 1 + (uint64_t)cases[i].change.is_idle)
            fail_msg("case %zu: %llu bytes, %llu blocks", i,
                     (unsigned long long)wear.bytes_written - 1000,
                     (unsigned long long)wear.blocks_erased - 100);
    }
}

static void test_cuts(void **state) {
    (void)state;
    static const struct {
        uint64_t from, to, bytes, blocks, idle;
    } cases[] = {
        {8192, 0, 0, 0, 0},     {8192, 4096, 0, 0, 0}, {8192, 4097, 1, 1, 0},
        {8192, 100, 100, 1, 0}, {100, 100, 0, 0, 1},   {0, 0, 0, 0, 1},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_wear wear = {0};
        sph_wear_add_cut(&wear, cases[i].from, cases[i].to);
        if (wear.bytes_written != cases[i].bytes || wear.blocks_erased != cases[i].blocks ||
            wear.idle_writes != cases[i].idle || wear.writes != 1)
            fail_msg("case %zu", i);
    }
}

/* A flash that knows of each byte whether it was written since its block was erased. */
struct flash {
    bool is_written[BLOCKS + SPAN];
    uint64_t erased;
};

static void flash_write(struct flash *flash, uint64_t start, uint64_t end, uint64_t file_bytes) {
    for (uint64_t block = start / SPH_WEAR_BLOCK; block * SPH_WEAR_BLOCK < end; block++) {
        bool *bytes = flash->is_written + block * SPH_WEAR_BLOCK;
        bool must_erase = block * SPH_WEAR_BLOCK >= file_bytes; /* it held another file */
        for (uint64_t i = 0; i < SPH_WEAR_BLOCK; i++) {
            uint64_t at = block * SPH_WEAR_BLOCK + i;
            must_erase |= at >= start && at < end && bytes[i];
        }
        flash->erased += must_erase;
        for (uint64_t i = 0; i < SPH_WEAR_BLOCK; i++) {
            uint64_t at = block * SPH_WEAR_BLOCK + i;
            bool is_new = at >= start && at < end;
            bytes[i] = is_new || (bytes[i] && at < file_bytes);
        }
    }
}

static void test_against_a_flash(void **state) {
    (void)state;
    static struct flash flash;
    struct sph_wear wear = {0};
    uint64_t random = 20261129, size = 0;
    for (unsigned i = 0; i < 20000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t start = (random >> 33) % BLOCKS;
        uint64_t end = start + 1 + (random >> 48) % SPAN;
        if (i % 16 == 0) { /* cut to whole blocks, which erases nothing */
            size = size / SPH_WEAR_BLOCK / 2 * SPH_WEAR_BLOCK;
            memset(flash.is_written + size, 0, sizeof(flash.is_written) - size);
        }
        sph_wear_add(&wear, &(struct sph_wear_change){size, start, end, false});
        flash_write(&flash, start < size ? start : size, end, size);
        size = end > size ? end : size;
        if (wear.blocks_erased != flash.erased)
            fail_msg("write %u: %llu blocks and not %llu", i,
                     (unsigned long long)wear.blocks_erased, (unsigned long long)flash.erased);
    }
}

/* Of ten thousand idle writes a dozen are told. */
static void test_news(void **state) {
    (void)state;
    unsigned warnings = 0, grown = 0;
    struct sph_wear wear = {0}, before;
    for (unsigned i = 1; i <= 10000; i++) {
        before = wear;
        sph_wear_add(&wear, &(struct sph_wear_change){4096, 0, 4096, true});
        enum sph_wear_news news = sph_wear_news(&before, &wear);
        warnings += news == SPH_WEAR_WARNING;
        if (news == SPH_WEAR_WARNING && (i & (i - 1)) != 0)
            fail_msg("warned at %u", i);
        if (i < SPH_WEAR_IDLE_FIRST)
            assert_int_equal(news, SPH_WEAR_SILENT);
    }
    assert_int_equal(warnings, 12); /* 4, 8, … 8192 */
    wear = (struct sph_wear){0};
    for (unsigned i = 1; i <= 1000; i++) {
        before = wear;
        sph_wear_add(&wear, &(struct sph_wear_change){4096, 0, 4096, false});
        grown += sph_wear_news(&before, &wear) == SPH_WEAR_GROWN;
    }
    assert_int_equal(grown, 4); /* 64, 128, 256, 512 */
    const struct sph_wear low = {0, 0, 0, 0}, high = {UINT64_MAX, UINT64_MAX, UINT64_MAX, 0};
    assert_int_equal(sph_wear_news(&low, &high), SPH_WEAR_GROWN);
    assert_int_equal(sph_wear_news(&high, &high), SPH_WEAR_SILENT);
}

/* ---- records ---- */

static void put(uint8_t *file, const struct sph_wear *wear, uint64_t number) {
    sph_wear_format(wear, number, file + sph_wear_place(number));
}

static const struct sph_wear older = {10, 1, 3, 0}, newer = {0x0102030405060708, 2, 4, 1};

static void test_record(void **state) {
    (void)state;
    /* By hand: docs/spec/agent-state.md, 3.1. The check sum is zlib's of the bytes before it. */
    static const uint8_t wanted[] = {'S', 'p', 'h', 'W', 'e', 'a', 'r', '1', 9, 0, 0, 0, 0, 0,
                                     0,   0,   8,   7,   6,   5,   4,   3,   2, 1, 2, 0, 0, 0,
                                     0,   0,   0,   0,   4,   0,   0,   0,   0, 0, 0, 0, 1};
    uint8_t record[SPH_WEAR_RECORD];
    sph_wear_format(&newer, 9, record);
    assert_memory_equal(record, wanted, sizeof(wanted));
    static const uint8_t check_sum[] = {0x44, 0x28, 0x64, 0x55};
    assert_memory_equal(record + 60, check_sum, 4);
}

static void test_newest_counts(void **state) {
    (void)state;
    uint8_t file[FILE_BYTES] = {0};
    struct sph_wear wear;
    uint64_t number;
    assert_int_equal(sph_wear_parse(file, 0, &wear, &number, NULL), 0);
    assert_int_equal(number, 0);
    assert_int_equal(wear.writes, 0);
    for (uint64_t i = 1; i < 20; i++) {
        put(file, &(struct sph_wear){i, i, i, i}, i);
        size_t len = i == 1 ? SPH_WEAR_SLOT + SPH_WEAR_RECORD : FILE_BYTES;
        assert_int_equal(sph_wear_parse(file, len, &wear, &number, NULL), 0);
        assert_int_equal(number, i);
        assert_int_equal(wear.bytes_written, i);
    }
}

/* Whatever happens to the record that is being written, the one before it is read. */
static void test_half_written(void **state) {
    (void)state;
    struct sph_wear wear;
    uint64_t number;
    for (size_t done = 0; done <= SPH_WEAR_RECORD; done++) {
        uint8_t file[FILE_BYTES] = {0}, record[SPH_WEAR_RECORD];
        put(file, &older, 6);
        sph_wear_format(&newer, 7, record);
        memcpy(file + sph_wear_place(7), record, done);
        assert_int_equal(sph_wear_parse(file, sizeof(file), &wear, &number, NULL), 0);
        assert_int_equal(number, done == SPH_WEAR_RECORD ? 7 : 6);
    }
}

static void test_every_bit(void **state) {
    (void)state;
    for (unsigned bit = 0; bit < SPH_WEAR_RECORD * 8; bit++) {
        uint8_t file[FILE_BYTES] = {0};
        struct sph_wear wear;
        struct sph_err err = SPH_ERR_NULL;
        uint64_t number;
        put(file, &newer, 2);
        file[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(sph_wear_parse(file, sizeof(file), &wear, &number, &err), -EBADMSG);
        assert_string_equal(err.text, "The record of its storage's wear is damaged.");
    }
}

/* Idle writes are writes: a sound check sum does not make them more. */
static void test_impossible(void **state) {
    (void)state;
    uint8_t file[FILE_BYTES] = {0};
    struct sph_wear wear;
    uint64_t number;
    put(file, &(struct sph_wear){.writes = 1, .idle_writes = 2}, 2);
    assert_int_equal(sph_wear_parse(file, sizeof(file), &wear, &number, NULL), -EBADMSG);
    for (size_t len = 1; len < SPH_WEAR_RECORD; len++)
        assert_int_equal(sph_wear_parse(file, len, &wear, &number, NULL), -EBADMSG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes),          cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_against_a_flash), cmocka_unit_test(test_news),
        cmocka_unit_test(test_record),          cmocka_unit_test(test_newest_counts),
        cmocka_unit_test(test_half_written),    cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_impossible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
