/* The bytes are the GNU assembler's; the addresses are what the text of the instruction says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/trace/fault_address.h"
#include "base/attr.h"

struct row {
    const char *text, *code;
    size_t len;
    unsigned count; /* 0: no address */
    struct sph_fault_range ranges[SPH_FAULT_RANGES_MAX];
};

/* clang-format off */
static const struct row x86_64[] = {
    {"movb $1, (%rax)", "\xc6\x00\x01", 3, 1, {{0x7000100000, 1}}},
    {"movl $1, 0x1000(%rbx)", "\xc7\x83\x00\x10\x00\x00\x01\x00\x00\x00", 10, 1, {{0x7000401018, 4}}},
    {"movq %rdx, -8(%rbp)", "\x48\x89\x55\xf8", 4, 1, {{0x7000600020, 8}}},
    {"movw %dx, (%rsp)", "\x66\x89\x14\x24", 4, 1, {{0x7000500020, 2}}},
    {"movw $7, 4(%r13)", "\x66\x41\xc7\x45\x04\x07\x00", 7, 1, {{0x7000e0006c, 2}}},
    {"movq %r9, (%r12)", "\x4d\x89\x0c\x24", 4, 1, {{0x7000d00060, 8}}},
    {"movq %rax, 0x10(%rbx,%rcx,4)", "\x48\x89\x44\x8b\x10", 5, 1, {{0x23000c00048, 8}}},
    {"movl %eax, (%r13,%r14,8)", "\x43\x89\x44\xf5\x00", 5, 1, {{0x3f0086003e8, 4}}},
    {"movb %al, 0x1234(,%r12,2)", "\x42\x88\x04\x65\x34\x12\x00\x00", 8, 1, {{0xe001a012f4, 1}}},
    {"movl %eax, 0x20(%rsp)", "\x89\x44\x24\x20", 4, 1, {{0x7000500040, 4}}},
    {"movq $5, 0x100(%rip)", "\x48\xc7\x05\x00\x01\x00\x00\x05\x00\x00\x00", 11, 1, {{0x55555555410b, 8}}},
    {"movb $5, -0x100(%rip)", "\xc6\x05\x00\xff\xff\xff\x05", 7, 1, {{0x555555553f07, 1}}},
    {"addw $0x1234, 0x40(%rip)", "\x66\x81\x05\x40\x00\x00\x00\x34\x12", 9, 1, {{0x555555554049, 2}}},
    {"testl $0x12345678, 0x40(%rip)", "\xf7\x05\x40\x00\x00\x00\x78\x56\x34\x12", 10, 1, {{0x55555555404a, 4}}},
    {"shlq $3, 0x40(%rip)", "\x48\xc1\x25\x40\x00\x00\x00\x03", 8, 1, {{0x555555554048, 8}}},
    {"imull $0x12345, 0x40(%rip), %eax", "\x69\x05\x40\x00\x00\x00\x45\x23\x01\x00", 10, 1, {{0x55555555404a, 4}}},
    {"movl %eax, (%ebx)", "\x67\x89\x03", 3, 1, {{0x400018, 4}}},
    {"movl %eax, %fs:0x28", "\x64\x89\x04\x25\x28\x00\x00\x00", 8, 1, {{0x7fff00000028, 4}}},
    {"movq %rax, %gs:(%rdi)", "\x65\x48\x89\x07", 4, 1, {{0x806e00800038, 8}}},
    {"movabsb %al, 0x1122334455667788", "\xa2\x88\x77\x66\x55\x44\x33\x22\x11", 9, 1, {{0x1122334455667788, 1}}},
    {"movabsq 0x1122334455667788, %rax", "\x48\xa1\x88\x77\x66\x55\x44\x33\x22\x11", 10, 1, {{0x1122334455667788, 8}}},
    {"rep stosb", "\xf3\xaa", 2, 1, {{0x7000800038, 1}}},
    {"rep stosq", "\xf3\x48\xab", 3, 1, {{0x7000800038, 8}}},
    {"rep stosw", "\x66\xf3\xab", 3, 1, {{0x7000800038, 2}}},
    {"rep movsb", "\xf3\xa4", 2, 2, {{0x7000800038, 1}, {0x7000700030, 1}}},
    {"movsl", "\xa5", 1, 2, {{0x7000800038, 4}, {0x7000700030, 4}}},
    {"lodsq", "\x48\xad", 2, 1, {{0x7000700030, 8}}},
    {"repne scasb", "\xf2\xae", 2, 1, {{0x7000800038, 1}}},
    {"repe cmpsb", "\xf3\xa6", 2, 2, {{0x7000800038, 1}, {0x7000700030, 1}}},
    {"push %rbx", "\x53", 1, 1, {{0x7000500018, 8}}},
    {"push %r12", "\x41\x54", 2, 1, {{0x7000500018, 8}}},
    {"push $0x12345", "\x68\x45\x23\x01\x00", 5, 1, {{0x7000500018, 8}}},
    {"push $1", "\x6a\x01", 2, 1, {{0x7000500018, 8}}},
    {"pushfq", "\x9c", 1, 1, {{0x7000500018, 8}}},
    {"pushq 0x10(%rax)", "\xff\x70\x10", 3, 2, {{0x7000500018, 8}, {0x7000100010, 8}}},
    {"pop %r15", "\x41\x5f", 2, 1, {{0x7000500020, 8}}},
    {"popq 8(%rdx)", "\x8f\x42\x08", 3, 2, {{0x7000300018, 8}, {0x7000500020, 8}}},
    {"call .+0x1000", "\xe8\xfb\x0f\x00\x00", 5, 1, {{0x7000500018, 8}}},
    {"call *(%rax)", "\xff\x10", 2, 2, {{0x7000500018, 8}, {0x7000100000, 8}}},
    {"call *%rdx", "\xff\xd2", 2, 1, {{0x7000500018, 8}}},
    {"jmp *8(%rdx)", "\xff\x62\x08", 3, 1, {{0x7000300018, 8}}},
    {"ret", "\xc3", 1, 1, {{0x7000500020, 8}}},
    {"enter $16, $0", "\xc8\x10\x00\x00", 4, 1, {{0x7000500018, 8}}},
    {"leave", "\xc9", 1, 1, {{0x7000600028, 8}}},
    {"xchg %eax, (%rdx)", "\x87\x02", 2, 1, {{0x7000300010, 4}}},
    {"lock cmpxchg %rcx, (%rdx)", "\xf0\x48\x0f\xb1\x0a", 5, 1, {{0x7000300010, 8}}},
    {"lock xadd %ecx, (%rdx)", "\xf0\x0f\xc1\x0a", 4, 1, {{0x7000300010, 4}}},
    {"lock cmpxchg16b (%rdi)", "\xf0\x48\x0f\xc7\x0f", 5, 1, {{0x7000800038, 16}}},
    {"incl (%rdx)", "\xff\x02", 2, 1, {{0x7000300010, 4}}},
    {"notb (%rdx)", "\xf6\x12", 2, 1, {{0x7000300010, 1}}},
    {"sete 3(%rsi)", "\x0f\x94\x46\x03", 4, 1, {{0x7000700033, 1}}},
    {"movzbl 3(%rsi), %eax", "\x0f\xb6\x46\x03", 4, 1, {{0x7000700033, 1}}},
    {"movzwl 3(%rsi), %eax", "\x0f\xb7\x46\x03", 4, 1, {{0x7000700033, 2}}},
    {"movslq (%rsi), %rax", "\x48\x63\x06", 3, 1, {{0x7000700030, 4}}},
    {"cmovel (%rsi), %eax", "\x0f\x44\x06", 3, 1, {{0x7000700030, 4}}},
    {"btsl $3, 0x40(%rip)", "\x0f\xba\x2d\x40\x00\x00\x00\x03", 8, 1, {{0x555555554048, 4}}},
    {"fstpl (%rdx)", "\xdd\x1a", 2, 1, {{0x7000300010, 8}}},
    {"fstps (%rdx)", "\xd9\x1a", 2, 1, {{0x7000300010, 4}}},
    {"fstpt (%rdx)", "\xdb\x3a", 2, 1, {{0x7000300010, 10}}},
    {"movups %xmm0, (%rdi)", "\x0f\x11\x07", 3, 1, {{0x7000800038, 16}}},
    {"movaps %xmm9, -0x10(%rdi,%rdx)", "\x44\x0f\x29\x4c\x17\xf0", 6, 1, {{0xe000b00038, 16}}},
    {"movdqu %xmm1, 0x30(%r8)", "\xf3\x41\x0f\x7f\x48\x30", 6, 1, {{0x7000900070, 16}}},
    {"movntdq %xmm1, (%rdi)", "\x66\x0f\xe7\x0f", 4, 1, {{0x7000800038, 16}}},
    {"movntiq %rax, (%rdi)", "\x48\x0f\xc3\x07", 4, 1, {{0x7000800038, 8}}},
    {"movss %xmm1, (%rdi)", "\xf3\x0f\x11\x0f", 4, 1, {{0x7000800038, 4}}},
    {"movsd %xmm1, (%rdi)", "\xf2\x0f\x11\x0f", 4, 1, {{0x7000800038, 8}}},
    {"movq %xmm1, (%rdi)", "\x66\x0f\xd6\x0f", 4, 1, {{0x7000800038, 8}}},
    {"movd %xmm1, (%rdi)", "\x66\x0f\x7e\x0f", 4, 1, {{0x7000800038, 4}}},
    {"movhps %xmm1, (%rdi)", "\x0f\x17\x0f", 3, 1, {{0x7000800038, 8}}},
    {"movlpd %xmm1, (%rdi)", "\x66\x0f\x13\x0f", 4, 1, {{0x7000800038, 8}}},
    {"movq %mm1, (%rdi)", "\x0f\x7f\x0f", 3, 1, {{0x7000800038, 8}}},
    {"pshufd $1, 0x40(%rip), %xmm0", "\x66\x0f\x70\x05\x40\x00\x00\x00\x01", 9, 1, {{0x555555554049, 16}}},
    {"pcmpistri $1, 0x40(%rip), %xmm0", "\x66\x0f\x3a\x63\x05\x40\x00\x00\x00\x01", 10, 1, {{0x55555555404a, 16}}},
    {"vmovdqu %ymm0, (%rdi)", "\xc5\xfe\x7f\x07", 4, 1, {{0x7000800038, 32}}},
    {"vmovdqa %ymm8, -0x20(%r9,%r10)", "\xc4\x01\x7d\x7f\x44\x11\xe0", 7, 1, {{0xe001500078, 32}}},
    {"vmovups %xmm0, 0x40(%rip)", "\xc5\xf8\x11\x05\x40\x00\x00\x00", 8, 1, {{0x555555554048, 16}}},
    {"vmovq %xmm0, (%r11)", "\xc4\xc1\x79\xd6\x03", 5, 1, {{0x7000c00058, 8}}},
    {"vmovss %xmm0, (%r11)", "\xc4\xc1\x7a\x11\x03", 5, 1, {{0x7000c00058, 4}}},
    {"vpcmpeqb (%rdi), %ymm0, %ymm1", "\xc5\xfd\x74\x0f", 4, 1, {{0x7000800038, 32}}},
    {"vextracti128 $1, %ymm0, 0x40(%rip)", "\xc4\xe3\x7d\x39\x05\x40\x00\x00\x00\x01", 10, 1, {{0x55555555404a, 16}}},
    {"vmovdqu64 %zmm16, (%rdi)", "\x62\xe1\xfe\x48\x7f\x07", 6, 1, {{0x7000800038, 64}}},
    {"vmovdqu64 %zmm16, 0x40(%rdi)", "\x62\xe1\xfe\x48\x7f\x47\x01", 7, 1, {{0x7000800078, 64}}},
    {"vmovdqu64 %ymm16, -0x20(%rdi,%rdx)", "\x62\xe1\xfe\x28\x7f\x44\x17\xff", 8, 1, {{0xe000b00028, 32}}},
    {"vmovdqu8 %zmm17, 0x123(%r9)", "\x62\xc1\x7f\x48\x7f\x89\x23\x01\x00\x00", 10, 1, {{0x7000a0016b, 64}}},
    {"vmovups %zmm18, -0x40(%r15)", "\x62\xc1\x7c\x48\x11\x57\xff", 7, 1, {{0x7001000038, 64}}},
    {"vpcmpub $4, 0x40(%rdi), %zmm16, %k1", "\x62\xf3\x7d\x40\x3e\x4f\x01\x04", 8, 1, {{0x7000800078, 64}}},
    {"xsavec 0x40(%rsp)", "\x0f\xc7\x64\x24\x40", 5, 1, {{0x7000500060, 576}}},
    {"fxsave (%rsp)", "\x0f\xae\x04\x24", 4, 1, {{0x7000500020, 576}}},
    {"movbe %eax, (%rdx)", "\x0f\x38\xf1\x02", 4, 1, {{0x7000300010, 4}}},
    {"nop", "\x90", 1, 0, {{0, 0}}},
    {"lea 8(%rdi), %rax", "\x48\x8d\x47\x08", 4, 0, {{0, 0}}},
    {"mov %rax, %rdx", "\x48\x89\xc2", 3, 0, {{0, 0}}},
    {"syscall", "\x0f\x05", 2, 0, {{0, 0}}},
    {"ud2", "\x0f\x0b", 2, 0, {{0, 0}}},
    {"jmp .+2", "\xeb\x00", 2, 0, {{0, 0}}},
    {"prefetcht0 (%rdi)", "\x0f\x18\x0f", 3, 0, {{0, 0}}},
    {"nopw 0x40(%rax,%rax)", "\x66\x0f\x1f\x44\x00\x40", 6, 0, {{0, 0}}},
    {"bts %rax, (%rdi)", "\x48\x0f\xab\x07", 4, 0, {{0, 0}}},
    {"maskmovdqu %xmm1, %xmm0", "\x66\x0f\xf7\xc1", 4, 0, {{0, 0}}},
    {"vpgatherdd %ymm1, (%rax,%ymm2,4), %ymm0", "\xc4\xe2\x75\x90\x04\x90", 6, 0, {{0, 0}}},
    {"movaps %xmm0, %xmm1", "\x0f\x28\xc8", 3, 0, {{0, 0}}},
    {"endbr64", "\xf3\x0f\x1e\xfa", 4, 0, {{0, 0}}},
    {"vpaddd 0x40(%rdi){1to16}, %zmm0, %zmm1", "\x62\xf1\x7d\x58\xfe\x4f\x10", 7, 0, {{0, 0}}},
    {"vpmovqb %zmm0, 8(%rdi)", "\x62\xf2\x7e\x48\x32\x47\x01", 7, 0, {{0, 0}}},
};

