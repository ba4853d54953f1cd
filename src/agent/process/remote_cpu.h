/* remote_cpu: how a system call is made with this processor's registers. */
#ifndef SPH_AGENT_PROCESS_REMOTE_CPU_H
#define SPH_AGENT_PROCESS_REMOTE_CPU_H

#include <stdint.h>
#include <string.h>
#include <sys/user.h>

#if defined(__x86_64__)
#define SPH_CPU_CALL "\x0f\x05"
enum { SPH_CPU_CALL_ALIGN = 1 };

static inline uint64_t sph_cpu_sp(const void *registers) {
    struct user_regs_struct all;
    memcpy(&all, registers, sizeof(all));
    return all.rsp;
}

/* No orig_rax: else the kernel might take the old call for one to be restarted. */
static inline void sph_cpu_prepare(void *registers, uint64_t instruction, long number,
                                   const uint64_t arguments[6]) {
    struct user_regs_struct all;
    memcpy(&all, registers, sizeof(all));
    all.rip = instruction;
    all.orig_rax = ~0ull;
    all.rax = (unsigned long long)number;
    all.rdi = arguments[0];
    all.rsi = arguments[1];
    all.rdx = arguments[2];
    all.r10 = arguments[3];
    all.r8 = arguments[4];
    all.r9 = arguments[5];
    memcpy(registers, &all, sizeof(all));
}

static inline int64_t sph_cpu_result(const void *registers) {
    struct user_regs_struct all;
    memcpy(&all, registers, sizeof(all));
    return (int64_t)all.rax;
}
#elif defined(__arm__)
/* Thumb's svc 0: two bytes at any even address. */
#define SPH_CPU_CALL "\x00\xdf"
enum { SPH_CPU_CALL_ALIGN = 2, SPH_CPU_THUMB = 1 << 5, SPH_CPU_IT = 0x0600fc00 };

static inline uint64_t sph_cpu_sp(const void *registers) {
    struct user_regs all;
    memcpy(&all, registers, sizeof(all));
    return all.uregs[13];
}

static inline void sph_cpu_prepare(void *registers, uint64_t instruction, long number,
                                   const uint64_t arguments[6]) {
    struct user_regs all;
    memcpy(&all, registers, sizeof(all));
    for (int i = 0; i < 6; i++)
        all.uregs[i] = (unsigned long)arguments[i];
    all.uregs[7] = (unsigned long)number;
    all.uregs[15] = (unsigned long)instruction;
    all.uregs[16] = (all.uregs[16] & ~(unsigned long)SPH_CPU_IT) | SPH_CPU_THUMB;
    all.uregs[17] = ~0ul;
    memcpy(registers, &all, sizeof(all));
}

static inline int64_t sph_cpu_result(const void *registers) {
    struct user_regs all;
    memcpy(&all, registers, sizeof(all));
    return (int32_t)all.uregs[0];
}
#endif

#endif
