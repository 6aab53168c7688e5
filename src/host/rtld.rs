// SPDX-License-Identifier: MIT OR Apache-2.0
//! glibc's loader seen from outside: its locks, and what it counts.
//!
//! It has two or three recursive mutexes side by side, the number of its namespaces
//! before them and behind them how many objects it ever loaded (2.31 to 2.43). In the
//! shared libc they are in `_rtld_global`, whose layout differs between releases. So
//! the second mutex is found by what a walk of the list does to it, and the rest is
//! believed only where it looks as it should; the count, only while dl_iterate_phdr
//! gives the same. In static programs they are variables.
//!
//! Why it matters: a fork child of glibc's has the first and the third mutex as new,
//! but keeps the second as it was. Held by a thread of the parent's it stays held.

use super::symbols::{self, OfMutex};
use crate::arch::entry;
use crate::uapi::futex::{self, Futex};
use core::ffi::{c_int, c_uint};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU32, AtomicUsize};

entry!("clone3_free_loader_locks" => free_in_child);

unsafe extern "C" {
    /// [`free_in_child`] behind a landing pad: the libc calls it through a pointer.
    fn clone3_free_loader_locks();
}

/// `struct __pthread_mutex_s` up to its kind, public in <bits/struct_mutex.h>; with 32
/// bits `nusers` comes after that.
#[repr(C)]
struct Mutex {
    lock: c_int,
    count: c_uint,
    owner: c_int,
    #[cfg(target_pointer_width = "64")]
    nusers: c_uint,
    kind: c_int,
    #[cfg(target_pointer_width = "32")]
    nusers: c_uint,
}

/// PTHREAD_MUTEX_RECURSIVE_NP
const RECURSIVE: c_int = 1;
/// From one of the mutexes to the next.
const NEXT: usize = size_of::<libc::pthread_mutex_t>();
const WORD: usize = size_of::<usize>();

/// `_dl_load_write_lock` in `_rtld_global`: 0 until it was seen to be taken.
static WRITE_LOCK: AtomicUsize = AtomicUsize::new(0);
/// `_dl_load_adds`: 0 until its place is known, [`NOWHERE`] once it was wrong.
static ADDS: AtomicUsize = AtomicUsize::new(0);
const NOWHERE: usize = usize::MAX;
/// Size of `_rtld_global`, 0 for unknown.
static SIZE: AtomicUsize = AtomicUsize::new(0);

/// Notes how large `_rtld_global` is, before anything can be found there.
pub fn remember_size(size: Option<usize>) {
    SIZE.store(size.unwrap_or(0), Relaxed);
}

/// Whether this is a glibc that has a loader.
fn has_loader() -> bool {
    !symbols::rtld_global().is_null()
}

/// `_rtld_global`: where it begins and how large it is.
fn global() -> Option<(usize, usize)> {
    let (start, size) = (symbols::rtld_global().addr(), SIZE.load(Relaxed));
    (start != 0 && size != 0).then_some((start, size))
}

/// `_dl_load_lock`, `_dl_load_write_lock` and, since 2.35, `_dl_load_tls_lock`; null
/// where they are not known or not there.
fn locks() -> [*mut Mutex; 3] {
    let write = WRITE_LOCK.load(Acquire);
    if !has_loader() {
        return symbols::loader_locks().map(|lock| lock.cast());
    }
    let beside = |address: usize| {
        let lock = address as *mut Mutex;
        // SAFETY: within `_rtld_global`, as `Watch::look` saw to.
        let is_lock =
            write != 0 && unsafe { (&raw const (*lock).kind).read_volatile() } == RECURSIVE;
        if is_lock { lock } else { null_mut() }
    };
    [write.wrapping_sub(NEXT), write, write.wrapping_add(NEXT)].map(beside)
}

/// The loader's first lock, until this is dropped.
pub struct Hold {
    taken: Option<(*mut Mutex, OfMutex)>,
}

