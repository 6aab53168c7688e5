// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for a word in memory to change, and saying that it did (futex(2)).
//! Private futexes: both sides are threads of one process.

use crate::arch::syscall;
use core::sync::atomic::{AtomicU32, Ordering::Acquire};

/// Returns when the word has another value than `value`, and not before: signals
/// and wake-ups meant for something else only make it look again.
pub fn wait_while(word: &AtomicU32, value: u32) {
    let operation = (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as usize;
    while word.load(Acquire) == value {
        let address = &raw const *word as usize;
        // SAFETY: the word lives over the call.
        unsafe { syscall(libc::SYS_futex, [address, operation, value as usize, 0, 0, 0]) };
    }
}

/// Wakes who waits for a word. Its memory may have gone: the kernel takes the
/// address for a name, and at worst somebody looks at another word once more.
pub fn wake(word: *const AtomicU32) {
    const EVERYBODY: usize = i32::MAX as usize;
    let operation = (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as usize;
    // SAFETY: nothing is read or written there.
    unsafe { syscall(libc::SYS_futex, [word as usize, operation, EVERYBODY, 0, 0, 0]) };
}
