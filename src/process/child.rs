// SPDX-License-Identifier: MIT OR Apache-2.0
//! A child that returns, with a copy of the memory.

use super::orphan;
use super::setup::Setup;
use crate::engine::{self, Request, emulate};
use crate::host::{self, Repair};
use crate::observe::Creation;
use crate::uapi::flags::{CLONE_AUTOREAP, CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID};
use crate::uapi::sys::Pid;
use crate::uapi::{CloneFlags, Errno};

/// For a plain fork, has the kernel store the child's id where the libc caches it
/// (CLONE_CHILD_SETTID), as the libc's own fork does: saves a system call.
fn with_tid_in_place(request: &Request, repair: &Option<Repair>) -> Request {
    match repair.and_then(|repair| repair.tid_to_clear()) {
        Some(place) if *request == Request::FORK => Request {
            flags: CLONE_CHILD_SETTID.union(CLONE_CHILD_CLEARTID),
            child_tid: place as u64,
            ..Request::FORK
        },
        _ => *request,
    }
}

/// Creates a child that returns here too, in its own copy of the memory.
///
/// Async-signal-safe and thread-safe.
///
/// # Safety
/// As [`engine::create_copy`].
#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
pub unsafe fn create(
    request: &Request,
    repair: Option<Repair>,
    creation: Creation,
) -> Result<Pid, Errno> {
    let mut request = with_tid_in_place(request, &repair);
    let needed = |request: &Request| emulate::needed(request, emulate::Start::Returning);
    let emulated = needed(&request);
    let outcome = if emulated.is_empty() {
        let setup = Setup::begin(&request, repair, Some(creation));
        setup.avoid_traps(&mut request);
        // SAFETY: by the contract.
        unsafe { create_one(&request, &setup) }
    } else {
        // SAFETY: by the contract.
        unsafe { create_emulating(emulated, &request, repair, creation) }
    };
    match outcome {
        // This call may have been the first to find that a flag is unavailable.
        Err(_) if needed(&request) != emulated => {
            // SAFETY: as above; there is no child yet.
            unsafe { create_emulating(needed(&request), &request, repair, creation) }
        }
        _ => outcome,
    }
}

/// Apart, because its copy of the request takes stack.
///
/// # Safety
/// As [`create`].
#[cold]
#[inline(never)]
unsafe fn create_emulating(
    emulated: CloneFlags,
    request: &Request,
    repair: Option<Repair>,
    creation: Creation,
) -> Result<Pid, Errno> {
    let mut request = request.with_emulated(emulated);
    let setup = Setup::begin(&request, repair, Some(creation));
    setup.avoid_traps(&mut request);
    if request.emulated.contains(CLONE_AUTOREAP) {
        // SAFETY: the child made is the one described.
        return orphan::create(&request, setup, |setup| unsafe { one(&request, setup) });
    }
    // SAFETY: by the contract.
    unsafe { create_one(&request, &setup) }
}

/// # Safety
/// As [`create`]; the set-up must have begun.
unsafe fn create_one(request: &Request, setup: &Setup) -> Result<Pid, Errno> {
    // SAFETY: by the contract.
    let outcome = unsafe { one(request, setup) };
    if outcome != Ok(0) {
        setup.in_parent();
    }
    outcome
}

/// # Safety
/// As [`create`]; the set-up must have begun.
unsafe fn one(request: &Request, setup: &Setup) -> Result<Pid, Errno> {
    // SAFETY: by the contract.
    let outcome = unsafe { engine::create_copy(host::tid(), request) };
    if outcome == Ok(0) {
        // SAFETY: the child, first thing.
        unsafe { setup.in_child() };
    }
    outcome
}
