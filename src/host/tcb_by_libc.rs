// SPDX-License-Identifier: MIT OR Apache-2.0
//! Control blocks, by whichever libc the process has: `tcb_glibc` or `tcb_musl`.

use super::modules::Module;
use super::tcb::{Libc, Tcb};
use super::{glibc, tcb_glibc, tcb_musl};

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
pub fn is_allocated(tcb: &Tcb, module: &Module) -> Option<bool> {
    match tcb.libc {
        Libc::Glibc => Some(tcb_glibc::is_allocated(module)),
        Libc::Musl => None,
    }
}

/// Words that a dtv takes up to the module `last`.
pub fn dtv_words(tcb: &Tcb, last: usize) -> usize {
    match tcb.libc {
        Libc::Glibc => tcb_glibc::dtv_words(last),
        Libc::Musl => tcb_musl::dtv_words(last),
    }
}

/// Writes the control block and the dtv of a new thread.
///
/// # Safety
/// Both must be zeroed memory that no other thread uses, `dtv` as large as
/// [`dtv_words`] says of the same `last`.
pub unsafe fn write(tcb: &Tcb, tp: usize, dtv: usize, last: usize) {
    // SAFETY: passed on from the caller.
    unsafe {
        match tcb.libc {
            Libc::Glibc => tcb_glibc::write(tcb, tp, dtv, last),
            Libc::Musl => tcb_musl::write(tcb, tp, dtv, last),
        }
    }
}

/// Writes what the libc's own pthread_create would set in its TLS.
///
/// # Safety
/// From `low` to `high` around the thread pointer there must be the new
/// thread's TLS, with the caller's layout.
pub unsafe fn set_variables(tcb: &Tcb, tp: usize, low: isize, high: isize) {
    match tcb.libc {
        // SAFETY: passed on from the caller.
        Libc::Glibc => unsafe { tcb_glibc::copy_ctype(tp, low, high) },
        Libc::Musl => {}
    }
}

/// Tells a new thread's dtv of a block.
///
/// # Safety
/// As [`write`], which comes first; `id` up to `last`.
pub unsafe fn enter(tcb: &Tcb, dtv: usize, id: usize, block: usize) {
    // SAFETY: passed on from the caller.
    unsafe {
        match tcb.libc {
            Libc::Glibc => tcb_glibc::enter(dtv, id, block),
            Libc::Musl => tcb_musl::enter(dtv, id, block),
        }
    }
}
