// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making the libc sound in a child that the kernel made without it.
//!
//! In a child made by a bare system call the libc's thread id is the parent's, the kernel
//! has dropped the robust list, and clear_child_tid is not set.

use super::{identity, rtld};
use crate::uapi::sys::{self, RobustListHead};
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

/// The links of musl's list of threads, in the calling thread's own entry.
#[derive(Clone, Copy)]
pub struct ThreadList {
    /// This thread's entry: what both links hold when it is alone.
    pub own: *mut c_void,
    /// Where the link backward is.
    pub previous: *mut *mut c_void,
    /// Where the link forward is.
    pub next: *mut *mut c_void,
    /// The lock of the list, which is also the thread's clear_child_tid.
    pub lock: *mut c_int,
}

impl ThreadList {
    /// Whether the calling thread is the only one in the list. A thread leaves
    /// it as the last thing it does with the libc, and only a thread in it
    /// could put another one there.
    pub fn is_only_own(&self) -> bool {
        // SAFETY: two words of the verified struct; volatile because other
        // threads may be writing them.
        let links = unsafe { [self.previous.read_volatile(), self.next.read_volatile()] };
        links == [self.own; 2]
    }
}

/// How a child gets its id, and its clear_child_tid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClearTid {
    /// Neither is settled: set_tid_address(2) settles both.
    Unset,
    /// The creator chose a clear_child_tid, which is kept.
    Chosen,
    /// As the libc's own fork has it: the kernel wrote the id into the libc's copy of
    /// it before the child ran, and clears it at the end.
    InPlace,
}

/// The places to repair, all in the calling thread's part of memory.
#[derive(Clone, Copy)]
pub struct Repair {
    /// The libc's copy of the thread id, null if it keeps none.
    pub tid: *mut c_int,
    /// The thread's clear_child_tid, null if none is set.
    pub clear_tid: *mut c_int,
    /// The registered robust list, null if none is.
    pub robust: *mut RobustListHead,
    /// Its length as registered.
    pub robust_len: usize,
    /// musl only.
    pub threads: Option<ThreadList>,
}

impl Repair {
    /// Nothing to repair: a libc that keeps no thread state.
    pub const NOTHING: Repair = Repair {
        tid: null_mut(),
        clear_tid: null_mut(),
        robust: null_mut(),
        robust_len: 0,
        threads: None,
    };

    /// The calling thread's id as its libc has it, which was verified.
    pub fn tid(&self) -> c_int {
        match self.tid.is_null() {
            true => sys::gettid(),
            // SAFETY: the libc's own int of the calling thread.
            false => unsafe { self.tid.read() },
        }
    }

    /// Where the kernel can write the child's id, to clear it when its first thread
    /// ends, so that no system call of the child's is needed for either.
    pub fn tid_to_clear(&self) -> Option<*mut c_int> {
        (!self.tid.is_null() && self.tid == self.clear_tid).then_some(self.tid)
    }

    /// Sets clear_child_tid again in a child of the host's fork. musl's fork (up to
    /// 1.2.3) leaves it unset, and glibc 2.43's sets an address that no join reads:
    /// joining the first thread in the child would hang. Earlier releases of glibc do it
    /// right.
    ///
    /// # Safety
    /// Only in such a child, in the copy of the thread the repair was looked up
    /// in.
    pub unsafe fn tell_of_end(&self) {
        if !self.clear_tid.is_null() && self.tid_to_clear().is_none() {
            // SAFETY: the address the parent's thread had; copied with it.
            unsafe { sys::set_tid_address(self.clear_tid) };
        }
    }

    /// Mends the libc, in the child, with signals still blocked; the child's thread id.
    ///
    /// # Safety
    /// Only in a child with its own copy of the memory, in the copy of the
    /// thread the repair was looked up in, before anything of the libc is used.
    #[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
    pub unsafe fn apply(&self, clear_tid: ClearTid) -> c_int {
        let tid = match clear_tid {
            ClearTid::InPlace => self.tid(),
            ClearTid::Chosen => sys::gettid(),
            // SAFETY: the address the parent's thread had; copied with it.
            ClearTid::Unset => unsafe { sys::set_tid_address(self.clear_tid) },
        };
        if !self.tid.is_null() {
            // SAFETY: verified by the lookup to be the libc's copy of the id.
            unsafe { self.tid.write(tid) };
            identity::is_ours_alone();
        }
        if !self.robust.is_null() {
            // The mutexes in the list are the parent's still: the child's
            // list starts empty.
            // SAFETY: the head the kernel had registered for this thread.
            unsafe {
                (*self.robust).list = self.robust.cast();
                (*self.robust).list_op_pending = null_mut();
                sys::set_robust_list(self.robust, self.robust_len);
            }
        }
        // SAFETY: by the contract.
        unsafe { rtld::free_locks() };
        if let Some(threads) = self.threads {
            // SAFETY: verified by the lookup to be a list around `own`; the
            // other threads, the lock's holder among them, are not here.
            unsafe {
                threads.previous.write(threads.own);
                threads.next.write(threads.own);
                threads.lock.write(0);
            }
        }
        tid
    }
}
