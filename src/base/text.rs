// SPDX-License-Identifier: MIT OR Apache-2.0
//! C strings.

use super::decimal;
use core::ffi::{CStr, c_char};

/// The bytes of a string, without its NUL. Not by CStr, which calls the libc's strlen;
/// volatile, so that the compiler does not turn the loop into such a call.
///
/// # Safety
/// `string` must end in NUL, and stay unchanged.
pub unsafe fn bytes<'a>(string: *const c_char) -> &'a [u8] {
    let mut length = 0;
    // SAFETY: up to the NUL, by the contract.
    unsafe {
        while string.add(length).read_volatile() != 0 {
            length += 1;
        }
        core::slice::from_raw_parts(string.cast(), length)
    }
}

/// The same as a `CStr`, with its NUL.
///
/// # Safety
/// As [`bytes`].
pub unsafe fn c_str<'a>(string: *const c_char) -> &'a CStr {
    // SAFETY: by the contract; the NUL follows the bytes.
    unsafe {
        let length = bytes(string).len();
        let with_nul = core::slice::from_raw_parts(string.cast(), length + 1);
        CStr::from_bytes_with_nul_unchecked(with_nul)
    }
}

/// Constant strings, one behind the other, each with its NUL. A table of pointers to strings
/// would be relocated by each process that loads the library.
#[derive(Clone, Copy)]
pub struct Strings(&'static [u8]);

impl Strings {
    /// Those of a text that ends in NUL.
    pub const fn new(text: &'static str) -> Strings {
        Strings(text.as_bytes())
    }

    /// Without the first `count`.
    pub const fn without(self, mut count: usize) -> Strings {
        let mut rest = self.0;
        while let (true, [first, others @ ..]) = (count > 0, rest) {
            count -= (*first == 0) as usize;
            rest = others;
        }
        Strings(rest)
    }

    /// In order.
    pub fn iter(self) -> impl Iterator<Item = &'static CStr> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let length = rest.iter().position(|&byte| byte == 0)? + 1;
            let (string, others) = rest.split_at_checked(length)?;
            rest = others;
            CStr::from_bytes_with_nul(string).ok()
        })
    }
}

/// Text in a buffer of N bytes, one of which is for the NUL.
pub struct Buffer<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Buffer<N> {
    /// An empty one.
    pub const fn new() -> Buffer<N> {
        Buffer { bytes: [0; N], length: 0 }
    }

    /// Adds bytes, as far as there is room.
    pub fn push(&mut self, bytes: &[u8]) -> &mut Buffer<N> {
        let room = self.bytes.iter_mut().take(N.saturating_sub(1)).skip(self.length);
        let mut added = 0;
        for (place, &byte) in room.zip(bytes) {
            *place = byte;
            added += 1;
        }
        self.length += added;
        self
    }

    /// Adds a number in decimal.
    pub fn push_number(&mut self, number: i64) -> &mut Buffer<N> {
        let mut digits = [0; 20];
        let length = decimal::write(&mut digits, number);
        self.push(digits.get(..length).unwrap_or_default())
    }

    /// What has been added.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The same as a C string, up to the first NUL in it.
    pub fn c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_in_order() {
        const THREE: Strings = Strings::new("a\0\0bc\0");
        assert!(THREE.iter().eq([c"a", c"", c"bc"]));
        assert!(THREE.without(1).iter().eq([c"", c"bc"]));
        assert!(THREE.without(4).iter().eq([] as [&CStr; 0]));
    }

    #[test]
    fn strings_end_before_their_nul() {
        // SAFETY: C strings both.
        let lengths = [c"", c"four"].map(|string| unsafe { bytes(string.as_ptr()) }.len());
        assert_eq!(lengths, [0, 4]);
        // SAFETY: a C string.
        assert_eq!(unsafe { c_str(c"four".as_ptr()) }, c"four");
    }

    #[test]
    fn parts_are_put_together() {
        let mut text = Buffer::<32>::new();
        text.push(b"/proc/").push_number(4_194_303).push(b"/stat");
        assert_eq!(text.c_str(), c"/proc/4194303/stat");
        assert_eq!(text.bytes(), b"/proc/4194303/stat");
        assert_eq!(Buffer::<24>::new().push_number(i64::MIN).bytes(), b"-9223372036854775808");
    }

    #[test]
    fn what_does_not_fit_is_cut_before_the_nul() {
        let mut text = Buffer::<6>::new();
        assert_eq!(text.push(b"/proc/").push(b"x").c_str(), c"/proc");
    }
}
