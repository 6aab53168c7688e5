// SPDX-License-Identifier: MIT OR Apache-2.0
//! Children that run a function instead of returning.

use super::orphan;
use super::setup::Setup;
use crate::arch::{Syscall, shadow_stack_active, trampoline};
use crate::engine::report::{self, Record};
use crate::engine::{Attempt, Memory, Request, Route, emulate};
use crate::host;
use crate::observe::{Creation, Note};
use crate::uapi::flags::CLONE_AUTOREAP;
use crate::uapi::sys::Pid;
use crate::uapi::{CloneFlags, Errno};
use core::ffi::{c_int, c_void};
use core::ptr::null;

/// What a child runs; its result is the task's exit status.
pub type Start = unsafe extern "C" fn(*mut c_void) -> c_int;

trampoline!("clone3_start_task", set_up_child);

unsafe extern "C" {
    fn clone3_start_task(
        call: *const Syscall,
        start: Start,
        argument: *mut c_void,
        setup: *const c_void,
    ) -> isize;
}

unsafe extern "C" fn set_up_child(setup: *const c_void) {
    // SAFETY: the Setup of [`create`], in the child's copy of its frame or in the
    // frame of a parent that waits.
    unsafe { (*setup.cast::<Setup>()).in_child() };
}

/// Creates a child that runs `start(argument)` and ends with its result. Without a note
/// it is a child of the library's own, which is not traced.
///
/// EINVAL, before the kernel is asked, for memory shared with a running caller without a
/// stack for the child. Async-signal-safe and thread-safe.
///
/// # Safety
/// A stack in the request must be writable, big enough and not in use; `start` must be
/// sound to run in such a child.
pub unsafe fn create(
    note: Option<Note>,
    request: &Request,
    start: Start,
    argument: *mut c_void,
) -> Result<Pid, Errno> {
    let creation = note.map(|note| Creation::begin(note, request));
    let recorded = creation.unwrap_or(Creation::NONE);
    if request.memory() == Memory::Shared && request.stack.is_callers() {
        report::record(host::tid(), Record::NONE);
        recorded.end(Err(Errno::EINVAL));
        return Err(Errno::EINVAL);
    }
    let needed = || emulate::needed(request, emulate::Start::Calling);
    let emulated = needed();
    // SAFETY: by the contract.
    let mut outcome = unsafe { create_with(emulated, creation, request, start, argument) };
    if outcome.is_err() {
        // This call may have been the first to find that a flag is unavailable.
        let found = needed();
        if found != emulated {
            // SAFETY: as above; there is no child yet.
            outcome = unsafe { create_with(found, creation, request, start, argument) };
        }
    }
    recorded.end(outcome);
    outcome
}

/// # Safety
/// As [`create`].
unsafe fn create_with(
    emulated: CloneFlags,
    creation: Option<Creation>,
    request: &Request,
    start: Start,
    argument: *mut c_void,
) -> Result<Pid, Errno> {
    match (emulated.is_empty(), request.memory()) {
        // SAFETY: by the contract; a copy is mended.
        (true, Memory::Copied) => unsafe { run_mended(creation, request, start, argument) },
        // SAFETY: by the contract; shared memory needs no mending.
        (true, _) => unsafe { run(creation, request, start, argument, None) },
        // SAFETY: by the contract.
        _ => unsafe { create_emulating(emulated, creation, request, start, argument) },
    }
}

/// # Safety
/// As [`create`].
unsafe fn run_mended(
    creation: Option<Creation>,
    request: &Request,
    start: Start,
    argument: *mut c_void,
) -> Result<Pid, Errno> {
    let setup = Setup::begin(request, host::repair(), creation);
    // SAFETY: by the contract.
    let outcome = unsafe { run(creation, request, start, argument, Some(&setup)) };
    setup.in_parent();
    outcome
}

/// Apart, because its copy of the request takes stack.
///
/// # Safety
/// As [`create`].
#[cold]
#[inline(never)]
unsafe fn create_emulating(
    emulated: CloneFlags,
    creation: Option<Creation>,
    request: &Request,
    start: Start,
    argument: *mut c_void,
) -> Result<Pid, Errno> {
    let copied = request.memory() == Memory::Copied;
    let request = &request.with_emulated(emulated);
    // SAFETY: by the contract.
    let run = |setup: &Setup| unsafe { run(creation, request, start, argument, Some(setup)) };
    let setup = Setup::begin(request, if copied { host::repair() } else { None }, creation);
    if request.emulated.contains(CLONE_AUTOREAP) {
        return orphan::create(request, setup, run);
    }
    let outcome = run(&setup);
    setup.in_parent();
    outcome
}

/// # Safety
/// As [`create`], with the setup for that kind of memory.
unsafe fn run(
    creation: Option<Creation>,
    request: &Request,
    start: Start,
    argument: *mut c_void,
    setup: Option<&Setup>,
) -> Result<Pid, Errno> {
    let setup = setup.map_or(null(), |setup| (&raw const *setup).cast());
    let mut attempt = Attempt::new(host::tid());
    attempt.aim_as_libc(request)?;
    let memory = request.memory();
    let creation = creation.unwrap_or(Creation::NONE);
    if memory == Memory::Lent {
        creation.lend();
    }
    match memory {
        Memory::Copied => {}
        _ if !request.keeps_tls() => {}
        Memory::Lent => _ = host::lend(),
        Memory::Shared => host::share(),
    }
    let outcome = attempt.go_down(request, |attempt| {
        // SAFETY: the child never returns into this frame. Where it shares the stack it
        // runs below this frame, and the attempt is not used once it runs.
        unsafe { clone3_start_task(attempt.call(), start, argument, setup) }
    });
    if memory == Memory::Lent {
        host::take_back();
        creation.take_back();
    }
    outcome
}

/// libc's `clone()`: legacy flags and a stack of which only the top is known.
///
/// # Safety
/// As [`create`].
pub unsafe fn legacy(
    note: Option<Note>,
    request: &Request,
    start: Start,
    argument: *mut c_void,
) -> Result<Pid, Errno> {
    let mut request = *request;
    if shadow_stack_active() {
        // The kernel would size the child's shadow stack by stack_size, which
        // is not known here; clone(2) takes the default (Linux 6.6).
        request.route = Route::Legacy;
    }
    // SAFETY: passed on from the caller.
    unsafe { create(note, &request, start, argument) }
}
