/* Only as much of the instruction set as can touch memory in 64-bit user code and is met there: an
 * instruction that is not known gives no address rather than a wrong one. */
#include "agent/trace/fault_address.h"

#include <stdbool.h>

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };
enum { MAP_1, MAP_0F, MAP_0F38, MAP_0F3A }; /* numbered as VEX does */
enum { PP_NONE, PP_66, PP_F3, PP_F2 };      /* likewise */
enum { TAKEN = 1, XSAVE_BYTES = 576 };      /* without extensions: where it begins is what counts */

struct instruction {
    const uint8_t *code;
    size_t len, at;
    const struct sph_fault_x86_64 *state;
    unsigned map, opcode, pp, modrm;
    bool cut, wide, half, address32, vector, evex, broadcast;
    unsigned rex_x, rex_b, vector_bytes;
    uint64_t segment;
    struct sph_fault_ranges ranges;
};

static unsigned next(struct instruction *in) {
    if (in->at >= in->len) {
        in->cut = true;
        return 0;
    }
    return in->code[in->at++];
}

static uint64_t number(struct instruction *in, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)next(in) << (8 * i);
    return value;
}

static uint64_t signed_number(struct instruction *in, unsigned bytes) {
    uint64_t value = number(in, bytes), sign = (uint64_t)1 << (8 * bytes - 1);
    return (value ^ sign) - sign;
}

static void touch(struct instruction *in, uint64_t address, uint64_t bytes) {
    if (in->ranges.count < SPH_FAULT_RANGES_MAX)
        in->ranges.list[in->ranges.count++] = (struct sph_fault_range){address, bytes};
}

static uint64_t based(const struct instruction *in, uint64_t offset) {
    return in->segment + (in->address32 ? (uint32_t)offset : offset);
}

static unsigned operand_bytes(const struct instruction *in) {
    return in->wide ? 8 : in->half ? 2 : 4;
}

/* ---- prefixes ---- */

static void take_rex(struct instruction *in, unsigned rex) {
    in->wide = rex & 8;
    in->rex_x = rex & 2 ? 8 : 0;
    in->rex_b = rex & 1 ? 8 : 0;
}

static void take_inverted(struct instruction *in, unsigned byte) {
    in->rex_x = byte & 0x40 ? 0 : 8;
    in->rex_b = byte & 0x20 ? 0 : 8;
}

static void take_vex(struct instruction *in, unsigned first) {
    unsigned last = next(in);
    in->vector = true;
    in->map = MAP_0F;
    if (first == 0xc4) {
        take_inverted(in, last);
        in->map = last & 0x1f;
        last = next(in);
        in->wide = last & 0x80;
    }
    in->pp = last & 3;
    in->vector_bytes = last & 4 ? 32 : 16;
    in->opcode = next(in);
}

static void take_evex(struct instruction *in) {
    unsigned p0 = next(in), p1 = next(in), p2 = next(in);
    in->vector = in->evex = true;
    take_inverted(in, p0);
    in->map = p0 & 7;
    in->wide = p1 & 0x80;
    in->pp = p1 & 3;
    in->vector_bytes = 16u << (p2 >> 5 & 3);
    in->broadcast = p2 & 0x10;
    in->opcode = next(in);
}

static bool take_legacy(struct instruction *in, unsigned byte) {
    switch (byte) {
    case 0x66:
        in->half = true;
        if (in->pp == PP_NONE)
            in->pp = PP_66;
        return true;
    case 0xf2:
    case 0xf3:
        in->pp = byte == 0xf2 ? PP_F2 : PP_F3;
        return true;
    case 0x67:
        in->address32 = true;
        return true;
    case 0x64:
        in->segment = in->state->fs_base;
        return true;
    case 0x65:
        in->segment = in->state->gs_base;
        return true;
    default:
        return byte == 0xf0 || byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e;
    }
}

