// SPDX-License-Identifier: MIT OR Apache-2.0
//! Namespaces, and the ids in them.

use clone3_sys as sys;
use std::ops::{BitOr, BitOrAssign};

/// Kinds of namespaces, put together by `|`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Namespaces(u64);

impl Namespaces {
    /// None.
    pub const NONE: Namespaces = Namespaces(0);
    /// Mounts.
    pub const MOUNT: Namespaces = Namespaces(sys::CLONE_NEWNS);
    /// Mounts; a new one starts empty. Linux 7.1.
    pub const EMPTY_MOUNT: Namespaces = Namespaces(sys::CLONE_NEWNS | sys::CLONE_EMPTY_MNTNS);
    /// The view of cgroups. Linux 4.6.
    pub const CGROUP: Namespaces = Namespaces(sys::CLONE_NEWCGROUP);
    /// Host name and domain name.
    pub const UTS: Namespaces = Namespaces(sys::CLONE_NEWUTS);
    /// System V and POSIX IPC.
    pub const IPC: Namespaces = Namespaces(sys::CLONE_NEWIPC);
    /// Ids and capabilities.
    pub const USER: Namespaces = Namespaces(sys::CLONE_NEWUSER);
    /// Process ids.
    pub const PID: Namespaces = Namespaces(sys::CLONE_NEWPID);
    /// Networks.
    pub const NET: Namespaces = Namespaces(sys::CLONE_NEWNET);
    /// Clocks. Linux 6.3.
    pub const TIME: Namespaces = Namespaces(sys::CLONE_NEWTIME);

    /// Their `CLONE_NEW*` flags.
    pub const fn flags(self) -> u64 {
        self.0
    }
}

impl BitOr for Namespaces {
    type Output = Namespaces;

    fn bitor(self, other: Namespaces) -> Namespaces {
        Namespaces(self.0 | other.0)
    }
}

impl BitOrAssign for Namespaces {
    fn bitor_assign(&mut self, other: Namespaces) {
        *self = *self | other;
    }
}

/// Some ids in a new user namespace, and what they are outside (`user_namespaces(7)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdRange {
    /// The first id in the new namespace.
    pub inside: u32,
    /// What it is outside.
    pub outside: u32,
    /// How many ids.
    pub count: u32,
}

impl IdRange {
    /// One id.
    pub const fn one(inside: u32, outside: u32) -> IdRange {
        IdRange { inside, outside, count: 1 }
    }

    pub(crate) fn as_sys(self) -> sys::clone3_spawn_id_range {
        sys::clone3_spawn_id_range { inside: self.inside, outside: self.outside, count: self.count }
    }
}
