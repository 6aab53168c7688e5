// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a typed request to a system call, and down the ladder when the kernel
//! or a sandbox does not let the first one through.
//!
//! The engine knows the kernel only: no libc, no environment.

mod ladder;
mod legacy;
mod request;

pub use ladder::{Attempt, takes_size};
pub use request::{Memory, Request, Route, Wire};

use crate::arch::syscall;
use crate::uapi::Errno;
use crate::uapi::sys::Pid;

/// Creates a child that has its own copy of this memory and returns here, in
/// both processes: the child's pid in the parent, 0 in the child.
///
/// # Safety
/// `request.memory()` must be [`Memory::Copied`] and its stack none: anything
/// else would let two tasks run through one Rust frame.
pub unsafe fn create_copy(request: &Request) -> Result<Pid, Errno> {
    let mut attempt = Attempt::new();
    attempt.aim(request)?;
    loop {
        let [a, b, c, d, e] = attempt.call().args;
        // SAFETY: the memory is copied, so each return has frames of its own.
        let raw = unsafe { syscall(attempt.call().nr as _, [a, b, c, d, e, 0]) };
        match Errno::check(raw) {
            Ok(pid) => return Ok(pid as Pid),
            Err(errno) => attempt.after(request, errno)?,
        }
    }
}
