/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Callee-saved registers and stack pointer are preserved, in the child that returns on
 * its parent's stack and in the parent whose child has overwritten them all.
 */
#define _GNU_SOURCE
#include "raw.h"
#include "tap.h"
#include <clone3.h>

static struct clone_args lent = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };

/* Callee-saved registers hold known values over the call, as no compiler
 * would promise. The child checks them, and what it ran on, spoils them all
 * and much of the stack below, and ends with 7; the parent gets the pid or -2.
 *
 * long registers(void *function, long first, long second); */
long registers(void *function, long first, long second);
static uintptr_t stack_pointer __attribute__((used));

#if defined(__x86_64__)
#define EACH_REGISTER(X) X("rbx", "0x1111") X("rbp", "0x2222") X("r12", "0x3333") \
    X("r13", "0x4444") X("r14", "0x5555") X("r15", "0x6666")
#define PUSH(name, value) "  push %" name "\n"
#define SET(name, value) "  mov $" value ", %" name "\n"
#define CHECK(name, value) "  cmp $" value ", %" name "\n  jne 3f\n"
#define SPOIL(name, value) "  not %" name "\n"
__asm__(".text\n.type registers, @function\nregisters:\n"
        EACH_REGISTER(PUSH)
        "  sub $8, %rsp\n"
        "  mov %rsp, stack_pointer(%rip)\n"
        EACH_REGISTER(SET)
        "  mov %rdi, %r11\n  mov %rsi, %rdi\n  mov %rdx, %rsi\n"
        "  xor %eax, %eax\n  xor %edx, %edx\n  xor %ecx, %ecx\n  xor %r8d, %r8d\n  xor %r9d, %r9d\n"
        "  call *%r11\n"
        "  cmp %rsp, stack_pointer(%rip)\n  jne 3f\n"
        EACH_REGISTER(CHECK)
        "  test %rax, %rax\n  jnz 4f\n"
        EACH_REGISTER(SPOIL)
        "  lea -65536(%rsp), %rdi\n  mov $65536, %ecx\n  mov $0xa5, %al\n  rep stosb\n"
        "  mov $7, %edi\n"
        "5: mov $231, %eax\n  syscall\n"
        "3: mov $1, %edi\n  test %rax, %rax\n  jz 5b\n"
        "  mov $-2, %rax\n"
        "4: mov stack_pointer(%rip), %rsp\n  add $8, %rsp\n"
        "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbp\n  pop %rbx\n  ret\n"
        ".size registers, . - registers\n");
#elif defined(__i386__)
#define EACH_REGISTER(X) X("ebx", "0x1111") X("esi", "0x2222") X("edi", "0x3333") X("ebp", "0x4444")
#define PUSH(name, value) "  push %" name "\n"
#define SET(name, value) "  mov $" value ", %" name "\n"
#define CHECK(name, value) "  cmp $" value ", %" name "\n  jne 3f\n"
#define SPOIL(name, value) "  not %" name "\n"
/* Arguments are the callee's to spoil, so each call has copies of its own. */
__asm__(".text\n.type registers, @function\nregisters:\n"
        EACH_REGISTER(PUSH)
        "  mov 20(%esp), %eax\n  mov 24(%esp), %ecx\n  mov 28(%esp), %edx\n"
        "  sub $12, %esp\n"
        "  push $0\n  push $0\n  push $0\n  push $0\n  push $0\n  push $0\n"
        "  push %edx\n  push %ecx\n"
        "  call 1f\n1: pop %ecx\n"
        "  mov %esp, stack_pointer-1b(%ecx)\n"
        EACH_REGISTER(SET)
        "  call *%eax\n"
        "  call 2f\n2: pop %ecx\n"
        "  cmp %esp, stack_pointer-2b(%ecx)\n  jne 3f\n"
        EACH_REGISTER(CHECK)
        "  test %eax, %eax\n  jnz 4f\n"
        EACH_REGISTER(SPOIL)
        "  lea -65536(%esp), %edi\n  mov $65536 + 32, %ecx\n  mov $0xa5, %al\n  rep stosb\n"
        "  mov $7, %ebx\n"
        "5: mov $252, %eax\n  int $0x80\n"
        "3: mov $1, %ebx\n  test %eax, %eax\n  jz 5b\n"
        "  mov $-2, %eax\n"
        "4: call 6f\n6: pop %ecx\n"
        "  mov stack_pointer-6b(%ecx), %esp\n  add $44, %esp\n"
        "  pop %ebp\n  pop %edi\n  pop %esi\n  pop %ebx\n  ret\n"
        ".size registers, . - registers\n");
#elif defined(__aarch64__)
#define EACH_REGISTER(X) X("19") X("20") X("21") X("22") X("23") X("24") X("25") \
    X("26") X("27") X("28") X("29")
