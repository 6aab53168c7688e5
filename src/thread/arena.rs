// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where entries and slots lie, and how a slot's memory comes and goes.
//!
//! An arena is one reserved mapping: entries, then slots of one size, the lowest
//! page of each its guard. Slots are opened [`TOGETHER`] where the kernel has
//! guards that are marks in the page table (MADV_GUARD_INSTALL, Linux 6.13), and
//! stay open then; elsewhere one by one, each a mapping between others. Measured
//! with 10 000 threads: 2.5 µs less for each, and a mapping for all of them
//! instead of two for each.

use super::attributes::DEFAULT_STACK;
use super::entry::Entry;
use super::held::Held;
use crate::host::{align_up, page_size};
use crate::uapi::{Errno, pages};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize};

/// The first arena's size; each is twice as large as the one before. Reserved
/// addresses cost nothing but themselves.
#[cfg(target_pointer_width = "64")]
const FIRST_ARENA: usize = 128 << 20;
#[cfg(target_pointer_width = "32")]
const FIRST_ARENA: usize = 8 << 20;

const ARENAS: usize = 16;
const SLOT_BITS: u32 = 24;
/// How many slots are opened by one call.
const TOGETHER: usize = 16;

/// A reserved mapping and what is known of it. Changed under the lock.
pub struct Arena {
    entries: AtomicPtr<Entry>,
    /// Whole mapping, from the entries on.
    mapped: AtomicUsize,
    /// The first slot.
    base: AtomicUsize,
    slot_size: AtomicUsize,
    /// Bytes in each slot that do not belong to the stack.
    room: AtomicUsize,
    /// How many slots; set last, 0 for no arena.
    count: AtomicUsize,
    /// How many of them were ever used.
    used: AtomicUsize,
    /// How many of them, from the first on, are open for good.
    open: AtomicUsize,
}

static TABLE: [Arena; ARENAS] = [const {
    Arena {
        entries: AtomicPtr::new(null_mut()),
        mapped: AtomicUsize::new(0),
        base: AtomicUsize::new(0),
        slot_size: AtomicUsize::new(0),
        room: AtomicUsize::new(0),
        count: AtomicUsize::new(0),
        used: AtomicUsize::new(0),
        open: AtomicUsize::new(0),
    }
}; ARENAS];

/// How many arenas of the table were ever there: no thread is in a later one.
static ADDED: AtomicUsize = AtomicUsize::new(0);

/// Whether slots are opened one by one: the kernel has no such guards, or not in
/// this process's memory (mlockall(2), a filter, a limit).
static ONE_BY_ONE: AtomicBool = AtomicBool::new(false);

/// An entry and its slot.
#[derive(Clone, Copy)]
pub struct Slot {
    /// The entry, which may be free.
    pub entry: &'static Entry,
    /// The entry's number.
    pub number: u32,
    /// Lowest usable byte, above the guard.
    pub low: usize,
    /// Behind the last byte.
    pub end: usize,
    /// The arena it is in.
    pub arena: &'static Arena,
}

/// The slot of that number, in use or free.
pub fn slot(number: u32) -> Option<Slot> {
    TABLE.get((number >> SLOT_BITS) as usize)?.slot(number)
}

/// The slot an address is in. Async-signal-safe; no system call.
pub fn slot_around(address: usize) -> Option<Slot> {
    numbered().take(ADDED.load(Acquire)).find_map(|(arena, number)| {
        let count = arena.count.load(Acquire);
        let size = arena.slot_size.load(Relaxed);
        let index = address.wrapping_sub(arena.base.load(Relaxed)).checked_div(size)?;
        if index < count { arena.slot(number | index as u32) } else { None }
    })
}

/// All arenas that there may be, with the number of each one's first slot.
pub fn numbered() -> impl Iterator<Item = (&'static Arena, u32)> {
    TABLE.iter().zip((0u32..).map(|number| number << SLOT_BITS))
}

/// The next slot that was never used, in an arena where `room` fits. EAGAIN where
/// there is no more room.
pub fn unused(lock: &Held, room: usize) -> Result<Slot, Errno> {
    if let Some(slot) = next_unused(lock, room) {
        return Ok(slot);
    }
    add(room)?;
    next_unused(lock, room).ok_or(Errno::EAGAIN)
}

fn next_unused(lock: &Held, room: usize) -> Option<Slot> {
    numbered().find_map(|(arena, number)| {
        let used = arena.used.load(Relaxed);
        if !arena.has_room(room) || used >= arena.count.load(Relaxed) {
            return None;
        }
        if used == arena.open.load(Relaxed) && lock.advice_is_taken() {
            arena.open_more(used);
        }
        arena.used.store(used + 1, Relaxed);
        arena.slot(number | used as u32)
    })
}

