// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fork handlers.
//!
//! Kept here for our own fork and forwarded to the host for its own, so that
//! each runs them once, whoever forks.
//!
//! The list takes no lock: a fork in a signal handler may read it while the
//! code it interrupted registers something, and handlers themselves register
//! and fork. Handlers have numbers that only grow; order is the order of the numbers, wherever a
//! handler's slot is, and a slot whose number is 0 is free. A fork remembers
//! the last number it saw: what its handlers register is not for this fork.

use crate::host::functions::{self, Handler};
use crate::host::{elf, errno};
use crate::uapi::{Errno, sys};
use core::ffi::c_void;
use core::mem::{size_of, transmute};
use core::ptr::{null, null_mut};
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, fence};

/// Not a number of a handler: the slot is being filled.
const CLAIMED: u64 = u64::MAX;

/// A handler triple. `owner` is what `__cxa_finalize` will name when the
/// handlers' object is unloaded.
struct Slot {
    number: AtomicU64,
    prepare: AtomicUsize,
    parent: AtomicUsize,
    child: AtomicUsize,
    owner: AtomicPtr<c_void>,
}

const SLOTS: usize = 100;

/// Slots in a block of at most a page; further blocks are mapped as needed and
/// never given back, since a fork may be walking them.
struct Block {
    slots: [Slot; SLOTS],
    next: AtomicPtr<Block>,
}

const _: () = assert!(size_of::<Block>() <= 4096);

impl Block {
    const fn new() -> Block {
        Block {
            slots: [const {
                Slot {
                    number: AtomicU64::new(0),
                    prepare: AtomicUsize::new(0),
                    parent: AtomicUsize::new(0),
                    child: AtomicUsize::new(0),
                    owner: AtomicPtr::new(null_mut()),
                }
            }; SLOTS],
            next: AtomicPtr::new(null_mut()),
        }
    }
}

/// Registered handlers and the number the last of them got.
struct List {
    first: Block,
    last_number: AtomicU64,
}

static LIST: List = List { first: Block::new(), last_number: AtomicU64::new(0) };

#[derive(Clone, Copy)]
enum Phase {
    Prepare,
    Parent,
    Child,
}

impl List {
    fn blocks(&self) -> impl Iterator<Item = &Block> {
        let mut block: *const Block = &raw const self.first;
        core::iter::from_fn(move || {
            // SAFETY: the first block or one that was linked for good.
            let this = unsafe { block.as_ref() }?;
            block = this.next.load(Acquire);
            Some(this)
        })
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.blocks().flat_map(|block| &block.slots)
    }

    fn claim(&self) -> Result<&Slot, Errno> {
        loop {
            let free =
                |slot: &&Slot| slot.number.compare_exchange(0, CLAIMED, Acquire, Relaxed).is_ok();
            if let Some(slot) = self.slots().find(free) {
                return Ok(slot);
            }
            self.grow()?;
        }
    }

    fn grow(&self) -> Result<(), Errno> {
        // Zero pages are a valid block of free slots.
        let block = sys::map_pages(size_of::<Block>())?.cast::<Block>();
        let last = self.blocks().last().unwrap_or(&self.first);
        if last.next.compare_exchange(null_mut(), block, AcqRel, Relaxed).is_err() {
            // SAFETY: somebody else linked one first; ours was never shared.
            unsafe { sys::unmap_pages(block.cast(), size_of::<Block>()) };
        }
        Ok(())
    }

    fn add(&self, handlers: [Handler; 3], owner: *mut c_void) -> Result<u64, Errno> {
        let slot = self.claim()?;
        let [prepare, parent, child] = handlers.map(|h| h.map_or(0, |f| f as usize));
        slot.prepare.store(prepare, Relaxed);
        slot.parent.store(parent, Relaxed);
        slot.child.store(child, Relaxed);
        slot.owner.store(owner, Relaxed);
        let number = self.last_number.fetch_add(1, AcqRel) + 1;
        slot.number.store(number, Release);
        Ok(number)
    }

    fn remove(&self, number: u64) {
        for slot in self.slots() {
            // Fails on every other slot, and on this one if it was dropped.
            let _ = slot.number.compare_exchange(number, 0, Release, Relaxed);
        }
    }

    fn drop_owned_by(&self, owner: *mut c_void) {
        for slot in self.slots() {
            let number = slot.number.load(Acquire);
            if number != 0 && number != CLAIMED && slot.owner.load(Relaxed) == owner {
                let _ = slot.number.compare_exchange(number, 0, Release, Relaxed);
            }
        }
    }

    /// The handler of a phase whose number comes next after `from`, downward
    /// or upward, among those up to `last`: its number and the function.
    fn next(&self, phase: Phase, from: u64, last: u64) -> Option<(u64, Handler)> {
        loop {
            let mut best: Option<(u64, &Slot)> = None;
            for slot in self.slots() {
                let number = slot.number.load(Acquire);
                let due = number != 0
                    && number <= last
                    && match phase {
                        Phase::Prepare => number < from && best.is_none_or(|b| number > b.0),
                        _ => number > from && best.is_none_or(|b| number < b.0),
                    };
                if due {
                    best = Some((number, slot));
                }
            }
            let (number, slot) = best?;
            let function = match phase {
                Phase::Prepare => &slot.prepare,
                Phase::Parent => &slot.parent,
                Phase::Child => &slot.child,
            }
            .load(Relaxed);
            // The slot may have been freed and filled again meanwhile.
            fence(Acquire);
            if slot.number.load(Relaxed) == number {
                // SAFETY: stored from a Handler; 0 is None.
                return Some((number, unsafe { transmute::<usize, Handler>(function) }));
            }
        }
    }

