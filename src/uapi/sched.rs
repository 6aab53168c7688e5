// SPDX-License-Identifier: MIT OR Apache-2.0
//! The calling task's share of the machine: processors, priorities, limits.

use super::Errno;
use super::call::{call, prctl, tell};
use core::ffi::{c_int, c_void};

/// sched_setscheduler(2) of the calling task.
pub fn set_scheduler(policy: c_int, priority: c_int) -> Result<(), Errno> {
    // struct sched_param is one int to the kernel.
    let arguments = [0, policy as usize, &raw const priority as usize, 0, 0];
    tell(libc::SYS_sched_setscheduler, arguments)
}

/// sched_setparam(2) of the calling task.
pub fn set_priority(priority: c_int) -> Result<(), Errno> {
    tell(libc::SYS_sched_setparam, [0, &raw const priority as usize, 0, 0, 0])
}

/// setpriority(2) of the calling task: in Linux each thread has its own nice value.
pub fn set_nice(nice: c_int) -> Result<(), Errno> {
    tell(libc::SYS_setpriority, [libc::PRIO_PROCESS as usize, 0, nice as usize, 0, 0])
}

/// sched_setaffinity(2) of the calling task, with a mask of `size` bytes.
pub fn set_affinity(mask: *const c_void, size: usize) -> Result<(), Errno> {
    tell(libc::SYS_sched_setaffinity, [0, size, mask as usize, 0, 0])
}

/// ioprio_set(2) (Linux 2.6.13).
pub fn set_io_priority(priority: c_int) -> Result<(), Errno> {
    const IOPRIO_WHO_PROCESS: usize = 1;
    tell(libc::SYS_ioprio_set, [IOPRIO_WHO_PROCESS, 0, priority as usize, 0, 0])
}

/// prctl(2), PR_SET_TIMERSLACK: nanoseconds, 0 for the default (Linux 2.6.28).
pub fn set_timer_slack(nanoseconds: usize) -> Result<(), Errno> {
    prctl(libc::PR_SET_TIMERSLACK, nanoseconds, 0).map(drop)
}

/// prlimit(2) of the calling process: the addresses of the new limits and of memory for
/// the old ones, 0 for none (Linux 2.6.36).
///
/// # Safety
/// The second must be memory for two 64-bit numbers.
unsafe fn prlimit(resource: usize, [new, old]: [usize; 2]) -> Result<(), Errno> {
    // SAFETY: by the contract.
    unsafe { call(libc::SYS_prlimit64, [0, resource, new, old, 0]) }.map(drop)
}

/// Sets the soft and the hard limit of one resource.
pub fn set_limit(resource: c_int, limits: [u64; 2]) -> Result<(), Errno> {
    // SAFETY: the kernel only reads, and the limits outlive the call.
    unsafe { prlimit(resource as usize, [&raw const limits as usize, 0]) }
}

/// The soft limit of RLIMIT_NOFILE: new descriptors are below it.
pub fn open_max() -> u64 {
    soft_limit(libc::RLIMIT_NOFILE as usize)
}

/// The soft limit of RLIMIT_FSIZE, in bytes. Writing beyond it raises SIGXFSZ.
pub fn file_size_max() -> u64 {
    soft_limit(libc::RLIMIT_FSIZE as usize)
}

/// All ones if the call fails.
fn soft_limit(resource: usize) -> u64 {
    let mut limits = [u64::MAX; 2];
    let places = [0, &raw mut limits as usize];
    // SAFETY: the kernel fills the struct of two 64-bit numbers it is given.
    _ = unsafe { prlimit(resource, places) };
    limits[0]
}
