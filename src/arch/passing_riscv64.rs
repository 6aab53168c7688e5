// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entries of riscv64 that can pass their call on.

/// Emits a function that begins with a landing pad and jumps through a slot, or to one
/// Rust function if the slot is null. The caller's registers and stack are unchanged,
/// except temporaries, so that the slot's function may be any, also one that returns
/// twice. A jump by t2 needs no landing pad at its target.
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
            "auipc zero, 0",
            "lla t2, {slots} + {offset}",
            "ld t2, 0(t2)",
            "bnez t2, 51f",
            "jump {function}, t2",
            "51:",
            "lla t1, 50b",
            "jr t2",
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
/// address is in t1.
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
            "auipc zero, 0",
            "addi sp, sp, -80",
            ".cfi_def_cfa_offset 80",
            "sd ra, 72(sp)",
            ".cfi_offset ra, -8",
            "sd t1, 64(sp)",
            "sd a7, 56(sp)",
            "sd a6, 48(sp)",
            "sd a5, 40(sp)",
            "sd a4, 32(sp)",
            "sd a3, 24(sp)",
            "sd a2, 16(sp)",
            "sd a1, 8(sp)",
            "sd a0, 0(sp)",
            "call {fill}",
            "ld a0, 0(sp)",
            "ld a1, 8(sp)",
            "ld a2, 16(sp)",
            "ld a3, 24(sp)",
            "ld a4, 32(sp)",
            "ld a5, 40(sp)",
            "ld a6, 48(sp)",
            "ld a7, 56(sp)",
            "ld t2, 64(sp)",
            "ld ra, 72(sp)",
            ".cfi_restore ra",
            "addi sp, sp, 80",
            ".cfi_def_cfa_offset 0",
            "jr t2",
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
            "auipc zero, 0",
            "addi sp, sp, -80",
            ".cfi_def_cfa_offset 80",
            "sd ra, 72(sp)",
            ".cfi_offset ra, -8",
            "sd a0, 0(sp)",
            "sd a1, 8(sp)",
            "sd a2, 16(sp)",
            "sd a3, 24(sp)",
            "sd a4, 32(sp)",
            "sd a5, 40(sp)",
            "sd a6, 48(sp)",
            "sd a7, 56(sp)",
            "mv a0, sp",
            "addi a1, sp, 80",
            "mv a2, ra",
            "call {function}",
            "ld ra, 72(sp)",
            ".cfi_restore ra",
            "addi sp, sp, 80",
            ".cfi_def_cfa_offset 0",
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
