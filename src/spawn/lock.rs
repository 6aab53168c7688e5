// SPDX-License-Identifier: MIT OR Apache-2.0
//! A lock between threads of the process (futex(2)). Not for signal handlers.
//!
//! A fork child of a process with threads may find it taken by one that it has
//! not got, and would wait for ever; the C libraries make such locks anew in fork.
//! So whose it is, is said by the process's id: what another process took is free.

use crate::uapi::futex::{self, Futex};
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
            futex::wake(&self.0, 1, Futex::Private);
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
            let _ = futex::wait_while(&self.0, wanted, Futex::Private, None);
            taken = wanted; // there may be others who wait
        }
    }
}
