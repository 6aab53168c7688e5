// SPDX-License-Identifier: MIT OR Apache-2.0
//! The list of fork handlers.
//!
//! It takes no lock: a fork in a signal handler may read it while the code it
//! interrupted registers something, and handlers themselves register, fork and
//! unload objects. A handler's number is its place: slots are given out in order,
//! block after block, and none is used twice, so that a walk in either direction
//! needs no search. What was dropped leaves an empty place. A block of nothing
//! but empty places leaves the chain, and is unmapped once nobody can be in it.

use super::handler_block::{Block, SLOTS};
use crate::host::functions::Handler;
use crate::uapi::{Errno, pages};
use core::ffi::c_void;
use core::mem::size_of;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64};

pub use super::handler_block::{Number, Phase};

/// In the list's state: one call that has not ended. Below it is the last number.
const ONE_INSIDE: u64 = 1 << 40;
const NUMBERS: u64 = ONE_INSIDE - 1;

/// Registered handlers.
pub struct List {
    first: Block,
    /// The last block, or one before it; null for the first.
    last: AtomicPtr<Block>,
    /// The last number given out, and how many calls are under way. One that is
    /// left by longjmp, or that was another thread's when a fork copied it, is
    /// counted for ever; then nothing is unmapped any more.
    state: AtomicU64,
    /// Somebody takes blocks out of the chain.
    reclaiming: AtomicBool,
    retired: AtomicPtr<Block>,
}

/// While it is there no block that its holder can reach is unmapped.
struct Inside<'a>(&'a AtomicU64);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(ONE_INSIDE, Release);
    }
}

impl List {
    /// An empty list.
    pub const fn new() -> List {
        List {
            first: Block::new(),
            last: AtomicPtr::new(null_mut()),
            state: AtomicU64::new(0),
            reclaiming: AtomicBool::new(false),
            retired: AtomicPtr::new(null_mut()),
        }
    }

