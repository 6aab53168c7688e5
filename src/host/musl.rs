// SPDX-License-Identifier: MIT OR Apache-2.0
//! musl 1.2.2 to 1.2.6.

use super::repair::{Repair, ThreadList};
use super::{elf, errno, identity, symbols, tcb_musl};
use crate::uapi::sys::{self, RobustListHead};
use core::ffi::{c_int, c_void};
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed};

/// struct pthread as far as it can be seen, the same in every 1.2 release. Its
/// first word is its own address; errno is the int behind the tid.
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
pub mod layout {
    // self, dtv, previous, next, sysinfo, canary: words all.
    pub const PREVIOUS: usize = 2 * size_of::<usize>();
    pub const NEXT: usize = 3 * size_of::<usize>();
    pub const TID: usize = 6 * size_of::<usize>();
}
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
pub mod layout {
    // TLS variant I keeps dtv and canary at the far end.
    pub const PREVIOUS: usize = 8;
    pub const NEXT: usize = 16;
    pub const TID: usize = 32;
}

/// Where the calling thread's struct pthread is, from errno: its first word repeats
/// its address.
fn block() -> Option<*mut c_void> {
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
    let Some(place) = tcb_musl::robust_place(this.addr()) else { return false };
    // SAFETY: within what may be struct pthread; compared only.
    let [id, head] = unsafe {
        let id = this.byte_add(layout::TID).cast::<c_int>().read_volatile();
        [id as usize, this.byte_add(place).cast::<usize>().read_volatile()]
    };
    id as c_int > 0 && head == this.addr() + place
}

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
    let Some(this) = block() else { return };
    tcb_musl::robust_place(this.addr());
    let code = symbols::errno_location().map_or(null(), |function| function as *const c_void);
    if let Some((low, size)) = elf::object_of(code).and_then(|object| object.extent()) {
        OWN[0].store(low, Relaxed);
        OWN[1].store(size, Relaxed);
    }
}

/// The registered robust list and its length; musl registers it when the first such
/// mutex is locked, and notes so in its second word.
fn robust_list(this: *mut c_void) -> (*mut RobustListHead, usize) {
    let Some(place) = tcb_musl::robust_place(this.addr()) else {
        return sys::get_robust_list().unwrap_or((null_mut(), 0));
    };
    let head: *mut RobustListHead = this.wrapping_byte_add(place).cast();
    // SAFETY: within the calling thread's struct pthread.
    let is_registered = unsafe { (&raw const (*head).futex_offset).read_volatile() } != 0;
    if is_registered { (head, size_of::<RobustListHead>()) } else { (null_mut(), 0) }
}

/// The thread state of the calling thread, if this is musl as we know it.
pub fn repair() -> Option<Repair> {
    let this = thread()?;
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
