// SPDX-License-Identifier: MIT OR Apache-2.0
//! The four functions that compilers call implicitly, for this library only: the libc's
//! would be a dependency. They are hidden, and local in the archive, so that no program
//! uses them in place of its libc's.
//!
//! ```c
//! void *memcpy(void *to, const void *from, size_t n);   // rdi rsi rdx → rax
//! void *memmove(void *to, const void *from, size_t n);
//! void *memset(void *to, int byte, size_t n);
//! int   memcmp(const void *a, const void *b, size_t n); // and bcmp
//! ```
//!
//! Small rather than fast: the objects here have about a hundred bytes. Leaf functions
//! without a frame; the direction flag is clear on entry (psABI).

core::arch::global_asm!(
    ".pushsection .text.memory,\"ax\",@progbits",
    ".hidden memcpy, memmove, memset, memcmp, bcmp",
    ".globl memcpy, memmove, memset, memcmp, bcmp",
    ".type memcpy,@function",
    ".type memmove,@function",
    ".type memset,@function",
    ".type memcmp,@function",
    ".type bcmp,@function",
    ".balign 16",
    "memmove:",
    ".cfi_startproc",
    "mov rax, rdi",
    "mov rcx, rdi",
    "sub rcx, rsi",
    "cmp rcx, rdx",
    "jae 2f", // no byte is overwritten before it is read
    "test rdx, rdx",
    "jz 3f",
    "1:", // from the last byte down
    "mov cl, [rsi + rdx - 1]",
    "mov [rdi + rdx - 1], cl",
    "dec rdx",
    "jnz 1b",
    "ret",
    ".cfi_endproc",
    ".size memmove, . - memmove",
    "memcpy:",
    ".cfi_startproc",
    "mov rax, rdi",
    "2:",
    "mov rcx, rdx",
    "rep movsb",
    "3:",
    "ret",
    ".cfi_endproc",
    ".size memcpy, . - memcpy",
    "memset:",
    ".cfi_startproc",
    "mov r8, rdi",
    "mov eax, esi",
    "mov rcx, rdx",
    "rep stosb",
    "mov rax, r8",
    "ret",
    ".cfi_endproc",
    ".size memset, . - memset",
    "memcmp:",
    "bcmp:",
    ".cfi_startproc",
    "xor ecx, ecx",
    "4:",
    "cmp rcx, rdx",
    "je 5f",
    "movzx eax, byte ptr [rdi + rcx]",
    "movzx r8d, byte ptr [rsi + rcx]",
    "inc rcx",
    "sub eax, r8d",
    "jz 4b",
    "ret",
    "5:",
    "xor eax, eax",
    "ret",
    ".cfi_endproc",
    ".size memcmp, . - memcmp",
    ".size bcmp, . - bcmp",
    ".popsection",
);
