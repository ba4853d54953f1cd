/* How much of a write or of a new length fits: edges, and all small cases against a count by hand.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/storage/quota.h"
#include "base/attr.h"

static void test_admit(void **state) {
    (void)state;
    static const struct {
        struct sph_quota quota; /* limit, other, file */
        uint64_t offset;
        uint32_t length;
        int code;
        uint32_t admitted;
    } cases[] = {
        {{8192, 0, 0}, 0, 1, 0, 1},
        {{8192, 0, 0}, 0, 8192, 0, 8192},
        {{8192, 0, 0}, 0, 8193, 0, 8192},
        {{8192, 0, 8192}, 8192, 1, -EDQUOT, 0},
        {{8192, 0, 8192}, 0, 8192, 0, 8192},    /* over what is there */
        {{8192, 0, 8192}, 8191, 100, 0, 1},     /* the last byte */
        {{8192, 0, 0}, 8191, 100, 0, 1},        /* a hole takes its room */
        {{8192, 0, 0}, 8192, 1, -EDQUOT, 0},    /* and has none beyond */
        {{8192, 8192, 0}, 0, 1, -EDQUOT, 0},    /* a deleted file has it all */
        {{8192, 8192, 4096}, 0, 4096, 0, 4096}, /* what is there stays writable */
        {{8192, 4096, 0}, 0, 8192, 0, 4096},
        {{4096, 0, 8192}, 4096, 4097, 0, 4096}, /* an update has lowered the limit */
        {{4096, 0, 8192}, 8192, 1, -EDQUOT, 0},
        {{0, 0, 0}, 0, 1, -EDQUOT, 0},
        {{8192, UINT64_MAX, 0}, 0, 1, -EDQUOT, 0},
        {{UINT64_MAX, 0, 0}, 1u << 30, 1, 0, 1},
        {{UINT64_MAX, 0, 0}, (uint64_t)INT64_MAX - 1, 1, 0, 1},
        {{UINT64_MAX, 0, 0}, INT64_MAX, 1, -EFBIG, 0},
        {{8192, 0, 0}, UINT64_MAX, 1, -EFBIG, 0},
        {{8192, 0, 0}, UINT64_MAX - 1, UINT32_MAX, -EFBIG, 0},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        uint32_t admitted = 0;
        int code = sph_quota_admit(&cases[i].quota, cases[i].offset, cases[i].length, &admitted);
        if (code != cases[i].code || admitted != cases[i].admitted)
            fail_msg("case %zu: %d, %u admitted", i, code, admitted);
    }
}

static void test_resize(void **state) {
    (void)state;
    static const struct {
        struct sph_quota quota;
        uint64_t bytes;
        int code;
    } cases[] = {
        {{8192, 0, 0}, 8192, 0},
        {{8192, 0, 0}, 8193, -EDQUOT},
        {{8192, 1, 0}, 8192, -EDQUOT},
        {{8192, 1, 0}, 8191, 0},
        {{4096, 0, 8192}, 8192, 0},
        {{4096, 0, 8192}, 5000, 0},
        {{4096, 0, 8192}, 8193, -EDQUOT},
        {{8192, 0, 10}, 0, 0},
        {{8192, 0, 0}, UINT64_MAX, -EFBIG},
        {{0, 0, 0}, 0, 0},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++)
        if (sph_quota_resize(&cases[i].quota, cases[i].bytes) != cases[i].code)
            fail_msg("case %zu", i);
}

/* One byte after the other is asked for: it fits when the file need not grow for it, or when all
 * that is then held is within the limit. */
static uint32_t admit_by_hand(const struct sph_quota *quota, uint64_t offset, uint32_t length) {
    uint32_t admitted = 0;
    for (; admitted < length; admitted++) {
        uint64_t end = offset + admitted + 1;
        if (end > quota->file_bytes && quota->other_bytes + end > quota->limit_bytes)
            break;
    }
    return admitted;
}

static void test_all_small_cases(void **state) {
    (void)state;
    enum { N = 7 };
    for (unsigned i = 0; i < N * N * N * N * N; i++) {
        const struct sph_quota quota = {i % N, i / N % N, i / N / N % N};
        uint64_t offset = i / N / N / N % N;
        uint32_t length = 1 + i / N / N / N / N, admitted = 0;
        uint32_t wanted = admit_by_hand(&quota, offset, length);
        int code = sph_quota_admit(&quota, offset, length, &admitted);
        if (admitted != wanted || code != (wanted ? 0 : -EDQUOT))
            fail_msg("case %u: %d, %u admitted and not %u", i, code, admitted, wanted);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_admit),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_all_small_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
