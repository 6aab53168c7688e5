// SPDX-License-Identifier: MIT OR Apache-2.0
//! Questions to the kernel that create no child, as far as the ladder needs them. Those
//! that only the diagnosis needs are in `diagnose::questions`.
//!
//! The kernel stores the pidfd after nearly all of its checks and before the child can
//! run, and undoes the child if the store fails. So a request with an invalid pidfd
//! address fails with EFAULT where it would have been granted, and otherwise with the
//! errno of the first rule it breaks. It costs as much as any failing clone3(2): one pid
//! number is skipped, and the requested namespaces are created and destroyed.
//!
//! The request shares memory (CLONE_VM, CLONE_VFORK), because copying the page tables of
//! a large process takes long. If a kernel creates the child nevertheless, it exits at
//! once.

use crate::arch::syscall;
use crate::uapi::flags::*;
use crate::uapi::wire::{CLONE_ARGS_SIZE_VER0, CLONE_ARGS_SIZE_VER1};
use crate::uapi::{CloneFlags, Errno, clone_args, file, sys, task};
use core::mem::size_of;

/// An address outside user space on every architecture: always EFAULT.
pub const NOWHERE: u64 = !7;

/// An answer: granted, or the errno of the first rule broken.
pub type Answer = Result<(), Errno>;

/// Whether clone3(2) is reached: EINVAL from this call means that the kernel has
/// answered.
#[cold]
#[inline(never)]
pub fn reach() -> Answer {
    // SAFETY: size 0 is refused before the pointer is looked at.
    match Errno::check(unsafe { syscall(libc::SYS_clone3, [0; 6]) }) {
        Err(Errno::EINVAL) => Ok(()),
        Err(errno) => Err(errno),
        Ok(_) => Err(Errno::ENOSYS), // no Linux kernel succeeds here
    }
}

/// Makes the call. If a child is created against expectation, it exits at once and is
/// reaped.
#[cold]
#[inline(never)]
pub fn call(args: &clone_args, size: usize) -> Result<(), Errno> {
    let arguments = [&raw const *args as usize, size, 0, 0, 0, 0];
    // SAFETY: the kernel refuses it. If it does not, the child exits here, and where it
    // shares memory the parent is suspended until then (CLONE_VFORK).
    match Errno::check(unsafe { syscall(libc::SYS_clone3, arguments) }) {
        Ok(0) => sys::exit_task(0),
        Ok(pid) => {
            let _ = task::wait_for(pid as sys::Pid);
            Ok(())
        }
        Err(errno) => Err(errno),
    }
}

/// Whether the kernel would create such a child. The pidfd and the flags in `memory` are
/// set here. ENODATA where the kernel's answers are useless, because it does create the
/// child, and for children that must not be asked about.
#[inline(never)]
pub fn would_make(args: &clone_args, memory: CloneFlags) -> Answer {
    if is_next_the_first() {
        return Err(Errno::ENODATA);
    }
    let flags = CloneFlags::from_bits(args.flags) | memory | CLONE_PIDFD;
    let args = clone_args { flags: flags.bits(), pidfd: NOWHERE, ..*args };
    let size = match args.set_tid {
        _ if flags.contains(CLONE_INTO_CGROUP) => size_of::<clone_args>(),
        0 => CLONE_ARGS_SIZE_VER0,
        _ => CLONE_ARGS_SIZE_VER1,
    };
    match call(&args, size) {
        // No free descriptor: it got as far as the pidfd, too.
        Err(Errno::EFAULT | Errno::EMFILE | Errno::ENFILE) => Ok(()),
        Err(errno) => Err(errno),
        Ok(()) => Err(Errno::ENODATA),
    }
}

/// The same with shared memory, where that makes no difference to the answer.
#[inline(never)]
pub fn would_make_any(args: &clone_args) -> Answer {
    match would_make(args, CLONE_VM | CLONE_VFORK) {
        // Linux 5.6 to 6.1 at least shares no memory after an unshare of the
        // time namespace; then the page tables have to be copied.
        Err(Errno::EINVAL) => would_make(args, CloneFlags::NONE),
        answer => answer,
    }
}

/// A child with these flags, which must go together and without CLONE_THREAD. Without
/// flags: what prevents every child.
pub fn flags(flags: CloneFlags) -> Answer {
    would_make_any(&clone_args { flags: flags.bits(), ..clone_args::default() })
}

/// A thread of the caller's process. Before Linux 6.9 a thread cannot have a pidfd, so
/// the request asks for the caller's own thread id by set_tid: that id is in use, and the
/// kernel checks it after the flags.
pub fn thread() -> Answer {
    let tid = sys::gettid();
    let args = clone_args {
        flags: (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_VFORK).bits(),
        set_tid: &raw const tid as u64,
        set_tid_size: 1,
        ..clone_args::default()
    };
    match call(&args, CLONE_ARGS_SIZE_VER1) {
        Err(Errno::EEXIST | Errno::EPERM | Errno::E2BIG) => Ok(()), // E2BIG: before 5.5
        Err(errno) => Err(errno),
        Ok(()) => Err(Errno::ENODATA),
    }
}

/// Whether the next child would be the first process of a pid namespace that was unshared
/// (or entered before its first process). Such a child must not be asked about: when it
/// is undone, kernels up to 6.18 at least close the namespace for good (kernel/pid.c,
/// free_pid), and the caller can create no child any more.
pub fn is_next_the_first() -> bool {
    // Threads are refused where children go to another pid namespace, and that namespace
    // has no link in /proc until it has a first process.
    thread() == Err(Errno::EINVAL) && !file::is_link(c"/proc/thread-self/ns/pid_for_children")
}
