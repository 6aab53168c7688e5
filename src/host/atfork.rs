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
//! Where it is, is found out when we are loaded, by a handler of our own without
//! functions: its handle must be the last element's, and the length one less once it
//! is taken back.

use super::functions::{CxaFinalize, RegisterAtfork};
use super::{elf, symbols};
use core::ffi::c_void;
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicPtr, AtomicUsize};

/// Where the length is; null where that is not known.
static USED: AtomicPtr<usize> = AtomicPtr::new(null_mut());
/// Handlers that only the libc knows, as those of libpthread before 2.34, and
/// this room's.
static BELOW: AtomicUsize = AtomicUsize::new(0);

/// Its address is the handle, which no object has.
static HANDLE: usize = 0;

const HEADER_WORDS: usize = 3;
/// The element's fourth word.
const HANDLE_WORD: usize = 3;
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

/// Counts a handler that this room registered.
pub fn add_own() {
    BELOW.fetch_add(1, Relaxed);
}

/// Finds the list, in which `known` handlers are the program's. Not async-signal-safe:
/// glibc takes the list's lock.
pub fn look_up(known: usize) {
    let Some(version) = symbols::gnu_get_libc_version() else { return };
    let Some(libc) = elf::object_of(version as *const c_void) else { return };
    // The libc's very own: another definition may come before it.
    let register = libc.function(c"__register_atfork");
    let finalize = libc.function(c"__cxa_finalize");
    if register.is_null() || finalize.is_null() {
        return;
    }
    // SAFETY: functions of these names have these prototypes (LSB 5.0; Itanium C++ ABI).
    let (register, finalize) = unsafe {
        (
            transmute::<*const c_void, RegisterAtfork>(register),
            transmute::<*const c_void, CxaFinalize>(finalize),
        )
    };
    let handle = (&raw const HANDLE).cast_mut().cast::<c_void>();
    // SAFETY: glibc's function; no handlers, and a handle that stays.
    if unsafe { register(None, None, None, handle) } != 0 {
        return;
    }
    let found = libc.writable().find_map(|(words, count)| {
        // SAFETY: a segment of the libc's, which stays loaded.
        unsafe { find(words, count, handle.addr()) }
    });
    // SAFETY: found in glibc's memory.
    let length = |at: *const usize| unsafe { at.read_volatile() };
    let with_ours = found.map(length);
    // SAFETY: a handle of nothing but the handler above.
    unsafe { finalize(handle) };
    if let (Some(at), Some(with_ours)) = (found, with_ours) {
        if length(at) + 1 == with_ours && length(at) >= known {
            BELOW.store(length(at) - known, Relaxed);
            USED.store(at.cast_mut(), Relaxed);
        }
    }
}

/// A list's length among these words, if its last element has this handle.
///
/// # Safety
/// The words must be readable; others may write them.
unsafe fn find(words: *const usize, count: usize, handle: usize) -> Option<*const usize> {
    let word = |index: usize| match index < count {
        // SAFETY: by the contract.
        true => unsafe { words.wrapping_add(index).read_volatile() },
        false => 0,
    };
    let is_list = |&at: &usize| {
        let elements = at + HEADER_WORDS;
        let used = word(at);
        let last = |size: &usize| word(elements + (used - 1) * size + HANDLE_WORD);
        word(at + 2) == words.wrapping_add(elements).addr()
            && (1..=MOST).contains(&used)
            && (used..=MOST).contains(&word(at + 1))
            && ELEMENT_WORDS.iter().any(|size| last(size) == handle)
    };
    (0..count).find(is_list).map(|at| words.wrapping_add(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_known_by_the_handle_of_its_last_element() {
        for size in ELEMENT_WORDS {
            let mut words = [7usize; 64];
            let find = |words: &[usize; 64], handle| {
                // SAFETY: an array's words.
                let found = unsafe { find(words.as_ptr(), words.len(), handle) }?;
                Some((found.addr() - words.as_ptr().addr()) / size_of::<usize>())
            };
            let elements = (&raw const words[13]).addr();
            words[10..13].copy_from_slice(&[3, 8, elements]);
            words[13 + 2 * size + HANDLE_WORD] = 99;
            assert_eq!(find(&words, 99), Some(10));
            assert_eq!(find(&words, 98), None);
            words[10] = 9;
            assert_eq!(find(&words, 99), None, "more than there is room for");
            words[10] = 2;
            assert_eq!(find(&words, 99), None, "not the last");
            words[10..13].copy_from_slice(&[3, 8, elements + size_of::<usize>()]);
            assert_eq!(find(&words, 99), None, "not the memory behind it");
        }
    }
}
