// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which children get a copy of the memory because of the credentials they may get.
//!
//! A process that may trace a task may write its memory (ptrace(2), process_vm_writev(2),
//! /proc/PID/mem), and take its descriptors (pidfd_getfd(2)). In lent memory that is the
//! caller's. So memory is lent only to a child that no process can trace unless it can
//! also trace the caller: one with the caller's ids and permitted capabilities, in the
//! caller's user namespace, visible from no pid namespace in which the caller is not
//! visible.
//!
//! | what the child may do | memory |
//! |---|---|
//! | user, group or effective ids that differ from the present ones | copied: their user may trace the child |
//! | a new user namespace | copied: its owner, any process of the caller's user, has all capabilities over it |
//! | joining a user namespace | copied: so has its root |
//! | joining a pid namespace | copied: its processes see the child, and not the caller |
//! | a filter, before Linux 5.16 | copied: it may kill the child, whose core dump ends all who share its memory |
//! | supplementary groups, securebits, the bounding, inheritable and ambient sets, no_new_privs, a filter later, other namespaces | lent: the access check uses none of these (kernel/ptrace.c, security/commoncap.c) |
//!
//! The kernel keeps the dumpable flag (PR_SET_DUMPABLE) per memory, for all tasks that
//! share it: a change of ids in lent memory would change it for the caller. Copying
//! avoids that, too.
//!
//! The caller's ids are those of its thread. No other thread can change them meanwhile: a
//! libc does that by signals, which are blocked.

use super::child::Child;
use super::elements::Namespace;
use super::rare::Rare;
use crate::uapi::cred::Ids;
use crate::uapi::flags::{CLONE_NEWPID, CLONE_NEWUSER};
use crate::uapi::{CloneFlags, task};

/// The credentials that a child may get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Other ids.
    pub ids: bool,
    /// It joins an existing user namespace.
    pub joins_user: bool,
    /// It joins an existing pid namespace.
    pub joins_pid: bool,
    /// It is created in a new user namespace.
    pub new_user: bool,
    /// Its filter may make it dump core, on a kernel where that kills the caller, too
    /// (fs/coredump.c, zap_threads, before Linux 5.16).
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

/// A namespace of unknown kind may be of any kind.
fn joins(rare: &Rare, kind: CloneFlags) -> bool {
    let may_be = |namespace: &Namespace| match namespace.kinds() {
        0 => true,
        kinds => kinds & kind.bits() as i32 != 0,
    };
    rare.namespaces.get().iter().any(may_be)
}