    fn enter(&self) -> Inside<'_> {
        // Either this count is seen in `unmap_retired`, or the chain without those
        // blocks here: count, links and the look at the count are all SeqCst.
        self.state.fetch_add(ONE_INSIDE, SeqCst);
        Inside(&self.state)
    }

    /// The last number given out. It may still be on its way into its slot.
    pub fn last_number(&self) -> Number {
        self.state.load(SeqCst) & NUMBERS
    }

    /// All blocks. Only for those who are inside.
    fn blocks(&self) -> impl Iterator<Item = &Block> {
        let mut block: *const Block = &raw const self.first;
        core::iter::from_fn(move || {
            // SAFETY: reached while inside, so it stays mapped.
            let this = unsafe { block.as_ref() }?;
            block = this.next.load(SeqCst);
            Some(this)
        })
    }

    /// The last block. Only for those who are inside.
    fn last(&self) -> &Block {
        // SAFETY: points to no block that left the chain, see `reclaim`.
        let mut block = unsafe { self.last.load(SeqCst).as_ref() }.unwrap_or(&self.first);
        // SAFETY: as in `blocks`.
        while let Some(next) = unsafe { block.next.load(SeqCst).as_ref() } {
            block = next;
        }
        block
    }

    /// Brings the pointer to the last block up to date. It only ever moves on.
    fn catch_up(&self) -> &Block {
        loop {
            let known = self.last.load(SeqCst);
            let last = self.last();
            let there = (&raw const *last).cast_mut();
            let is_first = known.is_null() && last.ordinal.load(Relaxed) == 0;
            if is_first
                || known == there
                || self.last.compare_exchange(known, there, SeqCst, Relaxed).is_ok()
            {
                return last;
            }
        }
    }

    /// Puts an empty block behind a full one, unless somebody did.
    fn grow(&self, full: &Block) -> Result<(), Errno> {
        // Zero pages are a valid block of empty slots.
        let new = pages::map_populated_pages(size_of::<Block>())?.cast::<Block>();
        // SAFETY: mapped a moment ago, nobody else's yet.
        let block = unsafe { &*new };
        block.ordinal.store(full.ordinal.load(Relaxed) + 1, Relaxed);
        block.previous.store((&raw const *full).cast_mut(), Relaxed);
        if full.next.compare_exchange(null_mut(), new, AcqRel, Relaxed).is_err() {
            // SAFETY: another one was linked first; ours was never shared.
            unsafe { pages::unmap_pages(new.cast(), size_of::<Block>()) };
        }
        self.catch_up();
        Ok(())
    }

    /// The block of an ordinal; none where it has left the chain, which one does whose
    /// last number is given out. Only for those who are inside.
    fn block_of(&self, ordinal: usize) -> Result<Option<&Block>, Errno> {
        // SAFETY: points to no block that left the chain, see `reclaim`.
        let mut block = unsafe { self.last.load(SeqCst).as_ref() }.unwrap_or(&self.first);
        let mut went_back = false;
        loop {
            let its = block.ordinal.load(Relaxed);
            if its == ordinal {
                return Ok(Some(block));
            }
            if its < ordinal && went_back {
                return Ok(None);
            }
            went_back |= its > ordinal;
            let neighbour = if its > ordinal { &block.previous } else { &block.next };
            // SAFETY: as in `blocks`.
            match unsafe { neighbour.load(SeqCst).as_ref() } {
                Some(neighbour) => block = neighbour,
                None => self.grow(block)?,
            }
        }
    }

    /// The number before the next one, which is taken, and its block. Takes none where
    /// there is no memory for the block. Only for those who are inside.
    fn take_number(&self) -> Result<(Number, &Block), Errno> {
        loop {
            let before = self.last_number();
            let Some(block) = self.block_of((before / SLOTS as Number) as usize)? else {
                continue; // others took all of its numbers meanwhile
            };
            let next = |state: u64| (state & NUMBERS == before).then_some(state + 1);
            if self.state.fetch_update(SeqCst, SeqCst, next).is_ok() {
                return Ok((before, block));
            }
        }
    }

    /// Appends a triple and gives its number.
    pub fn add(&self, handlers: [Handler; 3], owner: *mut c_void) -> Result<Number, Errno> {
        let inside = self.enter();
        let (before, block) = self.take_number()?;
        drop(inside); // a slot that is not dead holds its block
        if let Some(slot) = block.slot((before % SLOTS as Number) as usize) {
            slot.fill(handlers, owner);
        }
        Ok(before + 1)
    }

    /// Takes one triple back.
    pub fn remove(&self, number: Number) {
        let _inside = self.enter();
        for block in self.blocks() {
            let index = number.checked_sub(block.first_number());
            if let Some(slot) = index.and_then(|index| block.slot(index as usize)) {
                block.bury(slot);
            }
        }
    }

    /// Whether an owner has handlers.
    pub fn has_owner(&self, owner: *mut c_void) -> bool {
        let _inside = self.enter();
        let last = self.last_number();
        self.blocks().any(|block| block.slots_to(last).any(|slot| slot.belongs_to(owner)))
    }

    /// How many triples there are, or are being registered.
    pub fn count(&self) -> usize {
        let last = self.last_number();
        if last == 0 {
            return 0;
        }
        let _inside = self.enter();
        let of = |block: &Block| block.slots_to(last).count() - block.dead();
        self.blocks().map(of).sum()
    }

    /// Whether there is any handler.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Takes an owner's handlers back.
    pub fn drop_owned_by(&self, owner: *mut c_void) {
        let _inside = self.enter();
        let last = self.last_number();
        for block in self.blocks() {
            for slot in block.slots_to(last) {
                if slot.belongs_to(owner) {
                    block.bury(slot);
                }
            }
        }
        self.reclaim();
    }

    /// Gives back blocks whose places are all empty. Leaves it to a later call
    /// where it is under way.
    fn reclaim(&self) {
        if self.reclaiming.swap(true, Acquire) {
            return;
        }
        // From here on the pointer to the last block is at this one or further on,
        // so nothing before it is pointed to again.
        let last = self.catch_up().ordinal.load(Relaxed);
        for block in self.blocks() {
            if (1..last).contains(&block.ordinal.load(Relaxed)) && block.is_dead() {
                self.unlink(block);
            }
        }
        self.unmap_retired();
        self.reclaiming.store(false, Release);
    }

    /// Takes a block out of the chain, which is neither the first nor the last.
    /// Its own pointers stay, for those who are in it. Only one caller at a time.
    fn unlink(&self, block: &Block) {
        let (previous, next) = (block.previous.load(SeqCst), block.next.load(SeqCst));
        // SAFETY: its neighbours in the chain, reached while inside.
        let (Some(before), Some(behind)) = (unsafe { (previous.as_ref(), next.as_ref()) }) else {
            return;
        };
        before.next.store(next, SeqCst);
        behind.previous.store(previous, SeqCst);
        block.retired.store(self.retired.load(Relaxed), Relaxed);
        self.retired.store((&raw const *block).cast_mut(), Relaxed);
    }

    /// Unmaps what left the chain, if the caller is the only one inside. Only
    /// one caller at a time.
    fn unmap_retired(&self) {
        if self.state.load(SeqCst) / ONE_INSIDE != 1 {
            return;
        }
        let mut block = self.retired.swap(null_mut(), Relaxed);
        // SAFETY: out of the chain before anybody came in who is inside now.
        while let Some(this) = unsafe { block.as_ref() } {
            let next = this.retired.load(Relaxed);
            // SAFETY: as above; mapped by `grow`.
            unsafe { pages::unmap_pages(block.cast(), size_of::<Block>()) };
            block = next;
        }
    }

    /// Calls the handlers of a phase whose number is `last` or less.
    pub fn run(&self, phase: Phase, last: Number) {
        if last == 0 {
            return;
        }
        let _inside = self.enter();
        match phase {
            Phase::Prepare => self.run_downward(last),
            Phase::Parent | Phase::Child => self.run_upward(phase, last),
        }
    }

    fn run_upward(&self, phase: Phase, last: Number) {
        for block in self.blocks().take_while(|block| block.first_number() <= last) {
            block.slots_to(last).for_each(|slot| slot.call(phase));
        }
    }

    fn run_downward(&self, last: Number) {
        let mut next = Some(self.last());
        while let Some(block) = next {
            block.slots_to(last).rev().for_each(|slot| slot.call(Phase::Prepare));
            // SAFETY: as in `blocks`.
            next = unsafe { block.previous.load(SeqCst).as_ref() };
        }
    }
}

#[cfg(test)]
#[path = "handlers_tests.rs"]
mod tests;
