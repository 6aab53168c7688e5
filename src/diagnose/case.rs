// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a rule may examine: the arguments and, through a [`Witness`], the kernel and the
//! state of the process.

use super::{cgroup, questions};
use crate::engine::ask::{self, Answer};
use crate::engine::{Request, known};
use crate::uapi::flags::*;
use crate::uapi::{CloneFlags, Errno, pages, task};
use core::ffi::c_int;

/// Answers questions about kernel and process. Each question is about one property; the
/// arguments as a whole are judged by the rules.
pub trait Witness {
    /// The kernel's version, (0, 0) if unknown.
    fn version(&self) -> (u32, u32);
    /// Bytes of clone_args the kernel reads.
    fn args_size(&self) -> usize;
    /// Those of the flags that clone3(2) knows.
    fn known(&self, flags: CloneFlags) -> CloneFlags;
    /// Whether an array of pids (address and number, at most 32) can be read. Also if the
    /// kernel does not read it because of the exit signal.
    fn readable(&self, set_tid: (u64, u64), exit_signal: u64) -> bool;
    /// Whether the int there can be written.
    fn writable(&self, address: u64) -> bool;
    /// Whether the process is the first of its pid namespace.
    fn is_init(&self) -> bool;
    /// Whether such a child would be made.
    fn would_make(&self, child: Child) -> Answer;
}

/// A child to ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child {
    /// With these flags; without flags, what prevents every child.
    With(CloneFlags),
    /// Sharing the caller's memory.
    SharingMemory,
    /// A thread.
    Thread,
    /// A thread with a pidfd.
    ThreadWithPidfd,
    /// On this stack.
    OnStack(u64, u64),
    /// With this thread pointer.
    WithTls(u64),
    /// With these namespaces and pids.
    WithPids(CloneFlags, (u64, u64)),
    /// With one more pidfd.
    WithPidfd,
    /// In this cgroup; a thread or not.
    InCgroup(c_int, bool),
}

/// The kernel underneath.
pub struct Kernel;

impl Witness for Kernel {
    fn version(&self) -> (u32, u32) {
        task::kernel_version()
    }

    fn args_size(&self) -> usize {
        questions::args_size()
    }

    fn known(&self, flags: CloneFlags) -> CloneFlags {
        known::known(flags)
    }

    fn readable(&self, set_tid: (u64, u64), exit_signal: u64) -> bool {
        questions::can_read_pids(set_tid, exit_signal)
    }

    fn writable(&self, address: u64) -> bool {
        pages::probe_writable(address).is_ok()
    }

    fn is_init(&self) -> bool {
        task::getpid() == 1
    }

    fn would_make(&self, child: Child) -> Answer {
        match child {
            Child::With(flags) => ask::flags(flags),
            Child::SharingMemory => questions::shared_memory(),
            Child::Thread => ask::thread(),
            Child::ThreadWithPidfd => questions::thread_with_pidfd(),
            Child::OnStack(base, size) => questions::stack(base, size),
            Child::WithTls(tls) => questions::tls(tls),
            Child::WithPids(flags, pids) => questions::set_tid(flags, pids),
            Child::WithPidfd => questions::pidfd(),
            Child::InCgroup(directory, thread) => cgroup::takes(directory, thread),
        }
    }
}

/// The arguments of a call of clone3(2), and the witness to ask about them.
pub struct Case<'a> {
    /// The arguments, or the errno of reading them: E2BIG, EINVAL, EFAULT.
    pub request: Result<Request, Errno>,
    /// Kernel and process.
    pub witness: &'a dyn Witness,
}

impl Case<'_> {
    /// The arguments; where they cannot be read an empty request, which breaks no rule
    /// about arguments.
    pub fn args(&self) -> Request {
        self.request.unwrap_or(Request::FORK)
    }

    /// Whether all of these flags are set.
    pub fn has(&self, flags: CloneFlags) -> bool {
        self.args().flags.contains(flags)
    }

    /// Whether any of these flags is set.
    pub fn any(&self, flags: CloneFlags) -> bool {
        self.args().flags.intersects(flags)
    }

    /// Whether a flag is set that the kernel does not know.
    pub fn unknown(&self, flag: CloneFlags) -> bool {
        self.has(flag) && self.witness.known(flag).is_empty()
    }

    /// Whether a field behind the bytes the kernel reads is not zero.
    pub fn uses_unknown_field(&self) -> bool {
        let Some(wire) = self.args().wire else { return false };
        let needed = match () {
            () if wire.holds_more => usize::MAX,
            () if wire.size >= 88 && self.args().cgroup != 0 => 88,
            () if wire.size >= 80 && self.args().set_tid != (0, 0) => 80,
            () => return false,
        };
        // A field unknown here may be known to a kernel that reads more.
        let read = self.witness.args_size();
        if needed == usize::MAX { read <= 88 } else { read < needed }
    }

    /// The witness's answer about a child, if the rule is concerned with this request.
    pub fn answer(&self, concerned: bool, child: impl Fn(&Request) -> Child) -> Answer {
        if !concerned {
            return Ok(());
        }
        match self.witness.would_make(child(&self.args())) {
            // Not conclusive: the kernel created a child, or the call is unavailable.
            Err(Errno::ENODATA | Errno::ENOSYS) => Ok(()),
            answer => answer,
        }
    }

    /// What prevents every child.
    pub fn any_child(&self) -> Answer {
        self.answer(true, |_| Child::With(CloneFlags::NONE))
    }

    /// Whether threads are refused because children go to another pid namespace.
    pub fn children_are_elsewhere(&self) -> bool {
        self.answer(true, |_| Child::Thread) == Err(Errno::EINVAL)
            && self.answer(true, |_| Child::SharingMemory).is_ok()
    }

    /// The namespaces asked for.
    pub fn namespaces(&self) -> Answer {
        self.answer(self.any(NAMESPACES), |args| Child::With(args.flags & NAMESPACES))
    }

    /// The user namespace asked for, alone.
    pub fn user_namespace(&self) -> Answer {
        self.answer(self.any(CLONE_NEWUSER), |_| Child::With(CLONE_NEWUSER))
    }

    /// The pids asked for.
    pub fn pids(&self) -> Answer {
        let child = |args: &Request| Child::WithPids(args.flags & NAMESPACES, args.set_tid);
        self.answer(self.args().set_tid != (0, 0), child)
    }

    /// The cgroup asked for.
    pub fn cgroup(&self) -> Answer {
        self.answer(self.any(CLONE_INTO_CGROUP), |args| {
            Child::InCgroup(args.cgroup as c_int, args.flags.contains(CLONE_THREAD))
        })
    }

    /// The thread pointer, if one is asked for.
    pub fn tls(&self) -> Answer {
        self.answer(self.any(CLONE_SETTLS), |args| Child::WithTls(args.tls))
    }

    /// A pidfd, if one is asked for.
    pub fn pidfd(&self) -> Answer {
        self.answer(self.any(CLONE_PIDFD), |_| Child::WithPidfd)
    }
}
