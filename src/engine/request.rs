// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one typed description of a child that every entry point fills.

use crate::uapi::flags::*;
use crate::uapi::{CloneFlags, clone_args, sys};
use core::mem::offset_of;

/// The child's own stack. Both zero: it continues on the caller's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// Lowest address.
    pub base: u64,
    /// Bytes from there to the top.
    pub size: u64,
}

impl Stack {
    /// A stack of which only the top is known, as for clone(2).
    ///
    /// clone3 takes a base and a size, and uses only their sum, the top, unless it sizes
    /// a user shadow stack by the size. So the smallest size that keeps the alignment
    /// will do.
    pub fn below(top: u64) -> Stack {
        const SMALLEST: u64 = 16;
        Stack { base: top.wrapping_sub(SMALLEST), size: SMALLEST }
    }

    /// The address the child starts at.
    pub fn top(&self) -> u64 {
        self.base.wrapping_add(self.size)
    }

    /// Whether all of it is within the address space.
    pub fn is_addressable(&self) -> bool {
        self.base.checked_add(self.size).is_some_and(|top| usize::try_from(top).is_ok())
    }

    /// Whether the child runs on the caller's stack.
    pub fn is_callers(&self) -> bool {
        *self == Stack::default()
    }
}

/// How the child's memory relates to the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// A copy of its own.
    Copied,
    /// Shared, and the kernel suspends the calling thread until the child execs or
    /// ends (CLONE_VM with CLONE_VFORK).
    Lent,
    /// Shared by tasks that run at the same time.
    Shared,
}

/// Which system calls may carry the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// clone3, and legacy clone where clone3 is unavailable.
    Any,
    /// Legacy clone only: the request holds something that clone3 would refuse.
    Legacy,
}

/// A child as asked for. Values that no kernel accepts are kept as they are: the kernel
/// refuses them, so that callers see its errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// `CLONE_*` flags without an exit signal.
    pub flags: CloneFlags,
    /// Signal sent to the parent when the child ends, 0 for none.
    pub exit_signal: u64,
    /// Where the pidfd goes (CLONE_PIDFD).
    pub pidfd: u64,
    /// In the child's memory (CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID).
    pub child_tid: u64,
    /// In the caller's memory (CLONE_PARENT_SETTID).
    pub parent_tid: u64,
    /// The child's stack.
    pub stack: Stack,
    /// Thread pointer (CLONE_SETTLS).
    pub tls: u64,
    /// Address and number of the requested pids.
    pub set_tid: (u64, u64),
    /// A cgroup2 directory (CLONE_INTO_CGROUP).
    pub cgroup: u64,
    /// Flags removed from `flags` because the library emulates them.
    pub emulated: CloneFlags,
    /// Flags that the library may emulate, besides those that the process allowed.
    pub emulable: CloneFlags,
    /// Which system calls may carry it.
    pub route: Route,
    /// The caller's own struct, if there is one. It is passed to clone3 unchanged, with
    /// the fields that only a newer kernel knows.
    pub wire: Option<Wire>,
}

/// A caller's own `struct clone_args`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Where it is.
    pub address: u64,
    /// Its size in bytes, as the caller says.
    pub size: usize,
    /// Whether something that is not zero lies behind the fields known here.
    pub holds_more: bool,
}

impl Request {
    /// fork(): a copy of everything, SIGCHLD when the child ends.
    pub const FORK: Request = Request {
        flags: CloneFlags::NONE,
        exit_signal: libc::SIGCHLD as u64,
        pidfd: 0,
        child_tid: 0,
        parent_tid: 0,
        stack: Stack { base: 0, size: 0 },
        tls: 0,
        set_tid: (0, 0),
        cgroup: 0,
        emulated: CloneFlags::NONE,
        emulable: CloneFlags::NONE,
        route: Route::Any,
        wire: None,
    };

    /// vfork(): memory and stack are shared, and the caller suspended, until the child
    /// execs or ends.
    pub const VFORK: Request = Request { flags: CLONE_VM.union(CLONE_VFORK), ..Request::FORK };

