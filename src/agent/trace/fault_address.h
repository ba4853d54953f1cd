/* fault_address: what memory an instruction was about to touch, by its bytes and the registers. */
#ifndef SPH_AGENT_TRACE_FAULT_ADDRESS_H
#define SPH_AGENT_TRACE_FAULT_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

/* For a thread that the ration killed: the kernel tells no address, but the instruction that asked
 * for the page has not retired, so it can be read again. Pure: no memory but `code` is looked at.
 */

enum {
    SPH_FAULT_ADDRESS_E_UNKNOWN = 1, /* no instruction that is known to touch memory */
    SPH_FAULT_RANGES_MAX = 2,
    SPH_FAULT_CODE_MAX = 15, /* bytes of the longest instruction (x86-64) */
};

struct sph_fault_range {
    uint64_t address;
    uint64_t bytes; /* at least 1 */
};

/* What is written comes before what is read. */
struct sph_fault_ranges {
    unsigned count;
    struct sph_fault_range list[SPH_FAULT_RANGES_MAX];
};

struct sph_fault_x86_64 {
    uint64_t registers[16]; /* as instructions number them: rax rcx rdx rbx rsp rbp rsi rdi r8… */
    uint64_t pc, fs_base, gs_base;
};

struct sph_fault_arm {
    uint32_t registers[16]; /* the last is the pc, without the pipeline's offset */
    uint32_t cpsr;
};

/* 0 or SPH_FAULT_ADDRESS_E_UNKNOWN, also when `code` ends inside the instruction. */
int sph_fault_address_x86_64(const uint8_t *code, size_t len, const struct sph_fault_x86_64 *state,
                             struct sph_fault_ranges *ret_ranges);
int sph_fault_address_arm(const uint8_t *code, size_t len, const struct sph_fault_arm *state,
                          struct sph_fault_ranges *ret_ranges);

#endif
