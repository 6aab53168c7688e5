// SPDX-License-Identifier: MIT OR Apache-2.0
//! The calling thread's id without a system call.
//!
//! Both libcs keep it in the thread's control block, and write it before the thread
//! runs. So where a thread pointer was once seen to be that of such a block, the id
//! in it is right from then on, also for a later thread whose block lies there.
//!
//! It is another task's where a task runs on a thread pointer that it did not get
//! from the libc: a vfork child, or one with CLONE_VM and without CLONE_SETTLS. We
//! make those ourselves for the most part, so the thread pointer is marked, and while
//! it is, the kernel is asked. What is left are children made by instructions of the
//! program's own (also its own fork system call, whose child has its parent's id
//! there). To those the id is their creator's, which misplaces a report and no more:
//! a child of theirs is repaired by what the kernel says in it.

use crate::arch::thread_pointer;
use crate::uapi::sys::{self, Pid};
use core::ffi::c_int;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A thread pointer is a multiple of four at least; the marks are in the bits below.
const MARKS: usize = LENT | SHARED;
/// A vfork child on this memory has the thread pointer, too, until it execs or ends.
const LENT: usize = 1;
/// Another task runs on it, for an unknown time.
const SHARED: usize = 2;
/// Lent before it was seen to be a libc's.
const LENT_UNSEEN: usize = LENT | SHARED;

const PLACES: usize = 512;
/// A thread pointer is within so many of its place.
const REACH: usize = 4;

/// Thread pointers that were seen to be a libc's.
static SEEN: [AtomicUsize; PLACES] = [const { AtomicUsize::new(0) }; PLACES];

/// Where a thread pointer may be.
fn near(tp: usize) -> impl Iterator<Item = &'static AtomicUsize> {
    const FACTOR: usize = 0x9e37_79b1; // spreads what differs in a few bits only
    let first = (tp >> 4).wrapping_mul(FACTOR) >> 12;
    (0..REACH).filter_map(move |i| SEEN.get(first.wrapping_add(i) % PLACES))
}

/// The entry of a thread pointer, and what it holds.
fn entry_of(tp: usize) -> Option<(&'static AtomicUsize, usize)> {
    let with_content = near(tp).map(|entry| (entry, entry.load(Relaxed)));
    with_content.into_iter().find(|(_, content)| content & !MARKS == tp)
}

/// Enters a thread pointer, if need be in the place of another one, whose thread is
/// asked about again. Not in that of a marked one, whose mark would be lost.
fn enter(tp: usize, marks: usize) -> bool {
    let take = |free: fn(usize) -> bool| {
        near(tp).any(|entry| {
            let old = entry.load(Relaxed);
            free(old) && entry.compare_exchange(old, tp | marks, Relaxed, Relaxed).is_ok()
        })
    };
    tp & MARKS == 0 && (take(|old| old == 0) || take(|old| old & MARKS == 0))
}

/// Whether what the libc keeps at `place` is the calling thread's id. `has_shape` tells
/// without a system call whether it is surely a control block that is there.
pub fn is_kept_at(place: *const c_int, has_shape: impl FnOnce() -> bool) -> bool {
    let tp = thread_pointer();
    let entry = entry_of(tp);
    if entry.is_some_and(|(_, content)| content == tp) {
        return true;
    }
    if entry.is_none() && has_shape() && enter(tp, 0) {
        return true;
    }
    // SAFETY: by the callers, a word of what looks like the thread's control block.
    let is_right = unsafe { place.read_volatile() } == sys::gettid();
    if is_right && entry.is_none() {
        enter(tp, 0);
    }
    is_right
}

/// Whether the calling thread's pointer was seen to be a libc's.
pub fn is_seen() -> bool {
    entry_of(thread_pointer()).is_some_and(|(_, content)| content & MARKS != LENT_UNSEEN)
}

/// Whether the calling task may be another one than that whose thread pointer it has.
pub fn may_be_another() -> bool {
    entry_of(thread_pointer()).is_some_and(|(_, content)| content & MARKS != 0)
}