static const struct row a32[] = {
    {"str r0, [r1]", "\x00\x00\x81\xe5", 4, 1, {{0x40002004, 4}}},
    {"str r0, [r1, #0x123]", "\x23\x01\x81\xe5", 4, 1, {{0x40002127, 4}}},
    {"str r0, [r1, #-0x123]", "\x23\x01\x01\xe5", 4, 1, {{0x40001ee1, 4}}},
    {"str r0, [r1, #8]!", "\x08\x00\xa1\xe5", 4, 1, {{0x4000200c, 4}}},
    {"str r0, [r1], #8", "\x08\x00\x81\xe4", 4, 1, {{0x40002004, 4}}},
    {"strb r0, [r1, r2]", "\x02\x00\xc1\xe7", 4, 1, {{0x8000500c, 1}}},
    {"str r0, [r1, -r2, lsl #2]", "\x02\x01\x01\xe7", 4, 1, {{0x3fff5fe4, 4}}},
    {"str r0, [r1, r2, lsr #4]", "\x22\x02\x81\xe7", 4, 1, {{0x44002304, 4}}},
    {"ldr r0, [r1, r2, asr #3]", "\xc2\x01\x91\xe7", 4, 1, {{0x48002605, 4}}},
    {"ldr r0, [r1, r2, ror #8]", "\x62\x04\x91\xe7", 4, 1, {{0x48402034, 4}}},
    {"ldr r0, [r1, r2, rrx]", "\x62\x00\x91\xe7", 4, 1, {{0xe0003808, 4}}},
    {"ldr r0, [r1, r2, lsr #32]", "\x22\x00\x91\xe7", 4, 1, {{0x40002004, 4}}},
    {"ldr r0, [pc, #16]", "\x10\x00\x9f\xe5", 4, 1, {{0x10018, 4}}},
    {"ldrb r0, [r4], #1", "\x01\x00\xd4\xe4", 4, 1, {{0x40005010, 1}}},
    {"strh r0, [r1, #0x42]", "\xb2\x04\xc1\xe1", 4, 1, {{0x40002046, 2}}},
    {"strh r0, [r1, r2]!", "\xb2\x00\xa1\xe1", 4, 1, {{0x8000500c, 2}}},
    {"ldrsb r0, [r1, #-3]", "\xd3\x00\x51\xe1", 4, 1, {{0x40002001, 1}}},
    {"ldrsh r0, [r1]", "\xf0\x00\xd1\xe1", 4, 1, {{0x40002004, 2}}},
    {"strd r2, r3, [r1, #-8]!", "\xf8\x20\x61\xe1", 4, 1, {{0x40001ffc, 8}}},
    {"ldrd r2, r3, [r1], r4", "\xd4\x20\x81\xe0", 4, 1, {{0x40002004, 8}}},
    {"push {r0, r1, r4, lr}", "\x13\x40\x2d\xe9", 4, 1, {{0x7edffff0, 16}}},
    {"push {r4}", "\x04\x40\x2d\xe5", 4, 1, {{0x7edffffc, 4}}},
    {"pop {r4, pc}", "\x10\x80\xbd\xe8", 4, 1, {{0x7ee00000, 8}}},
    {"stmia r0!, {r1-r8}", "\xfe\x01\xa0\xe8", 4, 1, {{0x40001000, 32}}},
    {"stmib r0, {r1-r3}", "\x0e\x00\x80\xe9", 4, 1, {{0x40001004, 12}}},
    {"stmda r0, {r1-r3}", "\x0e\x00\x00\xe8", 4, 1, {{0x40000ff8, 12}}},
    {"stmdb r0!, {r1-r3}", "\x0e\x00\x20\xe9", 4, 1, {{0x40000ff4, 12}}},
    {"ldmia r0, {r1-r3}", "\x0e\x00\x90\xe8", 4, 1, {{0x40001000, 12}}},
    {"vstr d0, [r1, #8]", "\x02\x0b\x81\xed", 4, 1, {{0x4000200c, 8}}},
    {"vstr s0, [r1, #-8]", "\x02\x0a\x01\xed", 4, 1, {{0x40001ffc, 4}}},
    {"vldr d0, [pc, #8]", "\x02\x0b\x9f\xed", 4, 1, {{0x10010, 8}}},
    {"vstmia r0!, {d0-d7}", "\x10\x0b\xa0\xec", 4, 1, {{0x40001000, 64}}},
    {"vpush {d8-d9}", "\x04\x8b\x2d\xed", 4, 1, {{0x7edffff0, 16}}},
    {"vpop {s0-s2}", "\x03\x0a\xbd\xec", 4, 1, {{0x7ee00000, 12}}},
    {"vst1.8 {d0-d3}, [r0]!", "\x0d\x02\x00\xf4", 4, 1, {{0x40001000, 32}}},
    {"vst1.64 {d0}, [r0]", "\xcf\x07\x00\xf4", 4, 1, {{0x40001000, 8}}},
    {"vst1.32 {d0, d1}, [r0:128]", "\xaf\x0a\x00\xf4", 4, 1, {{0x40001000, 16}}},
    {"vst2.8 {d0-d3}, [r0]", "\x0f\x03\x00\xf4", 4, 1, {{0x40001000, 32}}},
    {"vst3.8 {d0-d2}, [r0]", "\x0f\x04\x00\xf4", 4, 1, {{0x40001000, 24}}},
    {"vst4.16 {d0-d3}, [r0]", "\x4f\x00\x00\xf4", 4, 1, {{0x40001000, 32}}},
    {"vst1.32 {d0[1]}, [r0]", "\x8f\x08\x80\xf4", 4, 1, {{0x40001000, 4}}},
    {"vst4.8 {d0[1],d1[1],d2[1],d3[1]}, [r0]", "\x2f\x03\x80\xf4", 4, 1, {{0x40001000, 4}}},
    {"vld1.16 {d0[]}, [r0]", "\x4f\x0c\xa0\xf4", 4, 1, {{0x40001000, 2}}},
    {"strex r0, r1, [r2]", "\x91\x0f\x82\xe1", 4, 1, {{0x40003008, 4}}},
    {"ldrexd r0, r1, [r2]", "\x9f\x0f\xb2\xe1", 4, 1, {{0x40003008, 8}}},
    {"strexb r0, r1, [r2]", "\x91\x0f\xc2\xe1", 4, 1, {{0x40003008, 1}}},
    {"ldrexh r0, [r2]", "\x9f\x0f\xf2\xe1", 4, 1, {{0x40003008, 2}}},
    {"stl r1, [r2]", "\x91\xfc\x82\xe1", 4, 1, {{0x40003008, 4}}},
    {"mov r0, r1", "\x01\x00\xa0\xe1", 4, 0, {{0, 0}}},
    {"mul r0, r1, r2", "\x91\x02\x00\xe0", 4, 0, {{0, 0}}},
    {"bl .+0x100", "\x3e\x00\x00\xeb", 4, 0, {{0, 0}}},
    {"svc #0", "\x00\x00\x00\xef", 4, 0, {{0, 0}}},
    {"add r0, r1, r2, lsl #3", "\x82\x01\x81\xe0", 4, 0, {{0, 0}}},
    {"vmov d0, r0, r1", "\x10\x0b\x41\xec", 4, 0, {{0, 0}}},
    {"pld [r0]", "\x00\xf0\xd0\xf5", 4, 0, {{0, 0}}},
    {"umaal r0, r1, r2, r3", "\x92\x03\x41\xe0", 4, 0, {{0, 0}}},
    {"sdiv r0, r1, r2", "\x11\xf2\x10\xe7", 4, 0, {{0, 0}}},
    {"clz r0, r1", "\x11\x0f\x6f\xe1", 4, 0, {{0, 0}}},
    {"strne r0, [r1]", "\x00\x00\x81\x15", 4, 1, {{0x40002004, 4}}},
};

