// SPDX-License-Identifier: MIT OR Apache-2.0
//! Threads of the host: passed on as they were asked for, or made by the host
//! and given extras before they begin.
//!
//! A thread with extras first takes them, then answers its creator, who waits.
//! What the creator has to do while the thread exists but does not run (open a
//! pidfd of it, detach it) is done before the creator's verdict, for which the
//! thread then waits. Each side writes into the other's frame, since only who
//! waits is sure to be there: the creator waits for the answer in its frame, the
//! thread for the verdict in its own.

use super::extra::{Extras, Failure, open_pidfd};
use crate::arch::entry;
use crate::host::errno;
use crate::host::pthread::{self, Pthread, Start};
use crate::observe::{self, Creation, Note};
use crate::uapi::Errno;
use crate::uapi::futex::{self, Futex};
use crate::uapi::sys::{self, Pid};
use clone3_trace::Call;
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::ptr::{null, null_mut};
use core::sync::atomic::{
    AtomicU32,
    Ordering::{Acquire, Release},
};
use libc::{pthread_attr_t, pthread_t};

entry!("clone3_begin_pthread" => begin);

unsafe extern "C" {
    /// [`begin`] behind a landing pad: the host calls it through a pointer.
    fn clone3_begin_pthread(offer: *mut c_void) -> *mut c_void;
}

/// Passes a pthread_create(3) on to the definition behind ours; ENOSYS where
/// there is none.
///
/// # Safety
/// As for pthread_create(3).
#[inline]
pub unsafe fn pass(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: Start,
    argument: *mut c_void,
    caller: usize,
) -> c_int {
    match pthread::next_create() {
        // SAFETY: by the contract.
        Some(create) => unsafe {
            let note = Note::new(Call::PthreadCreate, caller);
            recorded(note, || create(thread, attributes, start, argument))
        },
        None => libc::ENOSYS,
    }
}

/// Records a thread of the host's.
#[inline(always)]
fn recorded(note: Note, create: impl FnOnce() -> c_int) -> c_int {
    if !observe::is_on() {
        return create();
    }
    let creation = Creation::begin_hosts(note, true);
    let errno = create();
    creation.end_hosts(if errno == 0 { Ok(0) } else { Err(Errno(errno)) });
    errno
}

/// Passes a thrd_create(3) on to the definition behind ours; thrd_error where there is none.
///
/// # Safety
/// As for thrd_create(3).
#[inline]
pub unsafe fn pass_thrd(
    thread: *mut pthread_t,
    start: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
    argument: *mut c_void,
    caller: usize,
) -> c_int {
    const THRD_ERROR: c_int = 2; // in both libcs
    match pthread::next_thrd_create() {
        // SAFETY: by the contract.
        Some(create) => unsafe {
            recorded(Note::new(Call::ThrdCreate, caller), || create(thread, start, argument))
        },
        None => THRD_ERROR,
    }
}

/// Why there is no thread: an extra, or else the host or what it was asked.
pub enum Refusal {
    /// This extra could not be had.
    Extra(Failure),
    /// Something else.
    Other(Errno),
}

/// The answer of a new thread.
#[derive(Clone, Copy)]
struct Answer {
    tid: Pid,
    outcome: Result<(), Failure>,
    /// What the thread waits for; null: it does not.
    verdict: *const AtomicU32,
}

/// What the creator has ready for a new thread, in the creator's frame.
struct Offer<'a> {
    extras: &'a Extras,
    start: Start,
    argument: *mut c_void,
    /// Whether there is something to do before the thread may begin.
    waits: bool,
    answer: Cell<Answer>,
    answered: AtomicU32,
}

const OPEN: u32 = 0;
const ANSWERED: u32 = 1;
const GO: u32 = 1;
const END: u32 = 2;

/// Creates a thread of the host's that has the extras when `start` runs.
///
/// Where one cannot be had, the thread ends without `start` having run, and has
/// been joined. Not a cancellation point; not async-signal-safe.
///
/// # Safety
/// As for pthread_create(3); the pointers in the extras must be good.
pub unsafe fn create(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    extras: &Extras,
    start: Start,
    argument: *mut c_void,
    caller: usize,
) -> Result<(), Refusal> {
    let note = Note::new(Call::Clone3PthreadCreate, caller);
    let host = Pthread::of_host().ok_or(Refusal::Other(Errno::ENOSYS))?;
    let errno = errno::get(); // which the host may use on its way
    let state = host.hold_cancellation();
    // SAFETY: by the contract.
    let outcome = unsafe { create_by(&host, note, thread, attributes, extras, start, argument) };
    host.restore_cancellation(state);
    errno::restore(errno);
    outcome
}

