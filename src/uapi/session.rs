// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions, process groups, terminals.

use super::call::{ask, tell};
use super::sys::Pid;
use super::{Errno, file};
use core::ffi::c_int;

/// setsid(2).
pub fn setsid() -> Result<Pid, Errno> {
    ask(libc::SYS_setsid, [0; 5]).map(|sid| sid as Pid)
}

/// getsid(2): the session of a process, 0 for the calling one.
pub fn session_of(pid: Pid) -> Result<Pid, Errno> {
    ask(libc::SYS_getsid, [pid as usize, 0, 0, 0, 0]).map(|sid| sid as Pid)
}

/// setpgid(2) of the calling process.
pub fn set_process_group(group: Pid) -> Result<(), Errno> {
    set_process_group_of(0, group)
}

/// setpgid(2).
pub fn set_process_group_of(pid: Pid, group: Pid) -> Result<(), Errno> {
    tell(libc::SYS_setpgid, [pid as usize, group as usize, 0, 0, 0])
}

/// tcsetpgrp(3) to the caller's own process group (ioctl_tty(2), TIOCSPGRP).
pub fn take_terminal(fd: c_int) -> Result<(), Errno> {
    let group = ask(libc::SYS_getpgid, [0; 5])? as Pid;
    // SAFETY: the number outlives the call.
    unsafe { file::ioctl(fd, libc::TIOCSPGRP as _, &raw const group as usize) }.map(drop)
}

/// ioctl_tty(2), TIOCSCTTY: the terminal becomes the session's.
pub fn set_terminal(fd: c_int) -> Result<(), Errno> {
    // SAFETY: takes a number.
    unsafe { file::ioctl(fd, libc::TIOCSCTTY as _, 0) }.map(drop)
}
