// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3_version`. It and the header's macros (build.rs) have one source, Cargo.toml.

use super::declared_entry;
use core::ffi::c_char;

declared_entry!(clone3_version => exported_version);

#[allow(dead_code)] // C's view of what the macro above defines
unsafe extern "C" {
    /// Returns the version of the loaded library, "MAJOR.MINOR.PATCH"; CLONE3_VERSION is
    /// that of the header that the program was compiled with.
    ///
    /// @return a constant string
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_version() -> *const c_char;
}

unsafe extern "C" fn exported_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
