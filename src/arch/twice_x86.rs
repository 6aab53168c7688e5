// SPDX-License-Identifier: MIT OR Apache-2.0
//! The entries of i686 whose child returns on the caller's own stack.

/// Emits the entries whose child returns on the caller's own stack.
///
/// ```c
/// pid_t vfork(void);
/// pid_t clone3(struct clone_args *, size_t);
/// long  syscall(long number, ...);
/// ```
///
/// A child that shares memory returns first and overwrites the frame that its parent
/// still uses, and the arguments above it, which belong to the called function. So during
/// the system call no state of the parent may be in memory below the caller's frame:
///
/// | register | over clone3(2) | over clone(2), which needs more of them |
/// |---|---|---|
/// | eax | number | number |
/// | ebx ecx, edx esi edi | two arguments | five arguments |
/// | the return address | edx | xmm3 |
/// | the caller's ebx | xmm0 | xmm0 |
/// | the caller's esi, edi | themselves | xmm1, xmm2 |
/// | the caller's ebp | itself, untouched | itself, untouched |
///
/// What the child sees: eax = 0, the stack as after a return, the direction flag as the
/// caller had it. It returns by a jump, as on the other architectures.
///
/// Unwinders find the return address while it is in edx. During clone(2) they find none
/// and stop, because few of them know the SSE registers.
///
/// The parent writes the return address back (the child may have used the
/// slot), lets `finish` set errno, and returns normally.
///
/// The frame, from the stack pointer up: 32 bytes, of which the first 16 are for
/// arguments of calls from here and the rest for the `Finish` that is returned (by a
/// hidden pointer, which `finish` pops), then the `Frame`.
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
            ".type clone3_libcs_syscall,@function",
            "clone3_libcs_syscall:", // ecx = its address; clobbers eax
            ".cfi_startproc",
            "call clone3_return_address",
            "44:",
            "movl {libcs} - 44b(%eax), %ecx",
            "ret",
            ".cfi_endproc",
            ".size clone3_libcs_syscall, . - clone3_libcs_syscall",
            ".popsection",
            libcs = sym $libcs,
            options(att_syntax), // Intel syntax allows only one symbol in an address
        );
        core::arch::global_asm!(
            ".pushsection .text.entry,\"ax\",@progbits",
            ".balign 16",
            $(
                concat!(".globl ", $vfork),
                concat!(".type ", $vfork, ",@function"),
                concat!($vfork, ":"),
            )+
            ".cfi_startproc",
            "endbr32",
            "mov eax, {entry_vfork}",
            "jmp 20f",
            ".cfi_endproc",
            $(concat!(".size ", $vfork, ", . - ", $vfork),)+

            ".balign 16",
            concat!(".globl ", $clone3),
            concat!(".type ", $clone3, ",@function"),
            concat!($clone3, ":"),
            ".cfi_startproc",
            "endbr32",
            "mov eax, {entry_clone3}",
            "jmp 20f",
            ".cfi_endproc",
            concat!(".size ", $clone3, ", . - ", $clone3),

            // syscall(): all numbers but four are passed to the next definition, the
            // libc's, or, where there is none, to the kernel.
            ".balign 16",
            concat!(".globl ", $syscall),
            concat!(".type ", $syscall, ",@function"),
            concat!($syscall, ":"),
            ".cfi_startproc",
            "endbr32",
            "mov eax, [esp + 4]",
            "cmp eax, {nr_fork}",
            "je 42f",
            "cmp eax, {nr_clone}",
            "je 42f",
            "cmp eax, {nr_vfork}",
            "je 42f",
            "cmp eax, {nr_clone3}",
            "je 42f",
            "call clone3_libcs_syscall",
            "test ecx, ecx",
            "jz 43f",
            "jmp ecx",
            "43:",
            "mov eax, [esp + 4]",
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
            "mov ebx, [esp + 24]",
            "mov ecx, [esp + 28]",
            "mov edx, [esp + 32]",
            "mov esi, [esp + 36]",
            "mov edi, [esp + 40]",
            "mov ebp, [esp + 44]",
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
            "40:",
            "cmp eax, -4095",
            "jae 41f",
            "ret",
            "41:",
            "sub esp, 8",
            ".cfi_adjust_cfa_offset 8",
            "push eax",
            ".cfi_adjust_cfa_offset 4",
            "call {fail}",
            "add esp, 12",
            ".cfi_adjust_cfa_offset -12",
            "ret",
            "42:",
            "mov eax, {entry_syscall}",
            "jmp 20f",
            ".cfi_endproc",
            concat!(".size ", $syscall, ", . - ", $syscall),

            // The common part; eax is the entry.
            ".balign 16",
            ".type clone3_returns_twice,@function",
            "clone3_returns_twice:",
            ".cfi_startproc",
            "20:",
            "sub esp, {frame}",
            ".cfi_def_cfa_offset {frame} + 4",
            "mov ecx, {saved_words}",
            "21:", // the arguments; there may be fewer
            "mov edx, [esp + 4 * ecx + {frame}]",
            "mov [esp + 4 * ecx + 32 + {saved} - 4], edx",
            "dec ecx",
            "jnz 21b",
            "lea ecx, [esp + 32]",
            "mov [esp], ecx",
            "mov [esp + 4], eax",
            "mov ecx, [esp + {frame}]",
            "mov [esp + 8], ecx",
            "call {prepare}",
            "cmp eax, {verdict_twice}",
            "je 22f",
            "ja 28f",
            "mov eax, [esp + 32 + {result}]",
            "27:",
            "add esp, {frame}",
            ".cfi_def_cfa_offset 4",
            "ret",

            // Verdict::Twice: the system call that both return from.
            ".cfi_def_cfa_offset {frame} + 4",
            "22:",
            "movd xmm0, ebx",
            ".cfi_undefined ebx",
            "mov eax, [esp + 32 + {call}]",
            "mov ebx, [esp + 32 + {call} + 4]",
            "mov ecx, [esp + 32 + {call} + 8]",
            "cmp eax, {nr_clone3}",
            "jne 24f",
            "mov edx, [esp + {frame}]",
            ".cfi_register eip, edx",
            "int 0x80",
            "movd ebx, xmm0",
            ".cfi_restore ebx",
            "test eax, eax",
            "jz 23f",
            "mov [esp + {frame}], edx",
            ".cfi_offset eip, -4",
            "jmp 26f",

            // The child: drop frame and return address, then jump.
            ".cfi_register eip, edx",
            "23:",
            "add esp, {frame} + 4",
            ".cfi_def_cfa_offset 0",
            "jmp edx",

            ".cfi_def_cfa_offset {frame} + 4",
            ".cfi_offset eip, -4",
            ".cfi_undefined ebx",
            "24:",
            "movd xmm1, esi",
            "movd xmm2, edi",
            "movd xmm3, [esp + {frame}]",
            ".cfi_remember_state",
            ".cfi_undefined eip",
            ".cfi_undefined esi",
            ".cfi_undefined edi",
            "mov edx, [esp + 32 + {call} + 12]",
            "mov esi, [esp + 32 + {call} + 16]",
            "mov edi, [esp + 32 + {call} + 20]",
            "int 0x80",
            "movd ebx, xmm0",
            "movd esi, xmm1",
            "movd edi, xmm2",
            ".cfi_restore ebx",
            ".cfi_restore esi",
            ".cfi_restore edi",
            "movd edx, xmm3",
            ".cfi_register eip, edx",
            "test eax, eax",
            "jz 23b",
            "mov [esp + {frame}], edx",
            ".cfi_restore_state",
            ".cfi_restore ebx",

            // The parent: set errno, or try again with another call.
            "26:",
            "lea ecx, [esp + 16]",
            "mov [esp], ecx",
            "lea ecx, [esp + 32]",
            "mov [esp + 4], ecx",
            "mov [esp + 8], eax",
            "call {finish}",
            ".cfi_adjust_cfa_offset -4",
            "sub esp, 4",
            ".cfi_adjust_cfa_offset 4",
            "cmp dword ptr [esp + 16 + {again}], 0",
            "jne 22b",
            "mov eax, [esp + 16]",
            "jmp 27b",

            // Verdict::Untouched: make the call as it was asked for, with nothing of this
            // function's in memory: the child may be on another stack, from which it pops
            // a return address.
            "28:",
            "add esp, {frame}",
            ".cfi_def_cfa_offset 4",
            "movd xmm0, ebx",
            "movd xmm1, esi",
            "movd xmm2, edi",
            "mov eax, [esp + 4]",
            "mov ebx, [esp + 8]",
            "mov ecx, [esp + 12]",
            "mov edx, [esp + 16]",
            "mov esi, [esp + 20]",
            "mov edi, [esp + 24]",
            "int 0x80",
            "movd ebx, xmm0",
            "movd esi, xmm1",
            "movd edi, xmm2",
            "jmp 40b",
            ".cfi_endproc",
            ".size clone3_returns_twice, . - clone3_returns_twice",
            ".popsection",
            entry_vfork = const $crate::arch::TwiceEntry::Vfork as usize,
            entry_clone3 = const $crate::arch::TwiceEntry::Clone3 as usize,
            entry_syscall = const $crate::arch::TwiceEntry::Syscall as usize,
            verdict_twice = const $crate::arch::Verdict::Twice as usize,
            nr_fork = const libc::SYS_fork,
            nr_clone = const libc::SYS_clone,
            nr_vfork = const libc::SYS_vfork,
            nr_clone3 = const libc::SYS_clone3,
            // Off by twelve, so that calls from here find esp aligned to 16.
            frame = const 32 + core::mem::size_of::<$frame>().next_multiple_of(16) + 12,
            call = const $call,
            saved = const core::mem::offset_of!($crate::arch::TwiceFrame, saved),
            saved_words = const 7,
            result = const core::mem::offset_of!($crate::arch::TwiceFrame, result),
            again = const core::mem::offset_of!($crate::arch::Finish, again),
            prepare = sym $prepare,
            finish = sym $finish,
            fail = sym $fail,
        );
    };
}
pub(crate) use returns_twice;
