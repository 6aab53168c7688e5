// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typed raw system calls by which a thread changes itself, and a descriptor of
//! it. As in `sys`, async-signal-safe and without errno or TLS.

use super::sys::Pid;
use super::{CloneFlags, Errno};
use crate::arch::syscall;
use core::ffi::{c_char, c_int, c_void};

/// Bytes in a thread's name with its NUL (TASK_COMM_LEN).
pub const NAME_SIZE: usize = 16;

/// Names the calling thread (prctl(2), PR_SET_NAME) by a C string, of which the
/// kernel takes the first NAME_SIZE - 1 bytes.
pub fn set_name(name: *const c_char) -> Result<(), Errno> {
    let option = libc::PR_SET_NAME as usize;
    // SAFETY: the kernel only reads, and checks the address.
    let raw = unsafe { syscall(libc::SYS_prctl, [option, name as usize, 0, 0, 0, 0]) };
    Errno::check(raw).map(drop)
}

/// Sets the calling thread's timer slack in nanoseconds, 0 for its default
/// (prctl(2), PR_SET_TIMERSLACK, Linux 2.6.28).
pub fn set_timer_slack(nanoseconds: usize) -> Result<(), Errno> {
    let option = libc::PR_SET_TIMERSLACK as usize;
    // SAFETY: takes no memory.
    let raw = unsafe { syscall(libc::SYS_prctl, [option, nanoseconds, 0, 0, 0, 0]) };
    Errno::check(raw).map(drop)
}

/// Sets the calling thread's processors (sched_setaffinity(2)).
pub fn set_affinity(cpus: *const c_void, size: usize) -> Result<(), Errno> {
    // SAFETY: the kernel only reads, and checks the address.
    let raw = unsafe { syscall(libc::SYS_sched_setaffinity, [0, size, cpus as usize, 0, 0, 0]) };
    Errno::check(raw).map(drop)
}

/// Sets the calling thread's policy and static priority (sched_setscheduler(2)).
pub fn set_scheduler(policy: c_int, priority: c_int) -> Result<(), Errno> {
    // struct sched_param is one int to the kernel.
    let arguments = [0, policy as usize, &raw const priority as usize, 0, 0, 0];
    // SAFETY: the int lives over the call.
    Errno::check(unsafe { syscall(libc::SYS_sched_setscheduler, arguments) }).map(drop)
}

/// Sets the calling thread's nice value: in Linux each has its own
/// (setpriority(2)).
pub fn set_nice(nice: c_int) -> Result<(), Errno> {
    let which = libc::PRIO_PROCESS as usize;
    // SAFETY: takes no memory.
    let raw = unsafe { syscall(libc::SYS_setpriority, [which, 0, nice as usize, 0, 0, 0]) };
    Errno::check(raw).map(drop)
}

/// Stops sharing what the flags name with the other threads (unshare(2)).
pub fn unshare(flags: CloneFlags) -> Result<(), Errno> {
    // SAFETY: takes no memory; what is unshared is the caller's to choose.
    let raw = unsafe { syscall(libc::SYS_unshare, [flags.bits() as usize, 0, 0, 0, 0, 0]) };
    Errno::check(raw).map(drop)
}

/// A descriptor, closed on exec, by which a directory can be named and nothing
/// else (openat(2) with O_PATH). `path` is a C string; EFAULT if it cannot be read.
pub fn open_directory(path: *const c_char) -> Result<c_int, Errno> {
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
    let arguments = [libc::AT_FDCWD as usize, path as usize, flags as usize, 0, 0, 0];
    // SAFETY: the kernel only reads, and checks the address.
    Errno::check(unsafe { syscall(libc::SYS_openat, arguments) }).map(|fd| fd as c_int)
}

/// Whether all of these bytes were written (write(2)); to be used where a file
/// takes a word at once or not at all.
pub fn write(fd: c_int, bytes: &[u8]) -> Result<(), Errno> {
    // SAFETY: the slice is there to be read.
    let raw = unsafe {
        syscall(libc::SYS_write, [fd as usize, bytes.as_ptr() as usize, bytes.len(), 0, 0, 0])
    };
    Errno::check(raw).map(drop)
}

/// A descriptor, closed on exec, of one thread (pidfd_open(2) with PIDFD_THREAD).
/// EINVAL before Linux 6.9, ENOSYS before 5.3.
pub fn open_thread(tid: Pid) -> Result<c_int, Errno> {
    const PIDFD_THREAD: usize = libc::O_EXCL as usize;
    // SAFETY: takes no memory.
    let raw = unsafe { syscall(libc::SYS_pidfd_open, [tid as usize, PIDFD_THREAD, 0, 0, 0, 0]) };
    Errno::check(raw).map(|fd| fd as c_int)
}
