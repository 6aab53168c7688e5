// SPDX-License-Identifier: MIT OR Apache-2.0
//! `posix_spawn` and its kin: the objects of POSIX become a plan.

use super::actions::{Actions, FileActions};
use super::attr::{self, SpawnAttributes};
use super::foreign;
use super::program::{Attributes, Child, Program};
use super::search::Search;
use crate::uapi::Errno;
use crate::uapi::exec::Strings;
use crate::uapi::sys::Pid;
use core::ffi::{c_char, c_int};

/// The arguments that the four functions have in common.
#[derive(Clone, Copy)]
pub struct Call {
    /// A path, or a name to search for.
    pub file: *const c_char,
    /// Null for none.
    pub actions: *const FileActions,
    /// Null for none.
    pub attributes: *const SpawnAttributes,
    /// The child's arguments.
    pub argv: Strings,
    /// The child's environment.
    pub envp: Strings,
    /// Whether `file` is searched for in PATH.
    pub search: bool,
}

/// The child of a call, with its pidfd where one is wanted.
///
/// # Safety
/// As posix_spawn(3) has it.
pub unsafe fn spawn(call: &Call, pidfd: Option<&mut c_int>) -> Result<Pid, Errno> {
    // SAFETY: by the contract.
    let Some(actions) = (unsafe { Actions::of(call.actions) }).filter(Actions::are_known) else {
        // SAFETY: by the contract.
        return unsafe { foreign::spawn(call, pidfd) };
    };
    let mut child = Child {
        program: if call.search {
            // SAFETY: by the contract.
            Program::Search(unsafe { Search::of(call.file) }?)
        } else {
            Program::Path(call.file)
        },
        argv: call.argv,
        envp: call.envp,
        actions,
        attributes: Attributes::NONE,
        pidfd,
        extras: None,
    };
    // SAFETY: by the contract.
    unsafe { read_attributes(call.attributes, &mut child.attributes) }?;
    // SAFETY: by the contract.
    unsafe { super::launch(&mut child) }.map_err(|failure| failure.errno)
}

/// # Safety
/// Null or an object of somebody's.
unsafe fn read_attributes(
    object: *const SpawnAttributes,
    attributes: &mut Attributes,
) -> Result<(), Errno> {
    // SAFETY: by the contract.
    match unsafe { object.as_ref() } {
        None => {}
        Some(object) if attr::are_known() => *attributes = attr::as_plan(object),
        // SAFETY: by the contract.
        Some(object) => *attributes = unsafe { attributes_of_host(object) }?,
    }
    Ok(())
}

/// Apart, for the room that the object's like takes of the stack.
///
/// # Safety
/// An object of the host's.
#[cold]
#[inline(never)]
unsafe fn attributes_of_host(object: &SpawnAttributes) -> Result<Attributes, Errno> {
    // SAFETY: by the contract.
    unsafe { foreign::read(object) }.map(|read| attr::as_plan(&read))
}
