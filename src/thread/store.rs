// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lock of what the threads of a process share here, and what is known of this
//! process only.

use super::slots;
use crate::arch::thread_pointer;
use crate::uapi::mutex::{self, Guard, Guarded, Lock, Mutex};
use crate::uapi::sys::{self, Pid};

pub use crate::uapi::mutex::Quiet;

/// The tables of slots are changed with its lock held.
struct Tables {
    /// The thread pointer of the last creator whose id its libc was seen to have. A
    /// later thread there has it as well: libcs write it before a thread runs.
    compared: usize,
}

impl Guarded for Tables {
    fn forget_parent(&mut self) {
        self.compared = 0;
        slots::forget_parent();
    }
}

static TABLES: Mutex<Tables> = Mutex::new(Lock::Threads, Tables { compared: 0 });

/// The lock, held with all signals blocked: no handler of this thread can want
/// it.
pub struct Locked<'a>(Guard<'a, Tables>);

impl<'a> Locked<'a> {
    /// Takes the lock.
    pub fn take(quiet: &'a Quiet) -> Locked<'a> {
        Locked(TABLES.lock(quiet))
    }

    /// Whether madvise(2) does what it says, as far as is known.
    pub fn advice_is_taken(&self) -> bool {
        mutex::is_wiped()
    }

    /// The calling thread's id, given the libc's copy of it. That is believed where
    /// it was right before, in this thread and this process: in the child of a bare
    /// fork system call it is the parent's.
    pub fn tid(&mut self, copy: Option<Pid>) -> Pid {
        let tp = thread_pointer();
        let is_right = self.advice_is_taken() && self.0.compared == tp;
        if let Some(copy) = copy.filter(|_| is_right) {
            return copy;
        }
        let tid = sys::gettid();
        if copy == Some(tid) {
            self.0.compared = tp;
        }
        tid
    }
}

/// Before tables are looked at: in a fork child, drops what they say of the
/// parent's threads and gives their memory back.
///
/// Async-signal-safe.
pub fn settle() {
    TABLES.settle();
}
