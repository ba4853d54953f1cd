/* Any bytes as the instruction that did not retire, with any registers: ranges that are none, or no
 * answer. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/trace/fault_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int rc, const struct sph_fault_ranges *ranges) {
    if (rc != 0 && rc != SPH_FAULT_ADDRESS_E_UNKNOWN)
        abort();
    if (rc == 0 && (ranges->count == 0 || ranges->count > SPH_FAULT_RANGES_MAX))
        abort();
    for (unsigned i = 0; rc == 0 && i < ranges->count; i++)
        if (ranges->list[i].bytes == 0 || ranges->list[i].bytes > 4096)
            abort();
}

/* The first byte: how many of the rest are registers. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sph_fault_x86_64 x86_64 = {.pc = 0};
    struct sph_fault_arm arm = {.cpsr = 0};
    struct sph_fault_ranges ranges = {.count = 0};
    if (size == 0)
        return 0;
    size_t taken = data[0] < size - 1 ? data[0] : size - 1;
    const uint8_t *code = data + 1 + taken;
    size_t len = size - 1 - taken;
    memcpy(&x86_64, data + 1, taken < sizeof(x86_64) ? taken : sizeof(x86_64));
    memcpy(&arm, data + 1, taken < sizeof(arm) ? taken : sizeof(arm));
    check(sph_fault_address_x86_64(code, len, &x86_64, &ranges), &ranges);
    check(sph_fault_address_arm(code, len, &arm, &ranges), &ranges);
    arm.cpsr ^= 1u << 5;
    check(sph_fault_address_arm(code, len, &arm, &ranges), &ranges);
    return 0;
}
