// SPDX-License-Identifier: MIT OR Apache-2.0
//! The entries of aarch64 whose child returns on the caller's own stack.

/// Emits the entries whose child returns on the caller's own stack.
///
/// ```c
/// pid_t vfork(void);
/// pid_t clone3(struct clone_args *, size_t);
/// long  syscall(long number, ...);
/// ```
///
/// A child that shares memory returns first and overwrites the frame that its parent
/// still uses. So during the system call no state of the parent may be in memory below
/// the caller's stack pointer:
///
/// | register | over the system call |
/// |---|---|
/// | x8, x0–x4 | number and arguments, from the frame |
/// | x30 | the return address |
/// | x19–x29 | the caller's, never touched |
///
/// What the child sees: x0 = 0 and the stack as after a return. The parent
/// writes the return address back (the child may have used the slot), lets
/// `finish` set errno, and returns.
///
/// `returns_twice!(Frame, CALL, prepare, finish, fail, libcs; vfork = […], clone3 = …, syscall = …)`
/// with `extern "C" fn prepare(*mut Frame, TwiceEntry, usize) -> Verdict`, whose last
/// argument is the return address,
/// `extern "C" fn finish(*mut Frame, isize) -> Finish` and
/// `extern "C" fn fail(isize) -> isize` (stores errno, returns −1), and with a word
/// `libcs` that holds the address of the libc's own syscall(), or 0.
macro_rules! returns_twice {
    ($frame:ty, $call:path, $prepare:path, $finish:path, $fail:path, $libcs:path;
     vfork = [$($vfork:literal),+], clone3 = $clone3:literal, syscall = $syscall:literal) => {
        core::arch::global_asm!(
            ".pushsection .text.entry,\"ax\",%progbits",
            ".balign 16",
            $(
                concat!(".globl ", $vfork),
                concat!(".type ", $vfork, ",%function"),
                concat!($vfork, ":"),
            )+
            ".cfi_startproc",
            "hint #34",
            "mov w9, #{entry_vfork}",
            "b 20f",
            ".cfi_endproc",
            $(concat!(".size ", $vfork, ", . - ", $vfork),)+

            ".balign 16",
            concat!(".globl ", $clone3),
            concat!(".type ", $clone3, ",%function"),
            concat!($clone3, ":"),
            ".cfi_startproc",
            "hint #34",
            "mov w9, #{entry_clone3}",
            "b 20f",
            ".cfi_endproc",
            concat!(".size ", $clone3, ", . - ", $clone3),

            // syscall(): all numbers but two are passed to the next definition, the
            // libc's, or, where there is none, to the kernel. This architecture has
            // neither fork nor vfork.
            ".balign 16",
            concat!(".globl ", $syscall),
            concat!(".type ", $syscall, ",%function"),
            concat!($syscall, ":"),
            ".cfi_startproc",
            "hint #34",
            "cmp x0, #{nr_clone}",
            "b.eq 42f",
            "cmp x0, #{nr_clone3}",
            "b.eq 42f",
            "adrp x16, {libcs}",
            "ldr x16, [x16, :lo12:{libcs}]",
            "cbz x16, 40f",
            "br x16",
            "40:",
            "mov x8, x0",
            "mov x0, x1",
            "mov x1, x2",
            "mov x2, x3",
            "mov x3, x4",
            "mov x4, x5",
            "mov x5, x6",
            "svc #0",
            "cmn x0, #4095",
            "b.hs 41f",
            "ret",
            "41:",
            "b {fail}",
            "42:",
            "mov w9, #{entry_syscall}",
            "b 20f",
            ".cfi_endproc",
            concat!(".size ", $syscall, ", . - ", $syscall),

            // The common part; w9 is the entry.
            ".balign 16",
            ".type clone3_returns_twice,%function",
            "clone3_returns_twice:",
            ".cfi_startproc",
            "20:",
            "sub sp, sp, #{frame} + 16",
            ".cfi_def_cfa_offset {frame} + 16",
            "stp x29, x30, [sp, #{frame}]",
            ".cfi_offset x29, -16",
            ".cfi_offset x30, -8",
            "stp x0, x1, [sp, #{saved}]",
            "stp x2, x3, [sp, #{saved} + 16]",
            "stp x4, x5, [sp, #{saved} + 32]",
            "str x6, [sp, #{saved} + 48]",
            "add x29, sp, #{frame}",
            "mov x0, sp",
            "mov w1, w9",
            "mov x2, x30",
            "bl {prepare}",
            "cmp w0, #{verdict_twice}",
            "b.eq 21f",
            "b.hi 23f",
            "ldr x0, [sp, #{result}]",
            "ldp x29, x30, [sp, #{frame}]",
            ".cfi_remember_state",
            ".cfi_restore x29",
            ".cfi_restore x30",
            "add sp, sp, #{frame} + 16",
            ".cfi_def_cfa_offset 0",
            "ret",
            ".cfi_restore_state",

            // Verdict::Twice: the system call that both return from.
            "21:",
            "ldp x29, x30, [sp, #{frame}]",
            ".cfi_restore x29",
            ".cfi_restore x30",
            "ldr x8, [sp, #{call}]",
            "ldp x0, x1, [sp, #{call} + 8]",
            "ldp x2, x3, [sp, #{call} + 24]",
            "ldr x4, [sp, #{call} + 40]",
            "svc #0",
            "cbz x0, 22f",
            "stp x29, x30, [sp, #{frame}]",
            ".cfi_offset x29, -16",
            ".cfi_offset x30, -8",
            "add x29, sp, #{frame}",
            "mov x1, x0",
            "mov x0, sp",
            "bl {finish}",
            "cbnz x1, 21b",
            "ldp x29, x30, [sp, #{frame}]",
            ".cfi_restore x29",
            ".cfi_restore x30",
            "add sp, sp, #{frame} + 16",
            ".cfi_def_cfa_offset 0",
            "ret",

            // The child: drop the frame and return, by a jump where `ret` would pop the
            // guarded control stack that it shares with its parent (chkfeat clears bit 0
            // of x16 when that stack is on).
            ".cfi_def_cfa_offset {frame} + 16",
            "22:",
            "add sp, sp, #{frame} + 16",
            ".cfi_def_cfa_offset 0",
            "mov x16, #1",
            "hint #40",
            "cbz x16, 24f",
            "ret",
            "24:",
            "mov x16, x30",
            "br x16",

            // Verdict::Untouched: restore all registers and the stack, then continue as
            // syscall() for the other numbers.
            ".cfi_def_cfa_offset {frame} + 16",
            ".cfi_offset x29, -16",
            ".cfi_offset x30, -8",
            "23:",
            "ldp x0, x1, [sp, #{saved}]",
            "ldp x2, x3, [sp, #{saved} + 16]",
            "ldp x4, x5, [sp, #{saved} + 32]",
            "ldr x6, [sp, #{saved} + 48]",
            "ldp x29, x30, [sp, #{frame}]",
            ".cfi_restore x29",
            ".cfi_restore x30",
            "add sp, sp, #{frame} + 16",
            ".cfi_def_cfa_offset 0",
            "b 40b",
            ".cfi_endproc",
            ".size clone3_returns_twice, . - clone3_returns_twice",
            ".popsection",
            entry_vfork = const $crate::arch::TwiceEntry::Vfork as usize,
            entry_clone3 = const $crate::arch::TwiceEntry::Clone3 as usize,
            entry_syscall = const $crate::arch::TwiceEntry::Syscall as usize,
            verdict_twice = const $crate::arch::Verdict::Twice as usize,
            nr_clone = const libc::SYS_clone,
            nr_clone3 = const libc::SYS_clone3,
            frame = const core::mem::size_of::<$frame>().next_multiple_of(16),
            call = const $call,
            saved = const core::mem::offset_of!($crate::arch::TwiceFrame, saved),
            result = const core::mem::offset_of!($crate::arch::TwiceFrame, result),
            prepare = sym $prepare,
            finish = sym $finish,
            fail = sym $fail,
            libcs = sym $libcs,
        );
        // stp reaches 504 bytes.
        const _: () = assert!(core::mem::size_of::<$frame>() <= 496);
    };
}
pub(crate) use returns_twice;
