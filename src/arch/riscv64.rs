// SPDX-License-Identifier: MIT OR Apache-2.0
//! riscv64.
//!
//! System calls: number in a7, arguments in a0 to a5, result in a0; the kernel keeps
//! every other register, in the parent and in the child alike, except those of the vector
//! extension, which a system call clobbers.
//!
//! Two extensions guard control flow, both off in a program as long as one of
//! its objects is not marked for them, as this library is not:
//!
//! - Zicfilp requires a landing pad at the target of an indirect jump, unless the jump is
//!   by ra, t0 or t2. The entries have one, and jump by t2.
//! - Zicfiss keeps return addresses on a shadow stack, by separate instructions. The
//!   assembly here has none of them, so it neither pushes nor pops there, and every
//!   return is a plain jump.

use super::Emptying;
use core::arch::asm;
use core::ffi::c_long;

/// Makes a system call; returns the kernel's raw result.
///
/// # Safety
/// Number and arguments must be safe to hand to the kernel. A call that comes
/// back twice may only do so in a copy of the caller's memory.
#[inline(always)]
pub unsafe fn syscall(nr: c_long, args: [usize; 6]) -> isize {
    let result: isize;
    // SAFETY: the registers are used as this file says; the rest by the contract.
    unsafe {
        asm!(
            "ecall",
            in("a7") nr,
            inlateout("a0") args[0] as isize => result,
            in("a1") args[1],
            in("a2") args[2],
            in("a3") args[3],
            in("a4") args[4],
            in("a5") args[5],
            lateout("v0") _, lateout("v1") _, lateout("v2") _, lateout("v3") _,
            lateout("v4") _, lateout("v5") _, lateout("v6") _, lateout("v7") _,
            lateout("v8") _, lateout("v9") _, lateout("v10") _, lateout("v11") _,
            lateout("v12") _, lateout("v13") _, lateout("v14") _, lateout("v15") _,
            lateout("v16") _, lateout("v17") _, lateout("v18") _, lateout("v19") _,
            lateout("v20") _, lateout("v21") _, lateout("v22") _, lateout("v23") _,
            lateout("v24") _, lateout("v25") _, lateout("v26") _, lateout("v27") _,
            lateout("v28") _, lateout("v29") _, lateout("v30") _, lateout("v31") _,
            options(nostack),
        );
    }
    result
}

/// The arguments of clone(2) in this architecture's order
/// (CONFIG_CLONE_BACKWARDS: tls before child_tid).
pub fn legacy_clone_order(
    flags: usize,
    stack: usize,
    parent_tid: usize,
    child_tid: usize,
    tls: usize,
) -> [usize; 5] {
    [flags, stack, parent_tid, tls, child_tid]
}

/// Whether this thread runs on a shadow stack (Zicfiss, Linux 7.0).
///
/// The kernel is asked, because the instruction that reads the shadow stack pointer is
/// illegal on processors without Zimop. A kernel that does not know this prctl(2) does
/// not support shadow stacks either.
pub fn shadow_stack_active() -> bool {
    const PR_GET_SHADOW_STACK_STATUS: usize = 74;
    const PR_SHADOW_STACK_ENABLE: usize = 1;
    let mut status: usize = 0;
    let place = &raw mut status as usize;
    // SAFETY: writes at most one word, to a local variable.
    let asked =
        unsafe { syscall(libc::SYS_prctl, [PR_GET_SHADOW_STACK_STATUS, place, 0, 0, 0, 0]) };
    asked == 0 && status & PR_SHADOW_STACK_ENABLE != 0
}

/// The thread pointer. TLS is above it, the libc's TCB below.
pub fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: reads a register.
    unsafe {
        asm!("mv {}, tp", out(reg) pointer, options(nostack, nomem, preserves_flags));
    }
    pointer
}

/// Ends the calling task after releasing memory that may contain its own stack.
///
/// munmap(2) takes `unmapped`, and `emptied` is emptied as [`Emptying`] says. Both
/// are an address and a length, and nothing is done for a length of 0. No
/// instruction after the first uses a stack.
///
/// # Safety
/// No other thread may use the memory; all signals must be blocked, as no handler
/// could run.
pub unsafe fn exit_without_stack(unmapped: [usize; 2], emptied: [usize; 2], how: Emptying) -> ! {
    // SAFETY: by the contract; it does not return.
    unsafe {
        asm!(
            "beqz a1, 2f",
            "li a7, {nr_munmap}",
            "ecall",
            "2:",
            "beqz t1, 3f",
            "mv a0, t0",
            "mv a1, t1",
            "mv a2, t2",
            "li a7, {nr_madvise}",
            "bnez a2, 4f",
            // 0: PROT_NONE
            "li a3, {flags}",
            "li a4, -1",
            "li a5, 0",
            "li a7, {nr_mmap}",
            "4:",
            "ecall",
            "3:",
            "li a0, 0",
            "li a7, {nr_exit}",
            "ecall",
            "ebreak",
            nr_munmap = const libc::SYS_munmap,
            nr_madvise = const libc::SYS_madvise,
            nr_mmap = const libc::SYS_mmap,
            nr_exit = const libc::SYS_exit,
            flags = const super::EMPTY_MAPPING,
            in("a0") unmapped[0],
            in("a1") unmapped[1],
            in("t0") emptied[0],
            in("t1") emptied[1],
            in("t2") how as usize,
            options(noreturn, nostack),
        )
    }
}

