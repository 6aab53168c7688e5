/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* shadow.h: user shadow stacks, enabled by the test itself, because current C libraries
 * do not enable them for programs that were not built for it.
 *
 * On x86_64 (Linux 6.6) and aarch64 (6.13) every call and return takes part. On riscv64
 * (7.0) only the instructions sspush and sspopchk do, so that functions which use them
 * are written here. */
#ifndef SHADOW_H
#define SHADOW_H

#include "raw.h"
#include <sys/syscall.h>

/* Switches them on for this thread; 0, or the errno. What is inlined has no return of
 * its own: the function that this is in must not return any more, as its return address
 * and those above have no copies. */
static inline __attribute__((always_inline)) long shadow_stack_on(void)
{
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall" /* ARCH_SHSTK_ENABLE, ARCH_SHSTK_SHSTK */
                     : "=a"(result)
                     : "a"(SYS_arch_prctl), "D"(0x5001L), "S"(1L)
                     : "rcx", "r11", "memory");
    return -result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = SYS_prctl;
    register long x0 __asm__("x0") = 75; /* PR_SET_SHADOW_STACK_STATUS */
    register long x1 __asm__("x1") = 1;  /* PR_SHADOW_STACK_ENABLE */
    register long x2 __asm__("x2") = 0;
    register long x3 __asm__("x3") = 0;
    register long x4 __asm__("x4") = 0;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return -x0;
#elif defined(__riscv)
    register long a7 __asm__("a7") = SYS_prctl;
    register long a0 __asm__("a0") = 75;
    register long a1 __asm__("a1") = 1;
    register long a2 __asm__("a2") = 0;
    register long a3 __asm__("a3") = 0;
    register long a4 __asm__("a4") = 0;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
    return -a0;
#else
    return ENOSYS;
#endif
}

/* Whether this thread has one: where the next entry is, 0 without. */
static inline unsigned long shadow_stack_pointer(void)
{
    unsigned long pointer = 0;
#if defined(__x86_64__)
    __asm__ volatile("rdsspq %0" : "+r"(pointer));
#elif defined(__aarch64__)
    register unsigned long x16 __asm__("x16") = 1;
    __asm__ volatile("hint #40" : "+r"(x16)); /* chkfeat x16 */
    if (x16 == 0)
        __asm__ volatile("mrs %0, s3_3_c2_c5_1" : "=r"(pointer)); /* GCSPR_EL0 */
#elif defined(__riscv)
    /* ssrdp; the kernel is asked first, as without shadow stacks it is another one. */
    unsigned long status = 0;
    if (raw(SYS_prctl, 74, &status) == 0 && status & 1)
        __asm__ volatile(".insn 0xcdc04573\n\tmv %0, a0" : "=r"(pointer) : : "a0");
#endif
    return pointer;
}

/* shadowed(fn, argument): fn(argument), called by a function that checks its return.
 * falsified(): one that returns to where it was not called from; 1 if nothing minds. */
long shadowed(long (*fn)(void *), void *argument);
long falsified(void);

__asm__(".text\n\t.type shadowed,%function\n\t.type falsified,%function\n"
#if defined(__x86_64__)
        "shadowed: endbr64\n\tmov %rdi, %rax\n\tmov %rsi, %rdi\n\tsub $8, %rsp\n\tcall *%rax\n\tadd $8, %rsp\n\tret\n"
        "falsified: endbr64\n\tpop %rcx\n\tlea 1f(%rip), %rax\n\tpush %rax\n\tret\n"
        "1: mov $1, %eax\n\tjmp *%rcx\n"
#elif defined(__aarch64__)
        "shadowed: mov x2, x0\n\tmov x0, x1\n\tstp x29, x30, [sp, #-16]!\n\tblr x2\n\tldp x29, x30, [sp], #16\n\tret\n"
        "falsified: mov x9, x30\n\tadr x30, 1f\n\tret\n"
        "1: mov x0, #1\n\tbr x9\n"
#elif defined(__riscv)
        "shadowed: .insn 0xce104073\n\taddi sp, sp, -16\n\tsd ra, 8(sp)\n\tmv t1, a0\n\tmv a0, a1\n\tjalr t1\n\t"
        "ld ra, 8(sp)\n\taddi sp, sp, 16\n\t.insn 0xcdc0c073\n\tret\n"
        "falsified: .insn 0xce104073\n\tmv t1, ra\n\tla ra, 1f\n\t.insn 0xcdc0c073\n\tret\n"
        "1: li a0, 1\n\tjr t1\n"
#else
        "shadowed:\nfalsified:\n"
#endif
);

#endif
