/* system: a system call without the C library, and so without errno. */
#ifndef SPH_LIBMALLOC_SYSTEM_H
#define SPH_LIBMALLOC_SYSTEM_H

#if defined(__x86_64__)
enum {
    SPH_SYS_MPROTECT = 10,
    SPH_SYS_RT_SIGPROCMASK = 14,
    SPH_SYS_SCHED_YIELD = 24,
    SPH_SYS_MREMAP = 25,
    SPH_SYS_NANOSLEEP = 35
};
static inline long sph_system_call(long number, long a, long b, long c, long d, long e) {
    register long fourth __asm__("r10") = d;
    register long fifth __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "+a"(number)
                     : "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
                     : "rcx", "r11", "memory");
    return number;
}
#elif defined(__arm__)
enum { SPH_SYS_RT_SIGPROCMASK = 175, SPH_SYS_SCHED_YIELD = 158, SPH_SYS_NANOSLEEP = 162 };
/* r7 is the caller's frame pointer where the caller is Thumb code: kept by hand. */
static inline long sph_system_call(long number, long a, long b, long c, long d, long e) {
    register long first __asm__("r0") = a;
    register long second __asm__("r1") = b;
    register long third __asm__("r2") = c;
    register long fourth __asm__("r3") = d;
    register long fifth __asm__("r4") = e;
    __asm__ volatile("mov r12, r7\n\tmov r7, %1\n\tsvc 0\n\tmov r7, r12"
                     : "+r"(first)
                     : "r"(number), "r"(second), "r"(third), "r"(fourth), "r"(fifth)
                     : "r12", "memory");
    return first;
}
#endif

#endif
