// SPDX-License-Identifier: MIT OR Apache-2.0
//! A lock between threads of the process (futex(2)). Not for signal handlers.
//!
//! A fork child of a process with threads may find it taken by one that it has
//! not got, and would wait for ever; the C libraries make such locks anew in fork.
//! So whose it is, is said by the process's id: what another process took is free.

use crate::arch::syscall;
use crate::uapi::task;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// 0 is free; else the id of the process whose thread has it, and [`AWAITED`].
pub struct Lock(AtomicU32);

/// Somebody may be waiting. Process ids are below it.
const AWAITED: u32 = 1 << 31;

impl Lock {
    /// A free one.
    pub const fn new() -> Lock {
        Lock(AtomicU32::new(0))
    }

    /// Runs `f` with the lock taken.
    pub fn with<T>(&self, f: impl FnOnce() -> T) -> T {
        self.take();
        let result = f();
        if self.0.swap(0, Release) & AWAITED != 0 {
            self.futex(libc::FUTEX_WAKE, 1);
        }
        result
    }

    fn take(&self) {
        let process = task::getpid() as u32;
        let mut taken = process;
        loop {
            let found = self.0.load(Relaxed);
            let free = found & !AWAITED != process;
            let wanted = if free { taken } else { process | AWAITED };
            if self.0.compare_exchange(found, wanted, Acquire, Relaxed).is_err() {
                continue;
            }
            if free {
                return;
            }
            self.futex(libc::FUTEX_WAIT, wanted);
            taken = wanted; // there may be others who wait
        }
    }

    fn futex(&self, operation: i32, value: u32) {
        let operation = operation | libc::FUTEX_PRIVATE_FLAG;
        let word = self.0.as_ptr() as usize;
        // SAFETY: the word lives as long as the lock; no timeout.
        unsafe { syscall(libc::SYS_futex, [word, operation as usize, value as usize, 0, 0, 0]) };
    }
}
