// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for a child, for some time.

use crate::uapi::Errno;
use crate::uapi::futex;
use crate::uapi::wait::{self, Ended};
use core::ffi::c_int;

/// Waits for a child by its pidfd, at most so long; ETIMEDOUT. A handler that runs ends it:
/// EINTR.
///
/// The child is looked for before there is anything to wait: whose child it is not would
/// be waited for in vain.
pub fn wait(pidfd: c_int, nanoseconds: Option<u64>) -> Result<Ended, Errno> {
    let mut left = nanoseconds.map(futex::timespec);
    let mut is_over = nanoseconds == Some(0);
    loop {
        if let Some(ended) = wait::take(pidfd)? {
            return Ok(ended);
        }
        if is_over {
            return Err(Errno::ETIMEDOUT);
        }
        is_over = wait::until_readable(pidfd, left.as_mut())? == 0;
    }
}
