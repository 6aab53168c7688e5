// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page that a child with its own memory shares with its parent.
//!
//! Its word tells how far the child is, and the parent sleeps on it:
//!
//! | word | meaning |
//! |---|---|
//! | 0 | it has not begun |
//! | its thread id, FUTEX_WAITERS | it is at work |
//! | `ASKS` | it waits for its id maps |
//! | `MAY_GO_ON`, `MUST_END` | the parent's answer |
//! | `IS_THERE` | its steps are done, and it runs a function |
//! | FUTEX_OWNER_DIED | it has executed a program, or ended |
//!
//! The last is the kernel's: the word is in the child's robust list, which execve(2) and
//! exit(2) go through (kernel/futex/core.c, exit_robust_list). It costs no descriptor,
//! of which the child could have none to spare, and which other children could inherit.
//!
//! Before exec a child may have ids that are not the caller's, and be in the hands of
//! somebody who has them. So to the parent what is here is hearsay: a word with no
//! meaning is as none, numbers are checked (`Failure::from_words`), and nothing that
//! the parent does with its own rights is taken from here.

use super::failure::{Failure, Words};
use crate::uapi::futex::{self, Futex};
use crate::uapi::sys::{self, RobustListHead};
use crate::uapi::{Errno, pages, task};
use core::ffi::{c_int, c_long, c_void};
use core::mem::size_of;
use core::ptr::null_mut;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Release};

#[repr(C)]
struct Page {
    word: AtomicU32,
    failure: Words,
    list: RobustListHead,
    /// The one entry of the list.
    entry: *mut c_void,
}

const WAITERS: u32 = 0x8000_0000;
const OWNER_DIED: u32 = 0x4000_0000;
// No thread's id is as high (include/linux/threads.h, PID_MAX_LIMIT).
const ASKS: u32 = 0x3f00_0001;
const MAY_GO_ON: u32 = 0x3f00_0002;
const MUST_END: u32 = 0x3f00_0003;
const IS_THERE: u32 = 0x3f00_0004;

const SIZE: usize = 4096;
const _: () = assert!(size_of::<Page>() <= SIZE);

/// The mapping, in parent and child.
pub struct SharedPage(*mut Page);

/// What the parent sees in the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing new.
    AtWork(u32),
    /// It waits for its id maps.
    Asks(u32),
    /// It runs its function.
    IsThere,
    /// It has executed or ended.
    IsGone,
}

impl SharedPage {
    /// Zeroes: a child that has not begun, and no failure.
    pub fn map() -> Result<SharedPage, Errno> {
        pages::map_shared_pages(SIZE).map(|page| SharedPage(page.cast()))
    }

    fn word(&self) -> &AtomicU32 {
        // SAFETY: mapped until this is dropped.
        unsafe { &(*self.0).word }
    }

    /// For the parent.
    pub fn look(&self) -> Seen {
        match self.word().load(Acquire) {
            ASKS => Seen::Asks(ASKS),
            IS_THERE => Seen::IsThere,
            word if word & OWNER_DIED != 0 => Seen::IsGone,
            word => Seen::AtWork(word),
        }
    }

    /// The parent's sleep, until the word changes, a signal comes or time is up.
    pub fn sleep(&self, word: u32, milliseconds: c_long) {
        futex::wait_briefly(self.word(), word, Futex::Shared, milliseconds);
    }

    /// What the child said of its failure, if it did.
    pub fn failure(&self) -> Option<Failure> {
        // SAFETY: plain numbers in the page; volatile, as others write there.
        Failure::from_words(unsafe { (&raw const (*self.0).failure).read_volatile() })
    }

    /// The parent's answer to a child that asks.
    pub fn answer(&self, may_go_on: bool) {
        let answer = if may_go_on { MAY_GO_ON } else { MUST_END };
        _ = self.word().compare_exchange(ASKS, answer, AcqRel, Acquire);
        futex::wake(self.word(), c_int::MAX, Futex::Shared);
    }

    /// The child's first act, if it is to execute: has the kernel say so.
    pub fn enlist(&self) {
        self.at_work();
        // SAFETY: the page is the child's until its memory is gone. The kernel reads
        // the list there, and adds the offset to the entry's address for the word's.
        unsafe {
            let list = &raw mut (*self.0).list;
            let entry = &raw mut (*self.0).entry;
            let offset = (&raw const (*self.0).word).byte_offset_from(entry);
            entry.write(list.cast());
            let head = RobustListHead {
                list: entry.cast(),
                futex_offset: offset,
                list_op_pending: null_mut(),
            };
            list.write(head);
            sys::set_robust_list(list, size_of::<RobustListHead>());
        }
    }

    /// The kernel looks whether it is this child's id. The child has one thread, whose id
    /// is the process's; a filter's errno in place of both would look like an end.
    fn at_work(&self) {
        let id = [sys::gettid, task::getpid].into_iter().map(|ask| ask()).find(|&id| id > 0);
        self.word().store(id.unwrap_or(0) as u32 | WAITERS, Release);
    }

    /// The child's question, and its wait: whether it may go on. It looks from time to
    /// time whether its parent is there to answer.
    pub fn ask(&self, is_orphaned: impl Fn() -> bool) -> bool {
        self.word().store(ASKS, Release);
        futex::wake(self.word(), c_int::MAX, Futex::Shared);
        while self.word().load(Acquire) == ASKS {
            if is_orphaned() {
                return false;
            }
            futex::wait_briefly(self.word(), ASKS, Futex::Shared, A_WHILE);
        }
        let may_go_on = self.word().load(Acquire) == MAY_GO_ON;
        self.at_work();
        may_go_on
    }

    /// The child's last word. The parent reads it when the child is gone.
    pub fn tell(&self, failure: Failure) {
        // SAFETY: plain numbers in the page; volatile, as the reader is in another memory.
        unsafe { (&raw mut (*self.0).failure).write_volatile(failure.to_words()) };
    }

    /// Its steps are done. Under a filter of the plan's own not even a futex is
    /// touched: the parent looks by itself.
    pub fn say_there(&self, may_wake: bool) {
        self.word().store(IS_THERE, Release);
        if may_wake {
            futex::wake(self.word(), c_int::MAX, Futex::Shared);
        }
    }
}

/// Milliseconds after which somebody who waits looks for himself.
const A_WHILE: c_long = 100;

impl Drop for SharedPage {
    fn drop(&mut self) {
        // SAFETY: mapped in `map`; a child has its own mapping of it.
        unsafe { pages::unmap_pages(self.0.cast(), SIZE) };
    }
}
