// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lock of what the threads of a process share here, and what is known of this
//! process only.

use super::held::Held;
use super::slots;
use crate::uapi::mutex::{Guard, Guarded, Lock, Mutex};
use core::ops::Deref;

pub use crate::uapi::mutex::Quiet;

/// The tables of slots are changed with its lock held.
struct Tables(Held);

impl Guarded for Tables {
    fn forget_parent(&mut self) {
        slots::forget_parent(&self.0);
    }
}

static TABLES: Mutex<Tables> = Mutex::new(Lock::Threads, Tables(Held::behind_lock()));

/// The lock, held with all signals blocked: no handler of this thread can want
/// it.
pub struct Locked<'a>(Guard<'a, Tables>);

impl<'a> Locked<'a> {
    /// Takes the lock.
    pub fn take(quiet: &'a Quiet) -> Locked<'a> {
        Locked(TABLES.lock(quiet))
    }
}

impl Deref for Locked<'_> {
    type Target = Held;
    fn deref(&self) -> &Held {
        &self.0.0
    }
}

/// Before tables are looked at: in a fork child, drops what they say of the
/// parent's threads and gives their memory back.
///
/// Async-signal-safe.
pub fn settle() {
    TABLES.settle();
}
