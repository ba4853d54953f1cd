/* The exception index of the ARM EHABI (ARM IHI 0038): a sorted table of functions, each with a
 * short program that pops its frame. Programs that only throwing needs (descriptors, personality
 * routines) are passed over: what matters is how the frame is undone.
 *
 * Rejected: the frame pointer. Thumb code keeps none that leads to the caller's. */
#include "libmalloc/unwind.h"

enum {
    CANT_UNWIND = 1,
    PROGRAM_MAX = 256,   /* bytes: 255 words are possible, some 12 bytes are usual */
    STEPS_MAX = 64,      /* of the search: more than any table needs */
    CORE_SAVED = 0x4ff0, /* r4 to r11, lr */
};

/* The program's bytes, highest byte of each word first. */
struct program {
    const struct sph_unwind_memory *memory;
    uint32_t word;
    unsigned left; /* bytes in `word` */
    uint32_t more; /* words behind it */
    uint32_t next; /* address of the first of them */
    bool is_bad;
};

static bool read_word(const struct sph_unwind_memory *memory, uint32_t address, uint32_t *ret) {
    return memory->read(memory->context, (uintptr_t)address, ret, sizeof(*ret));
}

/* A 31-bit offset from the place that holds it. */
static uint32_t prel31(uint32_t place, uint32_t word) {
    uint32_t offset = word & 0x7fffffff;
    return place + (offset | (offset & 0x40000000) << 1);
}

static uint8_t next_byte(struct program *program) {
    if (program->left == 0) {
        if (program->more == 0)
            return 0xb0; /* "finish" is implied */
        if (!read_word(program->memory, program->next, &program->word)) {
            program->is_bad = true;
            return 0xb0;
        }
        program->next += 4;
        program->more--;
        program->left = 4;
    }
    program->left--;
    return (uint8_t)(program->word >> (8 * program->left));
}