static void take_opcode(struct instruction *in) {
    unsigned byte = next(in);
    while (!in->cut && take_legacy(in, byte))
        byte = next(in);
    if (byte == 0x62) {
        take_evex(in);
        return;
    }
    if (byte == 0xc4 || byte == 0xc5) {
        take_vex(in, byte);
        return;
    }
    if ((byte & 0xf0) == 0x40) {
        take_rex(in, byte);
        byte = next(in);
    }
    if (byte == 0x0f) {
        in->map = MAP_0F;
        byte = next(in);
        if (byte == 0x38 || byte == 0x3a) {
            in->map = byte == 0x38 ? MAP_0F38 : MAP_0F3A;
            byte = next(in);
        }
    }
    in->opcode = byte;
}

/* ---- instructions whose addresses are in fixed registers ---- */

static int take_string(struct instruction *in) {
    const uint64_t *registers = in->state->registers;
    uint64_t bytes = in->opcode & 1 ? operand_bytes(in) : 1;
    uint64_t to = in->address32 ? (uint32_t)registers[RDI] : registers[RDI];
    uint64_t from = based(in, registers[RSI]);
    switch (in->opcode & 0xfe) {
    case 0xa4: /* movs */
    case 0xa6: /* cmps */
        touch(in, to, bytes);
        touch(in, from, bytes);
        return TAKEN;
    case 0xaa: /* stos */
    case 0xae: /* scas */
        touch(in, to, bytes);
        return TAKEN;
    case 0xac: /* lods */
        touch(in, from, bytes);
        return TAKEN;
    default:
        return 0;
    }
}

/* The stack's width is 8 whatever the prefixes say, but for the rare 16 bits. */
static int take_stack(struct instruction *in) {
    unsigned opcode = in->opcode, bytes = in->half ? 2 : 8;
    uint64_t sp = in->state->registers[RSP];
    if ((opcode & 0xf8) == 0x50 || opcode == 0x68 || opcode == 0x6a || opcode == 0x9c ||
        opcode == 0xc8)
        touch(in, sp - bytes, bytes); /* push, pushf, enter */
    else if (opcode == 0xe8)
        touch(in, sp - 8, 8); /* call */
    else if ((opcode & 0xf8) == 0x58 || opcode == 0x9d)
        touch(in, sp, bytes); /* pop, popf */
    else if (opcode == 0xc2 || opcode == 0xc3)
        touch(in, sp, 8); /* ret */
    else if (opcode == 0xc9)
        touch(in, in->state->registers[RBP], 8); /* leave */
    else
        return 0;
    return TAKEN;
}

static int take_fixed(struct instruction *in) {
    if (in->map != MAP_1 || in->vector)
        return 0;
    if (in->opcode >= 0xa0 && in->opcode <= 0xa3) {
        uint64_t offset = number(in, in->address32 ? 4 : 8);
        touch(in, based(in, offset), in->opcode & 1 ? operand_bytes(in) : 1);
        return TAKEN;
    }
    int rc = take_string(in);
    return rc ? rc : take_stack(in);
}

/* ---- instructions with an operand in memory: its width; 0: not known ---- */

static unsigned bytes_x87(unsigned opcode, unsigned digit) {
    if (opcode == 0xdb && (digit == 5 || digit == 7))
        return 10;
    if (opcode == 0xdf && (digit == 4 || digit == 6))
        return 10;
    if (opcode == 0xd9 && digit >= 4)
        return digit & 1 ? 2 : 28;
    if (opcode == 0xdd && (digit == 4 || digit == 6))
        return 108;
    if ((opcode == 0xdd && digit == 7) || opcode == 0xde || (opcode == 0xdf && digit < 4))
        return 2;
    return opcode >= 0xdc ? 8 : 4;
}