/// Keeps objects from being opened and closed, before glibc 2.35: what pthread_create
/// reads of TLS has no lock of its own there, and it may read what is half written or
/// gone (its bug 19329). Where another thread keeps the lock for long nothing is held: that
/// may be a constructor that waits for the calling thread.
///
/// With no lock of ours held.
pub fn hold() -> Hold {
    const MILLISECONDS: usize = 100;
    let [load, _, tls] = locks();
    let Some((trylock, unlock)) = symbols::mutex_functions() else { return Hold { taken: None } };
    if load.is_null() || !tls.is_null() {
        return Hold { taken: None };
    }
    let word = AtomicU32::new(0);
    for _ in 0..MILLISECONDS {
        // SAFETY: a mutex that dlopen takes by the same function.
        if unsafe { trylock(load.cast()) } == 0 {
            return Hold { taken: Some((load, unlock)) };
        }
        futex::wait_briefly(&word, 0, Futex::Private, 1);
    }
    Hold { taken: None }
}

impl Hold {
    /// Whether it is held.
    pub fn is_held(&self) -> bool {
        self.taken.is_some()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some((lock, unlock)) = self.taken {
            // SAFETY: taken by this thread.
            unsafe { unlock(lock.cast()) };
        }
    }
}

/// In a fork child: the loader's locks are free, whichever thread of the parent held them.
/// glibc's fork does so with the first and third; a thread that only reads the list,
/// as those of ours do, leaves it whole. The calling thread may be inside the loader:
/// it will find that it gives back what it no longer has, which is an error that
/// is never looked at, as after glibc's fork.
///
/// # Safety
/// Only in a child with a copy of the memory, where no other thread is.
pub unsafe fn free_locks() {
    for lock in locks() {
        // SAFETY: null or a mutex that no other thread uses here.
        unsafe {
            if !lock.is_null() && (*lock).lock != 0 {
                (*lock).lock = 0;
                (*lock).count = 0;
                (*lock).owner = 0;
                (*lock).nusers = 0;
            }
        }
    }
}

/// Whether the thread `tid` is inside the loader: in a constructor that dlopen runs,
/// say. The locks name their owner by tid, so that a fork child would wait for itself.
/// In doubt it is.
pub fn is_held_by(tid: c_int) -> bool {
    if !has_loader() {
        return false; // musl runs constructors without its lock; static: no dlopen
    }
    if WRITE_LOCK.load(Acquire) != 0 {
        // SAFETY: null or a mutex; volatile because others may be taking it.
        return locks().iter().any(|&lock| unsafe {
            !lock.is_null()
                && (&raw const (*lock).owner).read_volatile() == tid
                && (&raw const (*lock).lock).read_volatile() != 0
        });
    }
    let Some((start, size)) = global() else { return true };
    held(start, size).any(|(lock, _)| {
        // SAFETY: a mutex in `_rtld_global`.
        unsafe { (*(lock as *const Mutex)).owner == tid }
    })
}

/// Whether there may be other namespaces (dlmopen(3), LD_AUDIT), with C libraries of
/// their own that count their own threads.
pub fn has_other_namespaces() -> bool {
    if !has_loader() {
        return false;
    }
    let [first, ..] = locks();
    // SAFETY: the word before `_dl_load_lock`, still within `_rtld_global`.
    first.is_null() || unsafe { first.byte_sub(WORD).cast::<usize>().read_volatile() } != 1
}

/// How many objects were ever loaded, read without a lock; `None` where only a walk
/// can tell.
pub fn adds() -> Option<u64> {
    let place = match has_loader() {
        true => ADDS.load(Acquire),
        false => symbols::loader_adds().addr(),
    };
    // SAFETY: a place that had the right number whenever the list was walked.
    (place != 0 && place != NOWHERE).then(|| unsafe { read_count(place) })
}

/// # Safety
/// There must be eight bytes, aligned to a word.
unsafe fn read_count(place: usize) -> u64 {
    let low = place as *const u32;
    // SAFETY: by the contract. In halves: a u64 is aligned to four bytes on i686, and
    // the upper one never changes.
    let [low, high] = unsafe { [low.read_volatile(), low.add(1).read_volatile()] };
    u64::from(high) << 32 | u64::from(low)
}

