// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the memory that a plan points to can be read, where this library reads it and
//! not the kernel: in the child, a bad address would be a SIGSEGV, which the caller would
//! take for a crash of the program.
//!
//! The kernel is asked page by page (`pages::probe`). Memory that another thread unmaps
//! afterwards is not noticed.

use super::list::List;
use crate::base::SMALLEST_PAGE;
use crate::uapi::{Errno, pages};
use core::ffi::c_char;
use core::mem::size_of;

/// EFAULT for an array that cannot be read.
pub fn of_list<T>(list: &List<T>) -> Result<(), Errno> {
    let (first, count) = list.as_parts();
    let bytes = count.checked_mul(size_of::<T>()).ok_or(Errno::EFAULT)?;
    range(first as usize, bytes)
}

/// Whether these bytes can be read.
fn range(first: usize, bytes: usize) -> Result<(), Errno> {
    let Some(last) = bytes.checked_sub(1) else { return Ok(()) };
    let last = first.checked_add(last).ok_or(Errno::EFAULT)?;
    let mut at = first;
    while at <= last {
        word(at)?;
        at = (at | (SMALLEST_PAGE - 1)).checked_add(1).ok_or(Errno::EFAULT)?;
    }
    Ok(())
}

/// The aligned eight bytes around an address, which are within one page.
fn word(address: usize) -> Result<(), Errno> {
    pages::probe((address & !7) as u64)
}

/// Whether a string can be read up to its NUL.
pub fn string(string: *const c_char) -> Result<(), Errno> {
    let mut at = string as usize;
    loop {
        word(at)?;
        let end = at | (SMALLEST_PAGE - 1);
        while at <= end {
            // SAFETY: on a page that can be read, as just checked.
            if unsafe { (at as *const c_char).read_volatile() } == 0 {
                return Ok(());
            }
            at = at.checked_add(1).ok_or(Errno::EFAULT)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_read_and_what_is_not_is_told() {
        let two = pages::map_pages(2 * SMALLEST_PAGE).unwrap().cast::<u8>();
        // SAFETY: the second page, which nothing else uses.
        unsafe { pages::unmap_pages(two.wrapping_add(SMALLEST_PAGE).cast(), SMALLEST_PAGE) };
        let end = two as usize + SMALLEST_PAGE;
        assert_eq!(range(end - 1, 1), Ok(()), "the last byte of a page");
        assert_eq!(range(end - 4, 5), Err(Errno::EFAULT), "one byte too many");
        assert_eq!(range(8, 0), Ok(()), "nothing is anywhere");
        assert_eq!(range(usize::MAX, 2), Err(Errno::EFAULT), "round the end");
        assert_eq!(string((end - 1) as *const c_char), Ok(()), "an empty string at the end");
        // SAFETY: within the first page.
        unsafe { (end as *mut u8).sub(1).write(b'x') };
        assert_eq!(string((end - 1) as *const c_char), Err(Errno::EFAULT), "without its NUL");
        // SAFETY: mapped above.
        unsafe { pages::unmap_pages(two.cast(), SMALLEST_PAGE) };
    }
}
