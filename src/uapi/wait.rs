// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for a child by its pidfd. As in `sys`, async-signal-safe and without errno or
//! TLS.

use super::Errno;
use super::futex::Timespec;
use super::sys::Pid;
use crate::arch::syscall;
use core::ffi::{c_int, c_long};
use core::mem::MaybeUninit;

/// P_PIDFD (Linux 5.4).
const BY_PIDFD: usize = 3;

/// A child that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its pid.
    pub pid: Pid,
    /// How it ended, as wait(2) has it.
    pub status: c_int,
    /// What it used.
    pub usage: Usage,
}

/// The kernel's struct rusage, whose times have the width of a long also where the C
/// library's have 64 bits.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    user: [c_long; 2],
    system: [c_long; 2],
    /// KiB.
    pub max_rss: c_long,
    unused: [c_long; 3],
    pub minor_faults: c_long,
    pub major_faults: c_long,
    swaps: c_long,
    pub block_reads: c_long,
    pub block_writes: c_long,
    messages: [c_long; 2],
    signals: c_long,
    pub voluntary_switches: c_long,
    pub involuntary_switches: c_long,
}

impl Usage {
    /// Time in user mode, in nanoseconds.
    pub fn user_time(&self) -> u64 {
        nanoseconds(self.user)
    }

    /// Time in the kernel, in nanoseconds.
    pub fn system_time(&self) -> u64 {
        nanoseconds(self.system)
    }
}

fn nanoseconds([seconds, microseconds]: [c_long; 2]) -> u64 {
    seconds as u64 * 1_000_000_000 + microseconds as u64 * 1000
}

/// Takes a child that has ended (waitid(2)); `None` while it runs.
pub fn take(pidfd: c_int) -> Result<Option<Ended>, Errno> {
    let mut told = MaybeUninit::<libc::siginfo_t>::zeroed();
    let mut usage = Usage::default();
    let options = libc::WEXITED | libc::WNOHANG | libc::__WALL;
    let place = told.as_mut_ptr() as usize;
    let arguments = [BY_PIDFD, pidfd as usize, place, options as usize, &raw mut usage as usize, 0];
    // SAFETY: both structs live over the call.
    Errno::check(unsafe { syscall(libc::SYS_waitid, arguments) })?;
    // SAFETY: zeroes are a siginfo_t, and so is what waitid(2) stores.
    let (pid, code, status) = unsafe {
        let told = told.assume_init();
        (told.si_pid(), told.si_code, told.si_status())
    };
    Ok((pid != 0).then_some(Ended { pid, status: status_of(code, status), usage }))
}

/// As wait(2) packs it.
fn status_of(code: c_int, status: c_int) -> c_int {
    match code {
        libc::CLD_DUMPED => status | 0x80,
        libc::CLD_KILLED => status,
        _ => (status & 0xff) << 8,
    }
}

/// Waits until a descriptor is readable, for ever without a time, from which the kernel takes
/// what has passed: `false` when it is over. A handler that runs ends it: EINTR.
pub fn until_readable(fd: c_int, left: Option<&mut Timespec>) -> Result<bool, Errno> {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one struct, which lives over the call.
    unsafe { ppoll(&raw mut poll, 1, left) }.map(|ready| ready != 0)
}

/// Sleeps for a millisecond, or what is left of the time: whether it is over then. EINTR.
pub fn pause(left: Option<&mut Timespec>) -> Result<bool, Errno> {
    let (mut short, is_over) = Timespec::part_of(left);
    // SAFETY: no struct.
    unsafe { ppoll(core::ptr::null_mut(), 0, Some(&mut short)) }?;
    Ok(is_over)
}

/// ppoll(2), without a signal mask.
///
/// # Safety
/// There must be so many structs.
unsafe fn ppoll(
    polls: *mut libc::pollfd,
    count: usize,
    left: Option<&mut Timespec>,
) -> Result<usize, Errno> {
    #[cfg(target_pointer_width = "64")]
    const PPOLL: c_long = libc::SYS_ppoll;
    #[cfg(target_pointer_width = "32")]
    const PPOLL: c_long = 414; // ppoll_time64, Linux 5.1
    let time = left.map_or(0, |left| &raw mut *left as usize);
    // SAFETY: by the contract; the time lives over the call.
    Errno::check(unsafe { syscall(PPOLL, [polls as usize, count, time, 0, 0, 0]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_packed_as_wait_has_them() {
        let exited = status_of(libc::CLD_EXITED, 7);
        assert!(libc::WIFEXITED(exited) && libc::WEXITSTATUS(exited) == 7);
        let killed = status_of(libc::CLD_KILLED, 9);
        assert!(libc::WIFSIGNALED(killed) && libc::WTERMSIG(killed) == 9);
        let dumped = status_of(libc::CLD_DUMPED, 6);
        assert!(libc::WCOREDUMP(dumped) && libc::WTERMSIG(dumped) == 6);
    }

    #[test]
    fn times_are_nanoseconds() {
        let usage = Usage { user: [1, 2], system: [0, 999_999], ..Usage::default() };
        assert_eq!((usage.user_time(), usage.system_time()), (1_000_002_000, 999_999_000));
        assert_eq!(size_of::<Usage>(), 18 * size_of::<c_long>());
    }
}
