// SPDX-License-Identifier: MIT OR Apache-2.0
//! An array of the caller's.

use crate::uapi::Errno;
use core::ptr::{null, slice_from_raw_parts};

/// An array of the caller's, borrowed until the child is created.
#[derive(Clone, Copy)]
pub struct List<T> {
    first: *const T,
    count: usize,
}

impl<T> List<T> {
    /// Nothing.
    pub const EMPTY: List<T> = List { first: null(), count: 0 };

    /// EFAULT for a null pointer with elements.
    ///
    /// # Safety
    /// `first` must be an array of `count` elements that stays unchanged while the list
    /// is used.
    pub unsafe fn of(first: *const T, count: usize) -> Result<List<T>, Errno> {
        match (first.is_null(), count) {
            (_, 0) => Ok(List::EMPTY),
            (true, _) => Err(Errno::EFAULT),
            _ => Ok(List { first, count }),
        }
    }

    /// Its elements.
    pub fn get(&self) -> &[T] {
        if self.first.is_null() {
            return &[];
        }
        // SAFETY: by the contract of `of`.
        unsafe { &*slice_from_raw_parts(self.first, self.count) }
    }

    /// Its address and its length.
    pub fn as_parts(&self) -> (*const T, usize) {
        (self.first, self.count)
    }
}
