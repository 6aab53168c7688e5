// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a libc keeps around the thread pointer beside TLS: its struct pthread and
//! the dtv, which says where each module's block is. Learnt from the calling
//! thread's own, checked against what else is known of it.

use super::modules::Module;
use super::{glibc, tcb_glibc, tcb_musl};

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

impl Tcb {
    /// The calling thread's; `None` if it is not as expected. A thread of its
    /// libc must be calling.
    pub fn of_this_thread(modules: &[Module]) -> Option<Tcb> {
        if cfg!(target_arch = "riscv64") {
            return None; // the libcs' control blocks were not looked into there
        }
        match glibc::is_host() {
            true => tcb_glibc::learn(modules),
            false => tcb_musl::learn(modules),
        }
    }

    /// Whether the calling thread's block of a module was allocated on its own,
    /// as its libc says: `None` where it does not say.
    pub fn is_allocated(&self, module: &Module) -> Option<bool> {
        match self.libc {
            Libc::Glibc => Some(tcb_glibc::is_allocated(module)),
            Libc::Musl => None,
        }
    }

    /// Words that a dtv takes up to the module `last`.
    pub fn dtv_words(&self, last: usize) -> usize {
        match self.libc {
            Libc::Glibc => tcb_glibc::dtv_words(last),
            Libc::Musl => tcb_musl::dtv_words(last),
        }
    }

    /// Writes the control block and the dtv of a new thread.
    ///
    /// # Safety
    /// Both must be zeroed memory of nobody else's, `dtv` as large as
    /// [`Tcb::dtv_words`] says of the same `last`.
    pub unsafe fn write(&self, tp: usize, dtv: usize, last: usize) {
        // SAFETY: passed on from the caller.
        unsafe {
            match self.libc {
                Libc::Glibc => tcb_glibc::write(self, tp, dtv, last),
                Libc::Musl => tcb_musl::write(self, tp, dtv, last),
            }
        }
    }

    /// Writes what the libc's own pthread_create would set in its TLS.
    ///
    /// # Safety
    /// From `low` to `high` around the thread pointer there must be the new
    /// thread's TLS, with the caller's layout.
    pub unsafe fn set_variables(&self, tp: usize, low: isize, high: isize) {
        match self.libc {
            // SAFETY: passed on from the caller.
            Libc::Glibc => unsafe { tcb_glibc::copy_ctype(tp, low, high) },
            Libc::Musl => {}
        }
    }

    /// Tells a new thread's dtv of a block.
    ///
    /// # Safety
    /// As [`Tcb::write`], which comes first; `id` up to `last`.
    pub unsafe fn enter(&self, dtv: usize, id: usize, block: usize) {
        // SAFETY: passed on from the caller.
        unsafe {
            match self.libc {
                Libc::Glibc => tcb_glibc::enter(dtv, id, block),
                Libc::Musl => tcb_musl::enter(dtv, id, block),
            }
        }
    }
}

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
