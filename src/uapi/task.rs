// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tasks: ids, signals, pidfds, waiting for their end.

use super::Errno;
use super::call::{ask, call, prctl, tell};
use super::sys::Pid;
use super::wait::Usage;
use crate::arch::syscall;
use crate::base::decimal;
use core::ffi::{c_char, c_int};
use core::mem::MaybeUninit;

/// getpid(2); negative if a filter answers with an errno.
pub fn getpid() -> Pid {
    // SAFETY: takes nothing, cannot fail.
    unsafe { syscall(libc::SYS_getpid, [0; 6]) as Pid }
}

/// umask(2). Returns the mask before.
pub fn umask(mask: u32) -> u32 {
    // SAFETY: takes no memory, cannot fail.
    unsafe { syscall(libc::SYS_umask, [mask as usize, 0, 0, 0, 0, 0]) as u32 }
}

/// tgkill(2).
pub fn signal_thread(process: Pid, tid: Pid, signal: c_int) -> Result<(), Errno> {
    tell(libc::SYS_tgkill, [process as usize, tid as usize, signal as usize, 0, 0])
}

/// Whether a thread of the calling process has this id.
pub fn is_own_thread(tid: Pid) -> bool {
    signal_thread(getpid(), tid, 0) != Err(Errno::ESRCH)
}

/// wait4(2) for one child of any kind, repeated when a signal interrupts it. Returns its
/// wait status.
pub fn wait_for(pid: Pid) -> Result<c_int, Errno> {
    wait_with_usage(pid, &mut Usage::default())
}

