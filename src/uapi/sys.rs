// SPDX-License-Identifier: MIT OR Apache-2.0
//! The calls that every creation needs: signal mask, ids, robust list, exit.

use super::Errno;
use super::call::prctl;
use crate::arch::syscall;
use core::ffi::{c_int, c_void};
use core::mem::size_of;
use core::ptr::{null, null_mut};

/// A pid, tid or process group as the kernel counts them.
pub type Pid = libc::pid_t;

/// The kernel's signal set: 64 bits, signal n in bit n − 1.
pub type KernelSigset = u64;

/// The kernel's `struct robust_list_head` (include/uapi/linux/futex.h).
#[repr(C)]
pub struct RobustListHead {
    /// First entry, or the head itself when the list is empty.
    pub list: *mut c_void,
    /// From an entry to its futex word.
    pub futex_offset: isize,
    /// The entry being locked or unlocked right now.
    pub list_op_pending: *mut c_void,
}

/// gettid(2).
pub fn gettid() -> Pid {
    // SAFETY: takes nothing, cannot fail.
    unsafe { syscall(libc::SYS_gettid, [0; 6]) as Pid }
}

/// Blocks every signal of this thread, including the libc's own two, and returns the mask
/// before (rt_sigprocmask(2)).
pub fn block_all_signals() -> KernelSigset {
    change_mask(libc::SIG_SETMASK, !0)
}

/// Blocks every signal but SIGSYS, which stays as it is, and returns the mask before. For
/// the time around a creation: a seccomp filter may answer clone3(2) by SIGSYS
/// (SECCOMP_RET_TRAP), and if that signal is blocked the kernel kills the process.
pub fn block_signals_but_traps() -> KernelSigset {
    change_mask(libc::SIG_BLOCK, !TRAPS)
}

/// With all signals blocked, unblocks SIGSYS if it was not blocked in `mask`, which is
/// from [`block_all_signals`].
pub fn let_traps_in(mask: KernelSigset) {
    if !is_trap_blocked(mask) {
        restore_signals(!TRAPS);
    }
}

/// Whether a filter that answers by SIGSYS (SECCOMP_RET_TRAP) would kill the process: the
/// calling thread blocks that signal and has a filter. Costs two system calls, one if the
/// signal is not blocked.
pub fn would_traps_kill() -> bool {
    is_trap_blocked(change_mask(libc::SIG_BLOCK, 0)) && has_filter()
}

/// Whether a mask blocks SIGSYS.
pub fn is_trap_blocked(mask: KernelSigset) -> bool {
    mask & TRAPS != 0
}

/// Whether this thread has, or may have, a seccomp filter (prctl(2), PR_GET_SECCOMP; an
/// error comes from a filter, or from a kernel without filters).
#[cold]
#[inline(never)]
pub fn has_filter() -> bool {
    prctl(libc::PR_GET_SECCOMP, 0, 0) != Ok(0)
}

/// SIGSYS.
const TRAPS: KernelSigset = 1 << (libc::SIGSYS - 1);

/// Blocks these signals, too, and returns the mask before.
pub fn block_signals(set: KernelSigset) -> KernelSigset {
    change_mask(libc::SIG_BLOCK, set)
}

#[inline]
fn change_mask(how: c_int, set: KernelSigset) -> KernelSigset {
    let mut old: KernelSigset = 0;
    // SAFETY: both sets are eight bytes and outlive the call.
    unsafe {
        syscall(
            libc::SYS_rt_sigprocmask,
            [
                how as usize,
                &raw const set as usize,
                &raw mut old as usize,
                size_of::<KernelSigset>(),
                0,
                0,
            ],
        );
    }
    old
}

/// Restores a mask from [`block_all_signals`].
pub fn restore_signals(mask: KernelSigset) {
    // SAFETY: the set is eight bytes and outlives the call.
    unsafe {
        syscall(
            libc::SYS_rt_sigprocmask,
            [
                libc::SIG_SETMASK as usize,
                &raw const mask as usize,
                null::<KernelSigset>() as usize,
                size_of::<KernelSigset>(),
                0,
                0,
            ],
        );
    }
}

/// get_robust_list(2) of the calling thread: the head (null when none is
/// registered) and its length in bytes.
pub fn get_robust_list() -> Result<(*mut RobustListHead, usize), Errno> {
    let mut head: *mut RobustListHead = null_mut();
    let mut len: usize = 0;
    // SAFETY: both places outlive the call; pid 0 is the caller.
    let raw = unsafe {
        syscall(
            libc::SYS_get_robust_list,
            [0, &raw mut head as usize, &raw mut len as usize, 0, 0, 0],
        )
    };
    Errno::check(raw).map(|_| (head, len))
}

/// set_robust_list(2).
///
/// # Safety
/// `head` must stay a valid robust list for as long as the thread lives.
pub unsafe fn set_robust_list(head: *mut RobustListHead, len: usize) {
    // SAFETY: the caller vouches for the head; the call only records it.
    unsafe { syscall(libc::SYS_set_robust_list, [head as usize, len, 0, 0, 0, 0]) };
}

/// Whether set_robust_list(2) is available. It refuses a wrong length before it does
/// anything (kernel/futex/syscalls.c).
pub fn has_robust_lists() -> bool {
    // SAFETY: the call does nothing with a length of 0.
    let raw = unsafe { syscall(libc::SYS_set_robust_list, [0; 6]) };
    Errno::check(raw) == Err(Errno::EINVAL)
}

/// set_tid_address(2): where the kernel clears a word and wakes a futex when
/// this thread ends. Returns the caller's thread id.
///
/// # Safety
/// `address` must be null or stay writable until the thread ends.
pub unsafe fn set_tid_address(address: *mut c_int) -> Pid {
    // SAFETY: the caller vouches for the address; the call only records it.
    unsafe { syscall(libc::SYS_set_tid_address, [address as usize, 0, 0, 0, 0, 0]) as Pid }
}

/// What set_tid_address(2) or CLONE_CHILD_CLEARTID last recorded for this
/// thread (prctl(2), PR_GET_TID_ADDRESS; needs CONFIG_CHECKPOINT_RESTORE).
pub fn tid_address() -> Result<*mut c_int, Errno> {
    const PR_GET_TID_ADDRESS: usize = 40;
    // A 64-bit kernel writes eight bytes for a 32-bit process, too.
    let mut address = [0usize; size_of::<u64>() / size_of::<usize>()];
    // SAFETY: the place outlives the call.
    let raw = unsafe {
        syscall(libc::SYS_prctl, [PR_GET_TID_ADDRESS, &raw mut address as usize, 0, 0, 0, 0])
    };
    Errno::check(raw).map(|_| address[0] as *mut c_int)
}

/// exit(2): ends the calling task only.
pub fn exit_task(status: c_int) -> ! {
    loop {
        // SAFETY: takes no memory; does not return.
        unsafe { syscall(libc::SYS_exit, [status as usize, 0, 0, 0, 0, 0]) };
    }
}

/// exit_group(2): ends the process without handlers. If a filter refuses it, exit(2) ends
/// the thread, which is the only one in a fork child.
pub fn exit_group(status: c_int) -> ! {
    // SAFETY: takes no memory.
    unsafe { syscall(libc::SYS_exit_group, [status as usize, 0, 0, 0, 0, 0]) };
    exit_task(status)
}
