// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typed raw system calls about tasks: who is there, what they may do, how
//! they end. As in `sys`, async-signal-safe and without errno or TLS.

use super::sys::Pid;
use super::{Errno, file};
use crate::arch::syscall;
use crate::base::decimal;
use core::ffi::c_int;
use core::mem::{MaybeUninit, size_of};

/// getpid(2); negative where a filter answers by an errno.
pub fn getpid() -> Pid {
    // SAFETY: takes nothing, cannot fail.
    unsafe { syscall(libc::SYS_getpid, [0; 6]) as Pid }
}

/// umask(2): the mask that was in force.
pub fn umask(mask: u32) -> u32 {
    // SAFETY: takes no memory, cannot fail.
    unsafe { syscall(libc::SYS_umask, [mask as usize, 0, 0, 0, 0, 0]) as u32 }
}

/// Whether a thread of the calling process has this id (tgkill(2) with no
/// signal).
pub fn is_own_thread(tid: Pid) -> bool {
    let none = 0;
    // SAFETY: sends nothing.
    let raw =
        unsafe { syscall(libc::SYS_tgkill, [getpid() as usize, tid as usize, none, 0, 0, 0]) };
    Errno::check(raw) != Err(Errno::ESRCH)
}

/// wait4(2) for one child of any kind, repeated when a signal interrupts it:
/// its wait status.
pub fn wait_for(pid: Pid) -> Result<c_int, Errno> {
    let mut status: c_int = 0;
    loop {
        // SAFETY: the status lives over the call.
        let raw = unsafe {
            syscall(
                libc::SYS_wait4,
                [pid as usize, &raw mut status as usize, libc::__WALL as usize, 0, 0, 0],
            )
        };
        match Errno::check(raw) {
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

/// prctl(2) of two numbers.
fn prctl(option: c_int, value: usize) -> Result<usize, Errno> {
    // SAFETY: the options used here take numbers only.
    Errno::check(unsafe { syscall(libc::SYS_prctl, [option as usize, value, 0, 0, 0, 0]) })
}

/// Sets no_new_privs for the calling task, for good (Linux 3.5).
pub fn set_no_new_privs() -> Result<(), Errno> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1).map(drop)
}

/// Whether no_new_privs is set.
pub fn no_new_privs() -> bool {
    prctl(libc::PR_GET_NO_NEW_PRIVS, 0) == Ok(1)
}

/// Whether orphans among the caller's descendants become its children
/// (Linux 3.4).
pub fn is_subreaper() -> bool {
    let mut set: c_int = 0;
    prctl(libc::PR_GET_CHILD_SUBREAPER, &raw mut set as usize).is_ok() && set != 0
}

/// Whether the calling thread's children are not born into its own pid namespace, after
/// unshare(2) or setns(2). Without /proc it is not known, and that is yes.
pub fn children_are_elsewhere() -> bool {
    !file::is_same(c"/proc/thread-self/ns/pid", c"/proc/thread-self/ns/pid_for_children")
}

/// Descriptors are below this (prlimit(2), RLIMIT_NOFILE, the soft limit).
pub fn open_max() -> u64 {
    let mut limits = [u64::MAX; 2];
    let (which, none) = (libc::RLIMIT_NOFILE as usize, 0);
    // SAFETY: the kernel fills the struct of two 64-bit numbers it is given.
    unsafe {
        let arguments = [0, which, none, limits.as_mut_ptr() as usize, 0, 0];
        syscall(libc::SYS_prlimit64, arguments);
    }
    limits[0]
}

/// The kernel's `struct sigaction`. riscv64's has no restorer (asm-generic/signal.h):
/// what stands for it here is behind what the kernel reads and writes.
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

    /// Whether it says nothing but what `handler` says.
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

/// What a signal does (rt_sigaction(2)).
pub fn disposition(signal: usize) -> Result<KernelSigaction, Errno> {
    let mut old = KernelSigaction::of(0);
    // SAFETY: the struct lives over the call.
    let raw = unsafe {
        syscall(libc::SYS_rt_sigaction, [signal, 0, &raw mut old as usize, size_of::<u64>(), 0, 0])
    };
    Errno::check(raw).map(|_| old)
}

/// Sets what a signal does (rt_sigaction(2)).
///
/// # Safety
/// A function in `action` must be sound as a handler that never returns by
/// itself: there is no restorer.
pub unsafe fn set_disposition(signal: usize, action: &KernelSigaction) -> Result<(), Errno> {
    // SAFETY: the struct lives over the call; the caller vouches for the rest.
    let raw = unsafe {
        syscall(
            libc::SYS_rt_sigaction,
            [signal, &raw const *action as usize, 0, size_of::<u64>(), 0, 0],
        )
    };
    Errno::check(raw).map(drop)
}

/// Sets what a signal does, and says what it did.
///
/// # Safety
/// As [`set_disposition`].
pub unsafe fn replace_disposition(
    signal: usize,
    action: &KernelSigaction,
) -> Result<KernelSigaction, Errno> {
    let mut old = KernelSigaction::of(0);
    let (new, old_place) = (&raw const *action as usize, &raw mut old as usize);
    // SAFETY: both structs live over the call; the caller vouches for the rest.
    let raw = unsafe {
        syscall(libc::SYS_rt_sigaction, [signal, new, old_place, size_of::<u64>(), 0, 0])
    };
    Errno::check(raw).map(|_| old)
}

/// kill(2) of one process. Other numbers stand for its group, another group or everybody,
/// and among them is what a filter answers to a question for an id: ESRCH.
pub fn kill(pid: Pid, signal: c_int) -> Result<(), Errno> {
    if pid <= 0 {
        return Err(Errno::ESRCH);
    }
    // SAFETY: takes no memory.
    let raw = unsafe { syscall(libc::SYS_kill, [pid as usize, signal as usize, 0, 0, 0, 0]) };
    Errno::check(raw).map(drop)
}

/// The running kernel's version, major and minor (uname(2)); 0.0 if the release
/// does not begin with two numbers.
#[inline(never)] // the struct is large
pub fn kernel_version() -> (u32, u32) {
    let mut name = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: the kernel fills the struct it is given.
    unsafe { syscall(libc::SYS_uname, [name.as_mut_ptr() as usize, 0, 0, 0, 0, 0]) };
    // SAFETY: zeroed is a value of plain characters, whatever uname said.
    decimal::version(unsafe { name.assume_init() }.release.map(|c| c as u8).as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_has_a_version() {
        assert!(kernel_version() > (2, 6));
    }
}
