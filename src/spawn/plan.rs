// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `clone3_spawn_t` holds: the two parts of a child's description, and what becomes
//! of them when it runs, as the setters left it. Lists and strings are the caller's own.

use super::actions::{Actions, FileActions};
use super::child::Attributes;
use super::rare::{Function, Rare};
use crate::uapi::Errno;
use core::ffi::{c_char, c_int};
use core::ptr::{null, null_mut};

/// A setter that could not do what it was called for.
#[derive(Clone, Copy)]
pub struct Refusal {
    /// Its number.
    pub setter: u8,
    /// What it answered.
    pub errno: Errno,
}

/// The contents of `clone3_spawn_t`.
pub struct Plan {
    /// [`MARK`], or nobody initialised it.
    pub mark: u64,
    /// The first setter that failed: a plan that lacks something must not run, for
    /// what it lacks may be what keeps the program in.
    pub refused: Option<Refusal>,
    /// What POSIX knows as well.
    pub attributes: Attributes,
    /// The rest.
    pub rare: Rare,
    /// Where the child is born, if not by `attributes`: a path from the caller's working
    /// directory, or null.
    pub cgroup_path: *const c_char,
    /// What is done to the files.
    pub actions: *const FileActions,
    /// Where the pidfd goes, or null.
    pub pidfd: *mut c_int,
    /// The program or its directory, and the flags of execveat(2).
    pub program: Option<(c_int, c_int)>,
    /// Whether the program is a name to be looked for.
    pub search: bool,
    /// What runs in a program's place.
    pub function: Option<Function>,
}

/// In place of an address; nothing else begins with it by chance.
pub const MARK: u64 = 0x736e_6177_7033_6e63;

impl Plan {
    /// A child like the caller.
    pub const INITIAL: Plan = Plan {
        mark: MARK,
        refused: None,
        attributes: Attributes::NONE,
        rare: *Rare::NONE,
        cgroup_path: null(),
        actions: null(),
        pidfd: null_mut(),
        program: None,
        search: false,
        function: None,
    };

    /// Notes that a setter was refused. The first one counts: what comes after may
    /// have failed because of it.
    pub fn refuse(&mut self, setter: u8, errno: Errno) {
        self.refused.get_or_insert(Refusal { setter, errno });
    }

    /// What is done to the files besides the list.
    pub fn actions(&self) -> Actions<'_> {
        // SAFETY: the setter's contract: an object that stays until the spawn.
        unsafe { Actions::of(self.actions) }.unwrap_or(Actions::NONE)
    }
}
