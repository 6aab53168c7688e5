// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that several processes map; and clocks.

use super::Errno;
use super::call::{call, tell};
use crate::arch::syscall;
use core::ffi::{CStr, c_int, c_long};

/// Allocates this many bytes for a file, so that no write to them finds the disk full
/// (fallocate(2)).
pub fn allocate(fd: c_int, bytes: usize) -> Result<(), Errno> {
    #[cfg(target_pointer_width = "64")]
    let arguments = [fd as usize, 0, 0, bytes, 0];
    #[cfg(target_pointer_width = "32")]
    let arguments = [fd as usize, 0, 0, 0, bytes]; // in two halves, the low one first
    // The sixth argument is 0.
    tell(libc::SYS_fallocate, arguments)
}

/// Gives a file a further name, which must not exist yet (linkat(2)).
pub fn link(from: &CStr, to: &CStr) -> Result<(), Errno> {
    let here = libc::AT_FDCWD as usize;
    tell(libc::SYS_linkat, [here, from.as_ptr() as usize, here, to.as_ptr() as usize, 0])
}

/// Removes a name (unlinkat(2)).
pub fn unlink(path: &CStr) -> Result<(), Errno> {
    tell(libc::SYS_unlinkat, [libc::AT_FDCWD as usize, path.as_ptr() as usize, 0, 0, 0])
}

/// The working directory with its NUL (getcwd(2)). Returns how many bytes.
pub fn working_directory(place: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the slice is ours to fill.
    unsafe { call(libc::SYS_getcwd, [place.as_mut_ptr() as usize, place.len(), 0, 0, 0]) }
}

/// The time of a clock in nanoseconds (clock_gettime(2)); 0 if the call fails.
pub fn time(clock: c_int) -> u64 {
    let mut time = [0 as c_long; 2];
    let arguments = [clock as usize, time.as_mut_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: the struct of two longs outlives the call.
    unsafe { syscall(libc::SYS_clock_gettime, arguments) };
    time[0] as u64 * 1_000_000_000 + time[1] as u64
}
