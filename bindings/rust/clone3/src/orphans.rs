// SPDX-License-Identifier: MIT OR Apache-2.0
//! Children that were dropped before their end: their pidfds, until they have ended.

use clone3_sys as sys;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

static ORPHANS: Mutex<Vec<OwnedFd>> = Mutex::new(Vec::new());

fn orphans() -> MutexGuard<'static, Vec<OwnedFd>> {
    // Nothing here can be left half done.
    ORPHANS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the pidfd of a child that nobody waits for, unless it has ended.
pub(crate) fn adopt(pidfd: OwnedFd) {
    if runs(&pidfd) {
        orphans().push(pidfd);
    }
}

/// Reaps the children that were dropped and have ended since, and closes their pidfds. It does
/// not wait for any.
///
/// [`Command::spawn()`](crate::Command::spawn) does it as well. So this is for programs that drop
/// children and then make none for a long time.
///
/// Returns how many of them are running.
pub fn reap() -> usize {
    let mut orphans = orphans();
    orphans.retain(runs);
    orphans.len()
}

/// Whether the child must still be waited for. If it has ended it is reaped.
fn runs(pidfd: &OwnedFd) -> bool {
    loop {
        // SAFETY: status and usage are not asked for.
        let pid =
            unsafe { sys::clone3_wait(pidfd.as_raw_fd(), 0, ptr::null_mut(), ptr::null_mut()) };
        if pid > 0 {
            return false;
        }
        match std::io::Error::last_os_error().raw_os_error() {
            Some(sys::libc::ETIMEDOUT) => return true,
            Some(sys::libc::EINTR) => {}
            // It is not a child any more, or not one of this process.
            _ => return false,
        }
    }
}