/// # Safety
/// As [`create`].
unsafe fn create_by(
    host: &Pthread,
    note: Note,
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    extras: &Extras,
    start: Start,
    argument: *mut c_void,
) -> Result<(), Refusal> {
    // SAFETY: by the contract.
    let attributes = unsafe { host.joinable(attributes) };
    let nothing = Answer { tid: 0, outcome: Ok(()), verdict: null() };
    let mut offer = Offer {
        extras,
        start,
        argument,
        waits: extras.pidfd.is_some() || attributes.detached,
        answer: Cell::new(nothing),
        answered: AtomicU32::new(OPEN),
    };
    // SAFETY: by the contract; the offer is there until it has been answered.
    let error = recorded(note, || unsafe {
        host.create(thread, &attributes, clone3_begin_pthread, (&raw mut offer).cast())
    });
    if error != 0 {
        return Err(Refusal::Other(Errno(error)));
    }
    futex::wait_for_change(&offer.answered, OPEN, Futex::Private);
    let answer = offer.answer.get();
    let outcome = answer.outcome.and_then(|()| give_pidfd(extras, answer.tid));
    // SAFETY: the host has stored its id there, and no other thread knows it.
    unsafe {
        let thread = thread.read();
        if outcome.is_ok() && attributes.detached {
            host.detach(thread);
        }
        decide(answer.verdict, if outcome.is_ok() { GO } else { END });
        if outcome.is_err() {
            host.join(thread);
        }
    }
    outcome.map_err(Refusal::Extra)
}

fn give_pidfd(extras: &Extras, tid: Pid) -> Result<(), Failure> {
    if let Some(place) = extras.pidfd {
        let pidfd = open_pidfd(tid)?;
        // SAFETY: the caller's int.
        unsafe { place.write(pidfd) };
    }
    Ok(())
}

/// Tells a thread that waits how it goes on. Its frame may be gone after the
/// store.
///
/// # Safety
/// `verdict` must be null or a thread's that still waits.
unsafe fn decide(verdict: *const AtomicU32, what: u32) {
    if !verdict.is_null() {
        // SAFETY: by the contract.
        unsafe { (*verdict).store(what, Release) };
        futex::wake(verdict, 1, Futex::Private);
    }
}

/// What the host runs in the new thread.
///
/// # Safety
/// `offer` must be that of a creator who waits.
unsafe extern "C" fn begin(offer: *mut c_void) -> *mut c_void {
    // SAFETY: by the contract.
    match unsafe { accept(offer.cast()) } {
        // SAFETY: as the program asked for.
        Some((start, argument)) => unsafe { start(argument) },
        None => null_mut(),
    }
}

/// Takes the extras and answers; what to run, if it is to be run. A function of
/// its own, so that no frame of ours with something in it lies below the
/// program's.
///
/// # Safety
/// As [`begin`].
#[inline(never)]
unsafe fn accept(offer: *const Offer<'_>) -> Option<(Start, *mut c_void)> {
    let verdict = AtomicU32::new(OPEN);
    // SAFETY: the creator waits until it is answered.
    let (outcome, waits, begins) = unsafe {
        let outcome = (*offer).extras.apply();
        (outcome, outcome.is_ok() && (*offer).waits, ((*offer).start, (*offer).argument))
    };
    let place = if waits { &raw const verdict } else { null() };
    // SAFETY: as above; after the store, only the address is used.
    unsafe {
        (*offer).answer.set(Answer { tid: sys::gettid(), outcome, verdict: place });
        let answered = &raw const (*offer).answered;
        (*answered).store(ANSWERED, Release);
        futex::wake(answered, 1, Futex::Private);
    }
    if waits {
        futex::wait_for_change(&verdict, OPEN, Futex::Private);
    }
    let goes = outcome.is_ok() && (!waits || verdict.load(Acquire) == GO);
    goes.then_some(begins)
}
