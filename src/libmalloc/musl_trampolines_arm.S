/* Before each function of ledger_reals.def that allocates for its caller: note who calls, then jump
 * on. Every register that may hold an argument is kept (the C code behind it is compiled without
 * floating point registers), and nothing stays on the stack, so that variadic functions work. */
        .syntax unified
        .arm
        .text

        .macro  TRAMPOLINE name
        .globl  \name
        .type   \name, %function
        .balign 4
\name:
        movw    r12, #index
        b       note_caller
        .size   \name, . - \name
        .set    index, index + 1
        .endm

        .type   note_caller, %function
note_caller:
        push    {r0-r4, lr}             /* r4: so that the stack stays aligned to 8 */
        add     r0, sp, #24             /* the stack pointer at the function's entry */
        mov     r1, lr                  /* and the return address */
        mov     r2, r12
        bl      sph_musl_behalf
        mov     r12, r0
        pop     {r0-r4, lr}
        bx      r12
        .size   note_caller, . - note_caller

        .set    index, 0
#define SPH_HOOK(name) .set index, index + 1
#define SPH_BEHALF(name) TRAMPOLINE name
#include "wire/ledger_reals.def"

        .section .note.GNU-stack, "", %progbits
