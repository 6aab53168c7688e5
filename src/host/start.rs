// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel gave the program at its start.

use super::{environment, symbols};
use crate::base::text;
use crate::uapi::exec::Strings;
use core::ffi::{CStr, c_char};
use core::ptr::null;

/// The path that was executed (AT_EXECFN).
pub fn path() -> Option<&'static CStr> {
    let getauxval = symbols::getauxval()?;
    // SAFETY: takes a number.
    let path = unsafe { getauxval(libc::AT_EXECFN as usize) } as *const c_char;
    // SAFETY: null, or the string that the kernel wrote for this program, which stays.
    (!path.is_null()).then(|| unsafe { text::c_str(path) })
}

/// The address of the program headers of what was executed (AT_PHDR), 0 for unknown.
pub fn headers() -> usize {
    // SAFETY: takes a number.
    symbols::getauxval().map_or(0, |getauxval| unsafe { getauxval(libc::AT_PHDR as usize) })
}

/// The arguments, as the kernel laid them out: their count, their addresses and a null
/// pointer, directly below the environment's. Null where the environment is no longer there,
/// as in a program that opened the library late.
pub fn arguments() -> Strings {
    const REACH: usize = 8 << 20; // more than ARG_MAX by default
    let environment = environment::all();
    let strings = path().map_or(0, |path| path.as_ptr().addr());
    if strings.checked_sub(environment.addr()).is_none_or(|distance| distance > REACH) {
        return null();
    }
    let array = environment.wrapping_sub(1);
    // SAFETY: below the strings of the start and not far from them, on the same stack.
    if !unsafe { array.read() }.is_null() {
        return null();
    }
    let mut count = 0;
    while count < REACH / size_of::<usize>() {
        let first = array.wrapping_sub(count);
        // SAFETY: below the environment there are the arguments, up to their count, which no
        // address of theirs equals.
        let before = unsafe { first.wrapping_sub(1).read() };
        if before.addr() == count {
            return first;
        }
        count += 1;
    }
    null()
}
