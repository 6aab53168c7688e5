// SPDX-License-Identifier: MIT OR Apache-2.0
//! `system`, `popen`, `pclose`; their prototypes are the libc headers' own.

use super::{libc_entry, or_errno};
use crate::host::errno;
use crate::host::streams::File;
use crate::spawn::{shell, stream};
use core::ffi::{c_char, c_int};
use core::ptr::null_mut;

libc_entry!("system" => exported_system);
libc_entry!("popen" => exported_popen);
libc_entry!("pclose" => exported_pclose);

unsafe extern "C" fn exported_system(command: *const c_char) -> c_int {
    if command.is_null() {
        return c_int::from(shell::is_there());
    }
    // SAFETY: system(3)'s own contract.
    or_errno(unsafe { shell::system(command) })
}

unsafe extern "C" fn exported_popen(command: *const c_char, mode: *const c_char) -> File {
    // SAFETY: popen(3)'s own contract.
    unsafe { stream::open(command, mode) }.unwrap_or_else(|error| {
        errno::set(error);
        null_mut()
    })
}

unsafe extern "C" fn exported_pclose(file: File) -> c_int {
    // SAFETY: pclose(3)'s own contract.
    or_errno(unsafe { stream::close(file) })
}
