// SPDX-License-Identifier: MIT OR Apache-2.0
//! A child that executes nothing: after its steps it runs a function of the
//! caller's in its own copy of the memory, with the C library mended.
//!
//! The caller goes on when the steps are over, which a page tells that both
//! share. A child that is killed before tells nothing; so the caller looks every
//! few milliseconds whether it is still there.

use super::child::{FAILED, Job};
use super::exchange::Exchange;
use super::plan::{Failure, Plan, Stage};
use super::steps;
use super::superset::Extras;
use crate::engine::{self, Request, report};
use crate::host::{self, Repair};
use crate::uapi::futex::{self, Futex};
use crate::uapi::sys::{self, KernelSigset, Pid};
use crate::uapi::{Errno, attribute, mutex, task};
use core::ffi::c_int;
use core::mem::size_of;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Release};

/// What the child tells.
#[repr(C)]
struct Page {
    state: AtomicU32,
    failure: Failure,
}

const UNDER_WAY: u32 = 0;
const DONE: u32 = 1;
const FAILED_STEP: u32 = 2;

/// Makes the child, by a request that copies the memory. Signals are blocked, and
/// `mask` is the caller's.
pub fn create(
    plan: &Plan,
    extras: &Extras,
    request: &Request,
    mask: KernelSigset,
) -> Result<Pid, Failure> {
    let at_creation = Failure::at(Stage::Create);
    let page = SharedPage::map().map_err(&at_creation)?;
    let repair = host::repair();
    // SAFETY: the memory is copied, on the caller's stack.
    let pid = match unsafe { engine::create_copy(host::tid(), request) }.map_err(&at_creation)? {
        0 => run(plan, extras, request, mask, repair, &page),
        pid => pid,
    };
    match page.await_word(pid) {
        None => Ok(pid),
        Some(failure) => {
            _ = task::wait_for(pid);
            Err(failure)
        }
    }
}

/// The child.
fn run(
    plan: &Plan,
    extras: &Extras,
    request: &Request,
    mask: KernelSigset,
    repair: Option<Repair>,
    page: &SharedPage,
) -> ! {
    mutex::in_copy();
    let tid = match &repair {
        // SAFETY: looked up in the thread this is the copy of.
        Some(repair) => unsafe { repair.apply(false) },
        None => sys::gettid(),
    };
    report::forget(tid);
    let exchange = Exchange::new();
    let job = Job { plan, exchange: &exchange, pidfd: None, mask, emulated: request.emulated };
    let outcome = steps::take(&job, extras);
    page.tell(outcome, extras.spec.filter.is_null());
    match (outcome, extras.spec.function) {
        // SAFETY: the setter's contract.
        (Ok(()), Some((function, argument))) => sys::exit_group(unsafe { function(argument) }),
        _ => sys::exit_group(FAILED),
    }
}

struct SharedPage(*mut Page);

const PAGE: usize = 4096;
const _: () = assert!(size_of::<Page>() <= PAGE);

impl SharedPage {
    fn map() -> Result<SharedPage, Errno> {
        // Zeroes say UNDER_WAY and no failure.
        sys::map_shared_pages(PAGE).map(|page| SharedPage(page.cast()))
    }

    fn state(&self) -> &AtomicU32 {
        // SAFETY: mapped until this is dropped.
        unsafe { &(*self.0).state }
    }

    /// The child's word. Under a filter of the plan's own not even a futex is
    /// touched: the caller looks by itself.
    fn tell(&self, outcome: Result<(), Failure>, may_wake: bool) {
        let state = match outcome {
            Ok(()) => DONE,
            Err(failure) => {
                // SAFETY: the caller reads it when the state says so.
                unsafe { (&raw mut (*self.0).failure).write_volatile(failure) };
                FAILED_STEP
            }
        };
        self.state().store(state, Release);
        if may_wake {
            futex::wake(self.state(), c_int::MAX, Futex::Shared);
        }
    }

    /// The caller's part: waits for it.
    fn await_word(&self, pid: Pid) -> Option<Failure> {
        let mut milliseconds = 1;
        loop {
            match self.state().load(Acquire) {
                DONE => return None,
                FAILED_STEP => break,
                // The word may have come before the end.
                _ if attribute::has_ended(pid) && self.state().load(Acquire) == UNDER_WAY => {
                    return None;
                }
                _ => futex::wait_briefly(self.state(), UNDER_WAY, Futex::Shared, milliseconds),
            }
            milliseconds = c_int::min(milliseconds as c_int * 2, 20).into();
        }
        // SAFETY: written before the state.
        Some(unsafe { (&raw const (*self.0).failure).read_volatile() })
    }
}

impl Drop for SharedPage {
    fn drop(&mut self) {
        // SAFETY: mapped in `map`; a child has its own mapping of it.
        unsafe { sys::unmap_pages(self.0.cast(), PAGE) };
    }
}