    /// From a caller's `struct clone_args`, of which `args` holds the fields
    /// known here.
    pub fn from_wire(args: &clone_args, wire: Wire) -> Request {
        Request {
            flags: CloneFlags::from_bits(args.flags),
            exit_signal: args.exit_signal,
            pidfd: args.pidfd,
            child_tid: args.child_tid,
            parent_tid: args.parent_tid,
            stack: Stack { base: args.stack, size: args.stack_size },
            tls: args.tls,
            set_tid: (args.set_tid, args.set_tid_size),
            cgroup: args.cgroup,
            wire: Some(wire),
            ..Request::FORK
        }
    }

    /// From the arguments of legacy clone(2), whose rules are kept: the low byte of the
    /// flags is the exit signal and means nothing with CLONE_THREAD or CLONE_PARENT,
    /// CLONE_DETACHED means nothing except with CLONE_PIDFD, CLONE_PIDFD stores the pidfd
    /// through parent_tid, and `stack` is the top.
    pub fn from_legacy(flags: u32, stack: u64, parent_tid: u64, child_tid: u64, tls: u64) -> Self {
        let signal = u64::from(flags) & CSIGNAL.bits();
        let flags = CloneFlags::from_bits(flags.into());
        let with_pidfd = flags.contains(CLONE_PIDFD);
        let flags = flags & !if with_pidfd { CSIGNAL } else { CSIGNAL | CLONE_DETACHED };
        let inherits_signal = flags.intersects(CLONE_THREAD | CLONE_PARENT);
        // clone(2) accepts a number that is no signal and sends none; clone3 refuses it.
        // clone(2) has a rule of its own for CLONE_DETACHED with CLONE_PIDFD
        // (kernel/fork.c, clone3_args_valid and kernel_clone).
        let only_legacy = (signal > 64 && !inherits_signal) || flags.contains(CLONE_DETACHED);
        let route = if only_legacy { Route::Legacy } else { Route::Any };
        // Arguments that no flag uses may never have been passed.
        let used = |by, value| if flags.intersects(by) { value } else { 0 };
        Request {
            flags,
            exit_signal: if inherits_signal { 0 } else { signal },
            pidfd: used(CLONE_PIDFD, parent_tid),
            child_tid: used(CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, child_tid),
            parent_tid: used(CLONE_PARENT_SETTID, parent_tid),
            stack: if stack == 0 { Stack::default() } else { Stack::below(stack) },
            tls: used(CLONE_SETTLS, tls),
            route,
            ..Request::FORK
        }
    }

    /// The fields in clone3's wire format.
    pub fn to_wire(self) -> clone_args {
        clone_args {
            flags: self.flags.bits(),
            pidfd: self.pidfd,
            child_tid: self.child_tid,
            parent_tid: self.parent_tid,
            exit_signal: self.exit_signal,
            stack: self.stack.base,
            stack_size: self.stack.size,
            tls: self.tls,
            set_tid: self.set_tid.0,
            set_tid_size: self.set_tid.1,
            cgroup: self.cgroup,
        }
    }

    /// The smallest published size that holds every field in use, so that a kernel gets a
    /// field that it does not know only if the field is used.
    pub fn wire_size(&self) -> usize {
        if self.cgroup != 0 || self.flags.contains(CLONE_INTO_CGROUP) {
            size_of::<clone_args>()
        } else if self.set_tid != (0, 0) {
            offset_of!(clone_args, cgroup)
        } else {
            offset_of!(clone_args, set_tid)
        }
    }

    /// The same with these flags emulated; no longer in the caller's own struct.
    pub fn with_emulated(&self, flags: CloneFlags) -> Request {
        let mut request = *self;
        if !flags.is_empty() {
            request.wire = None;
            request.emulate(flags);
        }
        request
    }

    /// Marks these flags as emulated. The caller's own struct is no longer used.
    pub fn emulate(&mut self, flags: CloneFlags) {
        self.flags &= !flags;
        self.emulated = flags;
    }

    /// How the child's memory relates to the caller's.
    pub fn memory(&self) -> Memory {
        match self.flags & (CLONE_VM | CLONE_VFORK) {
            both if both == CLONE_VM | CLONE_VFORK => Memory::Lent,
            CLONE_VM => Memory::Shared,
            _ => Memory::Copied,
        }
    }

