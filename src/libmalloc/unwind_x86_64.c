/* .eh_frame, found through .eh_frame_hdr (LSB 5, DWARF 5 section 6.4): of each function a program
 * that tells, for every instruction, where the caller's frame begins (the CFA) and where registers
 * were put. Three rules are kept: of the CFA, of rbp and of the return address. Expressions (only
 * in procedure linkage tables and hand-written code) end the walk.
 *
 * Where no table holds the address, the frame pointer is tried: code without tables that keeps one
 * is the usual pair. */
#include "libmalloc/unwind.h"

enum {
    REGISTER_BP = 6,
    REGISTER_SP = 7,
    REGISTER_PC = 16,
    ENCODING_UDATA4 = 0x03,
    ENCODING_SDATA4 = 0x0b,
    ENCODING_PCREL_SDATA4 = 0x1b,
    ENCODING_DATAREL_SDATA4 = 0x3b,
    HEADER_BYTES = 12,
    STEPS_MAX = 64,      /* of the search */
    RECORD_BYTES = 1024, /* of a CIE or FDE; some 30 are usual, 200 in large functions */
    REMEMBERED_MAX = 4,  /* of remember_state; compilers nest one */
    PROGRAM_MAX = 512,   /* instructions */
};

/* Bytes of one record, copied: they are read several times. */
struct cursor {
    const uint8_t *at, *end;
    bool is_bad;
};

/* At the instruction that is asked for. A saved register lies at CFA + offset. */
struct rules {
    uint64_t cfa_register;
    int64_t cfa_offset;
    bool cfa_is_known;
    bool has_bp, has_pc; /* saved, in this frame */
    int64_t bp, pc;      /* offsets from the CFA */
};

struct record {
    uint8_t bytes[RECORD_BYTES];
    size_t len;
};

struct cie {
    uint64_t code_align;
    int64_t data_align;
    uint8_t pointer_encoding;
    bool has_augmentation;
    struct cursor program;
};

static uint64_t take(struct cursor *cursor, unsigned bytes) {
    uint64_t value = 0;
    if ((size_t)(cursor->end - cursor->at) < bytes) {
        cursor->is_bad = true;
        cursor->at = cursor->end;
        return 0;
    }
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)*cursor->at++ << (8 * i);
    return value;
}

static uint64_t take_uleb(struct cursor *cursor) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = (uint8_t)take(cursor, 1);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    cursor->is_bad = true;
    return 0;
}

static int64_t take_sleb(struct cursor *cursor) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64;) {
        uint8_t byte = (uint8_t)take(cursor, 1);
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
        if (!(byte & 0x80)) {
            if ((byte & 0x40) && shift < 64)
                value |= ~UINT64_C(0) << shift;
            return (int64_t)value;
        }
    }
    cursor->is_bad = true;
    return 0;
}

static bool read_u32(const struct sph_unwind_memory *memory, uint64_t address, uint32_t *ret) {
    return memory->read(memory->context, (uintptr_t)address, ret, sizeof(*ret));
}

static bool read_u64(const struct sph_unwind_memory *memory, uint64_t address, uint64_t *ret) {
    return memory->read(memory->context, (uintptr_t)address, ret, sizeof(*ret));
}

/* A record without its length word. Those of 64-bit DWARF (length 0xffffffff) are not made for
 * anything under 4 GiB. */
static bool read_record(const struct sph_unwind_memory *memory, uint64_t address,
                        struct record *ret_record) {
    uint32_t len;
    if (!read_u32(memory, address, &len) || len < 8 || len > RECORD_BYTES)
        return false;
    ret_record->len = len;
    return memory->read(memory->context, (uintptr_t)address + 4, ret_record->bytes, len);
}

