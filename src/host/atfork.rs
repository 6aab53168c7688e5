// SPDX-License-Identifier: MIT OR Apache-2.0
//! How many fork handlers glibc has.
//!
//! An object that was opened with RTLD_DEEPBIND, or that asked dlsym() for the libc's own
//! function, registers handlers without this library. Only glibc's list shows it, which
//! since 2.28 is an array with its length in front (malloc/dynarray.h): three words,
//! used, allocated and the array, and behind them room for the first elements, where the
//! array is until there are more. An element is the three handlers and the object's
//! handle, and since 2.36 a number.
//!
//! Where it is, is found out when this library is loaded, right after it registered a
//! handler: that must be the last element. On x86_64 the function that registers says where
//! to look, as its instructions have the addresses in them; the rest of glibc's memory is
//! read only if that does not lead to the list, as each page costs a page fault.

use super::{elf, symbols};
use core::ffi::c_void;
use core::ops::Range;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicPtr, AtomicUsize};

/// Where the length is; null where that is not known.
static USED: AtomicPtr<usize> = AtomicPtr::new(null_mut());
/// Handlers that only the libc knows: those of libpthread before 2.34, and this room's.
static BELOW: AtomicUsize = AtomicUsize::new(0);

const HEADER_WORDS: usize = 3;
/// Words of an element: without a number, with one, and that on 32 bits.
const ELEMENT_WORDS: [usize; 3] = [4, 5, 6];
/// More than there is room for at first.
const MOST: usize = 1024;

/// How many fork handlers the program and its libraries have registered in glibc; none
/// where that is not known.
///
/// Async-signal-safe.
pub fn registered() -> Option<usize> {
    let used = USED.load(Relaxed);
    if used.is_null() {
        return None;
    }
    // SAFETY: the length that was found in glibc's own memory, which others write.
    Some(unsafe { used.read_volatile() }.wrapping_sub(BELOW.load(Relaxed)))
}

/// Finds the list, in which `known` handlers are the program's and the last one is `child`,
/// registered for children alone and for no object.
pub fn look_up(known: usize, child: unsafe extern "C" fn()) {
    let Some(version) = symbols::gnu_get_libc_version() else { return };
    let Some(libc) = elf::object_of(version as *const c_void) else { return };
    let last = [0, 0, child as *const c_void as usize, 0];
    let found = named(&libc, &last).or_else(|| {
        libc.writable().find_map(|(words, count)| {
            // SAFETY: a segment of the libc's, which stays loaded.
            unsafe { find(words, 0..count, count, &last) }
        })
    });
    // SAFETY: found in glibc's memory.
    if let Some((at, length)) = found.map(|at| (at, unsafe { at.read_volatile() })) {
        if length > known {
            BELOW.store(length - known, Relaxed);
            USED.store(at.cast_mut(), Relaxed);
        }
    }
}

/// The list, if instructions of `__register_atfork` have its address.
fn named(libc: &elf::Object, last: &[usize; 4]) -> Option<*const usize> {
    if cfg!(not(target_arch = "x86_64")) {
        return None;
    }
    let (code, size) = libc.symbol(c"__register_atfork")?;
    let code = code.cast::<u8>();
    (0..size.saturating_sub(4)).find_map(|at| {
        let end = code.wrapping_add(at + 4);
        // SAFETY: within the function.
        let distance = unsafe { code.wrapping_add(at).cast::<i32>().read_unaligned() };
        let place = end.addr().wrapping_add(distance as usize);
        libc.writable().find_map(|(words, count)| {
            let (index, rest) = place.checked_sub(words.addr()).map(|n| (n / 8, n % 8))?;
            // One of the header's words.
            let near = index.saturating_sub(HEADER_WORDS - 1)..index + 1;
            // SAFETY: as in `look_up`.
            let list = || unsafe { find(words, near, count, last) };
            (rest == 0 && index < count).then(list).flatten()
        })
    })
}

/// A list's length among these words, if its last element is this.
///
/// # Safety
/// `count` words must be readable; others may write them.
unsafe fn find(
    words: *const usize,
    mut places: Range<usize>,
    count: usize,
    last: &[usize; 4],
) -> Option<*const usize> {
    let word = |index: usize| match index < count {
        // SAFETY: by the contract.
        true => unsafe { words.wrapping_add(index).read_volatile() },
        false => 0,
    };
    let is_list = |&at: &usize| {
        let elements = at + HEADER_WORDS;
        let used = word(at);
        let is_last = |size: &usize| {
            let element = elements + (used - 1) * size;
            last.iter().zip(element..).all(|(&wanted, at)| word(at) == wanted)
        };
        word(at + 2) == words.wrapping_add(elements).addr()
            && (1..=MOST).contains(&used)
            && (used..=MOST).contains(&word(at + 1))
            && ELEMENT_WORDS.iter().any(is_last)
    };
    places.find(is_list).map(|at| words.wrapping_add(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_known_by_its_last_element() {
        for size in ELEMENT_WORDS {
            let mut words = [7usize; 64];
            let find = |words: &[usize; 64], child| {
                // SAFETY: an array's words.
                let found = unsafe { find(words.as_ptr(), 0..64, 64, &[0, 0, child, 0]) }?;
                Some((found.addr() - words.as_ptr().addr()) / size_of::<usize>())
            };
            let elements = (&raw const words[13]).addr();
            words[10..13].copy_from_slice(&[3, 8, elements]);
            words[13 + 2 * size..][..4].copy_from_slice(&[0, 0, 99, 0]);
            assert_eq!(find(&words, 99), Some(10));
            assert_eq!(find(&words, 98), None);
            words[13 + 2 * size] = 1;
            assert_eq!(find(&words, 99), None, "another handler");
            words[13 + 2 * size] = 0;
            words[10] = 9;
            assert_eq!(find(&words, 99), None, "more than there is room for");
            words[10] = 2;
            assert_eq!(find(&words, 99), None, "not the last");
            words[10..13].copy_from_slice(&[3, 8, elements + size_of::<usize>()]);
            assert_eq!(find(&words, 99), None, "not the memory behind it");
        }
    }
}
