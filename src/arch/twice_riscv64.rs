// SPDX-License-Identifier: MIT OR Apache-2.0
//! The entries of riscv64 whose child returns on the caller's own stack.

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
/// | a7, a0–a4 | number and arguments, from the frame |
/// | ra | the return address |
/// | s0–s11 | the caller's (s0 has been restored) |
///
/// What the child sees: a0 = 0 and the stack as after a return. It returns by the same
/// instructions as its parent: they do not pop the shadow stack, which both share. The
/// parent writes the return address back (the child may have used the slot), lets
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
            "auipc zero, 0",
            "li t0, {entry_vfork}",
            "j 20f",
            ".cfi_endproc",
            $(concat!(".size ", $vfork, ", . - ", $vfork),)+

            ".balign 16",
            concat!(".globl ", $clone3),
            concat!(".type ", $clone3, ",%function"),
            concat!($clone3, ":"),
            ".cfi_startproc",
            "auipc zero, 0",
            "li t0, {entry_clone3}",
            "j 20f",
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
            "auipc zero, 0",
            "li t0, {nr_clone}",
            "beq a0, t0, 42f",
            "li t0, {nr_clone3}",
            "beq a0, t0, 42f",
            "lla t2, {libcs}",
            "ld t2, 0(t2)",
            "beqz t2, 40f",
            "jr t2",
            "40:",
            "mv a7, a0",
            "mv a0, a1",
            "mv a1, a2",
            "mv a2, a3",
            "mv a3, a4",
            "mv a4, a5",
            "mv a5, a6",
            "ecall",
            "li t0, -4095",
            "bgeu a0, t0, 41f",
            "ret",
            "41:",
            "jump {fail}, t2",
            "42:",
            "li t0, {entry_syscall}",
            "j 20f",
            ".cfi_endproc",
            concat!(".size ", $syscall, ", . - ", $syscall),

            // The common part; t0 is the entry.
            ".balign 16",
            ".type clone3_returns_twice,%function",
            "clone3_returns_twice:",
            ".cfi_startproc",
            "20:",
            "addi sp, sp, -{frame} - 16",
            ".cfi_def_cfa_offset {frame} + 16",
            "sd ra, {frame} + 8(sp)",
            "sd s0, {frame}(sp)",
            ".cfi_offset ra, -8",
            ".cfi_offset s0, -16",
            "sd a0, {saved}(sp)",
            "sd a1, {saved} + 8(sp)",
            "sd a2, {saved} + 16(sp)",
            "sd a3, {saved} + 24(sp)",
            "sd a4, {saved} + 32(sp)",
            "sd a5, {saved} + 40(sp)",
            "sd a6, {saved} + 48(sp)",
            "addi s0, sp, {frame} + 16",
            "mv a0, sp",
            "mv a1, t0",
            "mv a2, ra",
            "call {prepare}",
            "li t0, {verdict_twice}",
            "beq a0, t0, 21f",
            "bgtu a0, t0, 23f",
            "ld a0, {result}(sp)",
            "ld ra, {frame} + 8(sp)",
            "ld s0, {frame}(sp)",
            ".cfi_remember_state",
            ".cfi_restore ra",
            ".cfi_restore s0",
            "addi sp, sp, {frame} + 16",
            ".cfi_def_cfa_offset 0",
            "ret",
            ".cfi_restore_state",

            // Verdict::Twice: the system call that both return from.
            "21:",
            "ld ra, {frame} + 8(sp)",
            "ld s0, {frame}(sp)",
            ".cfi_restore ra",
            ".cfi_restore s0",
            "ld a7, {call}(sp)",
            "ld a0, {call} + 8(sp)",
            "ld a1, {call} + 16(sp)",
            "ld a2, {call} + 24(sp)",
            "ld a3, {call} + 32(sp)",
            "ld a4, {call} + 40(sp)",
            "ecall",
            "beqz a0, 22f",
            "sd ra, {frame} + 8(sp)",
            "sd s0, {frame}(sp)",
            ".cfi_offset ra, -8",
            ".cfi_offset s0, -16",
            "addi s0, sp, {frame} + 16",
            "mv a1, a0",
            "mv a0, sp",
            "call {finish}",
            "bnez a1, 21b",
            "ld ra, {frame} + 8(sp)",
            "ld s0, {frame}(sp)",
            ".cfi_restore ra",
            ".cfi_restore s0",
            "22:", // the child's return, and the end of its parent's
            "addi sp, sp, {frame} + 16",
            ".cfi_def_cfa_offset 0",
            "ret",

            // Verdict::Untouched: restore all registers and the stack, then continue as
            // syscall() for the other numbers.
            ".cfi_def_cfa_offset {frame} + 16",
            ".cfi_offset ra, -8",
            ".cfi_offset s0, -16",
            "23:",
            "ld a0, {saved}(sp)",
            "ld a1, {saved} + 8(sp)",
            "ld a2, {saved} + 16(sp)",
            "ld a3, {saved} + 24(sp)",
            "ld a4, {saved} + 32(sp)",
            "ld a5, {saved} + 40(sp)",
            "ld a6, {saved} + 48(sp)",
            "ld ra, {frame} + 8(sp)",
            "ld s0, {frame}(sp)",
            ".cfi_restore ra",
            ".cfi_restore s0",
            "addi sp, sp, {frame} + 16",
            ".cfi_def_cfa_offset 0",
            "j 40b",
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
        // addi reaches from -2048 to 2047.
        const _: () = assert!(core::mem::size_of::<$frame>() <= 2016);
    };
}
pub(crate) use returns_twice;