static const struct row t32[] = {
    {"str r0, [r1, #4]", "\x48\x60", 2, 1, {{0x40002008, 4}}},
    {"strb r0, [r1, #31]", "\xc8\x77", 2, 1, {{0x40002023, 1}}},
    {"strh r0, [r1, #62]", "\xc8\x87", 2, 1, {{0x40002042, 2}}},
    {"ldr r0, [r1, #124]", "\xc8\x6f", 2, 1, {{0x40002080, 4}}},
    {"str r0, [r1, r2]", "\x88\x50", 2, 1, {{0x8000500c, 4}}},
    {"strh r0, [r1, r2]", "\x88\x52", 2, 1, {{0x8000500c, 2}}},
    {"strb r0, [r1, r2]", "\x88\x54", 2, 1, {{0x8000500c, 1}}},
    {"ldrsb r0, [r1, r2]", "\x88\x56", 2, 1, {{0x8000500c, 1}}},
    {"ldrsh r0, [r1, r2]", "\x88\x5e", 2, 1, {{0x8000500c, 2}}},
    {"str r0, [sp, #16]", "\x04\x90", 2, 1, {{0x7ee00010, 4}}},
    {"ldr r0, [pc, #16]", "\x04\x48", 2, 1, {{0x10014, 4}}},
    {"push {r0-r3, lr}", "\x0f\xb5", 2, 1, {{0x7edfffec, 20}}},
    {"pop {r4, pc}", "\x10\xbd", 2, 1, {{0x7ee00000, 8}}},
    {"stmia r0!, {r1, r2}", "\x06\xc0", 2, 1, {{0x40001000, 8}}},
    {"ldmia r0, {r0, r1}", "\x03\xc8", 2, 1, {{0x40001000, 8}}},
    {"str.w r0, [r1, #0x123]", "\xc1\xf8\x23\x01", 4, 1, {{0x40002127, 4}}},
    {"strb.w r0, [r1, #-3]", "\x01\xf8\x03\x0c", 4, 1, {{0x40002001, 1}}},
    {"strh.w r0, [r1], #4", "\x21\xf8\x04\x0b", 4, 1, {{0x40002004, 2}}},
    {"str.w r0, [r1, #-4]!", "\x41\xf8\x04\x0d", 4, 1, {{0x40002000, 4}}},
    {"str.w r8, [r1, r2, lsl #2]", "\x41\xf8\x22\x80", 4, 1, {{0x4000e024, 4}}},
    {"ldr.w r0, [pc, #-8]", "\x5f\xf8\x08\x00", 4, 1, {{0xfffc, 4}}},
    {"ldrsb.w r0, [r1, #0x200]", "\x91\xf9\x00\x02", 4, 1, {{0x40002204, 1}}},
    {"strd r2, r3, [r1, #-8]!", "\x61\xe9\x02\x23", 4, 1, {{0x40001ffc, 8}}},
    {"strd r2, r3, [r1], #16", "\xe1\xe8\x04\x23", 4, 1, {{0x40002004, 8}}},
    {"ldrd r2, r3, [r1, #1020]", "\xd1\xe9\xff\x23", 4, 1, {{0x40002400, 8}}},
    {"push.w {r4-r11, lr}", "\x2d\xe9\xf0\x4f", 4, 1, {{0x7edfffdc, 36}}},
    {"stmdb r0!, {r1-r8}", "\x20\xe9\xfe\x01", 4, 1, {{0x40000fe0, 32}}},
    {"stmia.w r0, {r1-r8}", "\x80\xe8\xfe\x01", 4, 1, {{0x40001000, 32}}},
    {"ldmia.w r0!, {r3-r9}", "\xb0\xe8\xf8\x03", 4, 1, {{0x40001000, 28}}},
    {"ldmdb r0, {r3-r9}", "\x10\xe9\xf8\x03", 4, 1, {{0x40000fe4, 28}}},
    {"vstr d0, [r1, #8]", "\x81\xed\x02\x0b", 4, 1, {{0x4000200c, 8}}},
    {"vldr s0, [pc, #8]", "\x9f\xed\x02\x0a", 4, 1, {{0x1000c, 4}}},
    {"vpush {d8-d9}", "\x2d\xed\x04\x8b", 4, 1, {{0x7edffff0, 16}}},
    {"vstmia r0!, {d0-d7}", "\xa0\xec\x10\x0b", 4, 1, {{0x40001000, 64}}},
    {"vst1.8 {d0-d3}, [r0]!", "\x00\xf9\x0d\x02", 4, 1, {{0x40001000, 32}}},
    {"vld1.32 {d0[1]}, [r0]", "\xa0\xf9\x8f\x08", 4, 1, {{0x40001000, 4}}},
    {"strex r0, r1, [r2, #8]", "\x42\xe8\x02\x10", 4, 1, {{0x40003010, 4}}},
    {"ldrexd r0, r1, [r2]", "\xd2\xe8\x7f\x01", 4, 1, {{0x40003008, 8}}},
    {"strexb r0, r1, [r2]", "\xc2\xe8\x40\x1f", 4, 1, {{0x40003008, 1}}},
    {"ldrexh r0, [r2]", "\xd2\xe8\x5f\x0f", 4, 1, {{0x40003008, 2}}},
    {"stl r1, [r2]", "\xc2\xe8\xaf\x1f", 4, 1, {{0x40003008, 4}}},
    {"tbb [pc, r1]", "\xdf\xe8\x01\xf0", 4, 1, {{0x4001200a, 1}}},
    {"tbh [r0, r1, lsl #1]", "\xd0\xe8\x11\xf0", 4, 1, {{0xc0005008, 2}}},
    {"movs r0, r1", "\x08\x00", 2, 0, {{0, 0}}},
    {"adds r0, r1, r2", "\x88\x18", 2, 0, {{0, 0}}},
    {"bl .+0x100", "\x00\xf0\x7e\xf8", 4, 0, {{0, 0}}},
    {"svc #0", "\x00\xdf", 2, 0, {{0, 0}}},
    {"cbz r0, .+8", "\x10\xb1", 2, 0, {{0, 0}}},
    {"bx lr", "\x70\x47", 2, 0, {{0, 0}}},
    {"mov.w r8, #0x100", "\x4f\xf4\x80\x78", 4, 0, {{0, 0}}},
    {"vmov d0, r0, r1", "\x41\xec\x10\x0b", 4, 0, {{0, 0}}},
    {"add sp, #8", "\x02\xb0", 2, 0, {{0, 0}}},
    {"b .+8", "\x02\xe0", 2, 0, {{0, 0}}},
    {"sdiv r0, r1, r2", "\x91\xfb\xf2\xf0", 4, 0, {{0, 0}}},
};
/* clang-format on */

