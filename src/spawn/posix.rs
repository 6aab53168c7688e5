// SPDX-License-Identifier: MIT OR Apache-2.0
//! `posix_spawn` and its variants: turns the objects of POSIX into a `Child`.

use super::actions::Actions;
use super::attr::{self, SpawnAttributes};
use super::call::Call;
use super::child::{Attributes, Child, Parent, Program};
use super::foreign;
use super::rare::Rare;
use super::search::Search;
use crate::observe::Creation;
use crate::uapi::Errno;
use crate::uapi::sys::Pid;
use core::ffi::c_int;

/// Creates the child of a call, with its pidfd if one is requested.
///
/// # Safety
/// As posix_spawn(3) has it.
pub unsafe fn spawn(call: &Call, pidfd: Option<&mut c_int>) -> Result<Pid, Errno> {
    // SAFETY: by the contract.
    let Some(actions) = (unsafe { Actions::of(call.actions) }).filter(Actions::are_known) else {
        // SAFETY: by the contract.
        return unsafe { foreign_spawn(call, pidfd) };
    };
    let mut child = Child {
        note: call.note,
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
        rare: Rare::NONE,
        pidfd,
        parent: Parent::UNWATCHED,
        birthplace: None,
    };
    // SAFETY: by the contract.
    unsafe { read_attributes(call.attributes, &mut child.attributes) }?;
    // SAFETY: by the contract.
    unsafe { super::launch(&mut child) }.map_err(|failure| failure.errno)
}

/// The same by the host's function.
///
/// # Safety
/// As [`spawn`].
#[cold]
unsafe fn foreign_spawn(call: &Call, pidfd: Option<&mut c_int>) -> Result<Pid, Errno> {
    let creation = Creation::begin_hosts(call.note, false);
    // SAFETY: by the contract.
    let outcome = unsafe { foreign::spawn(call, pidfd) };
    creation.end_hosts(outcome);
    outcome
}

/// # Safety
/// Null or an object, ours or the libc's.
unsafe fn read_attributes(
    object: *const SpawnAttributes,
    attributes: &mut Attributes,
) -> Result<(), Errno> {
    // SAFETY: by the contract.
    match unsafe { object.as_ref() } {
        None => {}
        Some(object) if attr::are_known() => *attributes = attr::read(object),
        // SAFETY: by the contract.
        Some(object) => *attributes = unsafe { attributes_of_host(object) }?,
    }
    Ok(())
}

/// A function of its own, because a copy of the object takes stack.
///
/// # Safety
/// An object of the host's.
#[cold]
#[inline(never)]
unsafe fn attributes_of_host(object: &SpawnAttributes) -> Result<Attributes, Errno> {
    // SAFETY: by the contract.
    unsafe { foreign::read(object) }.map(|read| attr::read(&read))
}