/// What looks like a recursive mutex that is held, in `size` bytes from `start` on:
/// its address, and how often it is held.
fn held(start: usize, size: usize) -> impl Iterator<Item = (usize, c_uint)> {
    let mut at = start;
    core::iter::from_fn(move || {
        while at + size_of::<Mutex>() <= start + size {
            let address = at;
            // SAFETY: within the object, aligned as its words are; compared only.
            let mutex = unsafe { (address as *const Mutex).read_volatile() };
            let is_held = mutex.lock != 0 && mutex.owner > 0 && mutex.kind == RECURSIVE;
            if is_held && mutex.count != 0 {
                at += NEXT; // its own fields may look like another one
                return Some((address, mutex.count));
            }
            at += WORD;
        }
        None
    })
}

/// Learns while the list is walked.
pub struct Watch {
    /// The mutexes held before the walk and how often; there are three in all.
    before: [(usize, c_uint); 3],
}

impl Watch {
    /// Before the walk.
    pub fn begin() -> Watch {
        let mut watch = Watch { before: [(0, 0); 3] };
        if let Some((start, size)) = global().filter(|_| WRITE_LOCK.load(Relaxed) == 0) {
            for (slot, found) in watch.before.iter_mut().zip(held(start, size)) {
                *slot = found;
            }
        }
        watch
    }

    /// In the walk's callback, which has the write lock; `adds` is what it was told.
    pub fn look(&self, adds: Option<u64>) {
        if let Some((start, size)) = global() {
            if WRITE_LOCK.load(Relaxed) == 0 {
                self.find_lock(start, size);
            }
            if let (write @ 1.., Some(adds)) = (WRITE_LOCK.load(Relaxed), adds) {
                check_adds(write, start + size, adds);
            }
        }
    }

    /// The write lock is the mutex that is held once more than before. Other threads
    /// may have taken others meanwhile; then some later walk finds it. Before glibc
    /// 2.34 there are no mutexes as long as there is no libpthread.
    fn find_lock(&self, start: usize, size: usize) {
        let earlier = |address| {
            self.before.iter().find(|before| before.0 == address).map_or(0, |before| before.1)
        };
        let mut taken = held(start, size).filter(|&(lock, count)| count == earlier(lock) + 1);
        let (Some((lock, _)), None) = (taken.next(), taken.next()) else { return };
        let fits = start + NEXT + WORD..start + size.saturating_sub(2 * NEXT + 8);
        if fits.contains(&lock) {
            WRITE_LOCK.store(lock, Release);
        }
    }
}

/// The count is behind the last mutex: found when it first is right there, given up
/// when it ever is not.
fn check_adds(write: usize, end: usize, adds: u64) {
    // SAFETY: within `_rtld_global`, and only written under the write lock.
    let is_right = |place: usize| place + 8 <= end && unsafe { read_count(place) } == adds;
    match ADDS.load(Relaxed) {
        0 => {
            let place = [write + NEXT, write + 2 * NEXT].into_iter().find(|&place| is_right(place));
            ADDS.store(place.unwrap_or(NOWHERE), Release);
        }
        NOWHERE => {}
        place if is_right(place) => {}
        _ => ADDS.store(NOWHERE, Release),
    }
}

/// [`free_locks`] as a fork handler, for glibc's own fork to run in the child.
pub const CHILD_HANDLER: unsafe extern "C" fn() = clone3_free_loader_locks;

unsafe extern "C" fn free_in_child() {
    // SAFETY: a fork child has one thread.
    unsafe { free_locks() };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_recursive_mutex_is_found_among_other_words() {
        let mut words = [0i32; 64];
        let held = |words: &[i32; 64]| held(words.as_ptr().addr(), size_of_val(words)).next();
        assert_eq!(held(&words), None);
        let place = words.as_ptr().addr() + 80;
        words[20..25].copy_from_slice(&[1, 2, 77, 1, 1]);
        assert_eq!(held(&words), Some((place, 2)));
        words[23] = 1;
        words[24] = 0; // not recursive, wherever the kind is
        #[cfg(target_pointer_width = "64")]
        assert_eq!(held(&words), None);
        words[20..25].copy_from_slice(&[1, 0, 77, 1, 1]); // no mutex's
        assert_eq!(held(&words), None);
    }
}
