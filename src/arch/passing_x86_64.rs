// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entries of x86_64 that can pass their call on.

/// Emits a function that begins with a landing pad and jumps through a slot, or to one
/// Rust function if the slot is null. The caller's registers and stack are unchanged, so
/// that the slot's function may be any, also one that returns twice. r10 and r11 are
/// caller-saved and pass no argument to C functions.
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
            "endbr64",
            "mov r11, [rip + {slots} + {offset}]",
            "test r11, r11",
            "jnz 51f",
            "jmp {function}",
            "51:",
            "lea r10, [rip + 50b]",
            "jmp r11",
            ".cfi_endproc",
            concat!(".size ", $name, ", . - ", $name),
            ".popsection",
            slots = sym $slots,
            offset = const $offset,
            function = sym $function,
        );
    };
}
pub(crate) use passing_entry;

/// Emits the initial target of the slots: it calls `fill` and then the entry again, whose
/// address is in r10.
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
            "endbr64",
            "push rdi",
            "push rsi",
            "push rdx",
            "push rcx",
            "push r8",
            "push r9",
            "push rax", // al: how many vector registers a variadic call uses
            "push r10",
            "sub rsp, 8",
            ".cfi_adjust_cfa_offset 72",
            "call {fill}",
            "add rsp, 8",
            "pop r10",
            "pop rax",
            "pop r9",
            "pop r8",
            "pop rcx",
            "pop rdx",
            "pop rsi",
            "pop rdi",
            ".cfi_adjust_cfa_offset -72",
            "jmp r10",
            ".cfi_endproc",
            concat!(".size ", $name, ", . - ", $name),
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
            "endbr64",
            "sub rsp, 56",
            ".cfi_adjust_cfa_offset 56",
            "mov [rsp + 0], rdi",
            "mov [rsp + 8], rsi",
            "mov [rsp + 16], rdx",
            "mov [rsp + 24], rcx",
            "mov [rsp + 32], r8",
            "mov [rsp + 40], r9",
            "mov rdi, rsp",
            "lea rsi, [rsp + 64]",
            "mov rdx, [rsp + 56]",
            "call {function}",
            "add rsp, 56",
            ".cfi_adjust_cfa_offset -56",
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
pub const ARGUMENT_REGISTERS: usize = 6;
