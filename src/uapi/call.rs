// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the files of this folder make system calls.
//!
//! All functions here are async-signal-safe and use neither errno nor TLS. Each system
//! call has one function that makes it. A pointer of the program's own to a string or a
//! struct that the kernel only reads is checked by the kernel: an invalid one is a
//! harmless EFAULT.

use super::Errno;
use crate::arch::syscall;
use core::ffi::{c_int, c_long};

/// # Safety
/// As the system call: the kernel may write through pointers among the arguments only to
/// memory that the caller may change.
pub(super) unsafe fn call(nr: c_long, [a, b, c, d, e]: [usize; 5]) -> Result<usize, Errno> {
    // SAFETY: by the contract.
    Errno::check(unsafe { syscall(nr, [a, b, c, d, e, 0]) })
}

/// A call that writes to no memory of the caller's. Returns its result.
pub(super) fn ask(nr: c_long, arguments: [usize; 5]) -> Result<usize, Errno> {
    // SAFETY: the functions of this folder use it for such calls only.
    unsafe { call(nr, arguments) }
}

/// The same for calls without a result.
pub(super) fn tell(nr: c_long, arguments: [usize; 5]) -> Result<(), Errno> {
    ask(nr, arguments).map(drop)
}

/// prctl(2) with options that write to no memory of the caller's.
pub(super) fn prctl(option: c_int, a: usize, b: usize) -> Result<usize, Errno> {
    ask(libc::SYS_prctl, [option as usize, a, b, 0, 0])
}
