// SPDX-License-Identifier: MIT OR Apache-2.0
//! The object of a failed step, for the message. The parent looks it up in the plan
//! afterwards.

use super::actions::Action;
use super::failure::Failure;
use super::plan::Plan;
use super::rare::Directory;
use super::readable;
use super::stage::{ActionKind, Stage};
use crate::uapi::Errno;
use core::ffi::{c_char, c_int};
use core::ptr::null;

/// The object of a step.
#[derive(Clone, Copy)]
pub struct Object {
    /// Which kind of file action.
    pub action: ActionKind,
    /// A descriptor, an id or another number; −1 for none.
    pub number: c_int,
    /// A path of the caller's, or null.
    pub path: *const c_char,
    /// The type of a file system, or null.
    pub kind: *const c_char,
}

impl Object {
    const NONE: Object =
        Object { action: ActionKind::None, number: -1, path: null(), kind: null() };

    fn number(number: c_int) -> Object {
        Object { number, ..Object::NONE }
    }

    fn path(path: *const c_char) -> Object {
        Object { path, ..Object::NONE }
    }

    /// The cgroup that a child was to be created in.
    pub fn of_cgroup(plan: &Plan) -> Object {
        match plan.attributes.cgroup {
            _ if !plan.cgroup_path.is_null() => Object::path(plan.cgroup_path),
            Some(fd) => Object::number(fd),
            None => Object::NONE,
        }
    }

    fn of_directory(directory: Directory) -> Object {
        match directory {
            Directory::Inherited => Object::NONE,
            Directory::Descriptor(fd) => Object::number(fd),
            Directory::Path(path) => Object::path(path),
        }
    }

    fn of_action(action: &Action) -> Object {
        let (kind, number, path) = match *action {
            Action::Open { fd, path, .. } => (ActionKind::Open, fd, path),
            Action::Close { fd } => (ActionKind::Close, fd, null()),
            Action::Dup2 { from, .. } => (ActionKind::Dup2, from, null()),
            Action::Chdir { path } => (ActionKind::Chdir, -1, path),
            Action::Fchdir { fd } => (ActionKind::Fchdir, fd, null()),
            Action::CloseFrom { first } => (ActionKind::Closefrom, first, null()),
            Action::TakeTerminal { fd } => (ActionKind::Tcsetpgrp, fd, null()),
        };
        Object { action: kind, number, path, kind: null() }
    }
}

/// The object of a failure's step. `path` is the program's.
///
/// After EFAULT the caller's lists are not read, since they may be the invalid memory,
/// and a path is named only if it can be read.
pub fn object(plan: &Plan, path: *const c_char, failure: &Failure) -> Object {
    if failure.errno != Errno::EFAULT {
        return object_of(plan, path, failure);
    }
    let object = match failure.stage {
        Stage::Namespace | Stage::Fd | Stage::Rlimit => Object::NONE,
        Stage::Mount if readable::of_list(&plan.rare.mounts).is_err() => Object::NONE,
        _ => object_of(plan, path, failure),
    };
    let told = |string| if readable::string(string).is_ok() { string } else { null() };
    Object { path: told(object.path), kind: told(object.kind), ..object }
}

fn object_of(plan: &Plan, path: *const c_char, failure: &Failure) -> Object {
    let index = failure.index as usize;
    let number = |value: Option<u32>| value.map_or(Object::NONE, |id| Object::number(id as c_int));
    let signed = |value: Option<c_int>| value.map_or(Object::NONE, Object::number);
    match failure.stage {
        Stage::Cgroup => Object::of_cgroup(plan),
        Stage::Scheduler => signed(plan.attributes.scheduling.and_then(|(policy, _)| policy)),
        Stage::Nice => signed(plan.rare.nice),
        Stage::Ioprio => signed(plan.rare.io_priority),
        Stage::OomScoreAdj => signed(plan.rare.oom_score),
        Stage::Namespace => signed(plan.rare.namespaces.get().get(index).map(|ns| ns.fd)),
        Stage::ProcessGroup => signed(plan.attributes.process_group),
        Stage::Terminal => signed(plan.rare.terminal),
        Stage::Mount => plan.rare.mounts.get().get(index).map_or(Object::NONE, |mount| Object {
            kind: mount.kind_in_words(),
            ..Object::path(mount.target)
        }),
        Stage::Root => Object::of_directory(plan.rare.root),
        Stage::Directory => Object::of_directory(plan.rare.directory),
        Stage::Fd => {
            let listed = plan.rare.descriptors.as_ref().and_then(|list| list.get().get(index));
            signed(listed.copied())
        }
        Stage::FileAction => {
            plan.actions().nth(index).map_or(Object::NONE, |action| Object::of_action(&action))
        }
        Stage::Rlimit => signed(plan.rare.limits.get().get(index).map(|limit| limit.resource)),
        Stage::Gid => number(plan.rare.gid),
        Stage::Uid => number(plan.rare.uid),
        Stage::PdeathSignal => Object::number(plan.rare.pdeath_signal),
        Stage::Exec if path.is_null() => signed(plan.program.map(|(fd, _)| fd)),
        Stage::Exec => Object::path(path),
        Stage::None
        | Stage::Plan
        | Stage::Create
        | Stage::Pidfd
        | Stage::Callback
        | Stage::Signals
        | Stage::Session
        | Stage::Affinity
        | Stage::TimerSlack
        | Stage::IdMap
        | Stage::Groups
        | Stage::Bounding
        | Stage::Capabilities
        | Stage::Securebits
        | Stage::NoNewPrivs
        | Stage::Seccomp => Object::NONE,
    }
}
