// SPDX-License-Identifier: MIT OR Apache-2.0
//! What shows that the lock of the tables is held.

use crate::uapi::mutex;

/// The tables of slots are changed only by who can show this. There is one, which
/// `store` keeps in its lock.
pub struct Held(());

impl Held {
    /// For the lock.
    pub const fn behind_lock() -> Held {
        Held(())
    }

    /// Whether madvise(2) does what it says, as far as is known.
    pub fn advice_is_taken(&self) -> bool {
        mutex::is_wiped()
    }
}
