// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page that a child with its own memory shares with its parent.
//!
//! Its word says how far the child has got; the parent waits on it with futex(2):
//!
//! | word | meaning |
//! |---|---|
//! | 0 | the child has not begun |
//! | its thread id, FUTEX_WAITERS | the child takes its steps |
//! | `ASKS` | the child waits for its id maps |
//! | `MAY_GO_ON`, `MUST_END` | the parent's answer |
//! | `IS_THERE` | the child's steps are done, and it runs a function |
//! | FUTEX_OWNER_DIED | the child has executed a program, or ended |
//!
//! The kernel writes the last one: the word is in the child's robust list, which
//! execve(2) and exit(2) process (kernel/futex/core.c, exit_robust_list). Unlike a pipe
//! it needs no descriptor, which the child may not have free, and which other children
//! could inherit.
//!
//! Before exec a child may have other ids than the caller, and another process with those
//! ids may control it. So the parent does not trust this page: an unknown word is
//! ignored, numbers are checked (`Failure::from_words`), and nothing that the parent does
//! with its own privileges depends on values from here.

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
// Higher than any thread id (include/linux/threads.h, PID_MAX_LIMIT).
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
    /// The child has executed or ended.
    IsGone,
}

impl SharedPage {
    /// A page of zeroes: a child that has not begun, and no failure.
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

    /// For the parent: sleeps until the word changes, a signal arrives or the time is up.
    pub fn sleep(&self, word: u32, milliseconds: c_long) {
        futex::wait_briefly(self.word(), word, Futex::Shared, milliseconds);
    }

    /// The child's report of a failure, if there is one.
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

    /// The child's first act, if it is to execute: registers the robust list.
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

    /// Writes the child's thread id, with which the kernel compares the word. The child
    /// has one thread, so getpid(2) returns it, too, where a filter answers gettid(2)
    /// with an errno. If both fail the word has no id: an errno there would look like the
    /// child's end.
    fn at_work(&self) {
        let id = [sys::gettid, task::getpid].into_iter().map(|ask| ask()).find(|&id| id > 0);
        self.word().store(id.unwrap_or(0) as u32 | WAITERS, Release);
    }

    /// For the child: asks for its id maps and waits for the answer, whether it may go
    /// on. It checks periodically whether its parent has ended.
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

    /// The child's report of its failure. The parent reads it when the child has ended.
    pub fn tell(&self, failure: Failure) {
        // SAFETY: plain numbers in the page; volatile, as the reader is in another memory.
        unsafe { (&raw mut (*self.0).failure).write_volatile(failure.to_words()) };
    }

    /// For the child: its steps are done. Under the plan's seccomp filter it does not
    /// even call futex(2): the parent polls.
    pub fn say_there(&self, may_wake: bool) {
        self.word().store(IS_THERE, Release);
        if may_wake {
            futex::wake(self.word(), c_int::MAX, Futex::Shared);
        }
    }
}

/// The polling interval of a waiting child, in milliseconds.
const A_WHILE: c_long = 100;

impl Drop for SharedPage {
    fn drop(&mut self) {
        // SAFETY: mapped in `map`; a child has its own mapping of it.
        unsafe { pages::unmap_pages(self.0.cast(), SIZE) };
    }
}
