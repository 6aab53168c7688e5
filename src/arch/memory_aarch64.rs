// SPDX-License-Identifier: MIT OR Apache-2.0
//! The four functions that compilers call implicitly, for this library only: the libc's
//! would be a dependency. They are hidden, and local in the archive, so that no program
//! uses them in place of its libc's.
//!
//! ```c
//! void *memcpy(void *to, const void *from, size_t n);   // x0 x1 x2 → x0
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
    "sub x3, x0, x1",
    "cmp x3, x2",
    "b.hs 2f", // no byte is overwritten before it is read
    "1:",      // from the last byte down
    "cbz x2, 3f",
    "sub x2, x2, #1",
    "ldrb w4, [x1, x2]",
    "strb w4, [x0, x2]",
    "b 1b",
    "3:",
    "ret",
    ".cfi_endproc",
    ".size memmove, . - memmove",
    "memcpy:",
    ".cfi_startproc",
    "2:",
    "mov x3, #0",
    "4:",
    "cmp x3, x2",
    "b.eq 5f",
    "ldrb w4, [x1, x3]",
    "strb w4, [x0, x3]",
    "add x3, x3, #1",
    "b 4b",
    "5:",
    "ret",
    ".cfi_endproc",
    ".size memcpy, . - memcpy",
    "memset:",
    ".cfi_startproc",
    "6:",
    "cbz x2, 7f",
    "sub x2, x2, #1",
    "strb w1, [x0, x2]",
    "b 6b",
    "7:",
    "ret",
    ".cfi_endproc",
    ".size memset, . - memset",
    "memcmp:",
    "bcmp:",
    ".cfi_startproc",
    "mov x3, #0",
    "8:",
    "cmp x3, x2",
    "b.eq 9f",
    "ldrb w4, [x0, x3]",
    "ldrb w5, [x1, x3]",
    "add x3, x3, #1",
    "subs w4, w4, w5",
    "b.eq 8b",
    "mov w0, w4",
    "ret",
    "9:",
    "mov w0, #0",
    "ret",
    ".cfi_endproc",
    ".size memcmp, . - memcmp",
    ".size bcmp, . - bcmp",
    ".popsection",
);
