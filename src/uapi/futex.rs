// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for a word in memory to change, and waking waiters (futex(2)).

use super::Errno;
use crate::arch::syscall;
use core::ffi::{c_int, c_long};
use core::sync::atomic::{AtomicU32, Ordering::Acquire};

/// A point in time on one of the kernel's clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// CLOCK_REALTIME, or else CLOCK_MONOTONIC.
    pub realtime: bool,
    /// Nanoseconds since the clock's zero.
    pub nanoseconds: u64,
}

/// The kernel's `struct __kernel_timespec`, which is 64-bit everywhere.
#[repr(C)]
pub struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

/// The kernel itself wakes shared futexes (clear_child_tid); private ones are faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Futex {
    /// Also for wakers without FUTEX_PRIVATE_FLAG.
    Shared,
    /// For threads that share this memory only.
    Private,
}

impl Futex {
    fn operation(self, operation: c_int) -> usize {
        match self {
            Futex::Shared => operation as usize,
            Futex::Private => (operation | libc::FUTEX_PRIVATE_FLAG) as usize,
        }
    }
}

/// Sleeps while the word has this value (futex(2)). May return spuriously, and returns
/// EINTR, EAGAIN or, at the deadline, ETIMEDOUT.
pub fn wait_while(
    word: &AtomicU32,
    value: u32,
    futex: Futex,
    deadline: Option<Deadline>,
) -> Result<(), Errno> {
    let address = &raw const *word as usize;
    let Some(deadline) = deadline else {
        let operation = futex.operation(libc::FUTEX_WAIT);
        // SAFETY: the word outlives the call.
        let raw =
            unsafe { syscall(libc::SYS_futex, [address, operation, value as usize, 0, 0, 0]) };
        return Errno::check(raw).map(drop);
    };
    let clock = if deadline.realtime { libc::FUTEX_CLOCK_REALTIME } else { 0 };
    let operation = futex.operation(libc::FUTEX_WAIT_BITSET | clock);
    wait_until(address, operation, value, deadline.nanoseconds)
}

const NANOSECONDS: u64 = 1_000_000_000;
const ANY_BIT: usize = u32::MAX as usize;

#[cfg(target_pointer_width = "64")]
fn wait_until(address: usize, operation: usize, value: u32, when: u64) -> Result<(), Errno> {
    let time = timespec(when);
    let arguments = [address, operation, value as usize, &raw const time as usize, 0, ANY_BIT];
    // SAFETY: word and time outlive the call.
    Errno::check(unsafe { syscall(libc::SYS_futex, arguments) }).map(drop)
}

/// By futex_time64 (Linux 5.1), before that with 32 bits of seconds.
#[cfg(target_pointer_width = "32")]
fn wait_until(address: usize, operation: usize, value: u32, when: u64) -> Result<(), Errno> {
    const SYS_FUTEX_TIME64: core::ffi::c_long = 422;
    let time = timespec(when);
    let short = [i32::try_from(time.seconds).unwrap_or(i32::MAX), time.nanoseconds as i32];
    let arguments = |time: usize| [address, operation, value as usize, time, 0, ANY_BIT];
    // SAFETY: word and time outlive the call.
    let raw = unsafe { syscall(SYS_FUTEX_TIME64, arguments(&raw const time as usize)) };
    match Errno::check(raw) {
        Err(Errno::ENOSYS) => {
            // SAFETY: as above.
            let raw = unsafe { syscall(libc::SYS_futex, arguments(short.as_ptr() as usize)) };
            Errno::check(raw).map(drop)
        }
        outcome => outcome.map(drop),
    }
}

impl Timespec {
    /// Takes a millisecond, or the rest if it is less, from a time. Returns that part,
    /// and whether it was the last; never the last without a time.
    pub fn part_of(left: Option<&mut Timespec>) -> (Timespec, bool) {
        const PART: i64 = 1_000_000;
        let part = Timespec { seconds: 0, nanoseconds: PART };
        let Some(left) = left else { return (part, false) };
        if left.seconds == 0 && left.nanoseconds <= PART {
            return (Timespec { ..*left }, true);
        }
        left.nanoseconds -= PART;
        if left.nanoseconds < 0 {
            left.seconds -= 1;
            left.nanoseconds += NANOSECONDS as i64;
        }
        (part, false)
    }
}

/// A time of that many nanoseconds.
pub fn timespec(when: u64) -> Timespec {
    let (seconds, nanoseconds) = split(when);
    Timespec { seconds: seconds as i64, nanoseconds: nanoseconds as i64 }
}

/// Seconds and the rest.
#[cfg(target_pointer_width = "64")]
fn split(when: u64) -> (u64, u64) {
    (when / NANOSECONDS, when % NANOSECONDS)
}

/// Seconds and the rest, bit by bit: for a 64-bit division 32-bit machines need a
/// function of the compiler's library, which must not become part of the archive.
#[cfg(any(target_pointer_width = "32", test))]
fn split_by_bits(when: u64) -> (u64, u64) {
    (0..u64::BITS).rev().fold((0, 0), |(seconds, rest), bit| {
        let rest = rest << 1 | when >> bit & 1;
        match rest >= NANOSECONDS {
            true => (seconds << 1 | 1, rest - NANOSECONDS),
            false => (seconds << 1, rest),
        }
    })
}
#[cfg(target_pointer_width = "32")]
use split_by_bits as split;

/// Wakes up to `count` sleepers (futex(2)). The word's memory may be reused already: at
/// worst a waiter wakes spuriously.
pub fn wake(word: *const AtomicU32, count: c_int, futex: Futex) {
    let operation = futex.operation(libc::FUTEX_WAKE);
    // SAFETY: the kernel uses the address as a key and does not write.
    unsafe { syscall(libc::SYS_futex, [word as usize, operation, count as usize, 0, 0, 0]) };
}

/// As [`wait_while`], for at most that many milliseconds.
pub fn wait_briefly(word: &AtomicU32, value: u32, futex: Futex, milliseconds: c_long) {
    let operation = futex.operation(libc::FUTEX_WAIT);
    let time = [milliseconds / 1000, milliseconds % 1000 * 1_000_000];
    let arguments =
        [&raw const *word as usize, operation, value as usize, &raw const time as usize, 0, 0];
    // SAFETY: word and time outlive the call.
    unsafe { syscall(libc::SYS_futex, arguments) };
}

/// Returns when the word has another value than `value`, and not before: after signals
/// and spurious wake-ups it checks again.
pub fn wait_for_change(word: &AtomicU32, value: u32, futex: Futex) {
    while word.load(Acquire) == value {
        let _ = wait_while(word, value, futex, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_time_are_all_of_it() {
        for nanoseconds in [0, 1, 1_000_000, 1_000_001, NANOSECONDS + 500] {
            let mut left = timespec(nanoseconds);
            let mut sum = 0;
            loop {
                let (part, is_over) = Timespec::part_of(Some(&mut left));
                sum += part.seconds as u64 * NANOSECONDS + part.nanoseconds as u64;
                if is_over {
                    break;
                }
            }
            assert_eq!(sum, nanoseconds);
        }
        assert!(!Timespec::part_of(None).1);
    }

    #[test]
    fn time_is_split_bit_by_bit_as_by_division() {
        for when in
            [0, 1, NANOSECONDS - 1, NANOSECONDS, 1 << 62, u64::MAX, 1_764_000_000_123_456_789]
        {
            assert_eq!(split_by_bits(when), (when / NANOSECONDS, when % NANOSECONDS));
        }
    }
}
