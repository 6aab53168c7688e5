// SPDX-License-Identifier: MIT OR Apache-2.0
//! The route of each thread's last call: "asked for X, got Y because Z".
//!
//! The library has no thread-local storage (it could not be loaded by dlopen late, and
//! threads made by bare system calls have none). So the records are in a table of words,
//! each with its thread's id in it. They are read and written atomically, and are safe in
//! signal handlers. The word of an ended thread is reused.

use crate::uapi::sys::Pid;
use crate::uapi::{Errno, pages, task};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use core::sync::atomic::{AtomicPtr, AtomicU64};

/// The rung of the ladder that a call ended on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Rung {
    /// No call yet, or one that was refused before the kernel was asked.
    None = 0,
    /// clone3(2) with the caller's own struct, or with the library's.
    Native = 1,
    /// clone3(2) with fewer bytes than asked for.
    Smaller = 2,
    /// clone(2).
    Legacy = 3,
    /// The host libc's own function.
    Host = 4,
}

impl Rung {
    fn from_bits(bits: u64) -> Rung {
        match bits & 7 {
            1 => Rung::Native,
            2 => Rung::Smaller,
            3 => Rung::Legacy,
            4 => Rung::Host,
            _ => Rung::None,
        }
    }
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The last rung that was tried.
    pub rung: Rung,
    /// The errno for which the previous rung was left; 0 on the first.
    pub cause: u16,
    /// Bytes of clone_args given to the kernel; 0 where it was not clone3.
    pub size: u32,
    /// Emulated flags, as `emulate::bits` packs them.
    pub emulated: u8,
}

impl Record {
    /// No call yet.
    pub const NONE: Record = Record { rung: Rung::None, cause: 0, size: 0, emulated: 0 };

    /// The record of a thread in one word, which is never 0: a tid has 22 bits
    /// (PID_MAX_LIMIT), an errno 12, the size of a page at most 17.
    fn pack(self, tid: Pid) -> u64 {
        u64::from(tid as u32) & TID
            | (self.rung as u64) << 22
            | u64::from(self.cause & 0xfff) << 25
            | u64::from(self.size & 0x1ffff) << 37
            | u64::from(self.emulated) << 54
    }

    fn unpack(word: u64) -> Record {
        Record {
            rung: Rung::from_bits(word >> 22),
            cause: (word >> 25 & 0xfff) as u16,
            size: (word >> 37 & 0x1ffff) as u32,
            emulated: (word >> 54 & 0xff) as u8,
        }
    }
}

const TID: u64 = (1 << 22) - 1;
const SLOTS: usize = 511;
/// A thread's word is among this many, from the place that its id hashes to.
const REACH: usize = 8;

/// A page of the table. More are added when many threads are alive at once.
#[repr(C, align(64))]
struct Page {
    words: [AtomicU64; SLOTS],
    next: AtomicPtr<Page>,
}

static FIRST: Page =
    Page { words: [const { AtomicU64::new(0) }; SLOTS], next: AtomicPtr::new(null_mut()) };

impl Page {
    /// The words that may be a thread's.
    fn near(&self, tid: Pid) -> impl Iterator<Item = &AtomicU64> {
        let start = tid as usize % SLOTS;
        self.words.iter().cycle().skip(start).take(REACH)
    }

    /// Claims the first word near a thread's place whose content may be overwritten.
    fn claim(&self, tid: Pid, value: u64, free: impl Fn(u64) -> bool) -> bool {
        self.near(tid).any(|word| {
            let old = word.load(Relaxed);
            free(old) && word.compare_exchange(old, value, Relaxed, Relaxed).is_ok()
        })
    }

    /// The next page, mapped if there is none.
    fn next_or_new(&self) -> Option<&Page> {
        if let Some(next) = self.next() {
            return Some(next);
        }
        let fresh: *mut Page = pages::map_pages(size_of::<Page>()).ok()?.cast();
        // Zeroes are empty words and no next page.
        if self.next.compare_exchange(null_mut(), fresh, AcqRel, Acquire).is_err() {
            // SAFETY: mapped just now, and not published.
            unsafe { pages::unmap_pages(fresh.cast(), size_of::<Page>()) };
        }
        self.next()
    }

    fn next(&self) -> Option<&Page> {
        // SAFETY: null or a page that is never unmapped, zeroed when published.
        unsafe { self.next.load(Acquire).as_ref() }
    }
}

#[inline(never)]
#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
fn word_of(tid: Pid) -> Option<&'static AtomicU64> {
    let mut page = Some(&FIRST);
    while let Some(here) = page {
        if let Some(word) = here.near(tid).find(|word| word.load(Relaxed) & TID == tid as u64) {
            return Some(word);
        }
        page = here.next();
    }
    None
}

/// Takes an empty word, or that of a thread that has ended. If a signal handler has taken
/// one for this thread meanwhile, that one is found first.
#[cold]
#[inline(never)]
fn take_word(tid: Pid, value: u64) {
    let mut page = Some(&FIRST);
    let empty = |old: u64| old == 0;
    let dead = |old: u64| !task::is_own_thread((old & TID) as Pid);
    while let Some(here) = page {
        if here.claim(tid, value, empty) || here.claim(tid, value, dead) {
            return;
        }
        page = here.next_or_new();
    }
    // No memory: the call goes unreported.
}

/// Records the route of a call of the calling thread, whose id is given. Writes only on a
/// change: writing after a fork copies the page.
#[inline(never)]
#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
pub fn record(tid: Pid, record: Record) {
    let value = record.pack(tid);
    loop {
        let Some(word) = word_of(tid) else { return take_word(tid, value) };
        let before = word.load(Relaxed);
        // The word may be that of an ended thread with this id, which another thread may
        // claim now.
        let is_own = before & TID == tid as u64;
        if before == value
            || is_own && word.compare_exchange(before, value, Relaxed, Relaxed).is_ok()
        {
            return;
        }
    }
}

/// Adds emulated flags to what was recorded last.
pub fn add_emulated(tid: Pid, emulated: u8) {
    let last = last(tid);
    let cause = if last.cause == 0 { Errno::EINVAL.0 as u16 } else { last.cause };
    record(tid, Record { emulated: last.emulated | emulated, cause, ..last });
}

/// What became of the calling thread's last call.
pub fn last(tid: Pid) -> Record {
    word_of(tid).map_or(Record::NONE, |word| Record::unpack(word.load(Relaxed)))
}

/// In a new process: a report under this thread's id may be that of an ancestor's thread.
pub fn forget(tid: Pid) {
    if let Some(word) = word_of(tid) {
        word.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uapi::sys;

    #[test]
    fn a_word_holds_a_record() {
        let record = Record { rung: Rung::Smaller, cause: 4095, size: 65536, emulated: 0xff };
        let word = record.pack(1 << 22);
        assert_eq!(Record::unpack(word), record);
        assert_eq!(word & TID, 0, "tids stay below 2^22");
        assert_eq!(Record::unpack(Record::NONE.pack(7)), Record::NONE);
    }

    #[test]
    fn every_thread_has_its_own() {
        let threads: Vec<_> = (1..=40u16)
            .map(|cause| {
                std::thread::spawn(move || {
                    let tid = sys::gettid();
                    assert_eq!(last(tid), Record::NONE);
                    let mine = Record { rung: Rung::Legacy, cause, size: 0, emulated: 0 };
                    for _ in 0..100 {
                        record(tid, mine);
                        std::thread::yield_now();
                        assert_eq!(last(tid), mine);
                    }
                    forget(tid);
                    assert_eq!(last(tid), Record::NONE);
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}