    /// Whether the child starts with the caller's thread pointer, and so with its TCB.
    pub fn keeps_tls(&self) -> bool {
        !self.flags.contains(CLONE_SETTLS)
    }

    /// Whether the caller chose clear_child_tid.
    pub fn clears_tid(&self) -> bool {
        self.flags.contains(CLONE_CHILD_CLEARTID)
    }
}

const _: () = assert!(size_of::<sys::Pid>() == 4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legacy_low_byte_is_the_exit_signal() {
        let request =
            Request::from_legacy(libc::SIGUSR1 as u32 | CLONE_FS.bits() as u32, 0, 0, 0, 0);
        assert_eq!(request.exit_signal, libc::SIGUSR1 as u64);
        assert_eq!(request.flags, CLONE_FS);
        assert_eq!(request.route, Route::Any);
    }

    #[test]
    fn legacy_exit_signal_is_ignored_where_it_means_nothing() {
        for flag in [CLONE_THREAD, CLONE_PARENT] {
            let request = Request::from_legacy(0xff | flag.bits() as u32, 0, 0, 0, 0);
            assert_eq!((request.exit_signal, request.route), (0, Route::Any));
        }
    }

    #[test]
    fn a_signal_clone3_refuses_goes_the_legacy_way() {
        assert_eq!(Request::from_legacy(64, 0, 0, 0, 0).route, Route::Any);
        assert_eq!(Request::from_legacy(65, 0, 0, 0, 0).route, Route::Legacy);
    }

    #[test]
    fn legacy_detached_vanishes_but_for_pidfd() {
        let with = |flags: CloneFlags| Request::from_legacy(flags.bits() as u32, 0, 0, 0, 0);
        assert_eq!(with(CLONE_DETACHED | CLONE_FS).flags, CLONE_FS);
        let both = with(CLONE_DETACHED | CLONE_PIDFD);
        assert_eq!((both.flags, both.route), (CLONE_DETACHED | CLONE_PIDFD, Route::Legacy));
    }

    #[test]
    fn legacy_pidfd_uses_parent_tid() {
        let flags = CLONE_PIDFD.bits() as u32;
        let request = Request::from_legacy(flags, 0x1000, 0x20, 0x30, 0x40);
        assert_eq!(request.flags, CLONE_PIDFD);
        assert_eq!((request.pidfd, request.parent_tid), (0x20, 0));
        assert_eq!((request.child_tid, request.tls), (0, 0), "nobody asked for them");
        assert_eq!(request.stack.top(), 0x1000);
    }

    #[test]
    fn wire_round_trip_keeps_every_field() {
        let args = clone_args {
            flags: 1,
            pidfd: 2,
            child_tid: 3,
            parent_tid: 4,
            exit_signal: 5,
            stack: 6,
            stack_size: 7,
            tls: 8,
            set_tid: 9,
            set_tid_size: 10,
            cgroup: 11,
        };
        let wire = Wire { address: 0, size: 88, holds_more: false };
        assert_eq!(Request::from_wire(&args, wire).to_wire(), args);
    }

    #[test]
    fn wire_size_grows_with_the_fields_in_use() {
        assert_eq!(Request::FORK.wire_size(), 64);
        assert_eq!(Request { set_tid: (0, 1), ..Request::FORK }.wire_size(), 80);
        assert_eq!(Request { flags: CLONE_INTO_CGROUP, ..Request::FORK }.wire_size(), 88);
        assert_eq!(Request { cgroup: 3, ..Request::FORK }.wire_size(), 88);
    }

    #[test]
    fn memory_is_read_from_two_flags() {
        let with = |flags| Request { flags, ..Request::FORK }.memory();
        assert_eq!(with(CloneFlags::NONE), Memory::Copied);
        assert_eq!(with(CLONE_VFORK), Memory::Copied);
        assert_eq!(with(CLONE_VM | CLONE_FS), Memory::Shared);
        assert_eq!(with(CLONE_VM | CLONE_VFORK), Memory::Lent);
    }
}
