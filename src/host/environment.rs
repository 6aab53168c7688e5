// SPDX-License-Identifier: MIT OR Apache-2.0
//! The environment as the C library keeps it.

use super::{glibc, symbols};
use crate::base::text;
use crate::uapi::exec::Strings;
use core::ffi::{CStr, c_char};

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
    own(name).is_some_and(|value| value.to_bytes() == wanted)
}

/// The value of one of the library's own variables, whose name is given with its equals sign.
/// None where the program has privileges that its caller has not.
pub fn own(name: &[u8]) -> Option<&'static CStr> {
    // SAFETY: an array of strings, as `all` says.
    let found = unsafe { value(all(), name).map(|value| text::c_str(value)) };
    found.filter(|_| !is_secure())
}

/// Takes the library's own variable of that name out of the environment: its value.
pub fn take(name: &[u8]) -> Option<&'static CStr> {
    let found = own(name)?;
    let mut to = all().cast_mut();
    let mut from = to;
    loop {
        // SAFETY: an array of strings, as `all` says, which is written no further than it was.
        unsafe {
            let string = from.read();
            to.write(string);
            if string.is_null() {
                return Some(found);
            }
            let is_it = text::bytes(string).starts_with(name);
            to = to.wrapping_add(usize::from(!is_it));
            from = from.wrapping_add(1);
        }
    }
}

/// Puts a string in the place of the one that begins with that name and an equals sign.
pub fn replace(name: &[u8], string: &'static CStr) {
    let mut at = all().cast_mut();
    // SAFETY: an array of strings, as `all` says, of which one changes.
    unsafe {
        while !at.is_null() && !at.read().is_null() {
            if text::bytes(at.read()).starts_with(name) {
                at.write(string.as_ptr());
            }
            at = at.wrapping_add(1);
        }
    }
}

/// AT_SECURE of getauxval(3); where that is unavailable (static musl), true.
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
