/* unwind: one step up the stack, by the tables that compilers leave for exceptions.
 *
 * Pure over a reader of memory, and without libc: it runs inside malloc, where nothing may be
 * allocated and the stack may be anything. Both processors' tables are compiled everywhere, so that
 * both are tested everywhere; a build uses its own. */
#ifndef SPH_LIBMALLOC_UNWIND_H
#define SPH_LIBMALLOC_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies `bytes` from `address`; false where they cannot be read. */
typedef bool sph_unwind_read_fn(void *context, uintptr_t address, void *ret_bytes, size_t bytes);

struct sph_unwind_memory {
    sph_unwind_read_fn *read;
    void *context;
};

/* Where an object keeps its table, from its program headers: PT_GNU_EH_FRAME (x86-64) or
 * PT_ARM_EXIDX. bytes 0: it has none. */
struct sph_unwind_table {
    uintptr_t address;
    size_t bytes;
};

/* A frame of x86-64. Of the registers that a function keeps for its caller, compilers find the
 * frame by rbp alone. */
struct sph_unwind_x86_64 {
    uint64_t pc; /* of the call's return: the instruction after it */
    uint64_t sp, bp;
};
/* A frame of ARM: r0 to r15. */
struct sph_unwind_arm {
    uint32_t r[16];
    uint32_t known; /* bit n: r[n] is the frame's; what was never seen is not guessed */
};
enum { SPH_UNWIND_ARM_SP = 13, SPH_UNWIND_ARM_LR = 14, SPH_UNWIND_ARM_PC = 15 };

/* The frame becomes its caller's. False, and *frame as it was, at the stack's end, where the table
 * does not hold pc, or says what is not followed here (expressions). Never goes down: a caller's sp
 * is above, so a walk ends. */
bool sph_unwind_x86_64_step(const struct sph_unwind_memory *memory,
                            const struct sph_unwind_table *table, struct sph_unwind_x86_64 *frame);
bool sph_unwind_arm_step(const struct sph_unwind_memory *memory,
                         const struct sph_unwind_table *table, struct sph_unwind_arm *frame);

#endif
