// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `caller_entry!` has to know of the function that it leads to, from its type.

use core::mem::size_of;

/// A function whose last argument is the return address of its own call.
pub trait Prototype {
    /// The words that its other arguments take on the stack, or registers.
    #[cfg_attr(target_arch = "x86_64", allow(dead_code))] // there they are not counted
    const WORDS: usize;
    /// The same function without the return address.
    type Plain;
}

macro_rules! prototypes {
    ($(($($argument:ident)*))+) => {
        $(
            impl<Result, $($argument,)* Last> Prototype
                for unsafe extern "C" fn($($argument,)* Last) -> Result
            {
                const WORDS: usize = 0 $(+ size_of::<$argument>().div_ceil(size_of::<usize>()))*;
                type Plain = unsafe extern "C" fn($($argument),*) -> Result;
            }
        )+
    };
}

prototypes! {
    ()
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
}

/// [`Prototype::WORDS`] of a function.
#[cfg(not(target_arch = "x86_64"))]
pub const fn takes_caller<Function: Prototype>(_: &Function) -> usize {
    Function::WORDS
}

/// Does not compile for a function without such an argument.
#[cfg(target_arch = "x86_64")]
#[allow(dead_code)] // rustc 1.85 does not count what nameless constants call
pub const fn takes_caller<Function: Prototype>(_: &Function) {}

/// Does not compile if the declaration is not that of the function without the return
/// address.
#[allow(dead_code)] // as above
pub const fn is_declared<Function: Prototype>(_: &Function, _: &Function::Plain) {}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ffi::{c_int, c_void};

    #[test]
    fn each_argument_takes_as_many_words_as_it_needs() {
        const LONG: usize = 64 / usize::BITS as usize;
        type None = unsafe extern "C" fn(usize);
        type Small = unsafe extern "C" fn(c_int, u8, usize) -> c_int;
        type Wide = unsafe extern "C" fn(u64, *mut c_void, i64, usize) -> c_int;
        assert_eq!((None::WORDS, Small::WORDS, Wide::WORDS), (0, 2, 1 + 2 * LONG));
    }
}
