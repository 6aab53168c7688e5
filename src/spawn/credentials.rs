// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which children get a copy of the memory because of what they may become.
//!
//! A process that may trace a task may write its memory (ptrace(2), process_vm_writev(2),
//! /proc/PID/mem), and take its descriptors (pidfd_getfd(2)). In lent memory that is
//! the caller's. So it is lent only to a child that nobody can trace who cannot trace
//! the caller: one with the caller's ids and permitted capabilities, in no user
//! namespace but the caller's, seen from no pid namespace that does not see the caller.
//!
//! | what the child may do | memory |
//! |---|---|
//! | user, group or effective ids that differ from the present ones | copied: their user may trace the child |
//! | a new user namespace | copied: its owner, any process of the caller's user, has all capabilities over it |
//! | joining a user namespace | copied: so has its root |
//! | joining a pid namespace | copied: its processes see the child, and never saw the caller |
//! | a filter, before Linux 5.16 | copied: it may kill the child, whose core dump ends all who share its memory |
//! | supplementary groups, securebits, the bounding, inheritable and ambient sets, no_new_privs, a filter later, other namespaces | lent: none of it is looked at (kernel/ptrace.c, security/commoncap.c) |
//!
//! To the kernel memory is dumpable or not for all who share it (PR_SET_DUMPABLE), and
//! a change of ids in lent memory would change that for the caller. So nothing here
//! touches the caller's.
//!
//! The caller's ids are those of its thread. No other thread can change them in
//! between: for that a libc sends signals, which are blocked.

use super::child::Child;
use super::elements::Namespace;
use super::rare::Rare;
use crate::uapi::cred::Ids;
use crate::uapi::flags::{CLONE_NEWPID, CLONE_NEWUSER};
use crate::uapi::{CloneFlags, task};

/// What a child may become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Other ids.
    pub ids: bool,
    /// A member of a user namespace that was there before.
    pub joins_user: bool,
    /// A process of a pid namespace that was there before.
    pub joins_pid: bool,
    /// The first member of a new user namespace.
    pub new_user: bool,
    /// A process that dumps core by its filter's will, on a kernel where that is the end
    /// of the caller, too (fs/coredump.c, zap_threads, before Linux 5.16).
    pub dumps: bool,
}

impl Changes {
    /// Those of a child of the calling thread.
    #[inline(never)]
    pub fn of(child: &Child) -> Changes {
        let rare = child.rare;
        let resets = child.attributes.reset_ids && !Ids::now().are_real();
        Changes {
            ids: resets || changes_ids(rare),
            joins_user: joins(rare, CLONE_NEWUSER),
            joins_pid: joins(rare, CLONE_NEWPID),
            new_user: rare.flags.contains(CLONE_NEWUSER),
            dumps: !rare.filter.is_null() && task::kernel_version() < (5, 16),
        }
    }

    /// Whether the child must have a copy of the memory.
    pub fn any(&self) -> bool {
        *self != Changes::default()
    }
}

fn changes_ids(rare: &Rare) -> bool {
    if rare.uid.is_none() && rare.gid.is_none() {
        return false;
    }
    let ids = Ids::now();
    let differs = |wanted: Option<u32>, now: [u32; 4]| wanted.is_some_and(|id| now != [id; 4]);
    differs(rare.uid, ids.user) || differs(rare.gid, ids.group)
}

/// A namespace of which it is not known what it is may be any.
fn joins(rare: &Rare, kind: CloneFlags) -> bool {
    let may_be = |namespace: &Namespace| match namespace.kinds() {
        0 => true,
        kinds => kinds & kind.bits() as i32 != 0,
    };
    rare.namespaces.get().iter().any(may_be)
}
