/* Before each function of ledger_reals.def that allocates for its caller. */
#include "libmalloc/trampolines_x86_64.inc"
        .text

        .type   note_caller, @function
note_caller:
        ASK     sph_musl_behalf
        JUMP_ON
        .size   note_caller, . - note_caller

        .set    index, 0
#define SPH_HOOK(name) .set index, index + 1
#define SPH_BEHALF(name) TRAMPOLINE name
#include "wire/ledger_reals.def"

        .section .note.GNU-stack, "", @progbits