static unsigned bytes_map_1(const struct instruction *in) {
    unsigned opcode = in->opcode, digit = in->modrm >> 3 & 7;
    unsigned sized = opcode & 1 ? operand_bytes(in) : 1;
    if (opcode < 0x40)
        return (opcode & 7) < 4 ? sized : 0;
    if (opcode == 0x63)
        return 4;
    if (opcode == 0x69 || opcode == 0x6b || opcode == 0x83)
        return operand_bytes(in);
    if (opcode == 0x80 || opcode == 0x81 || (opcode >= 0x84 && opcode <= 0x8b))
        return sized;
    if (opcode == 0x8c || opcode == 0x8e)
        return 2;
    if (opcode == 0x8f && digit == 0)
        return in->half ? 2 : 8;
    if (opcode == 0xc0 || opcode == 0xc1 || (opcode >= 0xd0 && opcode <= 0xd3) || opcode == 0xf6 ||
        opcode == 0xf7)
        return sized;
    if ((opcode == 0xc6 || opcode == 0xc7) && digit == 0)
        return sized;
    if (opcode >= 0xd8 && opcode <= 0xdf)
        return bytes_x87(opcode, digit);
    if ((opcode == 0xfe || opcode == 0xff) && digit < 2)
        return sized;
    if (opcode == 0xff && (digit == 2 || digit == 4 || digit == 6))
        return 8;
    return 0;
}

/* Of moves and arithmetic that take all of a register. */
static unsigned bytes_vector(const struct instruction *in) {
    return in->vector ? in->vector_bytes : 16;
}

static unsigned bytes_scalar(const struct instruction *in) {
    return in->pp == PP_F3 ? 4 : in->pp == PP_F2 ? 8 : bytes_vector(in);
}

/* Those of 0x10 to 0x7f, 0xc2 and 0xc6 to 0xff that belong to SSE and MMX. */
static unsigned bytes_sse(const struct instruction *in) {
    unsigned opcode = in->opcode;
    bool mmx = in->pp == PP_NONE && !in->vector;
    if (opcode == 0x12 || opcode == 0x16)
        return in->pp == PP_F3 ? bytes_vector(in) : 8;
    if (opcode == 0x13 || opcode == 0x17 || opcode == 0xd6)
        return 8;
    if (opcode == 0x2a || opcode == 0x2c || opcode == 0x2d)
        return opcode == 0x2a ? operand_bytes(in) : 8;
    if (opcode == 0x2e || opcode == 0x2f)
        return in->pp == PP_66 ? 8 : 4;
    if (opcode == 0x7e && in->pp == PP_F3)
        return 8;
    if (opcode == 0x6e || opcode == 0x7e)
        return in->wide ? 8 : 4;
    if (opcode == 0x10 || opcode == 0x11 || (opcode >= 0x51 && opcode <= 0x5f) || opcode == 0xc2)
        return bytes_scalar(in);
    if (opcode == 0x77 || opcode == 0xf7 || opcode == 0xff || opcode == 0x50 || opcode == 0xd7)
        return 0; /* no operand in memory, or not by ModRM */
    if (mmx && ((opcode >= 0x60 && opcode < 0x80) || opcode >= 0xd0))
        return 8;
    return bytes_vector(in);
}

static unsigned bytes_general(const struct instruction *in) {
    unsigned opcode = in->opcode, digit = in->modrm >> 3 & 7;
    if (opcode >= 0x40 && opcode <= 0x4f) /* cmov */
        return operand_bytes(in);
    if ((opcode & 0xf0) == 0x90 || opcode == 0xb6 || opcode == 0xbe || opcode == 0xb0 ||
        opcode == 0xc0)
        return 1;
    if (opcode == 0xb7 || opcode == 0xbf)
        return 2;
    if (opcode == 0xa4 || opcode == 0xa5 || opcode == 0xac || opcode == 0xad || opcode == 0xaf ||
        opcode == 0xb1 || opcode == 0xb8 || opcode == 0xba || opcode == 0xbc || opcode == 0xbd ||
        opcode == 0xc1 || opcode == 0xc3)
        return operand_bytes(in);
    if (opcode == 0xc7 && digit == 1)
        return in->wide ? 16 : 8;
    if (opcode == 0xae)
        return digit == 2 || digit == 3 ? 4 : digit <= 6 ? XSAVE_BYTES : 0;
    return opcode == 0xc7 && digit == 4 ? XSAVE_BYTES : 0; /* xsavec: the dynamic linker's */
}

