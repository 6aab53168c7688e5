// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typed raw system calls by which a child becomes what it was spawned as. As
//! in `sys`, async-signal-safe and without errno or TLS.
//!
//! Strings and arrays are the caller's pointers: the kernel checks them.

use super::Errno;
use super::sys::Pid;
use crate::arch::syscall;
use core::ffi::{c_char, c_int, c_long};

// The calls whose ids have 32 bits everywhere, under one name.
#[cfg(not(target_arch = "x86"))]
use libc::{SYS_getgid, SYS_getuid, SYS_setresgid, SYS_setresuid};
#[cfg(target_arch = "x86")]
use libc::{
    SYS_getgid32 as SYS_getgid, SYS_getuid32 as SYS_getuid, SYS_setresgid32 as SYS_setresgid,
    SYS_setresuid32 as SYS_setresuid,
};

/// A NULL-terminated array of strings, as exec takes them.
pub type Strings = *const *const c_char;

/// # Safety
/// As the system call: pointers among the arguments are checked by the kernel,
/// and what it writes through them must be the caller's to have written.
unsafe fn call(nr: c_long, [a, b, c, d]: [usize; 4]) -> Result<usize, Errno> {
    // SAFETY: by the contract.
    Errno::check(unsafe { syscall(nr, [a, b, c, d, 0, 0]) })
}

/// execve(2): comes back only to say why not.
pub fn exec(path: *const c_char, argv: Strings, envp: Strings) -> Errno {
    let arguments = [path as usize, argv as usize, envp as usize, 0];
    // SAFETY: reads memory only.
    match unsafe { call(libc::SYS_execve, arguments) } {
        Err(errno) => errno,
        Ok(_) => Errno::ENOSYS, // success does not come back
    }
}

/// openat(2) relative to the working directory, with all a file may have: no
/// limit of 2 GiB where pointers have 32 bits.
pub fn open(path: *const c_char, flags: c_int, mode: u32) -> Result<c_int, Errno> {
    let flags = (flags | libc::O_LARGEFILE) as usize;
    let arguments = [libc::AT_FDCWD as usize, path as usize, flags, mode as usize];
    // SAFETY: reads memory only.
    unsafe { call(libc::SYS_openat, arguments) }.map(|fd| fd as c_int)
}

/// fcntl(2) with a number.
pub fn fcntl(fd: c_int, command: c_int, value: c_int) -> Result<c_int, Errno> {
    // SAFETY: the commands used take numbers.
    unsafe { call(libc::SYS_fcntl, [fd as usize, command as usize, value as usize, 0]) }
        .map(|value| value as c_int)
}

/// chdir(2).
pub fn chdir(path: *const c_char) -> Result<(), Errno> {
    // SAFETY: reads memory only.
    unsafe { call(libc::SYS_chdir, [path as usize, 0, 0, 0]) }.map(drop)
}

/// fchdir(2).
pub fn fchdir(fd: c_int) -> Result<(), Errno> {
    // SAFETY: takes no memory.
    unsafe { call(libc::SYS_fchdir, [fd as usize, 0, 0, 0]) }.map(drop)
}

/// close_range(2) (Linux 5.9).
pub fn close_range(first: c_int, last: c_int) -> Result<(), Errno> {
    // SAFETY: takes no memory.
    unsafe { call(libc::SYS_close_range, [first as usize, last as usize, 0, 0]) }.map(drop)
}

/// getdents64(2): how many bytes; 0 at the end.
pub fn read_directory(fd: c_int, bytes: &mut [u8]) -> Result<usize, Errno> {
    let arguments = [fd as usize, bytes.as_mut_ptr() as usize, bytes.len(), 0];
    // SAFETY: the slice is ours to fill.
    unsafe { call(libc::SYS_getdents64, arguments) }
}

/// lseek(2) to the start.
pub fn rewind(fd: c_int) -> Result<(), Errno> {
    // SAFETY: takes no memory.
    unsafe { call(libc::SYS_lseek, [fd as usize, 0, libc::SEEK_SET as usize, 0]) }.map(drop)
}

/// write(2): how many bytes.
pub fn write(fd: c_int, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: reads memory only.
    unsafe { call(libc::SYS_write, [fd as usize, bytes.as_ptr() as usize, bytes.len(), 0]) }
}

/// pipe2(2) with O_CLOEXEC: the reading end and the writing end.
pub fn pipe() -> Result<[c_int; 2], Errno> {
    let mut ends = [0; 2];
    // SAFETY: the array lives over the call.
    unsafe { call(libc::SYS_pipe2, [ends.as_mut_ptr() as usize, libc::O_CLOEXEC as usize, 0, 0]) }
        .map(|_| ends)
}

/// setpgid(2) of the calling process.
pub fn set_process_group(group: Pid) -> Result<(), Errno> {
    // SAFETY: takes no memory.
    unsafe { call(libc::SYS_setpgid, [0, group as usize, 0, 0]) }.map(drop)
}

/// tcsetpgrp(3) to the caller's own process group (ioctl_tty(2), TIOCSPGRP).
pub fn take_terminal(fd: c_int) -> Result<(), Errno> {
    // SAFETY: takes no memory.
    let group = unsafe { call(libc::SYS_getpgid, [0; 4]) }? as Pid;
    let arguments = [fd as usize, libc::TIOCSPGRP as usize, &raw const group as usize, 0];
    // SAFETY: the number lives over the call.
    unsafe { call(libc::SYS_ioctl, arguments) }.map(drop)
}

/// sched_setparam(2) of the calling task.
pub fn set_priority(priority: c_int) -> Result<(), Errno> {
    // struct sched_param is that one int to the kernel.
    let arguments = [0, &raw const priority as usize, 0, 0];
    // SAFETY: the number lives over the call.
    unsafe { call(libc::SYS_sched_setparam, arguments) }.map(drop)
}

/// sched_setscheduler(2) of the calling task.
pub fn set_scheduler(policy: c_int, priority: c_int) -> Result<(), Errno> {
    let arguments = [0, policy as usize, &raw const priority as usize, 0];
    // SAFETY: the number lives over the call.
    unsafe { call(libc::SYS_sched_setscheduler, arguments) }.map(drop)
}

/// Sets the effective ids to the real ones, the group's first, while the user's
/// may still be what allows it (setresgid(2), setresuid(2)).
pub fn reset_ids() -> Result<(), Errno> {
    const KEEP: usize = usize::MAX;
    for (get, set) in [(SYS_getgid, SYS_setresgid), (SYS_getuid, SYS_setresuid)] {
        // SAFETY: takes no memory.
        unsafe {
            let real = call(get, [0; 4])?;
            call(set, [KEEP, real, KEEP, 0])?;
        }
    }
    Ok(())
}