/* The FDE of the last function that begins at or before pc, by the header's sorted table. */
static bool find_fde(const struct sph_unwind_memory *memory, const struct sph_unwind_table *table,
                     uint64_t pc, uint64_t *ret_fde) {
    uint8_t head[4];
    uint32_t count, word;
    if (table->bytes < HEADER_BYTES ||
        !memory->read(memory->context, table->address, head, sizeof(head)) || head[0] != 1 ||
        head[1] != ENCODING_PCREL_SDATA4 || head[2] != ENCODING_UDATA4 ||
        head[3] != ENCODING_DATAREL_SDATA4 || !read_u32(memory, table->address + 8, &count))
        return false;
    uint64_t low = 0, high = count, room = (table->bytes - HEADER_BYTES) / 8;
    if (high > room)
        high = room;
    for (unsigned step = 0; low < high && step < STEPS_MAX; step++) {
        uint64_t middle = low + (high - low) / 2;
        if (!read_u32(memory, table->address + HEADER_BYTES + middle * 8, &word))
            return false;
        if (table->address + (uint64_t)(int64_t)(int32_t)word <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || !read_u32(memory, table->address + HEADER_BYTES + (low - 1) * 8 + 4, &word))
        return false;
    *ret_fde = table->address + (uint64_t)(int64_t)(int32_t)word;
    return true;
}

/* "zPLR" and parts of it: what exception handling adds, of which the pointers' encoding is needed.
 */
static bool parse_augmentation(struct cursor *at, const char *letters, struct cie *cie) {
    uint64_t bytes = take_uleb(at);
    if (at->is_bad || bytes > (uint64_t)(at->end - at->at))
        return false;
    struct cursor data = {.at = at->at, .end = at->at + bytes};
    at->at = data.end;
    for (const char *letter = letters + 1; *letter && !data.is_bad; letter++) {
        if (*letter == 'R') {
            cie->pointer_encoding = (uint8_t)take(&data, 1);
        } else if (*letter == 'L') {
            (void)take(&data, 1);
        } else if (*letter == 'P') {
            unsigned form = (unsigned)take(&data, 1) & 0x0f;
            unsigned width = form == 0x03 || form == 0x0b   ? 4
                             : form == 0x02 || form == 0x0a ? 2
                                                            : 8;
            (void)take(&data, width);
        } else if (*letter != 'S' && *letter != 'B') {
            return false;
        }
    }
    return !data.is_bad;
}

static bool parse_cie(const struct record *record, struct cie *cie) {
    struct cursor at = {.at = record->bytes, .end = record->bytes + record->len};
    char letters[8] = {0};
    *cie = (struct cie){.pointer_encoding = 0};
    if (take(&at, 4) != 0 || take(&at, 1) != 1)
        return false;
    for (size_t i = 0; i < sizeof(letters); i++) {
        letters[i] = (char)take(&at, 1);
        if (letters[i] == '\0')
            break;
    }
    cie->code_align = take_uleb(&at);
    cie->data_align = take_sleb(&at);
    if (letters[sizeof(letters) - 1] != '\0' || take_uleb(&at) != REGISTER_PC)
        return false;
    cie->has_augmentation = letters[0] == 'z';
    if (cie->has_augmentation ? !parse_augmentation(&at, letters, cie) : letters[0] != '\0')
        return false;
    cie->program = at;
    return !at.is_bad;
}

static void save(struct rules *rules, uint64_t number, int64_t offset) {
    if (number == REGISTER_BP) {
        rules->has_bp = true;
        rules->bp = offset;
    } else if (number == REGISTER_PC) {
        rules->has_pc = true;
        rules->pc = offset;
    }
}

/* As the CIE left it. */
static void restore(struct rules *rules, uint64_t number, const struct rules *first) {
    if (number == REGISTER_BP) {
        rules->has_bp = first->has_bp;
        rules->bp = first->bp;
    } else if (number == REGISTER_PC) {
        rules->has_pc = first->has_pc;
        rules->pc = first->pc;
    }
}

/* What one run of a program works on. */
struct run {
    const struct cie *cie;
    const struct rules *first; /* NULL while it is the CIE's own program */
    struct rules rules;
    struct rules remembered[REMEMBERED_MAX];
    unsigned n_remembered;
    uint64_t location; /* bytes from the function's start */
};

static void set_cfa(struct rules *rules, uint64_t number, int64_t offset) {
    rules->cfa_register = number;
    rules->cfa_offset = offset;
    rules->cfa_is_known = true;
}

static bool skip(struct cursor *cursor, uint64_t bytes) {
    if (bytes > (uint64_t)(cursor->end - cursor->at))
        return false;
    cursor->at += bytes;
    return true;
}

/* Those that say where the CFA is. False: it is none of them. */
static bool run_cfa(struct run *run, uint8_t code, struct cursor *at) {
    struct rules *rules = &run->rules;
    uint64_t number;
    switch (code) {
    case 0x0c: /* def_cfa */
        number = take_uleb(at);
        set_cfa(rules, number, (int64_t)take_uleb(at));
        return true;
    case 0x0d: /* def_cfa_register */
        rules->cfa_register = take_uleb(at);
        return true;
    case 0x0e: /* def_cfa_offset */
        rules->cfa_offset = (int64_t)take_uleb(at);
        return true;
    case 0x0f: /* def_cfa_expression */
        rules->cfa_is_known = false;
        return skip(at, take_uleb(at));
    case 0x12: /* def_cfa_sf */
        number = take_uleb(at);
        set_cfa(rules, number, take_sleb(at) * run->cie->data_align);
        return true;
    case 0x13: /* def_cfa_offset_sf */
        rules->cfa_offset = take_sleb(at) * run->cie->data_align;
        return true;
    default:
        return false;
    }
}

/* Those that say where a register is. */
static bool run_register(struct run *run, uint8_t code, struct cursor *at) {
    struct rules *rules = &run->rules;
    uint64_t number;
    switch (code) {
    case 0x05: /* offset_extended */
        number = take_uleb(at);
        save(rules, number, (int64_t)take_uleb(at) * run->cie->data_align);
        return true;
    case 0x11: /* offset_extended_sf */
        number = take_uleb(at);
        save(rules, number, take_sleb(at) * run->cie->data_align);
        return true;
    case 0x06: /* restore_extended */
    case 0x08: /* same_value */
        restore(rules, take_uleb(at), run->first ? run->first : &(struct rules){0});
        return true;
    case 0x07: /* undefined: of the return address, the stack's end */
        number = take_uleb(at);
        restore(rules, number, &(struct rules){0});
        return true;
    case 0x2e: /* GNU_args_size */
        (void)take_uleb(at);
        return true;
    case 0x0a: /* remember_state */
        if (run->n_remembered == REMEMBERED_MAX)
            return false;
        run->remembered[run->n_remembered++] = *rules;
        return true;
    case 0x0b: /* restore_state */
        if (run->n_remembered == 0)
            return false;
        *rules = run->remembered[--run->n_remembered];
        return true;
    default: /* expressions, other registers' places: not followed */
        return false;
    }
}

/* Stops before the first instruction that is for places beyond `want`. False: not understood. */
static bool run_program(struct run *run, struct cursor at, uint64_t want) {
    for (unsigned count = 0; at.at < at.end && count < PROGRAM_MAX; count++) {
        uint8_t code = (uint8_t)take(&at, 1);
        uint64_t step = 0;
        if (code >> 6 == 1) /* advance_loc */
            step = code & 0x3f;
        else if (code >= 0x02 && code <= 0x04) /* advance_loc1, 2, 4 */
            step = take(&at, 1u << (code - 2));
        else if (code >> 6 == 2) /* offset */
            save(&run->rules, code & 0x3f, (int64_t)take_uleb(&at) * run->cie->data_align);
        else if (code >> 6 == 3) /* restore */
            restore(&run->rules, code & 0x3f, run->first ? run->first : &(struct rules){0});
        else if (code != 0 && !run_cfa(run, code, &at) && !run_register(run, code, &at))
            return false;
        if (at.is_bad)
            return false;
        run->location += step * run->cie->code_align;
        if (run->location > want)
            return true;
    }
    return at.at == at.end;
}

/* Past the FDE's head: where its program begins; the function's start and length are checked. */
static bool parse_fde(const struct record *record, uint64_t address, const struct cie *cie,
                      uint64_t pc, struct cursor *ret_program, uint64_t *ret_offset) {
    struct cursor at = {.at = record->bytes + 4, .end = record->bytes + record->len};
    if (cie->pointer_encoding != ENCODING_PCREL_SDATA4)
        return false;
    uint64_t begin = address + 8 + (uint64_t)(int64_t)(int32_t)take(&at, 4);
    uint64_t bytes = take(&at, 4);
    if (pc < begin || pc - begin >= bytes)
        return false;
    if (cie->has_augmentation && !skip(&at, take_uleb(&at)))
        return false;
    *ret_program = at;
    *ret_offset = pc - begin;
    return !at.is_bad;
}

static bool find_rules(const struct sph_unwind_memory *memory, const struct sph_unwind_table *table,
                       uint64_t pc, struct rules *ret_rules) {
    struct record record, cie_record;
    struct cie cie;
    struct cursor program;
    uint64_t fde, offset;
    if (!find_fde(memory, table, pc, &fde) || !read_record(memory, fde, &record))
        return false;
    struct cursor head = {.at = record.bytes, .end = record.bytes + record.len};
    if (!read_record(memory, fde + 4 - take(&head, 4), &cie_record) ||
        !parse_cie(&cie_record, &cie) || !parse_fde(&record, fde, &cie, pc, &program, &offset))
        return false;
    struct run first = {.cie = &cie};
    if (!run_program(&first, cie.program, UINT64_MAX))
        return false;
    struct run run = {.cie = &cie, .first = &first.rules, .rules = first.rules};
    if (!run_program(&run, program, offset))
        return false;
    *ret_rules = run.rules;
    return true;
}

static bool step_by_rules(const struct sph_unwind_memory *memory, const struct rules *rules,
                          struct sph_unwind_x86_64 *frame) {
    struct sph_unwind_x86_64 caller = *frame;
    if (!rules->cfa_is_known || !rules->has_pc ||
        (rules->cfa_register != REGISTER_SP && rules->cfa_register != REGISTER_BP))
        return false;
    uint64_t cfa =
        (rules->cfa_register == REGISTER_SP ? frame->sp : frame->bp) + (uint64_t)rules->cfa_offset;
    if (!read_u64(memory, cfa + (uint64_t)rules->pc, &caller.pc) ||
        (rules->has_bp && !read_u64(memory, cfa + (uint64_t)rules->bp, &caller.bp)))
        return false;
    caller.sp = cfa;
    if (caller.sp <= frame->sp || caller.pc == 0)
        return false;
    *frame = caller;
    return true;
}

static bool step_by_frame_pointer(const struct sph_unwind_memory *memory,
                                  struct sph_unwind_x86_64 *frame) {
    struct sph_unwind_x86_64 caller = {.sp = frame->bp + 16};
    if (frame->bp < frame->sp || frame->bp % 8 != 0 || !read_u64(memory, frame->bp, &caller.bp) ||
        !read_u64(memory, frame->bp + 8, &caller.pc) || caller.pc == 0 || caller.sp <= frame->sp)
        return false;
    *frame = caller;
    return true;
}

bool sph_unwind_x86_64_step(const struct sph_unwind_memory *memory,
                            const struct sph_unwind_table *table, struct sph_unwind_x86_64 *frame) {
    struct rules rules = {.cfa_is_known = false};
    /* Inside the call, not behind it: a call may be a function's last instruction. */
    if (find_rules(memory, table, frame->pc - 1, &rules))
        return step_by_rules(memory, &rules, frame);
    return step_by_frame_pointer(memory, frame);
}
