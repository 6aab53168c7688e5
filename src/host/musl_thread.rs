// SPDX-License-Identifier: MIT OR Apache-2.0
//! The calling thread's struct pthread and dtv in musl 1.2.2 to 1.2.6.
//!
//! A dtv is an array of words: how many modules there are, then the block of each.

use super::tcb::word;
use super::{errno, identity};
use crate::arch::thread_pointer;
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const WORD: usize = size_of::<usize>();

/// struct pthread as far as it can be seen, the same in every 1.2 release. Its
/// first word is its own address; errno is the int behind the tid.
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
pub mod layout {
    // self, dtv, previous, next, sysinfo, canary: words all.
    pub const PREVIOUS: usize = 2 * size_of::<usize>();
    pub const NEXT: usize = 3 * size_of::<usize>();
    pub const TID: usize = 6 * size_of::<usize>();
    /// From the thread pointer to the pointer to the dtv.
    pub const DTV: isize = size_of::<usize>() as isize;
    /// From the thread pointer to what new threads take over: sysinfo and the canary.
    pub const COPIED: &[isize] = &[4 * DTV, 5 * DTV];
}
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
pub mod layout {
    // TLS variant I keeps dtv and canary at the far end.
    pub const PREVIOUS: usize = 8;
    pub const NEXT: usize = 16;
    pub const TID: usize = 32;
    /// From the thread pointer to the pointer to the dtv.
    pub const DTV: isize = -8;
    /// From the thread pointer to what new threads take over: the canary.
    pub const COPIED: &[isize] = &[-16];
}

/// Where the calling thread's struct pthread is, from errno: its first word repeats
/// its address.
pub fn block() -> Option<*mut c_void> {
    let errno = errno::location();
    if errno.is_null() {
        return None;
    }
    let this = errno.wrapping_byte_sub(layout::TID + size_of::<c_int>());
    if this.addr() % align_of::<usize>() != 0 {
        return None;
    }
    // SAFETY: aligned, and still in the page or the one before that a libc
    // keeps this thread's errno in; where that is not musl, some other word.
    let repeats = unsafe { this.cast::<usize>().read() } == this.addr();
    repeats.then_some(this.cast())
}

/// The calling thread's struct pthread, if what should be its id there is.
pub fn thread() -> Option<*mut c_void> {
    let this = block()?;
    tid_place_in(this).map(|_| this)
}

/// Where musl keeps the calling thread's id, as far as is known without a system call.
pub fn tid_place() -> Option<*const c_int> {
    tid_place_in(block()?)
}

fn tid_place_in(this: *mut c_void) -> Option<*const c_int> {
    let place = this.wrapping_byte_add(layout::TID).cast::<c_int>().cast_const();
    identity::is_kept_at(place, || has_shape(this)).then_some(place)
}

/// Whether a block whose first word repeats its address also has a robust list that
/// points at itself, in its place, and what can be an id.
fn has_shape(this: *mut c_void) -> bool {
    let Some(place) = robust_place(this.addr()) else { return false };
    // SAFETY: within what may be struct pthread; compared only.
    let [id, head] = unsafe {
        let id = this.byte_add(layout::TID).cast::<c_int>().read_volatile();
        [id as usize, this.byte_add(place).cast::<usize>().read_volatile()]
    };
    id as c_int > 0 && head == this.addr() + place
}

/// From struct pthread to the head of the robust list, which is empty and so
/// points at itself; looked for the first time when the library is loaded.
pub fn robust_place(this: usize) -> Option<usize> {
    static PLACE: AtomicUsize = AtomicUsize::new(0);
    let known = PLACE.load(Relaxed);
    if known != 0 {
        return Some(known);
    }
    let first = (layout::TID + 8).next_multiple_of(WORD);
    let found = (first..first + 24 * WORD)
        .step_by(WORD)
        // SAFETY: within struct pthread.
        .find(|place| unsafe { word(this + place) } == this + place)?;
    PLACE.store(found, Relaxed);
    Some(found)
}

/// The calling thread's dtv and the number of its last block.
pub fn dtv() -> Option<(usize, usize)> {
    // SAFETY: in the calling thread's struct pthread.
    let dtv = unsafe { word(thread_pointer().wrapping_add_signed(layout::DTV)) };
    if dtv == 0 || dtv % WORD != 0 {
        return None;
    }
    // SAFETY: every thread of musl's has a dtv with its size.
    Some((dtv, unsafe { word(dtv) }))
}

/// The calling thread's block of a module.
pub fn block_by_dtv(id: usize) -> Option<usize> {
    thread()?;
    let (dtv, last) = dtv()?;
    // SAFETY: within the dtv, as it says.
    (id <= last).then(|| unsafe { word(dtv + id * WORD) })
}
