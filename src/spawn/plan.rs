// SPDX-License-Identifier: MIT OR Apache-2.0
//! The contents of `clone3_spawn_t` as the setters left it: the two parts of a child's
//! description, and what the spawn itself needs. Lists and strings are borrowed from the
//! caller.

use super::actions::{Actions, FileActions};
use super::child::Attributes;
use super::rare::{Function, Rare};
use crate::uapi::Errno;
use core::ffi::{c_char, c_int};
use core::ptr::{null, null_mut};

/// A setter that failed.
#[derive(Clone, Copy)]
pub struct Refusal {
    /// Its number.
    pub setter: u8,
    /// The error number that it returned.
    pub errno: Errno,
}

/// The contents of `clone3_spawn_t`.
pub struct Plan {
    /// [`MARK`], if it is initialised.
    pub mark: u64,
    /// The first setter that failed. Such a plan must not run: what it lacks may be what
    /// confines the program.
    pub refused: Option<Refusal>,
    /// The part that POSIX has, too.
    pub attributes: Attributes,
    /// The rest.
    pub rare: Rare,
    /// The child's cgroup, if not in `attributes`: a path from the caller's working
    /// directory, or null.
    pub cgroup_path: *const c_char,
    /// What is done to the files.
    pub actions: *const FileActions,
    /// Where the pidfd goes, or null.
    pub pidfd: *mut c_int,
    /// The program or its directory, and the flags of execveat(2).
    pub program: Option<(c_int, c_int)>,
    /// Whether the program is searched for in PATH.
    pub search: bool,
    /// A function to run instead of a program.
    pub function: Option<Function>,
}

/// A value that uninitialised memory does not have by chance.
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

    /// Records that a setter failed. The first one counts: later ones may have failed
    /// because of it.
    pub fn refuse(&mut self, setter: u8, errno: Errno) {
        self.refused.get_or_insert(Refusal { setter, errno });
    }

    /// What is done to the files besides the list.
    pub fn actions(&self) -> Actions<'_> {
        // SAFETY: the setter's contract: an object that stays until the spawn.
        unsafe { Actions::of(self.actions) }.unwrap_or(Actions::NONE)
    }
}
