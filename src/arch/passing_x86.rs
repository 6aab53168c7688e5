// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entries of i686 that can pass their call on.

/// Emits a function that begins with a landing pad and jumps through a slot, or to one
/// Rust function if the slot is null. The arguments are on the stack, which is unchanged,
/// so that the slot's function may be any, also one that returns twice. eax, ecx and edx
/// may be clobbered.
///
/// `passing_entry!(SLOTS, offset; "name" => function)`
macro_rules! passing_entry {
    ($slots:path, $offset:expr; $name:literal => $function:path) => {
        core::arch::global_asm!(
            concat!(".pushsection .text.entry.", $name, ",\"ax\",@progbits"),
            ".balign 16",
            concat!(".globl ", $name),
            concat!(".type ", $name, ",@function"),
            concat!($name, ":"),
            ".cfi_startproc",
            "50:",
            "endbr32",
            "call clone3_return_address",
            "52:",
            "movl {slots} - 52b + {offset}(%eax), %edx",
            "testl %edx, %edx",
            "jnz 51f",
            "jmp {function}",
            "51:",
            "leal 50b - 52b(%eax), %ecx",
            "jmp *%edx",
            ".cfi_endproc",
            concat!(".size ", $name, ", . - ", $name),
            ".popsection",
            slots = sym $slots,
            offset = const $offset,
            function = sym $function,
            options(att_syntax), // Intel syntax allows only one symbol in an address
        );
    };
}
pub(crate) use passing_entry;

/// Emits the initial target of the slots: it calls `fill` and then the entry again, whose
/// address is in ecx. Also emits the helper by which entries find their own address.
///
/// `passing_start!("name", fill)` with `extern "C" fn fill()`
macro_rules! passing_start {
    ($name:literal, $fill:path) => {
        core::arch::global_asm!(
            ".pushsection .text.entry,\"ax\",@progbits",
            ".balign 16",
            concat!(".hidden ", $name),
            concat!(".globl ", $name),
            concat!(".type ", $name, ",@function"),
            concat!($name, ":"),
            ".cfi_startproc",
            "endbr32",
            "push ecx",
            "sub esp, 8",
            ".cfi_adjust_cfa_offset 12",
            "call {fill}",
            "add esp, 8",
            "pop ecx",
            ".cfi_adjust_cfa_offset -12",
            "jmp ecx",
            ".cfi_endproc",
            concat!(".size ", $name, ", . - ", $name),
            ".balign 16",
            ".hidden clone3_return_address",
            ".globl clone3_return_address",
            ".type clone3_return_address,@function",
            "clone3_return_address:",
            ".cfi_startproc",
            "mov eax, [esp]",
            "ret",
            ".cfi_endproc",
            ".size clone3_return_address, . - clone3_return_address",
            ".popsection",
            fill = sym $fill,
        );
    };
}
pub(crate) use passing_start;

/// Emits a variadic function. It calls a Rust function with the addresses of the
/// arguments in registers ([`super::ARGUMENT_REGISTERS`]) and of those on the stack,
/// which follow them, and with the return address.
///
/// `gathering_entry!("name" => function)` with
/// `unsafe extern "C" fn function(*const usize, *const usize, usize) -> c_int`
macro_rules! gathering_entry {
    ($name:literal => $function:path) => {
        core::arch::global_asm!(
            ".pushsection .text.entry,\"ax\",@progbits",
            ".balign 16",
            concat!(".hidden ", $name),
            concat!(".globl ", $name),
            concat!(".type ", $name, ",@function"),
            concat!($name, ":"),
            ".cfi_startproc",
            "endbr32",
            "lea eax, [esp + 4]",
            "push dword ptr [esp]",
            "push eax",
            "push eax",
            ".cfi_adjust_cfa_offset 12",
            "call {function}",
            "add esp, 12",
            ".cfi_adjust_cfa_offset -12",
            "ret",
            ".cfi_endproc",
            concat!(".size ", $name, ", . - ", $name),
            ".popsection",
            function = sym $function,
        );
    };
}
pub(crate) use gathering_entry;

/// How many arguments are in registers.
pub const ARGUMENT_REGISTERS: usize = 0;