typedef int decode_fn(const void *state, const uint8_t *code, size_t len,
                      struct sph_fault_ranges *ret_ranges);

static int decode_x86_64(const void *state, const uint8_t *code, size_t len,
                         struct sph_fault_ranges *ret_ranges) {
    return sph_fault_address_x86_64(code, len, state, ret_ranges);
}

static int decode_arm(const void *state, const uint8_t *code, size_t len,
                      struct sph_fault_ranges *ret_ranges) {
    return sph_fault_address_arm(code, len, state, ret_ranges);
}

/* In memory of just that length, so that a byte too far is seen. */
static int decode_copy(decode_fn *decode, const void *state, const struct row *row, size_t len,
                       struct sph_fault_ranges *ret_ranges) {
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, row->code, len);
    int rc = decode(state, copy, len, ret_ranges);
    free(copy);
    return rc;
}

static void check(decode_fn *decode, const void *state, const struct row *row) {
    struct sph_fault_ranges ranges = {.count = 0};
    int rc = decode_copy(decode, state, row, row->len, &ranges);
    if (rc != (row->count ? 0 : SPH_FAULT_ADDRESS_E_UNKNOWN) || ranges.count != row->count)
        fail_msg("%s: %d, %u ranges", row->text, rc, ranges.count);
    for (unsigned i = 0; i < row->count; i++)
        if (ranges.list[i].address != row->ranges[i].address ||
            ranges.list[i].bytes != row->ranges[i].bytes)
            fail_msg("%s: %#llx, %llu bytes", row->text, (unsigned long long)ranges.list[i].address,
                     (unsigned long long)ranges.list[i].bytes);
}

