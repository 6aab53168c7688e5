// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting: for a child, by waitid(2), and until a descriptor is readable.

use super::Errno;
use super::call::call;
use super::futex::Timespec;
use super::sys::Pid;
use core::ffi::{c_int, c_long};
use core::mem::MaybeUninit;

#[cfg(target_pointer_width = "64")]
const SYS_PPOLL: c_long = libc::SYS_ppoll;
#[cfg(target_pointer_width = "32")]
const SYS_PPOLL: c_long = 414; // ppoll_time64, Linux 5.1; so has pidfd_open(2), 5.3

/// P_PIDFD (Linux 5.4).
const BY_PIDFD: usize = 3;

/// A child that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its pid.
    pub pid: Pid,
    /// Its wait status (wait(2)).
    pub status: c_int,
    /// Its resource usage.
    pub usage: Usage,
}

/// The kernel's struct rusage. Its times have the width of a long even where the C
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

/// What the calling process has used itself (getrusage(2)); nothing where that cannot be had.
pub fn own_usage() -> Usage {
    const RUSAGE_SELF: usize = 0;
    let mut usage = Usage::default();
    let arguments = [RUSAGE_SELF, &raw mut usage as usize, 0, 0, 0];
    // SAFETY: the kernel fills the struct that it is given.
    _ = unsafe { call(libc::SYS_getrusage, arguments) };
    usage
}

/// What waitid(2) reports of a child.
pub(super) struct Told {
    /// 0 if there is nothing to report.
    pub pid: Pid,
    /// CLD_*
    pub code: c_int,
    /// The exit status, or the signal.
    pub status: c_int,
}

/// waitid(2) for children of any kind, without sleeping (WNOHANG). Reports one that has
/// ended.
pub(super) fn look(
    which: usize,
    id: c_int,
    options: c_int,
    usage: Option<&mut Usage>,
) -> Result<Told, Errno> {
    let mut told = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = options | libc::WEXITED | libc::WNOHANG | libc::__WALL;
    let (place, usage) =
        (told.as_mut_ptr() as usize, usage.map_or(0, |usage| &raw mut *usage as usize));
    // SAFETY: both structs outlive the call.
    unsafe { call(libc::SYS_waitid, [which, id as usize, place, options as usize, usage]) }?;
    // SAFETY: zeroes are a siginfo_t, and so is what waitid(2) stores.
    unsafe {
        let told = told.assume_init();
        Ok(Told { pid: told.si_pid(), code: told.si_code, status: told.si_status() })
    }
}

/// Reaps a child that has ended, by its pidfd; `None` while it runs.
pub fn take(pidfd: c_int) -> Result<Option<Ended>, Errno> {
    let mut usage = Usage::default();
    let Told { pid, code, status } = look(BY_PIDFD, pidfd, 0, Some(&mut usage))?;
    Ok((pid != 0).then_some(Ended { pid, status: status_of(code, status), usage }))
}

/// The same encoded as by wait(2).
pub fn status_of(code: c_int, status: c_int) -> c_int {
    match code {
        libc::CLD_DUMPED => status | 0x80,
        libc::CLD_KILLED => status,
        _ => (status & 0xff) << 8,
    }
}

/// Waits until a descriptor is readable, without a limit if `left` is `None`. The kernel
/// subtracts the time that has passed from `left`. `false` if the time is over; EINTR if
/// a signal handler ran.
pub fn until_readable(fd: c_int, left: Option<&mut Timespec>) -> Result<bool, Errno> {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one struct, which outlives the call.
    unsafe { ppoll(&raw mut poll, 1, left) }.map(|ready| ready != 0)
}

/// Sleeps for a millisecond, or the remaining time if it is less. Returns whether the
/// time is over; EINTR.
pub fn pause(left: Option<&mut Timespec>) -> Result<bool, Errno> {
    let (mut short, is_over) = Timespec::part_of(left);
    // SAFETY: no struct.
    unsafe { ppoll(core::ptr::null_mut(), 0, Some(&mut short)) }?;
    Ok(is_over)
}

/// Whether a descriptor is readable now: a pidfd is once its process has ended. By the
/// older ppoll(2), whose struct timespec has two longs, because filters know it.
pub fn is_readable(fd: c_int) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let mut at_once: [c_long; 2] = [0; 2];
    let [polls, time] = [&raw mut poll as usize, &raw mut at_once as usize];
    // SAFETY: both structs outlive the call.
    let ready = unsafe { call(libc::SYS_ppoll, [polls, 1, time, 0, 0]) };
    ready == Ok(1)
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
    let time = left.map_or(0, |left| &raw mut *left as usize);
    // SAFETY: by the contract; the time outlives the call.
    unsafe { call(SYS_PPOLL, [polls as usize, count, time, 0, 0]) }
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
