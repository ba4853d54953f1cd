/* Before each function of glibc_behalf.def: note who calls, then jump on. Every register that may
 * hold an argument is kept (the C code behind it is compiled without vector registers), and nothing
 * stays on the stack, so that variadic functions work and unwinding sees no frame of ours. */
        .text

        .macro  TRAMPOLINE name
        .globl  \name
        .type   \name, @function
        .balign 16
\name:
        endbr64
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
        call    sph_glibc_behalf
        testq   %rax, %rax
        jz      resolve
jump_on:
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
resolve:                                /* once each: the look-up may use vector registers */
        movl    (%rsp), %edi
        subq    $128, %rsp
        movups  %xmm0, (%rsp)
        movups  %xmm1, 16(%rsp)
        movups  %xmm2, 32(%rsp)
        movups  %xmm3, 48(%rsp)
        movups  %xmm4, 64(%rsp)
        movups  %xmm5, 80(%rsp)
        movups  %xmm6, 96(%rsp)
        movups  %xmm7, 112(%rsp)
        call    sph_glibc_resolve
        movups  (%rsp), %xmm0
        movups  16(%rsp), %xmm1
        movups  32(%rsp), %xmm2
        movups  48(%rsp), %xmm3
        movups  64(%rsp), %xmm4
        movups  80(%rsp), %xmm5
        movups  96(%rsp), %xmm6
        movups  112(%rsp), %xmm7
        addq    $128, %rsp
        jmp     jump_on
        .size   note_caller, . - note_caller

        .set    index, 0
#define SPH_BEHALF(name) TRAMPOLINE name
#include "libmalloc/glibc_behalf.def"

        .section .note.GNU-stack, "", @progbits
