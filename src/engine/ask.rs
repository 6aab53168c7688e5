// SPDX-License-Identifier: MIT OR Apache-2.0
//! Questions to the kernel that make no child: what the ladder has to know. What only
//! answers for users need is in `diagnose::questions`.
//!
//! The kernel stores the pidfd after nearly all of its checks and before the
//! child could run, and undoes the child when it cannot. So a request whose
//! pidfd goes nowhere is answered with EFAULT where it would have been granted,
//! and with the errno of the first rule it breaks where not. What it costs is
//! what a failing clone3(2) costs anybody: the number of a pid that is not
//! used, and the making and unmaking of the namespaces asked for.
//!
//! The would-be child would share this memory while we wait, because copying
//! the page tables of a large process takes long. A kernel that went on
//! nevertheless would let it run here; its first act is to end.

use crate::arch::syscall;
use crate::uapi::flags::*;
use crate::uapi::wire::{CLONE_ARGS_SIZE_VER0, CLONE_ARGS_SIZE_VER1};
use crate::uapi::{CloneFlags, Errno, clone_args, file, sys, task};
use core::mem::size_of;

/// No user's address on any architecture, whatever is mapped.
pub const NOWHERE: u64 = !7;

/// An answer: granted, or the errno of the first rule broken.
pub type Answer = Result<(), Errno>;

/// clone3(2) itself: EINVAL where the call is reached and nothing else.
#[cold]
#[inline(never)]
pub fn reach() -> Answer {
    // SAFETY: size 0 is refused before the pointer is looked at.
    match Errno::check(unsafe { syscall(libc::SYS_clone3, [0; 6]) }) {
        Err(Errno::EINVAL) => Ok(()),
        Err(errno) => Err(errno),
        Ok(_) => Err(Errno::ENOSYS), // no Linux answers so
    }
}

/// Makes the call; a child that should not be ends at once and is reaped.
#[cold]
#[inline(never)]
pub fn call(args: &clone_args, size: usize) -> Result<(), Errno> {
    let arguments = [&raw const *args as usize, size, 0, 0, 0, 0];
    // SAFETY: the kernel refuses it. Should one not, the child ends here, and
    // where it shares memory the parent waits for that (CLONE_VFORK).
    match Errno::check(unsafe { syscall(libc::SYS_clone3, arguments) }) {
        Ok(0) => sys::exit_task(0),
        Ok(pid) => {
            let _ = task::wait_for(pid as sys::Pid);
            Ok(())
        }
        Err(errno) => Err(errno),
    }
}

/// Whether the kernel would make such a child, whose pidfd is ours to choose.
/// Memory is added. A kernel that does make one is no source, and some children
/// are not to be asked about: ENODATA.
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
        // No free descriptor: as far as the pidfd, too.
        Err(Errno::EFAULT | Errno::EMFILE | Errno::ENFILE) => Ok(()),
        Err(errno) => Err(errno),
        Ok(()) => Err(Errno::ENODATA),
    }
}

/// The same with memory shared where that changes nothing.
#[inline(never)]
pub fn would_make_any(args: &clone_args) -> Answer {
    match would_make(args, CLONE_VM | CLONE_VFORK) {
        // Linux 5.6 to 6.1 at least shares no memory after an unshare of the
        // time namespace; then the page tables have to be copied.
        Err(Errno::EINVAL) => would_make(args, CloneFlags::NONE),
        answer => answer,
    }
}

/// A child with these flags, which must go together and without CLONE_THREAD.
/// Of no flags at all: what stands in the way of every child.
pub fn flags(flags: CloneFlags) -> Answer {
    would_make_any(&clone_args { flags: flags.bits(), ..clone_args::default() })
}

/// A thread of the caller's process. Before Linux 6.9 one cannot have a pidfd,
/// so it asks for its creator's own id, which is taken, and which the kernel
/// looks at after the flags.
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

/// Whether the next child would be the first of a pid namespace, which was
/// unshared (or entered before its first process): such a child is not asked
/// about. When one is undone, kernels up to 6.18 at least close the namespace
/// for good (kernel/pid.c, free_pid), and the caller could make no child any
/// more.
pub fn is_next_the_first() -> bool {
    // Threads are refused where children belong to another namespace, and that
    // one has no name until its first process is there.
    thread() == Err(Errno::EINVAL) && !file::is_link(c"/proc/thread-self/ns/pid_for_children")
}
