// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entries of x86_64 that tell where they were called from.

/// A return address. It comes in xmm0, the register of a first floating-point argument, which
/// none of the functions has: there is always room for it, whatever the other arguments are.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Caller(f64);

impl Caller {
    /// The address.
    #[inline(always)]
    pub fn address(self) -> usize {
        self.0.to_bits() as usize
    }
}

/// Emits functions that begin with a landing pad (`endbr64`) and jump to one Rust function,
/// which has the same C prototype and one argument more, a [`Caller`]: their return address.
/// An underscore stands for each of the other arguments.
///
/// `caller_entry!("name", "alias" => function(_, _))`
macro_rules! caller_entry {
    ($($name:expr),+ => $function:ident($($argument:tt),*)) => {
        const _: () = $crate::arch::takes_caller(
            &($function as unsafe extern "C" fn($($argument,)* $crate::arch::Caller) -> _)
        );
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
            "movq xmm0, [rsp]",
            "jmp {function}",
            ".cfi_endproc",
            $(concat!(".size ", $name, ", . - ", $name),)+
            ".popsection",
            function = sym $function,
        );
    };
}
pub(crate) use caller_entry;
