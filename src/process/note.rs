// SPDX-License-Identifier: MIT OR Apache-2.0
//! The result page of `orphan`: its middle process reports the child to the caller there.

use crate::uapi::sys::Pid;
use crate::uapi::{Errno, pages};
use core::ptr::{read_volatile, write_volatile};

/// What the middle process reports. All zero until it does.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Word {
    /// The child, 0 for none.
    pub pid: Pid,
    /// The errno if there is none.
    pub errno: i32,
    /// The child's descriptor in the common table, or -1.
    pub pidfd: i32,
}

/// The page, shared with the middle process.
#[derive(Clone, Copy)]
pub struct Note(*mut Word);

impl Note {
    const LEN: usize = 4096;

    /// An empty page.
    pub fn new() -> Result<Note, Errno> {
        pages::map_shared_pages(Note::LEN).map(|page| Note(page.cast()))
    }

    /// Writes the report.
    pub fn leave(self, word: Word) {
        // SAFETY: our page, until discarded.
        unsafe { write_volatile(self.0, word) };
    }

    /// The report.
    pub fn read(self) -> Word {
        // SAFETY: our page, until discarded.
        unsafe { read_volatile(self.0) }
    }

    /// Unmaps the page in this process.
    pub fn discard(self) {
        // SAFETY: from map_shared_pages; it is not read again in this process.
        unsafe { pages::unmap_pages(self.0.cast(), Note::LEN) };
    }
}
