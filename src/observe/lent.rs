// SPDX-License-Identifier: MIT OR Apache-2.0
//! Creations whose child runs on its creator's memory, by the thread pointer that both have.
//!
//! The child of a vfork() returns over its creator's frames. So which record is open for it is
//! kept here: the creator completes it afterwards, and what the child records itself names it.
//! The kernel suspends the creator meanwhile, so that the two never write at once.

use super::scratch::List;
use crate::arch::thread_pointer;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};

/// A creation under way.
struct Lending {
    /// 0: the place is free.
    thread_pointer: AtomicUsize,
    creator: AtomicU32,
    /// Position + 1; 0 while the place is being filled.
    creation: AtomicU64,
    /// What its child has mapped.
    scratch: List,
}

const PLACES: usize = 64;

static LENDINGS: [Lending; PLACES] = [const {
    Lending {
        thread_pointer: AtomicUsize::new(0),
        creator: AtomicU32::new(0),
        creation: AtomicU64::new(0),
        scratch: List::new(),
    }
}; PLACES];

/// How many there are, so that for the most part none is looked for.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Keeps a creation until [`take_back`]; `false` where there is no room.
pub fn lend(creator: u32, creation: u64) -> bool {
    let tp = thread_pointer();
    let free =
        |place: &&Lending| place.thread_pointer.compare_exchange(0, tp, Acquire, Relaxed).is_ok();
    let Some(place) = LENDINGS.iter().find(free) else { return false };
    place.creator.store(creator, Relaxed);
    place.creation.store(creation, Release);
    COUNT.fetch_add(1, Relaxed);
    true
}

/// The newest one on the calling thread's pointer for which `is_it` holds of its creator.
fn newest(is_it: impl Fn(u32) -> bool) -> Option<(&'static Lending, u64)> {
    if COUNT.load(Relaxed) == 0 {
        return None;
    }
    let tp = thread_pointer();
    let mut newest = None;
    for place in &LENDINGS {
        let creation = place.creation.load(Acquire);
        if place.thread_pointer.load(Relaxed) == tp
            && is_it(place.creator.load(Relaxed))
            && newest.is_none_or(|(_, other)| creation > other)
        {
            newest = Some((place, creation));
        }
    }
    newest
}

/// The creation that the calling task has memory from, as position + 1, if it has.
pub fn borrowed(task: u32) -> Option<u64> {
    // One that the task made itself is not the one that it came from; a handler may interrupt
    // a creator between the two.
    newest(|creator| creator != task).map(|(_, creation)| creation)
}

/// Where the mappings of the calling task are listed, if it runs on lent memory.
pub fn scratch(task: u32) -> Option<&'static List> {
    newest(|creator| creator != task).map(|(place, _)| &place.scratch)
}

/// In the creator: the newest of its creations, which is over. What its child left open goes
/// with it: that was killed.
pub fn take_back(creator: u32) -> Option<u64> {
    let (own, creation) = newest(|other| other == creator)?;
    while let Some((place, _)) = newest(|_| true).filter(|&(_, later)| later > creation) {
        release(place);
    }
    release(own);
    Some(creation)
}

fn release(place: &Lending) {
    // SAFETY: the child has executed, or has ended.
    unsafe { place.scratch.unmap_all() };
    place.creation.store(0, Relaxed);
    place.thread_pointer.store(0, Release);
    COUNT.fetch_sub(1, Relaxed);
}

/// In a child with its own memory: what its creator's threads had under way is not its own.
pub fn forget() {
    if COUNT.load(Relaxed) != 0 {
        for place in &LENDINGS {
            place.scratch.forget();
            place.creation.store(0, Relaxed);
            place.thread_pointer.store(0, Relaxed);
        }
        COUNT.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creations_are_nested_and_belong_to_a_thread_pointer() {
        std::thread::spawn(|| {
            assert_eq!((borrowed(1), take_back(1)), (None, None));
            assert!(lend(1, 10));
            assert_eq!(borrowed(1), None, "the creator has its own memory");
            assert_eq!(borrowed(2), Some(10));
            let elsewhere = std::thread::spawn(|| (borrowed(2), take_back(1)));
            assert_eq!(elsewhere.join().unwrap(), (None, None));
            assert!(lend(2, 20));
            assert_eq!((borrowed(3), borrowed(2)), (Some(20), Some(10)));
            assert_eq!(take_back(2), Some(20));
            assert!(lend(2, 30));
            assert_eq!(take_back(1), Some(10), "2 was killed while 3 ran");
            assert_eq!((borrowed(3), borrowed(2)), (None, None));
            assert_eq!(COUNT.load(Relaxed), 0);
        })
        .join()
        .unwrap();
    }
}
