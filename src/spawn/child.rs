// SPDX-License-Identifier: MIT OR Apache-2.0
//! The description of a child: posix_spawn, clone3_spawn, system and popen fill it, and
//! everything else reads it.
//!
//! A `Child` borrows everything that it names. Nothing is copied, so it must stay
//! unchanged until `launch` returns.

use super::actions::Actions;
use super::birthplace::Elsewhere;
use super::rare::{Function, Rare};
use super::search::Search;
use crate::observe::Note;
use crate::uapi::exec::Strings;
use crate::uapi::sys::{KernelSigset, Pid};
use core::ffi::{c_char, c_int};

/// What the child runs.
pub enum Program {
    /// The file of that path, from the child's working directory.
    Path(*const c_char),
    /// A name to be looked for in PATH.
    Search(Search),
    /// The file of a path from a directory's descriptor, with flags of execveat(2).
    At(c_int, *const c_char, c_int),
    /// No file: it runs this function and exits.
    Function(Function),
}

/// The attributes of POSIX, besides files; `None` is inherited from the caller.
#[derive(Clone, Copy)]
pub struct Attributes {
    /// Signals to reset to their default, besides those with a handler.
    pub defaults: KernelSigset,
    /// The signal mask it begins with.
    pub mask: Option<KernelSigset>,
    /// The scheduling policy and its parameter; without a policy, the parameter for the
    /// inherited one.
    pub scheduling: Option<(Option<c_int>, c_int)>,
    /// Whether it leads a new session.
    pub new_session: bool,
    /// The process group it joins, 0 for one of its own.
    pub process_group: Option<Pid>,
    /// Whether its effective ids become the real ones.
    pub reset_ids: bool,
    /// The cgroup2 directory it is created in.
    pub cgroup: Option<c_int>,
}

impl Attributes {
    /// Everything inherited from the caller.
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

/// The caller, for a child that checks whether it has ended.
#[derive(Clone, Copy)]
pub struct Parent {
    /// Its pid, as its children get it from getppid(2); 0 if it is not checked.
    pub pid: Pid,
    /// A pidfd of it, for a child in whose pid namespace it has no pid; or −1.
    pub fd: c_int,
}

impl Parent {
    /// Not checked.
    pub const UNWATCHED: Parent = Parent { pid: 0, fd: -1 };
}

/// A child to be created.
pub struct Child<'a> {
    /// Which call asks for it.
    pub note: Note,
    /// What it runs.
    pub program: Program,
    /// The program's arguments, the first of them its name.
    pub argv: Strings,
    /// Its environment.
    pub envp: Strings,
    /// What is done to the child's files.
    pub actions: Actions<'a>,
    /// Its attributes.
    pub attributes: Attributes,
    /// The rarely used part.
    pub rare: &'a Rare,
    /// Where its pidfd goes, if it is requested; close-on-exec.
    pub pidfd: Option<&'a mut c_int>,
    /// The caller.
    pub parent: Parent,
    /// The pid namespace it is created in, if that is not the caller's.
    pub birthplace: Option<&'a Elsewhere>,
}

impl Child<'_> {
    /// Whether it runs a function instead of a program.
    pub fn runs_function(&self) -> bool {
        matches!(self.program, Program::Function(_))
    }
}
