// SPDX-License-Identifier: MIT OR Apache-2.0
//! A child with a copy of the memory, made sound before anyone notices.

use super::orphan::{self, Note};
use crate::engine::{self, Memory, Request, Route, emulate, report};
use crate::host::{self, ClearTid, Repair};
use crate::uapi::flags::{CLONE_AUTOREAP, CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID};
use crate::uapi::sys::{self, KernelSigset, Pid};
use crate::uapi::{CloneFlags, Errno, mutex};

/// What the child does first, prepared in the parent: mend the libc, stand in
/// for flags the kernel did not take, then let signals in again.
#[derive(Clone, Copy)]
pub struct Setup {
    repair: Option<Repair>,
    clear_tid: ClearTid,
    emulated: CloneFlags,
    copies: bool,
    note: Option<Note>,
    mask: KernelSigset,
}

/// A plain fork, by which the child's id is in the libc's copy of it before the child
/// runs, where the libc's own fork does so: one system call less.
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

fn clear_tid_of(request: &Request, repair: Option<Repair>) -> ClearTid {
    const BOTH: CloneFlags = CLONE_CHILD_SETTID.union(CLONE_CHILD_CLEARTID);
    let in_place = repair.and_then(|repair| repair.tid_to_clear()).map(|place| place as u64);
    match request.flags {
        flags if flags.contains(BOTH) && in_place == Some(request.child_tid) => ClearTid::InPlace,
        _ if request.clears_tid() => ClearTid::Chosen,
        _ => ClearTid::Unset,
    }
}

impl Setup {
    /// Blocks all signals, so that no handler runs on a libc that is not
    /// mended yet. With CLONE_SETTLS the child is not in this libc's thread
    /// and nothing is mended.
    ///
    /// SIGSYS is let in where the memory is a copy, for a filter that answers by it:
    /// in the caller nothing is half done, and in the child it does no harm to
    /// anybody else, as around the libcs' own fork(2). A child that has borrowed the
    /// memory does not run the handler on it.
    pub fn begin(request: &Request, repair: Option<Repair>) -> Setup {
        Setup {
            repair: if request.keeps_tls() { repair } else { None },
            clear_tid: clear_tid_of(request, repair),
            emulated: request.emulated,
            copies: request.memory() == Memory::Copied,
            note: None,
            mask: match request.memory() {
                Memory::Copied => sys::block_signals_but_traps(),
                _ => sys::block_all_signals(),
            },
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
            Some(repair) => unsafe { repair.apply(self.clear_tid) },
            None => sys::gettid(),
        };
        report::forget(tid);
        if let Some(note) = self.note {
            note.discard();
        }
        emulate::in_child(self.emulated);
        sys::restore_signals(self.mask);
    }

    /// A filter's SIGSYS would end the process where it is blocked. The libcs' own
    /// forks, which block it or are called so, are by clone(2). Without a filter there is
    /// none: perl, git and musl's static fork block all signals on every machine.
    fn avoid_traps(&self, request: &mut Request) {
        if request.wire.is_none() && sys::is_trap_blocked(self.mask) && sys::has_filter() {
            request.route = Route::Legacy;
        }
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
    let mut request = with_tid_in_place(request, &repair);
    let needed = |request: &Request| emulate::needed(request, emulate::Start::Returning);
    let emulated = needed(&request);
    let outcome = if emulated.is_empty() {
        let setup = Setup::begin(&request, repair);
        setup.avoid_traps(&mut request);
        // SAFETY: by the contract.
        unsafe { create_one(&request, &setup) }
    } else {
        // SAFETY: by the contract.
        unsafe { create_emulating(emulated, &request, repair) }
    };
    match outcome {
        // The call may have been the one to find out that a flag is out of reach.
        Err(_) if needed(&request) != emulated => {
            // SAFETY: as above; there is no child yet.
            unsafe { create_emulating(needed(&request), &request, repair) }
        }
        _ => outcome,
    }
}

/// With a request of its own, which takes stack.
///
/// # Safety
/// As [`create`].
#[cold]
#[inline(never)]
unsafe fn create_emulating(
    emulated: CloneFlags,
    request: &Request,
    repair: Option<Repair>,
) -> Result<Pid, Errno> {
    let mut request = request.with_emulated(emulated);
    let setup = Setup::begin(&request, repair);
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
