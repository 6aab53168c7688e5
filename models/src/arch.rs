// SPDX-License-Identifier: MIT OR Apache-2.0
//! The processor.

use crate::kernel;
use std::cell::Cell;

/// How a slot is emptied, as in the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptying {
    Access,
    Pages,
}

loom::thread_local! {
    static THREAD_POINTER: Cell<usize> = Cell::new(0);
}

pub fn thread_pointer() -> usize {
    THREAD_POINTER.with(Cell::get)
}

/// From here on the calling thread is one with this thread pointer.
pub fn set_thread_pointer(value: usize) {
    THREAD_POINTER.with(|pointer| pointer.set(value));
}

/// # Safety
/// None is needed: the memory is not looked at.
pub unsafe fn exit_without_stack(unmapped: [usize; 2], emptied: [usize; 2], how: Emptying) -> ! {
    kernel::exit(kernel::Leaving { unmapped, emptied, how: Some(how) })
}

pub fn trap() -> ! {
    panic!("the library stops the process")
}
