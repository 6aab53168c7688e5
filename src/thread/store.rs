// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lock of what the threads of a process share here, and what is known of this
//! process only.

use super::slots;
use crate::uapi::mutex::{self, Guard, Guarded, Lock, Mutex};

pub use crate::uapi::mutex::Quiet;

/// The tables of slots are changed with its lock held.
struct Tables;

impl Guarded for Tables {
    fn forget_parent(&mut self) {
        slots::forget_parent();
    }
}

static TABLES: Mutex<Tables> = Mutex::new(Lock::Threads, Tables);

/// The lock, held with all signals blocked: no handler of this thread can want
/// it.
pub struct Locked<'a> {
    _guard: Guard<'a, Tables>,
}

impl<'a> Locked<'a> {
    /// Takes the lock.
    pub fn take(quiet: &'a Quiet) -> Locked<'a> {
        Locked { _guard: TABLES.lock(quiet) }
    }

    /// Whether madvise(2) does what it says, as far as is known.
    pub fn advice_is_taken(&self) -> bool {
        mutex::is_wiped()
    }
}

/// Before tables are looked at: in a fork child, drops what they say of the
/// parent's threads and gives their memory back.
///
/// Async-signal-safe.
pub fn settle() {
    TABLES.settle();
}
