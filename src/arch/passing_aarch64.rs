// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entries of aarch64 that can pass their call on.

/// Emits a function that begins with a landing pad and jumps through a slot, or to one
/// Rust function if the slot is null. The caller's registers and stack are unchanged, so
/// that the slot's function may be any, also one that returns twice. x16 and x17 may be
/// clobbered between a call and its function, and landing pads accept jumps by them.
///
/// `passing_entry!(SLOTS, offset; "name" => function)`
macro_rules! passing_entry {
    ($slots:path, $offset:expr; $name:literal => $function:path) => {
        core::arch::global_asm!(
            concat!(".pushsection .text.entry.", $name, ",\"ax\",%progbits"),
            ".balign 16",
            concat!(".globl ", $name),
            concat!(".type ", $name, ",%function"),
            concat!($name, ":"),
            ".cfi_startproc",
            "50:",
            "hint #34",
            "adrp x16, {slots} + {offset}",
            "ldr x16, [x16, :lo12:{slots} + {offset}]",
            "cbnz x16, 51f",
            "b {function}",
            "51:",
            "adr x17, 50b",
            "br x16",
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
/// address is in x17.
///
/// `passing_start!("name", fill)` with `extern "C" fn fill()`
macro_rules! passing_start {
    ($name:literal, $fill:path) => {
        core::arch::global_asm!(
            ".pushsection .text.entry,\"ax\",%progbits",
            ".balign 16",
            concat!(".hidden ", $name),
            concat!(".globl ", $name),
            concat!(".type ", $name, ",%function"),
            concat!($name, ":"),
            ".cfi_startproc",
            "hint #34",
            "stp x29, x30, [sp, #-96]!",
            ".cfi_def_cfa_offset 96",
            ".cfi_offset x29, -96",
            ".cfi_offset x30, -88",
            "mov x29, sp",
            "stp x0, x1, [sp, #16]",
            "stp x2, x3, [sp, #32]",
            "stp x4, x5, [sp, #48]",
            "stp x6, x7, [sp, #64]",
            "str x17, [sp, #80]",
            "bl {fill}",
            "ldp x0, x1, [sp, #16]",
            "ldp x2, x3, [sp, #32]",
            "ldp x4, x5, [sp, #48]",
            "ldp x6, x7, [sp, #64]",
            "ldr x17, [sp, #80]",
            "ldp x29, x30, [sp], #96",
            ".cfi_def_cfa_offset 0",
            ".cfi_restore x29",
            ".cfi_restore x30",
            "br x17",
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
            ".pushsection .text.entry,\"ax\",%progbits",
            ".balign 16",
            concat!(".hidden ", $name),
            concat!(".globl ", $name),
            concat!(".type ", $name, ",%function"),
            concat!($name, ":"),
            ".cfi_startproc",
            "hint #34",
            "stp x29, x30, [sp, #-80]!",
            ".cfi_def_cfa_offset 80",
            ".cfi_offset x29, -80",
            ".cfi_offset x30, -72",
            "mov x29, sp",
            "stp x0, x1, [sp, #16]",
            "stp x2, x3, [sp, #32]",
            "stp x4, x5, [sp, #48]",
            "stp x6, x7, [sp, #64]",
            "add x0, sp, #16",
            "add x1, sp, #80",
            "mov x2, x30",
            "bl {function}",
            "ldp x29, x30, [sp], #80",
            ".cfi_def_cfa_offset 0",
            ".cfi_restore x29",
            ".cfi_restore x30",
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
pub const ARGUMENT_REGISTERS: usize = 8;
