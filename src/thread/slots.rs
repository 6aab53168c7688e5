// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which slots are free, and whose the others are.
//!
//! Free slots are kept as they are up to [`KEPT`], without their pages up to
//! [`CACHED`], and beyond that closed again where they can be.

pub use super::arena::Slot;
use super::arena::{self, slot};
use super::entry::{Handle, Thread};
use super::held::Held;
use crate::arch::{Emptying, thread_pointer};
use crate::uapi::{Errno, pages, sys};
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Free slots that keep their pages.
const KEPT: u32 = 16;
/// Free slots that stay open.
const CACHED: u32 = 64;

const NONE: u32 = u32::MAX;

/// Entries whose slot is free, as any thread gives them back. Taken all at once.
static RETURNED: AtomicU32 = AtomicU32::new(NONE);
/// The same, sorted, under the lock: slots with memory, those without, and those
/// whose thread has not quite gone.
static OPEN: AtomicU32 = AtomicU32::new(NONE);
static CLOSED: AtomicU32 = AtomicU32::new(NONE);
static DYING: AtomicU32 = AtomicU32::new(NONE);
/// How many free slots have memory.
static OPEN_COUNT: AtomicU32 = AtomicU32::new(0);
/// What the first thread in a new entry has for a generation. It rises in fork
/// children, where handles inherited from the parent must be stale.
static FIRST_GENERATION: AtomicU32 = AtomicU32::new(1);

/// The slot of the calling thread, if it is a bare one.
///
/// Async-signal-safe; no system call.
pub fn own() -> Option<Slot> {
    let tp = thread_pointer();
    let slot = arena::slot_around(tp)?;
    let is_own = slot.entry.thread_pointer.load(Relaxed) == tp;
    (is_own && slot.entry.handle(0).is_some()).then_some(slot)
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

/// Takes a slot with so many bytes besides the stack; true if its memory was used
/// before. EAGAIN where there is no more room.
pub fn take(lock: &Held, room: usize) -> Result<(Slot, bool), Errno> {
    collect();
    while let Some(slot) = pop(&OPEN) {
        OPEN_COUNT.fetch_sub(1, Relaxed);
        if slot.arena.has_room(room) {
            return Ok((slot, true));
        }
        // Made before an object with more TLS was loaded: of no use any more.
        // SAFETY: the slot is free.
        unsafe { slot.empty() };
    }
    while let Some(slot) = pop(&CLOSED) {
        if slot.arena.has_room(room) {
            // A filter that has come since may have kept madvise(2) from emptying.
            return open(slot, slot.stays_open());
        }
    }
    open(arena::unused(lock, room)?, false)
}

fn open(slot: Slot, used: bool) -> Result<(Slot, bool), Errno> {
    slot.open().inspect_err(|_| slot.push(&CLOSED))?;
    Ok((slot, used))
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
                // SAFETY: the thread has gone, but could not give it back itself.
                unsafe { slot.unmap_own_stack() };
            }
            slot.push(match tid {
                0 if slot.entry.has_memory.load(Relaxed) != 0 => &OPEN,
                0 => &CLOSED,
                _ => &DYING,
            });
        }
    }
}

impl Slot {
    /// Takes the entry for a new thread.
    pub fn occupy(&self, detached: bool) {
        self.entry.occupy(FIRST_GENERATION.load(Relaxed), detached);
    }

    /// Gives back the slot of a thread that has gone, or was never there.
    pub fn release(&self) {
        let [low, len] = self.memory();
        // SAFETY: the thread has gone, and nothing of its is wanted.
        unsafe {
            self.unmap_own_stack();
            match OPEN_COUNT.fetch_add(1, Relaxed) {
                0..KEPT => {}
                KEPT..CACHED => {
                    let _ = pages::advise(low, len, libc::MADV_DONTNEED);
                }
                _ => {
                    OPEN_COUNT.fetch_sub(1, Relaxed);
                    self.empty();
                }
            }
        }
        self.give_back();
    }

    /// Gives back the slot of the calling thread, which has to let go of two
    /// pieces of memory before it has gone: its own stack, and its slot.
    pub fn release_own(&self) -> ([usize; 2], [usize; 2], Emptying) {
        let mapping = self.take_mapping();
        let mut emptied = [0; 2];
        if OPEN_COUNT.fetch_add(1, Relaxed) >= KEPT {
            OPEN_COUNT.fetch_sub(1, Relaxed);
            self.entry.has_memory.store(0, Relaxed);
            emptied = self.memory();
        }
        let how = if self.stays_open() { Emptying::Pages } else { Emptying::Access };
        self.give_back();
        (mapping, emptied, how)
    }

    /// Gives back the slot of the calling thread, which is on its way out, once the
    /// thread has gone.
    pub fn leave(&self) {
        OPEN_COUNT.fetch_add(1, Relaxed);
        self.give_back();
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

    fn push(&self, list: &AtomicU32) {
        self.entry.next.store(list.load(Relaxed), Relaxed);
        list.store(self.number, Relaxed);
    }

    /// Of the calling thread, in a fork child: it has a new id, which the kernel is
    /// to clear as its parent's, and no thread joins it.
    fn become_main(&self) {
        let entry = self.entry;
        entry.tid.store(sys::gettid() as u32, Relaxed);
        entry.unclaim();
        // SAFETY: an entry is never unmapped while its thread runs. The libc does
        // not join a thread that it does not know.
        unsafe { sys::set_tid_address(entry.tid.as_ptr().cast()) };
    }

    /// In a fork child: makes a slot of the parent's free and without memory.
    fn close(&self) {
        self.entry.vacate();
        self.entry.tid.store(0, Relaxed);
        if self.entry.has_memory.load(Relaxed) != 0 {
            // SAFETY: its thread is not in this process.
            unsafe { self.empty() };
        }
        self.push(&CLOSED);
    }
}

/// In a fork child: gives back what belonged to the parent's threads. The calling
/// thread, if it is a bare one, is still here and keeps its slot, its handle and
/// its arena.
///
/// No other thread may be looking.
pub fn forget_parent(_: &Held) {
    let own = own();
    FIRST_GENERATION.store(newest_generation(), Relaxed);
    for list in [&RETURNED, &OPEN, &CLOSED, &DYING] {
        list.store(NONE, Relaxed);
    }
    OPEN_COUNT.store(0, Relaxed);
    for (arena, first) in arena::numbered() {
        let keeps = own.is_some_and(|own| core::ptr::eq(own.arena, arena));
        for slot in arena.all_used(first) {
            if own.is_some_and(|own| own.number == slot.number) {
                slot.become_main();
                continue;
            }
            // SAFETY: its thread is not in this process.
            unsafe { slot.unmap_own_stack() };
            if keeps {
                slot.close();
            }
        }
        if !keeps {
            // SAFETY: the parent's threads are not in this process.
            unsafe { arena.drop_all() };
        }
    }
}

/// A generation that no handle of the parent's has.
fn newest_generation() -> u32 {
    arena::numbered()
        .flat_map(|(arena, first)| arena.all_used(first))
        .map(|slot| slot.entry.next_generation())
        .fold(FIRST_GENERATION.load(Relaxed), u32::max)
}
