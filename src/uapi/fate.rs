// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has become of a child that nobody has waited for. As in `sys`,
//! async-signal-safe and without errno or TLS.

use super::sys::Pid;
use super::{Errno, file};
use crate::arch::syscall;
use crate::base::decimal;
use crate::base::text::Buffer;
use core::ffi::c_int;
use core::mem::MaybeUninit;

/// What has become of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has not ended.
    Alive,
    /// A signal ended it; it stays to be waited for.
    Killed(c_int),
    /// It ended in another way, or is no child (any more).
    Gone,
}

/// What has become of a child, which stays to be waited for (waitid(2)).
pub fn of(pid: Pid) -> Fate {
    let mut told = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
    let place = told.as_mut_ptr() as usize;
    // SAFETY: the struct lives over the call.
    let raw = unsafe {
        syscall(
            libc::SYS_waitid,
            [libc::P_PID as usize, pid as usize, place, options as usize, 0, 0],
        )
    };
    if Errno::check(raw).is_err() {
        return Fate::Gone;
    }
    // SAFETY: zeroes are a siginfo_t, and so is what waitid(2) stores.
    let (pid, code, status) = unsafe {
        let told = told.assume_init();
        (told.si_pid(), told.si_code, told.si_status())
    };
    match (pid, code) {
        (0, _) => Fate::Alive,
        (_, libc::CLD_KILLED | libc::CLD_DUMPED) => Fate::Killed(status),
        _ => Fate::Gone,
    }
}

/// Whether a child, dead or alive, has executed a program; where that can be told.
pub fn has_executed(pid: Pid) -> Option<bool> {
    const NONE: usize = c_int::MAX as usize; // no process group has this number
    let set_group = |pid: Pid, group: usize| {
        // SAFETY: takes numbers, and is refused.
        Errno::check(unsafe { syscall(libc::SYS_setpgid, [pid as usize, group, 0, 0, 0, 0]) })
    };
    let session = |pid: Pid| {
        // SAFETY: takes a number.
        Errno::check(unsafe { syscall(libc::SYS_getsid, [pid as usize, 0, 0, 0, 0, 0]) })
    };
    match set_group(pid, NONE) {
        Err(Errno::EACCES) => Some(true),
        // From the kernel and not from a filter, which knows no negative group either.
        Err(Errno::EPERM)
            if session(pid).is_ok_and(|own| session(0) == Ok(own))
                && set_group(pid, usize::MAX) == Err(Errno::EINVAL) =>
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

/// The ninth field. The second, in parentheses, may have anything in it.
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
