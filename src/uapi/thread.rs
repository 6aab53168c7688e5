// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typed raw system calls for threads: the memory they run on, and signals to
//! them. As in `sys`, async-signal-safe and without errno or TLS.

use super::Errno;
use super::sys::{KernelSigset, Pid};
use crate::arch::{EMPTY_MAPPING, syscall};
use core::ffi::c_int;

#[cfg(not(target_arch = "x86"))]
use libc::SYS_mmap;
#[cfg(target_arch = "x86")]
use libc::SYS_mmap2 as SYS_mmap; // the older one takes a struct

/// Address space that nobody can access and nothing is charged for (mmap(2)).
pub fn reserve(len: usize) -> Result<usize, Errno> {
    let flags = EMPTY_MAPPING & !libc::MAP_FIXED;
    let arguments = [0, len, libc::PROT_NONE as usize, flags as usize, usize::MAX, 0];
    // SAFETY: a new mapping at an address of the kernel's choice disturbs none.
    Errno::check(unsafe { syscall(SYS_mmap, arguments) })
}

/// Gives memory back and leaves its addresses reserved, with no access to them.
///
/// # Safety
/// The pages must be the caller's own and be used no more.
pub unsafe fn empty(address: usize, len: usize) {
    let arguments = [address, len, libc::PROT_NONE as usize, EMPTY_MAPPING as usize, usize::MAX, 0];
    // SAFETY: by the contract nobody holds a pointer into them.
    unsafe { syscall(SYS_mmap, arguments) };
}

/// Opens reserved memory for reading and writing (mprotect(2)).
///
/// # Safety
/// The pages must be the caller's own.
pub unsafe fn open_memory(address: usize, len: usize) -> Result<(), Errno> {
    let access = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    // SAFETY: by the contract.
    let raw = unsafe { syscall(libc::SYS_mprotect, [address, len, access, 0, 0, 0]) };
    Errno::check(raw).map(drop)
}

/// Makes pages fault for good, whatever access their mapping has (madvise(2),
/// MADV_GUARD_INSTALL). EINVAL before Linux 6.13, and in locked memory.
///
/// # Safety
/// The pages must be the caller's own and hold nothing that is wanted.
pub unsafe fn install_guard(address: usize, len: usize) -> Result<(), Errno> {
    const MADV_GUARD_INSTALL: c_int = 102;
    // SAFETY: by the contract.
    unsafe { advise(address, len, MADV_GUARD_INSTALL) }
}

/// madvise(2).
///
/// # Safety
/// The pages must be the caller's own and hold nothing that the advice loses.
pub unsafe fn advise(address: usize, len: usize, advice: c_int) -> Result<(), Errno> {
    // SAFETY: by the contract.
    let raw = unsafe { syscall(libc::SYS_madvise, [address, len, advice as usize, 0, 0, 0]) };
    Errno::check(raw).map(drop)
}

/// Sets the signal mask of the calling thread.
pub fn set_signal_mask(mask: KernelSigset) {
    super::sys::restore_signals(mask);
}

/// tgkill(2).
pub fn signal_thread(process: Pid, tid: Pid, signal: c_int) -> Result<(), Errno> {
    let arguments = [process as usize, tid as usize, signal as usize, 0, 0, 0];
    // SAFETY: takes no memory.
    Errno::check(unsafe { syscall(libc::SYS_tgkill, arguments) }).map(drop)
}
