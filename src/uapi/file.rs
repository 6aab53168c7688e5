// SPDX-License-Identifier: MIT OR Apache-2.0
//! Descriptors and directories.

use super::Errno;
use super::call::{ask, call, tell};
use crate::arch::syscall;
use core::ffi::{CStr, c_char, c_int, c_ulong};

fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: u32) -> Result<c_int, Errno> {
    let arguments = [directory as usize, path as usize, flags as usize, mode as usize, 0];
    ask(libc::SYS_openat, arguments).map(|fd| fd as c_int)
}

/// openat(2) relative to the working directory.
pub fn open(path: &CStr, flags: c_int) -> Result<c_int, Errno> {
    open_at(libc::AT_FDCWD, path, flags)
}

/// openat(2) relative to a directory.
pub fn open_at(directory: c_int, path: &CStr, flags: c_int) -> Result<c_int, Errno> {
    openat(directory, path.as_ptr(), flags, 0)
}

/// openat(2) relative to the working directory, with O_LARGEFILE, so that files may
/// exceed 2 GiB on 32-bit machines. The kernel checks the path.
pub fn open_path(path: *const c_char, flags: c_int, mode: u32) -> Result<c_int, Errno> {
    openat(libc::AT_FDCWD, path, flags | libc::O_LARGEFILE, mode)
}

/// A descriptor of a directory, close-on-exec, that only names it (O_PATH). `path` is a C
/// string; EFAULT if it cannot be read.
pub fn open_directory(path: *const c_char) -> Result<c_int, Errno> {
    open_path(path, libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC, 0)
}

/// close(2). Returns whether it was open; it is closed even if close(2) fails.
pub fn close(fd: c_int) -> bool {
    // SAFETY: takes no memory.
    let raw = unsafe { syscall(libc::SYS_close, [fd as usize, 0, 0, 0, 0, 0]) };
    Errno::check(raw) != Err(Errno::EBADF)
}

fn fcntl(fd: c_int, command: c_int, value: c_int) -> Result<c_int, Errno> {
    ask(libc::SYS_fcntl, [fd as usize, command as usize, value as usize, 0, 0])
        .map(|value| value as c_int)
}

/// FD_CLOEXEC, or 0 (fcntl(2), F_GETFD).
pub fn descriptor_flags(fd: c_int) -> Result<c_int, Errno> {
    fcntl(fd, libc::F_GETFD, 0)
}

/// Sets the descriptor's flags: FD_CLOEXEC, or 0 (fcntl(2), F_SETFD).
pub fn set_descriptor_flags(fd: c_int, flags: c_int) -> Result<(), Errno> {
    fcntl(fd, libc::F_SETFD, flags).map(drop)
}

/// Whether a descriptor is open.
pub fn is_open(fd: c_int) -> bool {
    descriptor_flags(fd).is_ok()
}

/// A copy with the lowest free number from that one on, close-on-exec (fcntl(2),
/// F_DUPFD_CLOEXEC).
pub fn duplicate_from(lowest: c_int, fd: c_int) -> Result<c_int, Errno> {
    fcntl(fd, libc::F_DUPFD_CLOEXEC, lowest)
}

/// dup2(2) of two different descriptors. Where there is a system call of that name it is
/// used, as in the libcs: a filter may allow it and not dup3(2).
pub fn dup_onto(from: c_int, to: c_int) -> Result<(), Errno> {
    if from == to {
        return Ok(());
    }
    // SAFETY: takes no memory.
    let call = |number| unsafe { syscall(number, [from as usize, to as usize, 0, 0, 0, 0]) };
    #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
    match Errno::check(call(libc::SYS_dup2)) {
        // Only a filter returns these.
        Err(Errno::ENOSYS | Errno::EPERM) => {}
        outcome => return outcome.map(drop),
    }
    Errno::check(call(libc::SYS_dup3)).map(drop)
}

/// ioctl(2) with a number or a pointer as its argument.
///
/// # Safety
/// `argument` must be what `request` takes.
pub unsafe fn ioctl(fd: c_int, request: c_ulong, argument: usize) -> Result<c_int, Errno> {
    // SAFETY: passed on from the caller.
    let raw =
        unsafe { syscall(libc::SYS_ioctl, [fd as usize, request as usize, argument, 0, 0, 0]) };
    Errno::check(raw).map(|value| value as c_int)
}

