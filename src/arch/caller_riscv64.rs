// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entries of riscv64 that tell where they were called from.

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

/// Emits functions that begin with a landing pad (`lpad 0`, written as the no-op that it
/// is elsewhere, so that every assembler accepts it) and jump to one Rust function, which has
/// the same C prototype and one argument more, a [`Caller`] in the next register: their return address.
/// An underscore stands for each of the other arguments, so that the compiler checks their
/// number. The jump reaches 2 GiB and clobbers t2.
///
/// `caller_entry!("name", "alias" => function(_, _))`
macro_rules! caller_entry {
    (@ $words:expr, $function:ident; $($name:expr),+) => {
        core::arch::global_asm!(
            ".pushsection .text.entry,\"ax\",%progbits",
            ".balign 16",
            $(
                concat!(".globl ", $name),
                concat!(".type ", $name, ",%function"),
                concat!($name, ":"),
            )+
            ".cfi_startproc",
            "auipc zero, 0",
            "mv a{words}, ra",
            "jump {function}, t2",
            ".cfi_endproc",
            $(concat!(".size ", $name, ", . - ", $name),)+
            ".popsection",
            words = const {
                assert!($words < $crate::arch::ARGUMENT_REGISTERS);
                $words
            },
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
