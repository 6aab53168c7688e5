// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is known of one thread, and who may do what with it.

use crate::uapi::Errno;
use crate::uapi::futex::{Futex, wait_for_change};
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU32, AtomicUsize};

/// A thread as callers name it: its generation above its entry's number. Never 0,
/// and not valid again for a later thread in the same entry.
pub type Handle = u64;

/// One thread, or room for one. Whole lines of the processor's cache, so that the
/// kernel's write at a thread's end disturbs no other thread.
#[repr(C, align(64))]
pub struct Entry {
    /// The thread's id from its first instruction on, [`STARTING`] with something
    /// besides before; 0 once it has gone (CLONE_CHILD_SETTID,
    /// CLONE_CHILD_CLEARTID).
    pub tid: AtomicU32,
    state: AtomicU32,
    /// The next entry in whatever list this one is in.
    pub next: AtomicU32,
    /// Whether the slot's memory can be used as it is.
    pub has_memory: AtomicU32,
    /// What the thread returned.
    pub result: AtomicUsize,
    /// Its thread pointer.
    pub thread_pointer: AtomicUsize,
    /// Lowest byte and size of its stack.
    pub stack: [AtomicUsize; 2],
    /// Address and size of a stack of its own besides the slot's; size 0 for none.
    pub mapping: [AtomicUsize; 2],
}

/// In `Entry::tid`, with the generation: the thread is being made. Ids are below
/// 2^22.
const STARTING: u32 = 1 << 31;

const DETACHED: u32 = 1;
const JOINING: u32 = 2;
const FINISHED: u32 = 4;
const IN_USE: u32 = 8;
const GENERATION: u32 = 4; // its lowest bit

/// An entry that is in use by the thread a handle names.
#[derive(Clone, Copy)]
pub struct Thread {
    /// The entry.
    pub entry: &'static Entry,
    generation: u32,
}

/// Who is to dispose of a thread's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposal {
    /// The caller.
    Ours,
    /// Another thread, later.
    Theirs,
}

impl Entry {
    /// Takes a free entry for a new thread, whose first generation in it is
    /// `first` if there was none before.
    pub fn occupy(&self, first: u32, detached: bool) {
        let generation = match self.state.load(Relaxed) >> GENERATION {
            0 => first,
            generation => generation,
        };
        self.tid.store(STARTING | generation, Relaxed);
        let detached = if detached { DETACHED } else { 0 };
        self.state.store(generation << GENERATION | IN_USE | detached, Release);
    }

    /// The creator's word on the id of the thread of this handle: there may be
    /// later ones than the kernel's, even when the thread has come and gone and
    /// another one is being made here.
    pub fn started(&self, handle: Handle, tid: u32) {
        let starting = STARTING | (handle >> 32) as u32;
        let _ = self.tid.compare_exchange(starting, tid, Relaxed, Relaxed);
    }

    /// The thread's id, while it has one.
    pub fn id(&self) -> Option<u32> {
        let tid = self.tid.load(Acquire);
        (tid != 0 && tid & STARTING == 0).then_some(tid)
    }

    /// Makes all handles of this thread invalid.
    pub fn vacate(&self) {
        self.state.store(self.next_generation() << GENERATION, Release);
    }

    /// The generation of the next thread here.
    pub fn next_generation(&self) -> u32 {
        let generation = (self.state.load(Relaxed) >> GENERATION) + 1;
        (generation & (u32::MAX >> GENERATION)).max(1)
    }

    /// Lets others join the thread, after [`Thread::claim`].
    pub fn unclaim(&self) {
        self.state.fetch_and(!JOINING, Release);
    }

    /// The handle of the thread in the entry of this number, if there is one.
    pub fn handle(&self, number: u32) -> Option<Handle> {
        let state = self.state.load(Acquire);
        let generation = u64::from(state >> GENERATION);
        (state & IN_USE != 0).then_some(generation << 32 | u64::from(number))
    }

    /// The thread of that generation, if it is this entry's.
    pub fn thread(&'static self, generation: u32) -> Option<Thread> {
        let state = self.state.load(Acquire);
        let is_it = state >> GENERATION == generation && state & IN_USE != 0;
        is_it.then_some(Thread { entry: self, generation })
    }

