// SPDX-License-Identifier: MIT OR Apache-2.0
//! Thread-local storage for threads that the libc does not make.
//!
//! A [`TlsLayout`] says how a thread's block looks around its thread pointer: control
//! block, the TLS of every object as new threads have it, a dtv. Objects in
//! the static TLS area have the same distance from the thread pointer in every
//! thread; what is allocated on its own gets a place in the same memory. `draft` makes
//! layouts.

use super::modules::Module;
use super::page::align_up;
use super::tcb::Tcb;
use super::tcb_by_libc;
use crate::base::SMALLEST_PAGE;
use crate::uapi::pages;
use core::ptr::{copy_nonoverlapping, null_mut};

pub use super::modules::{Stamp, stamp};

/// The layout of a new thread's TLS, alone in pages of its own, with its modules
/// and their images behind it.
pub struct TlsLayout {
    /// Bytes of these pages.
    pub(super) mapped: usize,
    pub(super) stamp: Stamp,
    /// Whether no object was just being loaded, and is missing.
    pub(super) is_complete: bool,
    pub(super) tcb: Tcb,
    /// Highest module id.
    pub(super) last: usize,
    pub(super) count: usize,
    /// The modules, behind this layout; and their images, one behind the other.
    pub(super) modules: *const Module,
    pub(super) images: *const u8,
    /// From the thread pointer to what lies lowest and behind what lies highest.
    pub(super) low: isize,
    pub(super) high: isize,
    /// The thread pointer is `residue` more than a multiple of `align`.
    pub(super) align: usize,
    pub(super) residue: usize,
    /// Bytes for blocks outside the static TLS area.
    pub(super) allocated: usize,
}

/// Where a new thread's parts are.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The thread pointer.
    pub thread_pointer: usize,
    /// Everything below belongs to the stack.
    pub bottom: usize,
    dtv: usize,
    blocks: usize,
}

/// A line of the processor's cache: more alignment than any libc gives its
/// control block.
pub(super) const LINE: usize = 64;
const WORD: usize = size_of::<usize>();

/// TLS variant II: libcs keep the control block above the thread pointer, where
/// its end is a guess, and TLS below.
pub(super) const TLS_IS_BELOW: bool = cfg!(any(target_arch = "x86_64", target_arch = "x86"));

impl TlsLayout {
    /// Gives a layout's memory back.
    ///
    /// # Safety
    /// It must come from `draft::make` and be used no more; or be null.
    pub unsafe fn discard(layout: *mut TlsLayout) {
        if !layout.is_null() {
            // SAFETY: by the contract.
            unsafe { pages::unmap_pages(layout.cast(), (*layout).mapped) };
        }
    }

    /// Whether the same objects are loaded as when the layout was made.
    pub fn is_of(&self, stamp: Stamp) -> bool {
        self.is_complete && self.stamp == stamp
    }

    /// Whether the other layout knows more objects.
    pub fn is_older_than(&self, other: &TlsLayout) -> bool {
        (self.stamp, self.is_complete) < (other.stamp, other.is_complete)
    }

    fn modules(&self) -> &[Module] {
        // SAFETY: `draft` put so many there.
        unsafe { core::slice::from_raw_parts(self.modules, self.count) }
    }

    fn dtv_words(&self) -> usize {
        tcb_by_libc::dtv_words(&self.tcb, self.last)
    }

    /// Bytes that suffice for everything from the stack's bottom to the end of
    /// the thread's memory.
    pub fn room(&self) -> usize {
        let around = self.high.unsigned_abs() + self.low.unsigned_abs();
        let dtv = self.dtv_words() * WORD;
        around + SMALLEST_PAGE + self.tcb.touched + self.align + self.allocated + dtv + 4 * LINE
    }

    /// Where things go in memory that ends at `end`, the end of a page.
    ///
    /// The parts that every thread uses are put into one page, with the top of the
    /// stack: where struct pthread lies highest, only its beginning is in use.
    pub fn place(&self, end: usize) -> Place {
        let mut tp = end - self.high.unsigned_abs();
        if TLS_IS_BELOW {
            tp = (tp & !(SMALLEST_PAGE - 1)) - self.tcb.touched.next_multiple_of(LINE);
        }
        tp -= tp.wrapping_sub(self.residue) & (self.align - 1);
        let blocks = tp.wrapping_add_signed(self.low) - self.allocated;
        let dtv = (blocks - self.dtv_words() * WORD) & !(2 * WORD - 1);
        Place { thread_pointer: tp, bottom: dtv & !(LINE - 1), dtv, blocks }
    }

    /// Where the libc's copy of the thread id belongs, if it keeps one.
    pub fn tid(&self, place: &Place) -> *mut i32 {
        match self.tcb.tid {
            Some(distance) => place.thread_pointer.wrapping_add_signed(distance) as *mut i32,
            None => null_mut(),
        }
    }

    /// Writes a new thread's TLS, the calling thread's variables taken over where
    /// the libc would. `used`: the memory may hold what another thread left.
    ///
    /// # Safety
    /// `place` must be this layout's, in writable memory that no other thread uses.
    pub unsafe fn write(&self, place: &Place, used: bool) {
        let tp = place.thread_pointer;
        if used {
            // SAFETY: by the contract; `place` left that much room.
            unsafe { wipe(place.bottom, align_up(tp.wrapping_add_signed(self.high), LINE)) };
        }
        // SAFETY: all in zeroed memory of the new thread, where `place` put it.
        unsafe {
            tcb_by_libc::write(&self.tcb, tp, place.dtv, self.last);
            let mut image = self.images;
            let mut free = place.blocks;
            for module in self.modules() {
                let block = module.place.map_or_else(
                    || take_block(&mut free, module),
                    |distance| tp.wrapping_add_signed(distance),
                );
                copy_nonoverlapping(image, block as *mut u8, module.file_size);
                image = image.add(module.file_size);
                tcb_by_libc::enter(&self.tcb, place.dtv, module.id, block);
            }
            tcb_by_libc::set_variables(&self.tcb, tp, self.low, self.high);
        }
    }
}

/// The place of the next block that is not in the static TLS area.
fn take_block(free: &mut usize, module: &Module) -> usize {
    let block = align_up(*free, module.align);
    *free = block + module.size;
    block
}

/// Zeroes lines that are not zero: a page that is only read stays the kernel's
/// page of zeroes.
///
/// # Safety
/// The memory must be the caller's, its ends at lines.
unsafe fn wipe(start: usize, end: usize) {
    type Line = [usize; LINE / WORD];
    let mut line = start as *mut Line;
    while line.addr() < end {
        // SAFETY: by the contract.
        unsafe {
            if line.read().iter().fold(0, |all, word| all | word) != 0 {
                line.write([0; LINE / WORD]);
            }
            line = line.add(1);
        }
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
