/* Before each function of glibc_behalf.def. */
#include "libmalloc/trampolines_x86_64.inc"
        .text

        .type   note_caller, @function
note_caller:
        ASK     sph_glibc_behalf
        testq   %rax, %rax
        jz      resolve
jump_on:
        JUMP_ON
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
