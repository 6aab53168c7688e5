// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where threads' entries and slots lie, and which of them are free.
//!
//! An arena is one reserved mapping: entries, then slots of one size. A slot is
//! opened when it is first used. Free slots are kept as they are up to [`KEPT`],
//! without their pages up to [`CACHED`], and beyond that closed again.

use super::attributes::DEFAULT_STACK;
use super::entry::{Entry, Handle, Thread};
use super::store::Locked;
use crate::arch::thread_pointer;
use crate::host::{align_up, page_size};
use crate::uapi::{Errno, sys, thread};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize};

/// Free slots that keep their pages.
const KEPT: u32 = 16;
/// Free slots that stay open.
const CACHED: u32 = 64;

/// The first arena's size; each is twice as large as the one before. Reserved
/// addresses cost nothing but themselves.
#[cfg(target_pointer_width = "64")]
const FIRST_ARENA: usize = 128 << 20;
#[cfg(target_pointer_width = "32")]
const FIRST_ARENA: usize = 8 << 20;

const ARENAS: usize = 16;
const SLOT_BITS: u32 = 24;
const NONE: u32 = u32::MAX;

struct Arena {
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
    }
}; ARENAS];

/// Entries whose slot is free, as anybody gives them back. Taken all at once.
static RETURNED: AtomicU32 = AtomicU32::new(NONE);
/// The same, sorted, under the lock: slots with memory, closed ones, and those
/// whose thread has not quite gone.
static OPEN: AtomicU32 = AtomicU32::new(NONE);
static CLOSED: AtomicU32 = AtomicU32::new(NONE);
static DYING: AtomicU32 = AtomicU32::new(NONE);
/// How many free slots have memory.
static OPEN_COUNT: AtomicU32 = AtomicU32::new(0);
/// What the first thread in a new entry has for a generation. It rises in fork
/// children, where the parent's handles shall mean nobody.
static FIRST_GENERATION: AtomicU32 = AtomicU32::new(1);

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
    arena: &'static Arena,
}

impl Arena {
    fn slot(&'static self, number: u32) -> Option<Slot> {
        let index = (number & ((1 << SLOT_BITS) - 1)) as usize;
        if index >= self.count.load(Acquire) {
            return None;
        }
        let size = self.slot_size.load(Relaxed);
        let low = self.base.load(Relaxed) + index * size;
        // SAFETY: an arena has an entry for each slot.
        let entry = unsafe { &*self.entries.load(Relaxed).add(index) };
        Some(Slot { entry, number, low: low + page_size(), end: low + size, arena: self })
    }
}

fn slot(number: u32) -> Option<Slot> {
    TABLE.get((number >> SLOT_BITS) as usize)?.slot(number)
}

/// The slot of the calling thread, if it is a bare one.
///
/// Async-signal-safe; no system call.
pub fn own() -> Option<Slot> {
    let tp = thread_pointer();
    TABLE.iter().zip(0u32..).find_map(|(arena, number)| {
        let count = arena.count.load(Acquire);
        let size = arena.slot_size.load(Relaxed);
        let index = tp.wrapping_sub(arena.base.load(Relaxed)).checked_div(size)?;
        let slot = if index < count {
            arena.slot(number << SLOT_BITS | index as u32)?
        } else {
            return None;
        };
        let is_own = slot.entry.thread_pointer.load(Relaxed) == tp;
        (is_own && slot.entry.handle(0).is_some()).then_some(slot)
    })
}

/// The thread of a handle; ESRCH if there is none.
pub fn thread(handle: Handle) -> Result<Thread, Errno> {
    slot(handle as u32)
        .and_then(|slot| slot.entry.thread((handle >> 32) as u32))
        .ok_or(Errno::ESRCH)
}

/// The slot of a thread that is in use.
pub fn of(thread: &Thread, handle: Handle) -> Option<Slot> {
    slot(handle as u32).filter(|slot| core::ptr::eq(slot.entry, thread.entry))
}

impl Slot {
    /// Takes the entry for a new thread.
    pub fn occupy(&self, detached: bool) {
        self.entry.occupy(FIRST_GENERATION.load(Relaxed), detached);
    }

    /// Address and size of the memory in the slot.
    fn memory(&self) -> [usize; 2] {
        [self.low, self.end - self.low]
    }

    fn unmap_own_stack(&self) {
        let [address, len] = self.take_mapping();
        if len != 0 {
            // SAFETY: the thread it was mapped for has gone.
            unsafe { sys::unmap_pages(address as *mut _, len) };
        }
    }

