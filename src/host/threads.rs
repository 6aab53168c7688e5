// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether other threads could be inside the libc.

use super::{Repair, rtld, symbols};
use crate::uapi::file_facts;

/// Whether the calling thread is surely the only one; false is "perhaps not".
///
/// Async-signal-safe; at most one system call.
pub fn is_single_threaded(state: &Repair) -> bool {
    let flag = symbols::single_threaded();
    // The flag is of this libc's own threads. Those of a libc in another namespace
    // (dlmopen) use the same loader, and its malloc, which is this libc's.
    // SAFETY: a char of the libc's; volatile because pthread_create writes it.
    let is_set = !flag.is_null() && unsafe { flag.read_volatile() } != 0;
    if is_set && !rtld::has_other_namespaces() {
        return true;
    }
    if let Some(threads) = &state.threads {
        return threads.is_only_own();
    }
    // glibc's flag stays off once there has been a second thread, so the
    // kernel's count decides: a task directory has two links and one a thread.
    // A thread that has been joined may be counted a moment longer.
    matches!(file_facts::link_count(c"/proc/self/task"), Ok(3))
}