/* The last entry whose function begins at or before pc; its second word and that word's place. */
static bool find_entry(const struct sph_unwind_memory *memory, const struct sph_unwind_table *table,
                       uint32_t pc, uint32_t *ret_place, uint32_t *ret_word) {
    uint32_t low = 0, high = (uint32_t)(table->bytes / 8), start = (uint32_t)table->address;
    uint32_t word;
    for (unsigned step = 0; low < high && step < STEPS_MAX; step++) {
        uint32_t middle = low + (high - low) / 2, place = start + middle * 8;
        if (!read_word(memory, place, &word))
            return false;
        if (prel31(place, word) <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    *ret_place = start + (low - 1) * 8 + 4;
    return read_word(memory, *ret_place, ret_word);
}

/* From the entry's word, or the table that it leads to: models 0 to 2, and C++'s own personality,
 * whose data begins like model 1. */
static bool open_program(const struct sph_unwind_memory *memory, uint32_t place, uint32_t word,
                         struct program *program) {
    *program = (struct program){.memory = memory};
    if (word == CANT_UNWIND)
        return false;
    if (!(word & 0x80000000)) {
        place = prel31(place, word);
        if (!read_word(memory, place, &word))
            return false;
        if (!(word & 0x80000000)) {
            place += 4; /* past the personality routine */
            if (!read_word(memory, place, &word))
                return false;
            program->more = word >> 24;
            program->left = 3;
            program->word = word;
            program->next = place + 4;
            return true;
        }
    }
    unsigned model = word >> 24 & 0xf;
    if (model > 2)
        return false;
    program->word = word;
    program->left = model == 0 ? 3 : 2;
    program->more = model == 0 ? 0 : word >> 16 & 0xff;
    program->next = place + 4;
    return true;
}

/* Bit n: register n is popped, lowest first. */
static bool pop_core(const struct sph_unwind_memory *memory, uint32_t mask,
                     struct sph_unwind_arm *frame) {
    uint32_t sp = frame->r[SPH_UNWIND_ARM_SP];
    for (unsigned n = 0; n < 16; n++) {
        if (!(mask >> n & 1))
            continue;
        if (!read_word(memory, sp, &frame->r[n]))
            return false;
        frame->known |= 1u << n;
        sp += 4;
    }
    if (!(mask >> SPH_UNWIND_ARM_SP & 1))
        frame->r[SPH_UNWIND_ARM_SP] = sp;
    return true;
}

static bool set_sp(unsigned n, struct sph_unwind_arm *frame) {
    if (!(frame->known >> n & 1))
        return false;
    frame->r[SPH_UNWIND_ARM_SP] = frame->r[n];
    return true;
}

static bool add_uleb(struct program *program, struct sph_unwind_arm *frame) {
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        uint8_t byte = next_byte(program);
        value |= (uint32_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            frame->r[SPH_UNWIND_ARM_SP] += 0x204 + (value << 2);
            return true;
        }
    }
    return false;
}

/* Those that begin with 1011 and 11: how many bytes of floating point registers are passed over. */
static bool pop_others(struct program *program, uint8_t code, struct sph_unwind_arm *frame) {
    uint32_t *sp = &frame->r[SPH_UNWIND_ARM_SP];
    if (code == 0xb1) {
        uint8_t mask = next_byte(program);
        return mask != 0 && mask < 0x10 && pop_core(program->memory, mask, frame);
    }
    if (code == 0xb2)
        return add_uleb(program, frame);
    if (code == 0xb3)
        *sp += ((next_byte(program) & 0xfu) + 1) * 8 + 4;
    else if ((code & 0xf8) == 0xb8)
        *sp += ((code & 7u) + 1) * 8 + 4;
    else if (code == 0xc8 || code == 0xc9)
        *sp += ((next_byte(program) & 0xfu) + 1) * 8;
    else if ((code & 0xf8) == 0xd0)
        *sp += ((code & 7u) + 1) * 8;
    else
        return false;
    return true;
}

/* One instruction other than "finish". */
static bool run_one(struct program *program, uint8_t code, struct sph_unwind_arm *frame) {
    uint32_t *sp = &frame->r[SPH_UNWIND_ARM_SP];
    if (code < 0x40) {
        *sp += ((code & 0x3fu) << 2) + 4;
        return true;
    }
    if (code < 0x80) {
        *sp -= ((code & 0x3fu) << 2) + 4;
        return true;
    }
    if (code < 0x90) {
        uint32_t mask = ((code & 0xfu) << 8 | next_byte(program)) << 4;
        return mask != 0 && pop_core(program->memory, mask, frame);
    }
    if (code < 0xa0)
        return code != 0x9d && code != 0x9f && set_sp(code & 0xfu, frame);
    if (code < 0xb0) {
        uint32_t mask = ((2u << (code & 7)) - 1) << 4;
        return pop_core(program->memory, code & 8 ? mask | 1u << SPH_UNWIND_ARM_LR : mask, frame);
    }
    return pop_others(program, code, frame);
}

bool sph_unwind_arm_step(const struct sph_unwind_memory *memory,
                         const struct sph_unwind_table *table, struct sph_unwind_arm *frame) {
    struct sph_unwind_arm caller = *frame;
    struct program program;
    uint32_t place, word;
    /* Inside the call, not behind it: a call may be a function's last instruction. */
    uint32_t pc = (frame->r[SPH_UNWIND_ARM_PC] & ~1u) - 1;
    if (!find_entry(memory, table, pc, &place, &word) ||
        !open_program(memory, place, word, &program))
        return false;
    caller.known &= ~(1u << SPH_UNWIND_ARM_PC);
    for (unsigned count = 0;; count++) {
        uint8_t code = next_byte(&program);
        if (program.is_bad || count == PROGRAM_MAX)
            return false;
        if (code == 0xb0)
            break;
        if (!run_one(&program, code, &caller))
            return false;
    }
    if (!(caller.known >> SPH_UNWIND_ARM_PC & 1)) {
        if (!(caller.known >> SPH_UNWIND_ARM_LR & 1))
            return false;
        caller.r[SPH_UNWIND_ARM_PC] = caller.r[SPH_UNWIND_ARM_LR];
    }
    if (caller.r[SPH_UNWIND_ARM_SP] <= frame->r[SPH_UNWIND_ARM_SP] ||
        caller.r[SPH_UNWIND_ARM_PC] == 0)
        return false;
    /* lr was used up: only a frame that pops it again knows its own return address. */
    caller.known = (caller.known & CORE_SAVED & ~(1u << SPH_UNWIND_ARM_LR)) |
                   1u << SPH_UNWIND_ARM_SP | 1u << SPH_UNWIND_ARM_PC;
    *frame = caller;
    return true;
}