static unsigned bytes_map_0f(const struct instruction *in) {
    unsigned opcode = in->opcode;
    if ((opcode >= 0x10 && opcode <= 0x17) || (opcode >= 0x28 && opcode <= 0x2f) ||
        (opcode >= 0x50 && opcode <= 0x7f) || opcode == 0xc2 || opcode == 0xc6 || opcode >= 0xd0)
        return bytes_sse(in);
    return in->vector ? 0 : bytes_general(in);
}

static unsigned bytes_map_0f38(const struct instruction *in) {
    unsigned opcode = in->opcode;
    if (!in->vector && (opcode == 0xf0 || opcode == 0xf1)) /* movbe, crc32 */
        return in->pp == PP_F2 && opcode == 0xf0 ? 1 : operand_bytes(in);
    if (in->vector && ((opcode >= 0x90 && opcode <= 0x93) || (opcode >= 0xa0 && opcode <= 0xa3)))
        return 0; /* gather, scatter: as many addresses as lanes */
    if (in->vector && (opcode == 0x18 || opcode == 0x58))
        return 4;
    if (in->vector && (opcode == 0x19 || opcode == 0x59))
        return 8;
    if (in->vector && (opcode == 0x78 || opcode == 0x79))
        return opcode == 0x78 ? 1 : 2;
    if (in->vector && (opcode == 0x1a || opcode == 0x5a))
        return 16;
    return opcode >= 0xf0 ? operand_bytes(in) : bytes_vector(in);
}

static unsigned bytes_map_0f3a(const struct instruction *in) {
    unsigned opcode = in->opcode;
    if (in->vector && (opcode == 0x19 || opcode == 0x39 || opcode == 0x18 || opcode == 0x38))
        return 16;
    return opcode >= 0xf0 ? operand_bytes(in) : bytes_vector(in);
}

static unsigned bytes_in_memory(const struct instruction *in) {
    switch (in->map) {
    case MAP_1:
        return in->vector ? 0 : bytes_map_1(in);
    case MAP_0F:
        return bytes_map_0f(in);
    case MAP_0F38:
        return bytes_map_0f38(in);
    case MAP_0F3A:
        return bytes_map_0f3a(in);
    default:
        return 0;
    }
}

/* A short displacement counts in the operand's width, which for lanes depends on the instruction:
 * only those that take the whole register, or one value of it. */
static bool is_evex_known(const struct instruction *in) {
    static const uint8_t whole[] = {0x10, 0x11, 0x28, 0x29, 0x2b, 0x64, 0x65, 0x66, 0x6e, 0x6f,
                                    0x74, 0x75, 0x76, 0x7e, 0x7f, 0xd6, 0xda, 0xdb, 0xde, 0xdf,
                                    0xe7, 0xeb, 0xef, 0xf8, 0xfa, 0xfb, 0xfc, 0xfe};
    if (in->broadcast)
        return false;
    if (in->map == MAP_0F38)
        return in->opcode == 0x26 || in->opcode == 0x27 || in->opcode == 0x58 || in->opcode == 0x59;
    if (in->map == MAP_0F3A)
        return in->opcode == 0x1e || in->opcode == 0x1f || in->opcode == 0x25 ||
               in->opcode == 0x3e || in->opcode == 0x3f;
    for (size_t i = 0; i < sizeof(whole); i++)
        if (in->map == MAP_0F && whole[i] == in->opcode)
            return true;
    return false;
}

