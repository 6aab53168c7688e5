// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a child is to be: the one description that posix_spawn, clone3_spawn, system and
//! popen fill, and that everything else goes by.
//!
//! A `Child` borrows all it names. Nothing of it is copied, so it must stay as
//! it is until `launch` returns.

use super::actions::Actions;
use super::birthplace::Elsewhere;
use super::rare::{Function, Rare};
use super::search::Search;
use crate::observe::Note;
use crate::uapi::exec::Strings;
use crate::uapi::sys::{KernelSigset, Pid};
use core::ffi::{c_char, c_int};

/// What the child is for.
pub enum Program {
    /// The file of that path, from the child's working directory.
    Path(*const c_char),
    /// A name to be looked for in PATH.
    Search(Search),
    /// The file of a path from a directory's descriptor, with flags of execveat(2).
    At(c_int, *const c_char, c_int),
    /// No file: it runs this and ends.
    Function(Function),
}

/// What POSIX lets a child have of its own besides its files; `None` is as the caller.
#[derive(Clone, Copy)]
pub struct Attributes {
    /// Signals to be set to their default, besides those with a handler.
    pub defaults: KernelSigset,
    /// The signal mask it begins with.
    pub mask: Option<KernelSigset>,
    /// The scheduling policy and its parameter; without a policy, the
    /// parameter for the caller's.
    pub scheduling: Option<(Option<c_int>, c_int)>,
    /// Whether it leads a new session.
    pub new_session: bool,
    /// The process group it joins, 0 for one of its own.
    pub process_group: Option<Pid>,
    /// Whether its effective ids become the real ones.
    pub reset_ids: bool,
    /// The cgroup2 directory it is born in.
    pub cgroup: Option<c_int>,
}

impl Attributes {
    /// As the caller in everything.
    pub const NONE: Attributes = Attributes {
        defaults: 0,
        mask: None,
        scheduling: None,
        new_session: false,
        process_group: None,
        reset_ids: false,
        cgroup: None,
    };
}

/// The caller, for a child that looks whether it is still there.
#[derive(Clone, Copy)]
pub struct Parent {
    /// Its pid, as its children have it from getppid(2); 0 where nobody looks.
    pub pid: Pid,
    /// A pidfd of it, for a child to which it has no number; or −1.
    pub fd: c_int,
}

impl Parent {
    /// Nobody looks.
    pub const UNWATCHED: Parent = Parent { pid: 0, fd: -1 };
}

/// A child that is to be made.
pub struct Child<'a> {
    /// Which call asks for it.
    pub note: Note,
    /// What it is for.
    pub program: Program,
    /// The program's arguments, the first of them its name.
    pub argv: Strings,
    /// Its environment.
    pub envp: Strings,
    /// What is done to the child's files.
    pub actions: Actions<'a>,
    /// What else it has of its own.
    pub attributes: Attributes,
    /// What few children ask for.
    pub rare: &'a Rare,
    /// Where its pidfd goes, if it is wanted; close-on-exec.
    pub pidfd: Option<&'a mut c_int>,
    /// Who has it made.
    pub parent: Parent,
    /// The pid namespace it is born in, if that is not the caller's.
    pub birthplace: Option<&'a Elsewhere>,
}

impl Child<'_> {
    /// Whether it executes nothing.
    pub fn runs_function(&self) -> bool {
        matches!(self.program, Program::Function(_))
    }
}
