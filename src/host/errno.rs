// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's errno.

use super::symbols;
use crate::uapi::Errno;
use core::ffi::c_int;

/// Where the calling thread's errno is; null in a static program in which
/// nothing refers to errno.
///
/// Async-signal-safe.
pub fn location() -> *mut c_int {
    match symbols::errno_location() {
        // SAFETY: a C function without arguments, in every libc.
        Some(function) => unsafe { function() },
        None => core::ptr::null_mut(),
    }
}

/// Stores an error number.
pub fn set(errno: Errno) {
    restore(errno.0);
}

/// The error number stored last.
pub fn get() -> c_int {
    let location = location();
    if location.is_null() {
        return 0;
    }
    // SAFETY: the libc's own int of this thread.
    unsafe { location.read() }
}

/// Puts back what [`get`] gave. Writes only what changes: right after a fork, a
/// page that is written is a page that is copied.
pub fn restore(value: c_int) {
    let location = location();
    // SAFETY: the libc's own int of this thread.
    if !location.is_null() && unsafe { location.read_volatile() } != value {
        // SAFETY: as above.
        unsafe { location.write(value) };
    }
}
