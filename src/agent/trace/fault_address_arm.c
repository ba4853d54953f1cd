/* A32 and T32. Whether the condition holds is not asked: the instruction has caused a fault. */
#include "agent/trace/fault_address.h"

#include <stdbool.h>

enum {
    T_BIT = 1 << 5, /* of the cpsr */
    SP = 13,
    PC = 15,
};

struct registers {
    const struct sph_fault_arm *state;
    uint32_t pc; /* as an instruction reads it */
};

static uint32_t field(uint32_t word, unsigned low, unsigned bits) {
    return word >> low & ((1u << bits) - 1);
}

static bool bit(uint32_t word, unsigned at) {
    return word >> at & 1;
}

static uint32_t value(const struct registers *registers, unsigned number) {
    return number == PC ? registers->pc & ~3u : registers->state->registers[number];
}

static unsigned count(uint32_t list) {
    return (unsigned)__builtin_popcount(list);
}

/* Of an empty list nothing is touched. */
static int touch(struct sph_fault_ranges *ranges, uint32_t address, uint32_t bytes) {
    if (bytes == 0)
        return SPH_FAULT_ADDRESS_E_UNKNOWN;
    *ranges = (struct sph_fault_ranges){.count = 1, .list = {{address, bytes}}};
    return 0;
}

/* P, U and Rn are where A32 has them: bits 24, 23, 19 to 16. */
static uint32_t indexed(const struct registers *registers, uint32_t word, uint32_t offset) {
    uint32_t base = value(registers, field(word, 16, 4));
    if (!bit(word, 24)) /* post-indexed */
        return base;
    return bit(word, 23) ? base + offset : base - offset;
}

static uint32_t shifted(const struct registers *registers, uint32_t word) {
    uint32_t from = value(registers, field(word, 0, 4));
    uint32_t sign = bit(from, 31) ? UINT32_MAX : 0;
    unsigned amount = field(word, 7, 5);
    bool carry = bit(registers->state->cpsr, 29);
    switch (field(word, 5, 2)) {
    case 0:
        return from << amount;
    case 1:
        return amount ? from >> amount : 0;
    case 2:
        return amount ? (from ^ sign) >> amount ^ sign : sign;
    default:
        return amount ? from >> amount | from << (32 - amount) : (uint32_t)carry << 31 | from >> 1;
    }
}

static int decode_word_or_byte(const struct registers *registers, uint32_t word,
                               struct sph_fault_ranges *ranges) {
    uint32_t offset = bit(word, 25) ? shifted(registers, word) : field(word, 0, 12);
    if (bit(word, 25) && bit(word, 4))
        return SPH_FAULT_ADDRESS_E_UNKNOWN;
    return touch(ranges, indexed(registers, word, offset), bit(word, 22) ? 1 : 4);
}

static int decode_half_or_double(const struct registers *registers, uint32_t word,
                                 struct sph_fault_ranges *ranges) {
    unsigned kind = field(word, 5, 2);
    uint32_t offset = bit(word, 22) ? field(word, 8, 4) << 4 | field(word, 0, 4)
                                    : value(registers, field(word, 0, 4));
    unsigned bytes = kind == 1 ? 2 : !bit(word, 20) ? 8 : kind == 2 ? 1 : 2;
    return touch(ranges, indexed(registers, word, offset), bytes);
}

static int decode_exclusive(const struct registers *registers, uint32_t word,
                            struct sph_fault_ranges *ranges) {
    static const uint8_t bytes[] = {4, 8, 1, 2};
    uint32_t address = value(registers, field(word, 16, 4));
    if (bit(word, 23))
        return touch(ranges, address, bytes[field(word, 21, 2)]);
    return bit(word, 21) ? SPH_FAULT_ADDRESS_E_UNKNOWN : /* swp */
               touch(ranges, address, bit(word, 22) ? 1 : 4);
}

static int decode_multiple(const struct registers *registers, uint32_t word,
                           struct sph_fault_ranges *ranges) {
    uint32_t bytes = 4 * count(field(word, 0, 16));
    uint32_t base = value(registers, field(word, 16, 4));
    bool up = bit(word, 23), before = bit(word, 24);
    uint32_t low = up ? base + (before ? 4 : 0) : base - bytes + (before ? 0 : 4);
    return touch(ranges, low, bytes);
}