/// Before memory and thread pointer are lent to a child that runs code of the program's.
/// Whether the caller may take it back: not if the memory is lent to the caller itself.
pub fn lend() -> bool {
    let tp = thread_pointer();
    match entry_of(tp) {
        Some((entry, content)) if content == tp => entry.store(tp | LENT, Relaxed),
        // A borrower lends it on. Either of them may come back first.
        Some((entry, _)) => {
            entry.store(tp | SHARED, Relaxed);
            return false;
        }
        // Never seen, or another thread took its place: the child must not enter it.
        None => _ = enter(tp, LENT_UNSEEN),
    }
    true
}

/// In the lender, when the child has executed or ended, or was not created.
pub fn take_back() {
    let tp = thread_pointer();
    if let Some((entry, content)) = entry_of(tp) {
        match content & MARKS {
            LENT => entry.store(tp, Relaxed),
            LENT_UNSEEN => entry.store(0, Relaxed),
            _ => {}
        }
    }
}

/// Before a task is made that runs beside this one on its thread pointer.
pub fn share() {
    let tp = thread_pointer();
    match entry_of(tp) {
        Some((entry, _)) => entry.store(tp | SHARED, Relaxed),
        None => _ = enter(tp, SHARED), // as in `lend`
    }
}

/// In a child with its own copy of the memory, when the libc has its id.
pub fn is_ours_alone() {
    let tp = thread_pointer();
    if let Some((entry, content)) = entry_of(tp) {
        if content != tp {
            entry.store(tp, Relaxed);
        }
    }
}

/// The calling thread's id, which its libc may keep at `place`.
pub fn tid(place: Option<*const c_int>) -> Pid {
    match place {
        // SAFETY: seen to be the libc's own int of the calling thread.
        Some(place) => unsafe { place.read_volatile() },
        None => sys::gettid(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_believed_until_the_thread_pointer_is_lent() {
        std::thread::spawn(|| {
            let (right, wrong): (c_int, c_int) = (sys::gettid(), 0);
            assert!(!is_kept_at(&raw const wrong, || false));
            assert!(is_kept_at(&raw const right, || false), "the kernel says so");
            assert!(is_kept_at(&raw const wrong, || false), "as it was seen to be");
            assert!(!may_be_another());
            lend();
            assert!(may_be_another());
            assert!(!is_kept_at(&raw const wrong, || true), "perhaps another task's");
            assert!(is_kept_at(&raw const right, || false));
            take_back();
            assert!(is_kept_at(&raw const wrong, || false));
            lend();
            lend();
            take_back();
            assert!(!is_kept_at(&raw const wrong, || true), "lent on");
            is_ours_alone();
            assert!(is_kept_at(&raw const wrong, || false));
            share();
            take_back();
            assert!(!is_kept_at(&raw const wrong, || true), "shared");
            is_ours_alone();
            assert!(lend() && !lend(), "a borrower takes nothing back");
            is_ours_alone();
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_thread_pointer_that_was_never_seen_can_be_lent() {
        std::thread::spawn(|| {
            let (right, wrong): (c_int, c_int) = (sys::gettid(), 0);
            assert!(lend());
            assert!(!is_seen());
            assert!(!is_kept_at(&raw const wrong, || true), "the child enters it by its shape");
            take_back();
            assert!(!is_seen());
            assert!(!is_kept_at(&raw const wrong, || false), "believed without a look");
            assert!(is_kept_at(&raw const right, || false));
            entry_of(thread_pointer()).unwrap().0.store(0, Relaxed);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_marked_entry_stays() {
        let places: Vec<usize> = (1..2000).map(|i| i << 8 | 1 << 30).collect();
        let first = places[0];
        assert!(enter(first, 0));
        let (entry, _) = entry_of(first).unwrap();
        entry.store(first | SHARED, Relaxed);
        places.iter().skip(1).for_each(|&tp| _ = enter(tp, 0));
        assert!(entry_of(first).is_some());
        for entry in &SEEN {
            let content = entry.load(Relaxed);
            if content >> 30 == 1 {
                entry.store(0, Relaxed);
            }
        }
    }
}
