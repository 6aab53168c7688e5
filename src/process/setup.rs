// SPDX-License-Identifier: MIT OR Apache-2.0
//! What makes a child sound before anyone notices: what it does first, and its parent before
//! and after.

use super::note::Note;
use crate::engine::{Memory, Request, Route, emulate, report};
use crate::host::{ClearTid, Repair};
use crate::observe::Creation;
use crate::uapi::flags::{CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID};
use crate::uapi::sys::{self, KernelSigset};
use crate::uapi::{CloneFlags, mutex};

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
    /// None for a child that the library makes for itself, which no trace has.
    creation: Option<Creation>,
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
    pub fn begin(request: &Request, repair: Option<Repair>, creation: Option<Creation>) -> Setup {
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
            creation,
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
        if let Some(creation) = self.creation.filter(|_| self.copies) {
            creation.in_child(tid);
        }
        if let Some(note) = self.note {
            note.discard();
        }
        emulate::in_child(self.emulated);
        sys::restore_signals(self.mask);
    }

    /// A filter's SIGSYS would end the process where it is blocked. The libcs' own
    /// forks, which block it or are called so, are by clone(2). Without a filter there is
    /// none: perl, git and musl's static fork block all signals on every machine.
    pub fn avoid_traps(&self, request: &mut Request) {
        if request.wire.is_none() && sys::is_trap_blocked(self.mask) && sys::has_filter() {
            request.route = Route::Legacy;
        }
    }

    /// The parent's part.
    pub fn in_parent(&self) {
        sys::restore_signals(self.mask);
    }
}
