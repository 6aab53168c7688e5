// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typed raw system calls for threads: futexes, stacks, and what a thread sets
//! for itself. As in `sys`, async-signal-safe and without errno or TLS.

use super::Errno;
use super::sys::{KernelSigset, Pid};
use crate::arch::{EMPTY_MAPPING, syscall};
use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

#[cfg(not(target_arch = "x86"))]
use libc::SYS_mmap;
#[cfg(target_arch = "x86")]
use libc::SYS_mmap2 as SYS_mmap; // the older one takes a struct

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
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

/// Futex words that the kernel wakes itself (clear_child_tid) are shared ones;
/// private ones are quicker to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Futex {
    /// Also for wakers that do not say FUTEX_PRIVATE_FLAG.
    Shared,
    /// For this memory's threads only.
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

/// Sleeps while the word has this value (futex(2)). Comes back for no reason at
/// times, and with EINTR, EAGAIN or, at the deadline, ETIMEDOUT.
pub fn wait_while(
    word: &AtomicU32,
    value: u32,
    futex: Futex,
    deadline: Option<Deadline>,
) -> Result<(), Errno> {
    let address = &raw const *word as usize;
    let Some(deadline) = deadline else {
        let operation = futex.operation(libc::FUTEX_WAIT);
        // SAFETY: the word lives over the call.
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
    // SAFETY: word and time live over the call.
    Errno::check(unsafe { syscall(libc::SYS_futex, arguments) }).map(drop)
}

/// By futex_time64 (Linux 5.1), before that with 32 bits of seconds.
#[cfg(target_pointer_width = "32")]
fn wait_until(address: usize, operation: usize, value: u32, when: u64) -> Result<(), Errno> {
    const SYS_FUTEX_TIME64: core::ffi::c_long = 422;
    let time = timespec(when);
    let short = [i32::try_from(time.seconds).unwrap_or(i32::MAX), time.nanoseconds as i32];
    let arguments = |time: usize| [address, operation, value as usize, time, 0, ANY_BIT];
    // SAFETY: word and time live over the call.
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

fn timespec(when: u64) -> Timespec {
    let (seconds, nanoseconds) = split(when);
    Timespec { seconds: seconds as i64, nanoseconds: nanoseconds as i64 }
}

/// Seconds and the rest.
#[cfg(target_pointer_width = "64")]
fn split(when: u64) -> (u64, u64) {
    (when / NANOSECONDS, when % NANOSECONDS)
}

/// Seconds and the rest, bit by bit: 32-bit machines divide 64 bits by a function
/// of the compiler's library, which is not to become a part of the archive.
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

/// Wakes up to `count` sleepers (futex(2)); the word may be gone already.
pub fn wake(word: *const AtomicU32, count: c_int, futex: Futex) {
    let operation = futex.operation(libc::FUTEX_WAKE);
    // SAFETY: the kernel takes the address for a key and does not write.
    unsafe { syscall(libc::SYS_futex, [word as usize, operation, count as usize, 0, 0, 0]) };
}

/// Sleeps until the word has another value.
pub fn wait_for_change(word: &AtomicU32, value: u32, futex: Futex) {
    while word.load(Relaxed) == value {
        let _ = wait_while(word, value, futex, None);
    }
}

/// Address space that nobody can access and nothing is charged for (mmap(2)).
pub fn reserve(len: usize) -> Result<usize, Errno> {
    let flags = EMPTY_MAPPING & !libc::MAP_FIXED;
    let arguments = [0, len, libc::PROT_NONE as usize, flags as usize, usize::MAX, 0];
    // SAFETY: a new mapping at an address of the kernel's choice disturbs none.
    Errno::check(unsafe { syscall(SYS_mmap, arguments) })
}

/// Gives memory back and leaves its addresses reserved, with no access to them.
///
/// # Safety
/// The pages must be the caller's own and be used no more.
pub unsafe fn empty(address: usize, len: usize) {
    let arguments = [address, len, libc::PROT_NONE as usize, EMPTY_MAPPING as usize, usize::MAX, 0];
    // SAFETY: by the contract nobody holds a pointer into them.
    unsafe { syscall(SYS_mmap, arguments) };
}

/// Opens reserved memory for reading and writing (mprotect(2)).
///
/// # Safety
/// The pages must be the caller's own.
pub unsafe fn open_memory(address: usize, len: usize) -> Result<(), Errno> {
    let access = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    // SAFETY: by the contract.
    let raw = unsafe { syscall(libc::SYS_mprotect, [address, len, access, 0, 0, 0]) };
    Errno::check(raw).map(drop)
}

/// Makes pages fault for good, whatever access their mapping has (madvise(2),
/// MADV_GUARD_INSTALL). EINVAL before Linux 6.13, and in locked memory.
///
/// # Safety
/// The pages must be the caller's own and hold nothing that is wanted.
pub unsafe fn install_guard(address: usize, len: usize) -> Result<(), Errno> {
    const MADV_GUARD_INSTALL: c_int = 102;
    // SAFETY: by the contract.
    unsafe { advise(address, len, MADV_GUARD_INSTALL) }
}

/// madvise(2).
///
/// # Safety
/// The pages must be the caller's own and hold nothing that the advice loses.
pub unsafe fn advise(address: usize, len: usize, advice: c_int) -> Result<(), Errno> {
    // SAFETY: by the contract.
    let raw = unsafe { syscall(libc::SYS_madvise, [address, len, advice as usize, 0, 0, 0]) };
    Errno::check(raw).map(drop)
}

/// Sets the signal mask of the calling thread.
pub fn set_signal_mask(mask: KernelSigset) {
    super::sys::restore_signals(mask);
}

/// tgkill(2).
pub fn signal_thread(process: Pid, tid: Pid, signal: c_int) -> Result<(), Errno> {
    let arguments = [process as usize, tid as usize, signal as usize, 0, 0, 0];
    // SAFETY: takes no memory.
    Errno::check(unsafe { syscall(libc::SYS_tgkill, arguments) }).map(drop)
}

/// A descriptor of a thread (pidfd_open(2) with PIDFD_THREAD, Linux 6.9).
pub fn open_pidfd(tid: Pid) -> Result<c_int, Errno> {
    const PIDFD_THREAD: c_int = libc::O_EXCL;
    // SAFETY: takes no memory.
    let raw =
        unsafe { syscall(libc::SYS_pidfd_open, [tid as usize, PIDFD_THREAD as usize, 0, 0, 0, 0]) };
    Errno::check(raw).map(|fd| fd as c_int)
}

/// Names the calling thread (prctl(2), PR_SET_NAME).
///
/// # Safety
/// `name` must be a C string.
pub unsafe fn set_name(name: *const c_char) -> Result<(), Errno> {
    let arguments = [libc::PR_SET_NAME as usize, name as usize, 0, 0, 0, 0];
    // SAFETY: by the contract; the kernel reads at most 16 bytes.
    Errno::check(unsafe { syscall(libc::SYS_prctl, arguments) }).map(drop)
}

/// sched_setaffinity(2) of the calling thread.
pub fn set_affinity(set: *const c_void, size: usize) -> Result<(), Errno> {
    // SAFETY: the kernel checks the address.
    let raw = unsafe { syscall(libc::SYS_sched_setaffinity, [0, size, set as usize, 0, 0, 0]) };
    Errno::check(raw).map(drop)
}

/// sched_setscheduler(2) of the calling thread.
pub fn set_scheduler(policy: c_int, priority: c_int) -> Result<(), Errno> {
    // struct sched_param is one int to the kernel.
    let arguments = [0, policy as usize, &raw const priority as usize, 0, 0, 0];
    // SAFETY: the int lives over the call.
    Errno::check(unsafe { syscall(libc::SYS_sched_setscheduler, arguments) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_split_bit_by_bit_as_by_division() {
        for when in
            [0, 1, NANOSECONDS - 1, NANOSECONDS, 1 << 62, u64::MAX, 1_764_000_000_123_456_789]
        {
            assert_eq!(split_by_bits(when), (when / NANOSECONDS, when % NANOSECONDS));
        }
    }
}