/// read(2). Returns how many bytes.
pub fn read(fd: c_int, bytes: &mut [u8]) -> Result<usize, Errno> {
    let arguments = [fd as usize, bytes.as_mut_ptr() as usize, bytes.len(), 0, 0];
    // SAFETY: the slice is ours to fill.
    unsafe { call(libc::SYS_read, arguments) }
}

/// write(2). Returns how many bytes.
pub fn write(fd: c_int, bytes: &[u8]) -> Result<usize, Errno> {
    ask(libc::SYS_write, [fd as usize, bytes.as_ptr() as usize, bytes.len(), 0, 0])
}

/// readlinkat(2). Returns how many bytes, truncated to the slice.
fn read_link_into(path: &CStr, bytes: &mut [u8]) -> Result<usize, Errno> {
    let (directory, path) = (libc::AT_FDCWD as usize, path.as_ptr() as usize);
    let arguments = [directory, path, bytes.as_mut_ptr() as usize, bytes.len(), 0];
    // SAFETY: the slice is ours to fill.
    unsafe { call(libc::SYS_readlinkat, arguments) }
}

/// The target of a symbolic link, with a NUL after it.
pub fn read_link(path: &CStr, bytes: &mut [u8]) -> Result<(), Errno> {
    let room = bytes.len().saturating_sub(1);
    let length = read_link_into(path, bytes.get_mut(..room).unwrap_or_default())?;
    match bytes.get_mut(length) {
        Some(end) if length < room => *end = 0,
        _ => return Err(Errno::ENAMETOOLONG),
    }
    Ok(())
}

/// Whether there is a symbolic link of this name, with a target.
pub fn is_link(path: &CStr) -> bool {
    read_link_into(path, &mut [0]) == Ok(1)
}

/// chdir(2).
pub fn chdir(path: *const c_char) -> Result<(), Errno> {
    tell(libc::SYS_chdir, [path as usize, 0, 0, 0, 0]).map(drop)
}

/// fchdir(2).
pub fn fchdir(fd: c_int) -> Result<(), Errno> {
    tell(libc::SYS_fchdir, [fd as usize, 0, 0, 0, 0]).map(drop)
}

/// close_range(2) (Linux 5.9).
pub fn close_range(first: c_int, last: c_int) -> Result<(), Errno> {
    tell(libc::SYS_close_range, [first as usize, last as usize, 0, 0, 0]).map(drop)
}

/// getdents64(2). Returns how many bytes; 0 at the end.
pub fn read_directory(fd: c_int, bytes: &mut [u8]) -> Result<usize, Errno> {
    let arguments = [fd as usize, bytes.as_mut_ptr() as usize, bytes.len(), 0, 0];
    // SAFETY: the slice is ours to fill.
    unsafe { call(libc::SYS_getdents64, arguments) }
}

/// pipe2(2) with O_CLOEXEC: the reading end and the writing end.
pub fn pipe() -> Result<[c_int; 2], Errno> {
    let mut ends = [0; 2];
    // SAFETY: the array outlives the call.
    unsafe {
        call(libc::SYS_pipe2, [ends.as_mut_ptr() as usize, libc::O_CLOEXEC as usize, 0, 0, 0])
    }
    .map(|_| ends)
}

/// lseek(2), with 64 bits everywhere. Returns the new offset.
#[cfg(target_pointer_width = "64")]
pub fn seek(fd: c_int, offset: i64, whence: c_int) -> Result<i64, Errno> {
    let arguments = [fd as usize, offset as usize, whence as usize, 0, 0, 0];
    // SAFETY: takes no memory.
    Errno::check(unsafe { syscall(libc::SYS_lseek, arguments) }).map(|place| place as i64)
}

/// By _llseek(2).
#[cfg(target_pointer_width = "32")]
pub fn seek(fd: c_int, offset: i64, whence: c_int) -> Result<i64, Errno> {
    let mut place = 0i64;
    let halves = [(offset >> 32) as usize, offset as usize];
    let there = &raw mut place as usize;
    // SAFETY: the place outlives the call.
    let raw = unsafe {
        syscall(libc::SYS__llseek, [fd as usize, halves[0], halves[1], there, whence as usize, 0])
    };
    Errno::check(raw).map(|_| place)
}
