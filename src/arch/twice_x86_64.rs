// SPDX-License-Identifier: MIT OR Apache-2.0
//! The entries of x86_64 whose child returns on the caller's own stack.

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
/// with `extern "C" fn prepare(*mut Frame, TwiceEntry, usize) -> Verdict`, whose last
/// argument is the return address,
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
            "mov rdx, [rsp + {frame}]",
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