/* The same in both sets. */
static int decode_vfp(const struct registers *registers, uint32_t word,
                      struct sph_fault_ranges *ranges) {
    uint32_t words = field(word, 0, 8), base = value(registers, field(word, 16, 4));
    bool before = bit(word, 24), up = bit(word, 23), writes_back = bit(word, 21);
    if (field(word, 9, 3) != 5)
        return SPH_FAULT_ADDRESS_E_UNKNOWN;
    if (before && !writes_back)
        return touch(ranges, indexed(registers, word, 4 * words), bit(word, 8) ? 8 : 4);
    if (before == up) /* moves to two registers, and what is not defined */
        return SPH_FAULT_ADDRESS_E_UNKNOWN;
    return touch(ranges, up ? base : base - 4 * words, 4 * words);
}

/* vld1 to vld4 and vst1 to vst4; the same in both sets but for the top byte. */
static int decode_neon(const struct registers *registers, uint32_t word,
                       struct sph_fault_ranges *ranges) {
    static const uint8_t multiple[16] = {4, 4, 4, 4, 3, 3, 3, 1, 2, 2, 2};
    uint32_t address = value(registers, field(word, 16, 4));
    if (!bit(word, 23))
        return touch(ranges, address, 8u * multiple[field(word, 8, 4)]);
    unsigned size = field(word, 10, 2) == 3 ? field(word, 6, 2) : field(word, 10, 2);
    return touch(ranges, address, (field(word, 8, 2) + 1) << size);
}

static int decode_a32(const struct registers *registers, uint32_t word,
                      struct sph_fault_ranges *ranges) {
    if (field(word, 28, 4) == 15)
        return field(word, 24, 4) == 4 && !bit(word, 20) ? decode_neon(registers, word, ranges)
                                                         : SPH_FAULT_ADDRESS_E_UNKNOWN;
    unsigned group = field(word, 25, 3);
    if (group == 2 || group == 3)
        return decode_word_or_byte(registers, word, ranges);
    if (group == 4)
        return decode_multiple(registers, word, ranges);
    if (group == 6)
        return decode_vfp(registers, word, ranges);
    if (group != 0 || !bit(word, 7) || !bit(word, 4))
        return SPH_FAULT_ADDRESS_E_UNKNOWN;
    if (field(word, 5, 2) != 0)
        return decode_half_or_double(registers, word, ranges);
    return bit(word, 24) ? decode_exclusive(registers, word, ranges) : SPH_FAULT_ADDRESS_E_UNKNOWN;
}

static int decode_t16_register(const struct registers *registers, uint32_t half,
                               struct sph_fault_ranges *ranges) {
    static const uint8_t bytes[] = {4, 2, 1, 1, 4, 2, 1, 2};
    return touch(ranges, value(registers, field(half, 3, 3)) + value(registers, field(half, 6, 3)),
                 bytes[field(half, 9, 3)]);
}

static int decode_t16_stack(const struct registers *registers, uint32_t half,
                            struct sph_fault_ranges *ranges) {
    uint32_t bytes = 4 * count(field(half, 0, 9)), sp = value(registers, SP);
    if (field(half, 9, 2) != 2)
        return SPH_FAULT_ADDRESS_E_UNKNOWN;
    return touch(ranges, bit(half, 11) ? sp : sp - bytes, bytes);
}

static int decode_t16(const struct registers *registers, uint32_t half,
                      struct sph_fault_ranges *ranges) {
    uint32_t near = value(registers, field(half, 3, 3)), scale = field(half, 6, 5);
    switch (half >> 12) {
    case 4:
        if (!bit(half, 11))
            break;
        return touch(ranges, value(registers, PC) + 4 * field(half, 0, 8), 4);
    case 5:
        return decode_t16_register(registers, half, ranges);
    case 6:
        return touch(ranges, near + 4 * scale, 4);
    case 7:
        return touch(ranges, near + scale, 1);
    case 8:
        return touch(ranges, near + 2 * scale, 2);
    case 9:
        return touch(ranges, value(registers, SP) + 4 * field(half, 0, 8), 4);
    case 11:
        return decode_t16_stack(registers, half, ranges);
    case 12:
        return touch(ranges, value(registers, field(half, 8, 3)), 4 * count(field(half, 0, 8)));
    default:
        break;
    }
    return SPH_FAULT_ADDRESS_E_UNKNOWN;
}

