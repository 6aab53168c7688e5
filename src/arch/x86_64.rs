// SPDX-License-Identifier: MIT OR Apache-2.0
//! x86_64.
//!
//! System calls: number in rax, arguments in rdi rsi rdx r10 r8 r9, result in
//! rax; the kernel overwrites rcx and r11 and keeps every other register, in
//! the parent and in the child alike (System V psABI, A.2.1).

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
            "syscall",
            inlateout("rax") nr as isize => result,
            in("rdi") args[0],
            in("rsi") args[1],
            in("rdx") args[2],
            in("r10") args[3],
            in("r8") args[4],
            in("r9") args[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// The arguments of clone(2) in this architecture's order.
pub fn legacy_clone_order(
    flags: usize,
    stack: usize,
    parent_tid: usize,
    child_tid: usize,
    tls: usize,
) -> [usize; 5] {
    [flags, stack, parent_tid, child_tid, tls]
}

/// Whether this thread runs on a user shadow stack (Linux 6.6).
pub fn shadow_stack_active() -> bool {
    let pointer: usize;
    // SAFETY: rdssp is a no-op that leaves its register alone where shadow
    // stacks are off or unknown.
    unsafe {
        asm!("xor {0:e}, {0:e}", "rdsspq {0}", out(reg) pointer, options(nostack, nomem));
    }
    pointer != 0
}

/// The thread pointer: on this architecture the TCB's first word repeats it.
pub fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: both C libraries keep the pointer itself at fs:0, as the TLS ABI
    // demands; a thread without TLS cannot have called a C function.
    unsafe {
        asm!("mov {}, fs:0", out(reg) pointer, options(nostack, readonly, preserves_flags));
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
            "test rsi, rsi",
            "jz 2f",
            "mov eax, {nr_munmap}",
            "syscall",
            "2:",
            "test r13, r13",
            "jz 3f",
            "mov rdi, r12",
            "mov rsi, r13",
            "mov edx, r14d",
            "mov eax, {nr_madvise}",
            "test edx, edx",
            "jnz 4f",
            // 0: PROT_NONE
            "mov r10d, {flags}",
            "mov r8, -1",
            "xor r9d, r9d",
            "mov eax, {nr_mmap}",
            "4:",
            "syscall",
            "3:",
            "xor edi, edi",
            "mov eax, {nr_exit}",
            "syscall",
            "ud2",
            nr_munmap = const libc::SYS_munmap,
            nr_madvise = const libc::SYS_madvise,
            nr_mmap = const libc::SYS_mmap,
            nr_exit = const libc::SYS_exit,
            flags = const super::EMPTY_MAPPING,
            in("rdi") unmapped[0],
            in("rsi") unmapped[1],
            in("r12") emptied[0],
            in("r13") emptied[1],
            in("r14") how as usize,
            options(noreturn, nostack),
        )
    }
}

/// Kills the process by an illegal instruction.
pub fn trap() -> ! {
    // SAFETY: ud2 does not return.
    unsafe { asm!("ud2", options(noreturn, nostack)) }
}

/// Emits functions that begin with a landing pad (`endbr64`) and jump to one Rust
/// function of the same C prototype.
///
/// `entry!("name", "alias" => function)`
macro_rules! entry {
    ($($name:expr),+ => $function:path) => {
        core::arch::global_asm!(
            concat!(".pushsection .text.entry", $(".", $name,)+ ",\"ax\",@progbits"),
            ".balign 16",
            $(
                concat!(".globl ", $name),
                concat!(".type ", $name, ",@function"),
                concat!($name, ":"),
            )+
            ".cfi_startproc",
            "endbr64",
            "jmp {function}",
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
/// | rax, rdi rsi rdx r10 r8 | number and arguments |
/// | rbx | fn |
/// | r12 | arg |
/// | r13 | setup_argument, or 0 for no set-up |
/// | rbp | the parent's frame, by which both unwind until the child has its own |
///
/// What the child sees: its stack pointer aligned to 16 before the call of fn, rbp zero,
/// the direction flag clear, no return address (the FDE says so, and unwinders stop).
/// With a setup_argument it calls `setup(setup_argument)` first. It ends by exit(2),
/// which ends this task only.
///
/// The parent gets the raw result. The child never returns here, so the frame of the
/// parent survives even where they share the stack: the child runs below it.
///
/// `trampoline!("name", setup)` with `extern "C" fn setup(*const c_void)`
macro_rules! trampoline {
    ($name:literal, $setup:path) => {
        core::arch::global_asm!(
            ".pushsection .text.entry,\"ax\",@progbits",
            ".balign 16",
            concat!(".hidden ", $name),
            concat!(".globl ", $name),
            concat!(".type ", $name, ",@function"),
            concat!($name, ":"),
            ".cfi_startproc",
            "push rbp",
            ".cfi_def_cfa_offset 16",
            ".cfi_offset rbp, -16",
            "mov rbp, rsp",
            ".cfi_def_cfa_register rbp",
            "push rbx",
            ".cfi_offset rbx, -24",
            "push r12",
            ".cfi_offset r12, -32",
            "push r13",
            ".cfi_offset r13, -40",
            "mov rbx, rsi",
            "mov r12, rdx",
            "mov r13, rcx",
            "mov rax, [rdi]",
            "mov rsi, [rdi + 16]",
            "mov rdx, [rdi + 24]",
            "mov r10, [rdi + 32]",
            "mov r8, [rdi + 40]",
            "mov rdi, [rdi + 8]",
            "syscall",
            "test rax, rax",
            "jz 30f",
            "pop r13",
            "pop r12",
            "pop rbx",
            "pop rbp",
            ".cfi_def_cfa rsp, 8",
            "ret",
            ".cfi_endproc",

            ".cfi_startproc",
            ".cfi_undefined rip",
            "30:",
            "cld",
            "xor ebp, ebp",
            "and rsp, -16",
            "test r13, r13",
            "jz 31f",
            "mov rdi, r13",
            "call {setup}",
            "31:",
            "mov rdi, r12",
            "call rbx",
            "mov edi, eax",
            "mov eax, {nr_exit}",
            "syscall",
            "ud2",
            ".cfi_endproc",
            concat!(".size ", $name, ", . - ", $name),
            ".popsection",
            nr_exit = const libc::SYS_exit,
            setup = sym $setup,
        );
    };
}
pub(crate) use trampoline;
