#include "libmalloc/callsite.h"

static uint32_t word(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint32_t half(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t sign_extend(uint32_t value, unsigned bits) {
    uint32_t sign = UINT32_C(1) << (bits - 1);
    return (value ^ sign) - sign;
}

/* BL and BLX of Thumb-2, two halfwords. `next`: address after them, without the thumb bit. */
static struct sph_call thumb_call(uint32_t first, uint32_t second, uint32_t next) {
    struct sph_call none = {SPH_CALL_UNKNOWN, 0};
    if ((first & 0xf800) != 0xf000 || (second & 0xc000) != 0xc000)
        return none;
    uint32_t s = first >> 10 & 1;
    uint32_t i1 = ~((second >> 13 & 1) ^ s) & 1, i2 = ~((second >> 11 & 1) ^ s) & 1;
    uint32_t offset = sign_extend(
        s << 24 | i1 << 23 | i2 << 22 | (first & 0x3ff) << 12 | (second & 0x7ff) << 1, 25);
    if ((second & 0x1000) != 0) /* BL: stays in Thumb */
        return (struct sph_call){SPH_CALL_DIRECT, (uint32_t)(next + offset) | 1};
    if ((second & 1) != 0)
        return none;
    return (struct sph_call){SPH_CALL_DIRECT, (uint32_t)((next & ~UINT32_C(3)) + offset)};
}

static struct sph_call arm_call(uint32_t code, uint32_t next) {
    uint32_t target = next + 4 + (sign_extend(code & 0xffffff, 24) << 2);
    if ((code & 0xfe000000) == 0xfa000000) /* BLX: to Thumb, bit 24 is the halfword */
        return (struct sph_call){SPH_CALL_DIRECT, (uint32_t)(target + (code >> 23 & 2)) | 1};
    if ((code & 0x0f000000) == 0x0b000000 && code >> 28 != 0xf)
        return (struct sph_call){SPH_CALL_DIRECT, target};
    return (struct sph_call){SPH_CALL_UNKNOWN, 0};
}

struct sph_call sph_call_arm(const uint8_t *code, size_t len, uint64_t caller) {
    if (len < 4)
        return (struct sph_call){SPH_CALL_UNKNOWN, 0};
    const uint8_t *at = code + len - 4;
    if ((caller & 1) != 0)
        return thumb_call(half(at), half(at + 2), (uint32_t)caller & ~UINT32_C(1));
    return arm_call(word(at), (uint32_t)caller);
}

/* An immediate of ARM's data processing: 8 bits, turned right by twice the upper 4. */
static uint32_t immediate(uint32_t code) {
    uint32_t value = code & 0xff, turn = (code >> 8 & 0xf) * 2;
    return turn == 0 ? value : value >> turn | value << (32 - turn);
}

/* add ip, pc, #a; add ip, ip, #b (once or twice); ldr pc, [ip, #c]! : what ld makes for ARM. From
 * Thumb code that has no blx, `bx pc; nop` comes first. */
struct sph_call sph_stub_arm(const uint8_t *code, size_t len, uint64_t address) {
    struct sph_call none = {SPH_CALL_UNKNOWN, 0};
    size_t at = 0;
    if ((address & 1) != 0) {
        if (len < 4 || half(code) != 0x4778)
            return none;
        at = 4;
    }
    if (len < at + 12 || (word(code + at) & 0xfffff000) != 0xe28fc000)
        return none;
    uint32_t slot =
        ((uint32_t)address & ~UINT32_C(1)) + (uint32_t)at + 8 + immediate(word(code + at));
    for (at += 4; at + 4 <= len && (word(code + at) & 0xfffff000) == 0xe28cc000; at += 4)
        slot += immediate(word(code + at));
    if (at + 4 > len || (word(code + at) & 0xfffff000) != 0xe5bcf000)
        return none;
    return (struct sph_call){SPH_CALL_SLOT, (uint32_t)(slot + (word(code + at) & 0xfff))};
}