/* What follows the operand, for addresses that are told from the instruction's end. */
static unsigned immediate_bytes(const struct instruction *in) {
    unsigned opcode = in->opcode, digit = in->modrm >> 3 & 7, full = in->half && !in->wide ? 2 : 4;
    if (in->map == MAP_0F3A)
        return 1;
    if (in->map == MAP_0F)
        return (opcode >= 0x70 && opcode <= 0x73) || opcode == 0xa4 || opcode == 0xac ||
               opcode == 0xba || opcode == 0xc2 || (opcode >= 0xc4 && opcode <= 0xc6);
    if (in->map != MAP_1)
        return 0;
    if (opcode == 0x69 || opcode == 0x81 || opcode == 0xc7 || (opcode == 0xf7 && digit < 2))
        return full;
    return opcode == 0x6b || opcode == 0x80 || opcode == 0x83 || opcode == 0xc0 || opcode == 0xc1 ||
           opcode == 0xc6 || (opcode == 0xf6 && digit < 2);
}

static uint64_t sib_address(struct instruction *in, unsigned mod) {
    const uint64_t *registers = in->state->registers;
    unsigned sib = next(in), index = (sib >> 3 & 7) | in->rex_x, base = (sib & 7) | in->rex_b;
    uint64_t address = index == RSP ? 0 : registers[index] << (sib >> 6);
    if ((sib & 7) == RBP && mod == 0)
        return address + signed_number(in, 4);
    return address + registers[base];
}

static uint64_t modrm_address(struct instruction *in, unsigned bytes) {
    unsigned mod = in->modrm >> 6, low = in->modrm & 7;
    uint64_t address;
    if (low == RSP) {
        address = sib_address(in, mod);
    } else if (low == RBP && mod == 0) {
        address = signed_number(in, 4);
        return in->state->pc + in->at + immediate_bytes(in) + address;
    } else {
        address = in->state->registers[low | in->rex_b];
    }
    if (mod == 1)
        address += signed_number(in, 1) * (in->evex ? bytes : 1);
    else if (mod == 2)
        address += signed_number(in, 4);
    return address;
}

/* An indirect call and a push write the stack after they have read their operand; a pop takes the
 * stack's pointer after it was moved. */
static void touch_stack_too(struct instruction *in) {
    unsigned digit = in->modrm >> 3 & 7;
    uint64_t sp = in->state->registers[RSP];
    if (in->map != MAP_1 || in->vector)
        return;
    if (in->opcode == 0xff && (digit == 2 || digit == 6))
        touch(in, sp - 8, 8);
    else if (in->opcode == 0x8f)
        touch(in, sp, 8);
}

/* Without an operand in memory only an indirect call and a push touch any. */
static int take_modrm(struct instruction *in) {
    in->modrm = next(in);
    unsigned bytes = bytes_in_memory(in);
    if (bytes == 0 || in->cut)
        return 0;
    if (in->modrm >> 6 == 3) {
        touch_stack_too(in);
        return in->ranges.count > 0 ? TAKEN : 0;
    }
    if (in->evex && in->modrm >> 6 == 1 && !is_evex_known(in))
        return 0;
    uint64_t address = based(in, modrm_address(in, bytes));
    if (in->opcode == 0xff)
        touch_stack_too(in);
    touch(in, address, bytes);
    if (in->opcode != 0xff)
        touch_stack_too(in);
    return TAKEN;
}

int sph_fault_address_x86_64(const uint8_t *code, size_t len, const struct sph_fault_x86_64 *state,
                             struct sph_fault_ranges *ret_ranges) {
    struct instruction in = {
        .code = code, .len = len < SPH_FAULT_CODE_MAX ? len : SPH_FAULT_CODE_MAX, .state = state};
    take_opcode(&in);
    int taken = in.cut ? 0 : take_fixed(&in);
    if (!taken && !in.cut)
        taken = take_modrm(&in);
    if (!taken || in.cut || in.at + immediate_bytes(&in) > in.len)
        return SPH_FAULT_ADDRESS_E_UNKNOWN;
    *ret_ranges = in.ranges;
    return 0;
}
