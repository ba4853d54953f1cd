/* arch: the few things about the processor that C has no word for. */
#ifndef SPH_LIBMALLOC_ARCH_H
#define SPH_LIBMALLOC_ARCH_H

#include <stdint.h>

#if defined(__x86_64__)
static inline uintptr_t sph_thread_pointer(void) {
    uintptr_t pointer;
    __asm__("mov %%fs:0, %0" : "=r"(pointer));
    return pointer;
}
/* Not part of an address of code. */
#define SPH_CODE_BIT ((uintptr_t)0)
/* Where a function keeps its return address, seen from the stack pointer at its entry: words from
 * FIRST on, WORDS of them. The call instruction puts it there. */
enum { SPH_RETURN_SLOT_FIRST = 0, SPH_RETURN_SLOTS = 1 };
/* Whole, whatever else writes there. */
static inline uint64_t sph_load(const uint64_t *from) {
    return __atomic_load_n(from, __ATOMIC_RELAXED);
}
static inline void sph_store(uint64_t *to, uint64_t value) {
    __atomic_store_n(to, value, __ATOMIC_RELAXED);
}
/* As much of it as an address has bits; plain, so that it can be part of another instruction. */
static inline uintptr_t sph_read_low(const uint64_t *from) {
    return *from;
}
#elif defined(__arm__)
static inline uintptr_t sph_thread_pointer(void) {
    uintptr_t pointer;
    __asm__("mrc p15, 0, %0, c13, c0, 3" : "=r"(pointer));
    return pointer;
}
#define SPH_CODE_BIT ((uintptr_t)1) /* Thumb */
/* The return address is in a register; the function's first push puts it next to the top, below the
 * arguments of a variadic one. */
enum { SPH_RETURN_SLOT_FIRST = -12, SPH_RETURN_SLOTS = 12 };
/* On cores with LPAE (Cortex-A7) these are single-copy atomic when aligned; gcc 12 takes a loop of
 * exclusives for it all the same. */
static inline uint64_t sph_load(const uint64_t *from) {
    uint64_t value;
    __asm__ volatile("ldrd %Q0, %R0, [%1]" : "=r"(value) : "r"(from), "m"(*from));
    return value;
}
static inline void sph_store(uint64_t *to, uint64_t value) {
    __asm__ volatile("strd %Q1, %R1, [%2]" : "=m"(*to) : "r"(value), "r"(to));
}
static inline uintptr_t sph_read_low(const uint64_t *from) {
    return *(const uint32_t *)from; /* little-endian */
}
#else
#error "libmalloc: this processor's thread pointer is not known here"
#endif

#endif