    fn take_mapping(&self) -> [usize; 2] {
        let [address, len] = &self.entry.mapping;
        [address.swap(0, Relaxed), len.swap(0, Relaxed)]
    }

    /// Gives back the slot of a thread that has gone, or was never there.
    pub fn release(&self) {
        self.unmap_own_stack();
        let [low, len] = self.memory();
        match OPEN_COUNT.fetch_add(1, Relaxed) {
            0..KEPT => {}
            // SAFETY: the thread has gone, and nothing of its is wanted.
            KEPT..CACHED => unsafe {
                let _ = thread::advise(low, len, libc::MADV_DONTNEED);
            },
            _ => {
                OPEN_COUNT.fetch_sub(1, Relaxed);
                self.entry.has_memory.store(0, Relaxed);
                // SAFETY: as above.
                unsafe { thread::empty(low, len) };
            }
        }
        self.give_back();
    }

    /// Gives back the slot of the calling thread, which has to let go of two
    /// pieces of memory before it has gone: its own stack, and its slot.
    pub fn release_own(&self) -> ([usize; 2], [usize; 2]) {
        let mapping = self.take_mapping();
        let mut emptied = [0; 2];
        if OPEN_COUNT.fetch_add(1, Relaxed) >= KEPT {
            OPEN_COUNT.fetch_sub(1, Relaxed);
            self.entry.has_memory.store(0, Relaxed);
            emptied = self.memory();
        }
        self.give_back();
        (mapping, emptied)
    }

