// SPDX-License-Identifier: MIT OR Apache-2.0
//! One lock for what the threads of a process share here, and how a fork child
//! finds that it has nothing to do with its parent's threads.
//!
//! The lock lies in a page that the kernel hands to fork children zeroed
//! (MADV_WIPEONFORK, Linux 4.14), and so does what is known of this process only:
//! that it is still the one that filled the tables, and whose id was looked at.

use super::slots;
use crate::arch::thread_pointer;
use crate::uapi::futex::{self, Futex};
use crate::uapi::sys::{self, KernelSigset, Pid};
use crate::uapi::thread;
use crate::uapi::{Errno, task};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicUsize};

struct Witness {
    lock: AtomicU32,
    /// [`SETTLED`] in the process that the tables are about.
    settled: AtomicU32,
    /// The thread pointer of the last creator whose id its libc was seen to have. A
    /// later thread there has it as well: libcs write it before a thread runs.
    compared: AtomicUsize,
    /// Where nothing is wiped (qemu-user), the process; 0 elsewhere.
    /// A pid tells children apart only where none shares this memory.
    process: AtomicI32,
}

const SETTLED: u32 = 1;

/// No kernel knows it (include/uapi/asm-generic/mman-common.h).
const UNKNOWN_ADVICE: core::ffi::c_int = 0x7fff;

const FREE: u32 = 0;
const HELD: u32 = 1;
const AWAITED: u32 = 2;

static WITNESS: AtomicPtr<Witness> = AtomicPtr::new(null_mut());

/// The lock, held with all signals blocked: no handler of this thread can want
/// it.
pub struct Locked {
    witness: &'static Witness,
}

/// All signals blocked until this is dropped.
pub struct Quiet {
    mask: KernelSigset,
}

impl Quiet {
    /// Blocks them.
    pub fn begin() -> Quiet {
        Quiet { mask: sys::block_all_signals() }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        sys::restore_signals(self.mask);
    }
}

impl Locked {
    /// Takes the lock.
    pub fn take(_: &Quiet) -> Result<Locked, Errno> {
        let witness = settled_witness()?;
        witness.lock();
        Ok(Locked { witness })
    }

    /// Whether madvise(2) does what it says, as far as is known.
    pub fn advice_is_taken(&self) -> bool {
        self.witness.process.load(Relaxed) == 0
    }

    /// The calling thread's id, given the libc's copy of it. That is believed where
    /// it was right before, in this thread and this process: in the child of a bare
    /// fork system call it is the parent's.
    pub fn tid(&self, copy: Option<Pid>) -> Pid {
        let tp = thread_pointer();
        let compared = &self.witness.compared;
        let is_right = self.advice_is_taken() && compared.load(Relaxed) == tp;
        if let Some(copy) = copy.filter(|_| is_right) {
            return copy;
        }
        let tid = sys::gettid();
        if copy == Some(tid) {
            compared.store(tp, Relaxed);
        }
        tid
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.witness.unlock();
    }
}

impl Witness {
    fn lock(&self) {
        if self.lock.compare_exchange(FREE, HELD, Acquire, Relaxed).is_ok() {
            return;
        }
        while self.lock.swap(AWAITED, Acquire) != FREE {
            let _ = futex::wait_while(&self.lock, AWAITED, Futex::Private, None);
        }
    }

    fn unlock(&self) {
        if self.lock.swap(FREE, Release) == AWAITED {
            futex::wake(&self.lock, 1, Futex::Private);
        }
    }

    /// Whether the tables are of the calling process.
    fn is_settled(&self) -> bool {
        let process = self.process.load(Relaxed);
        if process != 0 && process != task::getpid() {
            let now = task::getpid();
            if self.process.compare_exchange(process, now, Relaxed, Relaxed).is_ok() {
                self.lock.store(FREE, Relaxed);
                self.settled.store(0, Release);
            }
        }
        self.settled.load(Acquire) == SETTLED
    }

    /// Drops what the tables say of the parent's threads.
    #[cold]
    fn settle(&self) {
        let _quiet = Quiet::begin();
        self.lock();
        if self.settled.load(Acquire) != SETTLED {
            slots::forget_parent();
            self.settled.store(SETTLED, Release);
        }
        self.unlock();
    }
}

/// Before tables are looked at: in a fork child, drops what they say of the
/// parent's threads and gives their memory back.
///
/// Async-signal-safe.
pub fn settle() {
    // SAFETY: null or a page that is never unmapped.
    if let Some(witness) = unsafe { WITNESS.load(Acquire).as_ref() } {
        if !witness.is_settled() {
            witness.settle();
        }
    }
}

fn settled_witness() -> Result<&'static Witness, Errno> {
    settle();
    // SAFETY: null or a page that is never unmapped.
    match unsafe { WITNESS.load(Acquire).as_ref() } {
        Some(witness) => Ok(witness),
        None => first_witness(),
    }
}

#[cold]
fn first_witness() -> Result<&'static Witness, Errno> {
    let page = sys::map_pages(size_of::<Witness>())?;
    let fresh: *mut Witness = page.cast();
    // SAFETY: mapped just now; a process's first page of the kind holds nothing.
    let advised =
        |advice| unsafe { thread::advise(page.addr(), size_of::<Witness>(), advice).is_ok() };
    // qemu-user takes every advice and does nothing about it.
    let wiped = advised(libc::MADV_WIPEONFORK) && !advised(UNKNOWN_ADVICE);
    // SAFETY: mapped just now, and zeroes are a Witness.
    let witness = unsafe { &*fresh };
    witness.settled.store(SETTLED, Relaxed);
    if !wiped {
        witness.process.store(task::getpid(), Relaxed);
    }
    match WITNESS.compare_exchange(null_mut(), fresh, AcqRel, Acquire) {
        Ok(_) => Ok(witness),
        Err(first) => {
            // SAFETY: nobody saw the second one; the first is never unmapped.
            unsafe {
                sys::unmap_pages(page, size_of::<Witness>());
                Ok(&*first)
            }
        }
    }
}
