// SPDX-License-Identifier: MIT OR Apache-2.0
//! Questions to the kernel that make no child.
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
use crate::uapi::{Errno, clone_args, file, sys, task};
use core::mem::{offset_of, size_of};

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
        Ok(_) => Err(Errno::ENOSYS), // whoever answers, it is not Linux
    }
}

/// Makes the call; a child that should not be ends at once and is reaped.
#[cold]
#[inline(never)]
fn call(args: &clone_args, size: usize) -> Result<(), Errno> {
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
fn would_make(args: &clone_args, memory: u64) -> Answer {
    if is_next_the_first() {
        return Err(Errno::ENODATA);
    }
    let flags = args.flags | memory | CLONE_PIDFD;
    let args = clone_args { flags, pidfd: NOWHERE, ..*args };
    let size = match args {
        clone_args { flags, .. } if flags & CLONE_INTO_CGROUP != 0 => size_of::<clone_args>(),
        clone_args { set_tid: 0, .. } => CLONE_ARGS_SIZE_VER0,
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
fn would_make_any(args: &clone_args) -> Answer {
    match would_make(args, CLONE_VM | CLONE_VFORK) {
        // Linux 5.6 to 6.1 at least shares no memory after an unshare of the
        // time namespace; then the page tables have to be copied.
        Err(Errno::EINVAL) => would_make(args, 0),
        answer => answer,
    }
}

/// A child with these flags, which must go together and without CLONE_THREAD.
/// Of no flags at all: what stands in the way of every child.
pub fn flags(flags: u64) -> Answer {
    would_make_any(&clone_args { flags, ..clone_args::default() })
}

/// A child that shares the caller's memory.
pub fn shared_memory() -> Answer {
    would_make(&clone_args::default(), CLONE_VM | CLONE_VFORK)
}

/// A child with these pids (address and number) and these namespace flags.
pub fn set_tid(flags: u64, (set_tid, set_tid_size): (u64, u64)) -> Answer {
    would_make_any(&clone_args { flags, set_tid, set_tid_size, ..clone_args::default() })
}

/// Whether the kernel gets past such an array of pids, which it reads before it
/// looks at the flags, and some kernels (6.18 for one) after they looked whether
/// the exit signal is one.
pub fn can_read_pids((set_tid, set_tid_size): (u64, u64), exit_signal: u64) -> bool {
    let flags = CLONE_DETACHED; // refused
    let args = clone_args { flags, set_tid, set_tid_size, exit_signal, ..clone_args::default() };
    call(&args, CLONE_ARGS_SIZE_VER1) != Err(Errno::EFAULT)
}

/// A child on this stack. Like the rest, to be asked of a kernel that was seen
/// to undo children.
pub fn stack(stack: u64, stack_size: u64) -> Answer {
    would_make_any(&clone_args { stack, stack_size, ..clone_args::default() })
}

/// A child with this thread pointer.
pub fn tls(tls: u64) -> Answer {
    let flags = CLONE_SETTLS;
    would_make_any(&clone_args { flags, tls, ..clone_args::default() })?;
    // EFAULT may have been for tls, where that is an address (32-bit x86). So
    // once more, with something else in the way: a pid no kernel gives.
    let pid = sys::Pid::MAX;
    let (set_tid, set_tid_size) = (&raw const pid as u64, 1);
    let args = clone_args { flags, tls, set_tid, set_tid_size, ..clone_args::default() };
    match call(&args, CLONE_ARGS_SIZE_VER1) {
        Err(Errno::EFAULT) => Err(Errno::EFAULT),
        _ => Ok(()),
    }
}

/// A pidfd: EMFILE or ENFILE where there is no descriptor for it. A descriptor of
/// another kind tells that as well, and costs no pid.
pub fn pidfd() -> Answer {
    match file::open(c"/", libc::O_PATH | libc::O_CLOEXEC) {
        Ok(fd) => {
            file::close(fd);
            Ok(())
        }
        Err(errno @ (Errno::EMFILE | Errno::ENFILE)) => Err(errno),
        Err(_) => Ok(()),
    }
}

/// Whether the kernel undoes children, and minds flags that it does not know:
/// whether its other answers are worth anything.
pub fn is_honest() -> bool {
    const UNKNOWN: u64 = 1 << 63;
    !matches!(flags(0), Err(Errno::EINVAL | Errno::ENODATA | Errno::ENOSYS))
        && flags(UNKNOWN) == Err(Errno::EINVAL)
}

/// Pids for a child, of the caller's choice: asked for with the caller's own,
/// which is taken, or free in another namespace for children.
pub fn may_set_tid() -> Answer {
    let tid = sys::gettid();
    match set_tid(0, (&raw const tid as u64, 1)) {
        Err(Errno::EEXIST) => Ok(()),
        answer => answer,
    }
}

/// A thread with a pidfd (Linux 6.9). To be asked of a kernel that was seen to
/// undo children.
pub fn thread_with_pidfd() -> Answer {
    flags(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)
}

/// A thread of the caller's process. Before Linux 6.9 one cannot have a pidfd,
/// so it asks for its creator's own id, which is taken, and which the kernel
/// looks at after the flags.
pub fn thread() -> Answer {
    let tid = sys::gettid();
    let args = clone_args {
        flags: CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_VFORK,
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

/// How many bytes of clone_args the kernel reads: the offset of the first that
/// must be zero. 512 stands for more.
pub fn args_size() -> usize {
    const LARGEST: usize = 512; // 88 for years, and the caller's stack may be small
    let mut bytes = [0u64; LARGEST / 8];
    // A signal no kernel takes, so that what is not too big is refused too.
    bytes[offset_of!(clone_args, exit_signal) / 8] = 1 << 63;
    let mut size = CLONE_ARGS_SIZE_VER0;
    while size < LARGEST {
        if let Some(word) = bytes.get_mut(size / 8) {
            *word = 1;
        }
        let arguments = [bytes.as_ptr() as usize, size + 8, 0, 0, 0, 0];
        // SAFETY: refused for its exit_signal if for nothing else.
        let answer = Errno::check(unsafe { syscall(libc::SYS_clone3, arguments) });
        if answer == Err(Errno::E2BIG) {
            break;
        }
        if let Some(word) = bytes.get_mut(size / 8) {
            *word = 0;
        }
        size += 8;
    }
    size
}
