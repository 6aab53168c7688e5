// SPDX-License-Identifier: MIT OR Apache-2.0
//! glibc 2.31 to 2.43: which one it is. What it keeps of a thread is in `glibc_thread`,
//! its loader in `rtld`.

use super::symbols;
use crate::base::{decimal, text};
use core::ffi::c_char;

/// Whether the host is glibc.
pub fn is_host() -> bool {
    symbols::gnu_get_libc_version().is_some() || !symbols::libc_setup_tls().is_null()
}

/// Whether this is a release before 2.43, where clear_child_tid is the tid
/// itself; since then it is `joinstate`, further on (commit 5da15b15ad). None
/// in a static program without the version. The tid is the better guess there:
/// a tid cleared when its thread ends harms nothing.
pub fn version_before_43() -> Option<bool> {
    let version = symbols::gnu_get_libc_version()?;
    // SAFETY: takes nothing and returns a string constant.
    unsafe { minor_of(version()) }.map(|minor| minor < 43)
}

/// Whether the host is glibc, and surely this minor version of it or a later one.
pub fn is_since(version: u32) -> bool {
    let Some(function) = symbols::gnu_get_libc_version() else { return false };
    // SAFETY: takes nothing and returns a string constant.
    unsafe { minor_of(function()) }.is_some_and(|minor| minor >= version)
}

/// The number after "2." in a version such as "2.36".
///
/// # Safety
/// `version` must be a C string.
unsafe fn minor_of(version: *const c_char) -> Option<u32> {
    // SAFETY: by the contract.
    let version = unsafe { text::bytes(version) };
    decimal::prefix(version.strip_prefix(b"2.")?).map(|(minor, _)| minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_up_to_their_minor_number() {
        // SAFETY: C strings all.
        let minor = |version: &core::ffi::CStr| unsafe { minor_of(version.as_ptr()) };
        assert_eq!(minor(c"2.36"), Some(36));
        assert_eq!(minor(c"2.43.9000"), Some(43));
        assert_eq!(minor(c"3.1"), None);
        assert_eq!(minor(c"2."), None);
        assert_eq!(minor(c""), None);
    }
}