    fn give_back(&self) {
        self.entry.vacate();
        let mut head = RETURNED.load(Relaxed);
        loop {
            self.entry.next.store(head, Relaxed);
            match RETURNED.compare_exchange_weak(head, self.number, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Gives back the slot of the calling thread, which is on its way out, once the
    /// thread has gone.
    pub fn leave(&self) {
        OPEN_COUNT.fetch_add(1, Relaxed);
        self.give_back();
    }

    fn push(&self, list: &AtomicU32) {
        self.entry.next.store(list.load(Relaxed), Relaxed);
        list.store(self.number, Relaxed);
    }
}

fn pop(list: &AtomicU32) -> Option<Slot> {
    let slot = slot(list.load(Relaxed))?;
    list.store(slot.entry.next.load(Relaxed), Relaxed);
    Some(slot)
}

/// Sorts what was given back.
fn collect() {
    let lists = [&RETURNED, &DYING].map(|list| list.swap(NONE, Acquire));
    for mut number in lists {
        while let Some(slot) = slot(number) {
            number = slot.entry.next.load(Relaxed);
            let tid = slot.entry.tid.load(Acquire);
            if tid == 0 {
                slot.unmap_own_stack(); // of a thread that could not
            }
            slot.push(match tid {
                0 if slot.entry.has_memory.load(Relaxed) != 0 => &OPEN,
                0 => &CLOSED,
                _ => &DYING,
            });
        }
    }
}

/// Takes a slot with so many bytes besides the stack; true if its memory was used
/// before. EAGAIN where there is no more room.
pub fn take(_: &Locked, room: usize) -> Result<(Slot, bool), Errno> {
    collect();
    let fits = |slot: &Slot| slot.arena.room.load(Relaxed) >= room;
    while let Some(slot) = pop(&OPEN) {
        OPEN_COUNT.fetch_sub(1, Relaxed);
        if fits(&slot) {
            return Ok((slot, true));
        }
        // Made before an object with more TLS was loaded: of no use any more.
        let [low, len] = slot.memory();
        // SAFETY: the slot is free.
        unsafe { thread::empty(low, len) };
    }
    while let Some(slot) = pop(&CLOSED) {
        if fits(&slot) {
            return open(slot);
        }
    }
    match unused(room) {
        Some(slot) => open(slot),
        None => {
            add_arena(room)?;
            unused(room).ok_or(Errno::EAGAIN).and_then(open)
        }
    }
}

fn open(slot: Slot) -> Result<(Slot, bool), Errno> {
    let [low, len] = slot.memory();
    // SAFETY: the slot is free.
    match unsafe { thread::open_memory(low, len) } {
        Ok(()) => {
            slot.entry.has_memory.store(1, Relaxed);
            Ok((slot, false))
        }
        Err(_) => {
            slot.push(&CLOSED);
            Err(Errno::EAGAIN)
        }
    }
}

/// The next slot of an arena that was never used.
fn unused(room: usize) -> Option<Slot> {
    TABLE.iter().zip(0u32..).find_map(|(arena, number)| {
        let used = arena.used.load(Relaxed);
        if arena.room.load(Relaxed) < room || used >= arena.count.load(Relaxed) {
            return None;
        }
        arena.used.store(used + 1, Relaxed);
        arena.slot(number << SLOT_BITS | used as u32)
    })
}

fn add_arena(room: usize) -> Result<(), Errno> {
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
    let mut size = FIRST_ARENA << number;
    loop {
        let count = size.checked_div(slot_size).unwrap_or(0).min(1 << SLOT_BITS);
        let entries = align_up(count * size_of::<Entry>(), page);
        let mapped = entries + count * slot_size;
        // Where the limit on addresses (RLIMIT_AS) leaves no room for so many, fewer.
        let memory = match thread::reserve(mapped) {
            _ if count == 0 => return Err(Errno::EAGAIN),
            Err(_) => {
                size /= 2;
                continue;
            }
            Ok(memory) => memory,
        };
        // SAFETY: reserved just now.
        if unsafe { thread::open_memory(memory, entries) }.is_err() {
            // SAFETY: nobody saw it.
            unsafe { sys::unmap_pages(memory as *mut _, mapped) };
            return Err(Errno::EAGAIN);
        }
        arena.entries.store(memory as *mut Entry, Relaxed);
        arena.mapped.store(mapped, Relaxed);
        arena.base.store(memory + entries, Relaxed);
        arena.slot_size.store(slot_size, Relaxed);
        arena.room.store(room, Relaxed);
        arena.used.store(0, Relaxed);
        arena.count.store(count, Release);
        return Ok(());
    }
}

/// In a fork child: gives back what belonged to the parent's threads. The calling
/// thread, if it is a bare one, is still here and keeps its slot, its handle and
/// its arena.
///
/// The lock is held; nobody else is looking.
pub fn forget_parent() {
    let own = own();
    FIRST_GENERATION.store(newest_generation(), Relaxed);
    for list in [&RETURNED, &OPEN, &CLOSED, &DYING] {
        list.store(NONE, Relaxed);
    }
    OPEN_COUNT.store(0, Relaxed);
    for (arena, number) in TABLE.iter().zip(0u32..) {
        let keeps = own.is_some_and(|own| core::ptr::eq(own.arena, arena));
        for index in 0..arena.used.load(Relaxed) {
            let Some(slot) = arena.slot(number << SLOT_BITS | index as u32) else { break };
            if own.is_some_and(|own| own.number == slot.number) {
                slot.become_main();
                continue;
            }
            slot.unmap_own_stack();
            if keeps {
                slot.close();
            }
        }
        if !keeps {
            arena.drop_all();
        }
    }
}

/// A generation that no handle of the parent's has.
fn newest_generation() -> u32 {
    TABLE
        .iter()
        .zip(0u32..)
        .flat_map(|(arena, number)| {
            (0..arena.used.load(Relaxed))
                .filter_map(move |index| arena.slot(number << SLOT_BITS | index as u32))
        })
        .map(|slot| slot.entry.next_generation())
        .fold(FIRST_GENERATION.load(Relaxed), u32::max)
}

impl Slot {
    /// Of the calling thread, in a fork child: it has a new id, which the kernel is
    /// to clear as its parent's, and nobody joins it.
    fn become_main(&self) {
        let entry = self.entry;
        entry.tid.store(sys::gettid() as u32, Relaxed);
        entry.unclaim();
        // SAFETY: an entry is never unmapped while its thread runs. The libc does
        // not join a thread that it does not know.
        unsafe { sys::set_tid_address(entry.tid.as_ptr().cast()) };
    }

    /// Makes a slot of the parent's free and without memory.
    fn close(&self) {
        let [low, len] = self.memory();
        self.entry.vacate();
        self.entry.tid.store(0, Relaxed);
        if self.entry.has_memory.swap(0, Relaxed) != 0 {
            // SAFETY: its thread is not in this process.
            unsafe { thread::empty(low, len) };
        }
        self.push(&CLOSED);
    }
}

impl Arena {
    fn drop_all(&self) {
        if self.count.swap(0, Relaxed) != 0 {
            let entries = self.entries.load(Relaxed);
            self.used.store(0, Relaxed);
            // SAFETY: the parent's threads are not in this process.
            unsafe { sys::unmap_pages(entries.cast(), self.mapped.load(Relaxed)) };
        }
    }
}
