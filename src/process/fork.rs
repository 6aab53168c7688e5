// SPDX-License-Identifier: MIT OR Apache-2.0
//! `fork` and `_Fork`.
//!
//! In a static program, fork is the libc's own, which calls this library's `_Fork`.

use super::{atfork, child};
use crate::arch::entry;
use crate::engine::Request;
use crate::engine::report::{self, Record, Rung};
use crate::host::{self, Repair, errno, functions};
use crate::observe::{Creation, Note};
use crate::uapi::sys::Pid;
use crate::uapi::{Errno, mutex};

entry!("clone3_in_hosts_child" => in_hosts_child);

unsafe extern "C" {
    /// [`in_hosts_child`] behind a landing pad: the host calls it through a pointer.
    fn clone3_in_hosts_child();
}

/// Where fork is the host's own, registers a handler that does this library's part in its
/// children.
pub fn watch_hosts() {
    if !host::has_libcs_names() {
        functions::register_in_child(clone3_in_hosts_child);
    }
}

/// In a child of the host's fork: resets locks and reports.
extern "C" fn in_hosts_child() {
    mutex::in_copy();
    report::forget(host::tid());
}

/// `fork()`: by clone3, with the fork handlers and the repair of the libc, where the
/// host's own fork would do no more. Otherwise by the host's fork, which alone can take
/// the locks of malloc, stdio and the loader. As in glibc, this is decided before the
/// prepare handlers run; a thread that one of them starts is not considered.
#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
pub fn fork(note: Note) -> Result<Pid, Errno> {
    let before = errno::get();
    let creation = Creation::begin(note, &Request::FORK);
    let repair = host::repair();
    // None where the host's fork would do no more than is done here, or where no libc was
    // found, which then has no handlers or locks.
    let host = match &repair {
        Some(repair) if host::fork_is_simple(repair) && atfork::all_known() => None,
        _ => functions::fork(),
    };
    let outcome = match host {
        Some(function) => hosts(function, repair, creation),
        None => with_handlers(repair, creation),
    };
    creation.end(outcome);
    if outcome.is_ok() {
        errno::restore(before);
    }
    outcome
}

fn with_handlers(repair: Option<Repair>, creation: Creation) -> Result<Pid, Errno> {
    let round = atfork::prepare();
    // SAFETY: a plain fork request copies the memory.
    let outcome = unsafe { child::create(&Request::FORK, repair, creation) };
    match outcome {
        Ok(0) => round.child(),
        _ => round.parent(),
    }
    outcome
}

/// Calls one of the host's functions. `repair` is that of the calling thread.
fn hosts(
    function: functions::Fork,
    repair: Option<Repair>,
    creation: Creation,
) -> Result<Pid, Errno> {
    // SAFETY: the host's function of that prototype; it returns once per
    // process, each with its own memory.
    let outcome = match unsafe { function() } {
        -1 => Err(Errno(errno::get())),
        pid => Ok(pid),
    };
    match outcome {
        Ok(0) => {
            if let Some(repair) = repair {
                // SAFETY: the child of the host's fork, in the same thread.
                unsafe { repair.tell_of_end() };
            }
            in_hosts_child();
            creation.in_child(host::tid());
        }
        _ => report::record(host::tid(), Record { rung: Rung::Host, ..Record::NONE }),
    }
    outcome
}

/// `_Fork()`: no handlers, async-signal-safe.
pub fn underscore_fork(note: Note) -> Result<Pid, Errno> {
    copy(note, &Request::FORK, true)
}

/// A child that returns, with a copy of the memory. Where the libc cannot be repaired and
/// `_Fork()` was called, the host's `_Fork()` creates it.
pub fn copy(note: Note, request: &Request, is_underscore_fork: bool) -> Result<Pid, Errno> {
    let creation = Creation::begin(note, request);
    let repair = host::repair();
    let mends = repair.is_some() || !is_underscore_fork;
    let host = if mends { None } else { functions::underscore_fork() };
    let outcome = match host {
        Some(function) => hosts(function, None, creation),
        // SAFETY: the memory is copied, and the callers have refused, or passed on to the
        // kernel, each request with a stack.
        None => unsafe { child::create(request, repair, creation) },
    };
    creation.end(outcome);
    outcome
}