    /// The thread's last store: none of its code runs any more.
    pub fn finish(&self) -> Disposal {
        match self.state.fetch_or(FINISHED, AcqRel) & DETACHED {
            0 => Disposal::Theirs,
            _ => Disposal::Ours,
        }
    }

    /// Waits until the thread has gone, which is to happen soon.
    pub fn wait_for_end(&self) {
        loop {
            match self.tid.load(Acquire) {
                0 => return,
                tid => wait_for_change(&self.tid, tid, Futex::Shared),
            }
        }
    }
}

impl Thread {
    /// Changes the state of a thread that no other joins and that is not detached:
    /// EINVAL if it is not such a one, ESRCH if it is no longer there.
    fn change(&self, to: u32) -> Result<u32, Errno> {
        let mut state = self.entry.state.load(Acquire);
        loop {
            if state >> GENERATION != self.generation || state & IN_USE == 0 {
                return Err(Errno::ESRCH);
            }
            if state & (DETACHED | JOINING) != 0 {
                return Err(Errno::EINVAL);
            }
            match self.entry.state.compare_exchange(state, state | to, AcqRel, Acquire) {
                Ok(_) => return Ok(state),
                Err(now) => state = now,
            }
        }
    }

    /// Becomes the only one who joins the thread.
    pub fn claim(&self) -> Result<(), Errno> {
        self.change(JOINING).map(drop)
    }

    /// No thread will join this one.
    pub fn detach(&self) -> Result<Disposal, Errno> {
        Ok(match self.change(DETACHED)? & FINISHED {
            0 => Disposal::Theirs,
            _ => Disposal::Ours,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> &'static Entry {
        // SAFETY: zeroes are a free entry.
        Box::leak(Box::new(unsafe { core::mem::zeroed() }))
    }

    #[test]
    fn a_handle_ends_with_its_thread() {
        let entry = fresh();
        assert!(entry.handle(7).is_none());
        entry.occupy(3, false);
        assert_eq!(entry.handle(7), Some(3 << 32 | 7));
        assert!(entry.thread(3).is_some() && entry.thread(2).is_none());
        entry.vacate();
        assert!(entry.thread(3).is_none() && entry.handle(7).is_none());
        entry.occupy(3, false);
        assert_eq!(entry.handle(7), Some(4 << 32 | 7));
    }

    #[test]
    fn one_joins_or_one_detaches() {
        let entry = fresh();
        entry.occupy(1, false);
        let thread = entry.thread(1).unwrap();
        assert_eq!(thread.claim(), Ok(()));
        assert_eq!(thread.claim(), Err(Errno::EINVAL));
        assert_eq!(thread.detach(), Err(Errno::EINVAL));
        entry.unclaim();
        assert_eq!(thread.detach(), Ok(Disposal::Theirs));
        assert_eq!(thread.claim(), Err(Errno::EINVAL));
        assert_eq!(entry.finish(), Disposal::Ours);
        entry.vacate();
        assert_eq!(thread.claim(), Err(Errno::ESRCH));
    }

    #[test]
    fn who_comes_second_disposes() {
        let entry = fresh();
        entry.occupy(1, false);
        assert_eq!(entry.finish(), Disposal::Theirs);
        assert_eq!(entry.thread(1).unwrap().detach(), Ok(Disposal::Ours));
    }

    #[test]
    fn a_late_creator_names_its_own_thread_only() {
        let entry = fresh();
        entry.occupy(1, true);
        let first = entry.handle(7).unwrap();
        entry.tid.store(0, Relaxed); // it has come and gone
        entry.vacate();
        entry.occupy(1, true);
        entry.started(first, 4711);
        assert_eq!(entry.id(), None);
        entry.started(entry.handle(7).unwrap(), 4712);
        assert_eq!(entry.id(), Some(4712));
        entry.started(first, 4711);
        assert_eq!(entry.id(), Some(4712));
    }

    #[test]
    fn generations_never_become_0() {
        let entry = fresh();
        entry.occupy(u32::MAX >> GENERATION, true);
        entry.vacate();
        entry.occupy(9, true);
        assert!(entry.thread(1).is_some());
    }
}
