// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page by which the process in between of `orphan` tells the caller of the child.

use crate::uapi::sys::Pid;
use crate::uapi::{Errno, pages};
use core::ptr::{read_volatile, write_volatile};

/// What the middle process says of the child. All zero until it does.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Word {
    /// The child, 0 for none.
    pub pid: Pid,
    /// Why there is none.
    pub errno: i32,
    /// The child's descriptor in the common table, or -1.
    pub pidfd: i32,
}

/// A page shared with the middle process, for its word.
#[derive(Clone, Copy)]
pub struct Note(*mut Word);

impl Note {
    const LEN: usize = 4096;

    /// A page with nothing said.
    pub fn new() -> Result<Note, Errno> {
        pages::map_shared_pages(Note::LEN).map(|page| Note(page.cast()))
    }

    /// Says it.
    pub fn leave(self, word: Word) {
        // SAFETY: our page, until discarded.
        unsafe { write_volatile(self.0, word) };
    }

    /// What was said.
    pub fn read(self) -> Word {
        // SAFETY: our page, until discarded.
        unsafe { read_volatile(self.0) }
    }

    /// Gives the page back, in this process.
    pub fn discard(self) {
        // SAFETY: from map_shared_pages; nobody in this process reads it again.
        unsafe { pages::unmap_pages(self.0.cast(), Note::LEN) };
    }
}
