// SPDX-License-Identifier: MIT OR Apache-2.0
//! The environment as the C library keeps it.

use super::{glibc, symbols};
use crate::base::text;
use crate::uapi::exec::Strings;
use core::ffi::c_char;

/// The program's environment; null where there is none.
pub fn all() -> Strings {
    let environ = symbols::environ();
    if environ.is_null() {
        return core::ptr::null();
    }
    // SAFETY: the libc's variable, an array of strings. As getenv(3), not to be
    // read while another thread writes it.
    unsafe { environ.read() }
}

/// PATH, or what the libc's execvp takes in its place: confstr(_CS_PATH) in
/// glibc, a list of its own in musl.
pub fn search_path() -> *const c_char {
    // SAFETY: an array of strings, as `all` says.
    match unsafe { value(all(), b"PATH=") } {
        Some(path) => path,
        None if glibc::is_host() => c"/bin:/usr/bin".as_ptr(),
        None => c"/usr/local/bin:/bin:/usr/bin".as_ptr(),
    }
}

/// Whether one of the library's own variables has this value. Not where the program has
/// privileges that its caller has not.
pub fn says(name: &[u8], wanted: &[u8]) -> bool {
    // SAFETY: an array of strings, as `all` says.
    let found = || unsafe { value(all(), name).map(|value| text::bytes(value)) };
    !is_secure() && found() == Some(wanted)
}

/// AT_SECURE of getauxval(3); where it is not to be had (static musl), it is as set.
fn is_secure() -> bool {
    const AT_SECURE: usize = 23;
    let enable_secure = symbols::enable_secure();
    match symbols::getauxval() {
        // SAFETY: takes a number.
        Some(function) => unsafe { function(AT_SECURE) != 0 },
        // SAFETY: an int of the libc's.
        None => enable_secure.is_null() || unsafe { enable_secure.read() } != 0,
    }
}

/// What follows a name and its equals sign.
///
/// # Safety
/// The array must be null, or strings up to a null pointer.
unsafe fn value(mut strings: Strings, name: &[u8]) -> Option<*const c_char> {
    if strings.is_null() {
        return None;
    }
    loop {
        // SAFETY: by the contract; it goes on behind what is not null.
        let string = unsafe { strings.read() };
        if string.is_null() {
            return None;
        }
        // SAFETY: by the contract.
        let found = unsafe { text::bytes(string) }.strip_prefix(name);
        if let Some(rest) = found {
            return Some(rest.as_ptr().cast());
        }
        strings = strings.wrapping_add(1);
    }
}
