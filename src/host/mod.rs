// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is known of the C library this process runs on.
//!
//! All lore about libcs lives here, and all of it is verified before it is
//! used: a libc that does not look as expected is `None` to the callers, who
//! then leave the work to that libc's own functions.

pub mod elf;
pub mod errno;
pub mod functions;
mod glibc;
mod musl;
mod repair;
mod symbols;
mod threads;

pub use repair::Repair;

/// What a raw fork child needs so that this libc is sound in it; `None` when
/// the libc, or its state, is not one we know.
///
/// Looked up each time it is needed: it differs from thread to thread, and
/// glibc 2.31 gains its thread state only when libpthread is loaded.
///
/// Async-signal-safe: three system calls, no lock.
pub fn repair() -> Option<Repair> {
    if glibc::is_host() { glibc::repair() } else { musl::repair() }
}

/// Whether the calling thread is surely the only one that can hold a lock of
/// the libc, and holds none of the loader's that a fork child would find
/// locked by a thread id that is no longer its own.
///
/// Async-signal-safe.
pub fn fork_needs_no_locks() -> bool {
    threads::is_single_threaded() && !glibc::loader_lock_held()
}

/// Whether `_Fork` is better left to the host: musl keeps a list of threads
/// and a count that only it can reset once there has been a second thread.
pub fn wants_own_underscore_fork() -> bool {
    !glibc::is_host() && !threads::is_single_threaded()
}
