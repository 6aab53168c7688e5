// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the files of this room make a system call.
//!
//! The calls of all files here are async-signal-safe and touch neither errno nor TLS.
//! Each system call has one function that makes it. Where an argument is a pointer of the
//! program's own, to a string or a struct that the kernel only reads, the kernel checks it:
//! a wrong one is EFAULT, and no harm.

use super::Errno;
use crate::arch::syscall;
use core::ffi::{c_int, c_long};

/// # Safety
/// As the system call: what the kernel writes through pointers among the
/// arguments must be the caller's to have written.
pub(super) unsafe fn call(nr: c_long, [a, b, c, d, e]: [usize; 5]) -> Result<usize, Errno> {
    // SAFETY: by the contract.
    Errno::check(unsafe { syscall(nr, [a, b, c, d, e, 0]) })
}

/// A call that writes to no memory of the caller's: its answer.
pub(super) fn ask(nr: c_long, arguments: [usize; 5]) -> Result<usize, Errno> {
    // SAFETY: the functions of this room use it for nothing else.
    unsafe { call(nr, arguments) }
}

/// The same where the answer is nothing but that it was done.
pub(super) fn tell(nr: c_long, arguments: [usize; 5]) -> Result<(), Errno> {
    ask(nr, arguments).map(drop)
}

/// prctl(2) with options that write to no memory of the caller's.
pub(super) fn prctl(option: c_int, a: usize, b: usize) -> Result<usize, Errno> {
    ask(libc::SYS_prctl, [option as usize, a, b, 0, 0])
}