static int decode_t32_exclusive(const struct registers *registers, uint32_t word,
                                struct sph_fault_ranges *ranges) {
    uint32_t base = value(registers, field(word, 16, 4));
    if (!bit(word, 23))
        return touch(ranges, base + 4 * field(word, 0, 8), 4);
    if (field(word, 6, 2) == 0) { /* tbb, tbh: the index is no exclusive's */
        bool by_half = bit(word, 4);
        uint32_t table = field(word, 16, 4) == PC ? registers->pc : base;
        return touch(ranges, table + (value(registers, field(word, 0, 4)) << by_half),
                     by_half ? 2 : 1);
    }
    return touch(ranges, base, 1u << field(word, 4, 2));
}

static int decode_t32_dual(const struct registers *registers, uint32_t word,
                           struct sph_fault_ranges *ranges) {
    if (!bit(word, 24) && !bit(word, 21))
        return decode_t32_exclusive(registers, word, ranges);
    return touch(ranges, indexed(registers, word, 4 * field(word, 0, 8)), 8);
}

static int decode_t32_single(const struct registers *registers, uint32_t word,
                             struct sph_fault_ranges *ranges) {
    unsigned size = field(word, 21, 2), rn = field(word, 16, 4);
    uint32_t base = value(registers, rn), offset = field(word, 0, 8);
    if (size == 3)
        return SPH_FAULT_ADDRESS_E_UNKNOWN;
    if (rn == PC)
        return touch(ranges, bit(word, 23) ? base + field(word, 0, 12) : base - field(word, 0, 12),
                     1u << size);
    if (bit(word, 23))
        return touch(ranges, base + field(word, 0, 12), 1u << size);
    if (!bit(word, 11))
        return touch(ranges, base + (value(registers, field(word, 0, 4)) << field(word, 4, 2)),
                     1u << size);
    if (!bit(word, 10))
        return touch(ranges, base, 1u << size);
    return touch(ranges, bit(word, 9) ? base + offset : base - offset, 1u << size);
}

static int decode_t32(const struct registers *registers, uint32_t word,
                      struct sph_fault_ranges *ranges) {
    if (field(word, 25, 7) == 0x74)
        return bit(word, 22) ? decode_t32_dual(registers, word, ranges)
                             : decode_multiple(registers, word, ranges);
    if (field(word, 25, 7) == 0x76)
        return decode_vfp(registers, word, ranges);
    if (field(word, 24, 8) == 0xf9 && !bit(word, 20))
        return decode_neon(registers, word, ranges);
    return field(word, 25, 7) == 0x7c ? decode_t32_single(registers, word, ranges)
                                      : SPH_FAULT_ADDRESS_E_UNKNOWN;
}

static uint32_t half_at(const uint8_t *code) {
    return code[0] | (uint32_t)code[1] << 8;
}

int sph_fault_address_arm(const uint8_t *code, size_t len, const struct sph_fault_arm *state,
                          struct sph_fault_ranges *ret_ranges) {
    bool thumb = state->cpsr & T_BIT;
    struct registers registers = {state, state->registers[PC] + (thumb ? 4 : 8)};
    if (len < (thumb ? 2 : 4))
        return SPH_FAULT_ADDRESS_E_UNKNOWN;
    uint32_t first = half_at(code);
    if (thumb && first >> 11 < 0x1d)
        return decode_t16(&registers, first, ret_ranges);
    if (len < 4)
        return SPH_FAULT_ADDRESS_E_UNKNOWN;
    uint32_t second = half_at(code + 2);
    return thumb ? decode_t32(&registers, first << 16 | second, ret_ranges)
                 : decode_a32(&registers, second << 16 | first, ret_ranges);
}
