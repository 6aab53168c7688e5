// SPDX-License-Identifier: MIT OR Apache-2.0
//! `fork`, `_Fork`, `forkpty`; their prototypes are the libc headers' own.

use super::or_errno;
use crate::arch::entry;
use crate::process::{fork, forkpty};
use crate::uapi::sys::Pid;
use core::ffi::{c_char, c_int};

entry!("fork", "__fork" => exported_fork);
entry!("_Fork" => exported_underscore_fork);
entry!("forkpty" => exported_forkpty);

extern "C" fn exported_fork() -> Pid {
    or_errno(fork::fork())
}

extern "C" fn exported_underscore_fork() -> Pid {
    or_errno(fork::underscore_fork())
}

unsafe extern "C" fn exported_forkpty(
    master: *mut c_int,
    name: *mut c_char,
    termios: *const libc::termios,
    size: *const libc::winsize,
) -> Pid {
    // SAFETY: forkpty(3)'s own contract.
    or_errno(unsafe { forkpty::forkpty(master, name, termios, size) })
}
