// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a libc keeps around the thread pointer beside TLS: its struct pthread and
//! the dtv, which says where each module's block is. Learnt from the calling
//! thread's own, checked against what else is known of it.

/// A thread's control block, as far as one is to be made. Distances are from the
/// thread pointer.
#[derive(Clone, Copy, Debug)]
pub struct Tcb {
    /// Which libc's.
    pub libc: Libc,
    /// Where it begins, not above 0.
    pub low: isize,
    /// Where it ends, not below 0; generous where that cannot be known.
    pub high: isize,
    /// How far above the thread pointer a bare thread is expected to touch it.
    pub touched: usize,
    /// The libc's copy of the thread id, if it keeps one.
    pub tid: Option<isize>,
    /// Words that all threads of a process have alike.
    pub words: [usize; WORDS],
    /// Where the kernel would tell the thread its processor (rseq(2)).
    pub rseq: Option<isize>,
    /// musl: from the start of struct pthread to the robust list's head.
    pub robust: usize,
}

/// How many words a [`Tcb`] keeps.
pub const WORDS: usize = 8;

/// The libcs whose threads are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Libc {
    /// glibc 2.31 to 2.43.
    Glibc,
    /// musl 1.2.2 to 1.2.6.
    Musl,
}

/// What is in a dtv behind what its libc fills: a block that is loaded later is
/// found missing there, not beyond the end.
pub const SPARE: usize = 14;

/// A word somewhere.
///
/// # Safety
/// There must be one.
pub unsafe fn word(address: usize) -> usize {
    // SAFETY: by the contract.
    unsafe { (address as *const usize).read_volatile() }
}

/// Sets a word.
///
/// # Safety
/// There must be one, of the caller's own.
pub unsafe fn set_word(address: usize, value: usize) {
    // SAFETY: by the contract.
    unsafe { (address as *mut usize).write(value) };
}
