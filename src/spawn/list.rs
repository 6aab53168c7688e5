// SPDX-License-Identifier: MIT OR Apache-2.0
//! An array of the caller's.

use crate::uapi::Errno;
use core::ptr::{null, slice_from_raw_parts};

/// An array that the caller lends until the child is made.
#[derive(Clone, Copy)]
pub struct List<T> {
    first: *const T,
    count: usize,
}

impl<T> List<T> {
    /// Nothing.
    pub const EMPTY: List<T> = List { first: null(), count: 0 };

    /// EFAULT where there should be something and is not.
    ///
    /// # Safety
    /// An array of so many, which stays as it is while the list is used.
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

    /// Where it is, and how long.
    pub fn as_parts(&self) -> (*const T, usize) {
        (self.first, self.count)
    }
}
