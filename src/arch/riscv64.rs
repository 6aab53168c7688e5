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
