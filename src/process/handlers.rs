// SPDX-License-Identifier: MIT OR Apache-2.0
//! The list of fork handlers.
//!
//! It is lock-free: a fork in a signal handler may read it while the interrupted code
//! registers handlers, and handlers themselves register handlers, fork and unload
//! objects. A handler's number is its place: slots are given out in order, block after
//! block, and none is reused, so that a walk in either direction needs no search. A
//! dropped handler leaves a dead slot. A block whose slots are all dead is unlinked, and
//! unmapped once no call can be using it.

use super::handler_block::{Block, SLOTS};
use crate::host::functions::Handler;
use crate::uapi::{Errno, pages};
use core::ffi::c_void;
use core::mem::size_of;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64};

pub use super::handler_block::{Number, Phase};

/// One call in progress, in the list's state. The bits below it are the last number.
const ONE_INSIDE: u64 = 1 << 40;
const NUMBERS: u64 = ONE_INSIDE - 1;

/// Registered handlers.
pub struct List {
    /// Not in the list itself: exit() looks at the list, and is to touch one page less.
    first: &'static Block,
    /// The last block, or an earlier one; null for the first.
    last: AtomicPtr<Block>,
    /// The last number given out, and how many calls are in progress. A call that is left
    /// by longjmp, or that another thread was making when a fork copied the memory, stays
    /// counted; then no block is unmapped any more.
    state: AtomicU64,
    /// Whether a call is unlinking blocks.
    reclaiming: AtomicBool,
    retired: AtomicPtr<Block>,
}

/// While it exists, no block that its holder can reach is unmapped.
struct Inside<'a>(&'a AtomicU64);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(ONE_INSIDE, Release);
    }
}

impl List {
    /// An empty list, whose first block that is.
    pub const fn new(first: &'static Block) -> List {
        List {
            first,
            last: AtomicPtr::new(null_mut()),
            state: AtomicU64::new(0),
            reclaiming: AtomicBool::new(false),
            retired: AtomicPtr::new(null_mut()),
        }
    }

    fn enter(&self) -> Inside<'_> {
        // Either `unmap_retired` sees this count, or this call sees the chain without
        // those blocks: the count, the links and the check of the count are all SeqCst.
        self.state.fetch_add(ONE_INSIDE, SeqCst);
        Inside(&self.state)
    }

    /// The last number given out. Its slot may not be filled yet.
    pub fn last_number(&self) -> Number {
        self.state.load(SeqCst) & NUMBERS
    }

    /// All blocks. Requires an `Inside`.
    fn blocks(&self) -> impl Iterator<Item = &Block> {
        let mut block: *const Block = self.first;
        core::iter::from_fn(move || {
            // SAFETY: reached while inside, so it stays mapped.
            let this = unsafe { block.as_ref() }?;
            block = this.next.load(SeqCst);
            Some(this)
        })
    }

    /// The last block. Requires an `Inside`.
    fn last(&self) -> &Block {
        // SAFETY: points to no block that left the chain, see `reclaim`.
        let mut block = unsafe { self.last.load(SeqCst).as_ref() }.unwrap_or(self.first);
        // SAFETY: as in `blocks`.
        while let Some(next) = unsafe { block.next.load(SeqCst).as_ref() } {
            block = next;
        }
        block
    }

    /// Brings the pointer to the last block up to date. It only moves forwards.
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

    /// Links an empty block behind a full one, unless another call did.
    fn grow(&self, full: &Block) -> Result<(), Errno> {
        // Zero pages are a valid block of empty slots.
        let new = pages::map_populated_pages(size_of::<Block>())?.cast::<Block>();
        // SAFETY: mapped just now, and not shared yet.
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

    /// The block with an ordinal; none where it has been unlinked, which happens only
    /// after its last number was given out. Requires an `Inside`.
    fn block_of(&self, ordinal: usize) -> Result<Option<&Block>, Errno> {
        // SAFETY: points to no block that left the chain, see `reclaim`.
        let mut block = unsafe { self.last.load(SeqCst).as_ref() }.unwrap_or(self.first);
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

    /// Takes the next number. Returns that number minus one, and its block. Takes none if
    /// there is no memory for the block. Requires an `Inside`.
    fn take_number(&self) -> Result<(Number, &Block), Errno> {
        loop {
            let before = self.last_number();
            let Some(block) = self.block_of((before / SLOTS as Number) as usize)? else {
                continue; // other calls took all of its numbers meanwhile
            };
            let next = |state: u64| (state & NUMBERS == before).then_some(state + 1);
            if self.state.fetch_update(SeqCst, SeqCst, next).is_ok() {
                return Ok((before, block));
            }
        }
    }

    /// Appends a triple and gives its number.
    pub fn add(&self, handlers: [Handler; 3], owner: *mut c_void) -> Result<Number, Errno> {
        let _inside = self.enter();
        loop {
            let (before, block) = self.take_number()?;
            let slot = block.slot((before % SLOTS as Number) as usize);
            if slot.is_none_or(|slot| slot.fill(handlers, owner)) {
                return Ok(before + 1);
            }
        }
    }

    /// Removes one triple.
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

    /// Removes an owner's handlers.
    #[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
    pub fn drop_owned_by(&self, owner: *mut c_void) {
        if self.last_number() == 0 {
            return;
        }
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

    /// Unlinks and unmaps blocks whose slots are all dead. If another call is doing that,
    /// leaves it to a later one.
    fn reclaim(&self) {
        if self.reclaiming.swap(true, Acquire) {
            return;
        }
        // From here on the pointer to the last block is at this one or a later one, and
        // will not point to an earlier one again.
        let last = self.catch_up().ordinal.load(Relaxed);
        for block in self.blocks() {
            if (1..last).contains(&block.ordinal.load(Relaxed)) && block.is_dead() {
                self.unlink(block);
            }
        }
        self.unmap_retired();
        self.reclaiming.store(false, Release);
    }

    /// Unlinks a block, which is neither the first nor the last. Its own pointers stay,
    /// for calls that are using it. Only one caller at a time.
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

    /// Unmaps the retired blocks, if no other call is in progress. Only one caller at a
    /// time.
    fn unmap_retired(&self) {
        if self.state.load(SeqCst) / ONE_INSIDE != 1 {
            return;
        }
        let mut block = self.retired.swap(null_mut(), Relaxed);
        // SAFETY: unlinked before any call that is in progress now began.
        while let Some(this) = unsafe { block.as_ref() } {
            let next = this.retired.load(Relaxed);
            // SAFETY: as above; mapped by `grow`.
            unsafe { pages::unmap_pages(block.cast(), size_of::<Block>()) };
            block = next;
        }
    }

    /// Calls the handlers of a phase with numbers up to `last`.
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

    /// What is being registered meanwhile gets another number: its later handlers would run in
    /// this fork, though this one did not.
    fn run_downward(&self, last: Number) {
        let mut next = Some(self.last());
        while let Some(block) = next {
            for slot in block.slots_to(last).rev() {
                block.pass_over(slot);
                slot.call(Phase::Prepare);
            }
            // SAFETY: as in `blocks`.
            next = unsafe { block.previous.load(SeqCst).as_ref() };
        }
    }
}

#[cfg(test)]
#[path = "handlers_tests.rs"]
mod tests;
