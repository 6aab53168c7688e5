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
/// Verified each time it is needed: it differs from thread to thread, and glibc
/// 2.31 gains its thread state only when libpthread is loaded.
///
/// Async-signal-safe: few system calls, no lock.
pub fn repair() -> Option<Repair> {
    if glibc::is_host() { glibc::repair() } else { musl::repair() }
}

/// Whether the calling thread, whose state is given, is surely the only one
/// that can hold a lock of the libc, and holds none of the loader's that a
/// fork child would find locked by a thread id that is no longer its own.
///
/// Async-signal-safe.
pub fn fork_needs_no_locks(state: &Repair) -> bool {
    threads::is_single_threaded(state) && !glibc::loader_lock_held(state.tid())
}

/// Whether `_Fork` is better left to the host: musl counts its threads where
/// only it can reset the count.
///
/// Async-signal-safe.
pub fn wants_own_underscore_fork(state: &Repair) -> bool {
    state.threads.is_some() && !threads::is_single_threaded(state)
}
