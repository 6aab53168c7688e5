// SPDX-License-Identifier: MIT OR Apache-2.0
//! The four functions that compilers call implicitly, for this library only: the libc's
//! would be a dependency. They are hidden, and local in the archive, so that no program
//! uses them in place of its libc's.
//!
//! ```c
//! void *memcpy(void *to, const void *from, size_t n);   // a0 a1 a2 → a0
//! void *memmove(void *to, const void *from, size_t n);
//! void *memset(void *to, int byte, size_t n);
//! int   memcmp(const void *a, const void *b, size_t n); // and bcmp
//! ```
//!
//! Small rather than fast: the objects here have about a hundred bytes. Leaf functions
//! without a frame.

core::arch::global_asm!(
    ".pushsection .text.memory,\"ax\",%progbits",
    ".hidden memcpy, memmove, memset, memcmp, bcmp",
    ".globl memcpy, memmove, memset, memcmp, bcmp",
    ".type memcpy,%function",
    ".type memmove,%function",
    ".type memset,%function",
    ".type memcmp,%function",
    ".type bcmp,%function",
    ".balign 16",
    "memmove:",
    ".cfi_startproc",
    "sub t0, a0, a1",
    "bgeu t0, a2, 2f", // no byte is overwritten before it is read
    "add t0, a0, a2",
    "add a1, a1, a2",
    "1:", // from the last byte down
    "beq t0, a0, 3f",
    "addi t0, t0, -1",
    "addi a1, a1, -1",
    "lbu t1, 0(a1)",
    "sb t1, 0(t0)",
    "j 1b",
    "3:",
    "ret",
    ".cfi_endproc",
    ".size memmove, . - memmove",
    "memcpy:",
    ".cfi_startproc",
    "2:",
    "mv t0, a0",
    "add a2, a2, a0", // where to stop
    "4:",
    "beq t0, a2, 5f",
    "lbu t1, 0(a1)",
    "sb t1, 0(t0)",
    "addi t0, t0, 1",
    "addi a1, a1, 1",
    "j 4b",
    "5:",
    "ret",
    ".cfi_endproc",
    ".size memcpy, . - memcpy",
    "memset:",
    ".cfi_startproc",
    "mv t0, a0",
    "add a2, a2, a0",
    "6:",
    "beq t0, a2, 7f",
    "sb a1, 0(t0)",
    "addi t0, t0, 1",
    "j 6b",
    "7:",
    "ret",
    ".cfi_endproc",
    ".size memset, . - memset",
    "memcmp:",
    "bcmp:",
    ".cfi_startproc",
    "add a2, a2, a0",
    "8:",
    "beq a0, a2, 9f",
    "lbu t0, 0(a0)",
    "lbu t1, 0(a1)",
    "addi a0, a0, 1",
    "addi a1, a1, 1",
    "beq t0, t1, 8b",
    "sub a0, t0, t1",
    "ret",
    "9:",
    "mv a0, zero",
    "ret",
    ".cfi_endproc",
    ".size memcmp, . - memcmp",
    ".size bcmp, . - bcmp",
    ".popsection",
);
