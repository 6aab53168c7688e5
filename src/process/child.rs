// SPDX-License-Identifier: MIT OR Apache-2.0
//! A child with a copy of the memory, made sound before anyone notices.

use super::orphan::{self, Note};
use crate::engine::{self, Memory, Request, emulate, report};
use crate::host::{self, Repair};
use crate::uapi::flags::CLONE_AUTOREAP;
use crate::uapi::sys::{self, KernelSigset, Pid};
use crate::uapi::{Errno, mutex};

/// What the child does first, prepared in the parent: mend the libc, stand in
/// for flags the kernel did not take, then let signals in again.
#[derive(Clone, Copy)]
pub struct Setup {
    repair: Option<Repair>,
    clears_tid: bool,
    emulated: u64,
    copies: bool,
    note: Option<Note>,
    mask: KernelSigset,
}

impl Setup {
    /// Blocks all signals, so that no handler runs on a libc that is not
    /// mended yet. With CLONE_SETTLS the child is not in this libc's thread
    /// and nothing is mended.
    pub fn begin(request: &Request, repair: Option<Repair>) -> Setup {
        Setup {
            repair: if request.keeps_tls() { repair } else { None },
            clears_tid: request.clears_tid(),
            emulated: request.emulated,
            copies: request.memory() == Memory::Copied,
            note: None,
            mask: sys::block_all_signals(),
        }
    }

    /// The same for a child made by another child, which leaves word in `note`.
    pub fn with_note(self, note: Note) -> Setup {
        Setup { note: Some(note), ..self }
    }

    /// The child's part.
    ///
    /// # Safety
    /// Only in a child with its own copy of the memory, before anything else;
    /// or, with nothing to repair, in one that has borrowed it.
    pub unsafe fn in_child(&self) {
        if self.copies {
            mutex::in_copy();
        }
        let tid = match &self.repair {
            // SAFETY: looked up in the thread this is the copy of.
            Some(repair) => unsafe { repair.apply(self.clears_tid) },
            None => sys::gettid(),
        };
        report::forget(tid);
        if let Some(note) = self.note {
            note.discard();
        }
        emulate::in_child(self.emulated);
        sys::restore_signals(self.mask);
    }

    /// The parent's part.
    pub fn in_parent(&self) {
        sys::restore_signals(self.mask);
    }
}

/// Creates a child that returns here too, in its own copy of the memory.
///
/// Async-signal-safe and thread-safe.
///
/// # Safety
/// As [`engine::create_copy`].
pub unsafe fn create(request: &Request, repair: Option<Repair>) -> Result<Pid, Errno> {
    let needed = || emulate::needed(request, emulate::Start::Returning);
    let emulated = needed();
    // SAFETY: by the contract.
    let outcome = unsafe { create_with(emulated, request, repair) };
    if outcome.is_ok() {
        return outcome;
    }
    // The call may have been the one to find out that a flag is out of reach.
    let found = needed();
    match found == emulated {
        true => outcome,
        // SAFETY: as above; there is no child yet.
        false => unsafe { create_with(found, request, repair) },
    }
}

/// # Safety
/// As [`create`].
unsafe fn create_with(
    emulated: u64,
    request: &Request,
    repair: Option<Repair>,
) -> Result<Pid, Errno> {
    let request = request.with_emulated(emulated);
    let setup = Setup::begin(&request, repair);
    if request.emulated & CLONE_AUTOREAP != 0 {
        // SAFETY: the child made is the one described.
        return orphan::create(&request, setup, |setup| unsafe { one(&request, setup) });
    }
    // SAFETY: by the contract.
    let outcome = unsafe { one(&request, &setup) };
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