    fn run(&self, phase: Phase, last: u64) {
        let mut at = match phase {
            Phase::Prepare => u64::MAX,
            _ => 0,
        };
        while let Some((number, handler)) = self.next(phase, at, last) {
            if let Some(function) = handler {
                // SAFETY: registered to be called here, with no arguments.
                unsafe { function() };
            }
            at = number;
        }
    }
}

/// A fork under way: its prepare handlers have run.
#[must_use]
pub struct Round {
    last: u64,
}

/// Runs the prepare handlers, last registered first.
pub fn prepare() -> Round {
    let round = Round { last: LIST.last_number.load(Acquire) };
    LIST.run(Phase::Prepare, round.last);
    round
}

impl Round {
    /// Runs the parent handlers, first registered first.
    pub fn parent(self) {
        LIST.run(Phase::Parent, self.last);
    }

    /// Runs the child handlers, first registered first.
    pub fn child(self) {
        LIST.run(Phase::Child, self.last);
    }
}

/// `__register_atfork`: handlers of the object whose `__dso_handle` is given.
pub fn register(handlers: [Handler; 3], owner: *mut c_void) -> Result<(), Errno> {
    let number = LIST.add(handlers, owner)?;
    let [prepare, parent, child] = handlers;
    let forwarded = match (functions::register_atfork(), functions::atfork()) {
        // SAFETY: the host's functions, with the handlers as we got them.
        (Some(function), _) => unsafe { function(prepare, parent, child, owner) },
        // SAFETY: as above.
        (None, Some(function)) => unsafe { function(prepare, parent, child) },
        // No libc to be found.
        (None, None) => 0,
    };
    if forwarded == 0 {
        return Ok(());
    }
    LIST.remove(number);
    // glibc answers with the number, musl with −1 and errno.
    Err(if forwarded > 0 { Errno(forwarded) } else { Errno(errno::get()) })
}

/// `pthread_atfork`, which does not say whose handlers they are: they belong
/// to the object their code is in.
pub fn register_unowned(handlers: [Handler; 3]) -> Result<(), Errno> {
    let code = handlers.iter().flatten().next().map_or(null(), |f| *f as *const c_void);
    let owner = elf::object_of(code).map_or(null_mut(), |object| object.key());
    register(handlers, owner)
}

/// `__cxa_finalize`: an object is unloaded, or the process ends (null, which
/// drops nothing). Calls the host's for all that is not ours.
pub fn object_finalized(handle: *mut c_void) {
    let host = functions::cxa_finalize();
    if !handle.is_null() {
        LIST.drop_owned_by(handle);
        if LIST.slots().any(|slot| slot.number.load(Relaxed) != 0) {
            drop_unowned_of(handle, host);
        }
    }
    if let Some(function) = host {
        // SAFETY: the host's function, with its caller's handle.
        unsafe { function(handle) };
    }
}

/// Handlers from [`register_unowned`] go by the key of the object the handle
/// lies in; the host knows them by that key too.
fn drop_unowned_of(handle: *mut c_void, host: Option<functions::CxaFinalize>) {
    let Some(object) = elf::object_of(handle) else { return };
    let key = object.key();
    let registered =
        |slot: &Slot| slot.number.load(Acquire) != 0 && slot.owner.load(Relaxed) == key;
    if LIST.slots().any(registered) {
        LIST.drop_owned_by(key);
        if let Some(function) = host {
            // SAFETY: finalizing a handle without destructors of its own only
            // drops the fork handlers registered under it.
            unsafe { function(key) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    static SEEN: Mutex<Vec<char>> = Mutex::new(Vec::new());

    macro_rules! handler {
        ($name:ident, $mark:literal) => {
            unsafe extern "C" fn $name() {
                SEEN.lock().unwrap().push($mark);
            }
        };
    }
    handler!(a, 'a');
    handler!(b, 'b');
    handler!(c, 'c');

    fn list() -> Box<List> {
        Box::new(List { first: Block::new(), last_number: AtomicU64::new(0) })
    }

    fn trace(list: &List, phase: Phase, last: u64) -> String {
        SEEN.lock().unwrap().clear();
        list.run(phase, last);
        SEEN.lock().unwrap().iter().collect()
    }

    // One test: the handlers share what they saw.
    #[test]
    fn order_removal_and_rounds() {
        let list = list();
        let (x, y) = (8 as *mut c_void, 16 as *mut c_void);
        for (handler, owner) in [(a as unsafe extern "C" fn(), x), (b, y), (c, x)] {
            list.add([Some(handler); 3], owner).unwrap();
        }
        assert_eq!(trace(&list, Phase::Prepare, 3), "cba");
        assert_eq!(trace(&list, Phase::Parent, 3), "abc");
        assert_eq!(trace(&list, Phase::Child, 3), "abc");
        assert_eq!(trace(&list, Phase::Child, 2), "ab", "registered after prepare");

        list.drop_owned_by(x);
        assert_eq!(trace(&list, Phase::Prepare, 3), "b");
        // A freed slot is used again, and still comes last.
        list.add([Some(a), None, Some(a)], y).unwrap();
        assert_eq!(trace(&list, Phase::Prepare, 4), "ab");
        assert_eq!(trace(&list, Phase::Parent, 4), "b");
        assert_eq!(trace(&list, Phase::Child, 4), "ba");

        // More than a block holds.
        list.drop_owned_by(y);
        for _ in 0..SLOTS + 1 {
            list.add([Some(a), Some(b), None], y).unwrap();
        }
        list.add([Some(c), Some(c), None], y).unwrap();
        let last = list.last_number.load(Relaxed);
        assert_eq!(trace(&list, Phase::Parent, last), "b".repeat(SLOTS + 1) + "c");
        assert!(trace(&list, Phase::Prepare, last).starts_with("ca"));
        assert_eq!(trace(&list, Phase::Child, last), "");
    }
}
