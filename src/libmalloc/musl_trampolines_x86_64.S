/* Before each function of ledger_reals.def that allocates for its caller: note who calls, then jump
 * on. Every register that may hold an argument is kept (the C code behind it is compiled without
 * vector registers), and nothing stays on the stack, so that variadic functions work. */
        .text

        .macro  TRAMPOLINE name
        .globl  \name
        .type   \name, @function
        .balign 16
\name:
        movl    $index, %r11d
        jmp     note_caller
        .size   \name, . - \name
        .set    index, index + 1
        .endm

        .type   note_caller, @function
note_caller:
        pushq   %rax                    /* number of vector registers of a variadic call */
        pushq   %rdi
        pushq   %rsi
        pushq   %rdx
        pushq   %rcx
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        leaq    72(%rsp), %rdi          /* the stack pointer at the function's entry */
        movq    72(%rsp), %rsi          /* and the return address */
        movl    %r11d, %edx
        call    sph_musl_behalf
        movq    %rax, (%rsp)
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rcx
        popq    %rdx
        popq    %rsi
        popq    %rdi
        popq    %rax
        jmp     *%r11
        .size   note_caller, . - note_caller

        .set    index, 0
#define SPH_HOOK(name) .set index, index + 1
#define SPH_BEHALF(name) TRAMPOLINE name
#include "wire/ledger_reals.def"

        .section .note.GNU-stack, "", @progbits
