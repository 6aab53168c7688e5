// SPDX-License-Identifier: MIT OR Apache-2.0
//! Slots for fork handlers, in blocks, which `handlers` links.

use crate::host::functions::Handler;
use core::ffi::c_void;
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicUsize};

/// Not registered yet: free, or being filled.
const EMPTY: usize = 0;
/// Registered.
const LIVE: usize = 1;
/// Was registered, or was given up before that; the slot stays empty.
const DEAD: usize = 2;

/// A handler triple. `owner` is what `__cxa_finalize` will name when the
/// handlers' object is unloaded.
pub struct Slot {
    state: AtomicUsize,
    prepare: AtomicUsize,
    parent: AtomicUsize,
    child: AtomicUsize,
    owner: AtomicPtr<c_void>,
}

/// A power of two, because 32-bit machines need a library function to divide 64 bits.
pub const SLOTS: usize = 512;

/// Consecutive slots.
pub struct Block {
    /// The number of blocks before this one; 0 for the first.
    pub ordinal: AtomicUsize,
    /// Slots that are dead.
    dead: AtomicUsize,
    /// The next block.
    pub next: AtomicPtr<Block>,
    /// The block before it. Null stands for the first block, which is part of the list.
    pub previous: AtomicPtr<Block>,
    /// The next block in the list of retired ones.
    pub retired: AtomicPtr<Block>,
    slots: [Slot; SLOTS],
}

const _: () = assert!(SLOTS.is_power_of_two());

/// A handler's number. Numbers begin at 1 and grow; a number minus one is the block's
/// ordinal times [`SLOTS`], plus the slot's index.
pub type Number = u64;

/// Which function of a triple, and in which direction the list is walked.
#[derive(Clone, Copy, Debug)]
pub enum Phase {
    /// Before the fork, last registered first.
    Prepare,
    /// In the parent, first registered first.
    Parent,
    /// In the child, first registered first.
    Child,
}

impl Slot {
    /// An empty one.
    pub const fn new() -> Slot {
        Slot {
            state: AtomicUsize::new(EMPTY),
            prepare: AtomicUsize::new(0),
            parent: AtomicUsize::new(0),
            child: AtomicUsize::new(0),
            owner: AtomicPtr::new(null_mut()),
        }
    }

    fn is_live(&self) -> bool {
        self.state.load(Acquire) == LIVE
    }

    /// Stores the handlers and makes the slot live. For the caller that was given its
    /// number. `false` where a fork has passed it over meanwhile: it stays dead.
    #[must_use]
    pub fn fill(&self, handlers: [Handler; 3], owner: *mut c_void) -> bool {
        let [prepare, parent, child] = handlers.map(|h| h.map_or(0, |f| f as usize));
        self.prepare.store(prepare, Relaxed);
        self.parent.store(parent, Relaxed);
        self.child.store(child, Relaxed);
        self.owner.store(owner, Relaxed);
        self.state.compare_exchange(EMPTY, LIVE, Release, Relaxed).is_ok()
    }

    /// Whether it is live, and its handlers are this object's.
    pub fn belongs_to(&self, owner: *mut c_void) -> bool {
        self.is_live() && self.owner.load(Relaxed) == owner
    }

    /// Calls its function of a phase, if it has one.
    pub fn call(&self, phase: Phase) {
        if !self.is_live() {
            return;
        }
        let function = match phase {
            Phase::Prepare => &self.prepare,
            Phase::Parent => &self.parent,
            Phase::Child => &self.child,
        };
        // SAFETY: stored from a Handler, for which 0 is None.
        let handler = unsafe { transmute::<usize, Handler>(function.load(Relaxed)) };
        if let Some(function) = handler {
            // SAFETY: registered as a fork handler, which takes no arguments.
            unsafe { function() };
        }
    }
}

impl Block {
    /// An empty one.
    pub const fn new() -> Block {
        Block {
            ordinal: AtomicUsize::new(0),
            dead: AtomicUsize::new(0),
            next: AtomicPtr::new(null_mut()),
            previous: AtomicPtr::new(null_mut()),
            retired: AtomicPtr::new(null_mut()),
            slots: [const { Slot::new() }; SLOTS],
        }
    }

    /// The number of its first slot.
    pub fn first_number(&self) -> Number {
        self.ordinal.load(Relaxed) as Number * SLOTS as Number + 1
    }

    /// The slot with this index, counted from 0.
    pub fn slot(&self, index: usize) -> Option<&Slot> {
        self.slots.get(index)
    }

    /// How many of its slots are dead.
    pub fn dead(&self) -> usize {
        self.dead.load(Acquire)
    }

    /// Its slots with numbers up to `last`.
    pub fn slots_to(&self, last: Number) -> impl DoubleEndedIterator<Item = &Slot> {
        let many = (last + 1).saturating_sub(self.first_number()).min(SLOTS as Number);
        self.slots.iter().take(many as usize)
    }

    /// Whether all of its slots are dead.
    pub fn is_dead(&self) -> bool {
        self.dead() == SLOTS
    }

    /// Marks one of its slots as dead.
    pub fn bury(&self, slot: &Slot) {
        self.end(slot, LIVE);
    }

    /// Marks a slot as dead that has a number and is not filled yet.
    pub fn pass_over(&self, slot: &Slot) {
        if slot.state.load(Relaxed) == EMPTY {
            self.end(slot, EMPTY);
        }
    }

    fn end(&self, slot: &Slot, from: usize) {
        if slot.state.compare_exchange(from, DEAD, AcqRel, Relaxed).is_ok() {
            self.dead.fetch_add(1, AcqRel);
        }
    }
}
