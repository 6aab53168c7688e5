// SPDX-License-Identifier: MIT OR Apache-2.0
//! i686, by `int 0x80`: the faster system call instructions are used through the vDSO,
//! whose code returns through the stack, which a child that shares the stack must not do.
//!
//! System calls: number in eax, arguments in ebx ecx edx esi edi ebp, result in eax; the
//! kernel keeps every other register, in the parent and in the child alike, those of SSE
//! among them. SSE registers are caller-saved (System V psABI, i386), so they can hold
//! what must not be in memory.

use super::Emptying;
use core::arch::{asm, global_asm};
use core::ffi::c_long;

/// The calls made here that use a sixth argument.
const WITH_SIX: [c_long; 4] =
    [libc::SYS_mmap2, libc::SYS_futex, libc::SYS_process_vm_writev, libc::SYS_fallocate];

/// Makes a system call; returns the kernel's raw result. It puts nothing on the stack and
/// leaves the frame pointer unchanged, so that a waiting caller can be unwound; except
/// for [`WITH_SIX`], which have unwind information.
///
/// # Safety
/// Number and arguments must be safe to hand to the kernel. A call that comes
/// back twice may only do so in a copy of the caller's memory.
#[inline(always)]
pub unsafe fn syscall(nr: c_long, args: [usize; 6]) -> isize {
    let [first, second, third, fourth, fifth, sixth] = args;
    if sixth != 0 || WITH_SIX.contains(&nr) {
        // SAFETY: passed on from the caller.
        return unsafe { clone3_six_arguments(nr, &args) };
    }
    let last = [fourth, fifth];
    let result: isize;
    // SAFETY: the registers are used as this file says; esi, which the compiler reserves,
    // is restored. The rest by the contract.
    unsafe {
        asm!(
            "movd xmm0, esi",
            "mov esi, [edi]",
            "mov edi, [edi + 4]",
            "int 0x80",
            "movd esi, xmm0",
            inlateout("eax") nr as isize => result,
            in("ebx") first,
            in("ecx") second,
            in("edx") third,
            inlateout("edi") last.as_ptr() => _,
            out("xmm0") _,
            options(nostack),
        );
    }
    result
}

unsafe extern "C" {
    /// `long six_arguments(long number, const size_t arguments[6]);`
    fn clone3_six_arguments(nr: c_long, args: &[usize; 6]) -> isize;
}

global_asm!(
    ".pushsection .text.syscall,\"ax\",@progbits",
    ".hidden clone3_six_arguments",
    ".globl clone3_six_arguments",
    ".type clone3_six_arguments,@function",
    ".balign 16",
    "clone3_six_arguments:",
    ".cfi_startproc",
    "push ebp",
    ".cfi_adjust_cfa_offset 4",
    ".cfi_rel_offset ebp, 0",
    "push edi",
    ".cfi_adjust_cfa_offset 4",
    ".cfi_rel_offset edi, 0",
    "push esi",
    ".cfi_adjust_cfa_offset 4",
    ".cfi_rel_offset esi, 0",
    "push ebx",
    ".cfi_adjust_cfa_offset 4",
    ".cfi_rel_offset ebx, 0",
    "mov eax, [esp + 24]",
    "mov ebx, [eax]",
    "mov ecx, [eax + 4]",
    "mov edx, [eax + 8]",
    "mov esi, [eax + 12]",
    "mov edi, [eax + 16]",
    "mov ebp, [eax + 20]",
    "mov eax, [esp + 20]",
    "int 0x80",
    "pop ebx",
    ".cfi_adjust_cfa_offset -4",
    ".cfi_restore ebx",
    "pop esi",
    ".cfi_adjust_cfa_offset -4",
    ".cfi_restore esi",
    "pop edi",
    ".cfi_adjust_cfa_offset -4",
    ".cfi_restore edi",
    "pop ebp",
    ".cfi_adjust_cfa_offset -4",
    ".cfi_restore ebp",
    "ret",
    ".cfi_endproc",
    ".size clone3_six_arguments, . - clone3_six_arguments",
    ".popsection",
);

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

/// Whether this thread runs on a user shadow stack: there are none for 32-bit
/// programs.
pub fn shadow_stack_active() -> bool {
    false
}

/// The thread pointer: on this architecture the TCB's first word repeats it.
pub fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: both C libraries keep the pointer itself at gs:0, as the TLS ABI
    // demands; a thread without TLS cannot have called a C function.
    unsafe {
        asm!("mov {}, gs:0", out(reg) pointer, options(nostack, readonly, preserves_flags));
    }
    pointer
}

