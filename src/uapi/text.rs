// SPDX-License-Identifier: MIT OR Apache-2.0
//! Strings as C has them.

use core::ffi::c_char;

/// The bytes of a string, without its NUL. Not by CStr, which calls the libc's
/// strlen; volatile, lest the compiler make such a call of the loop.
///
/// # Safety
/// `string` must end in NUL, and stay as it is.
pub unsafe fn bytes<'a>(string: *const c_char) -> &'a [u8] {
    let mut length = 0;
    // SAFETY: up to the NUL, by the contract.
    unsafe {
        while string.add(length).read_volatile() != 0 {
            length += 1;
        }
        core::slice::from_raw_parts(string.cast(), length)
    }
}
