// SPDX-License-Identifier: MIT OR Apache-2.0
//! musl 1.2.2 to 1.2.6.

use super::repair::{Repair, ThreadList};
use super::{errno, symbols};
use crate::uapi::sys;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

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

/// The calling thread's struct pthread, found from errno and verified two
/// ways: its first word repeats its address, and its tid is the kernel's.
pub fn thread() -> Option<*mut c_void> {
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
    if unsafe { this.cast::<usize>().read() } != this.addr() {
        return None;
    }
    // SAFETY: the int before errno.
    let tid = unsafe { this.byte_add(layout::TID).read() };
    (tid == sys::gettid()).then_some(this.cast())
}

/// &__thread_list_lock as found by [`remember_list_lock`]; null before.
static LIST_LOCK: AtomicPtr<c_int> = AtomicPtr::new(null_mut());

/// The clear_child_tid of every thread (measured on 1.2.2 to 1.2.6), from the
/// kernel or, in a static program, from the linker.
fn list_lock() -> Option<*mut c_int> {
    let known = LIST_LOCK.load(Relaxed);
    if !known.is_null() {
        return Some(known);
    }
    let found = sys::tid_address().unwrap_or(symbols::thread_list_lock());
    (!found.is_null()).then_some(found)
}

/// Keeps where the lock and the robust list are. For our constructor: a program
/// may later give a thread another clear_child_tid, which is not to be taken for
/// the lock, or hold a robust mutex.
pub fn remember_places() {
    let Some(this) = thread() else { return };
    super::tcb_musl::robust_place(this.addr());
    if let Some(lock) = list_lock() {
        LIST_LOCK.store(lock, Relaxed);
    }
}

/// The thread state of the calling thread, if this is musl as we know it.
pub fn repair() -> Option<Repair> {
    let this = thread()?;
    let lock = list_lock()?;
    let place = |offset| this.wrapping_byte_add(offset);
    let (robust, robust_len) = sys::get_robust_list().unwrap_or((null_mut(), 0));
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