fn add(room: usize) -> Result<(), Errno> {
    let page = page_size();
    // Every object that is loaded may want more room, and there are only so many
    // arenas: twice as much then, which costs addresses.
    let most = TABLE.iter().map(|arena| arena.room.load(Relaxed)).max().unwrap_or(0);
    let room = if room > most { align_up(room, page).max(2 * most) } else { align_up(room, page) };
    let slot_size = page + align_up(DEFAULT_STACK, page) + room;
    let (arena, number) = TABLE
        .iter()
        .zip(0..)
        .find(|(arena, _)| arena.count.load(Relaxed) == 0)
        .ok_or(Errno::EAGAIN)?;
    let mut size = (FIRST_ARENA << number).max(slot_size);
    loop {
        let count = size.checked_div(slot_size).unwrap_or(0).min(1 << SLOT_BITS);
        let entries = align_up(count * size_of::<Entry>(), page);
        let mapped = entries + count * slot_size;
        // Where the limit on addresses (RLIMIT_AS) leaves no room for so many, fewer.
        let memory = match pages::reserve(mapped) {
            _ if count == 0 => return Err(Errno::EAGAIN),
            Err(_) => {
                size /= 2;
                continue;
            }
            Ok(memory) => memory,
        };
        // SAFETY: reserved just now.
        if unsafe { pages::open_memory(memory, entries) }.is_err() {
            // SAFETY: no other thread has seen it.
            unsafe { pages::unmap_pages(memory as *mut _, mapped) };
            return Err(Errno::EAGAIN);
        }
        arena.entries.store(memory as *mut Entry, Relaxed);
        arena.mapped.store(mapped, Relaxed);
        arena.base.store(memory + entries, Relaxed);
        arena.slot_size.store(slot_size, Relaxed);
        arena.room.store(room, Relaxed);
        arena.used.store(0, Relaxed);
        arena.open.store(0, Relaxed);
        arena.count.store(count, Release);
        ADDED.fetch_max(number + 1, AcqRel);
        return Ok(());
    }
}

impl Arena {
    fn slot(&'static self, number: u32) -> Option<Slot> {
        let index = index(number);
        if index >= self.count.load(Acquire) {
            return None;
        }
        let size = self.slot_size.load(Relaxed);
        let low = self.base.load(Relaxed) + index * size;
        // SAFETY: an arena has an entry for each slot.
        let entry = unsafe { &*self.entries.load(Relaxed).add(index) };
        Some(Slot { entry, number, low: low + page_size(), end: low + size, arena: self })
    }

    /// Whether a slot has that many bytes besides the stack.
    pub fn has_room(&self, room: usize) -> bool {
        self.room.load(Relaxed) >= room
    }

    /// The slots that were ever used; `first` is the number of the arena's first.
    pub fn all_used(&'static self, first: u32) -> impl Iterator<Item = Slot> {
        (0..self.used.load(Relaxed)).map_while(move |index| self.slot(first | index as u32))
    }

    /// Opens the next slots, guards first: memory that is locked as it becomes
    /// accessible takes none.
    fn open_more(&self, first: usize) {
        if ONE_BY_ONE.load(Relaxed) {
            return;
        }
        let size = self.slot_size.load(Relaxed);
        let count = TOGETHER.min(self.count.load(Relaxed) - first);
        let start = self.base.load(Relaxed) + first * size;
        let mut guards = (0..count).map(|index| start + index * size);
        // SAFETY: slots that were never used.
        let opened = unsafe {
            guards.all(|guard| pages::install_guard(guard, page_size()).is_ok())
                && pages::open_memory(start, count * size).is_ok()
        };
        if opened {
            self.open.store(first + count, Relaxed);
        } else {
            ONE_BY_ONE.store(true, Relaxed);
        }
    }

    /// Gives everything back; there is no arena then.
    ///
    /// # Safety
    /// No thread of this process may be in it.
    pub unsafe fn drop_all(&self) {
        if self.count.swap(0, Relaxed) != 0 {
            let entries = self.entries.load(Relaxed);
            self.used.store(0, Relaxed);
            // SAFETY: by the contract.
            unsafe { pages::unmap_pages(entries.cast(), self.mapped.load(Relaxed)) };
        }
    }
}

fn index(number: u32) -> usize {
    (number & ((1 << SLOT_BITS) - 1)) as usize
}

impl Slot {
    /// Address and size of the memory in the slot.
    pub fn memory(&self) -> [usize; 2] {
        [self.low, self.end - self.low]
    }

    /// Whether its memory can be accessed, whatever becomes of it.
    pub fn stays_open(&self) -> bool {
        index(self.number) < self.arena.open.load(Relaxed)
    }

    /// Makes sure that its memory can be accessed. EAGAIN.
    pub fn open(&self) -> Result<(), Errno> {
        if !self.stays_open() {
            let [low, len] = self.memory();
            // SAFETY: the slot is free.
            unsafe { pages::open_memory(low, len) }.map_err(|_| Errno::EAGAIN)?;
        }
        self.entry.has_memory.store(1, Relaxed);
        Ok(())
    }

    /// Gives the slot's memory back.
    ///
    /// # Safety
    /// Its thread must have gone from this process.
    pub unsafe fn empty(&self) {
        let [low, len] = self.memory();
        self.entry.has_memory.store(0, Relaxed);
        // SAFETY: by the contract.
        unsafe {
            if self.stays_open() {
                let _ = pages::advise(low, len, libc::MADV_DONTNEED);
            } else {
                pages::empty(low, len);
            }
        }
    }

    /// Gives back the thread's own stack, if it has one besides the slot's.
    ///
    /// # Safety
    /// Its thread must have gone from this process.
    pub unsafe fn unmap_own_stack(&self) {
        if self.entry.mapping[1].load(Relaxed) != 0 {
            let [address, len] = self.take_mapping();
            // SAFETY: by the contract.
            unsafe { pages::unmap_pages(address as *mut _, len) };
        }
    }

    /// The own stack's address and size, for the thread that gives it back.
    pub fn take_mapping(&self) -> [usize; 2] {
        let [address, len] = &self.entry.mapping;
        [address.swap(0, Relaxed), len.swap(0, Relaxed)]
    }
}
