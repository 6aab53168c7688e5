// SPDX-License-Identifier: MIT OR Apache-2.0
//! A thread's TLS as glibc itself lays it out: made by the function that pthread_create
//! has it from, looked at, and given back.
//!
//! It says which objects are complete (relocated, and in the loader's table of TLS)
//! and which of them are in the static area, and where, without touching any block of
//! the calling thread's. As safe beside dlopen and dlclose as pthread_create is.

use super::symbols::{self, DeallocateTls};
use super::tcb_glibc::{self, dtv_of};
use crate::uapi::Errno;
use core::ptr::null_mut;

/// Where a module's block is in a new thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// There is no such module, or it is not ready to be used.
    Nowhere,
    /// Allocated when it is first touched.
    Apart,
    /// So far from the thread pointer.
    Static(isize),
}

/// A new thread's TLS.
pub struct Template {
    thread_pointer: usize,
    dtv: usize,
    last: usize,
    free: DeallocateTls,
}

impl Template {
    /// Makes one; `None` where the libc has no such function: musl, and static
    /// programs that make no threads and open no objects. ENOMEM. ENOTSUP: it does
    /// not look as expected. Not async-signal-safe: it calls malloc.
    pub fn make() -> Result<Option<Template>, Errno> {
        let Some((allocate, free)) = symbols::thread_tls() else { return Ok(None) };
        // SAFETY: with a null pointer the libc takes the memory from malloc.
        let thread_pointer = unsafe { allocate(null_mut()) }.addr();
        if thread_pointer == 0 {
            return Err(Errno::ENOMEM);
        }
        // SAFETY: a thread pointer of the libc's.
        match unsafe { dtv_of(thread_pointer) } {
            Some((dtv, last)) => Ok(Some(Template { thread_pointer, dtv, last, free })),
            None => Err(Errno::ENOTSUP), // and left as it is
        }
    }

    /// Where the module's block is.
    pub fn place(&self, id: usize) -> Place {
        const UNALLOCATED: usize = usize::MAX; // TLS_DTV_UNALLOCATED
        if id == 0 || id > self.last {
            return Place::Nowhere;
        }
        // SAFETY: within the dtv.
        match unsafe { tcb_glibc::block(self.dtv, id) } {
            0 => Place::Nowhere,
            UNALLOCATED => Place::Apart,
            block => Place::Static(block.wrapping_sub(self.thread_pointer) as isize),
        }
    }

    /// The modules in the static area, and how far each is from the thread pointer.
    pub fn statics(&self) -> impl Iterator<Item = (usize, isize)> {
        (1..=self.last).filter_map(|id| match self.place(id) {
            Place::Static(place) => Some((id, place)),
            _ => None,
        })
    }

    /// Where `place` is in this thread's memory.
    pub fn at(&self, place: isize) -> usize {
        self.thread_pointer.wrapping_add_signed(place)
    }
}

impl Drop for Template {
    fn drop(&mut self) {
        // SAFETY: from the opposite function, and no thread was ever there.
        unsafe { (self.free)(self.thread_pointer as *mut _, true) };
    }
}