/// The same, with its resource usage.
pub fn wait_with_usage(pid: Pid, usage: &mut Usage) -> Result<c_int, Errno> {
    let mut status: c_int = 0;
    let usage = &raw mut *usage as usize;
    loop {
        let arguments = [pid as usize, &raw mut status as usize, libc::__WALL as usize, usage, 0];
        // SAFETY: status and usage outlive the call.
        match unsafe { call(libc::SYS_wait4, arguments) } {
            Ok(_) => return Ok(status),
            Err(Errno(libc::EINTR)) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// sched_yield(2).
pub fn give_way() {
    // SAFETY: takes nothing.
    unsafe { syscall(libc::SYS_sched_yield, [0; 6]) };
}

/// Whether orphans among the caller's descendants become its children
/// (Linux 3.4).
pub fn is_subreaper() -> bool {
    let mut set: c_int = 0;
    let arguments = [libc::PR_GET_CHILD_SUBREAPER as usize, &raw mut set as usize, 0, 0, 0];
    // SAFETY: the int outlives the call.
    unsafe { call(libc::SYS_prctl, arguments) }.is_ok() && set != 0
}

/// The kernel's `struct sigaction`. riscv64's has no restorer (asm-generic/signal.h):
/// that field here is beyond what the kernel reads and writes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct KernelSigaction {
    /// SIG_DFL (0), SIG_IGN (1) or a function.
    pub handler: usize,
    flags: usize,
    #[cfg(target_arch = "riscv64")]
    mask: u64,
    restorer: usize,
    #[cfg(not(target_arch = "riscv64"))]
    mask: u64,
}

impl KernelSigaction {
    /// A disposition with no flags and nothing blocked.
    pub const fn of(handler: usize) -> KernelSigaction {
        KernelSigaction { handler, flags: 0, restorer: 0, mask: 0 }
    }

    /// Whether it has no flags and no mask.
    pub fn is_plain(&self) -> bool {
        self.flags == 0 && self.mask == 0
    }

    /// Whether a function is called.
    pub fn is_handled(&self) -> bool {
        self.handler > libc::SIG_IGN
    }
}

/// Highest signal number on all architectures here (_NSIG).
pub const LAST_SIGNAL: usize = 64;

/// rt_sigaction(2): the addresses of the new disposition, 0 for no change, and of memory
/// for the old one, 0 for none.
///
/// # Safety
/// Each address must be 0 or a `KernelSigaction`'s, the second to be written to; and
/// [`set_disposition`]'s contract for the first.
unsafe fn sigaction(signal: usize, [new, old]: [usize; 2]) -> Result<(), Errno> {
    // SAFETY: by the contract.
    unsafe { call(libc::SYS_rt_sigaction, [signal, new, old, size_of::<u64>(), 0]) }.map(drop)
}

/// The disposition of a signal.
pub fn disposition(signal: usize) -> Result<KernelSigaction, Errno> {
    let mut old = KernelSigaction::of(0);
    // SAFETY: the struct outlives the call.
    unsafe { sigaction(signal, [0, &raw mut old as usize]) }.map(|()| old)
}

/// Sets what a signal does.
///
/// # Safety
/// A function in `action` must be sound as a handler that never returns by
/// itself: there is no restorer.
pub unsafe fn set_disposition(signal: usize, action: &KernelSigaction) -> Result<(), Errno> {
    // SAFETY: the struct outlives the call; the rest by the contract.
    unsafe { sigaction(signal, [&raw const *action as usize, 0]) }
}

/// Sets the disposition of a signal, and returns the one before.
///
/// # Safety
/// As [`set_disposition`].
pub unsafe fn replace_disposition(
    signal: usize,
    action: &KernelSigaction,
) -> Result<KernelSigaction, Errno> {
    let mut old = KernelSigaction::of(0);
    // SAFETY: both structs outlive the call; the rest by the contract.
    unsafe { sigaction(signal, [&raw const *action as usize, &raw mut old as usize]) }.map(|()| old)
}

/// kill(2) of one process. ESRCH for numbers that mean a group or all processes: an errno
/// that a filter returned in place of an id is among them.
pub fn kill(pid: Pid, signal: c_int) -> Result<(), Errno> {
    if pid <= 0 {
        return Err(Errno::ESRCH);
    }
    tell(libc::SYS_kill, [pid as usize, signal as usize, 0, 0, 0])
}

/// The running kernel's version, major and minor (uname(2)); 0.0 if the release
/// does not begin with two numbers.
#[inline(never)] // the struct is large
pub fn kernel_version() -> (u32, u32) {
    let mut name = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: the kernel fills the struct it is given.
    unsafe { syscall(libc::SYS_uname, [name.as_mut_ptr() as usize, 0, 0, 0, 0, 0]) };
    // SAFETY: zeroed, so it is a valid value of plain characters even if uname failed.
    decimal::version(unsafe { name.assume_init() }.release.map(|c| c as u8).as_slice())
}

fn pidfd_open(id: Pid, flags: c_int) -> Result<c_int, Errno> {
    ask(libc::SYS_pidfd_open, [id as usize, flags as usize, 0, 0, 0]).map(|fd| fd as c_int)
}

/// A pidfd, close-on-exec, of a process (pidfd_open(2), Linux 5.3).
pub fn open_pidfd(pid: Pid) -> Result<c_int, Errno> {
    pidfd_open(pid, 0)
}

/// The same of one thread (PIDFD_THREAD). EINVAL before Linux 6.9, ENOSYS before 5.3.
pub fn open_thread(tid: Pid) -> Result<c_int, Errno> {
    const PIDFD_THREAD: c_int = libc::O_EXCL;
    pidfd_open(tid, PIDFD_THREAD)
}

/// Bytes in a thread's name with its NUL (TASK_COMM_LEN).
pub const NAME_SIZE: usize = 16;

/// Names the calling thread (prctl(2), PR_SET_NAME) by a C string, of which the
/// kernel takes the first NAME_SIZE - 1 bytes.
pub fn set_name(name: *const c_char) -> Result<(), Errno> {
    prctl(libc::PR_SET_NAME, name as usize, 0).map(drop)
}

/// prctl(2), PR_SET_PDEATHSIG.
pub fn set_pdeath_signal(signal: c_int) -> Result<(), Errno> {
    prctl(libc::PR_SET_PDEATHSIG, signal as usize, 0).map(drop)
}

/// kill(2) of the calling process.
pub fn raise(signal: c_int) -> Result<(), Errno> {
    kill(getpid(), signal)
}

/// getppid(2); negative if a filter answers with an errno.
pub fn getppid() -> Pid {
    // SAFETY: takes nothing, cannot fail.
    unsafe { syscall(libc::SYS_getppid, [0; 6]) as Pid }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_has_a_version() {
        assert!(kernel_version() > (2, 6));
    }
}
