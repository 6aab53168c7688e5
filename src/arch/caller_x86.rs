// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entries of i686 that tell where they were called from.

/// A return address.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Caller(usize);

impl Caller {
    /// The address.
    #[inline(always)]
    pub fn address(self) -> usize {
        self.0
    }
}

/// Emits functions that begin with a landing pad (`endbr32`) and call one Rust function,
/// which has the same C prototype and one argument more, a [`Caller`]: their return address. An
/// underscore stands for each of the other arguments, so that the compiler checks their number.
///
/// All arguments are on the stack, where the caller's frame is behind them: they are copied
/// below it.
///
/// `caller_entry!("name", "alias" => function(_, _))`
macro_rules! caller_entry {
    (@ $words:expr, $function:ident; $($name:expr),+) => {
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
            ".if {pad}",
            "sub esp, {pad}",
            ".cfi_adjust_cfa_offset {pad}",
            ".endif",
            "push dword ptr [esp + {pad}]",
            ".cfi_adjust_cfa_offset 4",
            ".rept {words}", // the last one first
            "push dword ptr [esp + {room}]",
            ".cfi_adjust_cfa_offset 4",
            ".endr",
            "call {function}",
            "add esp, {room}",
            ".cfi_adjust_cfa_offset -{room}",
            "ret",
            ".cfi_endproc",
            $(concat!(".size ", $name, ", . - ", $name),)+
            ".popsection",
            words = const $words,
            // Calls from here find esp aligned to 16.
            pad = const 4 * (2usize.wrapping_sub($words) & 3),
            room = const 4 * ((2usize.wrapping_sub($words) & 3) + 1 + $words),
            function = sym $function,
        );
    };
    ($($name:expr),+ => $function:ident($($argument:tt),*)) => {
        $crate::arch::caller_entry!(
            @ $crate::arch::takes_caller(
                &($function as unsafe extern "C" fn($($argument,)* $crate::arch::Caller) -> _)
            ),
            $function; $($name),+
        );
    };
}
pub(crate) use caller_entry;