/// The kernel's `struct user_desc`, which CLONE_SETTLS takes on this architecture: a
/// segment and its number (clone(2), set_thread_area(2)).
#[repr(C)]
pub struct ThreadArea {
    entry_number: u32,
    base_addr: usize,
    limit: u32,
    flags: u32,
}

impl ThreadArea {
    /// The calling thread's segment, with another thread pointer.
    pub fn at(pointer: usize) -> ThreadArea {
        const SEG_32BIT: u32 = 1;
        const LIMIT_IN_PAGES: u32 = 1 << 4;
        const USEABLE: u32 = 1 << 6;
        let selector: u32;
        // SAFETY: reads a register.
        unsafe {
            asm!("mov {:e}, gs", out(reg) selector, options(nostack, nomem, preserves_flags));
        }
        ThreadArea {
            entry_number: (selector & 0xffff) >> 3,
            base_addr: pointer,
            limit: 0xf_ffff,
            flags: SEG_32BIT | LIMIT_IN_PAGES | USEABLE,
        }
    }
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
            "mov esi, eax",
            "test ecx, ecx",
            "jz 2f",
            "mov eax, {nr_munmap}",
            "int 0x80",
            "2:",
            "test edx, edx",
            "jz 3f",
            "mov ebx, esi",
            "mov ecx, edx",
            "mov edx, edi",
            "mov eax, {nr_madvise}",
            "test edx, edx",
            "jnz 4f",
            // 0: PROT_NONE
            "mov esi, {flags}",
            "mov edi, -1",
            "xor ebp, ebp",
            "mov eax, {nr_mmap}",
            "4:",
            "int 0x80",
            "3:",
            "xor ebx, ebx",
            "mov eax, {nr_exit}",
            "int 0x80",
            "ud2",
            nr_munmap = const libc::SYS_munmap,
            nr_madvise = const libc::SYS_madvise,
            nr_mmap = const libc::SYS_mmap2,
            nr_exit = const libc::SYS_exit,
            flags = const super::EMPTY_MAPPING,
            in("ebx") unmapped[0],
            in("ecx") unmapped[1],
            in("eax") emptied[0],
            in("edx") emptied[1],
            in("edi") how as usize,
            options(noreturn, nostack),
        )
    }
}

/// Kills the process by an illegal instruction.
pub fn trap() -> ! {
    // SAFETY: ud2 does not return.
    unsafe { asm!("ud2", options(noreturn, nostack)) }
}

/// Emits functions that begin with a landing pad (`endbr32`) and jump to one Rust
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
            "endbr32",
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
/// | eax, ebx ecx edx esi edi | number and arguments |
/// | xmm0 | fn |
/// | xmm1 | arg |
/// | xmm2 | setup_argument, or 0 for no set-up |
/// | ebp | the parent's frame, by which both unwind until the child has its own |
///
/// What the child sees: its stack pointer aligned to 16 before the call of fn, ebp zero,
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
            "push ebp",
            ".cfi_def_cfa_offset 8",
            ".cfi_offset ebp, -8",
            "mov ebp, esp",
            ".cfi_def_cfa_register ebp",
            "push ebx",
            ".cfi_offset ebx, -12",
            "push esi",
            ".cfi_offset esi, -16",
            "push edi",
            ".cfi_offset edi, -20",
            "movd xmm0, [ebp + 12]",
            "movd xmm1, [ebp + 16]",
            "movd xmm2, [ebp + 20]",
            "mov edi, [ebp + 8]",
            "mov eax, [edi]",
            "mov ebx, [edi + 4]",
            "mov ecx, [edi + 8]",
            "mov edx, [edi + 12]",
            "mov esi, [edi + 16]",
            "mov edi, [edi + 20]",
            "int 0x80",
            "test eax, eax",
            "jz 30f",
            "pop edi",
            "pop esi",
            "pop ebx",
            "pop ebp",
            ".cfi_def_cfa esp, 4",
            "ret",
            ".cfi_endproc",

            ".cfi_startproc",
            ".cfi_undefined eip",
            "30:",
            "cld",
            "xor ebp, ebp",
            "and esp, -16",
            "sub esp, 16",
            "movd ebx, xmm0",
            "movd esi, xmm1",
            "movd eax, xmm2",
            "test eax, eax",
            "jz 31f",
            "mov [esp], eax",
            "call {setup}",
            "31:",
            "mov [esp], esi",
            "call ebx",
            "mov ebx, eax",
            "mov eax, {nr_exit}",
            "int 0x80",
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
