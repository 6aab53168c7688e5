// SPDX-License-Identifier: MIT OR Apache-2.0
//! A lock between threads of the process (futex(2)). Not for signal handlers, and
//! not for children.

use crate::arch::syscall;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// 0 is free, 1 taken, 2 taken with somebody waiting.
pub struct Lock(AtomicU32);

impl Lock {
    /// A free one.
    pub const fn new() -> Lock {
        Lock(AtomicU32::new(0))
    }

    /// Runs `f` with the lock taken.
    pub fn with<T>(&self, f: impl FnOnce() -> T) -> T {
        self.take();
        let result = f();
        if self.0.swap(0, Release) == 2 {
            self.futex(libc::FUTEX_WAKE, 1);
        }
        result
    }

    fn take(&self) {
        if self.0.compare_exchange(0, 1, Acquire, Relaxed).is_ok() {
            return;
        }
        while self.0.swap(2, Acquire) != 0 {
            self.futex(libc::FUTEX_WAIT, 2);
        }
    }

    fn futex(&self, operation: i32, value: u32) {
        let operation = operation | libc::FUTEX_PRIVATE_FLAG;
        let word = self.0.as_ptr() as usize;
        // SAFETY: the word lives as long as the lock; no timeout.
        unsafe { syscall(libc::SYS_futex, [word, operation as usize, value as usize, 0, 0, 0]) };
    }
}
