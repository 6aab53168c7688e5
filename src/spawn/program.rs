// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is executed, and the child that executes it: what `launch` is given.
//!
//! A `Child` borrows all it names. Nothing of it is copied, so it must stay as
//! it is until `launch` returns.

use super::actions::Actions;
use super::search::Search;
use super::superset::Extras;
use crate::uapi::exec::Strings;
use crate::uapi::sys::{KernelSigset, Pid};
use core::ffi::{c_char, c_int};

/// What is executed.
pub enum Program {
    /// The file of that path, from the child's working directory.
    Path(*const c_char),
    /// A name to be looked for in PATH.
    Search(Search),
}

/// What the child has of its own besides its files; `None` is as the caller.
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

/// A child that is to be made.
pub struct Child<'a> {
    /// What it executes.
    pub program: Program,
    /// Its arguments, the first of them its name.
    pub argv: Strings,
    /// Its environment.
    pub envp: Strings,
    /// What is done to its files.
    pub actions: Actions<'a>,
    /// What else it has of its own.
    pub attributes: Attributes,
    /// Where its pidfd goes, if it is wanted; close-on-exec.
    pub pidfd: Option<&'a mut c_int>,
    /// What `clone3_spawn` adds: its steps then take the place of the attributes'
    /// and the actions'.
    pub extras: Option<&'a Extras<'a>>,
}
