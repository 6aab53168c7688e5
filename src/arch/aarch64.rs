// SPDX-License-Identifier: MIT OR Apache-2.0
//! aarch64.
//!
//! System calls: number in x8, arguments in x0 to x5, result in x0; the kernel
//! keeps every other register, in the parent and in the child alike.

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
            "svc #0",
            in("x8") nr,
            inlateout("x0") args[0] as isize => result,
            in("x1") args[1],
            in("x2") args[2],
            in("x3") args[3],
            in("x4") args[4],
            in("x5") args[5],
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

/// Whether this thread runs on a guarded control stack (Linux 6.13).
pub fn shadow_stack_active() -> bool {
    let features: usize;
    // SAFETY: chkfeat x16 is a hint; where it is unknown x16 keeps its value,
    // where it is known bit 0 is cleared when the control stack is on.
    unsafe {
        asm!("mov x16, #1", "hint #40", out("x16") features, options(nostack, nomem));
    }
    features == 0
}

/// The thread pointer. TLS is above it, the libc's TCB below.
pub fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: reads a register.
    unsafe {
        asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, nomem, preserves_flags));
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
            "cbz x1, 2f",
            "mov x8, #{nr_munmap}",
            "svc #0",
            "2:",
            "cbz x10, 3f",
            "mov x0, x9",
            "mov x1, x10",
            "mov x2, x11",
            "mov x8, #{nr_madvise}",
            "cbnz x2, 4f",
            // 0: PROT_NONE
            "mov x3, #{flags}",
            "mov x4, #-1",
            "mov x5, #0",
            "mov x8, #{nr_mmap}",
            "4:",
            "svc #0",
            "3:",
            "mov x0, #0",
            "mov x8, #{nr_exit}",
            "svc #0",
            "brk #1",
            nr_munmap = const libc::SYS_munmap,
            nr_madvise = const libc::SYS_madvise,
            nr_mmap = const libc::SYS_mmap,
            nr_exit = const libc::SYS_exit,
            flags = const super::EMPTY_MAPPING,
            in("x0") unmapped[0],
            in("x1") unmapped[1],
            in("x9") emptied[0],
            in("x10") emptied[1],
            in("x11") how as usize,
            options(noreturn, nostack),
        )
    }
}

/// Kills the process by a breakpoint instruction.
pub fn trap() -> ! {
    // SAFETY: without a debugger brk does not return.
    unsafe { asm!("brk #1", options(noreturn, nostack)) }
}

/// Emits functions that begin with a landing pad (`bti c`, written as a hint, so that
/// every assembler accepts it) and jump to one Rust function of the same C prototype.
///
/// `entry!("name", "alias" => function)`
macro_rules! entry {
    ($($name:expr),+ => $function:path) => {
        core::arch::global_asm!(
            concat!(".pushsection .text.entry", $(".", $name,)+ ",\"ax\",%progbits"),
            ".balign 16",
            $(
                concat!(".globl ", $name),
                concat!(".type ", $name, ",%function"),
                concat!($name, ":"),
            )+
            ".cfi_startproc",
            "hint #34",
            "b {function}",
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
/// | x8, x0–x4 | number and arguments |
/// | x19 | fn |
/// | x20 | arg |
/// | x21 | setup_argument, or 0 for no set-up |
/// | x29 | the parent's frame, by which both unwind until the child has its own |
///
/// What the child sees: its stack pointer aligned to 16, x29 and x30 zero, no return
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
            "stp x29, x30, [sp, #-48]!",
            ".cfi_def_cfa_offset 48",
            ".cfi_offset x29, -48",
            ".cfi_offset x30, -40",
            "stp x19, x20, [sp, #16]",
            ".cfi_offset x19, -32",
            ".cfi_offset x20, -24",
            "str x21, [sp, #32]",
            ".cfi_offset x21, -16",
            "mov x29, sp",
            ".cfi_def_cfa_register x29",
            "mov x19, x1",
            "mov x20, x2",
            "mov x21, x3",
            "mov x9, x0",
            "ldr x8, [x9]",
            "ldp x0, x1, [x9, #8]",
            "ldp x2, x3, [x9, #24]",
            "ldr x4, [x9, #40]",
            "svc #0",
            "cbz x0, 30f",
            "ldr x21, [sp, #32]",
            ".cfi_restore x21",
            "ldp x19, x20, [sp, #16]",
            ".cfi_restore x19",
            ".cfi_restore x20",
            "ldp x29, x30, [sp], #48",
            ".cfi_restore x29",
            ".cfi_restore x30",
            ".cfi_def_cfa sp, 0",
            "ret",
            ".cfi_endproc",

            ".cfi_startproc",
            ".cfi_undefined x30",
            "30:",
            "mov x29, #0",
            "mov x30, #0",
            "mov x9, sp",
            "and sp, x9, #-16",
            "cbz x21, 31f",
            "mov x0, x21",
            "bl {setup}",
            "31:",
            "mov x0, x20",
            "blr x19",
            "mov x8, #{nr_exit}",
            "svc #0",
            "brk #1",
            ".cfi_endproc",
            concat!(".size ", $name, ", . - ", $name),
            ".popsection",
            nr_exit = const libc::SYS_exit,
            setup = sym $setup,
        );
    };
}
pub(crate) use trampoline;
