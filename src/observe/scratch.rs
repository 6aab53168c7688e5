// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory that is mapped for one exec, and unmapped by it only on failure.
//!
//! In a process with its own memory the exec drops it. A vfork child leaves it to its
//! creator: so what such a child maps is listed with the creation, and the creator unmaps
//! it.

use crate::uapi::{Errno, pages};
use core::ffi::c_void;
use core::ptr::null_mut;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// The head of a mapping; the contents follow.
#[repr(C, align(16))]
pub struct Block {
    next: AtomicPtr<Block>,
    /// Of the mapping.
    bytes: usize,
}

/// Maps a block with room for so many bytes, zeroes.
pub fn map(bytes: usize) -> Result<*mut Block, Errno> {
    let bytes = bytes.checked_add(size_of::<Block>()).ok_or(Errno::ENOMEM)?;
    let block: *mut Block = pages::map_pages(bytes)?.cast();
    // SAFETY: mapped just now, and big enough.
    unsafe { block.write(Block { next: AtomicPtr::new(null_mut()), bytes }) };
    Ok(block)
}

/// Where its contents are.
pub fn contents(block: *mut Block) -> *mut c_void {
    block.wrapping_add(1).cast()
}

/// Gives it back.
///
/// # Safety
/// It must come from [`map`], be in no list, and be used no more.
pub unsafe fn unmap(block: *mut Block) {
    // SAFETY: by the contract.
    unsafe { pages::unmap_pages(block.cast(), (*block).bytes) };
}

/// The blocks of one creation's child. One task at a time works on it, and that task's signal
/// handlers, which undo what they did before they return.
pub struct List(AtomicPtr<Block>);

impl List {
    /// Of none.
    pub const fn new() -> List {
        List(AtomicPtr::new(null_mut()))
    }

    /// Adds one.
    ///
    /// # Safety
    /// It must come from [`map`] and be in no list.
    pub unsafe fn add(&self, block: *mut Block) {
        _ = self.0.fetch_update(AcqRel, Acquire, |head| {
            // SAFETY: by the contract.
            unsafe { (*block).next.store(head, Relaxed) };
            Some(block)
        });
    }

    /// Takes one out; nothing happens where it is not there.
    pub fn remove(&self, block: *mut Block) {
        let mut link = &self.0;
        loop {
            let at = link.load(Acquire);
            if at.is_null() {
                return;
            }
            // SAFETY: what is in the list is mapped.
            let next = unsafe { &(*at).next };
            if at == block {
                link.store(next.load(Relaxed), Release);
                return;
            }
            link = next;
        }
    }

    /// Gives all back.
    ///
    /// # Safety
    /// They must be used no more.
    pub unsafe fn unmap_all(&self) {
        let mut at = self.0.swap(null_mut(), AcqRel);
        while !at.is_null() {
            // SAFETY: what was in the list is mapped; the rest by the contract.
            unsafe {
                let next = (*at).next.load(Relaxed);
                unmap(at);
                at = next;
            }
        }
    }

    /// Forgets all: they are another process's.
    pub fn forget(&self) {
        self.0.store(null_mut(), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_taken_out_in_any_order() {
        let list = List::new();
        let blocks = [(); 3].map(|()| map(100).unwrap());
        for block in blocks {
            // SAFETY: new, and in no list.
            unsafe { list.add(block) };
        }
        list.remove(blocks[1]);
        list.remove(blocks[1]);
        // SAFETY: taken out above.
        unsafe { unmap(blocks[1]) };
        assert_eq!(list.0.load(Relaxed), blocks[2]);
        // SAFETY: in the list, so mapped.
        assert_eq!(unsafe { (*blocks[2]).next.load(Relaxed) }, blocks[0]);
        // SAFETY: used no more.
        unsafe { list.unmap_all() };
        assert!(list.0.load(Relaxed).is_null());
        for block in blocks {
            assert!(pages::probe(block.addr() as u64).is_err(), "it was given back");
        }
    }
}
