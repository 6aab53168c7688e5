// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory that is kept for the program: from its malloc, whichever that is, so
//! that its leak checkers see it; in a static program without one, from the
//! kernel.
//!
//! Not async-signal-safe.

use super::symbols;
use crate::uapi::{Errno, pages};
use core::ffi::c_void;

/// Bytes with no content, aligned for anything.
pub fn allocate(size: usize) -> Result<*mut c_void, Errno> {
    match symbols::malloc_and_free() {
        Some((malloc, _)) => {
            // SAFETY: a C function that takes any size.
            let memory = unsafe { malloc(size) };
            if memory.is_null() { Err(Errno::ENOMEM) } else { Ok(memory) }
        }
        None => pages::map_pages(size),
    }
}

/// Gives back what [`allocate`] gave; null is nothing.
///
/// # Safety
/// The pointer and the size must be of one allocation, used no more.
pub unsafe fn release(memory: *mut c_void, size: usize) {
    if memory.is_null() {
        return;
    }
    // SAFETY: by the contract; the pair of functions never changes.
    unsafe {
        match symbols::malloc_and_free() {
            Some((_, free)) => free(memory),
            None => pages::unmap_pages(memory, size),
        }
    }
}