#define SET(n) "  mov x" n ", #0x5" n "\n"
#define CHECK(n) "  cmp x" n ", #0x5" n "\n  b.ne 3f\n"
#define SPOIL(n) "  mvn x" n ", x" n "\n"
__asm__(".text\n.type registers, %function\nregisters:\n"
        "  stp x29, x30, [sp, #-112]!\n  stp x19, x20, [sp, #16]\n  stp x21, x22, [sp, #32]\n"
        "  stp x23, x24, [sp, #48]\n  stp x25, x26, [sp, #64]\n  stp x27, x28, [sp, #80]\n"
        "  str d8, [sp, #96]\n  str d15, [sp, #104]\n"
        "  mov x9, sp\n  adrp x10, stack_pointer\n"
        "  add x10, x10, :lo12:stack_pointer\n  str x9, [x10]\n"
        EACH_REGISTER(SET)
        "  fmov d8, #2.0\n  fmov d15, #4.0\n"
        "  mov x9, x0\n  mov x0, x1\n  mov x1, x2\n"
        "  mov x2, #0\n  mov x3, #0\n  mov x4, #0\n  mov x5, #0\n  blr x9\n"
        "  adrp x10, stack_pointer\n  add x10, x10, :lo12:stack_pointer\n  ldr x10, [x10]\n"
        "  mov x9, sp\n  cmp x9, x10\n  b.ne 3f\n"
        EACH_REGISTER(CHECK)
        "  fmov d0, #2.0\n  fcmp d8, d0\n  b.ne 3f\n  fmov d0, #4.0\n  fcmp d15, d0\n  b.ne 3f\n"
        "  cbnz x0, 4f\n"
        EACH_REGISTER(SPOIL)
        "  mov x9, #8192\n  mov x10, sp\n6: str x9, [x10, #-8]!\n  subs x9, x9, #1\n  b.ne 6b\n"
        "  mov x0, #7\n"
        "5: mov x8, #94\n  svc #0\n"
        "3: mov x1, x0\n  mov x0, #1\n  cbz x1, 5b\n  mov x0, #-2\n"
        "4: adrp x10, stack_pointer\n  add x10, x10, :lo12:stack_pointer\n"
        "  ldr x10, [x10]\n  mov sp, x10\n"
        "  ldr d8, [sp, #96]\n  ldr d15, [sp, #104]\n"
        "  ldp x19, x20, [sp, #16]\n  ldp x21, x22, [sp, #32]\n  ldp x23, x24, [sp, #48]\n"
        "  ldp x25, x26, [sp, #64]\n  ldp x27, x28, [sp, #80]\n  ldp x29, x30, [sp], #112\n  ret\n"
        ".size registers, . - registers\n");
#elif defined(__riscv)
#define EACH_REGISTER(X) X("0") X("1") X("2") X("3") X("4") X("5") X("6") X("7") X("8") X("9") \
    X("10") X("11")
#define SAVE(n) "  sd s" n ", 8*" n "(sp)\n"
#define LOAD(n) "  ld s" n ", 8*" n "(sp)\n"
#define SET(n) "  li s" n ", 0x5" n "\n"
#define CHECK(n) "  li t0, 0x5" n "\n  bne s" n ", t0, 3f\n"
#define SPOIL(n) "  not s" n ", s" n "\n"
__asm__(".text\n.type registers, %function\nregisters:\n"
        "  addi sp, sp, -128\n"
        EACH_REGISTER(SAVE)
        "  sd ra, 96(sp)\n  fsd fs0, 104(sp)\n  fsd fs11, 112(sp)\n"
        "  sd sp, stack_pointer, t0\n"
        EACH_REGISTER(SET)
        "  li t0, 2\n  fcvt.d.l fs0, t0\n  li t0, 4\n  fcvt.d.l fs11, t0\n"
        "  mv t0, a0\n  mv a0, a1\n  mv a1, a2\n"
        "  li a2, 0\n  li a3, 0\n  li a4, 0\n  li a5, 0\n  jalr t0\n"
        "  ld t0, stack_pointer\n  bne sp, t0, 3f\n"
        EACH_REGISTER(CHECK)
        "  fcvt.l.d t0, fs0\n  li t1, 2\n  bne t0, t1, 3f\n"
        "  fcvt.l.d t0, fs11\n  li t1, 4\n  bne t0, t1, 3f\n"
        "  bnez a0, 4f\n"
        EACH_REGISTER(SPOIL)
        "  li t0, 8192\n  mv t1, sp\n"
        "6: addi t1, t1, -8\n  sd t0, 0(t1)\n  addi t0, t0, -1\n  bnez t0, 6b\n"
        "  li a0, 7\n"
        "5: li a7, 94\n  ecall\n"
        "3: mv a1, a0\n  li a0, 1\n  beqz a1, 5b\n  li a0, -2\n"
        "4: ld t0, stack_pointer\n  mv sp, t0\n"
        EACH_REGISTER(LOAD)
        "  ld ra, 96(sp)\n  fld fs0, 104(sp)\n  fld fs11, 112(sp)\n  addi sp, sp, 128\n  ret\n"
        ".size registers, . - registers\n");
#endif

int main(void)
{
    begin(20);
    is(status_of((pid_t)registers((void *)vfork, 0, 0)), 7, "vfork() keeps the callee-saved registers, in the child and in the parent");
    is(status_of((pid_t)registers((void *)clone3, (long)&lent, sizeof lent)), 7, "clone3() with VM and VFORK keeps the callee-saved registers, in the child and in the parent");
    is(status_of((pid_t)registers((void *)syscall, SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD)), 7,
        "syscall(SYS_clone) with VM and VFORK keeps the callee-saved registers, in the child and in the parent");
#ifdef SYS_vfork
    is(status_of((pid_t)registers((void *)syscall, SYS_vfork, 0)), 7, "syscall(SYS_vfork) keeps the callee-saved registers, in the child and in the parent");
#endif
    return done();
}
