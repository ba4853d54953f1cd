/* unwind_here: this processor's way up its own stack. */
#ifndef SPH_LIBMALLOC_UNWIND_HERE_H
#define SPH_LIBMALLOC_UNWIND_HERE_H

#include <elf.h>

#include "libmalloc/unwind.h"

#if defined(__x86_64__)
enum { SPH_UNWIND_SEGMENT = PT_GNU_EH_FRAME };
#define sph_unwind_frame sph_unwind_x86_64
#define sph_unwind_step sph_unwind_x86_64_step

/* `hook` is __builtin_frame_address(0) of a function: there lie its caller's frame pointer and its
 * return address. */
static inline struct sph_unwind_x86_64 sph_unwind_begin(uintptr_t hook) {
    const uint64_t *words = (const uint64_t *)hook;
    return (struct sph_unwind_x86_64){.pc = words[1], .sp = hook + 16, .bp = words[0]};
}
/* What was in the frame pointer when that function was called. */
static inline uintptr_t sph_unwind_kept(uintptr_t hook) {
    return *(const uintptr_t *)hook;
}
/* The caller of a function that was entered with that stack pointer. */
static inline struct sph_unwind_x86_64 sph_unwind_from(uintptr_t sp, uintptr_t caller,
                                                       uintptr_t kept) {
    return (struct sph_unwind_x86_64){.pc = caller, .sp = sp + 8, .bp = kept};
}
static inline uintptr_t sph_unwind_pc(const struct sph_unwind_x86_64 *frame) {
    return frame->pc;
}
static inline uintptr_t sph_unwind_sp(const struct sph_unwind_x86_64 *frame) {
    return frame->sp;
}
#elif defined(__arm__)
enum { SPH_UNWIND_SEGMENT = PT_ARM_EXIDX };
#define sph_unwind_frame sph_unwind_arm
#define sph_unwind_step sph_unwind_arm_step

/* `hook` is __builtin_frame_address(0) of a function in ARM code: there lie its return address and,
 * below, its caller's r11. r7 is nobody's here (-ffixed-r7), and so the caller's still. */
static inline struct sph_unwind_arm sph_unwind_begin(uintptr_t hook) {
    const uint32_t *words = (const uint32_t *)hook;
    struct sph_unwind_arm frame;
    for (unsigned i = 0; i < 16; i++)
        *(volatile uint32_t *)&frame.r[i] = 0; /* or it becomes a call of memset */
    __asm__ volatile("mov %0, r7" : "=r"(frame.r[7]));
    frame.r[11] = words[-1];
    frame.r[SPH_UNWIND_ARM_SP] = (uint32_t)hook + 4;
    frame.r[SPH_UNWIND_ARM_PC] = words[0];
    frame.known = 1u << 7 | 1u << 11 | 1u << SPH_UNWIND_ARM_SP | 1u << SPH_UNWIND_ARM_PC;
    return frame;
}
/* r7, which Thumb code has for it: still the caller's. */
static inline uintptr_t sph_unwind_kept(uintptr_t hook) {
    uintptr_t kept;
    (void)hook;
    __asm__ volatile("mov %0, r7" : "=r"(kept));
    return kept;
}
static inline struct sph_unwind_arm sph_unwind_from(uintptr_t sp, uintptr_t caller,
                                                    uintptr_t kept) {
    struct sph_unwind_arm frame;
    for (unsigned i = 0; i < 16; i++)
        *(volatile uint32_t *)&frame.r[i] = 0;
    frame.r[7] = kept;
    frame.r[SPH_UNWIND_ARM_SP] = sp;
    frame.r[SPH_UNWIND_ARM_PC] = caller;
    frame.known = 1u << 7 | 1u << SPH_UNWIND_ARM_SP | 1u << SPH_UNWIND_ARM_PC;
    return frame;
}
static inline uintptr_t sph_unwind_pc(const struct sph_unwind_arm *frame) {
    return frame->r[SPH_UNWIND_ARM_PC];
}
static inline uintptr_t sph_unwind_sp(const struct sph_unwind_arm *frame) {
    return frame->r[SPH_UNWIND_ARM_SP];
}
#endif

#endif
