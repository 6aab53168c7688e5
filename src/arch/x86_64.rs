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
/// | rax, rdi rsi rdx r10 r8 | number and arguments, from the frame |
/// | r9 | the return address |
/// | rbx rbp r12–r15 | the caller's, never touched |
///
/// What the child sees: rax = 0, the stack as after a return, the direction flag as the
/// caller had it. It returns by a jump, not by `ret`: on a thread with a user shadow
/// stack, a `ret` would pop the shadow entry that the parent still needs, and the child's
/// next call would overwrite it.
///
/// The parent writes the return address back (the child may have used the
/// slot), lets `finish` set errno, and returns normally.
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
            ".pushsection .text.entry,\"ax\",@progbits",
            ".balign 16",
            $(
                concat!(".globl ", $vfork),
                concat!(".type ", $vfork, ",@function"),
                concat!($vfork, ":"),
            )+
            ".cfi_startproc",
            "endbr64",
            "mov eax, {entry_vfork}",
            "jmp 20f",
            ".cfi_endproc",
            $(concat!(".size ", $vfork, ", . - ", $vfork),)+

            ".balign 16",
            concat!(".globl ", $clone3),
            concat!(".type ", $clone3, ",@function"),
            concat!($clone3, ":"),
            ".cfi_startproc",
            "endbr64",
            "mov eax, {entry_clone3}",
            "jmp 20f",
            ".cfi_endproc",
            concat!(".size ", $clone3, ", . - ", $clone3),

            // syscall(): all numbers but four are passed to the next definition, the
            // libc's, or, where there is none, to the kernel. clone, fork and vfork are
            // neighbours: 56, 57, 58.
            ".balign 16",
            concat!(".globl ", $syscall),
            concat!(".type ", $syscall, ",@function"),
            concat!($syscall, ":"),
            ".cfi_startproc",
            "endbr64",
            "lea rax, [rdi - {nr_clone}]",
            "cmp rax, {nr_vfork} - {nr_clone}",
            "jbe 42f",
            "cmp rdi, {nr_clone3}",
            "je 42f",
            "mov rax, [rip + {libcs}]",
            "test rax, rax",
            "jz 40f",
            "jmp rax",
            "40:",
            "mov rax, rdi",
            "mov rdi, rsi",
            "mov rsi, rdx",
            "mov rdx, rcx",
            "mov r10, r8",
            "mov r8, r9",
            "mov r9, [rsp + 8]",
            "syscall",
            "cmp rax, -4095",
            "jae 41f",
            "ret",
            "41:",
            "mov rdi, rax",
            "jmp {fail}",
            "42:",
            "mov eax, {entry_syscall}",
            "jmp 20f",
            ".cfi_endproc",
            concat!(".size ", $syscall, ", . - ", $syscall),

            // The common part; rax is the entry.
            ".balign 16",
            ".type clone3_returns_twice,@function",
            "clone3_returns_twice:",
            ".cfi_startproc",
            "20:",
            "sub rsp, {frame}",
            ".cfi_def_cfa_offset {frame} + 8",
            "mov [rsp + {saved}], rdi",
            "mov [rsp + {saved} + 8], rsi",
            "mov [rsp + {saved} + 16], rdx",
            "mov [rsp + {saved} + 24], rcx",
            "mov [rsp + {saved} + 32], r8",
            "mov [rsp + {saved} + 40], r9",
            "mov rcx, [rsp + {frame} + 8]", // syscall()'s seventh argument
            "mov [rsp + {saved} + 48], rcx",
            "mov rdi, rsp",
            "mov esi, eax",
            "call {prepare}",
            "cmp eax, {verdict_twice}",
            "je 21f",
            "ja 23f",
            "mov rax, [rsp + {result}]",
            "add rsp, {frame}",
            ".cfi_def_cfa_offset 8",
            "ret",

            // Verdict::Twice: the system call that both return from.
            ".cfi_def_cfa_offset {frame} + 8",
            "21:",
            "mov r9, [rsp + {frame}]",
            ".cfi_register rip, r9",
            "mov rax, [rsp + {call}]",
            "mov rdi, [rsp + {call} + 8]",
            "mov rsi, [rsp + {call} + 16]",
            "mov rdx, [rsp + {call} + 24]",
            "mov r10, [rsp + {call} + 32]",
            "mov r8, [rsp + {call} + 40]",
            "syscall",
            "test rax, rax",
            "jz 22f",
            "mov [rsp + {frame}], r9",
            ".cfi_offset rip, -8",
            "mov rdi, rsp",
            "mov rsi, rax",
            "call {finish}",
            "test rdx, rdx",
            "jnz 21b",
            "add rsp, {frame}",
            ".cfi_def_cfa_offset 8",
            "ret",

            // The child: drop frame and return address, then jump.
            ".cfi_def_cfa_offset {frame} + 8",
            ".cfi_register rip, r9",
            "22:",
            "add rsp, {frame} + 8",
            ".cfi_def_cfa_offset 0",
            "notrack jmp r9",

            // Verdict::Untouched: restore all registers and the stack, then continue as
            // syscall() for the other numbers.
            ".cfi_def_cfa_offset {frame} + 8",
            ".cfi_offset rip, -8",
            "23:",
            "mov rdi, [rsp + {saved}]",
            "mov rsi, [rsp + {saved} + 8]",
            "mov rdx, [rsp + {saved} + 16]",
            "mov rcx, [rsp + {saved} + 24]",
            "mov r8, [rsp + {saved} + 32]",
            "mov r9, [rsp + {saved} + 40]",
            "add rsp, {frame}",
            ".cfi_def_cfa_offset 8",
            "jmp 40b",
            ".cfi_endproc",
            ".size clone3_returns_twice, . - clone3_returns_twice",
            ".popsection",
            entry_vfork = const $crate::arch::TwiceEntry::Vfork as usize,
            entry_clone3 = const $crate::arch::TwiceEntry::Clone3 as usize,
            entry_syscall = const $crate::arch::TwiceEntry::Syscall as usize,
            verdict_twice = const $crate::arch::Verdict::Twice as usize,
            nr_clone = const libc::SYS_clone,
            nr_vfork = const libc::SYS_vfork,
            nr_clone3 = const libc::SYS_clone3,
            // Off by eight, so that calls from here find rsp aligned to 16.
            frame = const core::mem::size_of::<$frame>().next_multiple_of(16) + 8,
            call = const $call,
            saved = const core::mem::offset_of!($crate::arch::TwiceFrame, saved),
            result = const core::mem::offset_of!($crate::arch::TwiceFrame, result),
            prepare = sym $prepare,
            finish = sym $finish,
            fail = sym $fail,
            libcs = sym $libcs,
        );
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