/* Never a byte beyond the end, and no address by a part of what has none. */
static void check_cut(decode_fn *decode, const void *state, const struct row *row) {
    for (size_t len = 0; len < row->len; len++) {
        struct sph_fault_ranges ranges = {.count = 0};
        int rc = decode_copy(decode, state, row, len, &ranges);
        if (rc == 0 && row->count == 0)
            fail_msg("%s, cut to %zu: an address", row->text, len);
    }
}

static void test_x86_64(void **unused) {
    (void)unused;
    struct sph_fault_x86_64 state = {
        .pc = 0x555555554000, .fs_base = 0x7fff00000000, .gs_base = 0x7ffe00000000};
    for (unsigned i = 0; i < 16; i++)
        state.registers[i] = 0x7000000000 + 0x100000 * (uint64_t)(i + 1) + UINT64_C(8) * i;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(x86_64); i++) {
        check(decode_x86_64, &state, &x86_64[i]);
        check_cut(decode_x86_64, &state, &x86_64[i]);
    }
}

static struct sph_fault_arm arm_state(uint32_t pc, uint32_t cpsr) {
    struct sph_fault_arm state = {.cpsr = cpsr};
    for (unsigned i = 0; i < 13; i++)
        state.registers[i] = 0x40000000 + 0x1000 * (i + 1) + 4 * i;
    state.registers[13] = 0x7ee00000;
    state.registers[15] = pc;
    return state;
}

static void test_a32(void **unused) {
    (void)unused;
    const struct sph_fault_arm state = arm_state(0x10000, 0x20000010); /* with carry */
    for (size_t i = 0; i < SPH_ARRAY_SIZE(a32); i++) {
        check(decode_arm, &state, &a32[i]);
        check_cut(decode_arm, &state, &a32[i]);
    }
}

static void test_t32(void **unused) {
    (void)unused;
    const struct sph_fault_arm state = arm_state(0x10002, 0x20000030);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(t32); i++) {
        check(decode_arm, &state, &t32[i]);
        check_cut(decode_arm, &state, &t32[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_x86_64),
        cmocka_unit_test(test_a32),
        cmocka_unit_test(test_t32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
