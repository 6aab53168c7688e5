// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pages of memory, and addresses that a caller gave.

use super::call::{call, tell};
use super::sys::KernelSigset;
use super::{Errno, task};
use crate::arch::{EMPTY_MAPPING, syscall};
use core::ffi::{c_int, c_void};

#[cfg(not(target_arch = "x86"))]
use libc::SYS_mmap;
#[cfg(target_arch = "x86")]
use libc::SYS_mmap2 as SYS_mmap; // the older one takes a struct

/// Whether eight bytes can be read; EFAULT if not.
///
/// rt_sigprocmask(2) copies the set before it checks `how`, and refuses an invalid `how`:
/// it reads without an effect, and every sandbox has to allow it (kernel/signal.c).
pub fn probe(address: u64) -> Result<(), Errno> {
    const NO_SUCH_HOW: usize = 99;
    let address = usize::try_from(address).map_err(|_| Errno::EFAULT)?;
    let arguments = [NO_SUCH_HOW, address, 0, size_of::<KernelSigset>(), 0];
    match tell(libc::SYS_rt_sigprocmask, arguments) {
        Err(Errno::EFAULT) => Err(Errno::EFAULT),
        _ if address == 0 => Err(Errno::EFAULT), // with NULL the kernel copies no set
        _ => Ok(()),
    }
}

/// Stores an int at an address that a caller gave; EFAULT if it cannot be written
/// (process_vm_writev(2) on the calling process, Linux 3.2).
///
/// # Safety
/// The caller must be allowed to change the memory there.
pub unsafe fn store(address: u64, value: c_int) -> Result<(), Errno> {
    // Needed because process_vm_writev(2) accepts an arm64 address with a tag in its top
    // byte, which other stores of the kernel's do not.
    probe_writable(address)?;
    let from = [&raw const value as usize, size_of::<c_int>()];
    let to = [usize::try_from(address).map_err(|_| Errno::EFAULT)?, size_of::<c_int>()];
    let (from, to) = (from.as_ptr() as usize, to.as_ptr() as usize);
    // SAFETY: the kernel checks the address; the rest by the contract. The sixth argument
    // is 0.
    unsafe { call(libc::SYS_process_vm_writev, [task::getpid() as usize, from, 1, to, 1]) }
        .map(drop)
}

/// Whether the int at an address can be written; EFAULT if not. Changes
/// nothing: futex(2) FUTEX_WAKE_OP adds 0 to it and wakes no thread.
pub fn probe_writable(address: u64) -> Result<(), Errno> {
    const ADD_NOTHING: usize = (libc::FUTEX_OP_ADD as usize) << 28;
    let operation = (libc::FUTEX_WAKE_OP | libc::FUTEX_PRIVATE_FLAG) as usize;
    let mine: c_int = 0;
    let address = usize::try_from(address).map_err(|_| Errno::EFAULT)?;
    let first = address & !3;
    let last = address.wrapping_add(3) & !3;
    for word in [first, last] {
        let arguments = [&raw const mine as usize, operation, 0, 0, word, ADD_NOTHING];
        // SAFETY: an atomic addition of 0.
        let raw = unsafe { syscall(libc::SYS_futex, arguments) };
        if Errno::check(raw) == Err(Errno::EFAULT) {
            return Err(Errno::EFAULT);
        }
    }
    Ok(())
}

/// Fresh zeroed memory of the process's own (mmap(2), private, anonymous).
pub fn map_pages(len: usize) -> Result<*mut c_void, Errno> {
    map(len, libc::MAP_PRIVATE)
}

/// The same for memory that is used at once: it is populated, without a page fault for
/// each page.
pub fn map_populated_pages(len: usize) -> Result<*mut c_void, Errno> {
    map(len, libc::MAP_PRIVATE | libc::MAP_POPULATE)
}

/// Fresh zeroed memory that children share, whatever their flags.
pub fn map_shared_pages(len: usize) -> Result<*mut c_void, Errno> {
    map(len, libc::MAP_SHARED)
}

fn map(len: usize, flags: c_int) -> Result<*mut c_void, Errno> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice disturbs none.
    unsafe { mmap(0, len, access, flags | libc::MAP_ANONYMOUS, -1) }
        .map(|address| address as *mut c_void)
}

/// Maps a file's first bytes, shared (MAP_SHARED), and left out of core dumps.
pub fn map_file(fd: c_int, len: usize) -> Result<*mut c_void, Errno> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice disturbs none, and the
    // advice does not discard its content.
    unsafe {
        let address = mmap(0, len, access, libc::MAP_SHARED, fd)?;
        _ = advise(address, len, libc::MADV_DONTDUMP);
        Ok(address as *mut c_void)
    }
}

/// mmap(2), of no file where the descriptor is -1.
///
/// # Safety
/// With MAP_FIXED the pages there must be the caller's own, and be used no more.
unsafe fn mmap(
    address: usize,
    len: usize,
    access: c_int,
    flags: c_int,
    fd: c_int,
) -> Result<usize, Errno> {
    let arguments = [address, len, access as usize, flags as usize, fd as usize, 0];
    // SAFETY: by the contract.
    Errno::check(unsafe { syscall(SYS_mmap, arguments) })
}

/// munmap(2).
///
/// # Safety
/// The pages must come from one of the functions above and be used no more.
pub unsafe fn unmap_pages(address: *mut c_void, len: usize) {
    // SAFETY: by the contract there is no pointer into them.
    _ = unsafe { call(libc::SYS_munmap, [address as usize, len, 0, 0, 0]) };
}

/// Address space without any access (PROT_NONE) and without a charge for it (mmap(2)).
pub fn reserve(len: usize) -> Result<usize, Errno> {
    // SAFETY: a new mapping at an address of the kernel's choice disturbs none.
    unsafe { mmap(0, len, libc::PROT_NONE, EMPTY_MAPPING & !libc::MAP_FIXED, -1) }
}

/// Releases memory and keeps its addresses reserved, without access (PROT_NONE).
///
/// # Safety
/// The pages must be the caller's own and be used no more.
pub unsafe fn empty(address: usize, len: usize) {
    // SAFETY: by the contract there is no pointer into them.
    _ = unsafe { mmap(address, len, libc::PROT_NONE, EMPTY_MAPPING, -1) };
}

/// Opens reserved memory for reading and writing (mprotect(2)).
///
/// # Safety
/// The pages must be the caller's own.
pub unsafe fn open_memory(address: usize, len: usize) -> Result<(), Errno> {
    let access = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    // SAFETY: by the contract.
    unsafe { call(libc::SYS_mprotect, [address, len, access, 0, 0]) }.map(drop)
}

/// Makes pages fault for good, whatever access their mapping has (madvise(2),
/// MADV_GUARD_INSTALL). EINVAL before Linux 6.13, and in locked memory.
///
/// # Safety
/// The pages must be the caller's own, and their content not needed any more.
pub unsafe fn install_guard(address: usize, len: usize) -> Result<(), Errno> {
    const MADV_GUARD_INSTALL: c_int = 102;
    // SAFETY: by the contract.
    unsafe { advise(address, len, MADV_GUARD_INSTALL) }
}

/// madvise(2).
///
/// # Safety
/// The pages must be the caller's own, and content that the advice discards not needed
/// any more.
pub unsafe fn advise(address: usize, len: usize, advice: c_int) -> Result<(), Errno> {
    // SAFETY: by the contract.
    unsafe { call(libc::SYS_madvise, [address, len, advice as usize, 0, 0]) }.map(drop)
}
