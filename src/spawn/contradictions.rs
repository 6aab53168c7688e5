// SPDX-License-Identifier: MIT OR Apache-2.0
//! Contradictions in a plan, each with its text. The index of a failure at `Stage::Plan`
//! says which one it was.

use super::failure::Failure;
use super::plan::Plan;
use super::rare::Directory;
use super::stage::Stage;
use crate::uapi::Errno;
use crate::uapi::flags::{CLONE_EMPTY_MNTNS, CLONE_NEWNS, CLONE_NEWUSER};

/// The index of a plan that `clone3_spawn_init` did not make.
pub const NO_PLAN: u32 = 0;
/// The index of the first setter, by its number; contradictions are below.
pub const FIRST_SETTER: u32 = 100;

type Test = fn(&Plan, has_path: bool) -> bool;

/// Each text, and the test for it.
static CONTRADICTIONS: &[(&[u8], Test)] = &[
    (b"clone3_spawn_set_search() needs a name to look for", |plan, has_path| {
        plan.search && !has_path
    }),
    (
        b"nothing to run: no path, no clone3_spawn_set_program_fd(), no clone3_spawn_set_function()",
        |plan, has_path| !has_path && plan.program.is_none() && plan.function.is_none(),
    ),
    (b"a program and clone3_spawn_set_function(): only one can run", |plan, has_path| {
        plan.function.is_some() && (has_path || plan.program.is_some())
    }),
    (b"clone3_spawn_set_search() looks in PATH, clone3_spawn_set_program_fd() does not", |plan, _| {
        plan.search && plan.program.is_some()
    }),
    (b"id maps and setgroups need a new user namespace: CLONE_NEWUSER", |plan, _| {
        plan.rare.writes_id_maps() && !plan.rare.flags.contains(CLONE_NEWUSER)
    }),
    // In the caller's mount namespace, pivot_root would change the root of every process
    // there.
    (b"clone3_spawn_set_pivot_root() needs a mount namespace: CLONE_NEWNS", |plan, _| {
        matches!(plan.rare.root, Directory::Descriptor(_)) && !plan.rare.leaves_mount_namespace()
    }),
    (b"clone3_spawn_set_mounts() needs a mount namespace: CLONE_NEWNS", |plan, _| {
        !plan.rare.mounts.get().is_empty() && !plan.rare.leaves_mount_namespace()
    }),
    (b"CLONE_EMPTY_MNTNS needs CLONE_NEWNS", |plan, _| {
        plan.rare.flags.contains(CLONE_EMPTY_MNTNS) && !plan.rare.flags.contains(CLONE_NEWNS)
    }),
    (b"clone3_spawn_set_terminal() needs clone3_spawn_set_session()", |plan, _| {
        plan.rare.terminal.is_some() && !plan.attributes.new_session
    }),
    (
        b"the leader of a new session leads its process group, too: choose group 0 or none",
        |plan, _| plan.attributes.new_session && plan.attributes.process_group.is_some_and(|group| group != 0),
    ),
    (b"a signal is to be at its default and ignored", |plan, _| plan.attributes.defaults & plan.rare.ignores != 0),
    (b"an ambient capability is not among the inheritable ones", |plan, _| {
        plan.rare.ambient.unwrap_or(0) & !plan.rare.inheritable.unwrap_or(u64::MAX) != 0
    }),
];

/// The first contradiction: EINVAL.
pub fn find(plan: &Plan, has_path: bool) -> Result<(), Failure> {
    let mut tests = (NO_PLAN + 1..).zip(CONTRADICTIONS);
    match tests.find(|(_, (_, is_in))| is_in(plan, has_path)) {
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
