// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for a child with a timeout.

use crate::uapi::wait::{self, Ended};
use crate::uapi::{Errno, futex};
use core::ffi::c_int;

/// Waits for a child by its pidfd, at most that long: ETIMEDOUT. A signal handler
/// interrupts it: EINTR.
///
/// The child is checked before the first wait: otherwise a process that is not the
/// caller's child would be waited for in vain.
pub fn wait(pidfd: c_int, nanoseconds: Option<u64>) -> Result<Ended, Errno> {
    let mut left = nanoseconds.map(futex::timespec);
    let (mut is_over, mut has_ended) = (nanoseconds == Some(0), false);
    loop {
        if let Some(ended) = wait::take(pidfd)? {
            return Ok(ended);
        }
        if is_over {
            return Err(Errno::ETIMEDOUT);
        }
        is_over = if has_ended {
            // Its tracer has to reap it first (ptrace(2)). Meanwhile the pidfd stays
            // readable, and there is nothing to sleep on.
            wait::pause(left.as_mut())?
        } else {
            has_ended = wait::until_readable(pidfd, left.as_mut())?;
            !has_ended
        };
    }
}
