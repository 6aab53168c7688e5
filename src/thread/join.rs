// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for a thread's end, or doing without.

use super::entry::{Disposal, Handle, Thread};
use super::{slots, store};
use crate::uapi::Errno;
use crate::uapi::futex::{Deadline, Futex, wait_while};
use core::sync::atomic::Ordering::{Acquire, Relaxed};

/// How long to wait for a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Not at all.
    None,
    /// Until then.
    Until(Deadline),
    /// As long as it takes.
    Forever,
}

/// The value of a thread that has ended, or ends in time; its handle is stale
/// then.
///
/// ESRCH: there is no such thread. EINVAL: it is detached, or another thread is
/// waiting for it. EDEADLK: it is the calling one. EBUSY, ETIMEDOUT: it has not
/// ended.
///
/// Async-signal-safe.
pub fn join(handle: Handle, patience: Patience) -> Result<usize, Errno> {
    store::settle();
    let thread = slots::thread(handle)?;
    if slots::own().is_some_and(|own| core::ptr::eq(own.entry, thread.entry)) {
        return Err(Errno::EDEADLK);
    }
    thread.claim()?;
    wait(&thread, patience).inspect_err(|_| thread.entry.unclaim())?;
    let value = thread.entry.result.load(Relaxed);
    if let Some(slot) = slots::of(&thread, handle) {
        slot.release();
    }
    Ok(value)
}

/// Waits until the kernel has cleared the id, which is the last it does with the
/// thread's memory. It wakes a shared futex.
fn wait(thread: &Thread, patience: Patience) -> Result<(), Errno> {
    loop {
        let tid = thread.entry.tid.load(Acquire);
        let deadline = match patience {
            _ if tid == 0 => return Ok(()),
            Patience::None => return Err(Errno::EBUSY),
            Patience::Until(deadline) => Some(deadline),
            Patience::Forever => None,
        };
        let outcome = wait_while(&thread.entry.tid, tid, Futex::Shared, deadline);
        if outcome == Err(Errno::ETIMEDOUT) && thread.entry.tid.load(Acquire) != 0 {
            return Err(Errno::ETIMEDOUT);
        }
    }
}

/// Has a thread dispose of itself when it ends.
///
/// ESRCH: there is no such thread. EINVAL: it is detached, or another thread is waiting
/// for it.
///
/// Async-signal-safe.
pub fn detach(handle: Handle) -> Result<(), Errno> {
    store::settle();
    let thread = slots::thread(handle)?;
    if thread.detach()? == Disposal::Ours {
        if let Some(own) = slots::own().filter(|own| core::ptr::eq(own.entry, thread.entry)) {
            // A signal handler, as the thread was about to end.
            own.leave();
            return Ok(());
        }
        thread.entry.wait_for_end();
        if let Some(slot) = slots::of(&thread, handle) {
            slot.release();
        }
    }
    Ok(())
}
