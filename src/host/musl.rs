// SPDX-License-Identifier: MIT OR Apache-2.0
//! musl 1.2.2 to 1.2.6: what a child needs repaired.

use super::musl_thread::{layout, robust_place};
use super::repair::{Repair, ThreadList};
use super::{elf, musl_thread, symbols};
use crate::uapi::sys::{self, RobustListHead};
use core::ffi::{c_int, c_void};
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed};

/// &__thread_list_lock as found at the first repair; null before.
static LIST_LOCK: AtomicPtr<c_int> = AtomicPtr::new(null_mut());

/// Where musl's own variables are: the lowest address and how many bytes.
static OWN: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

/// The clear_child_tid of every thread (measured on 1.2.2 to 1.2.6): in a static
/// program from the linker, otherwise from the kernel, once, and only if it is a
/// variable of musl's. A program may have given a thread another one.
fn list_lock() -> Option<*mut c_int> {
    let known = [LIST_LOCK.load(Relaxed), symbols::thread_list_lock()];
    if let Some(known) = known.into_iter().find(|place| !place.is_null()) {
        return Some(known);
    }
    let found = sys::tid_address().ok()?;
    let [low, size] = [&OWN[0], &OWN[1]].map(|part| part.load(Relaxed));
    let is_own = !found.is_null() && found.addr().wrapping_sub(low) < size;
    is_own.then(|| LIST_LOCK.store(found, Relaxed)).map(|()| found)
}

/// Looks where the robust list is, before the program could hold a mutex in it, and
/// where musl is. For our constructor; asks nothing of the kernel.
pub fn remember_places() {
    let Some(this) = musl_thread::block() else { return };
    robust_place(this.addr());
    let code = symbols::errno_location().map_or(null(), |function| function as *const c_void);
    if let Some((low, size)) = elf::object_of(code).and_then(|object| object.extent()) {
        OWN[0].store(low, Relaxed);
        OWN[1].store(size, Relaxed);
    }
}

/// The registered robust list and its length; musl registers it when the first such
/// mutex is locked, and notes so in its second word.
fn robust_list(this: *mut c_void) -> (*mut RobustListHead, usize) {
    let Some(place) = robust_place(this.addr()) else {
        return sys::get_robust_list().unwrap_or((null_mut(), 0));
    };
    let head: *mut RobustListHead = this.wrapping_byte_add(place).cast();
    // SAFETY: within the calling thread's struct pthread.
    let is_registered = unsafe { (&raw const (*head).futex_offset).read_volatile() } != 0;
    if is_registered { (head, size_of::<RobustListHead>()) } else { (null_mut(), 0) }
}

/// The thread state of the calling thread, if this is musl as we know it.
#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
pub fn repair() -> Option<Repair> {
    let this = musl_thread::thread()?;
    let lock = list_lock()?;
    let place = |offset| this.wrapping_byte_add(offset);
    let (robust, robust_len) = robust_list(this);
    Some(Repair {
        tid: place(layout::TID).cast(),
        clear_tid: lock,
        robust,
        robust_len,
        threads: Some(ThreadList {
            own: this,
            previous: place(layout::PREVIOUS).cast(),
            next: place(layout::NEXT).cast(),
            lock,
        }),
    })
}
