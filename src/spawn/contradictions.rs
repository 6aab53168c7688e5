// SPDX-License-Identifier: MIT OR Apache-2.0
//! What makes no sense in a plan, each with its own words, and what a cause of
//! `Stage::Plan` is called: the failure's index says which.

use super::plan::{Failure, Stage};
use super::spec::{Directory, Spec};
use crate::uapi::Errno;
use crate::uapi::flags::{CLONE_EMPTY_MNTNS, CLONE_NEWNS, CLONE_NEWUSER};

/// The index of a plan that `clone3_spawn_init` did not make.
pub const NO_PLAN: u32 = 0;
/// The index of the first setter, by its number; contradictions are below.
pub const FIRST_SETTER: u32 = 100;

type Test = fn(&Spec, has_path: bool) -> bool;

/// The words, and what they are true of.
static CONTRADICTIONS: &[(&[u8], Test)] = &[
    (b"clone3_spawn_set_search() needs a name to look for", |spec, has_path| {
        spec.search && !has_path
    }),
    (
        b"nothing to run: no path, no clone3_spawn_set_program(), no clone3_spawn_set_function()",
        |spec, has_path| !has_path && spec.program.is_none() && spec.function.is_none(),
    ),
    (b"a program and clone3_spawn_set_function(): only one can run", |spec, has_path| {
        spec.function.is_some() && (has_path || spec.program.is_some())
    }),
    (b"clone3_spawn_set_search() looks in PATH, clone3_spawn_set_program() does not", |spec, _| {
        spec.search && spec.program.is_some()
    }),
    (b"id maps and setgroups need a new user namespace: CLONE_NEWUSER", |spec, _| {
        spec.writes_id_maps() && spec.flags & CLONE_NEWUSER == 0
    }),
    // The root that is left is everybody's in a shared mount namespace.
    (b"clone3_spawn_set_root() needs a mount namespace: CLONE_NEWNS", |spec, _| {
        matches!(spec.root, Directory::Descriptor(_)) && !spec.leaves_mount_namespace()
    }),
    (b"clone3_spawn_set_mounts() needs a mount namespace: CLONE_NEWNS", |spec, _| {
        !spec.mounts.get().is_empty() && !spec.leaves_mount_namespace()
    }),
    (b"CLONE_EMPTY_MNTNS needs CLONE_NEWNS", |spec, _| {
        spec.flags & CLONE_EMPTY_MNTNS != 0 && spec.flags & CLONE_NEWNS == 0
    }),
    (b"clone3_spawn_set_terminal() needs clone3_spawn_set_session()", |spec, _| {
        spec.terminal.is_some() && !spec.new_session
    }),
    (
        b"the leader of a new session leads its process group, too: choose group 0 or none",
        |spec, _| spec.new_session && spec.process_group.is_some_and(|group| group != 0),
    ),
    (b"a signal is to be at its default and ignored", |spec, _| spec.defaults & spec.ignores != 0),
    (b"an ambient capability is not among the inheritable ones", |spec, _| {
        spec.ambient.unwrap_or(0) & !spec.inheritable.unwrap_or(u64::MAX) != 0
    }),
];

/// The first contradiction: EINVAL.
pub fn find(spec: &Spec, has_path: bool) -> Result<(), Failure> {
    let mut tests = (NO_PLAN + 1..).zip(CONTRADICTIONS);
    match tests.find(|(_, (_, is_in))| is_in(spec, has_path)) {
        Some((index, _)) => Err(Failure { stage: Stage::Plan, index, errno: Errno::EINVAL }),
        None => Ok(()),
    }
}

/// What an index below `FIRST_SETTER` stands for.
pub fn words(index: u32) -> Option<&'static [u8]> {
    match index {
        NO_PLAN => Some(b"clone3_spawn_init() did not make it"),
        _ => CONTRADICTIONS.get(index as usize - 1).map(|&(words, _)| words),
    }
}

const _: () = assert!(CONTRADICTIONS.len() < FIRST_SETTER as usize);
