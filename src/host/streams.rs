// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's FILEs: made and closed by its own functions.

use super::{errno, glibc, symbols};
use crate::uapi::Errno;
use core::ffi::{CStr, c_int, c_void};

/// A `FILE *` of the host's.
pub type File = *mut c_void;

/// fdopen(3).
pub fn open(fd: c_int, mode: &CStr) -> Result<File, Errno> {
    let fdopen = symbols::fdopen().ok_or(Errno::ENOSYS)?;
    // SAFETY: POSIX's prototype.
    let file = unsafe { fdopen(fd, mode.as_ptr()) };
    if file.is_null() { Err(Errno(errno::get())) } else { Ok(file) }
}

/// fclose(3): flushes what is left, and closes the descriptor in any case.
///
/// # Safety
/// The file must be open, and used no more.
pub unsafe fn close(file: File) {
    if let Some(fclose) = symbols::fclose() {
        // SAFETY: by the contract.
        unsafe { fclose(file) };
    }
}

/// Whether the host's popen takes a mode by its first letter, as musl's does.
pub fn lax_mode() -> bool {
    !glibc::is_host()
}
