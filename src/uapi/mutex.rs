// SPDX-License-Identifier: MIT OR Apache-2.0
//! The library's only kind of lock (futex(2)). It owns the value that it guards.
//!
//! It is held with all signals blocked, so that no signal handler of the holder can need
//! it, and never during a call into the program or the libc.
//!
//! In the copied memory of a fork child a lock may be held by a thread of the parent's
//! that does not exist in the child. A pid cannot tell: in another pid namespace it means
//! another process. So the words of all locks are in a page that the kernel zeroes in
//! every child with a copy of the memory (MADV_WIPEONFORK, Linux 4.14), however the child
//! was created. The first thread there to take a lock finds that it was never taken, and
//! makes the guarded value forget the parent.
//!
//! Where the kernel does not zero the page, each word has the pid of the process that
//! wrote it; and the library's own children, which may have their parent's pid in another
//! namespace, reset all words first ([`in_copy`]).

use super::futex::{self, Futex};
use super::sys::{self, KernelSigset};
use super::{pages, task};
use core::cell::UnsafeCell;
use core::ffi::c_int;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU8, AtomicU32};

/// All locks. None is taken while another is held.
#[derive(Clone, Copy)]
pub enum Lock {
    /// The tables of bare threads.
    Threads,
    /// The streams of popen().
    Streams,
    /// The dispositions of SIGINT and SIGQUIT before system() ignored them.
    Interrupts,
    /// For tests.
    #[cfg(test)]
    Test,
}

const LOCKS: usize = 4;

/// What a lock guards.
pub trait Guarded {
    /// Called in a process that has another one's value by copy, and not its other
    /// threads. Also called for the very first lock.
    fn forget_parent(&mut self);
}

/// All signals blocked until this is dropped.
pub struct Quiet {
    mask: KernelSigset,
}

impl Quiet {
    /// Blocks all signals.
    pub fn begin() -> Quiet {
        Quiet { mask: sys::block_all_signals() }
    }

    /// The mask before.
    pub fn mask(&self) -> KernelSigset {
        self.mask
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        sys::restore_signals(self.mask);
    }
}

/// A value and its lock.
pub struct Mutex<T> {
    lock: Lock,
    value: UnsafeCell<T>,
}

// SAFETY: the value is only accessed through a Guard, of which there is one at a time.
unsafe impl<T: Send> Sync for Mutex<T> {}

/// The value, while the lock is held.
pub struct Guard<'a, T> {
    mutex: &'a Mutex<T>,
    /// The word's value while the lock is free.
    free: u32,
}

// A word is 0 where the lock was never taken in this process; else one of these, in
// the lowest two bits, beside the mark of `Page::mark`.
const FREE: u32 = 1;
const HELD: u32 = 2;
const AWAITED: u32 = 3;
const STATE: u32 = 3;

impl<T: Guarded> Mutex<T> {
    /// A free mutex. Each [`Lock`] belongs to one mutex only.
    pub const fn new(lock: Lock, value: T) -> Mutex<T> {
        Mutex { lock, value: UnsafeCell::new(value) }
    }

    /// Takes the lock.
    pub fn lock<'a>(&'a self, _: &'a Quiet) -> Guard<'a, T> {
        let mark = mark();
        let is_first = take(self.word(), mark);
        let mut guard = Guard { mutex: self, free: mark | FREE };
        if is_first {
            guard.forget_parent();
        }
        guard
    }

    /// Makes the value forget the parent, if that was not done yet.
    ///
    /// Async-signal-safe.
    pub fn settle(&self) {
        if is_first(self.word().load(Acquire), mark()) {
            let quiet = Quiet::begin();
            drop(self.lock(&quiet));
        }
    }

    fn word(&self) -> &'static AtomicU32 {
        &page().words[self.lock as usize]
    }
}

/// Whether the lock was never taken in this process.
fn is_first(word: u32, mark: u32) -> bool {
    word == 0 || word & !STATE != mark
}

/// Takes a lock. Returns whether that is the first time in this process.
fn take(word: &AtomicU32, mark: u32) -> bool {
    let mut state = HELD;
    loop {
        let found = word.load(Relaxed);
        let first = is_first(found, mark);
        if first || found & STATE == FREE {
            if word.compare_exchange(found, mark | state, Acquire, Relaxed).is_ok() {
                return first;
            }
            continue;
        }
        let awaited = mark | AWAITED;
        if found == awaited || word.compare_exchange(found, awaited, Relaxed, Relaxed).is_ok() {
            let _ = futex::wait_while(word, awaited, Futex::Private, None);
            state = AWAITED; // there may be other waiters
        }
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the lock is held.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held, and this guard is the only one.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        let word = &page().words[self.mutex.lock as usize];
        if word.swap(self.free, Release) & STATE == AWAITED {
            futex::wake(word, 1, Futex::Private);
        }
    }
}

/// A page's size, or a multiple of it.
const SIZE: usize = if cfg!(target_arch = "aarch64") { 65536 } else { 4096 };

