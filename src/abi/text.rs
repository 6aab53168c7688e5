// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text assembled in a caller's buffer.

use crate::base::decimal;
use core::ffi::c_char;

/// A caller's buffer, always terminated by a NUL.
pub struct Text {
    next: *mut c_char,
    room: usize,
}

impl Text {
    /// An empty text.
    ///
    /// # Safety
    /// `buf` must have `n` bytes, at least one.
    unsafe fn new(buf: *mut c_char, n: usize) -> Text {
        // SAFETY: by the contract.
        unsafe { buf.write(0) };
        Text { next: buf, room: n - 1 }
    }

    /// Fills a caller's buffer. Returns the buffer, or "" if it is null or has no room.
    ///
    /// # Safety
    /// `buf` must be null or have `n` bytes.
    pub unsafe fn fill(buf: *mut c_char, n: usize, words: impl FnOnce(&mut Text)) -> *const c_char {
        if buf.is_null() || n == 0 {
            return c"".as_ptr();
        }
        // SAFETY: by the contract.
        words(&mut unsafe { Text::new(buf, n) });
        buf
    }

    /// Adds bytes, as far as there is room.
    pub fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes.iter().take(self.room) {
            // SAFETY: there is room for the byte and the NUL after it.
            unsafe {
                self.next.write(byte as c_char);
                self.next = self.next.add(1);
                self.next.write(0);
            }
            self.room -= 1;
        }
    }

    /// Adds a number in decimal.
    pub fn push_number(&mut self, number: u32) {
        let mut digits = [0; 10];
        let length = decimal::write(&mut digits, number.into());
        self.push(digits.get(..length).unwrap_or_default());
    }
}
