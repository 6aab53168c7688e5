// SPDX-License-Identifier: MIT OR Apache-2.0
//! What makes a child sound before any other code runs in it: the child's first acts, and
//! the parent's part before and after.

use super::note::Note;
use crate::engine::{Memory, Request, Route, emulate, report};
use crate::host::{ClearTid, Repair};
use crate::observe::Creation;
use crate::uapi::flags::{CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID};
use crate::uapi::sys::{self, KernelSigset};
use crate::uapi::{CloneFlags, mutex};

/// What the child does first, prepared in the parent: repair the libc, emulate flags that
/// the kernel does not know, then restore the signal mask.
#[derive(Clone, Copy)]
pub struct Setup {
    repair: Option<Repair>,
    clear_tid: ClearTid,
    emulated: CloneFlags,
    copies: bool,
    note: Option<Note>,
    mask: KernelSigset,
    /// None for a child that the library creates for itself, which is not traced.
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
    /// Blocks all signals, so that no handler runs before the libc is repaired. With
    /// CLONE_SETTLS the child has another TCB and nothing is repaired.
    ///
    /// SIGSYS stays unblocked where the memory is copied, for a filter that answers by
    /// it: the caller has no half-done work, and in the child a handler affects only the
    /// copy, as with the libcs' own fork(2). In lent memory SIGSYS is blocked, so that
    /// the child cannot run the handler there.
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

    /// The same for a child of a middle process, which reports in `note`.
    pub fn with_note(self, note: Note) -> Setup {
        Setup { note: Some(note), ..self }
    }

    /// The child's part.
    ///
    /// # Safety
    /// Only in a child with its own copy of the memory, before anything else; or, with
    /// nothing to repair, in one on lent memory.
    #[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
    pub unsafe fn in_child(&self) {
        if self.copies {
            mutex::in_copy();
        }
        let tid = match &self.repair {
            // SAFETY: looked up in the thread that was copied.
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

    /// A filter's SIGSYS kills the process where that signal is blocked. The libcs' own
    /// forks, which block it or are called with it blocked, use clone(2); so does this
    /// request then. Not without a filter: perl, git and musl's static fork block all
    /// signals on every machine.
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
