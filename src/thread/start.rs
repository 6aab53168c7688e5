// SPDX-License-Identifier: MIT OR Apache-2.0
//! A thread's own part: what it does before its start function, and how it ends.

use super::attributes::Attributes;
use super::entry::Disposal;
use super::slots::{self, Slot};
use crate::arch::{exit_without_stack, trap};
use crate::uapi::futex::{self, Futex};
use crate::uapi::sys::{self, KernelSigset, Pid};
use crate::uapi::{Errno, sched, task};
use core::ffi::{c_int, c_void};
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// What a thread runs, as pthreads do.
pub type Start = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

/// What lies at the top of a new thread's stack.
pub struct Task {
    /// The caller's function.
    pub start: Start,
    /// Its argument.
    pub argument: *mut c_void,
    /// The thread's slot.
    pub slot: Slot,
    /// The libc's copy of the thread id, or null.
    pub tid: *mut Pid,
    /// The mask for the start function.
    pub mask: KernelSigset,
    /// Where the creator waits for the outcome of what may fail; null if nothing
    /// may.
    pub trial: *const Trial,
}

/// What a thread does to itself while its creator waits.
pub struct Trial {
    /// What to do: name, affinity, scheduler.
    pub attributes: Attributes,
    /// [`PENDING`], then an error number or 0.
    outcome: AtomicU32,
}

const PENDING: u32 = u32::MAX;

impl Trial {
    /// One that has not begun.
    pub fn new(attributes: &Attributes) -> Trial {
        Trial { attributes: *attributes, outcome: AtomicU32::new(PENDING) }
    }

    fn go(&self) -> Result<(), Errno> {
        let attributes = &self.attributes;
        if !attributes.name.is_null() {
            task::set_name(attributes.name)?;
        }
        let (set, size) = attributes.affinity;
        if !set.is_null() {
            sched::set_affinity(set, size)?;
        }
        match attributes.scheduler {
            Some((policy, priority)) => sched::set_scheduler(policy, priority),
            None => Ok(()),
        }
    }

    /// The creator's part.
    pub fn wait(&self) -> Result<(), Errno> {
        loop {
            match self.outcome.load(Acquire) {
                PENDING => futex::wait_for_change(&self.outcome, PENDING, Futex::Private),
                0 => return Ok(()),
                errno => return Err(Errno(errno as i32)),
            }
        }
    }
}

/// The thread's first function. All signals are blocked, and its TLS is as it
/// should be but for the thread id.
///
/// # Safety
/// `task` must be the Task of the calling thread.
pub unsafe extern "C" fn run(task: *mut c_void) -> c_int {
    // SAFETY: by the contract; the thread's own memory.
    let task = unsafe { task.cast::<Task>().read() };
    if !task.tid.is_null() {
        // SAFETY: in the thread's own control block.
        unsafe { task.tid.write(task.slot.entry.tid.load(Relaxed) as Pid) };
    }
    // SAFETY: null or in the frame of a creator that waits.
    if let Some(trial) = unsafe { task.trial.as_ref() } {
        let outcome = trial.go();
        let word = &raw const trial.outcome;
        let number = outcome.map_or_else(|errno| errno.0 as u32, |()| 0);
        trial.outcome.store(number, Release);
        // The creator may have gone on, and its frame with the word.
        futex::wake(word, 1, Futex::Private);
        if number != 0 {
            sys::exit_task(0);
        }
    }
    sys::restore_signals(task.mask);
    // SAFETY: the caller of create() vouches for its function.
    let value = unsafe { (task.start)(task.argument) };
    finish(&task.slot, value)
}

/// Ends the calling thread with a value for the thread that joins it. A thread that is
/// not a bare one stops the process.
pub fn exit(value: *mut c_void) -> ! {
    match slots::own() {
        Some(slot) => finish(&slot, value),
        None => trap(),
    }
}

fn finish(slot: &Slot, value: *mut c_void) -> ! {
    slot.entry.result.store(value.addr(), Release);
    if slot.entry.finish() == Disposal::Theirs {
        sys::exit_task(0);
    }
    sys::block_all_signals();
    let (unmapped, emptied, how) = slot.release_own();
    // SAFETY: the thread's own memory, which it leaves; a slot that stays open is
    // no other thread's before the kernel has cleared the tid.
    unsafe { exit_without_stack(unmapped, emptied, how) }
}
