// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C library, as far as the files ask it.

use std::cell::Cell;
use std::ffi::c_int;

pub fn page_size() -> usize {
    4096
}

pub fn align_up(value: usize, align: usize) -> usize {
    value.next_multiple_of(align)
}

thread_local! {
    static ANSWER: Cell<c_int> = const { Cell::new(0) };
    static REGISTERED: Cell<usize> = const { Cell::new(0) };
}

/// From here on the host has no fork handlers, and answers so to the next ones.
pub fn begin(answer: c_int) {
    ANSWER.set(answer);
    REGISTERED.set(0);
}

/// How many fork handlers the host was given.
pub fn fork_handlers() -> Option<usize> {
    Some(REGISTERED.get())
}

pub mod functions {
    use super::{ANSWER, REGISTERED};
    use std::ffi::{c_int, c_void};

    pub type Handler = Option<unsafe extern "C" fn()>;
    pub type Atfork = unsafe extern "C" fn(Handler, Handler, Handler) -> c_int;
    pub type RegisterAtfork = unsafe extern "C" fn(Handler, Handler, Handler, *mut c_void) -> c_int;
    pub type CxaFinalize = unsafe extern "C" fn(*mut c_void);

    unsafe extern "C" fn register(_: Handler, _: Handler, _: Handler, _: *mut c_void) -> c_int {
        let answer = ANSWER.get();
        REGISTERED.set(REGISTERED.get() + usize::from(answer == 0));
        answer
    }

    pub fn register_atfork() -> Option<RegisterAtfork> {
        Some(register)
    }

    pub fn atfork() -> Option<Atfork> {
        None
    }

    pub fn cxa_finalize() -> Option<CxaFinalize> {
        None
    }
}

pub mod elf {
    use std::ffi::c_void;

    pub struct Object;

    /// There is one object, which has everything.
    pub fn object_of(address: *const c_void) -> Option<Object> {
        (!address.is_null()).then_some(Object)
    }

    impl Object {
        pub fn key(&self) -> *mut c_void {
            std::ptr::without_provenance_mut(0x1000)
        }
    }
}

pub mod errno {
    pub fn get() -> i32 {
        libc::ENOMEM
    }
}
