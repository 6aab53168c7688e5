// SPDX-License-Identifier: MIT OR Apache-2.0
//! Strings of the program's, read where the kernel would say EFAULT of a bad address.
//!
//! The kernel is asked page by page (`pages::probe`), once for neighbours on one page.

use crate::base::SMALLEST_PAGE;
use crate::uapi::exec::Strings;
use crate::uapi::pages;
use clone3_trace::Pen;
use core::ffi::c_char;

/// What can be read, as far as it was looked at.
pub struct Reader {
    /// The page that was found readable last; 1 is none.
    page: usize,
}

/// A string's bytes without its NUL, at most so many; whether there are more, or some that
/// cannot be read.
pub fn read_text(string: *const c_char, most: usize) -> (&'static [u8], bool) {
    Reader::new().string(string, most)
}

/// How much of something is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Bytes.
    pub bytes: usize,
    /// Whether there was more, or something could not be read.
    pub is_cut: bool,
}

impl Reader {
    /// Before the first look.
    pub fn new() -> Reader {
        Reader { page: 1 }
    }

    /// Whether the page of an address can be read.
    pub fn can_read(&mut self, address: usize) -> bool {
        let page = address & !(SMALLEST_PAGE - 1);
        if page != self.page && pages::probe(page as u64).is_ok() {
            self.page = page;
        }
        page == self.page
    }

    /// The bytes of a string without its NUL, at most so many.
    pub fn string(&mut self, string: *const c_char, most: usize) -> (&'static [u8], bool) {
        let mut length = 0;
        let is_cut = loop {
            let at = string.wrapping_add(length);
            if !self.can_read(at.addr()) {
                break true;
            }
            // SAFETY: on a page that can be read, as just seen.
            if unsafe { at.read_volatile() } == 0 {
                break false;
            }
            if length == most {
                break true;
            }
            length += 1;
        };
        if length == 0 {
            return (&[], is_cut);
        }
        // SAFETY: just read. What another thread unmaps meanwhile is as if the kernel read it a
        // moment later.
        (unsafe { core::slice::from_raw_parts(string.cast(), length) }, is_cut)
    }

    /// What an array of strings has at a place; `None` for its end, and for what cannot be read.
    pub fn element(&mut self, array: Strings, index: usize) -> Option<*const c_char> {
        let at = array.wrapping_add(index);
        let last = at.addr().wrapping_add(size_of::<usize>() - 1);
        if array.is_null() || !self.can_read(at.addr()) || !self.can_read(last) {
            return None;
        }
        // SAFETY: on pages that can be read.
        Some(unsafe { at.read_unaligned() }).filter(|string| !string.is_null())
    }

    /// Whether that is where an array ends: a null pointer that can be read.
    pub fn ends_at(&mut self, array: Strings, index: usize) -> bool {
        let at = array.wrapping_add(index);
        let last = at.addr().wrapping_add(size_of::<usize>() - 1);
        let can_be_read = self.can_read(at.addr()) && self.can_read(last);
        // SAFETY: on pages that can be read.
        can_be_read && unsafe { at.read_unaligned() }.is_null()
    }

    /// How many bytes an array of strings has, with a NUL between each two: at most so many.
    pub fn measure(&mut self, array: Strings, most: usize) -> Extent {
        let mut extent = Extent::default();
        let mut index = 0;
        while let Some(string) = self.element(array, index) {
            let before = extent.bytes + usize::from(index != 0);
            if before > most {
                extent.is_cut = true;
                break;
            }
            let (bytes, is_cut) = self.string(string, most - before);
            extent.bytes = before + bytes.len();
            extent.is_cut |= is_cut;
            index += 1;
        }
        extent
    }

    /// Records so many bytes of it.
    pub fn put(&mut self, array: Strings, mut left: usize, pen: &mut Pen) {
        let mut index = 0;
        while let Some(string) = self.element(array, index).filter(|_| left != 0) {
            if index != 0 {
                pen.put(&[0]);
                left -= 1;
            }
            let (bytes, _) = self.string(string, left);
            pen.put(bytes);
            left -= bytes.len();
            index += 1;
        }
        for _ in 0..left {
            pen.put(&[0]); // it was longer a moment ago
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr::null;

    #[test]
    fn what_cannot_be_read_is_cut() {
        let two = pages::map_pages(2 * SMALLEST_PAGE).unwrap().cast::<c_char>();
        let end = two.wrapping_add(SMALLEST_PAGE);
        // SAFETY: the second page, which nothing else uses; the first one's last bytes.
        unsafe {
            pages::unmap_pages(end.cast(), SMALLEST_PAGE);
            end.sub(2).copy_from_nonoverlapping(c"xy".as_ptr(), 2);
        }
        let mut reader = Reader::new();
        assert_eq!(reader.string(end.wrapping_sub(2), 9), (&b"xy"[..], true), "without its NUL");
        assert_eq!(reader.string(end.wrapping_sub(3), 9), (&b""[..], false));
        assert_eq!(reader.string(end, 9), (&b""[..], true));
        assert_eq!(reader.string(null(), 9), (&b""[..], true));
        let array = [c"one".as_ptr(), end.cast_const(), c"two".as_ptr(), null()];
        assert_eq!(reader.measure(array.as_ptr(), 99), Extent { bytes: 8, is_cut: true });
        assert_eq!(reader.measure(null(), 99), Extent::default());
        assert_eq!(reader.measure(end.cast(), 99), Extent::default());
        // SAFETY: mapped above.
        unsafe { pages::unmap_pages(two.cast(), SMALLEST_PAGE) };
    }

    #[test]
    fn no_more_is_measured_than_there_is_room() {
        let array = [c"one".as_ptr(), c"".as_ptr(), c"three".as_ptr(), null()];
        let measured = |most| {
            let Extent { bytes, is_cut } = Reader::new().measure(array.as_ptr(), most);
            (bytes, is_cut)
        };
        assert_eq!(measured(99), (10, false));
        assert_eq!(measured(10), (10, false));
        assert_eq!(measured(9), (9, true));
        assert_eq!(measured(4), (4, true), "a third one is left");
        assert_eq!(measured(0), (0, true));
    }
}
