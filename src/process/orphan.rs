// SPDX-License-Identifier: MIT OR Apache-2.0
//! CLONE_AUTOREAP where the kernel does not know it: a child that the caller need not
//! reap, because its parent has exited.
//!
//! A middle process, which shares everything with the caller but memory, creates the
//! child, reports it and exits; the caller reaps the middle process, which sends no
//! signal. The child's pidfd is in the caller's descriptor table, which the middle
//! process shares. It is weaker than the kernel's flag: getppid() in the child returns
//! init or the nearest subreaper, and for a moment the middle process; and that process
//! must reap the child. A caller that is such a reaper itself cannot emulate the flag:
//! the orphan would be its own child.

use super::note::{Note, Word};
use super::setup::Setup;
use crate::engine::{self, Request, emulate, report};
use crate::host;
use crate::uapi::flags::*;
use crate::uapi::sys::{self, Pid};
use crate::uapi::{Errno, namespace, pages, task};
use core::ptr::{read_volatile, write_volatile};

/// Shares everything that can be shared without the memory. No exit signal.
const MIDDLE: Request = Request {
    flags: CLONE_FS.union(CLONE_FILES).union(CLONE_SYSVSEM).union(CLONE_IO),
    exit_signal: 0,
    ..Request::FORK
};

/// Creates the child of a request whose CLONE_AUTOREAP is to be emulated, by `make` in a
/// middle process. EINVAL, the kernel's answer to the flag, where the orphan would become
/// the caller's child, or where children go to another pid namespace: there the middle
/// process sees other ids than the caller, and if it is the namespace's first process the
/// namespace ends with it.
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

/// Creates the child. Returns `Some` in that child only.
fn in_middle(
    request: &Request,
    note: Note,
    caller: Pid,
    make: impl FnOnce() -> Result<Pid, Errno>,
) -> Option<Result<Pid, Errno>> {
    // With CLONE_VFORK it waits for the child; it must not outlive the caller.
    _ = task::set_pdeath_signal(libc::SIGKILL);
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
    // Another thread that waits for any child, with __WALL, may have reaped it; then it
    // has ended, too.
    let _ = task::wait_for(middle);
    let word = note.read();
    note.discard();
    report::add_emulated(host::tid(), emulate::bits(request.emulated));
    match word {
        Word { pid: 0, errno: 0, .. } => Err(Errno::EAGAIN), // killed before it could report
        Word { pid: 0, errno, .. } => Err(Errno(errno)),
        Word { pid, pidfd, .. } => {
            if request.flags.contains(CLONE_PIDFD) {
                // SAFETY: the kernel could write there in the copy.
                unsafe { write_volatile(request.pidfd as usize as *mut i32, pidfd) };
            }
            if request.flags.contains(CLONE_PARENT_SETTID) {
                // As in the kernel, a failure is ignored. SAFETY: where the caller asked
                // for the id.
                let _ = unsafe { pages::store(request.parent_tid, pid) };
            }
            Ok(pid)
        }
    }
}