/// Kills the process by a breakpoint instruction.
pub fn trap() -> ! {
    // SAFETY: without a debugger ebreak does not return.
    unsafe { asm!("ebreak", options(noreturn, nostack)) }
}

/// Emits functions that begin with a landing pad (`lpad 0`, written as the no-op that it
/// is elsewhere, so that every assembler accepts it) and jump to one Rust function of the
/// same C prototype. The jump reaches 2 GiB and clobbers t2.
///
/// `entry!("name", "alias" => function)`
macro_rules! entry {
    ($($name:expr),+ => $function:path) => {
        core::arch::global_asm!(
            ".pushsection .text.entry,\"ax\",%progbits",
            ".balign 16",
            $(
                concat!(".globl ", $name),
                concat!(".type ", $name, ",%function"),
                concat!($name, ":"),
            )+
            ".cfi_startproc",
            "auipc zero, 0",
            "jump {function}, t2",
            ".cfi_endproc",
            $(concat!(".size ", $name, ", . - ", $name),)+
            ".popsection",
            function = sym $function,
        );
    };
}
pub(crate) use entry;

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
/// with `extern "C" fn prepare(*mut Frame, TwiceEntry) -> Verdict`,
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

/// Emits the call whose child runs a function and exits.
///
/// ```c
/// long start_task(const struct Syscall *call, int (*fn)(void *), void *arg,
///                 const void *setup_argument);
/// ```
///
/// | register | over the system call |
/// |---|---|
/// | a7, a0–a4 | number and arguments |
/// | s1 | fn |
/// | s2 | arg |
/// | s3 | setup_argument, or 0 for no set-up |
/// | s0 | the parent's frame, by which both unwind until the child has its own |
///
/// What the child sees: its stack pointer aligned to 16, s0 and ra zero, no return
/// address (the FDE says so, and unwinders stop). With a setup_argument it calls
/// `setup(setup_argument)` first. It ends by exit(2), which ends this task only.
///
/// The parent gets the raw result. The child never returns here, so the frame of the
/// parent survives even where they share the stack: the child runs below it.
///
/// `trampoline!("name", setup)` with `extern "C" fn setup(*const c_void)`
macro_rules! trampoline {
    ($name:literal, $setup:path) => {
        core::arch::global_asm!(
            ".pushsection .text.entry,\"ax\",%progbits",
            ".balign 16",
            concat!(".hidden ", $name),
            concat!(".globl ", $name),
            concat!(".type ", $name, ",%function"),
            concat!($name, ":"),
            ".cfi_startproc",
            "addi sp, sp, -48",
            ".cfi_def_cfa_offset 48",
            "sd ra, 40(sp)",
            "sd s0, 32(sp)",
            "sd s1, 24(sp)",
            "sd s2, 16(sp)",
            "sd s3, 8(sp)",
            ".cfi_offset ra, -8",
            ".cfi_offset s0, -16",
            ".cfi_offset s1, -24",
            ".cfi_offset s2, -32",
            ".cfi_offset s3, -40",
            "addi s0, sp, 48",
            ".cfi_def_cfa s0, 0",
            "mv s1, a1",
            "mv s2, a2",
            "mv s3, a3",
            "mv t0, a0",
            "ld a7, 0(t0)",
            "ld a0, 8(t0)",
            "ld a1, 16(t0)",
            "ld a2, 24(t0)",
            "ld a3, 32(t0)",
            "ld a4, 40(t0)",
            "ecall",
            "beqz a0, 30f",
            ".cfi_def_cfa sp, 48",
            "ld s3, 8(sp)",
            "ld s2, 16(sp)",
            "ld s1, 24(sp)",
            "ld s0, 32(sp)",
            "ld ra, 40(sp)",
            ".cfi_restore s3",
            ".cfi_restore s2",
            ".cfi_restore s1",
            ".cfi_restore s0",
            ".cfi_restore ra",
            "addi sp, sp, 48",
            ".cfi_def_cfa_offset 0",
            "ret",
            ".cfi_endproc",

            ".cfi_startproc",
            ".cfi_undefined ra",
            "30:",
            "mv s0, zero",
            "mv ra, zero",
            "andi sp, sp, -16",
            "beqz s3, 31f",
            "mv a0, s3",
            "call {setup}",
            "31:",
            "mv a0, s2",
            "jalr s1",
            "li a7, {nr_exit}",
            "ecall",
            "ebreak",
            ".cfi_endproc",
            concat!(".size ", $name, ", . - ", $name),
            ".popsection",
            nr_exit = const libc::SYS_exit,
            setup = sym $setup,
        );
    };
}
pub(crate) use trampoline;
