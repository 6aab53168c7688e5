// SPDX-License-Identifier: MIT OR Apache-2.0
//! CLONE_AUTOREAP where the kernel does not know it: a child nobody has to
//! wait for, because its parent is gone.
//!
//! A middle process, which shares all that a child could share with the caller
//! but memory, creates the child, leaves word of it and ends; the caller reaps
//! it without a signal. The child's pidfd is in the caller's table, since the
//! middle process shares that. What is weaker than the kernel's own: getppid()
//! in the child gives the next reaper (init, or a subreaper among the
//! ancestors), and for a moment the middle process; and it is that reaper that
//! must do its duty. A process that is such a reaper itself cannot emulate it:
//! the orphan would be its own child.

use super::note::{Note, Word};
use super::setup::Setup;
use crate::engine::{self, Request, emulate, report};
use crate::host;
use crate::uapi::flags::*;
use crate::uapi::sys::{self, Pid};
use crate::uapi::{Errno, namespace, pages, task};
use core::ptr::{read_volatile, write_volatile};

/// Shares what can be shared without a common memory. No signal at its end.
const MIDDLE: Request = Request {
    flags: CLONE_FS.union(CLONE_FILES).union(CLONE_SYSVSEM).union(CLONE_IO),
    exit_signal: 0,
    ..Request::FORK
};

/// Creates the child of a request whose CLONE_AUTOREAP is to be emulated, by
/// `make` in a process in between. EINVAL, which the kernel gave for the flag,
/// where an orphan would come back to the caller, or children belong to another
/// pid namespace: the ids that the middle process sees are not the caller's
/// there, and as the namespace's first it would take it with it.
///
/// Async-signal-safe and thread-safe.
#[cold]
pub fn create(
    request: &Request,
    setup: Setup,
    make: impl FnOnce(&Setup) -> Result<Pid, Errno>,
) -> Result<Pid, Errno> {
    let caller = task::getpid();
    let comes_back = task::is_subreaper() || caller == 1;
    let refused = comes_back || namespace::children_are_elsewhere();
    let note = if refused { Err(Errno::EINVAL) } else { Note::new() };
    let outcome = note.and_then(|note| {
        let setup = setup.with_note(note);
        // SAFETY: a copy of the memory, no stack.
        match unsafe { engine::create_copy(host::tid(), &MIDDLE) } {
            Ok(0) => match in_middle(request, note, caller, || make(&setup)) {
                Some(child) => child,
                None => sys::exit_task(0),
            },
            Ok(middle) => in_caller(request, note, middle),
            Err(errno) => {
                note.discard();
                Err(errno)
            }
        }
    });
    if outcome != Ok(0) {
        setup.in_parent();
    }
    outcome
}

/// Makes the child. Comes back with something in that child only.
fn in_middle(
    request: &Request,
    note: Note,
    caller: Pid,
    make: impl FnOnce() -> Result<Pid, Errno>,
) -> Option<Result<Pid, Errno>> {
    // With CLONE_VFORK it waits for the child, but not longer than the caller lives.
    _ = task::set_death_signal(libc::SIGKILL);
    if task::getppid() != caller {
        return None;
    }
    let mut word = Word { pid: 0, errno: 0, pidfd: -1 };
    match make() {
        Ok(0) => return Some(Ok(0)),
        Ok(pid) => word.pid = pid,
        Err(errno) => word.errno = errno.0,
    }
    if word.pid != 0 && request.flags.contains(CLONE_PIDFD) {
        // SAFETY: the kernel has just written there.
        word.pidfd = unsafe { read_volatile(request.pidfd as usize as *const i32) };
    }
    note.leave(word);
    None
}

fn in_caller(request: &Request, note: Note, middle: Pid) -> Result<Pid, Errno> {
    // Somebody who waits for any child of any kind may be quicker; then it has
    // ended too.
    let _ = task::wait_for(middle);
    let word = note.read();
    note.discard();
    report::add_emulated(host::tid(), emulate::bits(request.emulated));
    match word {
        Word { pid: 0, errno: 0, .. } => Err(Errno::EAGAIN), // killed before its word
        Word { pid: 0, errno, .. } => Err(Errno(errno)),
        Word { pid, pidfd, .. } => {
            if request.flags.contains(CLONE_PIDFD) {
                // SAFETY: the kernel could write there in the copy.
                unsafe { write_volatile(request.pidfd as usize as *mut i32, pidfd) };
            }
            if request.flags.contains(CLONE_PARENT_SETTID) {
                // As in the kernel, a failure has no consequence.
                // SAFETY: where the caller asked for the id.
                let _ = unsafe { pages::store(request.parent_tid, pid) };
            }
            Ok(pid)
        }
    }
}
