// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state of a child that has not been reaped yet.

use super::sys::Pid;
use super::wait::{self, Told};
use super::{Errno, file, session};
use crate::base::decimal;
use crate::base::text::Buffer;
use core::ffi::c_int;

/// The state of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has not ended.
    Alive,
    /// A signal killed it; it is a zombie.
    Killed(c_int),
    /// It ended in another way, or is no child, or not any more.
    Gone,
}

fn peek(pid: Pid) -> Result<Told, Errno> {
    wait::look(libc::P_PID as usize, pid, libc::WNOWAIT, None)
}

/// The state of a child, which is not reaped.
pub fn of(pid: Pid) -> Fate {
    match peek(pid) {
        Ok(Told { pid: 0, .. }) => Fate::Alive,
        Ok(Told { code: libc::CLD_KILLED | libc::CLD_DUMPED, status, .. }) => Fate::Killed(status),
        _ => Fate::Gone,
    }
}

/// Whether a child has ended, or is no child, or not any more; it is not reaped.
pub fn has_ended(pid: Pid) -> bool {
    peek(pid).map_or_else(|errno| errno.0 == libc::ECHILD, |told| told.pid != 0)
}

/// Whether a child, also a zombie, has executed a program; `None` if that is unknown.
pub fn has_executed(pid: Pid) -> Option<bool> {
    const NONE: Pid = Pid::MAX; // no process group has this number
    match session::set_process_group_of(pid, NONE) {
        Err(Errno::EACCES) => Some(true),
        // From the kernel, not from a filter: a filter would refuse the negative group as
        // well.
        Err(Errno::EPERM)
            if session::session_of(pid).is_ok_and(|own| session::session_of(0) == Ok(own))
                && session::set_process_group_of(pid, -1) == Err(Errno::EINVAL) =>
        {
            Some(false)
        }
        _ => has_flag_of_exec(pid),
    }
}

/// The same by the flags in /proc/PID/stat (proc(5)).
fn has_flag_of_exec(pid: Pid) -> Option<bool> {
    const PF_FORKNOEXEC: u32 = 0x40; // include/linux/sched.h
    let mut bytes = [0u8; 256];
    let stat = file::open(path_of_stat(pid).c_str(), libc::O_RDONLY | libc::O_CLOEXEC).ok()?;
    let length = file::read(stat, &mut bytes);
    file::close(stat);
    let flags = flags_in(bytes.get(..length.ok()?)?)?;
    Some(flags & PF_FORKNOEXEC == 0)
}

fn path_of_stat(pid: Pid) -> Buffer<24> {
    let mut path = Buffer::new();
    path.push(b"/proc/").push_number(pid.into()).push(b"/stat");
    path
}

/// The ninth field. The second, in parentheses, may contain any characters.
fn flags_in(stat: &[u8]) -> Option<u32> {
    let name = stat.iter().rposition(|&byte| byte == b')')?;
    decimal::read(stat.get(name + 2..)?.split(|&byte| byte == b' ').nth(6)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_the_ninth_field() {
        let stat = b"12 (a ) b) S 1 12 12 0 -1 4194304 109 0";
        assert_eq!(flags_in(stat), Some(4_194_304));
        assert_eq!(flags_in(b"12 (a) S 1"), None);
        assert_eq!(path_of_stat(4_194_303).c_str(), c"/proc/4194303/stat");
    }
}