/// Memory that contains a whole page at any alignment. It is anonymous memory, as all of
/// .bss is from the first whole page on.
struct Room(UnsafeCell<[u8; 2 * SIZE]>);
// SAFETY: only used as a `Page`, of atomics.
unsafe impl Sync for Room {}
static ROOM: Room = Room(UnsafeCell::new([0; 2 * SIZE]));

/// The page's content.
struct Page {
    words: [AtomicU32; LOCKS],
}

fn page() -> &'static Page {
    let start = ROOM.0.get().cast::<u8>();
    let offset = start.addr().wrapping_neg() % SIZE;
    // SAFETY: within the memory, aligned, and zeroes are a valid Page.
    unsafe { &*start.add(offset).cast() }
}

/// What the kernel does with the page.
static KIND: AtomicU8 = AtomicU8::new(UNASKED);
const UNASKED: u8 = 0;
const WIPED: u8 = 1;
const COPIED: u8 = 2;

/// Whether fork children get the page zeroed, as far as madvise(2) can be trusted.
pub fn is_wiped() -> bool {
    match KIND.load(Relaxed) {
        UNASKED => ask(),
        kind => kind == WIPED,
    }
}

#[cold]
fn ask() -> bool {
    /// Advice that no kernel knows (include/uapi/asm-generic/mman-common.h).
    const UNKNOWN_ADVICE: c_int = 0x7fff;
    let address = (&raw const *page()).addr();
    // SAFETY: the page holds the library's own words, which are not in use yet.
    let takes = |advice| unsafe { pages::advise(address, SIZE, advice).is_ok() };
    // qemu-user accepts every advice and ignores it.
    let wiped = takes(libc::MADV_WIPEONFORK) && !takes(UNKNOWN_ADVICE);
    // Another thread with another filter may have found something else; all threads use
    // the first result.
    let found = if wiped { WIPED } else { COPIED };
    match KIND.compare_exchange(UNASKED, found, Relaxed, Relaxed) {
        Ok(_) => wiped,
        Err(first) => first == WIPED,
    }
}

/// The upper bits of this process's words. A pid has 22 bits (PID_MAX_LIMIT in
/// include/linux/threads.h).
fn mark() -> u32 {
    if is_wiped() { 0 } else { (task::getpid() as u32) << 2 }
}

/// Called first in a child with a copy of the memory: no lock is held here.
pub fn in_copy() {
    if KIND.load(Relaxed) == COPIED {
        page().words.iter().for_each(|word| word.store(0, Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    struct Counter {
        count: u32,
        fresh: u32,
    }

    impl Guarded for Counter {
        fn forget_parent(&mut self) {
            self.fresh += 1;
        }
    }

    static COUNTER: Mutex<Counter> = Mutex::new(Lock::Test, Counter { count: 0, fresh: 0 });

    fn add() {
        let quiet = Quiet::begin();
        COUNTER.lock(&quiet).count += 1;
    }

    /// The status of a child that takes the lock, if it does so within some seconds.
    fn child_takes() -> libc::c_int {
        // SAFETY: the child only takes the lock and ends.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            let quiet = Quiet::begin();
            let fresh = COUNTER.lock(&quiet).fresh;
            // SAFETY: ends the child at once, as a fork child of a threaded process should.
            unsafe { libc::_exit(fresh as libc::c_int) };
        }
        let mut status = 0;
        for _ in 0..2000 {
            // SAFETY: the status outlives the call; the child is this test's own.
            if unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) } == pid {
                return status >> 8;
            }
            thread::sleep(core::time::Duration::from_millis(5));
        }
        // SAFETY: a child of this test's that is not reaped yet, so the pid still refers
        // to it.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        // SAFETY: the status outlives the call.
        unsafe { libc::waitpid(pid, &raw mut status, 0) };
        -1
    }

    // One test, because there is one lock.
    #[test]
    fn one_holder_at_a_time_and_none_in_a_fork_child() {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| add()));
            }
        });
        {
            let quiet = Quiet::begin();
            let counter = COUNTER.lock(&quiet);
            assert_eq!((counter.count, counter.fresh), (40_000, 1));
            // To the child it looks as if a thread of its parent held the lock.
            assert_eq!(child_takes(), 2, "a held lock is free in a child");
        }
        assert_eq!(child_takes(), 2, "a free lock is the child's first");
        // As where the kernel does not zero the page: the word has the pid of its writer.
        let word = COUNTER.word();
        word.store(0, Relaxed);
        KIND.store(COPIED, Relaxed);
        let quiet = Quiet::begin();
        let guard = COUNTER.lock(&quiet);
        assert_eq!(guard.fresh, 2);
        assert_eq!(word.load(Relaxed), std::process::id() << 2 | HELD);
        in_copy();
        assert!(is_first(word.load(Relaxed), mark()));
        KIND.store(UNASKED, Relaxed);
        word.store(0, Relaxed);
    }
}
