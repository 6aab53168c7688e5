// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who a thread is, and signals to it.

use super::entry::Handle;
use super::{slots, store};
use crate::uapi::sys::Pid;
use crate::uapi::{Errno, file, task};
use core::ffi::c_int;
use core::sync::atomic::Ordering::Relaxed;

/// The calling thread's handle, 0 if it is not a bare thread.
///
/// Async-signal-safe; no system call.
pub fn self_handle() -> Handle {
    slots::own().and_then(|slot| slot.entry.handle(slot.number)).unwrap_or(0)
}

/// The id of a thread that has not ended; ESRCH otherwise.
///
/// Async-signal-safe.
pub fn tid(handle: Handle) -> Result<Pid, Errno> {
    store::settle();
    slots::thread(handle)?.entry.id().map(|tid| tid as Pid).ok_or(Errno::ESRCH)
}

/// Sends a signal to a thread, 0 for none: ESRCH if it has ended.
///
/// Async-signal-safe.
pub fn signal(handle: Handle, signal: c_int) -> Result<(), Errno> {
    task::signal_thread(task::getpid(), tid(handle)?, signal)
}

/// A descriptor of a thread that has not ended: ESRCH otherwise.
///
/// Async-signal-safe.
pub fn pidfd(handle: Handle) -> Result<c_int, Errno> {
    let before = tid(handle)?;
    let fd = task::open_thread(before)?;
    if tid(handle) == Ok(before) {
        return Ok(fd);
    }
    // The id may be another thread's already.
    file::close(fd);
    Err(Errno::ESRCH)
}

/// Lowest byte and size of a thread's stack.
///
/// Async-signal-safe; no system call.
pub fn stack(handle: Handle) -> Result<[usize; 2], Errno> {
    store::settle();
    let entry = slots::thread(handle)?.entry;
    Ok([entry.stack[0].load(Relaxed), entry.stack[1].load(Relaxed)])
}
